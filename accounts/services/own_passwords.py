"""A new password that its user sets, who knows the present one or has proven themselves in another way.

The new password is hashed outside of any lock, so it takes two calls: :func:`encode_own_password`, and then, in the
caller's transaction, :func:`set_own_password`.
"""

from django.db import transaction

from accounts.errors import PasswordOvertaken
from accounts.models import User
from accounts.services.password_resets import send_password_changed_mail
from accounts.services.passwords import encode_new_password, remember_former_password
from accounts.services.rows import lock_user, save_changes
from accounts.services.users import guessable_words
from foundation import clock
from foundation.actors import Actor


def encode_own_password(user: User, new_password: str) -> str:
    """Return the hash of the password to set; raises PasswordStrengthError, naming every rule that it breaks."""
    encoded = encode_new_password(
        user.environment, {"password": new_password}, user=user, guessable=guessable_words(user)
    )
    assert encoded is not None  # noqa: S101 -- a password was given
    return encoded


@transaction.atomic
def set_own_password(*, user: User, encoded_password: str, actor: Actor) -> User:
    """Set the hash in the place of the one that ``user`` has, and tell the user by mail.

    Raises PasswordOvertaken, where the password is another one by now, and NotFound.
    """
    row = lock_user(user)
    if row.password != user.password:
        raise PasswordOvertaken
    remember_former_password(row, row.password)
    save_changes(row, {"password": encoded_password, "password_changed_at": clock.now()}, actor)
    send_password_changed_mail(row)
    return row
