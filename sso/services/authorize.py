"""``/sso/authorize``: which connection an application asks for, and the way there (workos-behaviour (e)).

Until the redirect URI is known to be the application's, a refusal is shown to the browser; from then on the browser
carries it back (RFC 6749 §4.1.2.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from environments.models import Environment
from environments.redirect_uris import callback_url
from environments.services import allows_sign_in_at
from foundation import pkce
from organizations.models import Organization
from sso import conf
from sso.connection_types import ConnectionType, Protocol, canonical_type, protocol_of
from sso.errors import (
    AmbiguousConnectionSelector,
    ConnectionInvalid,
    ConnectionUnlinked,
    DomainConnectionSelectorNotAllowed,
    InvalidConnectionSelector,
    InvalidRedirectURI,
    InvalidRequest,
    OrganizationInvalid,
    SSORefused,
    UnsupportedResponseType,
)
from sso.exchanges import ExchangeRefused
from sso.models import Connection, ExchangeKind
from sso.oidc.parties import relying_party_of
from sso.oidc.sign_in import check_initiation
from sso.representations import LINKED_STATES
from sso.services.codes import issue_code
from sso.services.exchange_events import PURPOSE
from sso.services.exchanges import Finished, open_exchange, refuse_unasked
from sso.services.protocols import Hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The parameters of a request as they came; an empty text is one that did not come.

    ``state`` alone tells an empty text from none, because it goes back unchanged.
    """

    redirect_uri: str
    response_type: str = ""
    connection: str = ""
    organization: str = ""
    provider: str = ""
    domain: str = ""
    state: str | None = None
    code_challenge: str = ""
    code_challenge_method: str = ""
    login_hint: str = ""
    domain_hint: str = ""
    prompt: str = ""
    nonce: str = ""
    provider_scopes: Sequence[str] = ()
    provider_query_params: Mapping[str, str] = field(default_factory=dict)


def choose_connection(environment: Environment, wanted: Authorization) -> Connection:
    """Return the connection that a request asks for; raises SSORefused, and InvalidRedirectURI, which stays here."""
    if not allows_sign_in_at(environment, wanted.redirect_uri):
        raise InvalidRedirectURI
    if wanted.response_type != "code":
        raise UnsupportedResponseType
    _check_code_challenge(wanted)
    selectors = [wanted.connection, wanted.organization, wanted.provider]
    if wanted.domain and not any(selectors):
        raise DomainConnectionSelectorNotAllowed
    if sum(1 for selector in selectors if selector) != 1 or wanted.domain:
        raise InvalidConnectionSelector
    return find_connection(
        environment,
        connection_id=wanted.connection,
        organization_id=wanted.organization,
        provider=wanted.provider,
    )


def find_connection(
    environment: Environment, *, connection_id: str = "", organization_id: str = "", provider: str = ""
) -> Connection:
    """Return the one connection that a selector names, and that people can sign in through; raises SSORefused."""
    rows = Connection.objects.in_environment(environment).select_related("environment", "organization")
    if connection_id:
        found = rows.filter(pk=connection_id).first()
        if found is None:
            raise ConnectionInvalid
    elif organization_id:
        found = _of_organization(environment, organization_id)
    else:
        kind = canonical_type(provider)
        if kind not in ConnectionType.values or protocol_of(kind) is not Protocol.OAUTH:
            raise InvalidConnectionSelector(f"The provider is not known: {provider[:60]}")
        found = rows.filter(connection_type=kind, organization__isnull=True).first()
        if found is None:
            raise ConnectionInvalid(f"There is no connection for the provider {kind}.")
    if found.state not in LINKED_STATES or found.protocol is Protocol.MAGIC_LINK:
        raise ConnectionUnlinked
    return found


def start_authorization(
    *, connection: Connection, wanted: Authorization, ip_address: str | None, user_agent: str | None
) -> str:
    """Return the address of ours at which the browser leaves for the connection's identity provider."""
    handle = open_exchange(
        connection=connection,
        purpose={
            "for": PURPOSE,
            "redirect_uri": wanted.redirect_uri,
            "state": wanted.state,
            "code_challenge": wanted.code_challenge,
        },
        hints=Hints(
            login_hint=wanted.login_hint[:320],
            domain_hint=wanted.domain_hint[:253],
            prompt=wanted.prompt[:60],
            provider_scopes=tuple(wanted.provider_scopes),
            provider_query_params=wanted.provider_query_params,
        ),
        ip_address=ip_address,
        user_agent=user_agent,
    )
    return conf.start_page(handle)


def start_initiated(
    *,
    connection: Connection,
    issuer: str,
    login_hint: str,
    redirect_uri: str,
    ip_address: str | None,
    user_agent: str | None,
) -> str:
    """Return the address of ours at which a browser leaves that a provider sent here to sign in (OIDC Core 4).

    The exchange is an ordinary one, with its own state and nonce; its code is good at either door, because no
    application asked for it. Raises ExchangeFailed.
    """
    purpose = {
        "for": PURPOSE,
        "redirect_uri": redirect_uri,
        "state": None,
        "code_challenge": "",
        "is_unasked": True,
    }
    settings = connection.oidc_settings
    try:
        check_initiation(relying_party_of(settings), issuer, is_allowed=settings.allow_idp_initiated)
    except ExchangeRefused as refusal:
        raise refuse_unasked(
            connection=connection,
            purpose=purpose,
            refusal=refusal,
            ip_address=ip_address,
            user_agent=user_agent,
        ) from refusal
    handle = open_exchange(
        connection=connection,
        purpose=purpose,
        hints=Hints(login_hint=login_hint[:320]),
        kind=ExchangeKind.IDP_INITIATED,
        ip_address=ip_address,
        user_agent=user_agent,
    )
    return conf.start_page(handle)


def answer_authorization(finished: Finished) -> str:
    """Return where the browser goes with a good answer: the application, with a code for ``/sso/token``."""
    purpose = finished.purpose
    code = issue_code(
        profile=finished.profile,
        redirect_uri=purpose["redirect_uri"],
        code_challenge=purpose["code_challenge"],
        sso_session=finished.sso_session,
        provider_session=finished.provider_session,
        oauth_tokens=finished.oauth_tokens,
    )
    return callback_url(purpose["redirect_uri"], purpose["state"], {"code": code})


def refusal_url(redirect_uri: str, state: str | None, refusal: SSORefused) -> str:
    """Return the application's address with a refusal."""
    return callback_url(redirect_uri, state, {"error": refusal.code, "error_description": refusal.message})


def _of_organization(environment: Environment, organization_id: str) -> Connection:
    organization = Organization.objects.in_environment(environment).find(organization_id)
    if organization is None:
        raise OrganizationInvalid
    rows = Connection.objects.in_environment(environment).select_related("environment", "organization")
    linked = list(rows.filter(organization=organization, state__in=LINKED_STATES).order_by("id")[:2])
    if len(linked) > 1:
        raise AmbiguousConnectionSelector
    if linked:
        return linked[0]
    if rows.filter(organization=organization).exists():
        raise ConnectionUnlinked
    raise OrganizationInvalid("No connection associated with organization")


def _check_code_challenge(wanted: Authorization) -> None:
    challenge, method = wanted.code_challenge, wanted.code_challenge_method
    if not challenge and not method:
        return
    # RFC 7636 §4.3 would take a missing method for "plain", which shows the verifier to whoever sees this URL.
    if method != pkce.METHOD or not pkce.is_challenge(challenge):
        raise InvalidRequest(
            "The code_challenge must be 43 to 128 characters of base64url, and its code_challenge_method S256."
        )
