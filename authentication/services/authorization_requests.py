"""``/user_management/authorize``: what an application asks of the browser that it sends here.

A request is checked in the order of :data:`_CHECKS`. Until the redirect URI is known to be the application's, a
refusal is shown here; from then on the browser carries it back (RFC 6749 §4.1.2.1, workos-behaviour (e)).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from authentication import conf
from authentication.errors import (
    AuthorizationDeclined,
    AuthorizationRefused,
    AuthorizationRequestNotFound,
    ConnectionInvalid,
    InvalidAuthorizationRequest,
    InvalidConnectionSelector,
    InvalidRedirectURI,
    OrganizationInvalid,
    UnsupportedResponseType,
)
from authentication.models import AuthorizationRequest
from environments.models import Environment
from environments.redirect_uris import callback_url
from environments.services import allows_sign_in_at
from foundation import clock, pkce
from foundation.encryption import token_digest
from foundation.ids import new_secret
from organizations.models import Organization

HOSTED_SIGN_IN = "authkit"
PROMPT_LOGIN = "login"
SCREEN_HINTS = ("sign-up", "sign-in")

# The providers that may be asked for by name (workos-behaviour (e), and the spec's list).
PROVIDERS = frozenset(
    {
        HOSTED_SIGN_IN,
        "AppleOAuth",
        "BitbucketOAuth",
        "DiscordOAuth",
        "GitHubOAuth",
        "GitLabOAuth",
        "GoogleOAuth",
        "IntuitOAuth",
        "LinkedInOAuth",
        "MicrosoftOAuth",
        "SalesforceOAuth",
        "SlackOAuth",
        "VercelMarketplaceOAuth",
        "VercelOAuth",
        "XeroOAuth",
    }
)

_HANDLE_LENGTH = 32
_LARGEST_MAX_AGE = 2**31 - 1
_LONGEST_LOCALES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeParameters:
    """The parameters of an authorization request as they came; an empty text is one that did not come.

    ``state`` alone tells an empty text from none, because it goes back unchanged.
    """

    redirect_uri: str
    response_type: str = ""
    connection_id: str = ""
    organization_id: str = ""
    provider: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    state: str | None = None
    login_hint: str = ""
    domain_hint: str = ""
    screen_hint: str = ""
    prompt: str = ""
    max_age: str = ""
    ui_locales: str = ""
    invitation_token: str = ""
    provider_scopes: Sequence[str] = ()
    provider_query_params: dict[str, str] = field(default_factory=dict)


def open_authorization_request(*, environment: Environment, parameters: AuthorizeParameters) -> str:
    """Return where the browser goes: to our sign-in page, or back to the application with a refusal.

    Raises InvalidRedirectURI, where the application's own address is not to be trusted.
    """
    if not allows_sign_in_at(environment, parameters.redirect_uri):
        raise InvalidRedirectURI
    try:
        for check in _CHECKS:
            check(environment, parameters)
    except AuthorizationRefused as refusal:
        return refusal_url(parameters.redirect_uri, parameters.state, refusal)
    request = AuthorizationRequest(
        environment=environment,
        redirect_uri=parameters.redirect_uri,
        state=parameters.state,
        code_challenge=parameters.code_challenge,
        provider=parameters.provider,
        organization_id=parameters.organization_id or None,
        login_hint=parameters.login_hint[:320],
        domain_hint=parameters.domain_hint[:253],
        screen_hint=parameters.screen_hint,
        prompt=parameters.prompt[:60],
        max_age=int(parameters.max_age) if parameters.max_age else None,
        invitation_token=parameters.invitation_token,
        provider_parameters={
            "scopes": list(parameters.provider_scopes),
            "query": dict(parameters.provider_query_params),
        },
    )
    return conf.sign_in_page(keep_request(request), parameters.ui_locales[:_LONGEST_LOCALES])


def keep_request(request: AuthorizationRequest) -> str:
    """Keep what a browser was sent here for; return the handle that it carries through the pages."""
    handle = new_secret(_HANDLE_LENGTH)
    request.handle_digest = token_digest(handle)
    request.expires_at = request.created_at + conf.AUTHORIZATION_REQUEST_LIFETIME
    request.save(force_insert=True)
    return handle


def require_authorization_request(handle: str) -> AuthorizationRequest:
    """Return the request of a handle, with environment, organization and device; raises AuthorizationRequestNotFound.

    Nobody is authenticated here: the handle is the browser's own, and tells of the environment.
    """
    rows = AuthorizationRequest.unscoped.select_related("environment", "organization", "device")
    request = rows.filter(handle_digest=token_digest(handle), expires_at__gt=clock.now()).first()
    if request is None:
        raise AuthorizationRequestNotFound
    return request


def decline_authorization_request(request: AuthorizationRequest) -> str:
    """Return where the browser goes when the person does not want to sign in: back, with ``access_denied``.

    Where a page of ours wanted it, that is the account page for whoever was to sign in once more, else the end.
    """
    if request.landing:
        if request.prompt == PROMPT_LOGIN:
            return conf.account_page(request.environment.client_id)
        return conf.signed_out_page(request.environment.client_id)
    return refusal_url(request.redirect_uri, request.state, AuthorizationDeclined())


def url_through_connection(request: AuthorizationRequest, connection_id: str) -> str:
    """Return the address that begins the same request anew through a connection; empty where a page of ours wanted it."""
    if not request.redirect_uri:
        return ""
    parameters = {
        "client_id": request.environment.client_id,
        "response_type": "code",
        "redirect_uri": request.redirect_uri,
        "connection_id": connection_id,
        "login_hint": request.login_hint,
        "invitation_token": request.invitation_token,
        "code_challenge": request.code_challenge,
        "code_challenge_method": pkce.METHOD if request.code_challenge else "",
    }
    given = {name: value for name, value in parameters.items() if value}
    if request.state is not None:
        given["state"] = request.state
    return f"{conf.authorize_endpoint()}?{urlencode(given)}"


def refusal_url(redirect_uri: str, state: str | None, refusal: AuthorizationRefused) -> str:
    """Return the application's address with a refusal (RFC 6749 §4.1.2.1)."""
    return callback_url(redirect_uri, state, {"error": refusal.code, "error_description": refusal.message})


def _check_response_type(_environment: Environment, parameters: AuthorizeParameters) -> None:
    if parameters.response_type != "code":
        raise UnsupportedResponseType


def _check_code_challenge(_environment: Environment, parameters: AuthorizeParameters) -> None:
    challenge, method = parameters.code_challenge, parameters.code_challenge_method
    if not challenge and not method:
        return
    if not challenge:
        raise InvalidAuthorizationRequest("A code_challenge_method needs a code_challenge.")
    # RFC 7636 §4.3 would take a missing method for "plain", which shows the verifier to whoever sees this URL.
    if method != pkce.METHOD:
        raise InvalidAuthorizationRequest("The code_challenge_method must be S256.")
    if not pkce.is_challenge(challenge):
        raise InvalidAuthorizationRequest("The code_challenge must be 43 to 128 characters of base64url.")


def _check_selector(_environment: Environment, parameters: AuthorizeParameters) -> None:
    # An organization may stand beside the hosted sign-in: it says where the person signs in to.
    hosted = parameters.provider == HOSTED_SIGN_IN
    named = [
        parameters.connection_id,
        parameters.provider,
        "" if hosted else parameters.organization_id,
    ]
    if sum(1 for selector in named if selector) != 1:
        raise InvalidConnectionSelector
    if parameters.provider and parameters.provider not in PROVIDERS:
        raise InvalidConnectionSelector(f"The provider is not known: {parameters.provider[:60]}")


def _check_organization(environment: Environment, parameters: AuthorizeParameters) -> None:
    if not parameters.organization_id:
        return
    if Organization.objects.in_environment(environment).find(parameters.organization_id) is None:
        raise OrganizationInvalid
    if parameters.provider != HOSTED_SIGN_IN:
        raise OrganizationInvalid("No connection associated with organization")


def _check_connection(_environment: Environment, parameters: AuthorizeParameters) -> None:
    if parameters.connection_id:
        raise ConnectionInvalid
    if parameters.provider != HOSTED_SIGN_IN:
        raise ConnectionInvalid(f"There is no connection for the provider {parameters.provider}.")


def _check_screen(_environment: Environment, parameters: AuthorizeParameters) -> None:
    if parameters.screen_hint and parameters.screen_hint not in SCREEN_HINTS:
        raise InvalidAuthorizationRequest("The screen_hint must be sign-up or sign-in.")


def _check_max_age(_environment: Environment, parameters: AuthorizeParameters) -> None:
    text = parameters.max_age
    if text and not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _LARGEST_MAX_AGE):
        raise InvalidAuthorizationRequest("The max_age must be a whole number of seconds.")


_CHECKS: tuple[Callable[[Environment, AuthorizeParameters], None], ...] = (
    _check_response_type,
    _check_code_challenge,
    _check_selector,
    _check_organization,
    _check_connection,
    _check_screen,
    _check_max_age,
)
