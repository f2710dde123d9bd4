"""The use cases of signing in: each proves one thing and asks the engine what comes next.

None of them is one transaction from end to end: a password is hashed outside of any lock, and what a failed try
leaves behind (its event, its count) is committed before the refusal is raised.
"""

from collections.abc import Mapping

from django.db import transaction

from accounts.errors import (
    EmailPreviouslyVerified,
    EmailVerificationCodeExpired,
    EmailVerificationCodeIncorrect,
    EmailVerificationCodeLocked,
    EmailVerificationCodePreviouslyUsed,
)
from accounts.passwords import burn_a_hash
from accounts.services import find_user_by_email, use_email_verification_code, verify_user_password
from authentication.access_tokens import policy_of
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
from authentication.models import AuthenticationMethod
from authentication.services.attempts import (
    begin_attempt,
    count_failure,
    emit_success,
    find_invitation,
    go_on,
    lock_attempt,
    record_failure,
)
from authentication.services.outcomes import Origin, Outcome
from authentication.services.sessions import end_sessions_of, user_actor
from authentication.services.social import link_pending_identity
from environments.models import Environment
from foundation.actors import SYSTEM, Actor
from foundation.errors import DomainError
from organizations.models import MembershipStatus, OrganizationMembership
from sso.services import link_profile


def sign_in_with_password(
    *,
    environment: Environment,
    actor: Actor,
    origin: Origin,
    email: str,
    password: str,
    invitation_token: str | None = None,
) -> Outcome:
    """Sign a person in by e-mail and password; ``actor`` is the client that asks.

    Unknown e-mail, missing password and wrong password take the same work and get the same answer. Raises
    PasswordAuthenticationDisabled, InvalidCredentials, InvitationInvalid, InvitationCannotBeUsedForEmail.
    """
    policy = policy_of(environment)
    if not policy.settings.password_enabled:
        raise PasswordAuthenticationDisabled
    user = find_user_by_email(environment, email)
    if user is None:
        burn_a_hash(password)
    elif verify_user_password(user, password):
        invitation = find_invitation(environment, user.email, invitation_token)
        outcome = begin_attempt(user, AuthenticationMethod.PASSWORD, origin, policy, invitation=invitation)
        if outcome is not None:
            return outcome
    refusal = InvalidCredentials()
    record_failure(
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
) -> Outcome:
    """Go on with a sign-in that waited for its user's mailbox to be proven.

    Raises InvalidPendingAuthenticationToken, InvalidOneTimeCode, OneTimeCodeExpired, OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts, RateLimited.
    """
    with transaction.atomic():
        attempt = lock_attempt(environment, pending_authentication_token)
    method = attempt.authentication_method
    # Whoever shows a password or a passkey and reads the mailbox is whoever made the account.
    is_somebody_new = not attempt.user.email_verified and method not in _SHOWN_OF_THE_ACCOUNT
    try:
        use_email_verification_code(
            user=attempt.user,
            one_time_code=one_time_code,
            actor=user_actor(attempt.user),
            even_if_verified=attempt.needs_mailbox_again,
            knows_password=method == AuthenticationMethod.PASSWORD,
            has_passkey=method == AuthenticationMethod.PASSKEY,
        )
    except tuple(_CODE_REFUSALS) as error:
        refusal = _CODE_REFUSALS[type(error)]()
        count_failure(attempt)
        record_failure(
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
        attempt = lock_attempt(environment, pending_authentication_token)
        emit_success("email_verification", attempt.user, environment, origin)
        if is_somebody_new:
            end_sessions_of(attempt.user, SYSTEM)
        if attempt.pending_identity and not link_pending_identity(attempt, origin):
            raise InvalidPendingAuthenticationToken.of(pending_authentication_token)
        if attempt.mailbox_unproven:
            attempt.mailbox_unproven = False
            if attempt.sso_profile is not None:
                # The person who reads the mailbox came through the connection: from now on it says who they are.
                link_profile(profile=attempt.sso_profile, user=attempt.user)
        return go_on(attempt, policy_of(environment), pending_authentication_token)


def sign_in_with_organization(
    *, environment: Environment, organization_id: str, pending_authentication_token: str
) -> Outcome:
    """Go on with a sign-in that waited for its organization to be chosen.

    Raises InvalidPendingAuthenticationToken, InvalidOrganizationChoice.
    """
    with transaction.atomic():
        attempt = lock_attempt(environment, pending_authentication_token)
        memberships = OrganizationMembership.objects.in_environment(environment)
        if memberships.filter(
            user=attempt.user, organization_id=organization_id, status=MembershipStatus.ACTIVE
        ).exists():
            attempt.organization_id = organization_id
            return go_on(attempt, policy_of(environment), pending_authentication_token)
        count_failure(attempt)
    raise InvalidOrganizationChoice.of(organization_id)


_SHOWN_OF_THE_ACCOUNT = frozenset({AuthenticationMethod.PASSWORD, AuthenticationMethod.PASSKEY})

_CODE_REFUSALS: Mapping[type[DomainError], type[DomainError]] = {
    EmailVerificationCodeIncorrect: InvalidOneTimeCode,
    EmailVerificationCodeExpired: OneTimeCodeExpired,
    EmailVerificationCodePreviouslyUsed: OneTimeCodePreviouslyUsed,
    EmailVerificationCodeLocked: OneTimeCodeTooManyAttempts,
    # Proven by another way meanwhile: the code in hand proves nothing any more.
    EmailPreviouslyVerified: OneTimeCodePreviouslyUsed,
}
