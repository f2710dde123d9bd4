"""Deleting what nobody asks for any more."""

from typing import Any

from django.db.models import QuerySet

BATCH = 1_000


def delete_in_batches(rows: "QuerySet[Any]") -> int:
    """Delete rows, and what hangs on them, a batch in each transaction; return how many of the rows went.

    In one statement, the rows of a busy day would hold their locks for minutes, and SQLite's only writer besides.
    """
    total = 0
    while True:
        ids = list(rows.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return total
        # The condition again: a row that changed meanwhile stays.
        _all, by_model = rows.filter(pk__in=ids).delete()
        total += by_model.get(rows.model._meta.label, 0)
