"""Sessions: starting and ending."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.services import record_sign_in
from authentication import conf
from authentication.access_tokens import Policy, sign_access_token
from authentication.models import AuthenticationMethod, HostedSession, Session, SessionStatus, SignInAttempt
from authentication.policies import Lifetimes
from authentication.refresh_tokens import new_refresh_token
from authentication.representations import represent_session
from authentication.services.known_devices import notice_device
from authentication.services.outcomes import SignedIn
from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor, ActorKind
from organizations.models import OrganizationMembership
from sso.models import ProviderSession
from sso.services import end_provider_sessions


def start_session(
    *,
    attempt: SignInAttempt,
    membership: OrganizationMembership | None,
    policy: Policy,
    lifetimes: Lifetimes,
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
        **attempt.came_through,
        hosted_session_id=attempt.hosted_session_id,
        ip_address=attempt.ip_address,
        user_agent=attempt.user_agent,
        authenticated_at=attempt.authenticated_at,
        mfa_verified_at=attempt.mfa_verified_at,
        created_at=moment,
        updated_at=moment,
        refreshed_at=moment,
        impersonator_id=attempt.impersonator_id,
        impersonator_email=attempt.impersonator_email,
        impersonation_reason=attempt.impersonation_reason,
        refresh_family_digest=refresh_token.family_digest,
        refresh_token_digest=refresh_token.digest,
    )
    session.expires_at = expiry_of(session, lifetimes)
    session.save(force_insert=True)
    if not session.impersonator_id:
        # Staff in the user's place are no sign-in of the user's, nor is theirs a device of the user's.
        if attempt.hosted_session_id is None:
            # A browser on our pages was noticed when it was signed in there.
            notice_device(attempt)
        record_sign_in(user)
    emit(
        "session.created",
        environment=policy.settings.environment,
        actor=_actor_of(session, user),
        data=represent_session(session),
    )
    access_token = sign_access_token(session=session, user=user, membership=membership, policy=policy)
    oauth_tokens = json.loads(attempt.oauth_tokens) if attempt.oauth_tokens else None
    return SignedIn(session, user, access_token, refresh_token.text, oauth_tokens)


@transaction.atomic
def end_session(session: Session, actor: Actor) -> Session:
    """End a session: it cannot be refreshed any more. One that is over already stays as it is, without an event."""
    rows = Session.objects.in_environment(session.environment_id).select_related("environment")
    row = rows.select_for_update(of=("self",)).require(session.id)
    if row.status is SessionStatus.ACTIVE:
        end_locked_session(row, row.environment, actor)
    return row


@transaction.atomic
def end_sessions_of(user: User, actor: Actor) -> None:
    """End every session of a user, and sign every browser of theirs out of our own pages."""
    sessions = Session.objects.in_environment(user.environment_id)
    open_ones = sessions.filter(user=user, ended_at__isnull=True, expires_at__gt=clock.now())
    for session in open_ones.order_by("id"):
        end_session(session, actor)
    browsers = HostedSession.objects.in_environment(user.environment_id)
    browsers.filter(user=user, ended_at__isnull=True).update(ended_at=clock.now())


@transaction.atomic
def sign_out_everywhere(user: User, actor: Actor) -> None:
    """End every session of a user, and every sign-in that is under way: a code that is out gives no new session."""
    # The user first, as everywhere.
    User.objects.in_environment(user.environment_id).select_for_update(of=("self",)).require(user.pk)
    attempts = SignInAttempt.objects.in_environment(user.environment_id)
    attempts.filter(user=user, completed_at__isnull=True).update(completed_at=clock.now())
    end_sessions_of(user, actor)


@transaction.atomic
def end_by_provider_sessions(provider_sessions: Sequence[ProviderSession], actor: Actor) -> None:
    """End people's sessions at their identity provider, with all that began by them; other sessions stay."""
    if not provider_sessions:
        return
    end_provider_sessions(provider_sessions)
    end_what_began_by(provider_sessions[0].environment_id, [row.id for row in provider_sessions], actor)


@transaction.atomic
def end_what_began_by(environment_id: str, provider_session_ids: Collection[str], actor: Actor) -> None:
    """End the sessions, and the sign-ins under way, that began by sessions at a provider; these are left as they are."""
    moment = clock.now()
    begun = {"provider_session__in": provider_session_ids}
    attempts = SignInAttempt.objects.in_environment(environment_id).filter(**begun, completed_at__isnull=True)
    sessions = Session.objects.in_environment(environment_id).filter(**begun, ended_at__isnull=True)
    browsers = HostedSession.objects.in_environment(environment_id).filter(**begun, ended_at__isnull=True)
    # The users first, as everywhere: a sign-in that is under way is through, or finds its attempt ended.
    people = {pk for rows in (attempts, sessions, browsers) for pk in rows.values_list("user_id", flat=True)}
    users = User.objects.in_environment(environment_id).filter(pk__in=people).order_by("pk")
    list(users.select_for_update(of=("self",)).values_list("pk", flat=True))
    attempts.update(completed_at=moment)
    for session in sessions.filter(expires_at__gt=moment).order_by("id"):
        end_session(session, actor)
    browsers.update(ended_at=moment)


def user_actor(user: User) -> Actor:
    """Return the actor that a signed-in person is."""
    return Actor(ActorKind.USER, user.id, user.email)


def _actor_of(session: Session, user: User) -> Actor:
    if session.impersonator_id:
        return Actor(ActorKind.OPERATOR, session.impersonator_id, session.impersonator_email)
    return user_actor(user)


def end_locked_session(session: Session, environment: Environment, actor: Actor) -> None:
    """End a session that can still be refreshed, and whose row the caller has locked."""
    moment = clock.now()
    session.ended_at = moment
    session.updated_at = moment
    session.sealed_refresh_token = None
    session.save(update_fields=["ended_at", "updated_at", "sealed_refresh_token"])
    if session.hosted_session_id is not None:
        # Or the browser would be signed in again, unasked, by the next application that sends it here.
        rows = HostedSession.objects.in_environment(session.environment_id)
        rows.filter(pk=session.hosted_session_id, ended_at__isnull=True).update(ended_at=moment)
    emit("session.revoked", environment=environment, actor=actor, data=represent_session(session))


def expiry_of(session: Session, lifetimes: Lifetimes) -> datetime:
    """Return when a session ends by itself: at its maximum age, or unused for too long."""
    maximum = timedelta(seconds=lifetimes.session_maximum_seconds)
    if session.authentication_method == AuthenticationMethod.IMPERSONATION:
        maximum = min(maximum, conf.IMPERSONATION_LIFETIME)
    end = session.created_at + maximum
    if lifetimes.session_inactivity_seconds is not None:
        end = min(end, session.refreshed_at + timedelta(seconds=lifetimes.session_inactivity_seconds))
    return end


def is_over(session: Session, lifetimes: Lifetimes, moment: datetime) -> bool:
    """Tell whether a session has ended by itself."""
    # The policy of now counts for sessions that began under a more generous one.
    return min(session.expires_at, expiry_of(session, lifetimes)) <= moment
