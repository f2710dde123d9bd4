"""Recovery codes of users. Callers hold the user's lock."""

from datetime import datetime

from django.db import transaction

from accounts.models import RecoveryCode, User
from accounts.recovery_codes import CODES_PER_USER, new_recovery_code, recovery_code_digest
from accounts.services.rows import lock_user
from accounts.services.security_mail import tell_of_change
from foundation.scoping import EnvironmentQuerySet


@transaction.atomic
def regenerate_recovery_codes(*, user: User) -> list[str]:
    """Replace all of a user's recovery codes and return the new ones, in clear this once. Raises NotFound."""
    row = lock_user(user)
    drop_recovery_codes(row)
    tell_of_change(row, "recovery_codes_replaced")
    return _make_codes(row)


def ensure_recovery_codes(user: User) -> list[str]:
    """Give the user recovery codes and return them; an empty list where the user has some, used or not."""
    return [] if _codes_of(user).exists() else _make_codes(user)


def use_recovery_code(user: User, text: str, moment: datetime) -> bool:
    """Spend a code; False where it is none of the user's, or was used before."""
    unused = _codes_of(user).filter(digest=recovery_code_digest(user.id, text), used_at__isnull=True)
    return unused.update(used_at=moment) == 1


def count_unused_recovery_codes(user: User) -> int:
    """Return how many codes a user has left."""
    return _codes_of(user).filter(used_at__isnull=True).count()


def drop_recovery_codes(user: User) -> None:
    """Delete all of a user's codes."""
    _codes_of(user).delete()


def _make_codes(user: User) -> list[str]:
    codes = [new_recovery_code() for _ in range(CODES_PER_USER)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(
            environment_id=user.environment_id, user=user, digest=recovery_code_digest(user.id, code)
        )
        for code in codes
    )
    return codes


def _codes_of(user: User) -> EnvironmentQuerySet[RecoveryCode]:
    return RecoveryCode.objects.in_environment(user.environment_id).filter(user=user)
