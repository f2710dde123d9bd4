"""Staff pages of the API keys that the product issues to its customers."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from authorization.models import Permission
from environments.staff.fields import slug_choices
from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm
from environments.staff.panels import badge, code, link
from environments.staff.scope import actor_of
from environments.staff.tools import tool
from foundation import clock
from organizations import services
from organizations.models import CustomerAPIKey


class NewCustomerAPIKeyForm(ServiceForm):
    """A key of an organization, with what it may do."""

    permissions = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["permissions"]
        field.choices = slug_choices(Permission.objects.in_environment(self.environment).order_by("slug"))


@admin.register(CustomerAPIKey)
class CustomerAPIKeyAdmin(EnvironmentModelAdmin):
    """Keys with which customers call the product."""

    section = "Organizations"
    icon = "key"
    order = 50
    summary = "Keys with which customers call your product. Your product asks here what a key may do."
    add_form = NewCustomerAPIKeyForm
    list_display = ("name", "value", "organization_link", "user_link", "state", "last_used_at", "created_at")
    list_select_related = ("organization", "user")
    search_fields = ("name", "organization__name", "=id")
    linked_by = ("organization", "user")
    autocomplete_fields = ("organization",)
    fields = (
        "name",
        "value",
        "organization_link",
        "user_link",
        "granted",
        "state",
        "expires_at",
        "last_used_at",
        "created_at",
    )
    readonly_fields = fields
    add_fieldsets = ((None, {"fields": ("organization", "name", "permissions", "expires_at")}),)
    delete_explanation = "Requests with this key are refused from now on. This cannot be undone."

    def create(self, request: HttpRequest, data: dict[str, Any]) -> CustomerAPIKey:
        issued = services.create_organization_api_key(actor=actor_of(request), **data)
        # Carried to the answer of this very request, see response_add.
        request.issued_secret = issued.value  # type: ignore[attr-defined]  # of this module's own making
        return issued.api_key

    def remove(self, request: HttpRequest, row: CustomerAPIKey) -> None:
        services.delete_api_key(api_key=row, actor=actor_of(request))

    def response_add(
        self, request: Any, obj: CustomerAPIKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the value, this once."""
        return self.show_secret(
            request,
            obj,
            request.issued_secret,
            "This is the only time the key is shown: only its digest is kept.",
        )

    @tool(
        "Expire now",
        explanation="Requests with this key are refused from now on. An expired key is not brought back to life.",
        is_dangerous=True,
        applies=lambda row: not row.has_expired(clock.now()),
    )
    def expire(self, request: HttpRequest, row: CustomerAPIKey, _data: dict[str, Any]) -> str:
        """End a key and keep its row."""
        services.expire_api_key(api_key=row, actor=actor_of(request), expires_at=clock.now())
        return f"{row.name} has expired."

    @admin.display(description="key")
    def value(self, row: CustomerAPIKey) -> str:
        return code(row.obfuscated_value)

    @admin.display(description="organization")
    def organization_link(self, row: CustomerAPIKey) -> str:
        return link(row.organization)

    @admin.display(description="user")
    def user_link(self, row: CustomerAPIKey) -> str:
        return link(row.user)

    @admin.display(description="permissions")
    def granted(self, row: CustomerAPIKey) -> str:
        return ", ".join(sorted(permission.slug for permission in row.permissions.all())) or "none"

    @admin.display(description="state")
    def state(self, row: CustomerAPIKey) -> str:
        return badge("expired", "bad") if row.has_expired(clock.now()) else badge("live", "good")
