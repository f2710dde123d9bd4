"""What every step of signing in shares: beginning an attempt, going on with it, and noting what was proven or not."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import EmailVerification, User
from accounts.services import create_email_verification
from authentication import conf
from authentication.access_tokens import Policy
from authentication.engine import Required, Situation, Step, advance
from authentication.errors import InvalidPendingAuthenticationToken
from authentication.models import (
    AuthenticationMethod,
    AuthorizationCode,
    SignInAttempt,
)
from authentication.representations import (
    represent_factor_choice,
    represent_organization_choice,
    represent_signed_in_user,
)
from authentication.services.known_devices import device_digest
from authentication.services.looks import look_of_attempt
from authentication.services.organization_policies import (
    allowed_method_details,
    join_by_domain,
    sso_details,
)
from authentication.services.outcomes import Arrival, Authenticated, Origin, Outcome, StepRequired
from authentication.services.sessions import start_session, user_actor
from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.encryption import token_digest
from foundation.errors import DomainError, NotFound
from foundation.ids import new_secret
from organizations.errors import InvitationInvalid, InviteNotPending
from organizations.models import Invitation, InvitationState, OrganizationMembership
from organizations.services import (
    accept_invitation,
    find_invitation_by_token,
    find_usable_invitation,
    require_invitation_for_email,
)
from sso.models import Connection
from sso.representations import AuthenticationEventObject, SSOFactsObject

_LONGEST_EMAIL = 320

# What the steps add to an attempt.
_COLLECTED = ["organization", "invitation", "mfa_verified_at", "pending_identity", "mailbox_unproven"]


_KINDS: Mapping[AuthenticationMethod, str] = {
    AuthenticationMethod.PASSWORD: "password",
    AuthenticationMethod.MAGIC_AUTH: "magic_auth",
    AuthenticationMethod.SSO: "sso",
    AuthenticationMethod.PASSKEY: "passkey",
}
# Every other method is a social provider.
_KIND_OF_PROVIDERS = "oauth"


@transaction.atomic
def begin_attempt(
    user: User,
    method: AuthenticationMethod,
    origin: Origin,
    policy: Policy,
    *,
    invitation: Invitation | None = None,
    connection: Connection | None = None,
    pending_identity: Mapping[str, object] | None = None,
    oauth_tokens: str | None = None,
    arrival: Arrival | None = None,
) -> Outcome | None:
    """Begin an attempt for a user who has just been proven; None if that proof is void by now.

    ``invitation`` comes from :func:`find_invitation`, and is accepted at the end; without it, the one that the
    person came to our pages with. ``connection`` is what the person came through, if it was one, and ``arrival``
    says as whom. With a ``pending_identity`` nothing is proven yet: it waits for the mailbox. Raises
    InvitationInvalid, InvitationCannotBeUsedForEmail.
    """
    environment = policy.settings.environment
    row = lock_user_row(environment, user.id)
    if row is None or row.password != user.password:
        # Deleted, or given another password, while the hash was computed.
        return None
    if invitation is None:
        invitation = find_brought_invitation(environment, row.email, origin.invitation_token)
    if not pending_identity:
        emit_success(_KINDS.get(method, _KIND_OF_PROVIDERS), row, environment, origin, arrival)
    attempt = SignInAttempt(
        environment=environment,
        user=row,
        authentication_method=method,
        connection=connection if arrival is None else arrival.profile.connection,
        sso_profile=None if arrival is None else arrival.profile,
        provider_session=None if arrival is None else arrival.provider_session,
        mailbox_unproven=arrival is not None and arrival.mailbox_unproven,
        pending_identity=dict(pending_identity or {}),
        oauth_tokens=oauth_tokens,
        organization_id=origin.organization_id,
        invitation=invitation,
        is_hosted=origin.is_hosted,
        needs_organization=origin.needs_organization,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        device_digest=device_digest(row.id, origin),
    )
    return go_on(attempt, policy, "")


def find_invitation(environment: Environment, email: str, invitation_token: str | None) -> Invitation | None:
    """Return the invitation that somebody with this stored address brings along, or None where no token came.

    Raises InvitationInvalid, InvitationCannotBeUsedForEmail.
    """
    if invitation_token is None:
        return None
    invitation = find_usable_invitation(environment, invitation_token)
    require_invitation_for_email(invitation, email)
    return invitation


def find_brought_invitation(
    environment: Environment, email: str, invitation_token: str | None
) -> Invitation | None:
    """Return the invitation that somebody with this stored address came to our pages with.

    None also where it was accepted before: an old link, or another tab, keeps nobody from signing in. Raises
    InvitationInvalid, InvitationCannotBeUsedForEmail.
    """
    invitation = find_open_invitation(environment, invitation_token)
    if invitation is not None:
        require_invitation_for_email(invitation, email)
    return invitation


def find_open_invitation(environment: Environment, invitation_token: str | None) -> Invitation | None:
    """Return the invitation of a token, or None where no token came or it was accepted; raises InvitationInvalid."""
    if not invitation_token:
        return None
    invitation = find_invitation_by_token(environment, invitation_token)
    if invitation is not None and invitation.state is InvitationState.ACCEPTED:
        return None
    if invitation is None or invitation.state is not InvitationState.PENDING:
        raise InvitationInvalid
    return invitation


def go_on(attempt: SignInAttempt, policy: Policy, token: str) -> Outcome:
    """Ask the engine, and do what it says: keep the attempt for its next step, or end it.

    The caller holds the locks of the user and of the attempt, if that is a row already; an empty ``token`` means
    that nobody has one that still counts.
    """
    situation = Situation(attempt, policy.settings)
    outcome = advance(situation)
    if join_by_domain(situation, outcome):
        situation = Situation(attempt, policy.settings)
        outcome = advance(situation)
    if isinstance(outcome, Required):
        return wait_for_step(outcome.step, situation, token)
    if attempt.is_hosted:
        return Authenticated(attempt, _keep(attempt, token))
    membership = accept_brought_invitation(attempt) or outcome.membership
    if not attempt.token_digest:
        # Complete at once, and so never saved.
        return start_session(attempt=attempt, membership=membership, policy=policy, lifetimes=situation.rules)
    # Spent before anything is granted, under its lock: an attempt succeeds once.
    attempt.completed_at = clock.now()
    signed_in = start_session(
        attempt=attempt, membership=membership, policy=policy, lifetimes=situation.rules
    )
    attempt.oauth_tokens = None
    attempt.save(update_fields=["completed_at", *_COLLECTED, "is_hosted", "oauth_tokens"])
    codes = AuthorizationCode.objects.in_environment(attempt.environment_id)
    codes.filter(attempt=attempt, spent_at__isnull=False).update(session=signed_in.session)
    return signed_in


def wait_for_step(step: Step, situation: Situation, token: str = "") -> StepRequired:
    """Keep an attempt until its client comes back with what is missing; an empty ``token`` means it gets its first."""
    return StepRequired(step, _keep(situation.attempt, token), _DETAILS[step](situation))


def accept_brought_invitation(attempt: SignInAttempt) -> OrganizationMembership | None:
    """Accept the invitation of a complete sign-in; return the membership of its organization, if it names one.

    Raises InvitationInvalid where it can no longer be accepted.
    """
    if attempt.invitation is None:
        return None
    try:
        invitation = accept_invitation(
            invitation=attempt.invitation, user=attempt.user, actor=user_actor(attempt.user)
        )
    except (InviteNotPending, NotFound) as error:
        raise InvitationInvalid from error
    if invitation.organization_id is None:
        return None
    attempt.organization_id = invitation.organization_id
    memberships = OrganizationMembership.objects.in_environment(attempt.environment_id)
    return memberships.select_related("organization").get(
        user=attempt.user, organization_id=invitation.organization_id
    )


def _keep(attempt: SignInAttempt, token: str) -> str:
    """Save an attempt that has to wait; return its token, the same through all its steps."""
    if token:
        attempt.save(update_fields=_COLLECTED)
        return token
    token = new_secret()
    attempt.token_digest = token_digest(token)
    attempt.expires_at = clock.now() + conf.ATTEMPT_LIFETIME
    attempt.save()
    return token


def lock_user_row(environment: Environment, user_id: str) -> User | None:
    """Return the user as the database has it, locked, or None if it is gone."""
    rows = User.objects.in_environment(environment)
    return rows.select_for_update(of=("self",)).filter(pk=user_id).first()


def lock_attempt(environment: Environment, token: str) -> SignInAttempt:
    """Return a waiting attempt with its user, both locked, the user first as everywhere.

    Raises InvalidPendingAuthenticationToken.
    """
    attempts = SignInAttempt.objects.in_environment(environment)
    user_id = attempts.filter(token_digest=token_digest(token)).values_list("user_id", flat=True).first()
    user = None if user_id is None else lock_user_row(environment, user_id)
    attempt = attempts.select_for_update(of=("self",)).filter(token_digest=token_digest(token)).first()
    if user is None or attempt is None or not is_waiting(attempt, user):
        raise InvalidPendingAuthenticationToken.of(token)
    attempt.user = user
    return attempt


def is_waiting(attempt: SignInAttempt, user: User) -> bool:
    """Tell whether an attempt can still go on: it is not over, not guessed at too often, and not overtaken."""
    # A new password makes void what the former one had begun.
    overtaken = user.password_changed_at is not None and user.password_changed_at > attempt.created_at
    return (
        attempt.completed_at is None
        and attempt.expires_at > clock.now()
        and attempt.failures < conf.ATTEMPT_FAILURES
        and not overtaken
    )


def count_failure(attempt: SignInAttempt) -> None:
    """Count one refused answer to a step."""
    rows = SignInAttempt.objects.in_environment(attempt.environment_id)
    rows.filter(pk=attempt.pk).update(failures=F("failures") + 1)


def _email_details(situation: Situation) -> dict[str, Any]:
    verification = _recent_email_verification(situation.user) or create_email_verification(
        user=situation.user,
        actor=user_actor(situation.user),
        look=look_of_attempt(situation.attempt),
        even_if_verified=situation.attempt.needs_mailbox_again,
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


def _mfa_enrollment_details(situation: Situation) -> dict[str, Any]:
    return {"user": represent_signed_in_user(situation.user)}


def _mfa_challenge_details(situation: Situation) -> dict[str, Any]:
    return {
        "user": represent_signed_in_user(situation.user),
        "authentication_factors": [represent_factor_choice(factor) for factor in situation.factors],
    }


_DETAILS: Mapping[Step, Callable[[Situation], dict[str, Any]]] = {
    Step.SSO: sso_details,
    Step.ALLOWED_METHOD: allowed_method_details,
    Step.EMAIL_VERIFICATION: _email_details,
    Step.ORGANIZATION_SELECTION: _organization_details,
    Step.MFA_ENROLLMENT: _mfa_enrollment_details,
    Step.MFA_CHALLENGE: _mfa_challenge_details,
}


def emit_success(
    kind: str, user: User, environment: Environment, origin: Origin, arrival: Arrival | None = None
) -> None:
    """Tell that somebody proved something: the kind is the word of the event's name."""
    data: AuthenticationEventObject = {
        "type": kind,
        "status": "succeeded",
        "ip_address": origin.ip_address,
        "user_agent": origin.user_agent,
        "user_id": user.id,
        "email": user.email,
    }
    if arrival is not None and kind == "sso":
        data["sso"] = arrival.facts
    emit(f"authentication.{kind}_succeeded", environment=environment, actor=user_actor(user), data=data)


@transaction.atomic
def record_failure(
    *,
    environment: Environment,
    actor: Actor,
    kind: str,
    origin: Origin,
    user_id: str | None,
    email: str | None,
    refusal: DomainError,
    sso: SSOFactsObject | None = None,
) -> None:
    """Tell that a proof was refused, in a transaction of its own: the refusal that follows must not undo it."""
    data: AuthenticationEventObject = {
        "type": kind,
        "status": "failed",
        "ip_address": origin.ip_address,
        "user_agent": origin.user_agent,
        "user_id": user_id,
        "email": None if email is None else email[:_LONGEST_EMAIL],
        "error": {"code": refusal.code, "message": refusal.message},
    }
    if sso is not None:
        data["sso"] = sso
    emit(f"authentication.{kind}_failed", environment=environment, actor=actor, data=data)
