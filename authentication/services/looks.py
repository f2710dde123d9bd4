"""In whose looks a sign-in appears: the environment's, or those of the organization that it is about."""

from authentication.models import AuthorizationRequest, SignInAttempt
from environments.branding import Look
from foundation.encryption import token_digest
from organizations.errors import InvitationInvalid
from organizations.services import find_usable_invitation, look_for


def look_of_sign_in(*, request: AuthorizationRequest, pending_authentication_token: str) -> Look:
    """Return the look of a page: of the organization that was asked for, chosen, or that the person is invited to."""
    return look_for(request.environment, _organization_id(request, pending_authentication_token))


def look_of_attempt(attempt: SignInAttempt) -> Look:
    """Return the look of a mail about a sign-in."""
    organization_id = attempt.organization_id
    if organization_id is None and attempt.invitation is not None:
        organization_id = attempt.invitation.organization_id
    return look_for(attempt.environment, organization_id)


def _organization_id(request: AuthorizationRequest, pending_authentication_token: str) -> str | None:
    chosen: str | None = request.organization_id
    if chosen is None and pending_authentication_token:
        attempts = SignInAttempt.objects.in_environment(request.environment)
        waiting = attempts.filter(token_digest=token_digest(pending_authentication_token))
        chosen = waiting.values_list("organization_id", flat=True).first()
    if chosen is None and request.invitation_token:
        try:
            chosen = find_usable_invitation(request.environment, request.invitation_token).organization_id
        except InvitationInvalid:
            return None
    return chosen
