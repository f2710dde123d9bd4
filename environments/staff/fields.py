"""What several apps' forms share."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db import models

from environments.staff.tools import ToolForm


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
