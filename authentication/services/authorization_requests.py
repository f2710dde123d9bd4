"""``/user_management/authorize``: what an application asks of the browser that it sends here.

A request is checked in the order of :data:`_CHECKS`. Until the redirect URI is known to be the application's, a
refusal is shown here; from then on the browser carries it back (RFC 6749 §4.1.2.1, workos-behaviour (e)).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from accounts.email_addresses import email_domain, normalize_email
from accounts.errors import InvalidEmail
from authentication import conf
from authentication.errors import (
    AuthorizationDeclined,
    AuthorizationRefused,
    AuthorizationRequestNotFound,
    InvalidAuthorizationRequest,
    InvalidConnectionSelector,
    InvalidRedirectURI,
    MethodSwitchedOff,
    OrganizationInvalid,
    UnsupportedResponseType,
)
from authentication.models import AuthorizationRequest
from environments.models import AuthenticationSettings, Environment
from environments.redirect_uris import callback_url
from environments.services import allows_sign_in_at
from foundation import clock, pkce
from foundation.encryption import token_digest
from foundation.errors import DomainError
from foundation.ids import new_secret
from organizations.models import Organization
from sso.conf import start_page
from sso.connection_types import Protocol, canonical_type
from sso.errors import SSORefused
from sso.models import Connection, ConnectionState
from sso.services import Hints, find_connection, open_exchange, usable_connections

HOSTED_SIGN_IN = "authkit"

# What an exchange with an identity provider is opened with, that goes on with a sign-in here.
PURPOSE = "user_management"

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
        connection = _connection_for(environment, parameters)
    except (AuthorizationRefused, SSORefused) as refusal:
        return refusal_url(parameters.redirect_uri, parameters.state, refusal)
    request = AuthorizationRequest(
        environment=environment,
        redirect_uri=parameters.redirect_uri,
        state=parameters.state,
        code_challenge=parameters.code_challenge,
        provider=parameters.provider,
        organization_id=(
            parameters.organization_id or None if connection is None else connection.organization_id
        ),
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
    handle = keep_request(request)
    if connection is not None:
        return leave_for_connection(request, handle, connection)
    return conf.sign_in_page(handle, parameters.ui_locales[:_LONGEST_LOCALES])


def leave_for_connection(
    request: AuthorizationRequest, handle: str, connection: Connection, *, login_hint: str = ""
) -> str:
    """Return the address at which the browser leaves for a connection's identity provider, to go on with a request."""
    provider_parameters = request.provider_parameters or {}
    exchange = open_exchange(
        connection=connection,
        purpose={"for": PURPOSE, "request": handle},
        hints=Hints(
            login_hint=login_hint or request.login_hint,
            domain_hint=request.domain_hint,
            prompt=request.prompt,
            max_age=request.max_age,
            provider_scopes=tuple(provider_parameters.get("scopes", ())),
            provider_query_params=provider_parameters.get("query", {}),
        ),
    )
    return start_page(exchange)


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


def refusal_url(redirect_uri: str, state: str | None, refusal: DomainError) -> str:
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
    if parameters.provider and canonical_type(parameters.provider) not in PROVIDERS:
        raise InvalidConnectionSelector(f"The provider is not known: {parameters.provider[:60]}")


def _check_organization(environment: Environment, parameters: AuthorizeParameters) -> None:
    if not parameters.organization_id:
        return
    if Organization.objects.in_environment(environment).find(parameters.organization_id) is None:
        raise OrganizationInvalid


def _connection_for(environment: Environment, parameters: AuthorizeParameters) -> Connection | None:
    """Return the connection that is asked for, None for our own pages; raises SSORefused, MethodSwitchedOff."""
    if parameters.provider == HOSTED_SIGN_IN:
        return None
    connection = find_connection(
        environment,
        connection_id=parameters.connection_id,
        organization_id=parameters.organization_id,
        provider=parameters.provider,
    )
    if not is_open(environment, connection):
        raise MethodSwitchedOff
    return connection


def find_open_connection(environment: Environment, connection_id: str) -> Connection:
    """Return a connection by which people may come to the environment; raises SSORefused, MethodSwitchedOff."""
    connection = find_connection(environment, connection_id=connection_id)
    if not is_open(environment, connection):
        raise MethodSwitchedOff
    return connection


def connection_for_email(environment: Environment, email: str) -> Connection | None:
    """Return the connection of the company whose mailbox an address is, None where there is none to send people to.

    The domain has to be proven, and of several connections the oldest that works counts: it depends on the domain
    alone, so the page tells nobody who has an account.
    """
    try:
        domain = email_domain(normalize_email(email))
    except InvalidEmail:
        return None
    usable = usable_connections(environment, domain=domain)
    active = [connection for connection in usable if connection.state == ConnectionState.ACTIVE]
    chosen = next(iter(active or usable), None)
    return chosen if chosen is not None and is_open(environment, chosen) else None


def is_open(environment: Environment, connection: Connection) -> bool:
    """Tell whether the environment takes people who come through a connection of that kind."""
    settings = AuthenticationSettings.objects.in_environment(environment).get()
    return settings.social_enabled if connection.protocol is Protocol.OAUTH else settings.sso_enabled


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
    _check_screen,
    _check_max_age,
)
