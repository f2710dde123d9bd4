"""Celery tasks of single sign-on: each calls one service and may run twice."""

from foundation.jobs import enqueue, task
from sso import services


@task("sso.tasks.refresh_due_metadata")
def refresh_due_metadata() -> None:
    """Hand out the connections whose metadata was not fetched today."""
    for environment_id, connection_id in services.due_metadata():
        enqueue("sso.tasks.refresh_metadata", environment_id, connection_id)


@task("sso.tasks.refresh_metadata")
def refresh_metadata(environment_id: str, connection_id: str) -> None:
    """Fetch one connection's metadata."""
    services.refresh_metadata(environment_id, connection_id)


@task("sso.tasks.announce_renewals")
def announce_renewals() -> None:
    """Tell of certificates that end soon."""
    services.announce_renewals()


@task("sso.tasks.close_unanswered")
def close_unanswered() -> None:
    """Close the exchanges to which no answer came."""
    services.close_unanswered()


@task("sso.tasks.purge_sso")
def purge_sso() -> None:
    """Remove what nobody asks for any more."""
    services.purge_sso()
