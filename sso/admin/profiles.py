"""Staff pages of profiles: people as their identity providers describe them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from environments.staff.model_admin import EnvironmentModelAdmin, copyable
from environments.staff.panels import link
from sso.admin.trail import readable
from sso.models import Profile


@admin.register(Profile)
class ProfileAdmin(EnvironmentModelAdmin):
    """People as identity providers last described them."""

    section = "Single sign-on"
    icon = "identity"
    order = 30
    summary = "People as their identity providers last described them."
    list_display = ("shown_as", "connection_link", "first_name", "last_name", "last_seen_at")
    list_select_related = ("connection",)
    search_fields = ("email", "first_name", "last_name", "=idp_id", "=id")
    linked_by = ("connection",)
    fieldsets = (
        (None, {"fields": ("connection_link", "subject", "email", "first_name", "last_name", "name")}),
        ("Groups and roles", {"fields": ("groups_shown", "roles_shown", "custom_shown")}),
        ("What the provider sent", {"fields": ("raw_shown",)}),
        ("Facts", {"fields": ("created_at", "updated_at", "last_seen_at")}),
    )
    readonly_fields = (
        "connection_link",
        "subject",
        "email",
        "first_name",
        "last_name",
        "name",
        "groups_shown",
        "roles_shown",
        "custom_shown",
        "raw_shown",
        "created_at",
        "updated_at",
        "last_seen_at",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("connection")

    @admin.display(description="person", ordering="email")
    def shown_as(self, row: Profile) -> str:
        return str(row)

    @admin.display(description="connection")
    def connection_link(self, row: Profile) -> str:
        return link(row.connection)

    @admin.display(description="user id at the provider")
    def subject(self, row: Profile) -> str:
        return copyable(row.idp_id)

    @admin.display(description="groups")
    def groups_shown(self, row: Profile) -> str:
        return ", ".join(row.groups) or "—"

    @admin.display(description="roles")
    def roles_shown(self, row: Profile) -> str:
        return ", ".join(row.role_slugs) or "—"

    @admin.display(description="custom attributes")
    def custom_shown(self, row: Profile) -> str:
        return readable(row.custom_attributes)

    @admin.display(description="attributes")
    def raw_shown(self, row: Profile) -> str:
        return readable(row.raw_attributes)
