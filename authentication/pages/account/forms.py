"""The forms of the account pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from authentication.pages.forms import EmailForm, NewPasswordForm, PageForm
from authentication.pages.languages import languages

_LONGEST_NAME = 200
_LONGEST_PASSKEY_NAME = 100
_LONGEST_PASSWORD = 4096


class ProfileForm(PageForm):
    """Names, and the language of pages and mail."""

    first_name = forms.CharField(
        label=_("First name"),
        max_length=_LONGEST_NAME,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=_LONGEST_NAME,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    language = forms.ChoiceField(label=_("Language of pages and mail"), required=False)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        field = self.fields["language"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 -- as declared above
        field.choices = [("", _("As in the browser")), *languages()]


class NewEmailForm(EmailForm):
    """The address that takes the place of the present one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["email"].label = _("New email address")
        self.fields["email"].widget.attrs["autocomplete"] = "email"


class ChangePasswordForm(NewPasswordForm):
    """The present password, and the new one."""

    field_order = ("present_password", "new_password")
    present_password = forms.CharField(
        label=_("Present password"),
        strip=False,
        max_length=_LONGEST_PASSWORD,
        error_messages={"required": _("Enter your present password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PasskeyNameForm(PageForm):
    """What its owner calls a passkey."""

    name = forms.CharField(
        label=_("Name"),
        max_length=_LONGEST_PASSKEY_NAME,
        error_messages={"required": _("Enter a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
