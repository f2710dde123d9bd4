"""Real threads for races: they start together, and each closes its database connection."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

ResultT = TypeVar("ResultT")


def in_parallel(count: int, call: Callable[[int], ResultT]) -> list[ResultT]:
    """Call ``call(0)`` … ``call(count - 1)`` in as many threads at once; return their results in this order."""
    start = threading.Barrier(count)

    def run(number: int) -> ResultT:
        start.wait(30)
        try:
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
