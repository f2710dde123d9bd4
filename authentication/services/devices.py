"""Devices without a browser: they show a code, and their person says yes to it on our page (RFC 8628)."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from authentication import conf
from authentication.access_tokens import policy_of
from authentication.errors import (
    AuthorizationPending,
    DeviceAccessDenied,
    DeviceCodeExpired,
    InvalidDeviceCode,
    InvalidPendingAuthenticationToken,
    SlowDown,
    UserCodeInvalid,
)
from authentication.models import AuthorizationRequest, DeviceAuthorization
from authentication.services.attempts import go_on, is_waiting, lock_attempt, lock_user_row
from authentication.services.authorization_requests import HOSTED_SIGN_IN, keep_request
from authentication.services.outcomes import Origin, Outcome
from environments.models import Environment
from foundation import clock, rate_limits
from foundation.encryption import lookup_digest, token_digest
from foundation.errors import DomainError, RateLimited
from foundation.ids import new_secret
from foundation.rate_limits import Limit

_DEVICE_CODE_LENGTH = 64
# RFC 8628 §6.1: no vowels, so that no words come about.
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_USER_CODE_HALF = 4

# RFC 8628 §5.1: a user code is short, so whoever types wrong ones is soon refused, also when nobody can count.
_WRONG_USER_CODES = Limit("wrong_user_codes", 10, 600, fail_closed=True)
# Right ones too: an office behind one address connects many devices, a guesser sends many codes at once.
_TYPED_USER_CODES = Limit("typed_user_codes", 30, 60, fail_closed=True)


@dataclass(frozen=True, slots=True)
class IssuedDeviceCodes:
    """What a device is told, this once."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


@transaction.atomic
def request_device_authorization(*, environment: Environment, origin: Origin) -> IssuedDeviceCodes:
    """Let a device wait for its person; ``origin`` is the device's own, to be shown to whoever is asked."""
    device_code = new_secret(_DEVICE_CODE_LENGTH)
    user_code = _new_user_code()
    moment = clock.now()
    # 20^8 codes, of which those of a day are taken: a collision ends in the constraint, which is once in ages.
    DeviceAuthorization.objects.create(
        environment=environment,
        device_code_digest=token_digest(device_code),
        user_code_digest=_user_code_digest(user_code),
        interval_seconds=conf.DEVICE_INTERVAL_SECONDS,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        created_at=moment,
        expires_at=moment + conf.DEVICE_LIFETIME,
    )
    return IssuedDeviceCodes(
        device_code, user_code, int(conf.DEVICE_LIFETIME.total_seconds()), conf.DEVICE_INTERVAL_SECONDS
    )


def require_waiting_device(*, user_code: str, ip_address: str) -> DeviceAuthorization:
    """Return the device that waits under a code as a person types it, its environment loaded.

    Nobody is authenticated here: the code tells of the environment. Wrong codes are counted by address. Raises
    UserCodeInvalid, RateLimited.
    """
    # Counted before anything is looked up: of many guesses at once, none may go by while the first is still wrong.
    verdicts = (
        rate_limits.hit(_TYPED_USER_CODES, ip_address),
        rate_limits.peek(_WRONG_USER_CODES, ip_address),
    )
    for verdict in verdicts:
        if not verdict.allowed:
            raise RateLimited(retry_after=verdict.retry_after_seconds)
    rows = DeviceAuthorization.unscoped.select_related("environment")
    device = rows.filter(
        user_code_digest=_user_code_digest(user_code),
        expires_at__gt=clock.now(),
        attempt__isnull=True,
        denied_at__isnull=True,
    ).first()
    if device is None:
        rate_limits.hit(_WRONG_USER_CODES, ip_address)
        raise UserCodeInvalid
    return device


def open_device_request(*, device: DeviceAuthorization, user_code: str) -> str:
    """Let whoever typed a device's code sign in for it; return the handle of that sign-in."""
    request = AuthorizationRequest(
        environment=device.environment,
        provider=HOSTED_SIGN_IN,
        device=device,
        user_code=_as_shown(user_code),
    )
    return keep_request(request)


def require_unanswered(device: DeviceAuthorization) -> None:
    """Refuse a device that no longer waits; raises UserCodeInvalid."""
    if device.attempt_id is not None or device.denied_at is not None or device.expires_at <= clock.now():
        raise UserCodeInvalid


@transaction.atomic
def approve_device(*, device: DeviceAuthorization, pending_authentication_token: str) -> None:
    """Say yes for a device, with a sign-in on our pages (the token is that of ``Authenticated``).

    Said twice with the same sign-in, as by a form that was sent twice, it counts once. Raises
    InvalidPendingAuthenticationToken, UserCodeInvalid (somebody has answered, or it ran out).
    """
    attempt = lock_attempt(device.environment, pending_authentication_token)
    if not attempt.is_hosted:
        raise InvalidPendingAuthenticationToken.of(pending_authentication_token)
    rows = DeviceAuthorization.objects.in_environment(device.environment_id)
    if rows.filter(pk=device.pk, attempt=attempt).exists():
        return
    row = _lock_waiting(device)
    row.attempt = attempt
    row.save(update_fields=["attempt"])
    # It was meant for this device, and lives until the device asks next.
    attempt.expires_at = max(attempt.expires_at, row.expires_at)
    attempt.save(update_fields=["expires_at"])


@transaction.atomic
def deny_device(*, device: DeviceAuthorization) -> None:
    """Say no for a device. Raises UserCodeInvalid (somebody has answered, or it ran out)."""
    row = _lock_waiting(device)
    row.denied_at = clock.now()
    row.save(update_fields=["denied_at"])


def redeem_device_code(*, environment: Environment, device_code: str) -> Outcome:
    """Give a device its tokens once its person has said yes; the engine has the last word.

    Raises AuthorizationPending, SlowDown, DeviceAccessDenied, DeviceCodeExpired, InvalidDeviceCode, InvitationInvalid.
    """
    with transaction.atomic():
        outcome = _redeem(environment, device_code)
    # Raised out here: that the device has asked, and has to wait longer, must not be rolled back.
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def _redeem(environment: Environment, device_code: str) -> Outcome | DomainError:
    rows = DeviceAuthorization.objects.in_environment(environment)
    rows = rows.filter(device_code_digest=token_digest(device_code))
    user_id = rows.values_list("attempt__user_id", flat=True).first()
    # The user first, as everywhere.
    user = None if user_id is None else lock_user_row(environment, user_id)
    device = rows.select_for_update(of=("self",)).first()
    if device is None or device.redeemed_at is not None:
        return InvalidDeviceCode()
    refusal = _poll(device)
    if refusal is not None:
        return refusal
    if device.attempt_id is None or user is None:
        # Said yes to a moment ago, after the look above: the device asks again anyway.
        return AuthorizationPending()
    attempt = device.attempt
    assert attempt is not None  # noqa: S101 -- its id is not
    attempt.user = user
    if not is_waiting(attempt, user):
        return InvalidDeviceCode()
    device.redeemed_at = clock.now()
    device.save(update_fields=["redeemed_at"])
    attempt.is_hosted = False
    return go_on(attempt, policy_of(environment), "")


def _poll(device: DeviceAuthorization) -> DomainError | None:
    """Note that a device asks, and say why it gets nothing; None when its person has said yes."""
    moment = clock.now()
    if device.expires_at <= moment:
        return DeviceCodeExpired()
    if device.denied_at is not None:
        return DeviceAccessDenied()
    earliest = device.polled_at and device.polled_at + timedelta(seconds=device.interval_seconds)
    device.polled_at = moment
    if earliest is not None and moment < earliest:
        device.interval_seconds += conf.DEVICE_SLOW_DOWN_SECONDS
        device.save(update_fields=["polled_at", "interval_seconds"])
        return SlowDown()
    device.save(update_fields=["polled_at"])
    return AuthorizationPending() if device.attempt_id is None else None


def _lock_waiting(device: DeviceAuthorization) -> DeviceAuthorization:
    rows = DeviceAuthorization.objects.in_environment(device.environment_id)
    row = rows.select_for_update(of=("self",)).filter(pk=device.pk, expires_at__gt=clock.now()).first()
    if row is None or row.attempt_id is not None or row.denied_at is not None:
        raise UserCodeInvalid
    return row


def _new_user_code() -> str:
    halves = ["".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(_USER_CODE_HALF)) for _ in range(2)]
    return "-".join(halves)


def _user_code_digest(user_code: str) -> str:
    return lookup_digest("user_code", _letters(user_code))


def _letters(user_code: str) -> str:
    # RFC 8628 §6.1: as people type it, in any case, with or without the hyphen.
    return "".join(letter for letter in user_code.upper() if letter.isalnum())


def _as_shown(user_code: str) -> str:
    letters = _letters(user_code)
    return f"{letters[:_USER_CODE_HALF]}-{letters[_USER_CODE_HALF:]}"
