"""What the test identity provider says in OpenID Connect: discovery, authorization, tokens, userinfo (OIDC core)."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from environments import signing
from foundation import clock
from foundation.encryption import digests_equal, token_digest
from foundation.ids import new_secret
from sso.test_idp.identity import Identity
from sso.test_idp.people import Misbehaviour, Person

CODE_LIFETIME = timedelta(minutes=1)
_TOKEN_LIFETIME = timedelta(minutes=5)
_LONG_AGO = timedelta(hours=1)
_LONGEST_VALUE = 2000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_SCOPES = ("openid", "email", "profile")
# RFC 9068 2.1: an access token says that it is one, so that no ID token is taken for it.
_ACCESS_TOKEN_TYPE = "at+jwt"


class OIDCRefused(Exception):
    """A refusal in the words of RFC 6749 (4.1.2.1, 5.2) or OIDC core (3.1.2.6)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class UnusableRequest(Exception):
    """An authorization request that cannot even be answered: there is nowhere to send a refusal to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedAuthorization:
    """An authorization request as far as its answer depends on it. Empty texts stand for absent parameters."""

    client_id: str
    redirect_uri: str
    state: str = ""
    nonce: str = ""
    code_challenge: str = ""
    login_hint: str = ""

    def as_json(self) -> dict[str, str]:
        """Return what the constructor takes."""
        return asdict(self)


def discovery(idp: Identity) -> dict[str, Any]:
    """Return the discovery document (OIDC discovery 3)."""
    return {
        "issuer": idp.issuer,
        "authorization_endpoint": f"{idp.issuer}/authorize",
        "token_endpoint": f"{idp.issuer}/token",
        "userinfo_endpoint": f"{idp.issuer}/userinfo",
        "jwks_uri": f"{idp.issuer}/jwks",
        "end_session_endpoint": f"{idp.issuer}/end_session",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [signing.ALGORITHM],
        "scopes_supported": list(_SCOPES),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": [
            "sub",
            "email",
            "email_verified",
            "given_name",
            "family_name",
            "name",
            "groups",
            "role",
        ],
        "authorization_response_iss_parameter_supported": True,
    }


def read_redirect_uri(parameters: Mapping[str, str]) -> tuple[str, str]:
    """Return client id and redirect URI, which everything else may be answered to; raises UnusableRequest."""
    client_id, redirect_uri = parameters.get("client_id", ""), parameters.get("redirect_uri", "")
    if not client_id or len(client_id) > 256:
        raise UnusableRequest("The client_id is missing or too long; any name up to 256 characters will do.")
    try:
        parts = urlsplit(redirect_uri)
    except ValueError as error:
        raise UnusableRequest("The redirect_uri is not an address.") from error
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or "#" in redirect_uri
        or len(redirect_uri) > _LONGEST_VALUE
        or not redirect_uri.isprintable()
    ):
        raise UnusableRequest("The redirect_uri has to be an http or https address without a fragment.")
    return client_id, redirect_uri


def read_authorization(parameters: Mapping[str, str]) -> AskedAuthorization:
    """Read an authorization request (OIDC core 3.1.2.1); raises UnusableRequest or OIDCRefused."""
    client_id, redirect_uri = read_redirect_uri(parameters)
    if parameters.get("response_type") != "code":
        raise OIDCRefused("unsupported_response_type", "response_type has to be code.")
    if "openid" not in parameters.get("scope", "").split():
        raise OIDCRefused("invalid_scope", "scope has to name openid.")
    challenge = parameters.get("code_challenge", "")
    if challenge and parameters.get("code_challenge_method") != "S256":
        raise OIDCRefused("invalid_request", "code_challenge_method has to be S256.")
    if challenge and not _CHALLENGE.fullmatch(challenge):
        raise OIDCRefused("invalid_request", "code_challenge is not a SHA-256 in base64url.")
    if "none" in parameters.get("prompt", "").split():
        # Nobody is ever signed in here.
        raise OIDCRefused("login_required", "Somebody has to be asked who signs in.")
    if any(name in parameters for name in ("request", "request_uri")):
        raise OIDCRefused("request_not_supported", "Request objects are not supported.")
    values = {name: parameters.get(name, "") for name in ("state", "nonce", "login_hint")}
    if any(len(value) > _LONGEST_VALUE for value in values.values()):
        raise OIDCRefused("invalid_request", "state, nonce or login_hint is too long.")
    return AskedAuthorization(
        client_id=client_id, redirect_uri=redirect_uri, code_challenge=challenge, **values
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRedemption:
    """What a client presents at the token endpoint."""

    client_id: str
    client_secret: str
    redirect_uri: str
    code_verifier: str


def check_redemption(idp: Identity, asked: AskedAuthorization, presented: CodeRedemption) -> None:
    """Check that the client of the request redeems the code, and proves that it is that one; raises OIDCRefused.

    A client proves it by the provider's one secret, or by PKCE alone if it has none (RFC 7636).
    """
    if presented.client_secret and not digests_equal(
        token_digest(presented.client_secret), token_digest(idp.oidc_client_secret)
    ):
        raise OIDCRefused("invalid_client", "The client secret is not that of the test identity provider.")
    if presented.client_id != asked.client_id:
        raise OIDCRefused("invalid_grant", "The code was issued to another client.")
    if presented.redirect_uri != asked.redirect_uri:
        raise OIDCRefused("invalid_grant", "The redirect_uri is not that of the authorization request.")
    if not asked.code_challenge:
        if presented.code_verifier:
            raise OIDCRefused("invalid_grant", "There is a code_verifier, and there was no code_challenge.")
        if not presented.client_secret:
            raise OIDCRefused("invalid_client", "A client without a secret has to use PKCE.")
    elif not _fits(presented.code_verifier, asked.code_challenge):
        raise OIDCRefused("invalid_grant", "The code_verifier does not fit the code_challenge.")


def issue_tokens(
    idp: Identity, asked: AskedAuthorization, person: Person, misbehaviour: Misbehaviour | None = None
) -> dict[str, Any]:
    """Return the answer of the token endpoint (OIDC core 3.1.3.3)."""
    moment = clock.now()
    access_token = _signed(
        idp,
        _times(moment)
        | {"iss": idp.issuer, "aud": f"{idp.issuer}/userinfo", "claims": person.claims(misbehaviour)},
        typ=_ACCESS_TOKEN_TYPE,
    )
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(_TOKEN_LIFETIME.total_seconds()),
        "scope": " ".join(_SCOPES),
        "id_token": _id_token(
            idp=idp,
            asked=asked,
            person=person,
            misbehaviour=misbehaviour,
            moment=moment,
            access_token=access_token,
        ),
    }


def read_userinfo(idp: Identity, access_token: str) -> dict[str, Any]:
    """Return the claims that an access token gives (OIDC core 5.3.2); raises OIDCRefused."""
    try:
        claims: dict[str, Any] = jwt.decode(
            access_token,
            idp.private_key.public_key(),
            algorithms=[signing.ALGORITHM],
            audience=f"{idp.issuer}/userinfo",
            issuer=idp.issuer,
            options={"require": ["exp", "iss", "aud"]},
        )
        kind = jwt.get_unverified_header(access_token).get("typ")
    except jwt.PyJWTError as error:
        raise OIDCRefused("invalid_token", "The access token is not one of these, or has expired.") from error
    if kind != _ACCESS_TOKEN_TYPE:
        raise OIDCRefused("invalid_token", "This is not an access token.")
    return dict(claims["claims"])


def read_id_token_hint(idp: Identity, id_token: str) -> dict[str, Any] | None:
    """Return the claims of an ID token of this provider, however old, or None (OIDC RP-initiated logout 2)."""
    try:
        claims: dict[str, Any] = jwt.decode(
            id_token,
            idp.private_key.public_key(),
            algorithms=[signing.ALGORITHM],
            issuer=idp.issuer,
            options={"verify_exp": False, "verify_aud": False},
        )
    except jwt.PyJWTError:
        return None
    return claims


def _id_token(
    *,
    idp: Identity,
    asked: AskedAuthorization,
    person: Person,
    misbehaviour: Misbehaviour | None,
    moment: datetime,
    access_token: str,
) -> str:
    issued_at = moment - _LONG_AGO if misbehaviour is Misbehaviour.EXPIRED else moment
    signed_in_at = moment - _LONG_AGO if misbehaviour is Misbehaviour.STALE else issued_at
    audience = "another-client" if misbehaviour is Misbehaviour.WRONG_AUDIENCE else asked.client_id
    digest = hashlib.sha256(access_token.encode()).digest()
    claims = (
        person.claims(misbehaviour)
        | _times(issued_at)
        | {
            "iss": idp.issuer,
            "aud": audience,
            "auth_time": int(signed_in_at.timestamp()),
            "sid": new_secret(),
            # OIDC core 3.1.3.6: the left half of the hash.
            "at_hash": _base64url(digest[: len(digest) // 2]),
        }
    )
    if asked.nonce:
        claims["nonce"] = asked.nonce
    match misbehaviour:
        case Misbehaviour.UNSIGNED:
            return jwt.encode(claims, "", algorithm="none")
        case Misbehaviour.FOREIGN_KEY:
            stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return jwt.encode(claims, stranger, algorithm=signing.ALGORITHM, headers={"kid": idp.key_id})
        case _:
            return _signed(idp, claims, typ="JWT")


def _signed(idp: Identity, claims: Mapping[str, Any], *, typ: str) -> str:
    headers = {"kid": idp.key_id, "typ": typ}
    return jwt.encode(dict(claims), idp.private_key, algorithm=signing.ALGORITHM, headers=headers)


def _times(moment: datetime) -> dict[str, int]:
    return {"iat": int(moment.timestamp()), "exp": int((moment + _TOKEN_LIFETIME).timestamp())}


def _fits(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    return digests_equal(_base64url(hashlib.sha256(verifier.encode()).digest()), challenge)


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
