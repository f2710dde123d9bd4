"""The provider's token endpoint: a code goes in, an ID token and an access token come out."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from foundation.outbound import OutboundError, fetch
from sso.models import TokenAuthenticationMethod
from sso.oidc.client_keys import client_assertion
from sso.oidc.failures import OIDCFailure, refused, shown
from sso.oidc.parties import Provider, RelyingParty, is_private_key

_TIMEOUT_SECONDS = 10.0
_MAXIMUM_BYTES = 256 * 1024
_LONGEST_ACCESS_TOKEN = 32 * 1024
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_EXPIRY_SECONDS = 10 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """What came for the code. ``expires_in`` is in seconds, 0 where the provider does not say."""

    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    scopes: tuple[str, ...]


def exchange_code(
    party: RelyingParty, provider: Provider, *, code: str, redirect_uri: str, code_verifier: str
) -> TokenAnswer:
    """Spend a code at the token endpoint (RFC 6749 4.1.3); raises ExchangeRefused. Calls the provider."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if code_verifier:
        form["code_verifier"] = code_verifier
    headers, credentials = _client_authentication(party, provider)
    try:
        answer = fetch(
            "POST",
            provider.token_endpoint,
            headers={"Accept": "application/json", **headers},
            form=form | credentials,
            timeout_seconds=_TIMEOUT_SECONDS,
            maximum_bytes=_MAXIMUM_BYTES,
        )
    except OutboundError as error:
        raise refused(
            OIDCFailure.PROVIDER_UNREACHABLE, f"The provider's token endpoint gave no answer: {error}"
        ) from error
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refused(
            OIDCFailure.TOKEN_RESPONSE_INVALID,
            f"The provider's token endpoint answered with HTTP status {answer.status} and no JSON object.",
        )
    if answer.status != 200 or "error" in body:
        raise _refused_at_token_endpoint(answer.status, body)
    return _read_answer(body)


def _client_authentication(party: RelyingParty, provider: Provider) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and the form fields that say who we are (Core 9)."""
    method = _method_of(party, provider)
    if method == TokenAuthenticationMethod.PRIVATE_KEY_JWT:
        return {}, {
            "client_id": party.client_id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": client_assertion(party, provider),
        }
    if not method:
        return {}, {"client_id": party.client_id}
    if not party.client_secret:
        raise refused(
            OIDCFailure.SETTINGS_INCOMPLETE,
            f"The connection authenticates itself by {method} and has no client secret. Copy it from the provider.",
        )
    if method == TokenAuthenticationMethod.CLIENT_SECRET_POST:
        return {}, {"client_id": party.client_id, "client_secret": party.client_secret}
    # RFC 6749 2.3.1: both are form-encoded first, so that a colon in them does not part them.
    pair = f"{quote_plus(party.client_id)}:{quote_plus(party.client_secret)}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}, {}


def _method_of(party: RelyingParty, provider: Provider) -> str:
    """Return how we say who we are; an empty text for a client without credentials."""
    if party.token_authentication_method:
        return party.token_authentication_method
    if party.private_key and (is_private_key(party.client_secret) or not party.client_secret):
        return TokenAuthenticationMethod.PRIVATE_KEY_JWT
    if not party.client_secret:
        return ""
    methods = provider.token_endpoint_auth_methods
    # Discovery 3: where nothing is said, it is client_secret_basic.
    if methods and TokenAuthenticationMethod.CLIENT_SECRET_BASIC not in methods:
        return TokenAuthenticationMethod.CLIENT_SECRET_POST
    return TokenAuthenticationMethod.CLIENT_SECRET_BASIC


def _refused_at_token_endpoint(status: int, body: Mapping[str, Any]) -> Exception:
    error, description = body.get("error"), body.get("error_description", "")
    error = error if isinstance(error, str) else ""
    words = f" It says: {shown(description, 300)}." if description else ""
    received = {"status": status, "error": error[:200], "error_description": str(description)[:1000]}
    if error in {"invalid_client", "unauthorized_client"}:
        return refused(
            OIDCFailure.CLIENT_REFUSED,
            f"The provider does not accept the client ID and the secret of this connection ({error}): copy both again, "
            "and check whether the secret has expired." + words,
            received,
        )
    if error == "invalid_grant":
        return refused(
            OIDCFailure.CODE_REFUSED,
            "The provider does not accept the code that it sent (invalid_grant): it was used before, is too old, or "
            "the redirect URI differs from the registered one." + words,
            received,
        )
    return refused(
        OIDCFailure.TOKEN_RESPONSE_INVALID,
        f"The provider's token endpoint answered with HTTP status {status} and the error {shown(error)}."
        + words,
        received,
    )


def _read_answer(body: Mapping[str, Any]) -> TokenAnswer:
    access_token, id_token = body.get("access_token"), body.get("id_token")
    if not isinstance(access_token, str) or not 0 < len(access_token) <= _LONGEST_ACCESS_TOKEN:
        raise refused(
            OIDCFailure.TOKEN_RESPONSE_INVALID,
            "The provider's token endpoint answered without an access token.",
        )
    if not isinstance(id_token, str) or not id_token:
        raise refused(
            OIDCFailure.ID_TOKEN_MISSING,
            "The provider's token endpoint answered without an ID token. Allow this application the scope “openid”.",
        )
    kind = body.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise refused(
            OIDCFailure.TOKEN_RESPONSE_INVALID,
            f"The provider answered with a token of the type {shown(kind)}; only Bearer is known.",
        )
    refresh_token, scope = body.get("refresh_token"), body.get("scope")
    return TokenAnswer(
        id_token=id_token,
        access_token=access_token,
        refresh_token=refresh_token if isinstance(refresh_token, str) else "",
        expires_in=seconds_of(body.get("expires_in")),
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
    )


def seconds_of(value: object) -> int:
    """Read ``expires_in``, which some providers write as a text; 0 for what is no number of seconds."""
    try:
        seconds = int(str(value)) if isinstance(value, int | str) else 0
    except ValueError:
        return 0
    return seconds if 0 < seconds <= _LONGEST_EXPIRY_SECONDS else 0
