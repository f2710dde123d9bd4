"""Removing proofs that nobody can use any more."""

from datetime import timedelta

from accounts.models import EmailVerification, MagicAuth, PasswordReset
from foundation import clock
from foundation.retention import delete_in_batches

# Long enough to answer "what happened to that code" and to show the row to the product.
_RETENTION = timedelta(days=30)


def purge_mailbox_proofs() -> int:
    """Delete codes and links that are long dead, in batches; return how many went."""
    oldest = clock.now() - _RETENTION
    tables = (EmailVerification.unscoped, MagicAuth.unscoped, PasswordReset.unscoped)
    return sum(
        delete_in_batches(rows.filter(created_at__lt=oldest).order_by("created_at")) for rows in tables
    )
