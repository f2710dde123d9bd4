"""What our own pages ask beside the grants: which page comes first, where a sign-in stands, another code."""

from dataclasses import dataclass
from enum import Enum, auto

from django.db import transaction

from accounts.models import AuthenticationFactor, Passkey, User
from accounts.services import create_email_verification, enroll_totp_factor, find_user_by_email
from authentication import conf
from authentication.access_tokens import policy_of
from authentication.engine import Completed, Required, Situation, Step, advance
from authentication.errors import InvalidPendingAuthenticationToken
from authentication.models import AuthenticationMethod, AuthorizationRequest, SignInAttempt, SignInEnding
from authentication.policies import MethodFamily
from authentication.services.attempts import go_on, is_waiting, lock_attempt
from authentication.services.looks import look_of_attempt
from authentication.services.organization_policies import OtherWays, other_ways
from authentication.services.outcomes import Outcome
from authentication.services.passkeys import are_passkeys_on
from authentication.services.sessions import user_actor
from environments.models import AuthenticationSettings, Environment
from foundation import clock
from foundation.encryption import token_digest
from organizations.models import Invitation, OrganizationMembership


class FirstProof(Enum):
    """What a person is asked for after the e-mail address."""

    PASSWORD = auto()
    MAGIC_AUTH = auto()
    PASSKEY = auto()
    FIRST_PASSWORD = auto()
    NOTHING_ALLOWED = auto()


@dataclass(frozen=True, slots=True)
class WaitingSignIn:
    """A sign-in as its pages show it; ``step`` is None where nothing is missing any more."""

    user: User
    step: Step | None
    memberships: list[OrganizationMembership]
    factors: list[AuthenticationFactor]
    other_ways: OtherWays | None = None


def first_proof(
    settings: AuthenticationSettings, *, invitation: Invitation | None = None, email: str = ""
) -> FirstProof:
    """Say what comes after the e-mail address.

    By the environment's policy alone: were it to depend on the person, the page would tell who has an account. The
    holder of an invitation is told that much, or somebody new would be asked for a password that does not exist.
    """
    if invitation is not None and not _has_password(settings, email):
        signing_up = sign_up_proof(settings)
        if signing_up is not None:
            return signing_up
    if settings.password_enabled:
        return FirstProof.PASSWORD
    if settings.magic_auth_enabled:
        return FirstProof.MAGIC_AUTH
    # Where no address leads to a password or a code, it may still lead to a company's identity provider.
    return FirstProof.PASSKEY if are_passkeys_on(settings) else FirstProof.NOTHING_ALLOWED


def sign_up_proof(settings: AuthenticationSettings) -> FirstProof | None:
    """Say how somebody new proves the mailbox: by a mailed code, or by the link to a first password; None for not at all."""
    if settings.magic_auth_enabled:
        return FirstProof.MAGIC_AUTH
    return FirstProof.FIRST_PASSWORD if settings.password_enabled else None


def _has_password(settings: AuthenticationSettings, email: str) -> bool:
    user = find_user_by_email(settings.environment, email)
    return user is not None and bool(user.password)


def require_waiting_sign_in(
    *, environment: Environment, pending_authentication_token: str | None
) -> WaitingSignIn:
    """Return where a sign-in on our pages stands, by the engine; nothing changes. Raises InvalidPendingAuthenticationToken."""
    attempt = _require_attempt(environment, pending_authentication_token or "")
    situation = Situation(attempt, policy_of(environment).settings)
    outcome = advance(situation)
    if isinstance(outcome, Required) and outcome.step in {Step.SSO, Step.ALLOWED_METHOD}:
        return WaitingSignIn(attempt.user, outcome.step, [], [], other_ways(situation))
    if isinstance(outcome, Required):
        choices = situation.memberships if outcome.step is Step.ORGANIZATION_SELECTION else []
        factors = situation.factors if outcome.step is Step.MFA_CHALLENGE else []
        return WaitingSignIn(attempt.user, outcome.step, choices, factors)
    return WaitingSignIn(attempt.user, None, [], [])


def offers_passkey(*, request: AuthorizationRequest, pending_authentication_token: str) -> bool:
    """Tell whether whoever has just signed in to an application by password is offered a passkey for the next time.

    No step of the engine: the sign-in is complete without it. Raises InvalidPendingAuthenticationToken.
    """
    attempt = _require_attempt(request.environment, pending_authentication_token)
    situation = Situation(attempt, policy_of(request.environment).settings)
    declined_at = attempt.user.passkey_declined_at
    return (
        request.ending == SignInEnding.APPLICATION
        and attempt.authentication_method == AuthenticationMethod.PASSWORD
        and attempt.hosted_session_id is None
        and isinstance(advance(situation), Completed)
        and are_passkeys_on(situation.settings)
        and situation.rules.allows(MethodFamily.PASSKEY)
        and (declined_at is None or clock.now() - declined_at > conf.PASSKEY_OFFER_PAUSE)
        and not Passkey.objects.in_environment(request.environment).filter(user=attempt.user).exists()
    )


def send_another_verification_code(
    *, environment: Environment, pending_authentication_token: str | None
) -> None:
    """Mail a new code to whoever waits for one; the one before is void.

    Raises InvalidPendingAuthenticationToken, EmailAlreadyVerified.
    """
    attempt = _require_attempt(environment, pending_authentication_token or "")
    create_email_verification(
        user=attempt.user,
        actor=user_actor(attempt.user),
        look=look_of_attempt(attempt),
        even_if_verified=attempt.needs_mailbox_again,
    )


def enroll_at_sign_in(
    *, environment: Environment, pending_authentication_token: str, totp_secret: str, one_time_code: str
) -> tuple[list[str], Outcome]:
    """Enrol the authenticator app that the policy asks for, and go on; the app's first code counts as the second factor.

    Returns the recovery codes, in clear this once. Raises InvalidPendingAuthenticationToken, also where the engine
    asks for something else, and TOTPCodeIncorrect.
    """
    with transaction.atomic():
        attempt = lock_attempt(environment, pending_authentication_token)
        policy = policy_of(environment)
        outcome = advance(Situation(attempt, policy.settings))
        # Whoever has a factor must show that one: a second one of a thief's would be a way around it.
        if outcome != Required(Step.MFA_ENROLLMENT):
            raise InvalidPendingAuthenticationToken.of(pending_authentication_token)
        enrollment = enroll_totp_factor(
            environment=environment, user=attempt.user, secret=totp_secret, first_code=one_time_code
        )
        attempt.mfa_verified_at = clock.now()
        return enrollment.recovery_codes, go_on(attempt, policy, pending_authentication_token)


def _require_attempt(environment: Environment, token: str) -> SignInAttempt:
    rows = SignInAttempt.objects.in_environment(environment).select_related("user")
    attempt = rows.filter(token_digest=token_digest(token), is_hosted=True).first()
    if attempt is None or not is_waiting(attempt, attempt.user):
        raise InvalidPendingAuthenticationToken.of(token)
    return attempt
