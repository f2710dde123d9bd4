"""Staff pages of roles and permissions."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest

from authorization import services
from authorization.models import Permission, Role
from environments.staff.model_admin import EnvironmentModelAdmin
from environments.staff.panels import Panel, badge, code, first_rows, link, list_url
from environments.staff.scope import actor_of, environment_of
from environments.staff.tools import ToolForm, tool
from organizations.models import OrganizationMembership


class PriorityForm(ToolForm):
    """The place of a role among its siblings."""

    place = forms.IntegerField(
        min_value=1, help_text="1 comes first where one of several roles must be named."
    )

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["place"].initial = self.row.priority + 1


class OwnerFilter(admin.SimpleListFilter):
    """Whose roles: the environment's, or those of single organizations."""

    title = "of"
    parameter_name = "of"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("environment", "the environment"), ("organizations", "single organizations")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "environment":
                return queryset.filter(organization__isnull=True)
            case "organizations":
                return queryset.filter(organization__isnull=False)
            case _:
                return queryset


@admin.register(Role)
class RoleAdmin(EnvironmentModelAdmin):
    """Bundles of permissions that members carry."""

    section = "Access"
    icon = "role"
    order = 10
    summary = "What members carry. Roles of the environment hold everywhere; an organization may add roles of its own."
    list_display = ("name", "slug_shown", "owner", "priority", "default_badge", "created_at")
    list_select_related = ("organization",)
    list_filter = (OwnerFilter,)
    search_fields = ("name", "slug", "=id")
    linked_by = ("organization",)
    autocomplete_fields = ("organization",)
    fieldsets = (
        (None, {"fields": ("name", "slug", "description", "organization", "priority", "default_badge")}),
        ("Grants", {"fields": ("permissions",)}),
        ("Facts", {"fields": ("resource_type_slug", "created_at", "updated_at")}),
    )
    readonly_fields = (
        "slug",
        "organization",
        "priority",
        "default_badge",
        "resource_type_slug",
        "created_at",
        "updated_at",
    )
    add_fieldsets = ((None, {"fields": ("name", "slug", "description", "organization")}),)
    delete_explanation = "Only a role that nobody holds can be deleted. This cannot be undone."

    def get_ordering(self, request: HttpRequest) -> Any:
        return (F("organization").asc(nulls_first=True), "priority", "pk")

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Role:
        return services.create_role(environment=environment_of(request), actor=actor_of(request), **data)

    def change(self, request: HttpRequest, row: Role, changes: dict[str, Any]) -> None:
        actor = actor_of(request)
        permissions = changes.pop("permissions", None)
        if changes:
            services.update_role(role=row, actor=actor, changes=changes)
        if permissions is not None:
            slugs = [permission.slug for permission in permissions]
            services.set_role_permissions(role=row, actor=actor, slugs=slugs)

    def remove(self, request: HttpRequest, row: Role) -> None:
        services.delete_role(role=row, actor=actor_of(request))

    @tool(
        "Change priority",
        explanation="The other roles move over. The first of a member's roles is the one that older clients see.",
        form_class=PriorityForm,
    )
    def change_priority(self, request: HttpRequest, row: Role, data: dict[str, Any]) -> str:
        """Give a role another place among its siblings."""
        environment = environment_of(request)
        siblings = Role.objects.in_environment(environment).filter(organization=row.organization)
        slugs = [
            slug
            for slug in siblings.order_by("priority", "pk").values_list("slug", flat=True)
            if slug != row.slug
        ]
        slugs.insert(data["place"] - 1, row.slug)
        services.reorder_roles(
            environment=environment, actor=actor_of(request), slugs=slugs, organization=row.organization
        )
        return "The roles are in their new order."

    @tool(
        "Make default",
        explanation="Members who are added without a role get this one. Present members keep theirs.",
        applies=lambda row: row.organization_id is None and not row.is_default,
    )
    def make_default(self, request: HttpRequest, row: Role, _data: dict[str, Any]) -> str:
        """Put this role in the default's place."""
        services.set_default_role(role=row, actor=actor_of(request))
        return "This is the default role now."

    def panels(self, request: HttpRequest, row: Role) -> Sequence[Panel]:
        members = OrganizationMembership.objects.in_environment(environment_of(request)).filter(roles=row)
        return (
            Panel(
                "Held by",
                ("User", "Organization", "Status"),
                [
                    (link(member, member.user.email), link(member.organization), badge(member.status))
                    for member in first_rows(members.select_related("user", "organization"))
                ],
                more=list_url(OrganizationMembership, roles=row.pk),
                empty="Nobody holds this role.",
            ),
        )

    @admin.display(description="slug", ordering="slug")
    def slug_shown(self, row: Role) -> str:
        return code(row.slug)

    @admin.display(description="of")
    def owner(self, row: Role) -> str:
        return link(row.organization) if row.organization else "environment"

    @admin.display(description="default")
    def default_badge(self, row: Role) -> str:
        return badge("default", "info") if row.is_default else "—"


@admin.register(Permission)
class PermissionAdmin(EnvironmentModelAdmin):
    """Single things that may be allowed."""

    section = "Access"
    icon = "permission"
    order = 20
    summary = (
        "Single things that roles and customers' API keys may allow, by the slug that your code asks for."
    )
    list_display = ("slug_shown", "name", "description", "system_badge", "created_at")
    list_display_links = ("slug_shown",)
    search_fields = ("slug", "name", "=id")
    fields = ("slug", "name", "description", "resource_type_slug", "system_badge", "created_at", "updated_at")
    readonly_fields = ("slug", "resource_type_slug", "system_badge", "created_at", "updated_at")
    add_fieldsets = ((None, {"fields": ("slug", "name", "description")}),)
    delete_explanation = "Every role and API key that grants it loses it. This cannot be undone."

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Permission:
        return services.create_permission(
            environment=environment_of(request), actor=actor_of(request), **data
        )

    def change(self, request: HttpRequest, row: Permission, changes: dict[str, Any]) -> None:
        services.update_permission(permission=row, actor=actor_of(request), changes=changes)

    def remove(self, request: HttpRequest, row: Permission) -> None:
        services.delete_permission(permission=row, actor=actor_of(request))

    def panels(self, request: HttpRequest, row: Permission) -> Sequence[Panel]:
        roles = Role.objects.in_environment(environment_of(request)).filter(permissions=row)
        return (
            Panel(
                "Granted by",
                ("Role", "Slug"),
                [(link(role, role.name), code(role.slug)) for role in first_rows(roles)],
                empty="No role grants it.",
            ),
        )

    @admin.display(description="slug", ordering="slug")
    def slug_shown(self, row: Permission) -> str:
        return code(row.slug)

    @admin.display(description="kind")
    def system_badge(self, row: Permission) -> str:
        return badge("system", "info") if row.is_system else ""
