"""Keys and certificates that parse and still cannot serve: what a stranger hands over to trip a reader."""

import base64
from datetime import timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from foundation import clock

_NAME = "a name in UTF-8"
# secp256k1, and a neighbour that nobody has defined.
_CURVE, _NO_CURVE = bytes.fromhex("06052b8104000a"), bytes.fromhex("06052b81040063")


@cache
def unreadable_name() -> str:
    """Return a certificate, PEM, whose subject is said to be UTF-8 and is not."""
    octets = _certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    return _pem("CERTIFICATE", octets.replace(_NAME.encode(), b"\xff" * len(_NAME)))


def unknown_curve() -> tuple[str, str]:
    """Return a key and its certificate, PEM, on a curve that nobody knows."""
    key = ec.generate_private_key(ec.SECP256K1())
    octets = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    certificate = _certificate(key)
    return (
        _pem("PRIVATE KEY", octets.replace(_CURVE, _NO_CURVE)),
        _pem("CERTIFICATE", certificate.replace(_CURVE, _NO_CURVE)),
    )


@cache
def huge_key() -> str:
    """Return an RSA key, PEM, of 14,112 bits: two Mersenne primes, which take long to be told for primes."""
    p, q, e = 2**9689 - 1, 2**4423 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q)
    )
    key = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def _pem(label: str, octets: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(octets).decode()}-----END {label}-----\n"
