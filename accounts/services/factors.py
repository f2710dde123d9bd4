"""Authentication factors: enrolling, challenging, verifying, removing.

Everything of one user's factors is written under the user's lock, of a factor without a user under the factor's:
so guesses are counted one after the other, however many arrive at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.errors import (
    AuthenticationChallengeExpired,
    AuthenticationChallengeLocked,
    AuthenticationChallengePreviouslyVerified,
    TOTPCodeIncorrect,
)
from accounts.models import AuthenticationChallenge, AuthenticationFactor, FactorType, User
from accounts.one_time_codes import LIFETIME, MAXIMUM_FAILED_ATTEMPTS, new_one_time_code
from accounts.phone_numbers import normalize_phone_number
from accounts.recovery_codes import looks_like_recovery_code
from accounts.services.one_time_codes import GUESSES
from accounts.services.recovery_codes import drop_recovery_codes, ensure_recovery_codes, use_recovery_code
from accounts.services.rows import lock_user
from accounts.sms import check_sms_template, message_text, require_sender
from accounts.totp import find_time_step, new_totp_secret, normalize_totp_secret
from environments.branding import look_of
from environments.mail import send_mail
from environments.models import Environment, MailKind
from foundation import clock, rate_limits
from foundation.encryption import digests_equal
from foundation.errors import RateLimited
from foundation.retention import delete_in_batches

# Nobody asks for a challenge that has been dead for this long.
_RETENTION = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A new factor, and the user's recovery codes in clear where these are the first: they are shown this once."""

    factor: AuthenticationFactor
    recovery_codes: list[str]


@dataclass(frozen=True, slots=True)
class Verification:
    """What a code was worth for a challenge."""

    challenge: AuthenticationChallenge
    factor: AuthenticationFactor
    valid: bool


@transaction.atomic
def enroll_totp_factor(
    *,
    environment: Environment,
    user: User | None = None,
    issuer: str = "",
    account_name: str = "",
    secret: str = "",
    first_code: str | None = None,
) -> Enrollment:
    """Enrol an authenticator app, by a secret of ours or of the caller's.

    Issuer and account name are those of the environment and the user where none are given. With ``first_code`` the
    app has to show that it holds the secret before anything is kept; without, the product answers for that. Raises
    InvalidTOTPSecret, TOTPCodeIncorrect, NotFound.
    """
    user = None if user is None else lock_user(user)
    factor = AuthenticationFactor(
        environment=environment,
        user=user,
        type=FactorType.TOTP,
        totp_secret=normalize_totp_secret(secret) if secret else new_totp_secret(),
        totp_issuer=issuer or environment.name,
        totp_user=account_name or (user.email if user else ""),
    )
    if first_code is not None and not _accept_totp(factor, _digits(first_code), clock.now()):
        raise TOTPCodeIncorrect
    return _enroll(factor)


@transaction.atomic
def enroll_sms_factor(*, environment: Environment, phone_number: str, user: User | None = None) -> Enrollment:
    """Enrol a phone that takes text messages. Raises InvalidPhoneNumber, SMSSenderNotConfigured, NotFound."""
    require_sender(environment)
    number = normalize_phone_number(phone_number)
    user = None if user is None else lock_user(user)
    return _enroll(
        AuthenticationFactor(environment=environment, user=user, type=FactorType.SMS, phone_number=number)
    )


@transaction.atomic
def enroll_generic_otp_factor(*, environment: Environment, user: User | None = None) -> Enrollment:
    """Enrol a factor whose codes the product delivers by itself. Raises NotFound."""
    user = None if user is None else lock_user(user)
    return _enroll(AuthenticationFactor(environment=environment, user=user, type=FactorType.GENERIC_OTP))


@transaction.atomic
def remove_factor(factor: AuthenticationFactor) -> None:
    """Delete a factor with its challenges; the user's recovery codes go with the last one. Raises NotFound."""
    row, user = _lock_factor(factor)
    row.delete()
    if user is None:
        return
    if not AuthenticationFactor.objects.in_environment(row.environment_id).filter(user=user).exists():
        drop_recovery_codes(user)
    _tell_user(user, factor, change="removed")


@transaction.atomic
def challenge_factor(*, factor: AuthenticationFactor, sms_template: str = "") -> AuthenticationChallenge:
    """Ask for a code of this factor; where it is a phone, send one there.

    ``sms_template`` words the message, with ``{{code}}`` where the code goes; other factors pass it by. Raises
    InvalidSMSTemplate, SMSSenderNotConfigured, NotFound.
    """
    if sms_template:
        check_sms_template(sms_template)
    row, _user = _lock_factor(factor)
    moment = clock.now()
    challenge = AuthenticationChallenge(
        environment=row.environment,
        factor=row,
        code=None if row.type == FactorType.TOTP else new_one_time_code(),
        expires_at=moment + LIFETIME,
        created_at=moment,
        updated_at=moment,
    )
    challenge.save(force_insert=True)
    if row.type == FactorType.SMS:
        text = message_text(
            template=sms_template,
            product_name=look_of(row.environment).product_name,
            one_time_code=str(challenge.code),
        )
        require_sender(row.environment).send(
            environment=row.environment, phone_number=row.phone_number, text=text
        )
    return challenge


def verify_challenge(
    *, challenge: AuthenticationChallenge, one_time_code: str, accept_recovery_codes: bool = False
) -> Verification:
    """Answer a challenge; the right code spends it.

    A wrong code is counted and committed, so do not call this inside a transaction that a refusal would roll back.
    A user's recovery code is as good as a code of the factor where ``accept_recovery_codes`` says so. Raises
    AuthenticationChallengeExpired, …PreviouslyVerified, …Locked, RateLimited, NotFound.
    """
    with transaction.atomic():
        factor, user = _lock_factor(challenge.factor)
        challenges = AuthenticationChallenge.objects.in_environment(challenge.environment_id)
        row = challenges.select_for_update(of=("self",)).require(challenge.id)
        moment = clock.now()
        _refuse_if_over(row, moment)
        guess_key = ("mfa", factor.id if user is None else user.id)
        _refuse_if_guessed_at(guess_key)
        valid = _accepts(row, factor, _digits(one_time_code), moment) or (
            accept_recovery_codes and user is not None and _use_recovery_code(user, one_time_code, moment)
        )
        if valid:
            row.verified_at = moment
        else:
            rate_limits.hit(GUESSES, *guess_key)
            row.failed_attempts += 1
        row.updated_at = moment
        row.save(update_fields=["verified_at", "failed_attempts", "updated_at"])
    return Verification(row, factor, valid)


def purge_authentication_challenges() -> int:
    """Delete challenges that are long dead, in batches; return how many went."""
    rows = AuthenticationChallenge.unscoped.filter(created_at__lt=clock.now() - _RETENTION)
    return delete_in_batches(rows.order_by("created_at"))


def _enroll(factor: AuthenticationFactor) -> Enrollment:
    factor.updated_at = factor.created_at
    factor.save(force_insert=True)
    if factor.user is None:
        return Enrollment(factor, [])
    _tell_user(factor.user, factor, change="added")
    return Enrollment(factor, ensure_recovery_codes(factor.user))


def _lock_factor(factor: AuthenticationFactor) -> tuple[AuthenticationFactor, User | None]:
    """Return a factor and its user as they stand in the database, locked, the user first. Raises NotFound."""
    user = None if factor.user is None else lock_user(factor.user)
    rows = AuthenticationFactor.objects.in_environment(factor.environment_id).select_related("environment")
    row = rows.select_for_update(of=("self",)).require(factor.id)
    row.user = user
    return row, user


def _refuse_if_over(challenge: AuthenticationChallenge, moment: datetime) -> None:
    if challenge.verified_at is not None:
        raise AuthenticationChallengePreviouslyVerified.of(challenge.id)
    if challenge.expires_at <= moment:
        raise AuthenticationChallengeExpired.of(challenge.id)
    if challenge.failed_attempts >= MAXIMUM_FAILED_ATTEMPTS:
        raise AuthenticationChallengeLocked


def _refuse_if_guessed_at(guess_key: tuple[str, str]) -> None:
    """A challenge takes five guesses, but a new one is free: this bounds all guesses at one user's factors."""
    before = rate_limits.peek(GUESSES, *guess_key)
    if not before.allowed:
        raise RateLimited(retry_after=before.retry_after_seconds)


def _accepts(
    challenge: AuthenticationChallenge, factor: AuthenticationFactor, code: str, moment: datetime
) -> bool:
    if factor.type == FactorType.TOTP:
        return _accept_totp(factor, code, moment)
    return digests_equal(str(challenge.code), code)


def _accept_totp(factor: AuthenticationFactor, code: str, moment: datetime) -> bool:
    """Tell whether the app shows this code now, and remember its time step so that it never counts again."""
    step = find_time_step(factor.totp_secret, code, moment, after=factor.last_time_step)
    if step is None:
        return False
    factor.last_time_step = step
    if not factor._state.adding:  # noqa: SLF001 -- a factor that is being enrolled is saved by its caller
        factor.save(update_fields=["last_time_step"])
    return True


def _use_recovery_code(user: User, text: str, moment: datetime) -> bool:
    return looks_like_recovery_code(text) and use_recovery_code(user, text, moment)


def _digits(presented: str) -> str:
    # Authenticator apps show a code in two halves.
    return "".join(presented.split())


def _tell_user(user: User, factor: AuthenticationFactor, *, change: str) -> None:
    """Mail to the user that somebody changed how the account is protected: the user may not know of it."""
    # Neither issuer, account name nor phone number: whoever enrols words those.
    send_mail(
        environment=user.environment,
        kind=MailKind.MFA_CHANGED,
        recipient=user.email,
        context={"change": change, "factor_type": factor.type},
        locale=user.locale,
    )
