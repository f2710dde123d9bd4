"""What people change of their own account, as far as it touches sessions or leaves them without a way in.

Their pages let in whoever proved themselves recently; here it is done, in the person's own name.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.models import AuthenticationFactor, Identity, Passkey, User
from accounts.services import (
    begin_passkey_registration,
    encode_own_password,
    enroll_totp_factor,
    regenerate_recovery_codes,
    register_passkey,
    remove_factor,
    remove_passkey,
    set_own_password,
    unlink_identity,
    verify_user_password,
)
from accounts.services.rows import lock_user, note_change
from authentication.access_tokens import policy_of
from authentication.errors import (
    AuthenticationMethodNotAllowed,
    InvalidCredentials,
    LastWayIn,
    PasswordAuthenticationDisabled,
)
from authentication.models import HostedSession
from authentication.services.account import end_sessions_beside
from authentication.services.attempts import record_failure
from authentication.services.outcomes import Origin
from authentication.services.passkeys import are_passkeys_on
from authentication.services.sessions import user_actor
from environments.branding import look_of
from environments.models import AuthenticationSettings
from foundation import clock
from foundation.actors import SYSTEM


@dataclass(frozen=True, slots=True)
class WaysIn:
    """How a person can sign in, whatever their company's identity provider allows beside."""

    by_mailbox: bool
    passkeys: list[Passkey]
    identities: list[Identity]

    def has_other_than(self, row: Passkey | Identity) -> bool:
        """Tell whether there is a way in without this one."""
        usable = [passkey for passkey in self.passkeys if passkey.blocked_at is None]
        rest = [other for other in (*usable, *self.identities) if other != row]
        return self.by_mailbox or len(rest) > 0


def ways_in(user: User, settings: AuthenticationSettings) -> WaysIn:
    """Return how a person can sign in by the environment's policy.

    Where passwords are taken, the mailbox is a way in too: it gets a link to a new one.
    """
    passkeys = Passkey.objects.in_environment(user.environment_id).filter(user=user).order_by("id")
    identities = Identity.objects.in_environment(user.environment_id).filter(user=user).order_by("id")
    return WaysIn(
        settings.password_enabled or settings.magic_auth_enabled,
        list(passkeys) if are_passkeys_on(settings) else [],
        list(identities) if settings.social_enabled else [],
    )


def change_own_password(
    *, hosted_session: HostedSession, origin: Origin, present_password: str, new_password: str
) -> None:
    """Set a person's password, and sign them out everywhere but here.

    Whoever has a password has to know it. Raises PasswordAuthenticationDisabled, InvalidCredentials,
    PasswordStrengthError, PasswordOvertaken.
    """
    user = hosted_session.user
    if not policy_of(hosted_session.environment).settings.password_enabled:
        raise PasswordAuthenticationDisabled
    if user.password and not verify_user_password(user, present_password):
        refusal = InvalidCredentials()
        record_failure(
            environment=hosted_session.environment,
            actor=SYSTEM,
            kind="password",
            origin=origin,
            user_id=user.pk,
            email=user.email,
            refusal=refusal,
        )
        raise refusal
    encoded = encode_own_password(user, new_password)
    with transaction.atomic():
        changed = set_own_password(user=user, encoded_password=encoded, actor=user_actor(user))
        # Who has just shown the former password is not signed out by the new one.
        hosted_session.authenticated_at = changed.password_changed_at or clock.now()
        hosted_session.save(update_fields=["authenticated_at"])
        end_sessions_beside(hosted_session)


def enroll_own_authenticator(
    *, hosted_session: HostedSession, totp_secret: str, one_time_code: str
) -> list[str]:
    """Enrol an authenticator app that shows its first code; return the recovery codes where these are the first.

    Raises TOTPCodeIncorrect, InvalidTOTPSecret.
    """
    user = hosted_session.user
    with transaction.atomic():
        enrollment = enroll_totp_factor(
            environment=hosted_session.environment, user=user, secret=totp_secret, first_code=one_time_code
        )
        note_change(lock_user(user), user_actor(user))
        # Its code was shown here and now: the browser is not asked for another one at the next page.
        hosted_session.mfa_verified_at = clock.now()
        hosted_session.save(update_fields=["mfa_verified_at"])
    return enrollment.recovery_codes


@transaction.atomic
def remove_own_factor(*, hosted_session: HostedSession, factor_id: str) -> None:
    """Remove one of a person's factors. Raises NotFound."""
    user = hosted_session.user
    row = lock_user(user)
    factors = AuthenticationFactor.objects.in_environment(user.environment_id).filter(user=user)
    remove_factor(factors.require(factor_id))
    note_change(row, user_actor(user))


@transaction.atomic
def replace_own_recovery_codes(*, hosted_session: HostedSession) -> list[str]:
    """Replace a person's recovery codes and return the new ones, in clear this once."""
    user = hosted_session.user
    codes = regenerate_recovery_codes(user=user)
    note_change(lock_user(user), user_actor(user))
    return codes


def request_own_passkey(*, user: User, browser_secret: str) -> dict[str, Any]:
    """Return what a browser needs to make a passkey for a person.

    Raises AuthenticationMethodNotAllowed, TooManyPasskeys.
    """
    _require_passkeys(user)
    return begin_passkey_registration(
        user=user, product_name=look_of(user.environment).product_name, browser_secret=browser_secret
    )


def add_own_passkey(*, user: User, browser_secret: str, answer: str, device: str) -> Passkey:
    """Keep the passkey that a person's browser has made; raises as register_passkey, AuthenticationMethodNotAllowed."""
    _require_passkeys(user)
    return register_passkey(
        user=user, browser_secret=browser_secret, answer=answer, device=device, actor=user_actor(user)
    )


@transaction.atomic
def remove_own_passkey(*, user: User, passkey_id: str) -> None:
    """Remove one of a person's passkeys. Raises NotFound, LastWayIn."""
    lock_user(user)
    passkeys = Passkey.objects.in_environment(user.environment_id).filter(user=user).select_related("user")
    passkey = passkeys.require(passkey_id)
    _require_another_way(user, passkey)
    remove_passkey(passkey=passkey, actor=user_actor(user))


@transaction.atomic
def unlink_own_identity(*, user: User, identity_id: str) -> None:
    """Unlink one of a person's accounts at providers. Raises NotFound, LastWayIn."""
    lock_user(user)
    identities = Identity.objects.in_environment(user.environment_id).filter(user=user).select_related("user")
    identity = identities.require(identity_id)
    _require_another_way(user, identity)
    unlink_identity(identity=identity, actor=user_actor(user))


def _require_another_way(user: User, row: Passkey | Identity) -> None:
    if not ways_in(user, policy_of(user.environment).settings).has_other_than(row):
        raise LastWayIn


def _require_passkeys(user: User) -> None:
    if not are_passkeys_on(policy_of(user.environment).settings):
        raise AuthenticationMethodNotAllowed
