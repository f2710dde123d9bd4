"""Lists of related rows on the page of a row: a few, with a way to all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.utils import quote, unquote
from django.db import models
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

PANEL_ROWS = 10


@dataclass(frozen=True, slots=True)
class Panel:
    """A table of related rows. ``more`` leads to all of them, ``add`` to the form for another one."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(default_factory=list)
    more: str = ""
    add: str = ""
    add_label: str = "Add"
    empty: str = "None yet."


def change_url(row: models.Model) -> str:
    """Return the address of a row's page, with the id as it is wherever Django would read it so."""
    options = row._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[address_part(row.pk)])


def address_part(object_id: object) -> str:
    """Return an id as it stands in an address. Django escapes underscores, which no id of ours needs."""
    text = str(object_id)
    return text if unquote(text) == text else quote(text)


def list_url(model: type[models.Model], **filters: str) -> str:
    """Return the address of a list, filtered."""
    options = model._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return f"{url}?{urlencode(filters)}" if filters else url


def add_url(model: type[models.Model], **initial: str) -> str:
    """Return the address of the form for a new row, with fields filled in."""
    options = model._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_add")
    return f"{url}?{urlencode(initial)}" if initial else url


def link(row: models.Model | None, label: object = None) -> str:
    """Return a link to a row's page, or a dash."""
    if row is None:
        return "—"
    return format_html('<a href="{}">{}</a>', change_url(row), str(row) if label is None else label)


def badge(text: object, tone: str = "") -> str:
    """Return a word in a coloured pill: ``good``, ``warn``, ``bad``, ``info`` or plain."""
    return format_html('<span class="badge {}">{}</span>', f"badge-{tone}" if tone else "", text)


def code(text: object) -> str:
    """Return an id or another piece of machine text."""
    return format_html('<code class="id">{}</code>', text)


def first_rows(rows: "models.QuerySet[Any]") -> Iterable[Any]:
    """Return as many rows as a panel shows, newest first."""
    return rows.order_by("-pk")[:PANEL_ROWS]
