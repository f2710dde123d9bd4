"""Staff pages of invitations: who is invited into what, and what became of it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from authorization.services import list_roles
from environments.staff.fields import slug_choices
from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm
from environments.staff.panels import badge, link
from environments.staff.scope import actor_of, environment_of
from environments.staff.tools import tool
from foundation import clock
from organizations import services
from organizations.models import Invitation, InvitationState, invitations_with_relations
from organizations.services.invitations import DEFAULT_DAYS, LONGEST_DAYS, SHORTEST_DAYS

_TONES = {
    InvitationState.PENDING: "info",
    InvitationState.ACCEPTED: "good",
    InvitationState.EXPIRED: "warn",
    InvitationState.REVOKED: "bad",
}


def state_badge(row: Invitation) -> str:
    """Return what has become of an invitation, in colour."""
    return badge(row.state.value, _TONES[row.state])


class NewInvitationForm(ServiceForm):
    """Whom to invite, into what, in which of the environment's roles, for how long."""

    role_slug = forms.ChoiceField(
        label="Role", required=False, help_text="In the organization; none: the default role."
    )
    expires_in_days = forms.IntegerField(
        label="Valid for, in days",
        initial=DEFAULT_DAYS,
        min_value=SHORTEST_DAYS,
        max_value=LONGEST_DAYS,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role: Any = self.fields["role_slug"]
        role.choices = [("", "—"), *slug_choices(list_roles(self.environment))]
        self.fields["organization"].help_text = "Empty: an invitation to the product alone."


def _is_pending(row: Invitation) -> bool:
    return row.state is InvitationState.PENDING


class StateFilter(admin.SimpleListFilter):
    """The state is no column: it follows from the moments that a row carries."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, str]]:
        return [(state.value, state.value) for state in InvitationState]

    def queryset(self, _request: HttpRequest, queryset: Any) -> Any:
        unanswered = Q(accepted_at__isnull=True, revoked_at__isnull=True)
        moment = clock.now()
        conditions = {
            InvitationState.PENDING: unanswered & Q(expires_at__gt=moment),
            InvitationState.EXPIRED: unanswered & Q(expires_at__lte=moment),
            InvitationState.ACCEPTED: Q(accepted_at__isnull=False),
            InvitationState.REVOKED: Q(revoked_at__isnull=False),
        }
        wanted = conditions.get(self.value())  # type: ignore[call-overload]  # the texts are the enumeration's values
        return queryset if wanted is None else queryset.filter(wanted)


@admin.register(Invitation)
class InvitationAdmin(EnvironmentModelAdmin):
    """Who was asked by e-mail to sign up, or to join an organization."""

    section = "Organizations"
    icon = "mail"
    order = 35
    label = "Invitations"
    summary = "Who was asked by e-mail to sign up, or to join an organization, and what became of it."
    list_display = ("email", "organization_shown", "role_shown", "state_badge", "expires_at", "created_at")
    list_filter = (StateFilter,)
    search_fields = ("email", "organization__name", "=id")
    linked_by = ("organization", "inviter", "accepted_user")
    autocomplete_fields = ("organization",)
    add_form = NewInvitationForm
    add_fieldsets = ((None, {"fields": ("email", "organization", "role_slug", "expires_in_days")}),)
    # The token is in nobody's hands but the invitee's and the application's.
    fields = (
        "email",
        "state_badge",
        "organization_link",
        "role_shown",
        "inviter_link",
        "expires_at",
        "accepted_at",
        "accepted_user_link",
        "revoked_at",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = invitations_with_relations(environment_of(request))
        return rows.select_related(
            "environment", "role", "membership", "organization", "inviter", "accepted_user"
        ).order_by(*self.get_ordering(request))

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Invitation:
        return services.send_invitation(environment=environment_of(request), actor=actor_of(request), **data)

    @tool(
        "Resend",
        explanation="The invitee gets the mail once more: the same link, until the same moment.",
        applies=_is_pending,
    )
    def resend(self, request: HttpRequest, row: Invitation, _data: dict[str, Any]) -> str:
        """Mail the invitation again."""
        services.resend_invitation(invitation=row, actor=actor_of(request))
        return f"The invitation was sent to {row.email} again."

    @tool(
        "Revoke",
        explanation="The link is of no use from now on, and the membership that waits for it is removed.",
        is_dangerous=True,
        applies=_is_pending,
    )
    def revoke(self, request: HttpRequest, row: Invitation, _data: dict[str, Any]) -> str:
        """Take the invitation back."""
        services.revoke_invitation(invitation=row, actor=actor_of(request))
        return "The invitation was revoked."

    @admin.display(description="state")
    def state_badge(self, row: Invitation) -> str:
        return state_badge(row)

    @admin.display(description="role")
    def role_shown(self, row: Invitation) -> str:
        return row.role_slug or "—"

    @admin.display(description="organization")
    def organization_shown(self, row: Invitation) -> str:
        return "—" if row.organization is None else row.organization.name

    @admin.display(description="organization")
    def organization_link(self, row: Invitation) -> str:
        return link(row.organization)

    @admin.display(description="inviter")
    def inviter_link(self, row: Invitation) -> str:
        return link(row.inviter)

    @admin.display(description="accepted by")
    def accepted_user_link(self, row: Invitation) -> str:
        return link(row.accepted_user)
