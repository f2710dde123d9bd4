"""Browsers that are signed in on our own pages: single sign-on between the applications of an environment."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from authentication import conf
from authentication.access_tokens import policy_of
from authentication.engine import Required, Situation, advance
from authentication.errors import InvalidPendingAuthenticationToken
from authentication.models import (
    AuthorizationCode,
    AuthorizationRequest,
    HostedSession,
    Session,
    SessionStatus,
    SignInAttempt,
)
from authentication.services.attempts import (
    emit_success,
    find_open_invitation,
    go_on,
    lock_attempt,
    lock_user_row,
)
from authentication.services.authorization_codes import (
    issue_authorization_code,
    lock_hosted_attempt,
    needs_fresh_sign_in,
)
from authentication.services.known_devices import notice_device
from authentication.services.outcomes import Origin, Outcome
from authentication.services.sessions import end_session, user_actor
from environments.models import AuthenticationSettings, Environment
from foundation import clock
from foundation.encryption import token_digest
from foundation.ids import new_secret

_SECRET_LENGTH = 43


@dataclass(frozen=True, slots=True)
class Finished:
    """Where the browser goes after its sign-in, and the new secret for its cookie, if it gets one."""

    url: str
    hosted_secret: str | None


@transaction.atomic
def finish_sign_in(
    *, request: AuthorizationRequest, pending_authentication_token: str, former_secret: str | None
) -> Finished:
    """Issue the authorization code of a sign-in and sign the browser in; raises as issue_authorization_code.

    Where the sign-in was for a page of ours, there is no code, and the browser goes there. A secret that the browser
    had before is of no use any more: whoever planted it gains nothing (session fixation).
    """
    if request.landing:
        return _land(request, pending_authentication_token, former_secret)
    url = issue_authorization_code(request=request, pending_authentication_token=pending_authentication_token)
    attempt = lock_attempt(request.environment, pending_authentication_token)
    issued = AuthorizationCode.objects.in_environment(request.environment).filter(attempt=attempt).exists()
    return Finished(url, sign_browser_in(attempt, former_secret) if issued else None)


def sign_browser_in(attempt: SignInAttempt, former_secret: str | None) -> str | None:
    """Begin the browser's own session with a complete sign-in; return the secret for its cookie.

    None where the sign-in came by such a session, which goes on.
    """
    return None if attempt.hosted_session_id is not None else _start(attempt, former_secret)


def sign_in_by_hosted_session(
    *, request: AuthorizationRequest, hosted_session: HostedSession, origin: Origin
) -> Outcome | None:
    """Begin a sign-in for somebody whose browser is signed in already; the engine says what is still missing.

    None if the application wants the person to sign in anew (``prompt``, ``max_age``), or names somebody else, or if
    the invitation is another's: what a colleague may accept is not accepted in passing. Raises InvitationInvalid.
    """
    environment = request.environment
    hint = request.login_hint.strip().lower()
    invitation = find_open_invitation(environment, request.invitation_token)
    with transaction.atomic():
        user = lock_user_row(environment, hosted_session.user_id)
        if user is None or (hint and hint != user.email.lower()):
            return None
        if invitation is not None and invitation.email != user.email:
            return None
        attempt = SignInAttempt(
            environment=environment,
            user=user,
            authentication_method=hosted_session.authentication_method,
            **hosted_session.came_through,
            authenticated_at=hosted_session.authenticated_at,
            mfa_verified_at=hosted_session.mfa_verified_at,
            hosted_session=hosted_session,
            organization_id=origin.organization_id,
            invitation=invitation,
            is_hosted=True,
            needs_organization=origin.needs_organization,
            ip_address=origin.ip_address,
            user_agent=origin.user_agent,
        )
        if needs_fresh_sign_in(request, attempt):
            return None
        touch_hosted_session(hosted_session)
        return go_on(attempt, policy_of(environment), "")


def find_hosted_session(environment: Environment, secret: str | None) -> HostedSession | None:
    """Return the live session of a browser's cookie in this environment, its user loaded, or None."""
    if not secret:
        return None
    rows = HostedSession.objects.in_environment(environment).select_related("user")
    row = rows.filter(secret_digest=token_digest(secret), ended_at__isnull=True).first()
    if row is None or not is_live(row, row.user, clock.now()):
        return None
    return row


@transaction.atomic
def end_hosted_session(hosted_session: HostedSession) -> None:
    """Sign a browser out: of our pages, and of every application that it reached through them."""
    # The applications' sessions before the browser's, as where one of them ends: or two ends wait for each other.
    sessions = Session.objects.in_environment(hosted_session.environment_id).filter(
        hosted_session=hosted_session, ended_at__isnull=True
    )
    for session in sessions.select_related("user").order_by("id"):
        if session.status is SessionStatus.ACTIVE:
            end_session(session, user_actor(session.user))
    rows = HostedSession.objects.in_environment(hosted_session.environment_id).filter(pk=hosted_session.pk)
    rows.filter(ended_at__isnull=True).update(ended_at=clock.now())


def _land(request: AuthorizationRequest, token: str, former_secret: str | None) -> Finished:
    """End a sign-in that was for a page of ours; the engine has the last word, since nobody asks it later."""
    attempt = lock_hosted_attempt(request, token)
    policy = policy_of(request.environment)
    if isinstance(advance(Situation(attempt, policy.settings)), Required):
        raise InvalidPendingAuthenticationToken.of(token)
    attempt.completed_at = clock.now()
    attempt.save(update_fields=["completed_at"])
    if attempt.hosted_session_id is None:
        return Finished(request.landing, _start(attempt, former_secret))
    # What the browser had not proven when it was signed in, it may have proven now.
    rows = HostedSession.objects.in_environment(request.environment)
    rows.filter(pk=attempt.hosted_session_id).update(mfa_verified_at=attempt.mfa_verified_at)
    return Finished(request.landing, None)


def _start(attempt: SignInAttempt, former_secret: str | None) -> str:
    """Sign the browser in with a new secret, and return it.

    Whoever was signed in and proves themselves once more keeps the session, and the applications' sessions with it.
    """
    settings = AuthenticationSettings.objects.in_environment(attempt.environment_id).get()
    moment = clock.now()
    secret = new_secret(_SECRET_LENGTH)
    row = _live_session(attempt.environment_id, former_secret)
    if row is not None and row.user_id != attempt.user_id:
        row.ended_at = moment
        row.save(update_fields=["ended_at"])
        row = None
    is_new = row is None
    row = row or HostedSession(environment_id=attempt.environment_id, user=attempt.user, created_at=moment)
    row.secret_digest = token_digest(secret)
    row.authentication_method = attempt.authentication_method
    for name, value in attempt.came_through.items():
        setattr(row, name, value)
    row.authenticated_at = attempt.authenticated_at
    row.mfa_verified_at = attempt.mfa_verified_at
    row.ip_address = attempt.ip_address
    row.user_agent = attempt.user_agent
    row.last_used_at = moment
    row.expires_at = _expiry(settings, row)
    row.save(force_insert=is_new)
    if not is_new:
        origin = Origin(attempt.ip_address, attempt.user_agent)
        emit_success("reauthentication", attempt.user, settings.environment, origin)
    attempt.hosted_session = row
    attempt.save(update_fields=["hosted_session"])
    notice_device(attempt)
    return secret


def _live_session(environment_id: str, secret: str | None) -> HostedSession | None:
    """Return the live session of a secret, locked, or None."""
    if not secret:
        return None
    rows = HostedSession.objects.in_environment(environment_id).select_related("user")
    rows = rows.filter(secret_digest=token_digest(secret), ended_at__isnull=True)
    row = rows.select_for_update(of=("self",)).first()
    return row if row is not None and is_live(row, row.user, clock.now()) else None


def touch_hosted_session(row: HostedSession) -> None:
    """Note that a browser's session is in use."""
    settings = AuthenticationSettings.objects.in_environment(row.environment_id).get()
    row.last_used_at = clock.now()
    row.expires_at = _expiry(settings, row)
    row.save(update_fields=["last_used_at", "expires_at"])


def is_live(row: HostedSession, user: User, moment: datetime) -> bool:
    """Tell whether a browser's session that nobody ended counts at this moment."""
    # A new password signs every browser out that had proven the former one.
    overtaken = user.password_changed_at is not None and user.password_changed_at > row.authenticated_at
    return row.expires_at > moment and not overtaken


def _expiry(settings: AuthenticationSettings, row: HostedSession) -> datetime:
    # Counted from the last proof: whoever signs in anew in between has as long as after the first time.
    end = row.authenticated_at + timedelta(seconds=settings.session_maximum_seconds)
    idle = conf.HOSTED_SESSION_IDLE
    if settings.session_inactivity_seconds is not None:
        idle = min(idle, timedelta(seconds=settings.session_inactivity_seconds))
    return min(end, row.last_used_at + idle)
