"""Celery tasks of accounts."""

from accounts import services
from foundation.jobs import task


@task("accounts.tasks.purge_email_verifications")
def purge_email_verifications() -> None:
    """Remove codes that are long dead."""
    services.purge_email_verifications()


@task("accounts.tasks.purge_authentication_challenges")
def purge_authentication_challenges() -> None:
    """Remove challenges that are long dead."""
    services.purge_authentication_challenges()
