"""The refusals of this app; codes from workos-behaviour (a), (e)."""

from collections.abc import Iterable
from typing import Self

from foundation.errors import BadRequest, Conflict, Invalid, NotFound


class ConnectionSettingsInvalid(Invalid):
    """Settings that no sign-in could work with; every field is named."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        errors = [
            {"field": field, "code": f"{field} is invalid", "message": sentence}
            for field, sentence in problems
        ]
        super().__init__(errors=errors)

    @classmethod
    def of(cls, field: str, sentence: str) -> "ConnectionSettingsInvalid":
        """A refusal of one field."""
        return cls([(field, sentence)])


class ConnectionAlreadyExists(Conflict):
    """An environment has one connection for each social provider, and an organization one for each external id."""

    code = "connection_already_exists"
    message = "A connection of this kind already exists."


class LastCertificate(BadRequest):
    """Without a certificate, nothing that the identity provider signs could be verified."""

    code = "last_certificate"
    message = "The last certificate of a connection cannot be deleted. Add its successor first."


class SigningCertificateExists(Conflict):
    """A connection signs with one key pair at a time."""

    code = "saml_sp_signing_certificate_exists"
    message = "The connection has a signing certificate already. Delete it before creating its replacement."


class TooManyEncryptionCertificates(Conflict):
    """Each of them is tried on what is encrypted, so they are few."""

    code = "too_many_saml_sp_encryption_certificates"
    message = (
        "The connection has as many encryption certificates as it can have. Delete those that nobody uses."
    )


class ExchangeNotFound(NotFound):
    """No exchange waits under this handle: it is unknown, answered already, or ran out."""

    message = "This sign-in has expired, or was finished already."


class InvalidRedirectURI(BadRequest):
    """Not one of the environment's redirect URIs: whoever sent the browser here may not be the application."""

    code = "invalid_redirect_uri"
    message = "The redirect_uri is not one of the configured redirect URIs."


class SSORefused(BadRequest):
    """A refusal that the browser takes back to the application (RFC 6749 §4.1.2.1, workos-behaviour (e))."""


class UnsupportedResponseType(SSORefused):
    code = "unsupported_response_type"
    message = "The response_type must be code."


class InvalidRequest(SSORefused):
    code = "invalid_request"


class AccessDenied(SSORefused):
    """The person said no at the identity provider, or the application sent them to the wrong place."""

    code = "access_denied"
    message = "The user denied the authorization request at the identity provider."


class AmbiguousConnectionSelector(SSORefused):
    code = "ambiguous_connection_selector"
    message = (
        "A connection could not be uniquely identified using the provided connection selector. "
        "Use the connection parameter to say which one."
    )


class ConnectionInvalid(SSORefused):
    code = "connection_invalid"
    message = "There is no connection for the provided ID."


class ConnectionUnlinked(SSORefused):
    code = "connection_unlinked"
    message = "The connection associated with the request is unlinked."


class DomainConnectionSelectorNotAllowed(SSORefused):
    code = "domain_connection_selector_not_allowed"
    message = "The domain parameter is no longer valid. Use connection or organization instead."


class InvalidConnectionSelector(SSORefused):
    code = "invalid_connection_selector"
    message = (
        "A valid connection selector query parameter must be provided. "
        "Valid connection selectors are either connection, organization, or provider."
    )


class OrganizationInvalid(SSORefused):
    code = "organization_invalid"
    message = "There is no organization matching the provided ID."


class OAuthFailed(SSORefused):
    code = "oauth_failed"
    message = "An OAuth authorization request failed for the user."


class ProfileNotAllowedOutsideOrganization(SSORefused):
    code = "profile_not_allowed_outside_organization"
    message = (
        "A profile was received that has an email that is outside the organization's domains, "
        "and the organization does not allow this."
    )


class ServerError(SSORefused):
    """Said to the application; what went wrong stands in the trail of the connection."""

    code = "server_error"
    message = "The SSO authentication failed for the user."


class TokenRefused(BadRequest):
    """A refusal of ``/sso/token``, in the form of RFC 6749 §5.2."""


class InvalidClient(TokenRefused):
    """Unknown client, or a secret that is missing, wrong or another client's: all in the same words."""

    code = "invalid_client"
    message = "Invalid client ID or secret."


class InvalidGrant(TokenRefused):
    """Unknown, expired, spent or another client's code."""

    code = "invalid_grant"

    @classmethod
    def of(cls, code: str) -> Self:
        """Name the code: it opens nothing any more."""
        return cls(f"The code '{code}' has expired or is invalid.")


class CodeReplayed(InvalidGrant):
    """A spent code came again, with all that it is bound to: it was stolen, now or the first time (RFC 6749 §4.1.2).

    ``provider_session_id`` is what its sign-in began by: whatever the code has made elsewhere is found by it.
    """

    provider_session_id: str | None = None


class UnsupportedGrantType(TokenRefused):
    code = "unsupported_grant_type"

    @classmethod
    def of(cls, grant_type: str) -> "UnsupportedGrantType":
        """Name the grant type."""
        return cls(f"The grant type is not supported: {grant_type[:60]}")


class LogoutNotSupported(TokenRefused):
    """The provider has told no address that ends its session."""

    code = "connection_invalid"
    message = "Single Logout is only supported for OpenID Connect connections with an end_session_endpoint."


class PasswordlessSessionInvalid(Invalid):
    """The session to be sent is unknown or over."""

    code = "passwordless_session_invalid"

    @classmethod
    def of(cls, session_id: str) -> "PasswordlessSessionInvalid":
        """Name the session, as the service was recorded to."""
        return cls(f"The passwordless session '{session_id}' has expired or is invalid.")
