"""Refreshing a session: new tokens for a refresh token, with the policy and the memberships of this moment."""

from datetime import datetime

from django.db import transaction

from authentication.access_tokens import POLICY_RELATIONS, Policy, loaded_policy, sign_access_token
from authentication.engine import Required, Situation, advance, organization_step
from authentication.errors import (
    InvalidGrant,
    OAuthRefusal,
    OrganizationMembershipNotFound,
    SessionExpired,
)
from authentication.models import Session, SignInAttempt
from authentication.policies import Rules, policy_of_organization
from authentication.refresh_tokens import RefreshToken, RefreshVerdict, judge
from authentication.services.attempts import lock_user_row, wait_for_step
from authentication.services.outcomes import SignedIn, StepRequired
from authentication.services.sessions import end_locked_session, expiry_of, is_over
from environments.models import Environment
from foundation import clock
from foundation.actors import SYSTEM
from organizations.models import (
    MembershipStatus,
    OrganizationMembership,
    OrganizationPolicy,
    find_domain_policy,
)


def refresh_session(
    *, environment: Environment, refresh_token: str, organization_id: str | None = None
) -> SignedIn | StepRequired:
    """Exchange a refresh token for new tokens; ``organization_id`` switches the session to that organization.

    Membership, roles and policies are read anew: who left the organization has no session there any more, and who
    came by a way that an organization has closed since is told which one is open. A switch asks the engine, which may
    want more than the session has proven. These steps, and a refusal with OrganizationMembershipNotFound, leave the
    refresh token unspent. Raises InvalidGrant and SessionExpired too.
    """
    with transaction.atomic():
        outcome = _refresh(environment, RefreshToken(refresh_token), organization_id)
    # Raised out here: the end of a session whose token was stolen must not be rolled back by its refusal.
    if isinstance(outcome, OAuthRefusal):
        raise outcome
    return outcome


def _refresh(
    environment: Environment, presented: RefreshToken, organization_id: str | None
) -> SignedIn | StepRequired | OAuthRefusal:
    moment = clock.now()
    if organization_id is not None:
        _lock_user_of(environment, presented)
    session = _lock_session_of(environment, presented)
    if session is None or session.ended_at is not None:
        return InvalidGrant()
    policy = loaded_policy(session.environment)
    membership = _active_membership(session, session.organization_id)
    domain_policy = find_domain_policy(session.environment_id, session.user.email)
    if is_over(session, _rules(policy, membership, domain_policy), moment):
        return SessionExpired()
    verdict = judge(session, presented, moment)
    if verdict is RefreshVerdict.REUSED:
        end_locked_session(session, environment, SYSTEM)
        return InvalidGrant()
    wanted = organization_id or session.organization_id
    if wanted != session.organization_id:
        # Staff act where they said that they would.
        membership = None if session.impersonator_id else _active_membership(session, wanted)
    if wanted is not None and membership is None:
        if wanted != session.organization_id:
            return OrganizationMembershipNotFound.of(wanted)
        end_locked_session(session, environment, SYSTEM)
        return InvalidGrant()
    rules = _rules(policy, membership, domain_policy)
    step = _missing_step(session, wanted, policy, rules)
    if step is not None:
        return step
    session.organization_id = wanted
    if verdict is RefreshVerdict.PRESENT:
        successor = _rotate(session, presented, moment)
    else:
        successor = RefreshToken(str(session.sealed_refresh_token))
    session.updated_at = moment
    session.expires_at = expiry_of(session, rules)
    session.save(update_fields=_REFRESHED_FIELDS)
    access_token = sign_access_token(session=session, user=session.user, membership=membership, policy=policy)
    return SignedIn(session, session.user, access_token, successor.text)


def _rules(
    policy: Policy, membership: OrganizationMembership | None, domain_policy: OrganizationPolicy | None
) -> Rules:
    entered = None if membership is None else policy_of_organization(membership.organization)
    return Rules.of(policy.settings, entered=entered, domain=domain_policy)


def _missing_step(
    session: Session, organization_id: str | None, policy: Policy, rules: Rules
) -> StepRequired | None:
    """Say what is asked that the session has not proven, or None: a switch is no way around a step.

    Whoever stays is asked for what organizations have decided alone: a second factor was proven at the sign-in.
    """
    stays = organization_id == session.organization_id
    if stays and not rules.policies:
        return None
    attempt = SignInAttempt(
        environment=policy.settings.environment,
        user=session.user,
        authentication_method=session.authentication_method,
        **session.came_through,
        organization_id=organization_id,
        authenticated_at=session.authenticated_at,
        mfa_verified_at=session.mfa_verified_at,
        ip_address=session.ip_address,
        user_agent=session.user_agent,
    )
    situation = Situation(attempt, policy.settings)
    if stays:
        step = organization_step(situation)
    else:
        outcome = advance(situation)
        step = outcome.step if isinstance(outcome, Required) else None
    return None if step is None else wait_for_step(step, situation)


_REFRESHED_FIELDS = [
    "organization",
    "updated_at",
    "refreshed_at",
    "expires_at",
    "refresh_token_digest",
    "former_refresh_token_digest",
    "sealed_refresh_token",
]


def _lock_user_of(environment: Environment, presented: RefreshToken) -> None:
    """Lock the user before the session, as everywhere: a switch may begin an attempt of the user."""
    sessions = Session.objects.in_environment(environment)
    user_ids = sessions.filter(refresh_family_digest=presented.family_digest).values_list(
        "user_id", flat=True
    )
    if (user_id := user_ids.first()) is not None:
        lock_user_row(environment, user_id)


def _lock_session_of(environment: Environment, presented: RefreshToken) -> Session | None:
    """Find the session of a token and lock its row: refreshes of one session happen one after the other."""
    rows = Session.objects.in_environment(environment).select_related("user", *POLICY_RELATIONS)
    return rows.select_for_update(of=("self",)).filter(refresh_family_digest=presented.family_digest).first()


def _rotate(session: Session, spent: RefreshToken, moment: datetime) -> RefreshToken:
    successor = spent.successor()
    session.former_refresh_token_digest = session.refresh_token_digest
    session.refresh_token_digest = successor.digest
    session.sealed_refresh_token = successor.text
    session.refreshed_at = moment
    return successor


def _active_membership(session: Session, organization_id: str | None) -> OrganizationMembership | None:
    if organization_id is None:
        return None
    rows = OrganizationMembership.objects.in_environment(session.environment_id)
    return (
        rows.filter(user_id=session.user_id, organization_id=organization_id, status=MembershipStatus.ACTIVE)
        .select_related("organization__policy")
        .first()
    )
