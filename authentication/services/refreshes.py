"""Refreshing a session: new tokens for a refresh token, with the policy and the memberships of this moment."""

from datetime import datetime

from django.db import transaction

from authentication.access_tokens import POLICY_RELATIONS, loaded_policy, sign_access_token
from authentication.errors import (
    InvalidGrant,
    OAuthRefusal,
    OrganizationMembershipNotFound,
    SessionExpired,
)
from authentication.models import Session
from authentication.refresh_tokens import RefreshToken, RefreshVerdict, judge
from authentication.services.outcomes import SignedIn
from authentication.services.sessions import end_locked_session, expiry_of, is_over
from environments.models import Environment
from foundation import clock
from foundation.actors import SYSTEM
from organizations.models import MembershipStatus, OrganizationMembership


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


def _refresh(
    environment: Environment, presented: RefreshToken, organization_id: str | None
) -> SignedIn | OAuthRefusal:
    moment = clock.now()
    session = _lock_session_of(environment, presented)
    if session is None or session.ended_at is not None:
        return InvalidGrant()
    policy = loaded_policy(session.environment)
    if is_over(session, policy.settings, moment):
        return SessionExpired()
    verdict = judge(session, presented, moment)
    if verdict is RefreshVerdict.REUSED:
        end_locked_session(session, environment, SYSTEM)
        return InvalidGrant()
    wanted = organization_id or session.organization_id
    membership = _active_membership(session, wanted)
    if wanted is not None and membership is None:
        if wanted != session.organization_id:
            return OrganizationMembershipNotFound.of(wanted)
        end_locked_session(session, environment, SYSTEM)
        return InvalidGrant()
    session.organization_id = wanted
    if verdict is RefreshVerdict.PRESENT:
        successor = _rotate(session, presented, moment)
    else:
        successor = RefreshToken(str(session.sealed_refresh_token))
    session.updated_at = moment
    session.expires_at = expiry_of(
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
