"""Staff pages of the outbox: what happened, and the mail that went out."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from environments.models import Environment
from environments.staff.dashboard import Figure
from environments.staff.model_admin import EnvironmentModelAdmin, copyable
from environments.staff.panels import badge, code, list_url
from environments.staff.scope import environment_of
from environments.staff.tools import tool
from events import services
from events.models import SMS_KIND, Event, Mail
from events.names import NAMES
from foundation.ids import looks_like_id

# The first word of an event's name, as far as staff filter by it.
_TOPICS = (
    "api_key",
    "authentication",
    "group",
    "invitation",
    "organization",
    "organization_domain",
    "organization_membership",
    "organization_role",
    "permission",
    "role",
    "session",
    "user",
)


class TopicFilter(admin.SimpleListFilter):
    """What kind of object an event is about."""

    title = "topic"
    parameter_name = "topic"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(topic, topic) for topic in _TOPICS]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Event]") -> "QuerySet[Event]":
        if self.value() not in _TOPICS:
            return queryset
        # By name and not by pattern: an index finds them.
        return queryset.filter(name__in=[name for name in NAMES if name.startswith(f"{self.value()}.")])


class OutcomeFilter(admin.SimpleListFilter):
    """Sign-ins that worked, and those that did not."""

    title = "sign-in"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("succeeded", "succeeded"), ("failed", "failed")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Event]") -> "QuerySet[Event]":
        if self.value() not in {"succeeded", "failed"}:
            return queryset
        ending = f"_{self.value()}"
        return queryset.filter(
            name__in=[name for name in NAMES if name.startswith("authentication.") and name.endswith(ending)]
        )


@admin.register(Event)
class EventAdmin(EnvironmentModelAdmin):
    """What happened, and who did it."""

    section = "Activity"
    icon = "activity"
    order = 10
    summary = "Everything that happened in this environment in the last 30 days, and who did it."
    list_display = ("name_badge", "actor", "about", "created_at")
    list_filter = (TopicFilter, OutcomeFilter, "actor_kind")
    linked_by = ("name", "organization_id", "object_id", "actor_id")
    # The words are Django's switch for the search box; get_search_results decides what is searched.
    search_fields = ("name",)
    search_help_text = (
        "The id of an event, object, organization or actor; or part of an event's or actor's name."
    )
    fieldsets = (
        (None, {"fields": ("name_badge", "actor", "about", "organization", "created_at", "event_id")}),
        ("Data", {"fields": ("pretty_data",)}),
        ("Context", {"fields": ("pretty_context",)}),
    )
    readonly_fields = (
        "name_badge",
        "actor",
        "about",
        "organization",
        "created_at",
        "event_id",
        "pretty_data",
        "pretty_context",
    )

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Ask an index where the term is an id, and scan names where it is words."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if "_" in term and looks_like_id(term) and term.rpartition("_")[2][:1].isdigit():
            return queryset.filter(
                Q(pk=term) | Q(object_id=term) | Q(organization_id=term) | Q(actor_id=term)
            ), False
        return queryset.filter(Q(name__icontains=term) | Q(actor_name__icontains=term)), False

    @admin.display(description="event", ordering="name")
    def name_badge(self, row: Event) -> str:
        tone = ""
        if row.name.endswith(("_failed", ".denied", ".deleted", ".revoked")):
            tone = "bad"
        elif row.name.endswith(("_succeeded", ".created", ".verified")):
            tone = "good"
        return badge(row.name, tone)

    @admin.display(description="actor")
    def actor(self, row: Event) -> str:
        return format_html("{} {}", row.actor_name or row.actor_id, badge(row.actor_kind.replace("_", " ")))

    @admin.display(description="about")
    def about(self, row: Event) -> str:
        return code(row.object_id) if row.object_id else "—"

    @admin.display(description="organization")
    def organization(self, row: Event) -> str:
        return code(row.organization_id) if row.organization_id else "—"

    @admin.display(description="id")
    def event_id(self, row: Event) -> str:
        return copyable(row.pk)

    @admin.display(description="data")
    def pretty_data(self, row: Event) -> str:
        return _pretty(row.data)

    @admin.display(description="context")
    def pretty_context(self, row: Event) -> str:
        return _pretty(row.context)


class DeliveryFilter(admin.SimpleListFilter):
    """How far a message has come."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "waiting"), ("sent", "sent"), ("failed", "failed")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Mail]") -> "QuerySet[Mail]":
        match self.value():
            case "sent":
                return queryset.filter(sent_at__isnull=False)
            case "failed":
                return queryset.filter(failed_at__isnull=False)
            case "waiting":
                return queryset.filter(sent_at__isnull=True, failed_at__isnull=True)
            case _:
                return queryset


@admin.register(Mail)
class MailAdmin(EnvironmentModelAdmin):
    """Messages to end users. What they say is shown in sandboxes only: it may hold one-time codes."""

    section = "Activity"
    icon = "mail"
    order = 20
    summary = "Every message that went out, or is on its way, and what the mail server said."
    list_display = ("recipient", "kind", "subject_shown", "state", "attempts", "created_at")
    list_filter = (DeliveryFilter,)
    list_select_related = ("environment",)
    linked_by = ("kind",)
    search_fields = ("recipient", "=id")
    readonly_fields = (
        "recipient",
        "sender",
        "kind",
        "subject_shown",
        "state",
        "attempts",
        "due_at",
        "sent_at",
        "failed_at",
        "last_error",
        "created_at",
        "mail_id",
        "body",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("text", "html")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        facts = tuple(name for name in self.readonly_fields if name != "body")
        message = (("Message", {"fields": ("body",)}),) if environment_of(request).is_sandbox else ()
        return ((None, {"fields": facts}), *message)

    @tool(
        "Send again",
        explanation="The message is queued once more, to the same address. A one-time code in it may have expired.",
        applies=lambda row: row.sent_at is not None or row.failed_at is not None,
    )
    def send_again(self, request: HttpRequest, row: Mail, _data: dict[str, Any]) -> str:
        """Queue a message that was given up, or that its reader has lost."""
        services.resend_mail(row)
        return "The message is on its way again."

    def dashboard_figures(self, environment: Environment, request: HttpRequest) -> Sequence[Figure]:
        """How many messages were given up."""
        failed = Mail.objects.in_environment(environment).filter(failed_at__isnull=False)
        count = failed.order_by()[:1001].count()
        label = "1,000+" if count > 1000 else f"{count:,}"
        return [
            Figure("Mail that failed", label, list_url(Mail, state="failed"), "", "danger" if count else ""),
        ]

    @admin.display(description="state")
    def state(self, row: Mail) -> str:
        if row.kind == SMS_KIND:
            return badge("kept")
        if row.sent_at:
            return badge("sent", "good")
        if row.failed_at:
            return badge("failed", "bad")
        return badge("retrying" if row.attempts else "waiting", "warn")

    @admin.display(description="subject")
    def subject_shown(self, row: Mail) -> str:
        return row.subject if row.environment_id and row.environment.is_sandbox else "—"

    @admin.display(description="id")
    def mail_id(self, row: Mail) -> str:
        return copyable(row.pk)

    @admin.display(description="text")
    def body(self, row: Mail) -> str:
        return format_html('<pre class="pretty">{}</pre>', row.text)


def _pretty(value: Any) -> str:
    return format_html('<pre class="pretty">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))
