"""Staff pages of the looks of organizations that have their own."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from environments.staff.looks import (
    BRANDING_FIELDSETS,
    BrandingForm,
    branding_changes,
    contrast_panel,
    logo_picture,
)
from environments.staff.model_admin import EnvironmentModelAdmin
from environments.staff.panels import Panel, link
from environments.staff.scope import environment_of
from organizations import services
from organizations.models import OrganizationBranding


@admin.register(OrganizationBranding)
class OrganizationBrandingAdmin(EnvironmentModelAdmin):
    """What pages and mail about one organization show in place of the environment's."""

    section = "Organizations"
    icon = "sliders"
    order = 70
    label = "Branding"
    summary = "Pages and mail about one of these organizations wear its looks; what it leaves empty is the environment's."
    form = BrandingForm
    add_form = BrandingForm
    list_display = ("organization_link", "product_name", "accent_color", "updated_at")
    list_display_links = ("product_name", "updated_at")
    list_select_related = ("organization",)
    search_fields = ("organization__name", "=organization__id")
    linked_by = ("organization",)
    autocomplete_fields = ("organization",)
    fieldsets = ((None, {"fields": ("organization_link", "product_name")}), *BRANDING_FIELDSETS[1:])
    add_fieldsets = (
        (None, {"fields": ("organization", "product_name")}),
        ("Logo", {"fields": ("new_logo",)}),
        *BRANDING_FIELDSETS[2:],
    )
    readonly_fields = ("organization_link", "logo_shown")
    delete_explanation = "The organization looks as the environment does from now on."

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("organization", "environment")
        return rows.defer("logo")

    def create(self, request: HttpRequest, data: dict[str, Any]) -> OrganizationBranding:
        changes = {name: value for name, value in data.items() if name != "organization" and value}
        return services.update_organization_branding(
            organization=data["organization"], changes=branding_changes(changes)
        )

    def change(self, request: HttpRequest, row: OrganizationBranding, changes: dict[str, Any]) -> None:
        services.update_organization_branding(
            organization=row.organization, changes=branding_changes(changes)
        )

    def remove(self, request: HttpRequest, row: OrganizationBranding) -> None:
        services.delete_organization_branding(row)

    def panels(self, request: HttpRequest, row: OrganizationBranding) -> Sequence[Panel]:
        return (contrast_panel(services.look_for(environment_of(request), row.organization_id)),)

    @admin.display(description="organization")
    def organization_link(self, row: OrganizationBranding) -> str:
        return link(row.organization)

    @admin.display(description="logo")
    def logo_shown(self, row: OrganizationBranding) -> str:
        return logo_picture(row, services.look_for(row.environment, row.organization_id).logo_url)
