"""RSA signing keys: making one, reading one back, and its public half as a JWK (RFC 7517, RFC 7638)."""

import base64
import hashlib
from datetime import timedelta
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from foundation import clock

ALGORITHM = "RS256"
_KEY_SIZE = 2048
_CERTIFICATE_LIFETIME = timedelta(days=3650)


def generate(key_id: str) -> tuple[str, dict[str, Any]]:
    """Make a key; return its private half (PKCS#8 DER, base64) and its public half as a JWK.

    The JWK carries ``x5c`` and ``x5t#S256`` because the SDKs' models require them; the certificate is self-signed
    and says nothing more than the key itself.
    """
    private_key = _draw_private_key()
    der = private_key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return base64.b64encode(der).decode(), _public_jwk(key_id, private_key)


@lru_cache(maxsize=512)
def load_private_key(encoded: str) -> rsa.RSAPrivateKey:
    """Read a private key back, once per process: parsing costs sixty signatures.

    The consistency check of the primes is skipped: the key is our own, and AES-GCM vouches for every bit of it.
    """
    key = serialization.load_der_private_key(
        base64.b64decode(encoded), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        message = "The signing key is not an RSA key."
        raise TypeError(message)
    return key


def _draw_private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=_KEY_SIZE)


def _public_jwk(key_id: str, private_key: rsa.RSAPrivateKey) -> dict[str, Any]:
    numbers = private_key.public_key().public_numbers()
    certificate = _self_signed(key_id, private_key).public_bytes(serialization.Encoding.DER)
    return {
        "alg": ALGORITHM,
        "kty": "RSA",
        "use": "sig",
        "kid": key_id,
        "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": _base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
        "x5c": [base64.b64encode(certificate).decode()],
        "x5t#S256": _base64url(hashlib.sha256(certificate).digest()),
    }


def _self_signed(key_id: str, private_key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, key_id[:64])])
    moment = clock.now()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment)
        .not_valid_after(moment + _CERTIFICATE_LIFETIME)
        .sign(private_key, SHA256())
    )


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
