"""Passwords of users: what may be set, what is kept of former ones, and the check at sign-in.

Hashes are computed outside of row locks: each takes a core for 30 ms, and a lock held that long is a queue.
"""

from collections.abc import Mapping
from typing import Any

from accounts.errors import (
    PasswordAndPasswordHashProvided,
    PasswordAndPasswordHashTypeProvided,
    PasswordSaltPositionRequiresPasswordHash,
)
from accounts.models import FormerPassword, User
from accounts.password_policy import PasswordPolicy, check_password
from accounts.passwords import burn_a_hash, hash_password, import_password_hash, verify_password
from environments.models import AuthenticationSettings, Environment
from foundation.errors import Invalid

# The words of a request that set a password, in clear or as another system's hash.
PASSWORD_FIELDS = ("password", "password_hash", "password_hash_type", "password_salt_position")


def password_policy_of(environment: Environment) -> PasswordPolicy:
    """Return an environment's rules for new passwords; one query."""
    settings = AuthenticationSettings.objects.in_environment(environment).get()
    return PasswordPolicy(
        minimum_length=settings.password_minimum_length,
        minimum_strength=settings.password_minimum_strength,
        reject_breached=settings.password_breached_rejected,
        history_depth=settings.password_history_depth,
    )


def encode_new_password(
    environment: Environment, fields: Mapping[str, Any], *, user: User | None, guessable: list[str]
) -> str | None:
    """Return the hash to store for the password that ``fields`` carry, or None where they carry none.

    ``user`` is who has a password already, ``guessable`` what an attacker would try first. An imported hash is
    taken as it is: nobody can tell how strong its password was. Raises PasswordStrengthError,
    InvalidPasswordHash, and the refusals of contradicting fields.
    """
    password, imported, hash_type, salt_position = (fields.get(name) for name in PASSWORD_FIELDS)
    if password is not None and imported is not None:
        raise PasswordAndPasswordHashProvided
    if password is not None and hash_type is not None:
        raise PasswordAndPasswordHashTypeProvided
    if imported is None and salt_position is not None:
        raise PasswordSaltPositionRequiresPasswordHash
    if (imported is None) != (hash_type is None):
        raise _half_of_an_import("password_hash" if imported is None else "password_hash_type")
    if imported is not None:
        return import_password_hash(str(hash_type), imported, salt_position=salt_position)
    if password is None:
        return None
    policy = password_policy_of(environment)
    previous = [] if user is None else _hashes_to_remember(user, policy.history_depth)
    check_password(password, policy, user_inputs=guessable, previous_hashes=previous)
    return hash_password(password)


def remember_former_password(user: User, former: str) -> None:
    """Keep the hash that was just replaced, as far back as the policy looks, and drop what lies behind.

    The present password is the newest of those that may not come again, so one former hash less is kept.
    """
    depth = password_policy_of(user.environment).history_depth
    rows = FormerPassword.objects.in_environment(user.environment_id).filter(user=user)
    if former and depth > 1:
        FormerPassword.objects.create(environment_id=user.environment_id, user=user, password=former)
    kept = list(rows.order_by("-id").values_list("pk", flat=True)[: max(depth - 1, 0)])
    rows.exclude(pk__in=kept).delete()


def verify_user_password(user: User, password: str) -> bool:
    """Tell whether this is the user's password; a hash of another system, or of a former cost, is replaced.

    A user without a password takes as long to refuse as one with a wrong one.
    """
    if not user.password:
        burn_a_hash(password)
        return False
    check = verify_password(password, user.password)
    return _upgrade_hash(user, password) if check.needs_upgrade else check.valid


def _upgrade_hash(user: User, password: str) -> bool:
    """Replace a hash by a new one of the same password; tell whether it is the user's password still.

    One statement compares and writes: a lock held since the check would be held through two hashes. Where it finds
    another hash, either a twin of this sign-in was faster, or the password was changed: the new hash tells which.
    """
    upgraded = hash_password(password)
    rows = User.objects.in_environment(user.environment_id).filter(pk=user.pk)
    if rows.filter(password=user.password).update(password=upgraded):
        user.password = upgraded
        return True
    present = rows.values_list("password", flat=True).first()
    if not present or not verify_password(password, present).valid:
        return False
    user.password = present
    return True


def _hashes_to_remember(user: User, depth: int) -> list[str]:
    if depth == 0:
        return []
    former = FormerPassword.objects.in_environment(user.environment_id).filter(user=user).order_by("-id")
    hashes = [user.password, *former.values_list("password", flat=True)[: depth - 1]]
    return [encoded for encoded in hashes if encoded]


def _half_of_an_import(missing: str) -> Invalid:
    label = missing.replace("_", " ").capitalize()
    return Invalid.field(missing, f"{missing}_string_required", f"{label} should be a non-empty string.")
