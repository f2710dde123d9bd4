"""Password resets: a link in the mailbox that sets a new password (workos-behaviour (l)).

The new password is hashed outside of any lock, so setting it takes two calls: :func:`encode_reset_password`, and
then, in the caller's transaction, :func:`apply_password_reset`.
"""

from datetime import timedelta

from django.db import transaction

from accounts.errors import PasswordResetError, PasswordResetTokenNotFound, PasswordStrengthError
from accounts.models import PasswordReset, User
from accounts.representations import password_reset_url, represent_password_reset_event
from accounts.services.passwords import encode_new_password, remember_former_password
from accounts.services.rows import lock_user, save_changes
from accounts.services.users import guessable_words
from environments.branding import Look
from environments.mail import send_mail
from environments.models import Environment, MailKind
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.encryption import lookup_digest
from foundation.ids import new_secret

PASSWORD_RESET_LIFETIME = timedelta(minutes=60)


@transaction.atomic
def create_password_reset(
    *, user: User, actor: Actor, page_url: str, look: Look | None = None
) -> PasswordReset:
    """Make a link to ``page_url`` for the user's mailbox and mail it there.

    Links from before stay good until one of them is used: messages overtake each other. Raises NotFound.
    """
    row = lock_user(user)
    moment = clock.now()
    token = new_secret()
    reset = PasswordReset.objects.create(
        environment=row.environment,
        user=row,
        email=row.email,
        token=token,
        token_digest=_digest(token),
        page_url=page_url,
        expires_at=moment + PASSWORD_RESET_LIFETIME,
        created_at=moment,
    )
    emit(
        "password_reset.created",
        environment=row.environment,
        actor=actor,
        data=represent_password_reset_event(reset),
    )
    send_mail(
        environment=row.environment,
        kind=MailKind.PASSWORD_RESET,
        recipient=row.email,
        context={
            "email": row.email,
            "reset_url": password_reset_url(reset),
            "minutes": PASSWORD_RESET_LIFETIME // timedelta(minutes=1),
        },
        locale=row.locale,
        look=look,
    )
    return reset


def require_password_reset(environment: Environment | None, token: str) -> PasswordReset:
    """Return the reset that a token opens, its user and environment loaded; raises PasswordResetTokenNotFound.

    Our own page passes no environment: it knows nothing but the link.
    """
    rows = (
        PasswordReset.unscoped.all()
        if environment is None
        else PasswordReset.objects.in_environment(environment)
    )
    reset = rows.select_related("environment", "user").filter(token_digest=_digest(token)).first()
    if reset is None or not _is_usable(reset, reset.user):
        raise PasswordResetTokenNotFound.of(token)
    return reset


def encode_reset_password(reset: PasswordReset, new_password: str) -> str:
    """Return the hash of the password to set; raises PasswordResetError, naming every rule that it breaks."""
    user = reset.user
    try:
        encoded = encode_new_password(
            reset.environment, {"password": new_password}, user=user, guessable=guessable_words(user)
        )
    except PasswordStrengthError as error:
        raise PasswordResetError(errors=error.details["errors"]) from error
    assert encoded is not None  # noqa: S101 -- a password was given
    return encoded


@transaction.atomic
def apply_password_reset(*, reset: PasswordReset, encoded_password: str, actor: Actor) -> User:
    """Spend a reset: set the hash, and count the address as verified, since the link came through its mailbox.

    Sessions are not ended here: they lie above this app. Raises PasswordResetTokenNotFound, where it was used, ran
    out or was overtaken meanwhile.
    """
    user = lock_user(reset.user)
    row = PasswordReset.objects.in_environment(reset.environment_id).select_for_update().get(pk=reset.pk)
    if not _is_usable(row, user):
        raise PasswordResetTokenNotFound.of(reset.token)
    moment = clock.now()
    row.used_at = moment
    row.save(update_fields=["used_at"])
    remember_former_password(user, user.password)
    save_changes(
        user,
        {"password": encoded_password, "password_changed_at": moment, "email_verified": True},
        actor,
    )
    emit(
        "password_reset.succeeded",
        environment=user.environment,
        actor=actor,
        data=represent_password_reset_event(row),
    )
    send_password_changed_mail(user)
    return user


def send_password_changed_mail(user: User) -> None:
    """Tell the mailbox that the password is another one now: its owner may know nothing of it."""
    send_mail(
        environment=user.environment,
        kind=MailKind.PASSWORD_CHANGED,
        recipient=user.email,
        context={"email": user.email, "changed_at": user.password_changed_at},
        locale=user.locale,
    )


def _is_usable(reset: PasswordReset, user: User) -> bool:
    # A password that was set since, by whatever way, makes void what was asked for before it; an address that
    # changed takes away the proof that the mailbox is the user's.
    overtaken = user.password_changed_at is not None and user.password_changed_at >= reset.created_at
    return (
        reset.used_at is None
        and reset.expires_at > clock.now()
        and not overtaken
        and reset.email == user.email
    )


def _digest(token: str) -> str:
    return lookup_digest("password_reset", token)
