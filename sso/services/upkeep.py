"""What is done without being asked: metadata fetched again, certificates announced, old rows removed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from events.services import emit
from foundation import clock
from foundation.actors import SYSTEM
from foundation.outbound import OutboundError, fetch
from foundation.retention import delete_in_batches
from sso import conf
from sso.errors import ConnectionSettingsInvalid
from sso.models import (
    ConnectionState,
    IdPCertificate,
    KeyPairUse,
    PasswordlessSession,
    SAMLSettings,
    SeenAssertion,
    SPKeyPair,
    SSOAccessToken,
    SSOAuthorizationCode,
    SSOSession,
)
from sso.saml.metadata import IdPMetadata, MetadataRefused, read_idp_metadata
from sso.services.certificates import RESPONSE_SIGNING, named
from sso.services.connections import require_connection, update_connection
from sso.services.key_pairs import CERTIFICATE_TYPES
from sso.services.renewal_mail import mail_renewals
from sso.services.settings import SAMLChanges

_LONGEST_FAILURE = 500
_MOST_IN_A_MAIL = 100
_IN_USE = (ConnectionState.ACTIVE, ConnectionState.VALIDATING, ConnectionState.DRAFT)


def fetch_metadata(url: str, entity_id: str = "") -> IdPMetadata:
    """Fetch and read an identity provider's metadata; raises MetadataRefused with a sentence. Calls the network."""
    try:
        response = fetch("GET", url, maximum_bytes=conf.METADATA_MAXIMUM_BYTES)
    except OutboundError as error:
        raise MetadataRefused(str(error)) from error
    if response.status != 200:
        raise MetadataRefused(f"The address answered with the status {response.status}.")
    return read_idp_metadata(response.body, entity_id)


def changes_by(metadata: IdPMetadata) -> SAMLChanges:
    """Return what metadata says of a connection's settings."""
    return {
        "idp_entity_id": metadata.entity_id,
        "idp_sso_url": metadata.sso_url,
        "idp_sso_binding": metadata.sso_binding,
        "idp_slo_url": metadata.slo_url,
        "idp_slo_binding": metadata.slo_binding,
        "idp_slo_response_url": metadata.slo_response_url,
        "idp_certificates": [certificate.pem for certificate in metadata.certificates],
    }


def refresh_metadata(environment_id: str, connection_id: str) -> None:
    """Fetch a connection's metadata again and take over what is new; what goes wrong is noted for staff to read.

    Only certificates and addresses follow the document: another entity id would be another identity provider.
    """
    connection = require_connection(environment_id, connection_id)
    row = connection.saml_settings
    if not row.metadata_url:
        return
    failure = ""
    try:
        metadata = fetch_metadata(row.metadata_url, row.idp_entity_id)
        with transaction.atomic():
            update_connection(connection=connection, actor=SYSTEM, changes={"saml": changes_by(metadata)})
    except (MetadataRefused, ConnectionSettingsInvalid) as error:
        failure = str(error)[:_LONGEST_FAILURE]
    SAMLSettings.objects.in_environment(environment_id).filter(pk=connection_id).update(
        metadata_fetched_at=clock.now(), metadata_failure=failure
    )


def due_metadata() -> Iterator[tuple[str, str]]:
    """Yield environment and connection of every metadata URL that was not fetched today."""
    due = clock.now() - conf.METADATA_REFRESH
    rows = SAMLSettings.unscoped.exclude(metadata_url="").filter(
        Q(metadata_fetched_at__isnull=True) | Q(metadata_fetched_at__lt=due),
        connection__state__in=_IN_USE,
    )
    yield from rows.values_list("environment_id", "connection_id")


def announce_renewals() -> int:
    """Tell of certificates that end within a month or have ended, once a week each; return how many.

    The providers' count, and our own. One that has a successor that lives longer is nobody's concern any more. Each has its event; operators get one mail
    for all of an environment that are due at once.
    """
    return sum(
        _announce(table, environment_id, ids[start : start + _MOST_IN_A_MAIL])
        for table, rows in ((IdPCertificate, IdPCertificate.unscoped), (SPKeyPair, SPKeyPair.unscoped))
        for environment_id, ids in _due_by_environment(rows.all()).items()
        for start in range(0, len(ids), _MOST_IN_A_MAIL)
    )


def _due_by_environment(rows: QuerySet[Any]) -> dict[str, list[str]]:
    moment = clock.now()
    ending = rows.filter(
        _is_due(moment),
        not_after__lte=moment + conf.RENEWAL_NOTICE,
        connection__state=ConnectionState.ACTIVE,
    )
    due: dict[str, list[str]] = {}
    for environment_id, row_id in ending.order_by("not_after").values_list("environment_id", "pk"):
        due.setdefault(environment_id, []).append(row_id)
    return due


@transaction.atomic
def _announce(table: type[IdPCertificate | SPKeyPair], environment_id: str, ids: list[str]) -> int:
    moment = clock.now()
    locked = table.objects.in_environment(environment_id).select_for_update(of=("self",))
    # Of two runs at once, the second one waits here, and finds nothing that is due any more.
    rows = [
        row
        for row in locked.filter(_is_due(moment), pk__in=ids)
        .select_related("connection__environment", "connection__organization", "connection__saml_settings")
        .order_by("pk")
        if not _has_successor(row)
    ]
    for row in rows:
        row.renewal_announced_at = moment
        row.save(update_fields=["renewal_announced_at"])
        emit(
            "connection.saml_certificate_renewal_required",
            environment=row.connection.environment,
            actor=SYSTEM,
            data={
                "connection": named(row.connection),
                "certificate": {
                    "certificate_type": (
                        CERTIFICATE_TYPES[row.use] if isinstance(row, SPKeyPair) else RESPONSE_SIGNING
                    ),
                    "expiry_date": clock.iso(row.not_after),
                    "is_expired": row.not_after <= moment,
                },
                "days_until_expiry": (row.not_after - moment) // timedelta(days=1),
            },
            organization_id=row.connection.organization_id or "",
        )
    if rows:
        mail_renewals(sorted(rows, key=lambda row: row.not_after))
    return len(rows)


def _is_due(moment: datetime) -> Q:
    return Q(renewal_announced_at__isnull=True) | Q(renewal_announced_at__lte=moment - conf.RENEWAL_REPEAT)


def _has_successor(row: IdPCertificate | SPKeyPair) -> bool:
    if isinstance(row, SPKeyPair):
        pairs = SPKeyPair.objects.in_environment(row.environment_id)
        return pairs.filter(
            connection=row.connection, use=KeyPairUse(row.use), not_after__gt=row.not_after
        ).exists()
    others = IdPCertificate.objects.in_environment(row.environment_id)
    return others.filter(connection=row.connection, not_after__gt=row.not_after).exists()


def purge_sso() -> int:
    """Delete what ran out, in batches; return how many rows went. A spent code stays a day, to be recognized."""
    moment = clock.now()
    return sum(
        delete_in_batches(rows)
        for rows in (
            SSOAccessToken.unscoped.filter(expires_at__lt=moment),
            SSOAuthorizationCode.unscoped.filter(expires_at__lt=moment - conf.CODE_RETENTION),
            SeenAssertion.unscoped.filter(expires_at__lt=moment),
            SSOSession.unscoped.filter(created_at__lt=moment - conf.TRAIL_RETENTION),
            PasswordlessSession.unscoped.filter(expires_at__lt=moment - conf.PASSWORDLESS_RETENTION),
        )
    )
