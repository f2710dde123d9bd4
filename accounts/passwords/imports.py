"""Hashes that other systems made, in the texts in which they are exported.

The types are those of ``password_hash_type`` in workos-openapi.yaml (CreateUserlandUserDto). The texts, where
the reference leaves them open, are those of the vendor's migration guides and of its migration tool:

===============  ==========================================================================================
bcrypt           ``$2b$10$…``, also ``$2a$`` and ``$2y$``
argon2           ``$argon2id$v=19$m=…,t=…,p=…$salt$digest``, also argon2i and argon2d
scrypt           ``$scrypt$ln=14,r=8,p=1$salt$digest``, or ``n=16384`` for ``ln``, and ``kl`` for the length
pbkdf2           ``$pbkdf2-sha256$i=600000,l=32$salt$digest``, or ``$pbkdf2$i=…,d=sha256``, or passlib's
                 ``$pbkdf2-sha256$600000$salt$digest``
firebase-scrypt  ``$firebase-scrypt$r=8,m=14,sk=…,ss=…$salt$digest``, or with every value as its own field:
                 ``$firebase-scrypt$hash=…$salt=…$sk=…$ss=…$r=8$m=14``
ssha, ssha256    ``{SSHA}`` or ``{SSHA256}`` and base64 of digest and salt (RFC 2307, and its usual extension);
                 the braces may be missing
===============  ==========================================================================================

Salts and digests are base64, in either alphabet, padded or not. Anything unknown in a text is refused: a
parameter that is not understood changes what the digest means, and its user could never sign in.
"""

from collections.abc import Callable

from accounts.errors import InvalidPasswordHash
from accounts.passwords.schemes import (
    Argon2,
    Bcrypt,
    FirebaseScrypt,
    MalformedHash,
    Pbkdf2,
    SaltedDigest,
    Scheme,
    Scrypt,
    decode_base64,
)

# A Firebase hash with generous keys has about 700 characters; all others are shorter.
LONGEST_HASH = 2048


def import_password_hash(hash_type: str, value: str, *, salt_position: str | None = None) -> str:
    """Return the text under which :func:`accounts.passwords.verify_password` knows this hash.

    ``salt_position`` is ``prefix`` or ``suffix`` (the default), and goes with ``ssha256`` alone.
    Raises InvalidPasswordHash, with the reason in words and without the hash.
    """
    reader = _READERS.get(hash_type)
    if reader is None:
        raise InvalidPasswordHash("Password hash type is unknown.")
    if salt_position is not None and (hash_type != "ssha256" or salt_position not in {"prefix", "suffix"}):
        raise InvalidPasswordHash("Password salt position is prefix or suffix, and goes with ssha256 alone.")
    if len(value) > LONGEST_HASH:
        raise InvalidPasswordHash("Password hash is invalid: it is too long.")
    try:
        scheme = reader(value)
        if isinstance(scheme, SaltedDigest):
            scheme = SaltedDigest(scheme.hash_name, salt_position == "prefix", scheme.salt, scheme.digest)
    except MalformedHash as error:
        reason = str(error)
        raise InvalidPasswordHash(f"Password hash is invalid: {reason[0].lower()}{reason[1:]}") from error
    return scheme.encoded


def _read_scrypt(value: str) -> Scrypt:
    parameters, salt, digest = _read_phc(value, "scrypt")
    if "ln" in parameters:
        exponent = _number(parameters, "ln")
        if exponent > 24:
            raise MalformedHash("The scrypt cost ln must be at most 24.")
        n = 1 << exponent
    else:
        n = _number(parameters, "n" if "n" in parameters else "N")
    r, p = _number(parameters, "r"), _number(parameters, "p")
    raw = decode_base64(digest, "digest", at_least=16)
    _check_length(parameters, raw, ("kl", "l"))
    _refuse_unknown(parameters)
    return Scrypt(n, r, p, decode_base64(salt, "salt"), raw)


def _read_pbkdf2(value: str) -> Pbkdf2:
    name, _, rest = value.removeprefix("$").partition("$")
    if not (value.startswith("$") and name.startswith("pbkdf2")):
        raise MalformedHash("The hash does not begin with $pbkdf2.")
    hash_name = name.removeprefix("pbkdf2").removeprefix("-")
    rounds, _, values = rest.partition("$")
    if (
        rounds.isascii() and rounds.isdigit()
    ):  # passlib: a bare number, a dot for the plus, SHA-1 unless said.
        hash_name = hash_name or "sha1"
        rest = f"i={rounds}${values.replace('.', '+')}"
    parameters, salt, digest = _read_phc(f"${name}${rest}", name)
    hash_name = hash_name or parameters.pop("d", "")
    iterations = _number(parameters, "i")
    raw = decode_base64(digest, "digest", at_least=16, at_most=512)
    _check_length(parameters, raw, ("l",))
    _refuse_unknown(parameters)
    return Pbkdf2(hash_name.replace("-", ""), iterations, decode_base64(salt, "salt"), raw)


def _read_firebase_scrypt(value: str) -> FirebaseScrypt:
    prefix = "$firebase-scrypt$"
    if value.startswith(prefix + "hash="):
        parameters = _read_parameters(value.removeprefix(prefix).split("$"))
        salt, digest = parameters.pop("salt", ""), parameters.pop("hash", "")
    else:
        parameters, salt, digest = _read_phc(value, "firebase-scrypt")
    scheme = FirebaseScrypt(
        rounds=_number(parameters, "r"),
        mem_cost=_number(parameters, "m"),
        signer_key=decode_base64(parameters.pop("sk", ""), "signer key", at_least=16),
        salt_separator=decode_base64(parameters.pop("ss", ""), "salt separator", at_least=0, at_most=64),
        salt=decode_base64(salt, "salt"),
        digest=decode_base64(digest, "hash", at_least=16),
    )
    _refuse_unknown(parameters)
    return scheme


def _read_ssha(value: str) -> SaltedDigest:
    return _read_salted_digest(value, "{SSHA}", "sha1", 20)


def _read_ssha256(value: str) -> SaltedDigest:
    return _read_salted_digest(value, "{SSHA256}", "sha256", 32)


def _read_salted_digest(value: str, prefix: str, hash_name: str, size: int) -> SaltedDigest:
    if value[: len(prefix)].upper() == prefix:
        value = value[len(prefix) :]
    # Without a salt it would be a plain digest, which a table of digests opens.
    raw = decode_base64(value, "digest with its salt", at_least=size + 1, at_most=size + 64)
    return SaltedDigest(hash_name, salt_first=False, salt=raw[size:], digest=raw[:size])


_READERS: dict[str, Callable[[str], Scheme]] = {
    "bcrypt": Bcrypt.parse,
    "firebase-scrypt": _read_firebase_scrypt,
    "ssha": _read_ssha,
    "ssha256": _read_ssha256,
    "scrypt": _read_scrypt,
    "pbkdf2": _read_pbkdf2,
    "argon2": Argon2.parse,
}
HASH_TYPES = tuple(_READERS)


def _read_phc(value: str, name: str) -> tuple[dict[str, str], str, str]:
    """Read ``$name[$v=…]$key=value,…$salt$digest``; raises MalformedHash."""
    fields = value.split("$")
    if fields[:2] != ["", name]:
        message = f"The hash does not begin with ${name}$."
        raise MalformedHash(message)
    fields = fields[2:]
    if fields and fields[0] in {"v=0", "v=1"}:  # The only versions there are of these schemes.
        fields = fields[1:]
    if len(fields) != 3:
        raise MalformedHash("The hash must consist of parameters, salt and digest.")
    return _read_parameters(fields[0].split(",")), fields[1], fields[2]


def _read_parameters(fields: list[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for field in fields:
        key, separator, value = field.partition("=")
        if not separator or key in parameters:
            raise MalformedHash("The parameters must be key=value, each of them once.")
        parameters[key] = value
    return parameters


def _number(parameters: dict[str, str], key: str) -> int:
    text = parameters.pop(key, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        message = f"The parameter {key} must be given as a number."
        raise MalformedHash(message)
    return int(text)


def _check_length(parameters: dict[str, str], digest: bytes, keys: tuple[str, ...]) -> None:
    for key in keys:
        if key in parameters and _number(parameters, key) != len(digest):
            raise MalformedHash("The digest does not have the length that the hash says.")


def _refuse_unknown(parameters: dict[str, str]) -> None:
    if parameters:
        raise MalformedHash("The hash has parameters that are not known.")
