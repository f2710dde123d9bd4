"""Celery tasks of the tenant."""

from environments import services
from foundation.jobs import task


@task("environments.tasks.purge_idempotent_requests")
def purge_idempotent_requests() -> None:
    """Forget answers that no repeat may ask for any more."""
    services.purge_idempotent_requests()
