"""Sessions: starting, refreshing, ending."""

from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.services import record_sign_in
from authentication.access_tokens import POLICY_RELATIONS, Policy, loaded_policy, sign_access_token
from authentication.errors import (
    InvalidGrant,
    OAuthRefusal,
    OrganizationMembershipNotFound,
    SessionExpired,
)
from authentication.models import Session, SessionStatus, SignInAttempt
from authentication.refresh_tokens import RefreshToken, RefreshVerdict, judge, new_refresh_token
from authentication.representations import represent_session
from authentication.services.outcomes import SignedIn
from environments.models import AuthenticationSettings, Environment
from events.services import emit
from foundation import clock
from foundation.actors import SYSTEM, Actor, ActorKind
from organizations.models import MembershipStatus, OrganizationMembership


def start_session(
    *, attempt: SignInAttempt, membership: OrganizationMembership | None, policy: Policy
) -> SignedIn:
    """Start the session that a completed attempt has earned, in the transaction that holds the lock of its user."""
    user = attempt.user
    moment = clock.now()
    refresh_token = new_refresh_token()
    session = Session(
        environment=policy.settings.environment,
        user=user,
        organization_id=membership.organization_id if membership else None,
        authentication_method=attempt.authentication_method,
        ip_address=attempt.ip_address,
        user_agent=attempt.user_agent,
        authenticated_at=attempt.authenticated_at,
        created_at=moment,
        updated_at=moment,
        refreshed_at=moment,
        expires_at=_expiry(policy.settings, created_at=moment, refreshed_at=moment),
        refresh_family_digest=refresh_token.family_digest,
        refresh_token_digest=refresh_token.digest,
    )
    session.save(force_insert=True)
    record_sign_in(user)
    emit(
        "session.created",
        environment=policy.settings.environment,
        actor=user_actor(user),
        data=represent_session(session),
    )
    access_token = sign_access_token(session=session, user=user, membership=membership, policy=policy)
    return SignedIn(session, user, access_token, refresh_token.text)


def refresh_session(
    *, environment: Environment, refresh_token: str, organization_id: str | None = None
) -> SignedIn:
    """Exchange a refresh token for new tokens; ``organization_id`` switches the session to that organization.

    Membership, roles and policy are read anew: who left the organization has no session there any more. Raises
    InvalidGrant, SessionExpired, OrganizationMembershipNotFound (which leaves the refresh token unspent).
    """
    with transaction.atomic():
        outcome = _refresh(environment, RefreshToken(refresh_token), organization_id)
    # Raised out here: the end of a session whose token was stolen must not be rolled back by its refusal.
    if isinstance(outcome, OAuthRefusal):
        raise outcome
    return outcome


@transaction.atomic
def end_session(session: Session, actor: Actor) -> Session:
    """End a session: it cannot be refreshed any more. One that is over already stays as it is, without an event."""
    rows = Session.objects.in_environment(session.environment_id).select_related("environment")
    row = rows.select_for_update(of=("self",)).require(session.id)
    if row.status is SessionStatus.ACTIVE:
        _end(row, row.environment, actor)
    return row


def user_actor(user: User) -> Actor:
    """Return the actor that a signed-in person is."""
    return Actor(ActorKind.USER, user.id, user.email)


def _refresh(
    environment: Environment, presented: RefreshToken, organization_id: str | None
) -> SignedIn | OAuthRefusal:
    moment = clock.now()
    session = _lock_session_of(environment, presented)
    if session is None or session.ended_at is not None:
        return InvalidGrant()
    policy = loaded_policy(session.environment)
    if _is_over(session, policy.settings, moment):
        return SessionExpired()
    verdict = judge(session, presented, moment)
    if verdict is RefreshVerdict.REUSED:
        _end(session, environment, SYSTEM)
        return InvalidGrant()
    wanted = organization_id or session.organization_id
    membership = _active_membership(session, wanted)
    if wanted is not None and membership is None:
        if wanted != session.organization_id:
            return OrganizationMembershipNotFound.of(wanted)
        _end(session, environment, SYSTEM)
        return InvalidGrant()
    session.organization_id = wanted
    if verdict is RefreshVerdict.PRESENT:
        successor = _rotate(session, presented, moment)
    else:
        successor = RefreshToken(str(session.sealed_refresh_token))
    session.updated_at = moment
    session.expires_at = _expiry(
        policy.settings, created_at=session.created_at, refreshed_at=session.refreshed_at
    )
    session.save(update_fields=_REFRESHED_FIELDS)
    access_token = sign_access_token(session=session, user=session.user, membership=membership, policy=policy)
    return SignedIn(session, session.user, access_token, successor.text)


_REFRESHED_FIELDS = [
    "organization",
    "updated_at",
    "refreshed_at",
    "expires_at",
    "refresh_token_digest",
    "former_refresh_token_digest",
    "sealed_refresh_token",
]


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
        .select_related("organization")
        .first()
    )


def _end(session: Session, environment: Environment, actor: Actor) -> None:
    moment = clock.now()
    session.ended_at = moment
    session.updated_at = moment
    session.sealed_refresh_token = None
    session.save(update_fields=["ended_at", "updated_at", "sealed_refresh_token"])
    emit("session.revoked", environment=environment, actor=actor, data=represent_session(session))


def _expiry(settings: AuthenticationSettings, *, created_at: datetime, refreshed_at: datetime) -> datetime:
    """Return when a session ends by itself: at its maximum age, or unused for too long."""
    end = created_at + timedelta(seconds=settings.session_maximum_seconds)
    if settings.session_inactivity_seconds is not None:
        end = min(end, refreshed_at + timedelta(seconds=settings.session_inactivity_seconds))
    return end


def _is_over(session: Session, settings: AuthenticationSettings, moment: datetime) -> bool:
    # The policy of now counts for sessions that began under a more generous one.
    limit = _expiry(settings, created_at=session.created_at, refreshed_at=session.refreshed_at)
    return min(session.expires_at, limit) <= moment
