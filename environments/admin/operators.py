"""Staff pages of staff: the operators, and the log of what they did."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import password_validation
from django.http import HttpRequest
from django.utils.html import format_html

from environments import services
from environments.models import Operator, OperatorRole
from environments.staff.model_admin import ServiceForm, StaffModelAdmin
from environments.staff.panels import badge
from environments.staff.scope import operator_of
from environments.staff.tools import ToolForm, tool


class NewOperatorForm(ServiceForm):
    """A first password that the new colleague is told in person and changes."""

    password = forms.CharField(
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. Hand it over in person; it can be changed after sign-in.",
    )

    def clean_password(self) -> str:
        """The same rules as for operators who change their own."""
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(password)
        return password


class PasswordToolForm(ToolForm):
    """A new password for somebody else."""

    password = forms.CharField(
        label="New password",
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        """The same rules as for operators who change their own."""
        password = str(self.cleaned_data["password"])
        password_validation.validate_password(password, self.row)
        return password


@admin.register(Operator)
class OperatorAdmin(StaffModelAdmin):
    """Staff: owners make operators, give them environments, and help those who lost their phone."""

    icon = "badge"
    order = 20
    summary = "Owners may do everything everywhere; admins write and viewers read in the environments they are given."
    add_form = NewOperatorForm
    list_display = ("email", "name", "role_badge", "two_step", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name", "=id")
    fields = (
        "email",
        "name",
        "role",
        "environments",
        "may_impersonate",
        "receives_notices",
        "is_active",
        "two_step",
        "last_login",
        "created_at",
    )
    readonly_fields = ("two_step", "last_login", "created_at")
    add_fieldsets = ((None, {"fields": ("email", "name", "role", "environments", "password")}),)
    delete_explanation = (
        "The operator is signed out and cannot sign in any more. What they did stays in the events."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return Operator.objects.select_related("authenticator_app").order_by("-pk")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return operator_of(request).is_superuser

    def create(self, request: HttpRequest, data: dict[str, Any]) -> Operator:
        return services.create_operator(**data)

    def change(self, request: HttpRequest, row: Operator, changes: dict[str, Any]) -> None:
        services.update_operator(row, changes)

    def remove(self, request: HttpRequest, row: Operator) -> None:
        services.delete_operator(row)

    @tool(
        "Set password",
        explanation="Every session of this operator ends. Hand the new password over in person.",
        form_class=PasswordToolForm,
    )
    def set_password(self, request: HttpRequest, row: Operator, data: dict[str, Any]) -> str:
        """For somebody who forgot theirs."""
        services.set_operator_password(row, data["password"])
        return "The password was set. Every session of this operator has ended."

    @tool(
        "Reset two-step sign-in",
        explanation=(
            "The authenticator app and all recovery codes of this operator stop working, and the password alone signs "
            "in until they set up an app again. Be sure that it is really them who ask."
        ),
        is_dangerous=True,
        applies=lambda row: services.find_authenticator(row) is not None,
    )
    def reset_two_step(self, request: HttpRequest, row: Operator, _data: dict[str, Any]) -> str:
        """For somebody who lost their phone."""
        services.remove_two_step(row)
        return "Two-step sign-in was reset."

    @admin.display(description="role", ordering="role")
    def role_badge(self, row: Operator) -> str:
        return badge(row.role, "info" if row.role == OperatorRole.OWNER else "")

    @admin.display(description="two-step sign-in")
    def two_step(self, row: Operator) -> str:
        device = getattr(row, "authenticator_app", None)
        is_on = device is not None and device.confirmed
        return badge("on", "good") if is_on else badge("off", "warn")


@admin.register(LogEntry)
class StaffLogAdmin(StaffModelAdmin):
    """What operators did here, also where no event tells of it."""

    icon = "list"
    order = 30
    label = "Staff log"
    summary = "What operators did in this admin. What happened to users and organizations is in the events."
    list_display = ("action_time", "user", "what", "object_repr", "kind")
    list_select_related = ("user", "content_type")
    list_filter = ("action_flag",)
    search_fields = ("user__email", "object_repr", "=object_id")
    ordering = ("-id",)
    list_display_links = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return operator_of(request).is_superuser

    def has_module_permission(self, request: HttpRequest) -> bool:
        return operator_of(request).is_superuser

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The list says all there is; entries have no pages."""
        return None

    def panels(self, request: HttpRequest, row: Any) -> Sequence[Any]:
        return ()

    @admin.display(description="what")
    def what(self, row: LogEntry) -> str:
        return format_html("{} {}", badge(row.get_action_flag_display().lower()), row.change_message)

    @admin.display(description="kind")
    def kind(self, row: LogEntry) -> str:
        return str(row.content_type.name) if row.content_type else ""
