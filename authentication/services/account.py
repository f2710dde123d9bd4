"""The account page: who is on it, and whether they proved themselves recently enough for what they want to change.

A browser that is signed in is let in where the engine would ask nothing more of it, so that the page is no way around
a step. Whoever wants to change how the account is protected signs in once more, on the pages of every sign-in and by
the rules of every sign-in, unless they did so a moment ago: an open browser is not enough.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from authentication import conf
from authentication.access_tokens import policy_of
from authentication.engine import Completed, Situation, advance
from authentication.models import (
    AuthenticationMethod,
    AuthorizationRequest,
    HostedSession,
    Session,
    SignInAttempt,
)
from authentication.services.attempts import lock_user_row
from authentication.services.authorization_requests import HOSTED_SIGN_IN, PROMPT_LOGIN, keep_request
from authentication.services.hosted_sessions import (
    end_hosted_session,
    find_hosted_session,
    is_live,
    touch_hosted_session,
)
from authentication.services.sessions import end_session, user_actor
from environments.models import Environment
from foundation import clock
from foundation.errors import NotFound
from foundation.scoping import EnvironmentQuerySet

# A look at the page is written down no more often than this.
_TOUCH_INTERVAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignedInPlace:
    """A browser or a program that is signed in, with the applications' sessions that it holds.

    ``row`` is what is ended to sign it out: a browser's own session, or an application's that was begun without one.
    """

    row: HostedSession | Session
    sessions: list[Session]
    last_used_at: datetime
    is_this_browser: bool


def find_account_session(environment: Environment, secret: str | None) -> HostedSession | None:
    """Return the session of a browser that may see its person's account; None where it has to sign in."""
    row = find_hosted_session(environment, secret)
    if row is None:
        return None
    attempt = SignInAttempt(
        environment=environment,
        user=row.user,
        authentication_method=row.authentication_method,
        **row.came_through,
        authenticated_at=row.authenticated_at,
        mfa_verified_at=row.mfa_verified_at,
        is_hosted=True,
        needs_organization=False,
    )
    row.environment = row.user.environment = environment
    if not isinstance(advance(Situation(attempt, policy_of(environment).settings)), Completed):
        return None
    if clock.now() - row.last_used_at > _TOUCH_INTERVAL:
        touch_hosted_session(row)
    return row


def has_recent_proof(hosted_session: HostedSession) -> bool:
    """Tell whether whoever sits there proved themselves recently enough to change how they sign in.

    Staff who act in somebody's place have proven nothing of theirs.
    """
    if hosted_session.authentication_method == AuthenticationMethod.IMPERSONATION:
        return False
    return clock.now() - hosted_session.authenticated_at <= conf.RECENT_PROOF


def request_sign_in_for_page(
    *, environment: Environment, landing: str, once_more: HostedSession | None = None
) -> str:
    """Return the address of the sign-in page, from which the browser comes back to ``landing``, a path of ours.

    ``once_more`` is the session of somebody who is signed in and has to prove it again.
    """
    request = AuthorizationRequest(environment=environment, landing=landing, provider=HOSTED_SIGN_IN)
    if once_more is not None:
        request.prompt, request.login_hint = PROMPT_LOGIN, once_more.user.email
    return conf.sign_in_page(keep_request(request))


def is_once_more(request: AuthorizationRequest) -> bool:
    """Tell whether a sign-in is asked of somebody who is signed in, for a page of ours."""
    return bool(request.landing) and request.prompt == PROMPT_LOGIN


def list_signed_in_places(hosted_session: HostedSession) -> list[SignedInPlace]:
    """Return where a person is signed in: this browser first, then by last use."""
    user, moment = hosted_session.user, clock.now()
    sessions: dict[str | None, list[Session]] = {}
    for session in _active_sessions(user).select_related("organization").order_by("-refreshed_at"):
        sessions.setdefault(session.hosted_session_id, []).append(session)
    rows = HostedSession.objects.in_environment(user.environment_id).filter(user=user, ended_at__isnull=True)
    places = [
        _place(row, sessions.pop(row.pk, []), is_this_browser=row.pk == hosted_session.pk)
        for row in rows
        if is_live(row, user, moment)
    ]
    places += [_place(session, [session]) for group in sessions.values() for session in group]
    return sorted(places, key=lambda place: (not place.is_this_browser, -place.last_used_at.timestamp()))


@transaction.atomic
def end_own_session(*, hosted_session: HostedSession, session_id: str) -> None:
    """Sign one of a person's own places out, as :class:`SignedInPlace` names it. Raises NotFound."""
    user = hosted_session.user
    lock_user_row(hosted_session.environment, user.pk)
    browser = HostedSession.objects.in_environment(user.environment_id).filter(user=user, pk=session_id)
    if (row := browser.first()) is not None:
        end_hosted_session(row)
        return
    session = _active_sessions(user).filter(pk=session_id).first()
    if session is None:
        raise NotFound.of("Session", session_id)
    end_session(session, user_actor(user))


@transaction.atomic
def end_other_sessions(hosted_session: HostedSession) -> None:
    """Sign a person out everywhere but in this browser, and in the applications that were reached from it."""
    user = hosted_session.user
    lock_user_row(hosted_session.environment, user.pk)
    end_sessions_beside(hosted_session)


def end_sessions_beside(hosted_session: HostedSession) -> None:
    """End every session of a person but this browser's; the caller holds the user's lock."""
    user = hosted_session.user
    others = _active_sessions(user).exclude(hosted_session=hosted_session)
    _end_all(others.order_by("id"), user)
    browsers = HostedSession.objects.in_environment(user.environment_id)
    browsers = browsers.filter(user=user, ended_at__isnull=True).exclude(pk=hosted_session.pk)
    browsers.update(ended_at=clock.now())


def _end_all(sessions: Iterable[Session], user: User) -> None:
    for session in sessions:
        end_session(session, user_actor(user))


def _active_sessions(user: User) -> EnvironmentQuerySet[Session]:
    rows = Session.objects.in_environment(user.environment_id)
    return rows.filter(user=user, ended_at__isnull=True, expires_at__gt=clock.now())


def _place(
    row: HostedSession | Session, sessions: list[Session], *, is_this_browser: bool = False
) -> SignedInPlace:
    moments = [session.refreshed_at for session in sessions]
    if isinstance(row, HostedSession):
        moments.append(row.last_used_at)
    return SignedInPlace(row, sessions, max(moments), is_this_browser)
