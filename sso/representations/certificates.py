"""The public JSON of certificates: the identity providers', and our own."""

from typing import Literal, TypedDict

from foundation import clock
from sso.models import (
    IdPCertificate,
    SPKeyPair,
)


class IdPCertificateObject(TypedDict):
    """A certificate with which the identity provider signs."""

    object: Literal["saml_idp_signing_certificate"]
    id: str
    value: str
    fingerprint: str
    not_before: str
    not_after: str
    created_at: str


class IdPCertificateListObject(TypedDict):
    """All certificates of a connection; they are few, so there are no pages."""

    object: Literal["list"]
    data: list[IdPCertificateObject]


class SPSigningCertificateObject(TypedDict):
    """The certificate by which the identity provider verifies our requests; its private key is never shown."""

    object: Literal["saml_sp_signing_certificate"]
    id: str
    value: str
    fingerprint: str
    not_before: str
    not_after: str
    created_at: str


class SPEncryptionCertificateObject(TypedDict):
    """A certificate to which the identity provider may encrypt; its private key is never shown."""

    object: Literal["saml_sp_encryption_certificate"]
    id: str
    value: str
    fingerprint: str
    not_before: str
    not_after: str
    created_at: str


class SPEncryptionCertificateListObject(TypedDict):
    """All of them, oldest first; they are few, so there are no pages."""

    object: Literal["list"]
    data: list[SPEncryptionCertificateObject]


def represent_idp_certificate(row: IdPCertificate) -> IdPCertificateObject:
    """Return the public JSON of an identity provider's certificate."""
    return {
        "object": "saml_idp_signing_certificate",
        "id": row.id,
        "value": row.certificate,
        "fingerprint": row.fingerprint,
        "not_before": clock.iso(row.not_before),
        "not_after": clock.iso(row.not_after),
        "created_at": clock.iso(row.created_at),
    }


def represent_sp_signing_certificate(row: SPKeyPair) -> SPSigningCertificateObject:
    """Return the public JSON of the pair with which we sign."""
    return {
        "object": "saml_sp_signing_certificate",
        "id": row.id,
        "value": row.certificate,
        "fingerprint": row.fingerprint,
        "not_before": clock.iso(row.not_before),
        "not_after": clock.iso(row.not_after),
        "created_at": clock.iso(row.created_at),
    }


def represent_sp_encryption_certificate(row: SPKeyPair) -> SPEncryptionCertificateObject:
    """Return the public JSON of a pair that opens what is encrypted to us."""
    return {
        "object": "saml_sp_encryption_certificate",
        "id": row.id,
        "value": row.certificate,
        "fingerprint": row.fingerprint,
        "not_before": clock.iso(row.not_before),
        "not_after": clock.iso(row.not_after),
        "created_at": clock.iso(row.created_at),
    }
