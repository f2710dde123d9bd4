"""The steps that every write of a user shares: lock the row first, save what changed, tell of it once."""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction

from accounts.errors import EmailNotAvailable, ExternalIdAlreadyUsed
from accounts.models import (
    EmailChange,
    EmailVerification,
    Identity,
    MagicAuth,
    Passkey,
    User,
)
from accounts.representations import represent_user
from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor


def lock_user(user: User) -> User:
    """Return the user as it stands in the database, locked, its environment loaded; raises NotFound.

    Everything that belongs to a user is written under this lock, taken before any other: so two writes of one
    user never interleave and never wait for each other in a circle.
    """
    rows = User.objects.in_environment(user.environment_id).select_related("environment")
    return rows.select_for_update(of=("self",)).require(user.id)


def save_changes(user: User, changes: dict[str, Any], actor: Actor) -> bool:
    """Set and save those of ``changes`` that differ, and emit ``user.updated``; False when none does.

    ``user`` comes from :func:`lock_user`. Raises EmailNotAvailable, ExternalIdAlreadyUsed.
    """
    changed = {name: value for name, value in changes.items() if getattr(user, name) != value}
    if not changed:
        return False
    before: dict[str, Any] = {**represent_user(user)}
    for name, value in changed.items():
        setattr(user, name, value)
    user.updated_at = clock.now()
    save_unique(user, update_fields=[*changed, "updated_at"])
    after = represent_user(user)
    emit(
        "user.updated",
        environment=user.environment,
        actor=actor,
        data=after,
        previous_attributes={
            name: before[name] for name, value in after.items() if name in changed and before[name] != value
        },
    )
    return True


def prove_mailbox(
    user: User, actor: Actor, *, knows_password: bool = False, has_passkey: bool = False
) -> None:
    """Note that somebody has read the user's mailbox; ``user.updated`` the first time only.

    A password that stood there before may be that of somebody else, who made the account and waits for the owner of
    the mailbox to fill it (pre-hijacking): where nobody has shown to know both, it is doubted from now on. A passkey
    from before, which needs no password, is forgotten, unless whoever reads the mailbox has shown it. ``user`` comes from :func:`lock_user`.
    """
    doubted_at = user.password_doubted_at
    if knows_password:
        doubted_at = None
    elif not user.email_verified:
        doubted_at = clock.now() if user.password else doubted_at
        if not has_passkey:
            # Its owner would make another; nobody is told, because the owner of the mailbox knows nothing of it.
            Passkey.objects.in_environment(user.environment_id).filter(user=user).delete()
    save_changes(user, {"email_verified": True}, actor)
    if user.password_doubted_at != doubted_at:
        user.password_doubted_at = doubted_at
        user.save(update_fields=["password_doubted_at"])


def note_change(user: User, actor: Actor) -> None:
    """Emit ``user.updated`` for a change that no attribute shows, such as another passkey.

    The events of the contract know no nearer one, and staff read from it who did what. ``user`` comes from
    :func:`lock_user`.
    """
    user.updated_at = clock.now()
    user.save(update_fields=["updated_at"])
    emit(
        "user.updated",
        environment=user.environment,
        actor=actor,
        data=represent_user(user),
        previous_attributes={},
    )


def save_unique(user: User, update_fields: Iterable[str] | None = None) -> None:
    """Insert (``update_fields`` is None) or save a user; raises EmailNotAvailable, ExternalIdAlreadyUsed.

    The database decides: a look before the write would lose the race of two requests for one address.
    """
    try:
        with transaction.atomic():
            user.save(force_insert=update_fields is None, update_fields=update_fields)
    except IntegrityError as error:
        others = User.objects.in_environment(user.environment_id).exclude(pk=user.pk)
        if others.filter(email=user.email).exists():
            raise EmailNotAvailable from error
        if user.external_id is not None and others.filter(external_id=user.external_id).exists():
            raise ExternalIdAlreadyUsed from error
        raise


def drop_proofs_of_other_mailboxes(user: User, email: str) -> None:
    """Take from a user what only the former address proved (workos-behaviour (e)).

    Identities that a provider vouched for under another address would let the former mailbox's owner sign in;
    codes that went to the former mailbox must not verify the new one.
    """
    environment_id = user.environment_id
    Identity.objects.in_environment(environment_id).filter(user=user).exclude(email=email).delete()
    expire_email_verifications(user)
    expire_magic_auths(user)
    EmailChange.objects.in_environment(environment_id).filter(user=user, used_at__isnull=True).delete()


def expire_email_verifications(user: User) -> None:
    """End the life of the codes that the user has not used."""
    moment = clock.now()
    EmailVerification.objects.in_environment(user.environment_id).filter(
        user=user, used_at__isnull=True, expires_at__gt=moment
    ).update(expires_at=moment, updated_at=moment)


def expire_magic_auths(user: User) -> None:
    """End the life of the sign-in codes that the user has not used."""
    moment = clock.now()
    MagicAuth.objects.in_environment(user.environment_id).filter(
        user=user, used_at__isnull=True, expires_at__gt=moment
    ).update(expires_at=moment, updated_at=moment)


def emit_created(user: User, environment: Environment, actor: Actor) -> None:
    """Tell that a user exists now."""
    emit("user.created", environment=environment, actor=actor, data=represent_user(user))
