"""Maps and lists as staff write them: one ``name = value`` a line, or names between commas."""

from collections.abc import Mapping

from django import forms

from sso.models import ConnectionState, ExchangeState

STATE_TONES = {
    ConnectionState.ACTIVE: "good",
    ConnectionState.VALIDATING: "info",
    ConnectionState.DRAFT: "warn",
    ConnectionState.INACTIVE: "bad",
}
EXCHANGE_TONES = {ExchangeState.SUCCEEDED: "good", ExchangeState.FAILED: "bad", ExchangeState.PENDING: "info"}


class PairsField(forms.CharField):
    """``name = value``, one a line; reads as a dict."""

    def __init__(self, **options: object) -> None:
        attributes = {"rows": 3, "class": "code", "spellcheck": "false"}
        super().__init__(required=False, widget=forms.Textarea(attrs=attributes), **options)  # type: ignore[arg-type]

    def prepare_value(self, value: object) -> object:
        """Write a dict as lines."""
        if isinstance(value, Mapping):
            return "\n".join(f"{name} = {text}" for name, text in value.items())
        return value

    def clean(self, value: object) -> dict[str, str]:
        """Read the lines; a later line wins over an earlier one of the same name."""
        found = {}
        for line in filter(None, map(str.strip, str(super().clean(value) or "").splitlines())):
            name, equals, text = (part.strip() for part in line.partition("="))
            if not (name and equals and text):
                raise forms.ValidationError(f"Write name = value, one a line. This is neither: {line[:80]}")
            found[name] = text
        return found

    def has_changed(self, initial: object, data: object) -> bool:
        """Compare what is meant, not how it is written."""
        try:
            return dict(initial or {}) != self.clean(data)  # type: ignore[call-overload, no-any-return]
        except forms.ValidationError:
            return True


class NamesField(forms.CharField):
    """Names between commas or spaces; reads as a list."""

    def prepare_value(self, value: object) -> object:
        """Write a list with commas."""
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: object) -> list[str]:
        """Read the names, each once."""
        text = str(super().clean(value) or "").replace(",", " ")
        return list(dict.fromkeys(text.split()))

    def has_changed(self, initial: object, data: object) -> bool:
        """Compare the names."""
        return list(initial or []) != self.clean(data)  # type: ignore[call-overload, no-any-return]
