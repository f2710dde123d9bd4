"""The numbers that PostgreSQL gives to its transactions, as database expressions (its manual, section 9.27.8)."""

from typing import Any

from django.db import models
from django.db.models import Func


class _TransactionNumber(Func):
    """A number that PostgreSQL gives to transactions; 0 on SQLite, where one transaction writes at a time."""

    output_field = models.BigIntegerField()
    postgresql = ""

    def as_sql(self, *_arguments: Any, **_context: Any) -> Any:
        """Say 0."""
        return "0", []

    def as_postgresql(self, *_arguments: Any, **_context: Any) -> Any:
        """Name the function; the numbers (``xid8``) do not wrap around, and have no other way to become integers."""
        return f"CAST(CAST({self.postgresql} AS text) AS bigint)", []


class WritingTransaction(_TransactionNumber):
    """The transaction that this statement writes in."""

    postgresql = "pg_current_xact_id()"


class OldestOpenTransaction(_TransactionNumber):
    """The oldest transaction that was not over when this statement began: everything before it can be seen by now."""

    postgresql = "pg_snapshot_xmin(pg_current_snapshot())"


class FutureTransaction(_TransactionNumber):
    """The first number that no transaction had when this statement began."""

    postgresql = "pg_snapshot_xmax(pg_current_snapshot())"


class OwnTransaction(_TransactionNumber):
    """The transaction that this statement reads in, or null while it has written nothing."""

    postgresql = "pg_current_xact_id_if_assigned()"
