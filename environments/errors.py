"""Refusals of the tenant's services."""

from foundation.errors import BadRequest, Conflict, Forbidden, Invalid


class RedirectURIInvalid(Invalid):
    """The URI cannot be a redirect target of this environment."""

    code = "invalid_redirect_uri"


class RedirectURIAlreadyExists(Invalid):
    """The spec answers a duplicate with 422, not 409."""

    code = "redirect_uri_already_exists"


class DefaultRedirectURIRequired(Conflict):
    """The default redirect URI goes only when another one takes its place."""

    code = "default_redirect_uri"
    message = "The default redirect URI cannot be deleted. Make another one the default first."


class CORSOriginInvalid(Invalid):
    """The text is not a browser origin that this environment may trust."""

    code = "invalid_cors_origin"


class CORSOriginAlreadyExists(Conflict):
    """The origin is listed already."""

    code = "duplicate_cors_origin"
    message = "CORS origin already exists."


class APIKeyAlreadyExists(Conflict):
    """A pinned key that another environment, or a revoked key, has already used."""

    code = "api_key_already_exists"
    message = "This API key is already in use."


class OperatorAlreadyExists(Conflict):
    """E-mails of operators are unique, in whatever case they are typed."""

    code = "operator_already_exists"
    message = "An operator with this e-mail already exists."


class LastOwner(BadRequest):
    """An installation without an owner could not be run by anybody."""

    code = "last_owner"
    message = "The last active owner cannot be removed, disabled or demoted."


class TwoStepCodeRefused(Forbidden):
    """The code is wrong, was used before, or comes too soon after a wrong one."""

    code = "two_step_code_refused"
    message = "This code is not valid. Codes change every 30 seconds and work once."


class TwoStepAlreadyEnrolled(Conflict):
    """A second authenticator would be a way around the first."""

    code = "two_step_already_enrolled"
    message = "Two-step sign-in is already on. Turn it off before setting up another app."


class BrandingInvalid(Invalid):
    """A colour, an address or a logo that the hosted pages cannot show."""

    code = "invalid_branding"


class MailSettingsInvalid(Invalid):
    """A sender, a language or a kind of mail that cannot be."""

    code = "invalid_mail_settings"
    message = "The mail settings are not valid."
