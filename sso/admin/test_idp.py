"""The staff page of a sandbox's test identity provider."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from environments.staff.model_admin import EnvironmentModelAdmin, copyable
from environments.staff.scope import environment_of, find_environment
from environments.staff.tools import tool
from sso.models import SandboxIdentityProvider
from sso.test_idp.identity import Identity
from sso.test_idp.services import ensure_test_idp


@admin.register(SandboxIdentityProvider)
class SandboxIdentityProviderAdmin(EnvironmentModelAdmin):
    """Stands in for a customer's identity provider while the product is developed."""

    section = "Single sign-on"
    icon = "badge"
    order = 40
    label = "Test identity provider"
    summary = "Stands in for a customer's identity provider. Whoever signs in there is whoever they like."
    list_display = ("shown_as", "metadata", "issuer", "created_at")
    fields = ("page", "metadata", "sign_in_url", "logout_url", "issuer", "created_at")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        environment = environment_of(request)
        if environment.is_sandbox:
            ensure_test_idp(environment)
        return super().get_queryset(request).select_related("environment")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Offer it in sandboxes alone."""
        environment = find_environment(request)
        return environment is not None and environment.is_sandbox and super().has_module_permission(request)

    @tool(
        "Show the OIDC client secret",
        explanation="OIDC clients that authenticate themselves use it, under any client id. It opens nothing else.",
    )
    def show_client_secret(
        self, request: HttpRequest, row: SandboxIdentityProvider, _data: dict[str, Any]
    ) -> HttpResponse:
        """Tell the one secret that clients share."""
        return self.show_secret(
            request, row, row.client_secret, "The client secret of every client. It stays the same."
        )

    @admin.display(description="name")
    def shown_as(self, row: SandboxIdentityProvider) -> str:
        return str(row)

    @admin.display(description="its own page")
    def page(self, row: SandboxIdentityProvider) -> str:
        address = _identity(row).base
        return format_html('<a href="{}">{}</a>', address, address)

    @admin.display(description="SAML metadata and entity id")
    def metadata(self, row: SandboxIdentityProvider) -> str:
        return copyable(_identity(row).entity_id)

    @admin.display(description="SAML sign-in URL")
    def sign_in_url(self, row: SandboxIdentityProvider) -> str:
        return copyable(_identity(row).sso_url)

    @admin.display(description="SAML logout URL")
    def logout_url(self, row: SandboxIdentityProvider) -> str:
        return copyable(_identity(row).slo_url)

    @admin.display(description="OIDC issuer")
    def issuer(self, row: SandboxIdentityProvider) -> str:
        return copyable(_identity(row).issuer)


def _identity(row: SandboxIdentityProvider) -> Identity:
    return ensure_test_idp(row.environment)
