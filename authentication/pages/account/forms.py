"""The forms of the account pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from authentication.pages.forms import PageForm
from authentication.pages.languages import languages

_LONGEST_NAME = 200


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
