"""Waiting for what runs beside a test on the same PostgreSQL: its open transactions hold the event stream back."""

import os
import threading
import time

import psycopg
from django.db import connection

_PATIENCE_SECONDS = 60
_OPEN = "SELECT pid, backend_xid::text FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND datname <> %s"


def wait_for_other_transactions() -> None:
    """Return when no other database has a transaction open that is open now; at once where the suite runs on SQLite."""
    if connection.vendor != "postgresql":
        return
    own, pause = str(connection.settings_dict["NAME"]), threading.Event()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as watching:
        older = set(watching.execute(_OPEN, [own]).fetchall())
        while older & set(watching.execute(_OPEN, [own]).fetchall()):
            assert time.monotonic() < deadline, "a transaction of another database never ended"
            pause.wait(0.02)
