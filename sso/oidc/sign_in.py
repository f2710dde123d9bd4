"""The code flow (OpenID Connect Core 3.1): leaving for the provider, and reading what comes back."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import orjson

from foundation import clock
from foundation.encryption import digests_equal
from foundation.ids import new_secret
from sso.connection_types import ConnectionType
from sso.exchanges import Departure, ReceivedProfile
from sso.oidc.discovery import find_provider
from sso.oidc.failures import OIDCFailure, refused, shown
from sso.oidc.parties import Provider, RelyingParty
from sso.oidc.token_endpoint import TokenAnswer, exchange_code
from sso.oidc.tokens import LONGEST_SUBJECT, read_id_token
from sso.oidc.userinfo import fetch_userinfo

# What an application may not set at the provider by provider_query_params: with any of these it could move the
# answer, or the checks on it, elsewhere (RFC 6749 4.1.1, RFC 7636, RFC 9101, Core 3.1.2.1).
RESERVED_PARAMETERS = frozenset(
    {
        "client_id",
        "client_secret",
        "redirect_uri",
        "response_type",
        "response_mode",
        "state",
        "nonce",
        "scope",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
        "registration",
        "max_age",
    }
)

_LARGEST_CLAIMS = 64 * 1024
_MOST_CLAIMS = 200
_MOST_GROUPS = 2_000

_LOGIN_GOV_ASSURANCE = "urn:acr.login.gov:auth-only"


def check_initiation(party: RelyingParty, issuer: str, *, is_allowed: bool) -> None:
    """Refuse to be sent to a provider unless the connection allows it, and it is its own (OIDC Core 4)."""
    if not is_allowed:
        raise refused(
            OIDCFailure.LOGIN_INITIATION_REFUSED,
            "The provider sent somebody here to sign in, and this connection does not allow that. If people shall begin at "
            "the provider's portal, switch on that sign-in may begin at the identity provider.",
            {"iss": issuer[:LONGEST_SUBJECT]},
        )
    if not digests_equal(issuer, party.issuer):
        # Or a stranger would choose at which provider the person signs in.
        raise refused(
            OIDCFailure.ISSUER_DIFFERS,
            f"Somebody was sent here to sign in by {shown(issuer)}, and the issuer of this connection is "
            f"{shown(party.issuer)}. Correct the initiate login URI at the provider, or the issuer here.",
            {"iss": issuer[:LONGEST_SUBJECT]},
        )


def begin_sign_in(
    party: RelyingParty,
    *,
    redirect_uri: str,
    state: str,
    login_hint: str | None = None,
    domain_hint: str | None = None,
    prompt: str | None = None,
    max_age: int | None = None,
    provider_scopes: Sequence[str] = (),
    provider_query_params: Mapping[str, str] | None = None,
) -> Departure:
    """Return how the browser leaves for the provider; raises ExchangeRefused. May call the provider.

    ``max_age`` is how many seconds ago the person may have signed in there, as far as this one sign-in is concerned.
    The departure's memory holds the nonce and the PKCE verifier (RFC 7636), and with ``max_age`` the moment after which
    the person has to have signed in.
    """
    provider = find_provider(party)
    nonce, verifier = new_secret(43), new_secret(64)
    parameters: dict[str, str] = {
        name: value
        for name, value in (provider_query_params or {}).items()
        if name not in RESERVED_PARAMETERS
    }
    parameters |= _hints(party, login_hint=login_hint, domain_hint=domain_hint, prompt=prompt)
    parameters |= {
        "response_type": "code",
        "client_id": party.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(dict.fromkeys(("openid", *party.scopes, *provider_scopes))),
    }
    # max_age makes auth_time required (Core 2), so that a provider that asked the person nothing is found out.
    ages = [age for age in (max_age, party.max_age) if age is not None]
    if ages:
        parameters["max_age"] = str(min(ages))
    secrets = {"state": state, "nonce": nonce}
    if party.sends_challenge:
        secrets |= {"code_challenge": code_challenge(verifier), "code_challenge_method": "S256"}
    memory = {"nonce": nonce, "code_verifier": verifier if party.sends_challenge else ""}
    if max_age is not None:
        memory["fresh_since"] = str(clock.now().timestamp() - max_age)
    return Departure(
        url=_with_query(provider.authorization_endpoint, parameters | secrets),
        memory=memory,
        sent={"authorization_endpoint": provider.authorization_endpoint, **parameters},
    )


def finish_sign_in(
    party: RelyingParty, *, redirect_uri: str, parameters: Mapping[str, str], memory: Mapping[str, str]
) -> ReceivedProfile:
    """Return the person whom the provider's answer names; raises ExchangeRefused. Calls the provider.

    ``parameters`` are those of the callback, whose ``state`` the caller has matched with the browser and with this
    connection already. ``memory`` is the departure's.
    """
    provider = find_provider(party)
    code = _read_code(provider, parameters)
    answer = exchange_code(
        party, provider, code=code, redirect_uri=redirect_uri, code_verifier=memory["code_verifier"]
    )
    fresh_since = memory.get("fresh_since")
    id_claims = read_id_token(
        party,
        provider,
        answer.id_token,
        nonce=memory["nonce"],
        access_token=answer.access_token,
        code=code,
        fresh_since=None if fresh_since is None else float(fresh_since),
    )
    userinfo: Mapping[str, Any] = {}
    if provider.userinfo_endpoint and party.fetches_userinfo:
        userinfo = fetch_userinfo(
            provider.userinfo_endpoint, access_token=answer.access_token, subject=id_claims["sub"]
        )
    claims = _merge(id_claims, userinfo)
    if not fits(claims):
        raise refused(
            OIDCFailure.CLAIMS_TOO_LARGE,
            f"The provider sends more than {_MOST_CLAIMS} claims, more than {_LARGEST_CLAIMS} bytes of them, or a text "
            "that cannot be stored. Let it send fewer groups or attributes.",
        )
    if party.connection_type is ConnectionType.GOOGLE_OIDC:
        _check_workspace(claims)
    return _profile_of(party, claims, id_claims, userinfo, answer)


def code_challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hints(
    party: RelyingParty, *, login_hint: str | None, domain_hint: str | None, prompt: str | None
) -> dict[str, str]:
    hints: dict[str, str] = {}
    if login_hint:
        hints["login_hint"] = login_hint
    if domain_hint:
        hints["hd" if party.connection_type is ConnectionType.GOOGLE_OIDC else "domain_hint"] = domain_hint
    if prompt:
        hints["prompt"] = prompt
    if party.connection_type is ConnectionType.LOGIN_GOV_OIDC:
        # Login.gov refuses a request without a level of assurance; the lowest one asks for an account alone.
        hints.setdefault("acr_values", _LOGIN_GOV_ASSURANCE)
    return hints


def _with_query(endpoint: str, parameters: Mapping[str, str]) -> str:
    """Add parameters to an endpoint that may have some of its own (RFC 6749 3.1)."""
    parts = urlsplit(endpoint)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _read_code(provider: Provider, parameters: Mapping[str, str]) -> str:
    """Return the code of the provider's answer, after the check of who answers (RFC 9207)."""
    issuer = parameters.get("iss")
    if issuer is None and provider.promises_response_issuer:
        raise refused(
            OIDCFailure.RESPONSE_ISSUER_MISSING,
            "The provider promises to name itself in every answer (RFC 9207), and this answer does not.",
        )
    if issuer is not None and issuer != provider.issuer:
        raise refused(
            OIDCFailure.RESPONSE_ISSUER_DIFFERS,
            f"The answer comes from {shown(issuer)}; this connection asked {shown(provider.issuer)}.",
        )
    error = parameters.get("error")
    if error is not None:
        raise _refused_by_provider(error, parameters.get("error_description", ""))
    code = parameters.get("code")
    if not code:
        raise refused(OIDCFailure.CODE_MISSING, "The provider sent the browser back without a code.")
    return code


def _refused_by_provider(error: str, description: str) -> Exception:
    received = {"error": error[:200], "error_description": description[:1000]}
    if error == "access_denied":
        words = f" It says: {shown(description, 300)}." if description else ""
        return refused(
            OIDCFailure.CANCELLED,
            "The person cancelled at the provider, or is not allowed to use this application there (access_denied)."
            + words,
            received,
        )
    words = f", and says: {shown(description, 300)}" if description else ""
    return refused(
        OIDCFailure.PROVIDER_REFUSED,
        f"The provider refused the sign-in with the error {shown(error)}{words}.",
        received,
    )


def _merge(id_claims: Mapping[str, Any], userinfo: Mapping[str, Any]) -> dict[str, Any]:
    """Put both sources together; what was signed wins."""
    claims = {**userinfo, **id_claims}
    # An address and the word on it belong together: one source's "verified" says nothing of the other's address.
    source = id_claims if "email" in id_claims else userinfo
    if "email_verified" not in source and userinfo.get("email") == claims.get("email"):
        source = userinfo
    claims.pop("email_verified", None)
    if "email_verified" in source:
        claims["email_verified"] = source["email_verified"]
    return claims


def fits(claims: Mapping[str, Any]) -> bool:
    """True for claims that can be kept: not too many, not too large, and without U+0000, which PostgreSQL cannot store."""
    try:
        written = orjson.dumps(dict(claims))
    except orjson.JSONEncodeError:
        return False
    return len(claims) <= _MOST_CLAIMS and len(written) <= _LARGEST_CLAIMS and b"\\u0000" not in written


def _check_workspace(claims: Mapping[str, Any]) -> None:
    """Hold a Google connection of a company to Workspace accounts.

    Anybody can open a private Google account under any address that they can read mail of at that moment, people who
    left the company later included; ``hd`` stands in the claims of accounts that a Workspace manages, and only there.
    """
    if not isinstance(claims.get("hd"), str) or not claims["hd"]:
        raise refused(
            OIDCFailure.NOT_A_WORKSPACE_ACCOUNT,
            "The person signed in with a private Google account. Sign in with the account of your Google Workspace.",
            {"id_token": dict(claims)},
        )


def _profile_of(
    party: RelyingParty,
    claims: Mapping[str, Any],
    id_claims: Mapping[str, Any],
    userinfo: Mapping[str, Any],
    answer: TokenAnswer,
) -> ReceivedProfile:
    groups = claims.get("groups")
    return ReceivedProfile(
        idp_id=claims["sub"],
        email=_text(claims, "email", 320),
        email_verified=is_yes(claims.get("email_verified")),
        first_name=_text(claims, "given_name", 200),
        last_name=_text(claims, "family_name", 200),
        name=_text(claims, "name", 400),
        groups=tuple(group for group in groups if isinstance(group, str))[:_MOST_GROUPS]
        if isinstance(groups, list)
        else (),
        raw_attributes=claims,
        memory={
            "id_token": answer.id_token,
            "sub": id_claims["sub"],
            "sid": _text(id_claims, "sid", LONGEST_SUBJECT) or "",
        },
        received={"id_token": dict(id_claims), "userinfo": dict(userinfo)},
        oauth_tokens={
            "provider": party.connection_type.value,
            "access_token": answer.access_token,
            "refresh_token": answer.refresh_token,
            "expires_at": int(clock.now().timestamp()) + answer.expires_in if answer.expires_in else 0,
            "scopes": list(answer.scopes or party.scopes),
        },
    )


def is_yes(value: object) -> bool:
    """Read a boolean claim: true, or the text that some providers write for it; 1 and the like are no word on it."""
    return value is True or (isinstance(value, str) and value == "true")


def _text(claims: Mapping[str, Any], name: str, limit: int) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= limit else None
