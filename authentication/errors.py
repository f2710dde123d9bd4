"""The refusals of this app; codes from workos-behaviour (a).

Two forms exist on the wire: RFC 6749 §5.2's ``{error, error_description}`` (:class:`OAuthRefusal`) and
``{code, message}`` (all others). Which refusal has which form is the contract's choice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from foundation.errors import BadRequest, Forbidden, Invalid, NotFound


class OAuthRefusal(BadRequest):
    """A refusal in OAuth's form; ``code`` is its ``error``."""


class InvalidClient(OAuthRefusal):
    """Unknown client, or a secret that is missing, wrong, revoked or another client's: all in the same words."""

    code = "invalid_client"
    message = "Invalid client ID or client secret."


class UnsupportedGrantType(OAuthRefusal):
    """The contract answers ``invalid_request``, not RFC 6749's ``unsupported_grant_type``."""

    code = "invalid_request"

    @classmethod
    def of(cls, grant_type: str) -> "UnsupportedGrantType":
        """Name the grant type."""
        return cls(f"The grant type is not supported: {grant_type}")


class InvalidGrant(OAuthRefusal):
    """The refresh token is unknown, spent or of a session that has ended. SDKs end their session on this alone."""

    code = "invalid_grant"
    message = "Invalid refresh token."


class InvalidAuthorizationCode(InvalidGrant):
    """Unknown, expired, spent, another client's, or presented without what its request was bound to."""

    @classmethod
    def of(cls, code: str) -> "InvalidAuthorizationCode":
        """Name the code: it opens nothing any more."""
        return cls(f"The code '{code}' has expired or is invalid.")


class InvalidDeviceCode(InvalidGrant):
    """Unknown, used already, or another client's."""

    message = "The device code has expired or is invalid."


class AuthorizationPending(OAuthRefusal):
    """The person has not said yes or no yet (RFC 8628 §3.5)."""

    code = "authorization_pending"
    message = "The user has not approved the device yet."


class SlowDown(OAuthRefusal):
    """The device asks more often than it was told to; from now on it waits longer."""

    code = "slow_down"
    message = "The device must wait longer between two requests."


class DeviceAccessDenied(OAuthRefusal):
    """The person said no."""

    code = "access_denied"
    message = "The user did not approve the device."


class DeviceCodeExpired(OAuthRefusal):
    """The device begins anew."""

    code = "expired_token"
    message = "The device code has expired."


class UserCodeInvalid(BadRequest):
    """No device waits under this code, or no longer."""

    code = "invalid_user_code"
    message = "The code is incorrect or has expired."


class SessionExpired(InvalidGrant):
    """The session reached its end."""

    message = "Refresh token has expired."


class OrganizationMembershipNotFound(OAuthRefusal):
    """The user is no active member there; an organization that does not exist is answered in the same words."""

    code = "organization_membership_not_found"

    @classmethod
    def of(cls, organization_id: str) -> "OrganizationMembershipNotFound":
        """Name the organization."""
        return cls(f"The user is not an active member of organization '{organization_id}'.")


class InvalidCredentials(BadRequest):
    """Unknown e-mail and wrong password alike. Not 401: Node's SDK drops the body of a 401."""

    code = "invalid_credentials"
    message = "Invalid credentials."


class PasswordAuthenticationDisabled(Forbidden):
    """The environment takes no passwords. Said before anything is looked up."""

    code = "email_password_auth_disabled"
    message = "Email and password authentication is disabled."


class AuthenticationMethodNotAllowed(OAuthRefusal):
    """The environment does not take this way of signing in. Said before anything is looked up."""

    code = "authentication_method_not_allowed"
    message = "This authentication method is not allowed."


class InvalidLinkAuthorizationCode(OAuthRefusal):
    """No code of an exchange that was refused for want of a proven mailbox, of this user, and lately."""

    code = "invalid_link_authorization_code"
    message = "The link_authorization_code is invalid or has expired."


class ProfileWithoutEmail(OAuthRefusal):
    """The provider names no address, or none that is one: an account needs a mailbox."""

    code = "invalid_profile"
    message = "The provider did not share an email address. Allow it to, or sign in another way."


class SignUpNotAllowed(OAuthRefusal):
    """Nobody has this address, and the environment takes nobody new without an invitation."""

    code = "sign_up_not_allowed"
    message = "Sign-up is not allowed."


class InvalidPendingAuthenticationToken(BadRequest):
    """Unknown, expired, used, guessed at too often, or of another environment."""

    code = "invalid_pending_authentication_token"

    @classmethod
    def of(cls, token: str) -> "InvalidPendingAuthenticationToken":
        """Name the token: it opens nothing any more."""
        return cls(f"The pending_authentication_token '{token}' has expired or is invalid.")


class InvalidOrganizationChoice(BadRequest):
    """Not one of the organizations that the user was asked to choose from."""

    code = "invalid_organization_id"

    @classmethod
    def of(cls, organization_id: str) -> "InvalidOrganizationChoice":
        """Name the organization."""
        return cls(f"The user cannot sign in to organization '{organization_id}'.")


class CodeChallengeNotFound(BadRequest):
    """A verifier without a challenge to verify: somebody may have taken the challenge away (RFC 9700 §4.8.2)."""

    code = "code_challenge_not_found"
    message = "A code verifier was given, and the authorization request had no code challenge."


class InvalidRedirectURI(OAuthRefusal):
    """Not a configured URI: nobody is sent there, not even with an error."""

    code = "invalid_redirect_uri"
    message = "The redirect URI is not one of the configured redirect URIs."


class AuthorizationRefused(OAuthRefusal):
    """A refusal that the browser carries back to the application's redirect URI."""


class InvalidAuthorizationRequest(AuthorizationRefused):
    """A parameter is missing or wrong; the message names it (RFC 6749 §4.1.2.1)."""

    code = "invalid_request"


class UnsupportedResponseType(AuthorizationRefused):
    code = "unsupported_response_type"
    message = "The response_type must be code."


class InvalidConnectionSelector(AuthorizationRefused):
    code = "invalid_connection_selector"
    message = "Exactly one connection selector must be given: connection_id, organization_id or provider."


class ConnectionInvalid(AuthorizationRefused):
    code = "connection_invalid"
    message = "There is no connection for the provided ID."


class OrganizationInvalid(AuthorizationRefused):
    code = "organization_invalid"
    message = "There is no organization matching the provided ID."


class AuthorizationDeclined(AuthorizationRefused):
    """The person turned back."""

    code = "access_denied"
    message = "The user did not sign in."


class OrganizationAccessDenied(AuthorizationRefused):
    """The person is signed in, and is no active member of the organization that the application asked for."""

    code = "access_denied"
    message = "The user is not a member of the organization."


class ProfileNotVouchedFor(AuthorizationRefused):
    """An identity provider named the address of an account, and is not the one to vouch for that address."""

    code = "access_denied"
    message = (
        "There is an account with this email address, and the identity provider does not own its domain. "
        "Sign in another way."
    )


class ProviderSessionEnded(AuthorizationRefused):
    """Between the answer and the sign-in, the identity provider has signed the person out again."""

    code = "access_denied"
    message = "The identity provider has signed the user out meanwhile."


class MethodSwitchedOff(AuthorizationRefused):
    """The environment takes nobody who comes that way."""

    code = "connection_invalid"
    message = "Signing in through this kind of connection is switched off."


class AuthorizationRequestNotFound(NotFound):
    """The handle is unknown, or its sign-in was begun too long ago: the person starts again at the application."""

    code = "authorization_request_not_found"
    message = "This sign-in request has expired. Go back to the application and sign in again."


class ReauthenticationRequired(Forbidden):
    """The application asked for a sign-in that is fresher than this one (``max_age``, ``prompt=login``)."""

    code = "reauthentication_required"
    message = "The user must sign in again."


class InvalidOneTimeCode(BadRequest):
    code = "invalid_one_time_code"
    message = "The code is incorrect."


class OneTimeCodeExpired(BadRequest):
    code = "one_time_code_expired"
    message = "The code has expired."


class OneTimeCodePreviouslyUsed(BadRequest):
    code = "one_time_code_previously_used"
    message = "The code has already been used."


class OneTimeCodeTooManyAttempts(BadRequest):
    code = "one_time_code_too_many_attempts"
    message = "Too many wrong codes were tried. Sign in again to get a new code."


class UserMismatch(BadRequest):
    """The challenge is of another user's factor, or of one that is nobody's, than the sign-in that waits for it."""

    code = "user_mismatch"
    message = "The authentication challenge does not belong to the user who is signing in."


class LastWayIn(Forbidden):
    """Without it, the person could not sign in any more."""

    code = "last_way_in"
    message = "This is the only way to sign in that is left."


class SignInStepRequired(Forbidden):
    """The credentials are right, and something more is asked for; ``details`` say what is needed for it."""

    def __init__(self, code: str, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message, **details)
        self.code = code


class ReturnToNotAllowed(Invalid):
    """Where the browser would be sent after logout is not configured: an open redirect."""

    code = "invalid_return_to"
    message = "The return_to URL is not one of the configured logout redirect URIs."


class InvalidJwtTemplate(Invalid):
    """A template that could never be rendered; each problem in plain words."""

    def __init__(self, code: str, problems: Sequence[str]) -> None:
        errors = [{"field": "content", "code": code, "message": problem} for problem in problems]
        super().__init__(errors=errors)


class TokenTooBig(OAuthRefusal):
    """What the template makes of this user does not fit into an access token."""

    code = "token_too_big"
    message = "The claims of the JWT template are too big for an access token."


class ImpersonationNotAllowed(Forbidden):
    """The environment does not let staff sign in in a user's place, or this operator may not."""

    code = "impersonation_not_allowed"
    message = "Signing in in a user's place is not allowed here."


class ImpersonationInvalid(Invalid):
    """The reason, the organization or the redirect URI does not do."""

    code = "invalid_impersonation"
