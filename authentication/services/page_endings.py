"""Sign-ins that are for something on our own pages: saying yes to a device, accepting an invitation.

Tokens come of neither, so there is no exchange in which the engine would have the last word: it has it here.
"""

from django.db import transaction

from authentication.access_tokens import policy_of
from authentication.engine import Required, Situation, advance
from authentication.errors import InvalidPendingAuthenticationToken, UserCodeInvalid
from authentication.models import AuthorizationRequest, SignInAttempt
from authentication.services.attempts import accept_brought_invitation
from authentication.services.authorization_codes import lock_hosted_attempt
from authentication.services.authorization_requests import HOSTED_SIGN_IN, keep_request
from authentication.services.devices import approve_device, deny_device
from authentication.services.hosted_sessions import sign_browser_in
from foundation import clock
from organizations.errors import InvitationInvalid
from organizations.models import Invitation
from organizations.services import find_invitation_by_token


def open_invitation_request(*, invitation: Invitation) -> str:
    """Let an invitee sign in, or up, to accept; return the handle of that sign-in."""
    request = AuthorizationRequest(
        environment=invitation.environment,
        provider=HOSTED_SIGN_IN,
        organization=invitation.organization,
        login_hint=invitation.email,
        invitation_token=invitation.token,
    )
    return keep_request(request)


@transaction.atomic
def allow_device(
    *, request: AuthorizationRequest, pending_authentication_token: str, former_secret: str | None
) -> str | None:
    """Say yes for a device with a complete sign-in, and sign the browser in; return the secret for its cookie.

    Raises InvalidPendingAuthenticationToken, AuthorizationRequestNotFound, UserCodeInvalid.
    """
    if request.device is None:
        raise UserCodeInvalid
    attempt = _lock_complete(request, pending_authentication_token)
    approve_device(device=request.device, pending_authentication_token=pending_authentication_token)
    return sign_browser_in(attempt, former_secret)


@transaction.atomic
def refuse_device(*, request: AuthorizationRequest, pending_authentication_token: str) -> None:
    """Say no for a device; raises InvalidPendingAuthenticationToken, UserCodeInvalid."""
    if request.device is None:
        raise UserCodeInvalid
    _lock_complete(request, pending_authentication_token)
    deny_device(device=request.device)


@transaction.atomic
def join_by_invitation(
    *, request: AuthorizationRequest, pending_authentication_token: str, former_secret: str | None
) -> str | None:
    """Accept an invitation with a complete sign-in, and sign the browser in; return the secret for its cookie.

    Whoever has accepted it before, in another tab, is told the same. Raises InvalidPendingAuthenticationToken,
    InvitationInvalid, InvitationCannotBeUsedForEmail, InvalidInvite.
    """
    attempt = _lock_complete(request, pending_authentication_token)
    if attempt.invitation is None:
        _require_accepted_by(attempt, request)
    accept_brought_invitation(attempt)
    # Spent: it is for nothing else.
    attempt.completed_at = clock.now()
    attempt.save(update_fields=["completed_at", "organization"])
    return sign_browser_in(attempt, former_secret)


def _lock_complete(request: AuthorizationRequest, token: str) -> SignInAttempt:
    attempt = lock_hosted_attempt(request, token)
    if isinstance(advance(Situation(attempt, policy_of(request.environment).settings)), Required):
        raise InvalidPendingAuthenticationToken.of(token)
    return attempt


def _require_accepted_by(attempt: SignInAttempt, request: AuthorizationRequest) -> None:
    invitation = find_invitation_by_token(request.environment, request.invitation_token)
    if invitation is None or invitation.accepted_user_id != attempt.user_id:
        raise InvitationInvalid
