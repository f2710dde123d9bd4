"""The dialect of the token endpoint (workos-behaviour (a), "Status bodies of POST /user_management/authenticate")."""

from collections.abc import Mapping
from typing import Any

from authentication.engine import Step
from authentication.errors import OAuthRefusal, SignInStepRequired
from authentication.services import StepRequired
from environments.api.errors import native_error, status_of
from foundation.errors import DomainError, RateLimited
from organizations.errors import InvitationRefusal

_MESSAGES: Mapping[Step, str] = {
    Step.SSO: "User must authenticate using one of the matching connections.",
    Step.ALLOWED_METHOD: "User must authenticate using one of the methods allowed by the organization.",
    Step.EMAIL_VERIFICATION: "Email ownership must be verified before authentication.",
    Step.ORGANIZATION_SELECTION: "The user must choose an organization to finish their authentication.",
    Step.MFA_ENROLLMENT: "The user must enroll in MFA to finish authenticating.",
    Step.MFA_CHALLENGE: "The user must complete an MFA challenge to finish authenticating.",
}

# Some SDKs look for the one form, some for the other.
_STEPS_IN_BOTH_FORMS = {Step.SSO, Step.ALLOWED_METHOD}


def authenticate_error(error: DomainError) -> tuple[int, dict[str, Any]]:
    """Return status and body: RFC 6749 §5.2's form for OAuth's refusals and for limits, the native form for others."""
    if isinstance(error, RateLimited):
        return status_of(error), {"error": "too_many_requests", "error_description": error.message}
    return native_or_oauth_error(error)


def native_or_oauth_error(error: DomainError) -> tuple[int, dict[str, Any]]:
    """Return status and body: what a sign-in is refused with in OAuth's form, wherever it is said; else the native form."""
    if isinstance(error, OAuthRefusal | InvitationRefusal):
        return status_of(error), {"error": error.code, "error_description": error.message}
    return native_error(error)


def step_refusal(outcome: StepRequired) -> SignInStepRequired:
    """Return the refusal that tells a client of the next step."""
    details = {"pending_authentication_token": outcome.pending_authentication_token, **outcome.details}
    if outcome.step in _STEPS_IN_BOTH_FORMS:
        details |= {"error": outcome.step.value, "error_description": _MESSAGES[outcome.step]}
    return SignInStepRequired(outcome.step.value, _MESSAGES[outcome.step], details)
