"""The form in which a developer says who signs in."""

from typing import Any

from django import forms

from accounts.email_addresses import normalize_email
from accounts.errors import InvalidEmail
from sso.test_idp.people import Person

_MOST_VALUES = 50


class PersonForm(forms.Form):
    """Somebody made up."""

    email = forms.CharField(
        label="Email address",
        max_length=320,
        error_messages={"required": "Enter an email address."},
        widget=forms.EmailInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    first_name = forms.CharField(label="First name", max_length=200, required=False)
    last_name = forms.CharField(label="Last name", max_length=200, required=False)
    groups = forms.CharField(
        label="Groups", max_length=2000, required=False, help_text="Separated by commas: Engineers, Admins"
    )
    role = forms.CharField(
        label="Role", max_length=200, required=False, help_text="The value of the role attribute."
    )
    user_id = forms.CharField(
        label="User id at the identity provider",
        max_length=256,
        required=False,
        help_text="Stable, whatever becomes of the email address. Empty: made of the address.",
    )
    attributes = forms.CharField(
        label="Further attributes",
        max_length=4000,
        required=False,
        help_text="One a line: department=Engineering. A name that comes twice has several values.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"label_suffix": "", **options})
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "input"
            if name not in {"email", "attributes"}:
                field.widget.attrs["autocomplete"] = "off"

    def clean_email(self) -> str:
        """Return the address as it was typed, if it is one."""
        email = str(self.cleaned_data["email"]).strip()
        try:
            normalize_email(email)
        except InvalidEmail as error:
            raise forms.ValidationError("Enter an email address in the form name@example.com.") from error
        return email

    def clean_groups(self) -> tuple[str, ...]:
        """Return the names between the commas."""
        names = (name.strip() for name in str(self.cleaned_data["groups"]).split(","))
        return tuple(dict.fromkeys(filter(None, names)))[:_MOST_VALUES]

    def clean_attributes(self) -> dict[str, tuple[str, ...]]:
        """Return the values by name."""
        found: dict[str, tuple[str, ...]] = {}
        for line in filter(None, map(str.strip, str(self.cleaned_data["attributes"]).splitlines())):
            name, equals, value = (part.strip() for part in line.partition("="))
            if not equals or not name:
                raise forms.ValidationError(f"Write name=value, one a line. This is neither: {line[:60]}")
            found[name] = (*found.get(name, ()), value)
        if len(found) > _MOST_VALUES:
            raise forms.ValidationError(f"More than {_MOST_VALUES} attributes are too many.")
        return found

    @property
    def person(self) -> Person:
        """Return who was typed, once the form is valid."""
        return Person(**self.cleaned_data)

    @classmethod
    def about(cls, person: Person) -> "PersonForm":
        """Return the form with somebody filled in."""
        lines = [f"{name}={value}" for name, values in person.attributes.items() for value in values]
        return cls(
            initial={
                **person.as_json(),
                "groups": ", ".join(person.groups),
                "attributes": "\n".join(lines),
            }
        )
