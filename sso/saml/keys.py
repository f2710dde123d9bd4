"""Keys and certificates: making our own, reading and describing the ones of identity providers."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from foundation import clock

# A certificate of ours is pinned by the providers that have it, so an early end would only break sign-ins.
LIFETIME: Final = timedelta(days=3650)
MINIMUM_RSA_BITS: Final = 2048
MAXIMUM_CERTIFICATES: Final = 10

_PEM = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)


class CertificateRefused(Exception):
    """What was given as a certificate cannot serve as one; the text says why, for an IT admin."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with which an identity provider signs. ``fingerprint`` is SHA-256 in lower-case hex."""

    pem: str
    subject: str
    fingerprint: str
    not_before: datetime
    not_after: datetime

    def __str__(self) -> str:
        return (
            f"the certificate “{self.subject}” with the SHA-256 fingerprint {readable(self.fingerprint)}, "
            f"{'expired' if self.not_after < clock.now() else 'expiring'} {self.not_after:%Y-%m-%d}"
        )


def readable(fingerprint: str) -> str:
    """Write a fingerprint as identity providers show it: pairs with colons; the first eight octets tell it apart."""
    pairs = [fingerprint[start : start + 2].upper() for start in range(0, 16, 2)]
    return ":".join(pairs) + "…"


def make_key_pair(common_name: str) -> tuple[str, str]:
    """Return a new RSA private key and its self-signed certificate, both PEM; the name is cut to what X.509 takes."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64] or "Gatehouse")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + LIFETIME)
        .sign(key, hashes.SHA256())
    )
    private_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private_pem.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()


def read_certificates(text: str) -> tuple[Certificate, ...]:
    """Read what an admin pastes: one or several PEM certificates, or one as bare base64; raises CertificateRefused."""
    bodies = _PEM.findall(text)
    if len(bodies) > MAXIMUM_CERTIFICATES:
        raise CertificateRefused(
            f"More than {MAXIMUM_CERTIFICATES} certificates are too many for one connection."
        )
    if not bodies and "-----BEGIN" in text:
        raise CertificateRefused("This is a key or something else in PEM, not a certificate.")
    if not "".join(text.split()):
        raise CertificateRefused("There is no certificate in it.")
    found = [read_certificate(body) for body in bodies or [text]]
    return tuple({certificate.fingerprint: certificate for certificate in found}.values())


def read_certificate(base64_text: str) -> Certificate:
    """Read one certificate from the base64 of its DER form; raises CertificateRefused."""
    if len(base64_text) > 32_000:
        raise CertificateRefused("This is too long for a certificate.")
    try:
        certificate = x509.load_der_x509_certificate(octets_of(base64_text))
        _check_strength(certificate.public_key())
        # Its names are read here for the first time, and may be no text.
        return describe(certificate)
    except CertificateRefused:
        raise
    except (ValueError, UnsupportedAlgorithm, TypeError) as error:
        raise CertificateRefused("This is not a certificate: neither PEM nor base64 of one.") from error


def describe(certificate: x509.Certificate) -> Certificate:
    """Return what is shown of a certificate and needed to verify with it."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    subject = str(names[0].value) if names else certificate.subject.rfc4514_string()
    return Certificate(
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        subject=subject[:200] or "without a name",
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def describe_all(certificates_pem: Iterable[str]) -> str:
    """Say in words which certificates a connection knows."""
    known = [str(certificate) for pem in certificates_pem for certificate in read_certificates(pem)]
    return ", and ".join(known) or "no certificate at all"


@lru_cache(maxsize=256)
def public_key_of(certificate_pem: str) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """Return the key in a certificate; raises CertificateRefused for a kind or size that does not count."""
    key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
    _check_strength(key)
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)  # noqa: S101  # _check_strength saw to it.
    return key


def private_key_of(private_key_pem: str) -> rsa.RSAPrivateKey:
    """Return our own key; the costly test of its primes is left out, since it was made here."""
    key = serialization.load_pem_private_key(
        private_key_pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("The service provider's key is an RSA key.")
    return key


def octets_of(base64_text: str) -> bytes:
    """Decode base64 that may be broken into lines, as XML has it; raises ValueError."""
    return base64.b64decode("".join(base64_text.split()), validate=True)


def bare_base64(certificate_pem: str) -> str:
    """Return the body of a PEM certificate without its frame and line breaks, as it stands in KeyInfo."""
    body = _PEM.search(certificate_pem)
    return "".join((body[1] if body else certificate_pem).split())


def _check_strength(key: object) -> None:
    match key:
        case rsa.RSAPublicKey():
            if key.key_size < MINIMUM_RSA_BITS:
                raise CertificateRefused(
                    f"Its RSA key has {key.key_size} bits; {MINIMUM_RSA_BITS} is the least that is safe."
                )
        case ec.EllipticCurvePublicKey():
            if not isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1 | ec.SECP521R1):
                raise CertificateRefused(
                    f"Its key is on the curve {key.curve.name}; P-256, P-384 and P-521 count."
                )
        case _:
            raise CertificateRefused("Its key is neither RSA nor ECDSA.")
