"""Staff pages of organizations' policies."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm
from environments.staff.panels import badge, link
from environments.staff.scope import environment_of
from organizations import services
from organizations.models import OrganizationPolicy


class PolicyForm(ServiceForm):
    """Words for people who have not read the code."""

    class Meta:
        labels = {
            "password_allowed": "Passwords",
            "magic_auth_allowed": "Codes by e-mail",
            "passkey_allowed": "Passkeys",
            "social_allowed": "Social providers",
            "sso_allowed": "Single sign-on",
            "sso_required": "Single sign-on is required",
            "mfa_policy": "Second factor is asked of",
            "session_maximum_seconds": "Longest session",
            "session_inactivity_seconds": "Session ends when idle for",
            "governs_domains": "The policy counts for everybody at the verified domains",
            "joins_by_domain": "People at the verified domains become members by signing in",
            "guests": "People of other domains may be members",
        }


@admin.register(OrganizationPolicy)
class OrganizationPolicyAdmin(EnvironmentModelAdmin):
    """What an organization asks of a sign-in beyond what the environment asks."""

    section = "Organizations"
    icon = "sliders"
    order = 25
    label = "Policies"
    summary = "How people of an organization sign in, where it asks for more than the environment."
    form = PolicyForm
    list_display = ("organization_shown", "sso_badge", "governs_domains", "updated_at")
    list_select_related = ("organization",)
    list_filter = ("sso_required", "governs_domains")
    search_fields = ("organization__name", "=organization__id")
    linked_by = ("organization",)
    autocomplete_fields = ("organization",)
    fieldsets = (
        (None, {"fields": ("organization_link", "updated_at")}),
        (
            "What people may sign in with",
            {
                "fields": (
                    "password_allowed",
                    "magic_auth_allowed",
                    "passkey_allowed",
                    "social_allowed",
                    "sso_allowed",
                    "sso_required",
                    "mfa_policy",
                ),
                "description": "What the environment has switched off stays off.",
            },
        ),
        (
            "Sessions",
            {
                "fields": ("session_maximum_seconds", "session_inactivity_seconds"),
                "description": "In seconds. Sessions that have begun follow at their next refresh.",
            },
        ),
        ("Domains", {"fields": ("governs_domains", "joins_by_domain", "guests")}),
    )
    add_fieldsets = ((None, {"fields": ("organization",)}), *fieldsets[1:])
    readonly_fields = ("organization_link", "updated_at")

    def create(self, request: HttpRequest, data: dict[str, Any]) -> OrganizationPolicy:
        changes = {name: value for name, value in data.items() if name != "organization"}
        return services.update_organization_policy(organization=data["organization"], changes=changes)

    def change(self, request: HttpRequest, row: OrganizationPolicy, changes: dict[str, Any]) -> None:
        environment = environment_of(request)
        organization = row.organization
        organization.environment = environment
        services.update_organization_policy(organization=organization, changes=changes)

    def remove(self, request: HttpRequest, row: OrganizationPolicy) -> None:
        services.remove_organization_policy(row)

    delete_explanation = "From then on the environment's settings alone count for the organization."

    def heading(self, row: OrganizationPolicy) -> str:
        return f"Policy of {row.organization.name}"

    @admin.display(description="organization", ordering="organization__name")
    def organization_shown(self, row: OrganizationPolicy) -> str:
        return row.organization.name

    @admin.display(description="organization")
    def organization_link(self, row: OrganizationPolicy) -> str:
        return link(row.organization)

    @admin.display(description="single sign-on")
    def sso_badge(self, row: OrganizationPolicy) -> str:
        return (
            badge("required", "good") if row.sso_required else badge("allowed" if row.sso_allowed else "off")
        )
