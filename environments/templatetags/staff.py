"""What the templates of the admin need beside Django's own tags."""

from typing import Any

from django import template
from django.db import models

from environments.staff import panels

register = template.Library()


@register.filter
def change_url(row: models.Model) -> str:
    """Return the address of a row's page."""
    return panels.change_url(row)


@register.filter
def chosen(choices: list[dict[str, Any]]) -> str:
    """Return what a list filter is set to, or an empty text while it filters nothing."""
    return next((str(choice["display"]) for choice in choices[1:] if choice["selected"]), "")


@register.filter
def unlocalized(number: float) -> str:
    """Return a number as SVG reads it, whatever the language of the page."""
    return f"{number:g}"
