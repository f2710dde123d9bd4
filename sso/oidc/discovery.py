"""Finding a provider's endpoints by its issuer (OpenID Connect Discovery 1.0), remembered for an hour."""

import dataclasses
import hashlib
from typing import Any

from django.core.cache import cache

from foundation.outbound import OutboundError, check_url, fetch
from sso.connection_types import ConnectionType
from sso.oidc.failures import OIDCFailure, refused, shown
from sso.oidc.parties import Provider, RelyingParty, is_plain_http

_REMEMBERED_SECONDS = 3600
_TIMEOUT_SECONDS = 5.0
_MAXIMUM_BYTES = 256 * 1024
_WELL_KNOWN = "/.well-known/openid-configuration"

_MEMBERS = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "end_session_endpoint",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "authorization_response_iss_parameter_supported",
)

# The names of Microsoft's issuer under which every tenant of the world, and every private person, signs in.
_EVERY_TENANT = frozenset({"common", "organizations", "consumers"})


def find_provider(party: RelyingParty) -> Provider:
    """Return the provider's endpoints, by discovery or as set up by hand; raises ExchangeRefused.

    May call the provider. What was set up by hand goes before what discovery says.
    """
    if not party.issuer or not party.client_id:
        raise refused(
            OIDCFailure.SETTINGS_INCOMPLETE,
            "The connection has no issuer or no client ID yet: copy both from your identity provider.",
        )
    if party.connection_type is ConnectionType.ENTRA_ID_OIDC and _EVERY_TENANT & set(party.issuer.split("/")):
        raise refused(
            OIDCFailure.ISSUER_OF_MANY_TENANTS,
            "The issuer names every Entra tenant at once, so anybody could sign in. Use the issuer of your own tenant: "
            "https://login.microsoftonline.com/<directory (tenant) ID>/v2.0.",
        )
    provider = _discovered(party) if party.uses_discovery else _by_hand(party)
    _check_endpoints(party, provider)
    return dataclasses.replace(provider, signature_algorithm=party.id_token_signature_algorithm)


def discovery_url(issuer: str) -> str:
    """Return where an issuer's document stands (Discovery 4: a slash at its end goes first)."""
    return issuer.removesuffix("/") + _WELL_KNOWN


def issuer_of(address: str) -> str:
    """Return the issuer that was meant by whoever pasted the address of its discovery document."""
    return address.strip().removesuffix(_WELL_KNOWN)


def _by_hand(party: RelyingParty) -> Provider:
    return Provider(
        issuer=party.issuer,
        authorization_endpoint=party.authorization_endpoint,
        token_endpoint=party.token_endpoint,
        jwks_uri=party.jwks_uri,
        userinfo_endpoint=party.userinfo_endpoint,
        end_session_endpoint=party.end_session_endpoint,
    )


def _discovered(party: RelyingParty) -> Provider:
    url = discovery_url(party.issuer)
    cache_key = f"oidc:discovery:{hashlib.sha256(url.encode()).hexdigest()}"
    document: dict[str, Any] | None = cache.get(cache_key)
    is_fresh = document is None
    if document is None:
        document = _fetch_document(url)
    provider = _read_document(document, party.issuer)
    if is_fresh:
        kept = {name: document[name] for name in _MEMBERS if name in document}
        cache.set(cache_key, kept, _REMEMBERED_SECONDS)
    own = {
        name: value
        for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
        if (value := getattr(party, name))
    }
    if party.end_session_endpoint:
        own["end_session_endpoint"] = party.end_session_endpoint
    return dataclasses.replace(provider, **own)


def _fetch_document(url: str) -> dict[str, Any]:
    try:
        answer = fetch(
            "GET",
            url,
            headers={"Accept": "application/json"},
            timeout_seconds=_TIMEOUT_SECONDS,
            maximum_bytes=_MAXIMUM_BYTES,
        )
    except OutboundError as error:
        raise refused(
            OIDCFailure.PROVIDER_UNREACHABLE,
            f"The issuer's discovery document could not be fetched from {url}: {error}",
        ) from error
    if answer.status != 200:
        raise refused(
            OIDCFailure.DISCOVERY_INVALID,
            f"{url} answered with HTTP status {answer.status} instead of a discovery document. Check the issuer.",
        )
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise refused(
            OIDCFailure.DISCOVERY_INVALID, f"What {url} answers is no discovery document. Check the issuer."
        )
    return document


def _read_document(document: dict[str, Any], issuer: str) -> Provider:
    # Discovery 4.3: the same, character by character; else one issuer could hand its users to another.
    if document.get("issuer") != issuer:
        raise refused(
            OIDCFailure.DISCOVERY_ISSUER_DIFFERS,
            f"This connection knows the issuer {shown(issuer)}, its discovery document names "
            f"{shown(document.get('issuer'))}. They must be the same to the character, a slash at the end included.",
        )
    return Provider(
        issuer=issuer,
        authorization_endpoint=_text(document, "authorization_endpoint"),
        token_endpoint=_text(document, "token_endpoint"),
        jwks_uri=_text(document, "jwks_uri"),
        userinfo_endpoint=_text(document, "userinfo_endpoint"),
        end_session_endpoint=_text(document, "end_session_endpoint"),
        token_endpoint_auth_methods=_texts(document, "token_endpoint_auth_methods_supported"),
        token_endpoint_auth_algorithms=_texts(document, "token_endpoint_auth_signing_alg_values_supported"),
        promises_response_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name, "")
    return value if isinstance(value, str) else ""


def _texts(document: dict[str, Any], name: str) -> tuple[str, ...]:
    values = document.get(name)
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def _check_endpoints(party: RelyingParty, provider: Provider) -> None:
    for name, is_needed in (
        ("authorization_endpoint", True),
        ("token_endpoint", True),
        ("jwks_uri", True),
        ("userinfo_endpoint", False),
        ("end_session_endpoint", False),
    ):
        url: str = getattr(provider, name)
        if not url and is_needed:
            raise refused(
                OIDCFailure.SETTINGS_INCOMPLETE,
                f"The provider's {name} is not known: discovery does not name it, and it is not set up by hand.",
            )
        if not url:
            continue
        try:
            check_url(url)
        except OutboundError as error:
            raise refused(
                OIDCFailure.DISCOVERY_INVALID, f"The provider's {name} is {shown(url)}. {error}"
            ) from error
        # Plain http is for providers inside a network that the operator named, and those have an http issuer;
        # that their addresses are inside is checked when they are called (foundation.outbound).
        if is_plain_http(url) and not is_plain_http(party.issuer):
            raise refused(
                OIDCFailure.ENDPOINT_NOT_ENCRYPTED,
                f"The provider's {name} is {shown(url)}, which is not encrypted. It must begin with https://.",
            )
