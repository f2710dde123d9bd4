"""Staff pages of the certificates with which identity providers sign, and what warns of their end."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from environments.models import Environment
from environments.staff.dashboard import Figure, bounded_count
from environments.staff.model_admin import EnvironmentModelAdmin, copyable
from environments.staff.panels import badge, link, list_url
from environments.staff.scope import environment_of
from foundation import clock
from sso import conf, services
from sso.models import Connection, IdPCertificate, SPKeyPair
from sso.representations import LINKED_STATES
from sso.services import fingerprint_in_pairs


def expiry_badge(certificate: IdPCertificate | SPKeyPair) -> str:
    """Return until when a certificate counts."""
    left = certificate.not_after - clock.now()
    day = f"{certificate.not_after:%Y-%m-%d}"
    if left.total_seconds() <= 0:
        return badge(f"ended {day}", "bad")
    return badge(f"until {day}", "warn" if left <= conf.RENEWAL_NOTICE else "good")


def last_expiry_badge(certificates: Iterable[IdPCertificate]) -> str:
    """Return until when one of a connection's certificates counts: a successor takes the worry away."""
    last = max(certificates, key=lambda one: one.not_after, default=None)
    return "—" if last is None else expiry_badge(last)


def ending_before(
    environment: Environment, rows: "QuerySet[Connection]", moment: datetime
) -> "QuerySet[Connection]":
    """Narrow connections to those in use whose every certificate ends before a moment."""
    own = IdPCertificate.objects.in_environment(environment).filter(connection=OuterRef("pk"))
    lasting = own.filter(not_after__gt=moment)
    return rows.filter(Exists(own), ~Exists(lasting), state__in=LINKED_STATES)


def renewal_figures(environment: Environment) -> Sequence[Figure]:
    """Return the figure that warns on the first page, where there is something to warn of."""
    moment = clock.now()
    rows = Connection.objects.in_environment(environment)
    ending = ending_before(environment, rows, moment + conf.RENEWAL_NOTICE)
    ended = ending_before(environment, rows, moment).count()
    if not ending.exists():
        return []
    return [
        Figure(
            "Certificates to renew",
            bounded_count(ending),
            list_url(Connection, certificates="ending"),
            note=f"{ended} ended already" if ended else "of connections, within a month",
            tone="danger" if ended else "warn",
        )
    ]


class CertificateFilter(admin.SimpleListFilter):
    """Connections that wait for a new certificate."""

    title = "certificates"
    parameter_name = "certificates"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ending", "Ending or ended")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Connection]") -> "QuerySet[Connection]":
        return (
            ending_before(environment_of(request), queryset, clock.now() + conf.RENEWAL_NOTICE)
            if self.value() == "ending"
            else queryset
        )


class _CertificateAdmin(EnvironmentModelAdmin):
    """What is shown of a certificate, whosever it is; it is reached from its connection."""

    section = "Single sign-on"
    in_navigation = False
    list_select_related = ("connection",)
    linked_by = ("connection",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("connection")

    @admin.display(description="connection")
    def connection_link(self, row: IdPCertificate | SPKeyPair) -> str:
        return link(row.connection)

    @admin.display(description="counts")
    def counts(self, row: IdPCertificate | SPKeyPair) -> str:
        return expiry_badge(row)

    @admin.display(description="SHA-256 fingerprint")
    def fingerprint_shown(self, row: IdPCertificate | SPKeyPair) -> str:
        return copyable(fingerprint_in_pairs(row.fingerprint))

    @admin.display(description="certificate")
    def certificate_shown(self, row: IdPCertificate | SPKeyPair) -> str:
        return format_html('<pre class="pretty">{}</pre>', row.certificate)


@admin.register(IdPCertificate)
class IdPCertificateAdmin(_CertificateAdmin):
    """A certificate with which an identity provider signs."""

    list_display = ("fingerprint", "connection_link", "counts", "created_at")
    fields = (
        "connection_link",
        "counts",
        "fingerprint_shown",
        "not_before",
        "not_after",
        "certificate_shown",
    )
    readonly_fields = fields
    delete_explanation = (
        "What the identity provider signs with it is refused from now on. The last one of a connection stays."
    )

    def remove(self, request: HttpRequest, row: IdPCertificate) -> None:
        services.delete_idp_certificate(connection=row.connection, certificate_id=row.pk)


@admin.register(SPKeyPair)
class SPKeyPairAdmin(_CertificateAdmin):
    """A key pair of our own side; its private key is shown to nobody."""

    list_display = ("fingerprint", "connection_link", "use", "counts", "created_at")
    fields = (
        "connection_link",
        "use",
        "counts",
        "fingerprint_shown",
        "not_before",
        "not_after",
        "certificate_shown",
    )
    readonly_fields = fields
    delete_explanation = (
        "An encryption pair: what is encrypted to it cannot be read any more, so let the identity provider use another "
        "certificate first. The signing pair: requests go out unsigned until there is another one."
    )

    def remove(self, request: HttpRequest, row: SPKeyPair) -> None:
        services.delete_key_pair(connection=row.connection, use=row.use, pair_id=row.pk)
