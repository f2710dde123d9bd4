"""The trail for staff: each exchange with an identity provider, what went out, what came back, what was wrong."""

import json
import re
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from environments.staff.model_admin import EnvironmentModelAdmin
from environments.staff.panels import code, link
from environments.staff.scope import environment_of
from sso.admin.connections import exchange_badge
from sso.models import ExchangeState, SSOSession

_LATELY = 500
_PROFILE = "The mapped profile"


class FailureFilter(admin.SimpleListFilter):
    """The checks that failed lately."""

    title = "failed check"
    parameter_name = "failure"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = SSOSession.objects.in_environment(environment_of(request)).filter(state=ExchangeState.FAILED)
        lately = rows.order_by("-id").values_list("failure", flat=True)[:_LATELY]
        return [(name, name.replace("_", " ")) for name in sorted(set(lately))]

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
        (None, {"fields": ("connection_link", "kind", "state_badge", "what_to_do", "failed_check", "who")}),
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
        "what_to_do",
        "failed_check",
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
    def what_to_do(self, row: SSOSession) -> str:
        if row.state == ExchangeState.PENDING:
            return "Wait: the answer has not come yet."
        return row.sentence or "Nothing: every check passed."

    @admin.display(description="failed check")
    def failed_check(self, row: SSOSession) -> str:
        return code(row.failure) if row.failure else "—"

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
    """Return what was sent or received, set out: JSON, and below it each XML document with an element a line."""
    if not document:
        return "—"
    texts = {
        name: value
        for name, value in document.items()
        if isinstance(value, str) and value.lstrip().startswith("<")
    }
    rest = {name: value for name, value in document.items() if name not in texts}
    parts = [json.dumps(rest, indent=2, ensure_ascii=False)] if rest else []
    parts += [f"{name}:\n{_indented(value)}" for name, value in texts.items()]
    return format_html('<pre class="pretty">{}</pre>', "\n\n".join(parts))


def _indented(xml: str) -> str:
    """Break a document into lines for the eye; it may be broken, so that nothing parses it."""
    lines, depth = [], 0
    for piece in re.sub(r">\s*<", ">\n<", xml.strip()).split("\n"):
        depth -= piece.startswith("</")
        lines.append("  " * max(depth, 0) + piece)
        opens = piece.startswith("<") and not piece.startswith(("</", "<?", "<!"))
        depth += opens and not piece.endswith("/>") and "</" not in piece
    return "\n".join(lines)
