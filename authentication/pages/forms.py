"""The forms of the hosted pages. What they hold is checked for shape alone; the services decide."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.email_addresses import normalize_email
from accounts.errors import InvalidEmail

_LONGEST = 4096


class PageForm(forms.Form):
    """A form whose first wrong field, or else first field, has the focus."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"label_suffix": "", **options})
        for field in self.fields.values():
            field.widget.attrs["class"] = "input"
        self.focus(next(iter(self.fields), ""))

    def full_clean(self) -> None:
        """Validate, and move the focus to what has to be corrected."""
        super().full_clean()
        if self.is_bound and self.errors:
            wrong = next((name for name in self.fields if name in self.errors), "")
            if wrong:
                self.focus(wrong)

    def focus(self, name: str) -> None:
        """Put the focus on one field."""
        for other, field in self.fields.items():
            field.widget.attrs.pop("autofocus", None)
            if other == name:
                field.widget.attrs["autofocus"] = True

    def refuse(self, name: str, message: Any) -> None:
        """Show the refusal of a service beside its field."""
        self.add_error(name, message)
        self.focus(name)


class EmailForm(PageForm):
    """Who signs in."""

    email = forms.CharField(
        label=_("Email address"),
        max_length=320,
        error_messages={"required": _("Enter your email address.")},
        widget=forms.EmailInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def clean_email(self) -> str:
        """Return the address as it was typed, if it is one."""
        email = str(self.cleaned_data["email"]).strip()
        try:
            normalize_email(email)
        except InvalidEmail as error:
            raise forms.ValidationError(_("Enter an email address in the form name@example.com.")) from error
        return email


class PasswordForm(PageForm):
    """The password that goes with an address."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=_LONGEST,
        error_messages={"required": _("Enter your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class NewPasswordForm(PageForm):
    """A new password. Typed once: it can be looked at, and a password manager makes no mistakes."""

    new_password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=_LONGEST,
        error_messages={"required": _("Enter a new password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class OneTimeCodeForm(PageForm):
    """A code of six digits, as it was mailed."""

    code = forms.CharField(
        label=_("Six-digit code"),
        max_length=40,
        error_messages={"required": _("Enter the code.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["code"].widget.attrs["class"] = "input input-code"


class SecondFactorForm(OneTimeCodeForm):
    """A code of a second factor, or a recovery code, which has letters."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["code"].label = _("Code")
        self.fields["code"].widget.attrs.pop("inputmode")


class UserCodeForm(PageForm):
    """The code that a device shows (RFC 8628 §6.1)."""

    user_code = forms.CharField(
        label=_("Code on your device"),
        max_length=40,
        error_messages={"required": _("Enter the code that your device shows.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "placeholder": "XXXX-XXXX",
            }
        ),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["user_code"].widget.attrs["class"] = "input input-user-code"


class OrganizationForm(PageForm):
    """The organization to sign in to."""

    organization_id = forms.CharField(
        max_length=100, error_messages={"required": _("Choose an organization.")}
    )
