"""Our own key at a provider: with it the client signs who it is (private_key_jwt; Core 9, RFC 7523)."""

from base64 import urlsafe_b64encode
from datetime import timedelta

import jwt
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from foundation import clock
from foundation.ids import new_secret
from sso.connection_types import ConnectionType
from sso.oidc.failures import OIDCFailure, refused
from sso.oidc.parties import Provider, RelyingParty
from sso.private_keys import MOST_RSA_BITS, PrivateKeyRefused, read_private_key

# The provider pins the certificate, so an early end would only break sign-ins.
_LIFETIME = timedelta(days=3650)
_SMALLEST_RSA_BITS = 2048
_ASSERTION_LIFETIME = timedelta(minutes=5)

ClientKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class ClientKeyRefused(Exception):
    """What was given cannot serve as the client's key; the text says why."""


def make_client_key_pair(name: str) -> tuple[str, str]:
    """Return a new RSA key and its self-signed certificate, both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return _pem(key), _certificate_of(key, name)


def read_client_key(private_key_pem: str, name: str) -> tuple[str, str]:
    """Return a key that somebody brings along, with a certificate made for it; raises ClientKeyRefused."""
    key = _read_key(private_key_pem)
    return _pem(key), _certificate_of(key, name)


def check_client_key(private_key_pem: str) -> None:
    """Refuse a key in the place of a secret that cannot sign, or too slowly; raises ClientKeyRefused."""
    _read_key(private_key_pem, smallest_rsa_bits=0)


def read_client_key_pair(private_key_pem: str, certificate_pem: str) -> tuple[str, str]:
    """Return a key and the certificate that belongs to it, both as PEM; raises ClientKeyRefused."""
    key = _read_key(private_key_pem)
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.strip().encode())
        public_key = certificate.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = "The certificate cannot be read. It must be an X.509 certificate as PEM."
        raise ClientKeyRefused(message) from error
    if public_key != key.public_key():
        message = "The certificate belongs to another key."
        raise ClientKeyRefused(message)
    return _pem(key), certificate.public_bytes(Encoding.PEM).decode()


def client_assertion(party: RelyingParty, provider: Provider) -> str:
    """Sign who we are (RFC 7523 2.2); raises ExchangeRefused."""
    try:
        # Rows from before keys had a room of their own may hold one of another size, which the provider knows.
        key = _read_key(party.private_key, smallest_rsa_bits=0, most_rsa_bits=None)
    except ClientKeyRefused as error:
        raise refused(OIDCFailure.SETTINGS_INCOMPLETE, str(error)) from error
    now = clock.now()
    claims = {
        "iss": party.client_id,
        "sub": party.client_id,
        # The address that it is sent to: at any other one it is worth nothing.
        "aud": provider.token_endpoint,
        "jti": new_secret(32),
        "iat": now,
        "nbf": now,
        "exp": now + _ASSERTION_LIFETIME,
    }
    certificate = party.signing_certificate if party.signing_key else ""
    return jwt.encode(
        claims, key, algorithm=_algorithm(key, party, provider), headers=_key_names(certificate)
    )


def _algorithm(key: ClientKey, party: RelyingParty, provider: Provider) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return "ES256"
    known = provider.token_endpoint_auth_algorithms
    # Entra ID finds a certificate by its SHA-256 under PS256 alone.
    is_entra = party.connection_type is ConnectionType.ENTRA_ID_OIDC
    return "PS256" if is_entra or (known and "RS256" not in known and "PS256" in known) else "RS256"


def _key_names(certificate_pem: str) -> dict[str, str]:
    """Return what names the key in the header (RFC 7515 4.1.4, 4.1.7, 4.1.8); some providers read one, some another."""
    if not certificate_pem:
        return {}
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    thumbprint = _base64url(certificate.fingerprint(hashes.SHA256()))
    # AD FS, and Entra ID at times, know the certificate by its SHA-1; it is a name here and proves nothing.
    sha1 = _base64url(certificate.fingerprint(hashes.SHA1()))  # noqa: S303
    return {"kid": thumbprint, "x5t#S256": thumbprint, "x5t": sha1}


def _read_key(
    private_key_pem: str,
    *,
    smallest_rsa_bits: int = _SMALLEST_RSA_BITS,
    most_rsa_bits: int | None = MOST_RSA_BITS,
) -> ClientKey:
    try:
        key = read_private_key(private_key_pem, most_rsa_bits=most_rsa_bits)
    except PrivateKeyRefused as error:
        raise ClientKeyRefused(str(error)) from error
    is_rsa = isinstance(key, rsa.RSAPrivateKey) and key.key_size >= smallest_rsa_bits
    if is_rsa or (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
        return key  # type: ignore[return-value]  # one of the two, as was just seen
    message = "The private key of this connection must be an RSA key of 2048 bits or more, or a P-256 key."
    raise ClientKeyRefused(message)


def _certificate_of(key: ClientKey, name: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64] or "Gatehouse")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + _LIFETIME)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def _pem(key: ClientKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
