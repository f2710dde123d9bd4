"""What several apps' forms share."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import models

from environments.staff.model_admin import ServiceForm
from environments.staff.tools import ToolForm


class MetadataForm(ServiceForm):
    """A row with metadata: a JSON object, whose keys and values the service judges."""

    def clean_metadata(self) -> dict[str, Any]:
        """A list or a number is no metadata, however valid as JSON."""
        metadata = self.cleaned_data["metadata"] or {}
        if not isinstance(metadata, dict):
            raise forms.ValidationError('Metadata is a JSON object, such as {"plan": "gold"}.')
        return metadata


def metadata_changes(before: Mapping[str, Any], after: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what turns one metadata object into another for a service that merges: a key that went is None."""
    if not after:
        return {}
    return {**{key: None for key in before if key not in after}, **after}


class PasswordToolForm(ToolForm):
    """A new password for somebody else; the service judges it."""

    password = forms.CharField(
        label="New password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


def slug_choices(rows: "models.QuerySet[Any]") -> list[tuple[str, str]]:
    """Return roles or permissions as choices by slug, with their names."""
    return [(row.slug, f"{row.name} ({row.slug})") for row in rows]
