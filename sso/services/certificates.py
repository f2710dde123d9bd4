"""The certificates of SAML connections: added, replaced, removed, and announced before they end."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from events.services import emit
from foundation import clock
from foundation.actors import SYSTEM, Actor
from sso.errors import ConnectionSettingsInvalid, LastCertificate
from sso.models import Connection, IdPCertificate
from sso.saml.keys import Certificate, CertificateRefused, read_certificates

RESPONSE_SIGNING = "ResponseSigning"
_MOST_CERTIFICATES = 20
_TOO_MANY = f"A connection has at most {_MOST_CERTIFICATES} certificates. Remove those that have ended."


@transaction.atomic
def add_idp_certificate(*, connection: Connection, actor: Actor, certificate: str) -> IdPCertificate:
    """Add a certificate beside those that stand, so that the identity provider can change over in its own time.

    One that stands already is returned as it is. Raises ConnectionSettingsInvalid.
    """
    read = _read(certificate, "value")
    if len(read) > 1:
        raise ConnectionSettingsInvalid.of("value", "Give one certificate at a time.")
    row = _insert(connection, read[0])
    if row is None:
        rows = IdPCertificate.objects.in_environment(connection.environment_id)
        return rows.get(connection=connection, fingerprint=read[0].fingerprint)
    standing = IdPCertificate.objects.in_environment(connection.environment_id).filter(connection=connection)
    if standing.count() > _MOST_CERTIFICATES:
        raise ConnectionSettingsInvalid.of("value", _TOO_MANY)
    if standing.count() > 1:
        tell_renewed(connection, RESPONSE_SIGNING, row.not_after, actor)
    return row


@transaction.atomic
def delete_idp_certificate(*, connection: Connection, certificate_id: str) -> None:
    """Remove a certificate, if another one stands beside it. Raises NotFound, LastCertificate."""
    rows = IdPCertificate.objects.in_environment(connection.environment_id).filter(connection=connection)
    held = list(rows.select_for_update().order_by("id"))
    row = rows.require(certificate_id)
    if len(held) == 1:
        raise LastCertificate
    row.delete()


def replace_idp_certificates(
    connection: Connection, certificates: Sequence[str], actor: Actor = SYSTEM
) -> list[str]:
    """Let exactly these certificates stand; return the fingerprints of those that are new.

    Within the caller's transaction. Raises ConnectionSettingsInvalid.
    """
    read = [one for text in certificates for one in _read(text, "idp_signing_certs")]
    described = {one.fingerprint: one for one in read}
    if len(described) > _MOST_CERTIFICATES:
        raise ConnectionSettingsInvalid.of("idp_signing_certs", _TOO_MANY)
    rows = IdPCertificate.objects.in_environment(connection.environment_id).filter(connection=connection)
    present = set(rows.values_list("fingerprint", flat=True))
    rows.exclude(fingerprint__in=described).delete()
    added = [one for fingerprint, one in described.items() if fingerprint not in present]
    for one in added:
        row = _insert(connection, one)
        if row is not None and present:
            tell_renewed(connection, RESPONSE_SIGNING, row.not_after, actor)
    return [one.fingerprint for one in added]


def _read(text: str, field: str) -> tuple[Certificate, ...]:
    try:
        return read_certificates(text)
    except CertificateRefused as error:
        raise ConnectionSettingsInvalid.of(field, str(error)) from error


def _insert(connection: Connection, described: Certificate) -> IdPCertificate | None:
    """Insert a certificate; None where it stands already."""
    try:
        with transaction.atomic():
            return IdPCertificate.objects.create(
                environment_id=connection.environment_id,
                connection=connection,
                certificate=described.pem,
                fingerprint=described.fingerprint,
                not_before=described.not_before,
                not_after=described.not_after,
            )
    except IntegrityError:
        return None


def tell_renewed(connection: Connection, certificate_type: str, expiry: datetime, actor: Actor) -> None:
    """Tell that a connection has a new certificate; within the caller's transaction."""
    emit(
        "connection.saml_certificate_renewed",
        environment=connection.environment,
        actor=actor,
        data={
            "connection": named(connection),
            "certificate": {"certificate_type": certificate_type, "expiry_date": clock.iso(expiry)},
            "renewed_at": clock.iso(clock.now()),
        },
        organization_id=connection.organization_id or "",
    )


def named(connection: Connection) -> dict[str, str]:
    """Return how events about certificates name their connection."""
    if connection.organization_id is None:
        return {"id": connection.id}
    return {"id": connection.id, "organization_id": connection.organization_id}
