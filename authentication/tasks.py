"""Celery tasks of signing in; each may run twice."""

from authentication import services
from foundation.jobs import task


@task("authentication.tasks.purge_sign_ins")
def purge_sign_ins() -> None:
    """Remove attempts that ran out and sessions that ended long ago; wipe refresh tokens past their grace."""
    services.purge_sign_ins()
    services.wipe_sealed_refresh_tokens()
