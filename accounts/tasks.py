"""Celery tasks of accounts."""

from accounts import services
from foundation.jobs import task


@task("accounts.tasks.purge_mailbox_proofs")
def purge_mailbox_proofs() -> None:
    """Remove codes and links that are long dead."""
    services.purge_mailbox_proofs()


@task("accounts.tasks.purge_authentication_challenges")
def purge_authentication_challenges() -> None:
    """Remove challenges of factors that are long dead, and those of passkeys that ran out."""
    services.purge_authentication_challenges()
    services.purge_passkey_challenges()
