"""The mail that tells staff which certificates of connections end, and what to do about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from environments.staff.panels import change_url
from environments.staff_mail import StaffMailKind, send_staff_mail
from foundation import clock
from sso.models import IdPCertificate, SPKeyPair


@dataclass(frozen=True, slots=True)
class EndingCertificate:
    """A certificate as the mail names it."""

    organization_name: str
    connection_name: str
    fingerprint: str
    not_after: datetime
    days_left: int
    metadata_url: str
    connection_url: str
    # What one of our own is for; empty for the provider's.
    use: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether it is too late to be early."""
        return self.not_after <= clock.now()


def mail_renewals(rows: Sequence[IdPCertificate | SPKeyPair]) -> None:
    """Write to the operators of an environment about its certificates, all in one mail; soonest first.

    The rows are all of one table: what to do about our own is another thing.
    """
    described = [_described(row) for row in rows]
    send_staff_mail(
        environment=rows[0].connection.environment,
        kind=StaffMailKind.CERTIFICATES,
        context={
            "certificates": described,
            "first": described[0],
            "others": len(described) - 1,
            "are_ours": isinstance(rows[0], SPKeyPair),
        },
    )


def _described(row: IdPCertificate | SPKeyPair) -> EndingCertificate:
    connection = row.connection
    return EndingCertificate(
        # In one line each: a name must not write lines of its own into a mail to staff.
        organization_name=" ".join(connection.organization.name.split()) if connection.organization else "",
        connection_name=" ".join(connection.name.split()),
        fingerprint=fingerprint_in_pairs(row.fingerprint),
        not_after=row.not_after,
        days_left=max(0, (row.not_after - clock.now()) // timedelta(days=1)),
        metadata_url=connection.saml_settings.metadata_url,
        connection_url=f"{settings.BASE_URL}{change_url(connection)}",
        use=row.get_use_display() if isinstance(row, SPKeyPair) else "",
    )


def fingerprint_in_pairs(fingerprint: str) -> str:
    """Return a fingerprint as identity providers show it."""
    return ":".join(fingerprint[start : start + 2].upper() for start in range(0, len(fingerprint), 2))
