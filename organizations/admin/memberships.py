"""Staff pages of who belongs to an organization, and of groups."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from authorization.services import list_roles
from environments.staff.fields import slug_choices
from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm
from environments.staff.panels import Panel, badge, first_rows, link, list_url
from environments.staff.scope import actor_of, environment_of
from environments.staff.tools import ToolForm, tool
from organizations import services
from organizations.models import Group, MembershipStatus, OrganizationMembership


class NewMembershipForm(ServiceForm):
    """Who joins what, in which roles of the environment; an organization's own roles are given afterwards."""

    role_slugs = forms.MultipleChoiceField(
        label="Roles",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: the default role.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["role_slugs"]
        field.choices = slug_choices(list_roles(self.environment))


class RolesForm(ToolForm):
    """The roles that a member may carry: the environment's and the organization's own."""

    role_slugs = forms.MultipleChoiceField(
        label="Roles",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: the default role.",
    )

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        field: Any = self.fields["role_slugs"]
        field.choices = slug_choices(list_roles(self.environment, self.row.organization))
        field.initial = [role.slug for role in self.row.roles.all()]


@admin.register(OrganizationMembership)
class OrganizationMembershipAdmin(EnvironmentModelAdmin):
    """Who belongs to which organization, in which roles."""

    section = "Organizations"
    icon = "member"
    order = 30
    label = "Memberships"
    summary = "Who belongs to which organization, and in which roles."
    add_form = NewMembershipForm
    list_display = ("user_shown", "organization_link", "roles_shown", "status_badge", "created_at")
    list_filter = ("status",)
    search_fields = ("user__email", "organization__name", "=id")
    linked_by = ("user", "organization", "roles", "groups")
    autocomplete_fields = ("user", "organization")
    fields = (
        "user_link",
        "organization_link",
        "roles_shown",
        "status_badge",
        "directory_managed",
        "custom_attributes",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields
    add_fieldsets = ((None, {"fields": ("user", "organization", "role_slugs")}),)
    delete_explanation = "The user leaves the organization. Their account stays."

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user", "organization").prefetch_related("roles")

    def create(self, request: HttpRequest, data: dict[str, Any]) -> OrganizationMembership:
        return services.create_membership(
            environment=environment_of(request), actor=actor_of(request), **data
        )

    def remove(self, request: HttpRequest, row: OrganizationMembership) -> None:
        services.delete_membership(membership=row, actor=actor_of(request))

    def heading(self, row: OrganizationMembership) -> str:
        return f"{row.user.email} in {row.organization.name}"

    @tool("Change roles", form_class=RolesForm)
    def change_roles(self, request: HttpRequest, row: OrganizationMembership, data: dict[str, Any]) -> str:
        """Give a member other roles."""
        services.update_membership(membership=row, actor=actor_of(request), role_slugs=data["role_slugs"])
        return "The roles were changed. Access tokens follow at their next refresh."

    @tool(
        "Deactivate",
        explanation="The member keeps the roles, but cannot sign in to this organization any more.",
        is_dangerous=True,
        applies=lambda row: row.status == MembershipStatus.ACTIVE,
    )
    def deactivate(self, request: HttpRequest, row: OrganizationMembership, _data: dict[str, Any]) -> str:
        """Suspend a member."""
        services.deactivate_membership(membership=row, actor=actor_of(request))
        return "The membership is inactive."

    @tool(
        "Reactivate",
        explanation="The member can sign in to this organization again, with the roles from before.",
        applies=lambda row: row.status == MembershipStatus.INACTIVE,
    )
    def reactivate(self, request: HttpRequest, row: OrganizationMembership, _data: dict[str, Any]) -> str:
        """Let a suspended member back in."""
        services.reactivate_membership(membership=row, actor=actor_of(request))
        return "The membership is active."

    @admin.display(description="user", ordering="user__email")
    def user_shown(self, row: OrganizationMembership) -> str:
        return row.user.email

    @admin.display(description="user")
    def user_link(self, row: OrganizationMembership) -> str:
        return link(row.user)

    @admin.display(description="organization")
    def organization_link(self, row: OrganizationMembership) -> str:
        return link(row.organization)

    @admin.display(description="roles")
    def roles_shown(self, row: OrganizationMembership) -> str:
        return ", ".join(role.slug for role in row.roles_by_priority())

    @admin.display(description="status", ordering="status")
    def status_badge(self, row: OrganizationMembership) -> str:
        return badge(row.status, "good" if row.status == MembershipStatus.ACTIVE else "")


class MemberForm(ToolForm):
    """A member of the group's organization, by e-mail."""

    email = forms.EmailField(label="E-mail of the member", max_length=320)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        email = str(data.get("email", "")).strip().lower()
        members = OrganizationMembership.objects.in_environment(self.environment)
        self.membership = members.filter(organization=self.row.organization, user__email=email).first()
        if email and self.membership is None:
            self.add_error("email", "Nobody with this e-mail belongs to the organization.")
        return {**data, "membership": self.membership}


@admin.register(Group)
class GroupAdmin(EnvironmentModelAdmin):
    """Named sets of members of one organization."""

    section = "Organizations"
    icon = "group"
    order = 40
    summary = "Named sets of members of one organization."
    list_display = ("name", "organization_link", "description", "created_at")
    list_select_related = ("organization",)
    search_fields = ("name", "organization__name", "=id")
    linked_by = ("organization",)
    autocomplete_fields = ("organization",)
    fields = ("name", "description", "organization_link", "created_at", "updated_at")
    readonly_fields = ("organization_link", "created_at", "updated_at")
    add_fieldsets = ((None, {"fields": ("organization", "name", "description")}),)
    delete_explanation = "Its members stay members of the organization."

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Group:
        return services.create_group(actor=actor_of(request), **data)

    def change(self, request: HttpRequest, row: Group, changes: dict[str, Any]) -> None:
        services.update_group(
            group=row,
            actor=actor_of(request),
            changes=changes,  # type: ignore[arg-type]  # the form has no other fields
        )

    def remove(self, request: HttpRequest, row: Group) -> None:
        services.delete_group(group=row, actor=actor_of(request))

    @tool("Add member", form_class=MemberForm)
    def add_member(self, request: HttpRequest, row: Group, data: dict[str, Any]) -> str:
        """Put somebody into the group."""
        services.add_group_member(group=row, actor=actor_of(request), membership_id=data["membership"].pk)
        return f"{data['email']} is in the group."

    @tool("Remove member", form_class=MemberForm)
    def remove_member(self, request: HttpRequest, row: Group, data: dict[str, Any]) -> str:
        """Take somebody out of the group."""
        services.remove_group_member(group=row, actor=actor_of(request), membership_id=data["membership"].pk)
        return f"{data['email']} is not in the group any more."

    def panels(self, request: HttpRequest, row: Group) -> Sequence[Panel]:
        members = OrganizationMembership.objects.in_environment(environment_of(request)).filter(groups=row)
        return (
            Panel(
                "Members",
                ("User", "Status"),
                [
                    (link(member, member.user.email), badge(member.status))
                    for member in first_rows(members.select_related("user"))
                ],
                more=list_url(OrganizationMembership, groups=row.pk),
            ),
        )

    @admin.display(description="organization")
    def organization_link(self, row: Group) -> str:
        return link(row.organization)
