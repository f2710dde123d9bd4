"""The trail for staff: each exchange with an identity provider, what went out, what came back, what was wrong."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from environments.staff.model_admin import EnvironmentModelAdmin
from environments.staff.panels import link
from sso.admin.connections import exchange_badge
from sso.models import SSOSession

_LATELY = 500
_PROFILE = "The mapped profile"


class FailureFilter(admin.SimpleListFilter):
    """The checks that failed lately."""

    title = "failed check"
    parameter_name = "failure"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = model_admin.get_queryset(request).exclude(failure="").order_by()
        return [
            (name, name.replace("_", " ")) for name in sorted(set(rows.values_list("failure", flat=True)))
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(failure=self.value()) if self.value() else queryset


@admin.register(SSOSession)
class SSOSessionAdmin(EnvironmentModelAdmin):
    """Exchanges with identity providers."""

    section = "Single sign-on"
    icon = "activity"
    order = 20
    label = "Exchanges"
    summary = (
        "What identity providers were asked and what they answered, for thirty days. Secrets are masked."
    )
    list_display = ("created_at", "connection_link", "kind", "state_badge", "who", "sentence_short")
    list_select_related = ("connection", "profile")
    list_filter = ("state", "kind", FailureFilter)
    search_fields = ("=id", "=connection__id", "profile__email", "=failure", "=ip_address")
    search_help_text = "Part of an email address, or a whole id, failed check or IP address."
    linked_by = ("connection", "profile")
    fieldsets = (
        (None, {"fields": ("connection_link", "kind", "state_badge", "failure", "sentence", "who")}),
        (
            _PROFILE,
            {
                "fields": ("profile_shown",),
                "description": "What the product is told, after the mapping of the connection.",
            },
        ),
        ("What was sent", {"fields": ("sent_shown",)}),
        ("What came back", {"fields": ("received_shown",)}),
        ("Facts", {"fields": ("ip_address", "user_agent", "created_at", "completed_at", "expires_at")}),
    )
    readonly_fields = (
        "connection_link",
        "kind",
        "state_badge",
        "failure",
        "sentence",
        "who",
        "profile_shown",
        "sent_shown",
        "received_shown",
        "ip_address",
        "user_agent",
        "created_at",
        "completed_at",
        "expires_at",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("connection", "profile")

    def get_fieldsets(self, request: HttpRequest, obj: SSOSession | None = None) -> Any:
        without = {_PROFILE} if obj is not None and obj.profile_id is None else set()
        return tuple(part for part in self.fieldsets if part[0] not in without)

    def heading(self, row: SSOSession) -> str:
        return f"{row.get_kind_display()} on {row.created_at:%Y-%m-%d at %H:%M:%S}"

    @admin.display(description="connection")
    def connection_link(self, row: SSOSession) -> str:
        return link(row.connection)

    @admin.display(description="how it went", ordering="state")
    def state_badge(self, row: SSOSession) -> str:
        return exchange_badge(row)

    @admin.display(description="who")
    def who(self, row: SSOSession) -> str:
        return link(row.profile)

    @admin.display(description="what to do")
    def sentence_short(self, row: SSOSession) -> str:
        return row.sentence if len(row.sentence) <= 120 else f"{row.sentence[:119]}…"

    @admin.display(description="fields")
    def profile_shown(self, row: SSOSession) -> str:
        profile = row.profile
        if profile is None:
            return "—"
        return readable(
            {
                "idp_id": profile.idp_id,
                "email": profile.email,
                "first_name": profile.first_name,
                "last_name": profile.last_name,
                "name": profile.name,
                "groups": profile.groups,
                "roles": profile.role_slugs,
                "custom_attributes": profile.custom_attributes,
            }
        )

    @admin.display(description="request")
    def sent_shown(self, row: SSOSession) -> str:
        return readable(row.sent)

    @admin.display(description="answer")
    def received_shown(self, row: SSOSession) -> str:
        return readable(row.received)


def readable(document: Any) -> str:
    """Return what was sent or received, set out; a decoded XML document keeps its own lines."""
    if not document:
        return "—"
    texts = {
        name: value
        for name, value in document.items()
        if isinstance(value, str) and value.lstrip().startswith("<")
    }
    rest = {name: value for name, value in document.items() if name not in texts}
    parts = [json.dumps(rest, indent=2, ensure_ascii=False)] if rest else []
    parts += [f"{name}:\n{value}" for name, value in texts.items()]
    return format_html('<pre class="code">{}</pre>', "\n\n".join(parts))
