"""Passkeys: the questions to browsers, adding, using, renaming, removing.

A challenge is spent before its answer is looked at, in a transaction of its own, so that no answer is tried twice.
What follows is written under the user's lock: the counter of a passkey that is used twice at once is judged twice, one
after the other.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction

from accounts import passkeys
from accounts.errors import (
    PasskeyAlreadyRegistered,
    PasskeyChallengeInvalid,
    PasskeyCopied,
    PasskeyInvalid,
    PasskeyNotFound,
    TooManyPasskeys,
)
from accounts.models import Passkey, PasskeyChallenge, User
from accounts.passkeys import Assertion, KnownCredential
from accounts.services.rows import lock_user, note_change
from accounts.services.security_mail import tell_of_change
from environments.models import Environment
from foundation import clock
from foundation.actors import Actor
from foundation.encryption import token_digest
from foundation.ids import new_secret
from foundation.retention import delete_in_batches

# For as long as a browser shows its question; a page that stays open asks for a new one before.
CHALLENGE_LIFETIME = timedelta(minutes=5)
# Letters and digits that are valid base64url too, of 256 bits.
_CHALLENGE_LENGTH = 44
MAXIMUM_PASSKEYS = 20


@dataclass(frozen=True, slots=True)
class PasskeyUse:
    """What an answer to a sign-in's question was worth: ``refusal`` is None where it proves ``passkey``'s user."""

    passkey: Passkey | None
    refusal: PasskeyInvalid | None


def begin_passkey_registration(*, user: User, product_name: str, browser_secret: str) -> dict[str, Any]:
    """Return the options with which a user's browser makes a passkey; they work once, in that browser.

    Raises TooManyPasskeys.
    """
    known = list(_passkeys_of(user))
    _require_room(len(known))
    challenge = _new_challenge(user.environment, browser_secret, user)
    full_name = user.name or " ".join(part for part in (user.first_name, user.last_name) if part)
    return passkeys.creation_options(
        challenge=challenge,
        user_id=user.pk,
        email=user.email,
        display_name=full_name,
        product=product_name,
        known=[_as_known(passkey) for passkey in known],
    )


def register_passkey(*, user: User, browser_secret: str, answer: str, device: str, actor: Actor) -> Passkey:
    """Keep the passkey that a browser has made for a user; ``device`` names it where its model is not known.

    The user is told by mail. Raises PasskeyInvalid, PasskeyChallengeInvalid, PasskeyAlreadyRegistered,
    TooManyPasskeys, NotFound.
    """
    attestation = passkeys.read_attestation(answer)
    if not _spend_challenge(user.environment, attestation.challenge, browser_secret, user):
        raise PasskeyChallengeInvalid
    made = passkeys.verify_attestation(attestation)
    with transaction.atomic():
        row = lock_user(user)
        _require_room(_passkeys_of(row).count())
        passkey = Passkey(
            environment=row.environment,
            user=row,
            name=(passkeys.authenticator_name(made.aaguid) or device)[:100],
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            aaguid=made.aaguid,
            transports=made.transports,
            is_backup_eligible=made.is_backup_eligible,
            is_backed_up=made.is_backed_up,
        )
        try:
            with transaction.atomic():
                passkey.save(force_insert=True)
        except IntegrityError as error:
            raise PasskeyAlreadyRegistered from error
        note_change(row, actor)
        tell_of_change(row, "passkey_added")
    return passkey


def begin_passkey_sign_in(*, environment: Environment, browser_secret: str) -> dict[str, Any]:
    """Return the options with which a browser signs whoever it knows in; they work once, in that browser."""
    return passkeys.request_options(challenge=_new_challenge(environment, browser_secret, None))


def use_passkey(*, environment: Environment, browser_secret: str, answer: str) -> PasskeyUse:
    """Judge an answer to :func:`begin_passkey_sign_in`, and write down what follows.

    Its own transactions: what is noted must outlive the refusal. A passkey whose counter went back is blocked, and its
    user told, since nobody can say which of the two authenticators is the user's.
    """
    try:
        assertion = passkeys.read_assertion(answer)
    except PasskeyInvalid as refusal:
        return PasskeyUse(None, refusal)
    rows = Passkey.objects.in_environment(environment).select_related("user")
    found = rows.filter(credential_id=assertion.credential_id).first()
    if not _spend_challenge(environment, assertion.challenge, browser_secret, None):
        return PasskeyUse(found, PasskeyChallengeInvalid())
    if found is None:
        return PasskeyUse(None, PasskeyNotFound())
    with transaction.atomic():
        user = User.objects.in_environment(environment).select_for_update(of=("self",)).find(found.user_id)
        row = rows.select_for_update(of=("self",)).find(found.pk)
        if user is None or row is None:
            return PasskeyUse(None, PasskeyNotFound())
        row.user, row.user.environment = user, environment
        return PasskeyUse(row, _judge(row, assertion))


@transaction.atomic
def rename_passkey(*, passkey: Passkey, name: str) -> Passkey:
    """Give a passkey a name by which its user knows it. Raises NotFound."""
    row = _lock_passkey(passkey)
    row.name = name
    row.save(update_fields=["name"])
    return row


@transaction.atomic
def remove_passkey(*, passkey: Passkey, actor: Actor) -> None:
    """Forget a passkey, and tell its user. Raises NotFound."""
    row = _lock_passkey(passkey)
    user = row.user
    row.delete()
    note_change(user, actor)
    tell_of_change(user, "passkey_removed")


@transaction.atomic
def decline_passkey(*, user: User) -> None:
    """Note that a user wants no passkey now. Raises NotFound."""
    row = lock_user(user)
    row.passkey_declined_at = clock.now()
    row.save(update_fields=["passkey_declined_at"])


def purge_passkey_challenges() -> int:
    """Delete challenges that ran out, in batches; return how many went."""
    return delete_in_batches(PasskeyChallenge.unscoped.filter(expires_at__lt=clock.now()))


def _judge(row: Passkey, assertion: Assertion) -> PasskeyInvalid | None:
    """Check an answer of a locked passkey, and keep what it says; return why it does not count, or None."""
    try:
        verified = passkeys.verify_assertion(assertion, _as_known(row), user_id=row.user_id)
    except PasskeyInvalid as refusal:
        return refusal
    if row.blocked_at is not None:
        return PasskeyCopied()
    # WebAuthn §6.1.1: authenticators that do not count say zero for ever.
    counts = verified.sign_count > 0 or row.sign_count > 0
    if counts and verified.sign_count <= row.sign_count:
        row.blocked_at = clock.now()
        row.save(update_fields=["blocked_at"])
        tell_of_change(row.user, "passkey_copied")
        return PasskeyCopied()
    row.sign_count = verified.sign_count
    row.is_backed_up = verified.is_backed_up
    row.last_used_at = clock.now()
    row.save(update_fields=["sign_count", "is_backed_up", "last_used_at"])
    return None


def _new_challenge(environment: Environment, browser_secret: str, user: User | None) -> str:
    challenge = new_secret(_CHALLENGE_LENGTH)
    moment = clock.now()
    PasskeyChallenge.objects.create(
        environment=environment,
        digest=token_digest(challenge),
        browser_digest=token_digest(browser_secret),
        user=user,
        created_at=moment,
        expires_at=moment + CHALLENGE_LIFETIME,
    )
    return challenge


def _spend_challenge(
    environment: Environment, challenge: str, browser_secret: str, user: User | None
) -> bool:
    """Take a challenge of this environment, browser and purpose away; False where there is none that counts."""
    rows = PasskeyChallenge.objects.in_environment(environment).filter(
        digest=token_digest(challenge),
        browser_digest=token_digest(browser_secret),
        expires_at__gt=clock.now(),
    )
    spent, _by_model = (rows.filter(user__isnull=True) if user is None else rows.filter(user=user)).delete()
    return spent == 1


def _lock_passkey(passkey: Passkey) -> Passkey:
    user = lock_user(passkey.user)
    row = Passkey.objects.in_environment(passkey.environment_id).select_for_update(of=("self",))
    locked = row.require(passkey.pk)
    locked.user = user
    return locked


def _passkeys_of(user: User) -> Any:
    return Passkey.objects.in_environment(user.environment_id).filter(user=user).order_by("id")


def _require_room(present: int) -> None:
    if present >= MAXIMUM_PASSKEYS:
        raise TooManyPasskeys


def _as_known(passkey: Passkey) -> KnownCredential:
    return KnownCredential(
        passkey.credential_id, passkey.public_key, passkey.transports, passkey.is_backup_eligible
    )
