"""Staff pages of organizations and their domains."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from authentication.policies import policy_of_organization
from authentication.services import delete_organization
from authorization.models import Role
from environments.models import Environment
from environments.staff.dashboard import Figure, bounded_count
from environments.staff.fields import MetadataForm, metadata_changes
from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm
from environments.staff.panels import Panel, add_url, badge, code, first_rows, link, list_url
from environments.staff.scope import actor_of, environment_of
from environments.staff.tools import tool
from events.models import Event
from organizations import services
from organizations.admin.invitations import state_badge
from organizations.models import (
    CustomerAPIKey,
    DomainState,
    Group,
    Invitation,
    Organization,
    OrganizationDomain,
    OrganizationMembership,
    OrganizationPolicy,
)
from sso.models import Connection, ConnectionState

_DOMAIN_TONES = {
    DomainState.VERIFIED: "good",
    DomainState.LEGACY_VERIFIED: "good",
    DomainState.PENDING: "warn",
    DomainState.FAILED: "bad",
}
_CONNECTION_TONES = {
    ConnectionState.ACTIVE: "good",
    ConnectionState.VALIDATING: "info",
    ConnectionState.DRAFT: "warn",
    ConnectionState.INACTIVE: "bad",
}


def domain_badge(state: str) -> str:
    """Return how far the proof of a domain has come, in colour."""
    return badge(state.replace("_", " "), _DOMAIN_TONES.get(DomainState(state), ""))


@admin.register(Organization)
class OrganizationAdmin(EnvironmentModelAdmin):
    """The customers of the product."""

    section = "Organizations"
    icon = "building"
    order = 10
    summary = "The customers of your product."
    form = MetadataForm
    add_form = MetadataForm
    list_display = ("name", "domains_shown", "external_id", "created_at")
    search_fields = ("name", "domains__domain", "=id", "=external_id", "=stripe_customer_id")
    search_help_text = "Part of a name or domain, or a whole id, external id or Stripe customer id."
    fieldsets = (
        (None, {"fields": ("name", "allow_profiles_outside_organization")}),
        ("For your product", {"fields": ("external_id", "stripe_customer_id", "metadata")}),
        ("Facts", {"fields": ("created_at", "updated_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("name",)}),
        ("For your product", {"fields": ("external_id", "stripe_customer_id", "metadata")}),
    )
    readonly_fields = ("created_at", "updated_at")
    delete_explanation = (
        "Sessions in this organization end at once; its domains, memberships, groups, roles and API keys go with it. "
        "The users stay. This cannot be undone."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("domains")

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Organization:
        return services.create_organization(
            environment=environment_of(request), actor=actor_of(request), **data
        )

    def change(self, request: HttpRequest, row: Organization, changes: dict[str, Any]) -> None:
        if "metadata" in changes:
            changes["metadata"] = metadata_changes(row.metadata, changes["metadata"])
        services.update_organization(
            organization=row,
            actor=actor_of(request),
            changes=changes,  # type: ignore[arg-type]  # the form has no other fields
        )

    def remove(self, request: HttpRequest, row: Organization) -> None:
        delete_organization(organization=row, actor=actor_of(request))

    def panels(self, request: HttpRequest, row: Organization) -> Sequence[Panel]:
        environment = environment_of(request)
        writes = self.has_tool_permission(request)

        def add(model: Any) -> str:
            return add_url(model, organization=row.pk) if writes else ""

        def of_this(model: Any) -> Any:
            return model.objects.in_environment(environment).filter(organization=row)

        members = of_this(OrganizationMembership).select_related("user").prefetch_related("roles")
        events = Event.objects.in_environment(environment).filter(organization_id=row.pk)
        return (
            Panel(
                "Domains",
                ("Domain", "State"),
                [
                    (link(domain), domain_badge(domain.state))
                    for domain in first_rows(of_this(OrganizationDomain))
                ],
                more=list_url(OrganizationDomain, organization=row.pk),
                add=add(OrganizationDomain),
            ),
            Panel(
                "Sign-in policy",
                ("Single sign-on", "Governs its domains"),
                [
                    (
                        link(policy, "required" if policy.sso_required else "not required"),
                        "yes" if policy.governs_domains else "no",
                    )
                    for policy in first_rows(of_this(OrganizationPolicy))
                ],
                add=add(OrganizationPolicy) if policy_of_organization(row) is None else "",
                empty="None: the environment's settings count.",
            ),
            Panel(
                "Members",
                ("User", "Roles", "Status"),
                [
                    (
                        link(member, member.user.email),
                        ", ".join(role.slug for role in member.roles_by_priority()),
                        badge(member.status, "good" if member.status == "active" else ""),
                    )
                    for member in first_rows(members)
                ],
                more=list_url(OrganizationMembership, organization=row.pk),
                add=add(OrganizationMembership),
            ),
            Panel(
                "Single sign-on",
                ("Connection", "Identity provider", "State"),
                [
                    (
                        link(connection),
                        connection.get_connection_type_display(),
                        badge(connection.state, _CONNECTION_TONES.get(ConnectionState(connection.state), "")),
                    )
                    for connection in first_rows(of_this(Connection))
                ],
                more=list_url(Connection, organization=row.pk),
                add=add(Connection),
                add_label="Set up SSO",
                empty="Not set up: its people sign in with what this environment offers everybody.",
            ),
            Panel(
                "Invitations",
                ("Invitee", "State", "Expires"),
                [
                    (link(invitation, invitation.email), state_badge(invitation), invitation.expires_at)
                    for invitation in first_rows(of_this(Invitation))
                ],
                more=list_url(Invitation, organization=row.pk),
                add=add(Invitation),
            ),
            Panel(
                "Groups",
                ("Group", "Description"),
                [(link(group), group.description or "") for group in first_rows(of_this(Group))],
                more=list_url(Group, organization=row.pk),
                add=add(Group),
            ),
            Panel(
                "Its own roles",
                ("Role", "Slug"),
                [(link(role, role.name), code(role.slug)) for role in first_rows(of_this(Role))],
                more=list_url(Role, organization=row.pk),
                add=add(Role),
                empty="None: its members carry the roles of the environment.",
            ),
            Panel(
                "API keys",
                ("Name", "Key", "Last used"),
                [
                    (link(key, key.name), code(key.obfuscated_value), key.last_used_at or "—")
                    for key in first_rows(of_this(CustomerAPIKey))
                ],
                more=list_url(CustomerAPIKey, organization=row.pk),
                add=add(CustomerAPIKey),
            ),
            Panel(
                "Latest events",
                ("Event", "Actor", "When"),
                [
                    (link(event, event.name), event.actor_name or event.actor_id, event.created_at)
                    for event in first_rows(events)
                ],
                more=list_url(Event, organization_id=row.pk),
            ),
        )

    def dashboard_figures(self, environment: Environment, request: HttpRequest) -> Sequence[Figure]:
        """How many organizations there are."""
        rows = Organization.objects.in_environment(environment)
        return [Figure("Organizations", bounded_count(rows), list_url(Organization))]

    @admin.display(description="domains")
    def domains_shown(self, row: Organization) -> str:
        names = [domain.domain for domain in row.domains.all()]
        rest = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return ", ".join(names[:2]) + rest


class NewDomainForm(ServiceForm):
    """A domain, and whether its proof is waited for."""

    domain = forms.CharField(max_length=253)
    state = forms.ChoiceField(
        label="Proof",
        choices=[
            (DomainState.PENDING, "The customer proves it by a DNS record"),
            (DomainState.VERIFIED, "I vouch for it"),
        ],
    )


@admin.register(OrganizationDomain)
class OrganizationDomainAdmin(EnvironmentModelAdmin):
    """Which mailboxes belong to which organization."""

    section = "Organizations"
    icon = "globe"
    order = 20
    label = "Domains"
    summary = "A verified domain tells to which organization a mailbox belongs."
    add_form = NewDomainForm
    list_display = ("domain", "organization_link", "state_badge", "verification_strategy", "created_at")
    list_select_related = ("organization",)
    list_filter = ("state",)
    search_fields = ("domain", "organization__name", "=id")
    linked_by = ("organization",)
    autocomplete_fields = ("organization",)
    fields = (
        "domain",
        "organization_link",
        "state_badge",
        "verification_strategy",
        "dns_record",
        "verification_deadline",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields
    add_fieldsets = ((None, {"fields": ("organization", "domain", "state")}),)

    def create(self, request: HttpRequest, data: dict[str, Any]) -> OrganizationDomain:
        return services.add_domain(actor=actor_of(request), **data)

    def remove(self, request: HttpRequest, row: OrganizationDomain) -> None:
        services.delete_domain(domain=row, actor=actor_of(request))

    @tool(
        "Start the proof again",
        explanation="A new DNS record is asked for, and looked up for the next 30 days. Former records still count.",
        applies=lambda row: not row.is_verified,
    )
    def verify(self, request: HttpRequest, row: OrganizationDomain, _data: dict[str, Any]) -> str:
        """Ask the DNS anew."""
        services.start_domain_verification(domain=row, actor=actor_of(request))
        return "The DNS is being asked."

    @admin.display(description="organization")
    def organization_link(self, row: OrganizationDomain) -> str:
        return link(row.organization)

    @admin.display(description="state", ordering="state")
    def state_badge(self, row: OrganizationDomain) -> str:
        return domain_badge(row.state)

    @admin.display(description="DNS record")
    def dns_record(self, row: OrganizationDomain) -> str:
        # No secret: the customer publishes it for all the world.
        if not row.verification_prefix:
            return "—"
        return format_html(
            'TXT <code class="id copyable">{}={}</code>', row.verification_prefix, row.verification_token
        )
