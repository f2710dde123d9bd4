"""Celery tasks of the tenant."""

from celery import shared_task

from environments.api import idempotency


@shared_task(name="environments.tasks.purge_idempotent_requests", ignore_result=True)
def purge_idempotent_requests() -> None:
    """Forget answers that no repeat may ask for any more."""
    idempotency.purge()
