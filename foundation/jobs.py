"""Handing work to Celery: by name, after commit, and never as the only record of what is to be done."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from celery import current_app, shared_task
from django.db import transaction

logger = logging.getLogger(__name__)

FunctionT = TypeVar("FunctionT", bound=Callable[..., None])


def task(name: str) -> Callable[[FunctionT], FunctionT]:
    """Make a function a Celery task, under the name by which it is enqueued. It returns nothing and may run twice."""
    return cast("Callable[[FunctionT], FunctionT]", shared_task(name=name, ignore_result=True))


def enqueue(task_name: str, *arguments: Any) -> None:
    """Run a task after the present transaction commits; arguments are ids.

    A broker that is away does not undo what was committed: the failure is logged, and the periodic sweep finds
    the row that the task was about. So whatever is enqueued must also stand in a table.
    """
    transaction.on_commit(partial(_send, task_name, arguments))


def _send(task_name: str, arguments: tuple[Any, ...]) -> None:
    try:
        # ``signature`` and not ``send_task``: the latter ignores eager mode.
        current_app.signature(task_name, args=arguments).apply_async(retry=False)
    except Exception:
        logger.exception("enqueue_failed", extra={"task_name": task_name})
