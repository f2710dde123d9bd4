"""Our own key pairs of SAML connections: made, brought along, deleted, and moved out of the columns of old.

One pair signs what we send. Several open what is encrypted to us, so that an identity provider can change over in its
own time. A private key never leaves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import transaction

from foundation.actors import SYSTEM, Actor
from foundation.encryption import token_digest
from sso.errors import ConnectionSettingsInvalid, SigningCertificateExists, TooManyEncryptionCertificates
from sso.models import Connection, KeyPairUse, SAMLSettings, SPKeyPair
from sso.private_keys import PrivateKeyRefused, read_private_key
from sso.saml.keys import Certificate, CertificateRefused, make_key_pair, public_key_of, read_certificates
from sso.services.certificates import tell_renewed

# Each is tried on what arrives encrypted.
MOST_ENCRYPTION_PAIRS = 5

CERTIFICATE_TYPES: Mapping[str, str] = {
    KeyPairUse.SIGNING: "RequestSigning",
    KeyPairUse.ENCRYPTION: "ResponseEncryption",
}
_FIELDS: Mapping[str, str] = {
    KeyPairUse.SIGNING: "sp_signing_key_pair",
    KeyPairUse.ENCRYPTION: "sp_encryption_key_pairs",
}


class GivenKeyPair(TypedDict):
    """A private key that somebody brings along, unencrypted PEM, and its certificate."""

    key: str
    cert: str


@dataclass(frozen=True, slots=True)
class _Pair:
    private_key: str
    certificate: Certificate


def list_key_pairs(connection: Connection, use: str) -> list[SPKeyPair]:
    """Return our own key pairs for a use, oldest first, those that have ended included."""
    _move_former_pair(connection)
    rows = SPKeyPair.objects.in_environment(connection.environment_id).filter(connection=connection, use=use)
    return list(rows.order_by("id"))


@transaction.atomic
def create_encryption_pair(*, connection: Connection, actor: Actor) -> SPKeyPair:
    """Make a pair beside those that stand; each of them opens what is encrypted to it.

    Raises TooManyEncryptionCertificates.
    """
    pair = _made(connection)
    _lock(connection)
    _move_former_pair(connection)
    rows = SPKeyPair.objects.in_environment(connection.environment_id)
    if rows.filter(connection=connection, use=KeyPairUse.ENCRYPTION).count() >= MOST_ENCRYPTION_PAIRS:
        raise TooManyEncryptionCertificates
    return _insert(connection, KeyPairUse.ENCRYPTION, pair, actor)


@transaction.atomic
def create_signing_pair(*, connection: Connection, actor: Actor) -> SPKeyPair:
    """Make the pair that signs from now on, where there is none. Raises SigningCertificateExists."""
    pair = _made(connection)
    settings = _lock(connection)
    _move_former_pair(connection)
    rows = SPKeyPair.objects.in_environment(connection.environment_id)
    if rows.filter(connection=connection, use=KeyPairUse.SIGNING).exists():
        raise SigningCertificateExists
    row = _insert(connection, KeyPairUse.SIGNING, pair, actor)
    _copy_to_settings(settings, pair)
    return row


@transaction.atomic
def rotate_signing_pair(*, connection: Connection, actor: Actor) -> SPKeyPair:
    """Sign with a new pair from now on; the former one is deleted."""
    pair = _made(connection)
    settings = _lock(connection)
    _move_former_pair(connection)
    rows = SPKeyPair.objects.in_environment(connection.environment_id)
    rows.filter(connection=connection, use=KeyPairUse.SIGNING).delete()
    row = _insert(connection, KeyPairUse.SIGNING, pair, actor)
    _copy_to_settings(settings, pair)
    return row


@transaction.atomic
def delete_key_pair(*, connection: Connection, use: str, pair_id: str) -> None:
    """Delete a pair: nothing is signed with it, or opened by it, any more. Raises NotFound."""
    _lock(connection)
    _move_former_pair(connection)
    rows = SPKeyPair.objects.in_environment(connection.environment_id)
    rows.filter(connection=connection, use=use).require(pair_id).delete()


def make_first_pairs(
    connection: Connection,
    settings: SAMLSettings,
    signing: GivenKeyPair | None,
    encryption: Sequence[GivenKeyPair] | None,
) -> None:
    """Give a new connection its pairs, made here unless somebody brings them; within the caller's transaction.

    Raises ConnectionSettingsInvalid.
    """
    signs = _made(connection) if signing is None else _read(signing, KeyPairUse.SIGNING)
    opens = [_made(connection)] if encryption is None else _read_all(encryption)
    _set_columns(settings, signs)
    settings.save(force_insert=True)
    _insert(connection, KeyPairUse.SIGNING, signs)
    for pair in opens:
        _insert(connection, KeyPairUse.ENCRYPTION, pair)


def replace_signing_pair(connection: Connection, settings: SAMLSettings, given: GivenKeyPair) -> bool:
    """Sign with a pair that somebody brings along; tell whether it is another one. Within the caller's transaction.

    Raises ConnectionSettingsInvalid.
    """
    pair = _read(given, KeyPairUse.SIGNING)
    _move_former_pair(connection)
    rows = SPKeyPair.objects.in_environment(connection.environment_id)
    standing = rows.filter(connection=connection, use=KeyPairUse.SIGNING).first()
    if standing is not None and standing.fingerprint == pair.certificate.fingerprint:
        return False
    if standing is not None:
        standing.delete()
    _insert(connection, KeyPairUse.SIGNING, pair, SYSTEM)
    _copy_to_settings(settings, pair)
    return True


def replace_encryption_pairs(connection: Connection, given: Sequence[GivenKeyPair]) -> bool:
    """Let exactly these open what is encrypted to us; tell whether anything changed. Within the caller's transaction.

    Raises ConnectionSettingsInvalid.
    """
    wanted = {pair.certificate.fingerprint: pair for pair in _read_all(given)}
    _move_former_pair(connection)
    rows = SPKeyPair.objects.in_environment(connection.environment_id)
    rows = rows.filter(connection=connection, use=KeyPairUse.ENCRYPTION)
    gone, _ = rows.exclude(fingerprint__in=wanted).delete()
    present = set(rows.values_list("fingerprint", flat=True))
    added = [pair for fingerprint, pair in wanted.items() if fingerprint not in present]
    for pair in added:
        _insert(connection, KeyPairUse.ENCRYPTION, pair, SYSTEM)
    return bool(gone or added)


def _made(connection: Connection) -> _Pair:
    private_key, certificate = make_key_pair(connection.id)
    return _Pair(private_key, read_certificates(certificate)[0])


def _read_all(given: Sequence[GivenKeyPair]) -> list[_Pair]:
    read = {
        pair.certificate.fingerprint: pair for pair in (_read(one, KeyPairUse.ENCRYPTION) for one in given)
    }
    if not 1 <= len(read) <= MOST_ENCRYPTION_PAIRS:
        raise ConnectionSettingsInvalid.of(
            _FIELDS[KeyPairUse.ENCRYPTION], f"Give between one and {MOST_ENCRYPTION_PAIRS} key pairs."
        )
    return list(read.values())


def _read(given: GivenKeyPair, use: str) -> _Pair:
    """Return a pair that somebody brings along: both halves, and fitting each other."""
    field = _FIELDS[use]
    if not given["key"].strip() or not given["cert"].strip():
        raise ConnectionSettingsInvalid.of(field, "Give the private key and its certificate together.")
    try:
        certificate = read_certificates(given["cert"])[0]
        private_key = read_private_key(given["key"])
    except (CertificateRefused, PrivateKeyRefused) as error:
        raise ConnectionSettingsInvalid.of(field, str(error)) from error
    if not isinstance(private_key, RSAPrivateKey) or private_key.public_key() != public_key_of(
        certificate.pem
    ):
        raise ConnectionSettingsInvalid.of(
            field, "The private key must be an RSA key, and the certificate its own."
        )
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return _Pair(pem, certificate)


def _lock(connection: Connection) -> SAMLSettings:
    """Let others who write this connection wait; return its settings as they are now. Raises NotFound."""
    # The same row that an update of the connection locks, so that neither waits for the other in turn.
    rows = Connection.objects.in_environment(connection.environment_id)
    rows.select_for_update(of=("self",)).require(connection.id)
    return SAMLSettings.objects.in_environment(connection.environment_id).get(connection=connection)


def _insert(connection: Connection, use: str, pair: _Pair, actor: Actor | None = None) -> SPKeyPair:
    """Insert a pair; with an actor it is news, and told."""
    row = SPKeyPair.objects.create(
        environment_id=connection.environment_id,
        connection=connection,
        use=use,
        private_key=pair.private_key,
        certificate=pair.certificate.pem,
        fingerprint=pair.certificate.fingerprint,
        not_before=pair.certificate.not_before,
        not_after=pair.certificate.not_after,
    )
    if actor is not None:
        tell_renewed(connection, CERTIFICATE_TYPES[use], row.not_after, actor)
    return row


# --- the columns of old ---------------------------------------------------------------------------------


def _set_columns(settings: SAMLSettings, pair: _Pair) -> None:
    settings.sp_private_key = pair.private_key
    settings.sp_certificate = pair.certificate.pem
    settings.moved_certificate_digest = token_digest(pair.certificate.pem)


def _copy_to_settings(settings: SAMLSettings, pair: _Pair) -> None:
    """Let processes of the release before sign with it too."""
    _set_columns(settings, pair)
    settings.save(update_fields=["sp_private_key", "sp_certificate", "moved_certificate_digest"])


@transaction.atomic
def _move_former_pair(connection: Connection) -> None:
    """Move a pair that a process of the release before wrote after the migration ran; it served both uses."""
    if connection.saml_settings.unmoved_key_pair(KeyPairUse.SIGNING) is None:
        return
    settings = _lock(connection)
    if settings.unmoved_key_pair(KeyPairUse.SIGNING) is None:
        return
    certificate = read_certificates(settings.sp_certificate)[0]
    rows = SPKeyPair.objects.in_environment(connection.environment_id).filter(connection=connection)
    rows.filter(use=KeyPairUse.SIGNING).delete()
    rows.filter(use=KeyPairUse.ENCRYPTION, fingerprint=certificate.fingerprint).delete()
    for use in KeyPairUse.values:
        _insert(connection, use, _Pair(settings.sp_private_key, certificate))
    settings.moved_certificate_digest = token_digest(settings.sp_certificate)
    settings.save(update_fields=["moved_certificate_digest"])
    connection.saml_settings.moved_certificate_digest = settings.moved_certificate_digest
