"""Staff pages of signing in: sessions and the JWT template."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from authentication import services
from authentication.models import JWTTemplate, Session, SessionStatus
from environments.models import Environment
from environments.staff.dashboard import Figure, bounded_count
from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm
from environments.staff.panels import add_url, badge, change_url, link, list_url
from environments.staff.scope import actor_of, environment_of
from environments.staff.tools import tool
from foundation import clock
from foundation.places import place_of
from foundation.user_agents import describe_user_agent


class StatusFilter(admin.SimpleListFilter):
    """Sessions that can still be refreshed, and the others."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, status.value) for status in SessionStatus]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case SessionStatus.ACTIVE:
                return queryset.filter(ended_at__isnull=True, expires_at__gt=clock.now())
            case SessionStatus.EXPIRED:
                return queryset.filter(ended_at__isnull=True, expires_at__lte=clock.now())
            case SessionStatus.REVOKED:
                return queryset.filter(ended_at__isnull=False)
            case _:
                return queryset


@admin.register(Session)
class SessionAdmin(EnvironmentModelAdmin):
    """Who is signed in, and from where."""

    section = "People"
    icon = "session"
    order = 30
    summary = "Who is signed in, since when and from where."
    list_display = (
        "user_shown",
        "organization_link",
        "status_badge",
        "device",
        "place",
        "refreshed_at",
        "created_at",
    )
    list_filter = (StatusFilter,)
    search_fields = ("user__email", "=id", "=ip_address")
    linked_by = ("user", "organization")
    fields = (
        "user_link",
        "organization_link",
        "status_badge",
        "authentication_method",
        "impersonated_by",
        "device",
        "place",
        "ip_address",
        "user_agent",
        "created_at",
        "refreshed_at",
        "expires_at",
        "ended_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super().get_queryset(request).select_related("user", "organization").defer("sealed_refresh_token")
        )

    def heading(self, row: Session) -> str:
        return f"Session of {row.user.email}"

    @tool(
        "Revoke",
        explanation=(
            "The session cannot be refreshed any more. An access token that is out already stays good until it expires, "
            "which is a matter of minutes."
        ),
        is_dangerous=True,
        applies=lambda row: row.status is SessionStatus.ACTIVE,
    )
    def revoke(self, request: HttpRequest, row: Session, _data: dict[str, Any]) -> str:
        """End a session."""
        services.end_session(row, actor_of(request))
        return "The session has ended."

    def dashboard_figures(self, environment: Environment, request: HttpRequest) -> Sequence[Figure]:
        """How many people are signed in."""
        rows = Session.objects.in_environment(environment)
        active = rows.filter(ended_at__isnull=True, expires_at__gt=clock.now())
        return [
            Figure(
                "Active sessions", bounded_count(active), list_url(Session, status=SessionStatus.ACTIVE.value)
            )
        ]

    @admin.display(description="user", ordering="user__email")
    def user_shown(self, row: Session) -> str:
        return row.user.email

    @admin.display(description="user")
    def user_link(self, row: Session) -> str:
        return link(row.user)

    @admin.display(description="organization")
    def organization_link(self, row: Session) -> str:
        return link(row.organization)

    @admin.display(description="in the user's place")
    def impersonated_by(self, row: Session) -> str:
        return f"{row.impersonator_email}: {row.impersonation_reason}" if row.impersonator_email else "—"

    @admin.display(description="device")
    def device(self, row: Session) -> str:
        return str(describe_user_agent(row.user_agent or "").label)

    @admin.display(description="place")
    def place(self, row: Session) -> str:
        return place_of(row.ip_address or "") or "—"

    @admin.display(description="status")
    def status_badge(self, row: Session) -> str:
        return badge(row.status, "good" if row.status is SessionStatus.ACTIVE else "")


class JWTTemplateForm(ServiceForm):
    """The template, in the type of code."""

    content = forms.CharField(
        label="Template",
        strip=False,
        widget=forms.Textarea(attrs={"rows": 16, "class": "code", "spellcheck": "false"}),
        help_text='A JSON object of further claims, such as {"urn:app:plan": "{{ organization.metadata.plan }}"}.',
    )


@admin.register(JWTTemplate)
class JWTTemplateAdmin(EnvironmentModelAdmin):
    """The claims that an environment adds to its access tokens: one template, or none."""

    icon = "braces"
    order = 50
    label = "JWT template"
    form = JWTTemplateForm
    add_form = JWTTemplateForm
    fields = ("content",)

    def heading(self, row: JWTTemplate) -> str:
        return "JWT template"

    def create(self, request: HttpRequest, data: dict[str, Any]) -> JWTTemplate:
        return services.set_jwt_template(environment=environment_of(request), content=data["content"])

    def change(self, request: HttpRequest, row: JWTTemplate, changes: dict[str, Any]) -> None:
        services.set_jwt_template(environment=environment_of(request), content=changes["content"])

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row at most: go to it, or to the form for it."""
        template = self.get_queryset(request).first()
        if template is not None:
            return HttpResponseRedirect(change_url(template))
        if self.has_add_permission(request):
            return HttpResponseRedirect(add_url(JWTTemplate))
        answer: HttpResponse = super().changelist_view(request, extra_context)
        return answer
