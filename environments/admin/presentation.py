"""Staff pages of how an environment appears to people: its looks and its mail."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from environments import branding, services
from environments.mail import sender_of
from environments.models import Branding, MailKind, MailSettings
from environments.staff.looks import (
    BRANDING_FIELDSETS,
    BrandingForm,
    branding_changes,
    contrast_panel,
    logo_picture,
)
from environments.staff.model_admin import EnvironmentModelAdmin, ServiceForm
from environments.staff.panels import Panel, change_url
from environments.staff.scope import environment_of


@admin.register(Branding)
class BrandingAdmin(EnvironmentModelAdmin):
    """How the hosted pages and the mail look: one form per environment."""

    icon = "sliders"
    order = 62
    form = BrandingForm
    fieldsets = BRANDING_FIELDSETS
    readonly_fields = ("logo_shown",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("environment").defer("logo")

    def change(self, request: HttpRequest, row: Branding, changes: dict[str, Any]) -> None:
        services.update_branding(environment=environment_of(request), changes=branding_changes(changes))

    def panels(self, request: HttpRequest, row: Branding) -> Sequence[Panel]:
        return (contrast_panel(branding.look_of(environment_of(request))),)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row: go to it."""
        return HttpResponseRedirect(change_url(self.get_queryset(request).get()))

    @admin.display(description="logo")
    def logo_shown(self, row: Branding) -> str:
        return logo_picture(row, branding.look_of(row.environment).logo_url)


class MailSettingsForm(ServiceForm):
    """Words for people who have not read the code."""

    kinds_left_to_application = forms.MultipleChoiceField(
        label="Your application sends",
        required=False,
        choices=MailKind.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="Each ticked mail is left out here: your application hears of it by events, and writes itself.",
    )
    default_language = forms.ChoiceField(
        required=False,
        choices=[("", "English, where nothing else is known"), *settings.LANGUAGES],
        help_text="For readers of whom no language is known.",
    )
    sender_address = forms.CharField(
        required=False, max_length=254, widget=forms.EmailInput(), help_text="Empty: the installation's."
    )

    class Meta:
        labels = {"is_sent_by_gatehouse": "Gatehouse sends mail", "sender_name": "Sender's name"}


@admin.register(MailSettings)
class MailSettingsAdmin(EnvironmentModelAdmin):
    """From whom mail comes, in which language, and who sends it: one form per environment."""

    icon = "mail"
    order = 64
    form = MailSettingsForm
    fieldsets = (
        ("Sender", {"fields": ("sender_name", "sender_address", "shown_sender")}),
        ("Language", {"fields": ("default_language",)}),
        ("Who sends it", {"fields": ("is_sent_by_gatehouse", "kinds_left_to_application")}),
    )
    readonly_fields = ("shown_sender",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("environment")

    def change(self, request: HttpRequest, row: MailSettings, changes: dict[str, Any]) -> None:
        services.update_mail_settings(environment=environment_of(request), changes=changes)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row: go to it."""
        return HttpResponseRedirect(change_url(self.get_queryset(request).get()))

    @admin.display(description="mail comes from")
    def shown_sender(self, row: MailSettings) -> str:
        return sender_of(row, branding.look_of(row.environment))
