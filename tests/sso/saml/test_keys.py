from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from foundation import clock
from sso.saml import keys
from tests.odd_keys import unknown_curve, unreadable_name
from tests.sso.saml.identity_provider import key_pair


def certificate_with(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2021, 1, 1, tzinfo=UTC))
    )
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM).decode()


def test_a_new_key_pair_fits_together_and_lasts_ten_years():
    private_key_pem, certificate_pem = keys.make_key_pair("https://auth.example.com/a/very/long/name" * 4)

    certificate = keys.read_certificates(certificate_pem)[0]
    assert keys.private_key_of(private_key_pem).public_key() == keys.public_key_of(certificate_pem)
    assert certificate.not_before < clock.now()
    assert certificate.not_after > clock.now() + timedelta(days=3600)


def test_a_certificate_is_read_as_pem_and_as_bare_base64_alike():
    pem = key_pair("idp.example.com")[1]

    framed, bare = keys.read_certificates(pem), keys.read_certificates(keys.bare_base64(pem))

    assert framed == bare
    assert framed[0].subject == "idp.example.com"
    assert (
        x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex()
        == framed[0].fingerprint
    )


def test_several_certificates_are_read_at_once_and_each_stands_once():
    one, two = key_pair("idp.example.com")[1], key_pair("next.example.com")[1]

    found = keys.read_certificates(f"Our certificates:\r\n{one}\n{two}{one}")

    assert [certificate.subject for certificate in found] == ["idp.example.com", "next.example.com"]


def test_a_certificate_with_an_elliptic_curve_counts():
    pem = certificate_with(ec.generate_private_key(ec.SECP256R1()))

    assert keys.read_certificates(pem)[0].not_after == datetime(2021, 1, 1, tzinfo=UTC)


def test_a_certificate_is_described_by_name_fingerprint_and_end():
    pem = certificate_with(ec.generate_private_key(ec.SECP256R1()))
    fingerprint = keys.read_certificates(pem)[0].fingerprint.upper()

    words = keys.describe_all([pem])

    assert "“test”" in words
    assert f"{fingerprint[:2]}:{fingerprint[2:4]}" in words
    assert "expired 2021-01-01" in words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no certificate in it"),
        ("hello", "not a certificate"),
        ("aGVsbG8=", "not a certificate"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "not a certificate"),
        ("A" * 40_000, "too long"),
        (certificate_with(rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (certificate_with(ec.generate_private_key(ec.SECP192R1())), "secp192r1"),
        (certificate_with(ed25519.Ed25519PrivateKey.generate()), "neither RSA nor ECDSA"),
        (key_pair("idp.example.com")[1] * 11, "too many"),
        (unknown_curve()[1], "not a certificate"),
        (unreadable_name(), "not a certificate"),
    ],
    ids=[
        "empty",
        "words",
        "base64",
        "key",
        "long",
        "short-rsa",
        "odd-curve",
        "ed25519",
        "many",
        "no-curve",
        "no-name",
    ],
)
def test_what_is_no_certificate_or_too_weak_is_refused_in_plain_words(text, words):
    with pytest.raises(keys.CertificateRefused, match=words):
        keys.read_certificates(text)
