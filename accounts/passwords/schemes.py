"""How the other systems hash: one frozen class per scheme, which can write itself down and check a password.

The written form is ``$scheme$parameters$salt$digest`` in unpadded base64 (the PHC string format), except that
bcrypt and Argon2 keep their own well-known texts. It is what the database holds, so each class reads only what
it writes; the dialects of the outside world are understood in ``imports``.

Every cost is bounded here, once, for whatever is read: a hash is input, and must not be able to order minutes
of work or gigabytes of memory at each sign-in.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import ClassVar, Self

import argon2
import bcrypt
from argon2.exceptions import Argon2Error, InvalidHashError
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MIB = 1024 * 1024


class MalformedHash(ValueError):
    """The hash is not of its scheme's form, or beyond its bounds. The message never repeats the hash."""


def decode_base64(text: str, what: str, *, at_least: int = 1, at_most: int = 128) -> bytes:
    """Read base64 in the standard or the URL-safe alphabet, padded or not; raises MalformedHash."""
    unpadded = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(unpadded) > 4 * at_most:  # Far too long to be worth decoding.
        message = f"The {what} is too long."
        raise MalformedHash(message)
    try:
        raw = base64.b64decode(unpadded + "=" * (-len(unpadded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"The {what} is not base64."
        raise MalformedHash(message) from error
    if not at_least <= len(raw) <= at_most:
        message = f"The {what} must have {at_least} to {at_most} bytes, and has {len(raw)}."
        raise MalformedHash(message)
    return raw


def encode_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise MalformedHash(message)


def _parts(encoded: str, pattern: re.Pattern[str], name: str) -> re.Match[str]:
    match = pattern.fullmatch(encoded)
    if match is None:
        message = f"The hash is not of the {name} form."
        raise MalformedHash(message)
    return match


@dataclass(frozen=True)
class Bcrypt:
    """``$2a$``, ``$2b$`` and ``$2y$``, which agree on all passwords; ``$2x$`` marks hashes of a broken program."""

    encoded: str

    PREFIXES: ClassVar = ("$2",)
    _ALPHABET: ClassVar = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    _FORM: ClassVar = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")

    @classmethod
    def parse(cls, encoded: str) -> Self:
        match = _parts(encoded, cls._FORM, "bcrypt")
        # Each step doubles: 16 is four seconds of a core, 31 is a day and a half.
        _require(4 <= int(match[1]) <= 16, "The bcrypt cost must be from 4 to 16.")
        return cls(cls._without_stray_bits(encoded))

    @classmethod
    def _without_stray_bits(cls, encoded: str) -> str:
        """Clear the bits of the last characters of salt and digest that belong to no byte.

        Old programs left them set, none ever read them, and this library refuses the first and compares the second.
        """
        salt_end = cls._ALPHABET[cls._ALPHABET.index(encoded[28]) & 0b110000]
        digest_end = cls._ALPHABET[cls._ALPHABET.index(encoded[59]) & 0b111100]
        return encoded[:28] + salt_end + encoded[29:59] + digest_end

    @property
    def memory(self) -> int:
        return 4096

    def verify(self, password: bytes) -> bool:
        # Where one program ends a password at a NUL, another does not: no such password is let in, as its
        # beginning might be enough. Every bcrypt ignores what comes after 72 bytes, and this library would
        # rather raise.
        if b"\0" in password:
            return False
        return bcrypt.checkpw(password[:72], self.encoded.encode())


@dataclass(frozen=True)
class Argon2:
    """``$argon2id$``, ``$argon2i$`` and ``$argon2d$`` as the reference implementation writes them."""

    encoded: str
    memory_kib: int
    passes: int
    lanes: int

    PREFIXES: ClassVar = ("$argon2",)
    # No keyid and no data: they stand for a secret that is not here.
    _FORM: ClassVar = re.compile(
        r"\$argon2(?:id|i|d)(?:\$v=(?:16|19))?\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]{0,2}),p=([1-9][0-9]{0,2})"
        r"\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
    )

    @classmethod
    def parse(cls, encoded: str) -> Self:
        *cost, salt, digest = _parts(encoded, cls._FORM, "Argon2").groups()
        memory, passes, lanes = (int(number) for number in cost)
        # The library wants exact base64, without stray bits in the last character.
        exact = encode_base64(decode_base64(salt, "salt", at_least=8, at_most=64)) == salt
        exact = encode_base64(decode_base64(digest, "digest", at_least=12, at_most=64)) == digest and exact
        _require(exact, "The salt or the digest is not exact base64.")
        _require(lanes <= 16, "Argon2 may use at most 16 lanes.")
        _require(8 * lanes <= memory, "Argon2 needs 8 KiB of memory a lane.")
        _require(memory <= 256 * 1024, "Argon2 may use at most 256 MiB of memory.")
        _require(memory * passes <= 1024 * 1024, "Argon2 may fill at most 1 GiB in all its passes.")
        return cls(encoded, memory, passes, lanes)

    @property
    def memory(self) -> int:
        return self.memory_kib * 1024

    def verify(self, password: bytes) -> bool:
        try:
            # The type is read from the text; this only passes it on.
            return argon2.PasswordHasher().verify(self.encoded, password)
        except (Argon2Error, InvalidHashError):
            return False


def scrypt_memory(n: int, r: int) -> int:
    return 128 * n * r


def _check_scrypt_cost(n: int, r: int, p: int) -> None:
    _require(n >= 2 and n & (n - 1) == 0, "The scrypt cost N must be a power of two.")
    _require(1 <= r <= 64 and 1 <= p <= 64, "The scrypt parameters r and p must be from 1 to 64.")
    # RFC 7914 section 2: N < 2^(128 * r / 8).
    _require(n < 1 << (16 * r), "The scrypt cost N is too large for this r.")
    _require(scrypt_memory(n, r) * p <= 256 * MIB, "scrypt may fill at most 256 MiB in all.")


def _scrypt(password: bytes, salt: bytes, cost: tuple[int, int, int], length: int) -> bytes:
    n, r, p = cost
    # OpenSSL wants to be told the bound, and counts a little more than the two large blocks.
    bound = scrypt_memory(n, r) + 128 * r * p + MIB
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=bound, dklen=length)


@dataclass(frozen=True)
class Scrypt:
    """RFC 7914; ``$scrypt$ln=…,r=…,p=…$salt$digest``."""

    n: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    PREFIXES: ClassVar = ("$scrypt$",)
    _FORM: ClassVar = re.compile(
        r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
    )

    def __post_init__(self) -> None:
        _check_scrypt_cost(self.n, self.r, self.p)

    @classmethod
    def parse(cls, encoded: str) -> Self:
        ln, r, p, salt, digest = _parts(encoded, cls._FORM, "scrypt").groups()
        _require(int(ln) <= 24, "The scrypt cost ln must be at most 24.")
        return cls(
            1 << int(ln),
            int(r),
            int(p),
            decode_base64(salt, "salt"),
            decode_base64(digest, "digest", at_least=16),
        )

    @property
    def encoded(self) -> str:
        cost = f"ln={self.n.bit_length() - 1},r={self.r},p={self.p}"
        return f"$scrypt${cost}${encode_base64(self.salt)}${encode_base64(self.digest)}"

    @property
    def memory(self) -> int:
        return scrypt_memory(self.n, self.r)

    def verify(self, password: bytes) -> bool:
        computed = _scrypt(password, self.salt, (self.n, self.r, self.p), len(self.digest))
        return hmac.compare_digest(computed, self.digest)


@dataclass(frozen=True)
class FirebaseScrypt:
    """Firebase's own form: scrypt makes an AES-256 key, and what it makes of the project's signer key is the digest.

    Source: the README of github.com/firebase/scrypt. ``rounds`` is scrypt's r, ``mem_cost`` is log2 of its N.
    """

    rounds: int
    mem_cost: int
    signer_key: bytes
    salt_separator: bytes
    salt: bytes
    digest: bytes

    PREFIXES: ClassVar = ("$firebase-scrypt$",)
    _FORM: ClassVar = re.compile(
        r"\$firebase-scrypt\$m=([0-9]{1,2}),r=([0-9]{1,2}),sk=([A-Za-z0-9+/]+),ss=([A-Za-z0-9+/]*)"
        r"\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
    )

    def __post_init__(self) -> None:
        _require(1 <= self.mem_cost <= 24, "The mem_cost must be from 1 to 24.")
        _check_scrypt_cost(1 << self.mem_cost, self.rounds, 1)
        # AES-CTR keeps the length, and another length would compare unequal for ever.
        _require(len(self.digest) == len(self.signer_key), "The hash must be as long as the signer key.")

    @classmethod
    def parse(cls, encoded: str) -> Self:
        m, r, signer_key, separator, salt, digest = _parts(encoded, cls._FORM, "firebase-scrypt").groups()
        return cls(
            int(r),
            int(m),
            decode_base64(signer_key, "signer key", at_least=16),
            decode_base64(separator, "salt separator", at_least=0, at_most=64),
            decode_base64(salt, "salt"),
            decode_base64(digest, "hash", at_least=16),
        )

    @property
    def encoded(self) -> str:
        project = f"sk={encode_base64(self.signer_key)},ss={encode_base64(self.salt_separator)}"
        user = f"{encode_base64(self.salt)}${encode_base64(self.digest)}"
        return f"$firebase-scrypt$m={self.mem_cost},r={self.rounds},{project}${user}"

    @property
    def memory(self) -> int:
        return scrypt_memory(1 << self.mem_cost, self.rounds)

    def verify(self, password: bytes) -> bool:
        salt = self.salt + self.salt_separator
        key = _scrypt(password, salt, (1 << self.mem_cost, self.rounds, 1), 32)
        encryptor = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
        return hmac.compare_digest(encryptor.update(self.signer_key) + encryptor.finalize(), self.digest)


@dataclass(frozen=True)
class Pbkdf2:
    """RFC 8018 section 5.2 with HMAC; ``$pbkdf2-sha256$i=…$salt$digest``."""

    hash_name: str
    iterations: int
    salt: bytes
    digest: bytes

    PREFIXES: ClassVar = ("$pbkdf2-",)
    HASHES: ClassVar = ("sha1", "sha224", "sha256", "sha384", "sha512")
    _FORM: ClassVar = re.compile(
        r"\$pbkdf2-(sha[0-9]{1,3})\$i=([0-9]{1,7})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
    )

    def __post_init__(self) -> None:
        _require(
            self.hash_name in self.HASHES, "The PBKDF2 digest must be sha1, sha224, sha256, sha384 or sha512."
        )
        _require(self.iterations >= 1, "PBKDF2 needs at least one iteration.")
        # Each further block of output costs all the iterations again.
        blocks = -(-len(self.digest) // hashlib.new(self.hash_name, usedforsecurity=False).digest_size)
        _require(self.iterations * blocks <= 2_000_000, "PBKDF2 may run at most 2,000,000 iterations in all.")

    @classmethod
    def parse(cls, encoded: str) -> Self:
        hash_name, iterations, salt, digest = _parts(encoded, cls._FORM, "PBKDF2").groups()
        return cls(
            hash_name,
            int(iterations),
            decode_base64(salt, "salt"),
            decode_base64(digest, "digest", at_least=16, at_most=512),
        )

    @property
    def encoded(self) -> str:
        values = f"{encode_base64(self.salt)}${encode_base64(self.digest)}"
        return f"$pbkdf2-{self.hash_name}$i={self.iterations}${values}"

    @property
    def memory(self) -> int:
        return 1024

    def verify(self, password: bytes) -> bool:
        computed = hashlib.pbkdf2_hmac(
            self.hash_name, password, self.salt, self.iterations, dklen=len(self.digest)
        )
        return hmac.compare_digest(computed, self.digest)


@dataclass(frozen=True)
class SaltedDigest:
    """One round of SHA-1 or SHA-256 over password and salt, as LDAP directories keep it."""

    hash_name: str
    salt_first: bool
    salt: bytes
    digest: bytes

    PREFIXES: ClassVar = ("$ssha$", "$ssha256$")
    _FORM: ClassVar = re.compile(r"\$ssha(256)?\$salt=(first|last)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")

    def __post_init__(self) -> None:
        size = hashlib.new(self.hash_name, usedforsecurity=False).digest_size
        _require(len(self.digest) == size, f"The digest must have {size} bytes.")

    @classmethod
    def parse(cls, encoded: str) -> Self:
        wide, position, salt, digest = _parts(encoded, cls._FORM, "salted SHA").groups()
        return cls(
            "sha256" if wide else "sha1",
            position == "first",
            decode_base64(salt, "salt"),
            decode_base64(digest, "digest"),
        )

    @property
    def encoded(self) -> str:
        name = "ssha256" if self.hash_name == "sha256" else "ssha"
        position = "first" if self.salt_first else "last"
        return f"${name}$salt={position}${encode_base64(self.salt)}${encode_base64(self.digest)}"

    @property
    def memory(self) -> int:
        return 1024

    def verify(self, password: bytes) -> bool:
        message = self.salt + password if self.salt_first else password + self.salt
        computed = hashlib.new(self.hash_name, message, usedforsecurity=False).digest()
        return hmac.compare_digest(computed, self.digest)


Scheme = Bcrypt | Argon2 | Scrypt | FirebaseScrypt | Pbkdf2 | SaltedDigest
SCHEMES: tuple[type[Scheme], ...] = (Argon2, Bcrypt, Scrypt, FirebaseScrypt, Pbkdf2, SaltedDigest)


def read_stored_hash(encoded: str) -> Scheme:
    """Read what the database holds; raises MalformedHash."""
    for scheme in SCHEMES:
        if encoded.startswith(scheme.PREFIXES):
            return scheme.parse(encoded)
    message = "The hash is of no known scheme."
    raise MalformedHash(message)
