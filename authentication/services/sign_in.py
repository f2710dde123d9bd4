"""The use cases of signing in: each proves one thing and asks the engine what comes next.

None of them is one transaction from end to end: a password is hashed outside of any lock, and what a failed try
leaves behind (its event, its count) is committed before the refusal is raised.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.errors import (
    EmailPreviouslyVerified,
    EmailVerificationCodeExpired,
    EmailVerificationCodeIncorrect,
    EmailVerificationCodeLocked,
    EmailVerificationCodePreviouslyUsed,
)
from accounts.models import EmailVerification, User
from accounts.passwords import burn_a_hash
from accounts.services import (
    create_email_verification,
    find_user_by_email,
    use_email_verification_code,
    verify_user_password,
)
from authentication import conf
from authentication.access_tokens import Policy, policy_of
from authentication.engine import Required, Situation, Step, advance
from authentication.errors import (
    InvalidCredentials,
    InvalidOneTimeCode,
    InvalidOrganizationChoice,
    InvalidPendingAuthenticationToken,
    OneTimeCodeExpired,
    OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts,
    PasswordAuthenticationDisabled,
)
from authentication.models import AuthenticationMethod, SignInAttempt
from authentication.representations import (
    AuthenticationEventObject,
    represent_organization_choice,
    represent_signed_in_user,
)
from authentication.services.outcomes import Origin, SignedIn, StepRequired
from authentication.services.sessions import start_session, user_actor
from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.encryption import token_digest
from foundation.errors import DomainError
from foundation.ids import new_secret
from organizations.models import MembershipStatus, OrganizationMembership

_LONGEST_EMAIL = 320


def sign_in_with_password(
    *, environment: Environment, actor: Actor, origin: Origin, email: str, password: str
) -> SignedIn | StepRequired:
    """Sign a person in by e-mail and password; ``actor`` is the client that asks.

    Unknown e-mail, missing password and wrong password take the same work and get the same answer. Raises
    PasswordAuthenticationDisabled, InvalidCredentials.
    """
    policy = policy_of(environment)
    if not policy.settings.password_enabled:
        raise PasswordAuthenticationDisabled
    user = find_user_by_email(environment, email)
    if user is None:
        burn_a_hash(password)
    elif verify_user_password(user, password):
        outcome = _begin(user, AuthenticationMethod.PASSWORD, "password", origin, policy)
        if outcome is not None:
            return outcome
    refusal = InvalidCredentials()
    _record_failure(
        environment=environment,
        actor=actor,
        kind="password",
        origin=origin,
        user_id=None if user is None else user.id,
        email=email,
        refusal=refusal,
    )
    raise refusal


def sign_in_with_email_verification(
    *,
    environment: Environment,
    actor: Actor,
    origin: Origin,
    one_time_code: str,
    pending_authentication_token: str,
) -> SignedIn | StepRequired:
    """Go on with a sign-in that waited for its user's mailbox to be proven.

    Raises InvalidPendingAuthenticationToken, InvalidOneTimeCode, OneTimeCodeExpired, OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts, RateLimited.
    """
    with transaction.atomic():
        attempt = _lock_attempt(environment, pending_authentication_token)
    try:
        use_email_verification_code(
            user=attempt.user, one_time_code=one_time_code, actor=user_actor(attempt.user)
        )
    except tuple(_CODE_REFUSALS) as error:
        refusal = _CODE_REFUSALS[type(error)]()
        _count_failure(attempt)
        _record_failure(
            environment=environment,
            actor=actor,
            kind="email_verification",
            origin=origin,
            user_id=attempt.user_id,
            email=attempt.user.email,
            refusal=refusal,
        )
        raise refusal from error
    with transaction.atomic():
        attempt = _lock_attempt(environment, pending_authentication_token)
        _emit_success("email_verification", attempt.user, environment, origin)
        return _go_on(attempt, policy_of(environment), pending_authentication_token)


def sign_in_with_organization(
    *, environment: Environment, organization_id: str, pending_authentication_token: str
) -> SignedIn | StepRequired:
    """Go on with a sign-in that waited for its organization to be chosen.

    Raises InvalidPendingAuthenticationToken, InvalidOrganizationChoice.
    """
    with transaction.atomic():
        attempt = _lock_attempt(environment, pending_authentication_token)
        memberships = OrganizationMembership.objects.in_environment(environment)
        if memberships.filter(
            user=attempt.user, organization_id=organization_id, status=MembershipStatus.ACTIVE
        ).exists():
            attempt.organization_id = organization_id
            return _go_on(attempt, policy_of(environment), pending_authentication_token)
        _count_failure(attempt)
    raise InvalidOrganizationChoice.of(organization_id)


_CODE_REFUSALS: Mapping[type[DomainError], type[DomainError]] = {
    EmailVerificationCodeIncorrect: InvalidOneTimeCode,
    EmailVerificationCodeExpired: OneTimeCodeExpired,
    EmailVerificationCodePreviouslyUsed: OneTimeCodePreviouslyUsed,
    EmailVerificationCodeLocked: OneTimeCodeTooManyAttempts,
    # Proven by another way meanwhile: the code in hand proves nothing any more.
    EmailPreviouslyVerified: OneTimeCodePreviouslyUsed,
}


@transaction.atomic
def _begin(
    user: User, method: AuthenticationMethod, kind: str, origin: Origin, policy: Policy
) -> SignedIn | StepRequired | None:
    """Begin an attempt for a user who has just been proven; None if that proof is void by now."""
    environment = policy.settings.environment
    row = _lock_user(environment, user.id)
    if row is None or row.password != user.password:
        # Deleted, or given another password, while the hash was computed.
        return None
    _emit_success(kind, row, environment, origin)
    attempt = SignInAttempt(
        environment=environment,
        user=row,
        authentication_method=method,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
    )
    return _go_on(attempt, policy, "")


def _go_on(attempt: SignInAttempt, policy: Policy, token: str) -> SignedIn | StepRequired:
    """Ask the engine, and do what it says: keep the attempt for its next step, or start the session."""
    situation = Situation(attempt, policy.settings)
    outcome = advance(situation)
    if isinstance(outcome, Required):
        token = _keep(attempt, token)
        return StepRequired(outcome.step, token, _DETAILS[outcome.step](situation))
    if token:
        # Spent before anything is granted, under its lock: an attempt succeeds once.
        attempt.completed_at = clock.now()
        attempt.save(update_fields=["completed_at", "organization"])
    return start_session(attempt=attempt, membership=outcome.membership, policy=policy)


def _keep(attempt: SignInAttempt, token: str) -> str:
    """Save an attempt that has to wait; return its token, the same through all its steps."""
    if token:
        attempt.save(update_fields=["organization"])
        return token
    token = new_secret()
    attempt.token_digest = token_digest(token)
    attempt.expires_at = attempt.created_at + conf.ATTEMPT_LIFETIME
    attempt.save(force_insert=True)
    return token


def _lock_user(environment: Environment, user_id: str) -> User | None:
    rows = User.objects.in_environment(environment)
    return rows.select_for_update(of=("self",)).filter(pk=user_id).first()


def _lock_attempt(environment: Environment, token: str) -> SignInAttempt:
    """Return a waiting attempt with its user, both locked, the user first as everywhere.

    Raises InvalidPendingAuthenticationToken.
    """
    attempts = SignInAttempt.objects.in_environment(environment)
    user_id = attempts.filter(token_digest=token_digest(token)).values_list("user_id", flat=True).first()
    user = None if user_id is None else _lock_user(environment, user_id)
    attempt = attempts.select_for_update(of=("self",)).filter(token_digest=token_digest(token)).first()
    if user is None or attempt is None or not _is_waiting(attempt, user):
        raise InvalidPendingAuthenticationToken.of(token)
    attempt.user = user
    return attempt


def _is_waiting(attempt: SignInAttempt, user: User) -> bool:
    # A new password makes void what the former one had begun.
    overtaken = user.password_changed_at is not None and user.password_changed_at > attempt.created_at
    return (
        attempt.completed_at is None
        and attempt.expires_at > clock.now()
        and attempt.failures < conf.ATTEMPT_FAILURES
        and not overtaken
    )


def _count_failure(attempt: SignInAttempt) -> None:
    rows = SignInAttempt.objects.in_environment(attempt.environment_id)
    rows.filter(pk=attempt.pk).update(failures=F("failures") + 1)


def _email_details(situation: Situation) -> dict[str, Any]:
    verification = _recent_email_verification(situation.user) or create_email_verification(
        user=situation.user, actor=user_actor(situation.user)
    )
    return {"email": situation.user.email, "email_verification_id": verification.id}


def _recent_email_verification(user: User) -> EmailVerification | None:
    """Return the code that was sent a moment ago, if it still opens: repeated sign-ins are not repeated mails."""
    rows = EmailVerification.objects.in_environment(user.environment_id).filter(user=user, email=user.email)
    newest = rows.order_by("-id").first()
    moment = clock.now()
    if newest is None or newest.used_at is not None or newest.failed_attempts or newest.expires_at <= moment:
        return None
    return newest if moment - newest.created_at < conf.EMAIL_VERIFICATION_RESEND else None


def _organization_details(situation: Situation) -> dict[str, Any]:
    return {
        "user": represent_signed_in_user(situation.user),
        "organizations": [represent_organization_choice(row) for row in situation.memberships],
    }


_DETAILS: Mapping[Step, Callable[[Situation], dict[str, Any]]] = {
    Step.EMAIL_VERIFICATION: _email_details,
    Step.ORGANIZATION_SELECTION: _organization_details,
}


def _emit_success(kind: str, user: User, environment: Environment, origin: Origin) -> None:
    data: AuthenticationEventObject = {
        "type": kind,
        "status": "succeeded",
        "ip_address": origin.ip_address,
        "user_agent": origin.user_agent,
        "user_id": user.id,
        "email": user.email,
    }
    emit(f"authentication.{kind}_succeeded", environment=environment, actor=user_actor(user), data=data)


@transaction.atomic
def _record_failure(
    *,
    environment: Environment,
    actor: Actor,
    kind: str,
    origin: Origin,
    user_id: str | None,
    email: str,
    refusal: DomainError,
) -> None:
    data: AuthenticationEventObject = {
        "type": kind,
        "status": "failed",
        "ip_address": origin.ip_address,
        "user_agent": origin.user_agent,
        "user_id": user_id,
        "email": email[:_LONGEST_EMAIL],
        "error": {"code": refusal.code, "message": refusal.message},
    }
    emit(f"authentication.{kind}_failed", environment=environment, actor=actor, data=data)
