"""The step of a sign-in that proves a second factor."""

from collections.abc import Mapping

from django.db import transaction

from accounts.errors import (
    AuthenticationChallengeExpired,
    AuthenticationChallengeLocked,
    AuthenticationChallengePreviouslyVerified,
)
from accounts.models import AuthenticationChallenge
from accounts.services import verify_challenge
from authentication.access_tokens import policy_of
from authentication.engine import SIGN_IN_FACTOR_TYPES
from authentication.errors import (
    InvalidOneTimeCode,
    OneTimeCodeExpired,
    OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts,
    UserMismatch,
)
from authentication.models import SignInAttempt
from authentication.services.attempts import (
    count_failure,
    emit_success,
    go_on,
    lock_attempt,
    record_failure,
)
from authentication.services.outcomes import Origin, Outcome
from environments.models import Environment
from foundation import clock
from foundation.actors import Actor
from foundation.errors import DomainError


def sign_in_with_second_factor(
    *,
    environment: Environment,
    actor: Actor,
    origin: Origin,
    one_time_code: str,
    authentication_challenge_id: str,
    pending_authentication_token: str,
) -> Outcome:
    """Go on with a sign-in that waited for a second factor: a code of it, or one of the user's recovery codes.

    The challenge must be of a factor of the very user who is signing in: with another's, whoever knows one
    password would open its account with a phone of their own. Raises InvalidPendingAuthenticationToken, NotFound
    (no such challenge), UserMismatch, InvalidOneTimeCode, OneTimeCodeExpired, OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts, RateLimited.
    """
    with transaction.atomic():
        attempt = lock_attempt(environment, pending_authentication_token)
    challenges = AuthenticationChallenge.objects.in_environment(environment).select_related("factor")
    refusal = _refusal_of(attempt, challenges.require(authentication_challenge_id), one_time_code)
    if refusal is not None:
        count_failure(attempt)
        record_failure(
            environment=environment,
            actor=actor,
            kind="mfa",
            origin=origin,
            user_id=attempt.user_id,
            email=attempt.user.email,
            refusal=refusal,
        )
        raise refusal
    with transaction.atomic():
        attempt = lock_attempt(environment, pending_authentication_token)
        attempt.mfa_verified_at = clock.now()
        emit_success("mfa", attempt.user, environment, origin)
        return go_on(attempt, policy_of(environment), pending_authentication_token)


def _refusal_of(
    attempt: SignInAttempt, challenge: AuthenticationChallenge, one_time_code: str
) -> DomainError | None:
    """Try the code, and commit what follows from it; return why it does not count, or None."""
    factor = challenge.factor
    if factor.user_id != attempt.user_id or factor.type not in SIGN_IN_FACTOR_TYPES:
        return UserMismatch()
    try:
        verification = verify_challenge(
            challenge=challenge, one_time_code=one_time_code, accept_recovery_codes=True
        )
    except tuple(_REFUSALS) as error:
        return _REFUSALS[type(error)]()
    return None if verification.valid else InvalidOneTimeCode()


_REFUSALS: Mapping[type[DomainError], type[DomainError]] = {
    AuthenticationChallengeExpired: OneTimeCodeExpired,
    AuthenticationChallengePreviouslyVerified: OneTimeCodePreviouslyUsed,
    AuthenticationChallengeLocked: OneTimeCodeTooManyAttempts,
}
