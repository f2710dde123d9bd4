"""Reading what a provider signed: the checks of ID tokens and logout tokens, each by its name.

PyJWT verifies the signature; every check of a claim is spelled out here (OpenID Connect Core 3.1.3.7, RFC 8725).
"""

import base64
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt
import orjson

from foundation import clock
from foundation.encryption import digests_equal
from sso.connection_types import ConnectionType
from sso.exchanges import ExchangeRefused
from sso.oidc import keys
from sso.oidc.failures import OIDCFailure, refused, shown
from sso.oidc.parties import Provider, RelyingParty

_JWS = jwt.PyJWS()

LONGEST_TOKEN = 64 * 1024
LONGEST_SUBJECT = 255  # OpenID Connect Core 2.
_MOST_AUDIENCES = 50
LATEST_MOMENT = 253_402_300_799  # The end of the year 9999: what comes after is no moment.

# Google's older ID tokens name their issuer without the scheme, which its documentation tells clients to accept.
_GOOGLE_ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})

# RFC 8725 3.11: a logout token or an access token of the same provider must not pass for an ID token.
ID_TOKEN_TYPES = frozenset({"", "jwt", "application/jwt"})
LOGOUT_TOKEN_TYPES = ID_TOKEN_TYPES | {"logout+jwt", "application/logout+jwt"}


_HASHES: Mapping[str, tuple[OIDCFailure, str]] = {
    "at_hash": (OIDCFailure.ACCESS_TOKEN_DIFFERS, "access token"),
    "c_hash": (OIDCFailure.CODE_DIFFERS, "code"),
}


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """A token whose signature is good: its header and its claims, of which none is checked yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read_id_token(
    party: RelyingParty,
    provider: Provider,
    token: str,
    *,
    nonce: str,
    access_token: str,
    code: str | None = None,
    fresh_since: float | None = None,
) -> Mapping[str, Any]:
    """Return the claims of an ID token after every check; raises ExchangeRefused. May fetch the provider's keys.

    ``code`` is the one that it came for, where the token may speak of it. ``fresh_since`` is the moment after which the person has to have signed in at the provider, where that was asked for.
    """
    signed = read_signed(provider, token, types=ID_TOKEN_TYPES)
    claims = signed.claims
    check_issuer(party, provider, claims)
    check_audience(party, claims)
    check_times(party, claims)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise _missing("sub", "who signed in", claims)
    check_nonce(claims, nonce)
    _check_hash(signed, "at_hash", access_token)
    if code is not None:
        _check_hash(signed, "c_hash", code)
    _check_age(party, claims, fresh_since)
    if party.connection_type is ConnectionType.ENTRA_ID_OIDC:
        _check_tenant(provider, claims)
    return claims


def read_signed(provider: Provider, token: str, *, types: frozenset[str]) -> SignedClaims:
    """Return a token whose signature is the provider's; raises ExchangeRefused."""
    if len(token) > LONGEST_TOKEN:
        raise refused(
            OIDCFailure.CLAIMS_TOO_LARGE,
            f"The ID token is longer than {LONGEST_TOKEN} characters. Let the provider send fewer claims or groups.",
        )
    if token.count(".") == 4:
        raise refused(
            OIDCFailure.ID_TOKEN_ENCRYPTED,
            "The ID token is encrypted, which is not supported. Switch ID token encryption off at the provider.",
        )
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise refused(
            OIDCFailure.ID_TOKEN_UNREADABLE, "What the provider sent as ID token is no signed JWT."
        ) from error
    algorithm, key_id = header.get("alg"), header.get("kid")
    # jku, x5u, x5c and jwk name or carry a key of the sender's choice, and are never looked at (RFC 8725 3.10).
    counting = (provider.signature_algorithm,) if provider.signature_algorithm else keys.ALGORITHMS
    if algorithm not in keys.ALGORITHMS or algorithm not in counting:
        raise refused(
            OIDCFailure.ALGORITHM_REFUSED,
            f"The ID token is signed by {shown(algorithm)}. Here counts: {', '.join(counting)}. Set the provider to it, "
            "or change what the connection says.",
            {"header": _header_shown(header)},
        )
    kind = header.get("typ", "")
    if not isinstance(kind, str) or kind.lower() not in types or "crit" in header:
        raise refused(
            OIDCFailure.ID_TOKEN_UNREADABLE,
            f"The token's type is {shown(kind)}, or it makes demands that are not known; it is not used as ID token.",
            {"header": _header_shown(header)},
        )
    if key_id is not None and not isinstance(key_id, str):
        raise refused(OIDCFailure.ID_TOKEN_UNREADABLE, "The key ID of the ID token is no text.")
    key = keys.find_key(provider.jwks_uri, algorithm=algorithm, key_id=key_id)
    try:
        return SignedClaims(header, _verify(token, key, algorithm))
    except ExchangeRefused as refusal:
        # A provider that changed its key and not the name of it, or gives its keys no names.
        newer = None
        if refusal.failure == OIDCFailure.SIGNATURE_INVALID:
            newer = keys.find_newer_key(provider.jwks_uri, algorithm=algorithm, key_id=key_id, than=key)
        if newer is None:
            raise
    return SignedClaims(header, _verify(token, newer, algorithm))


def _verify(token: str, key: keys.PublicKey, algorithm: str) -> Mapping[str, Any]:
    # The signature alone: the claims are checked one by one by the caller, with a failure for each. They are read by
    # a strict reader: Python's own takes NaN, half a surrogate pair and any depth, which cannot be stored or shown.
    try:
        claims = orjson.loads(_JWS.decode(token, key=key, algorithms=[algorithm]))
    except jwt.InvalidSignatureError as error:
        raise refused(
            OIDCFailure.SIGNATURE_INVALID,
            "The signature of the ID token is not the provider's: it was changed on its way, or somebody else made it.",
        ) from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise refused(
            OIDCFailure.ID_TOKEN_UNREADABLE, "What the provider sent as ID token is no signed JWT."
        ) from error
    if not isinstance(claims, dict):
        raise refused(OIDCFailure.ID_TOKEN_UNREADABLE, "The claims of the ID token are no JSON object.")
    return claims


def check_issuer(party: RelyingParty, provider: Provider, claims: Mapping[str, Any]) -> None:
    """The token comes from the provider that was asked (Core 3.1.3.7, 2); raises ExchangeRefused."""
    issuer = claims.get("iss")
    if issuer == provider.issuer:
        return
    if provider.issuer in _GOOGLE_ISSUERS and issuer in _GOOGLE_ISSUERS:
        return
    raise refused(
        OIDCFailure.ISSUER_DIFFERS,
        f"The ID token comes from the issuer {shown(issuer)}; this connection knows {shown(party.issuer)}.",
        _shown(claims),
    )


def check_audience(party: RelyingParty, claims: Mapping[str, Any]) -> None:
    """The token is for this client (Core 3.1.3.7, 3 to 5); raises ExchangeRefused."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if (
        not isinstance(audiences, list)
        or len(audiences) > _MOST_AUDIENCES
        or party.client_id not in audiences
    ):
        raise refused(
            OIDCFailure.AUDIENCE_DIFFERS,
            f"The ID token is for {shown(audience)}; the client ID of this connection is {shown(party.client_id)}.",
            _shown(claims),
        )
    authorized_party = claims.get("azp")
    if authorized_party != party.client_id and (authorized_party is not None or len(audiences) > 1):
        raise refused(
            OIDCFailure.AUTHORIZED_PARTY_DIFFERS,
            f"The ID token was issued to {shown(authorized_party)} (azp), not to this connection's client ID "
            f"{shown(party.client_id)}.",
            _shown(claims),
        )


def check_times(party: RelyingParty, claims: Mapping[str, Any]) -> None:
    """The token counts now, give or take the clock skew (Core 3.1.3.7, 9 and 10); raises ExchangeRefused."""
    now, skew = clock.now().timestamp(), party.clock_skew_seconds
    expires_at = _moment(claims, "exp", "when it expires")
    issued_at = _moment(claims, "iat", "when it was issued")
    not_before = _moment(claims, "nbf", "from when on it counts") if "nbf" in claims else issued_at
    if now >= expires_at + skew:
        raise refused(
            OIDCFailure.EXPIRED,
            f"The ID token expired {now - expires_at:.0f} seconds ago. Check the clock of the provider.",
            _shown(claims),
        )
    if max(issued_at, not_before) > now + skew:
        raise refused(
            OIDCFailure.NOT_YET_VALID,
            f"The ID token counts from {max(issued_at, not_before) - now:.0f} seconds ahead of us. Check the clock of "
            "the provider.",
            _shown(claims),
        )


def check_nonce(claims: Mapping[str, Any], nonce: str) -> None:
    """The token was made for this sign-in (Core 3.1.3.7, 11); raises ExchangeRefused."""
    sent_nonce = claims.get("nonce")
    if not isinstance(sent_nonce, str) or not digests_equal(sent_nonce, nonce):
        raise refused(
            OIDCFailure.NONCE_DIFFERS,
            "The ID token was made for another sign-in (its nonce differs): somebody may have planted it. If it "
            "happens at every sign-in, let the provider copy the nonce into the ID token.",
            _shown(claims),
        )


def _check_hash(signed: SignedClaims, name: str, expected: str) -> None:
    """What came beside the token belongs to it (Core 3.1.3.8, 3.3.2.10), where the provider says so."""
    if name not in signed.claims:
        return
    sent = signed.claims[name]
    if isinstance(sent, str) and digests_equal(sent.rstrip("="), half_hash(signed.header["alg"], expected)):
        return
    failure, what = _HASHES[name]
    raise refused(
        failure,
        f"The {what} beside the ID token is not the one it speaks of ({name} differs).",
        _shown(signed.claims),
    )


def half_hash(algorithm: str, text: str) -> str:
    """Return ``at_hash`` or ``c_hash``: the left half of the digest that the signature's algorithm uses, base64url."""
    # EdDSA names no digest: Ed25519 uses SHA-512 inside, which is what providers take.
    name = {"256": "sha256", "384": "sha384"}.get(algorithm[-3:], "sha512")
    digest = hashlib.new(name, text.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _check_age(party: RelyingParty, claims: Mapping[str, Any], fresh_since: float | None) -> None:
    """The person signed in lately enough (Core 3.1.3.7, 13), where that was asked for."""
    if party.max_age is None and fresh_since is None:
        return
    signed_in_at = _moment(
        claims,
        "auth_time",
        "when the person signed in. A fresh sign-in was asked for (max_age), so the provider has to say it: let it put "
        "the time of authentication into the ID token",
    )
    now, skew = clock.now().timestamp(), party.clock_skew_seconds
    if signed_in_at > now + skew:
        raise refused(
            OIDCFailure.NOT_YET_VALID,
            f"The person signed in {signed_in_at - now:.0f} seconds ahead of us, as the provider says (auth_time). Check "
            "its clock.",
            _shown(claims),
        )
    if fresh_since is not None and signed_in_at < fresh_since - skew:
        raise refused(
            OIDCFailure.SIGN_IN_TOO_OLD,
            f"The application asked for a fresh sign-in (prompt=login or max_age), and the one at the provider is "
            f"{fresh_since - signed_in_at:.0f} seconds too old. The provider has to respect prompt and max_age.",
            _shown(claims),
        )
    if party.max_age is not None and now - signed_in_at > party.max_age + skew:
        raise refused(
            OIDCFailure.SIGN_IN_TOO_OLD,
            f"The person signed in at the provider {now - signed_in_at:.0f} seconds ago; this connection allows "
            f"{party.max_age}.",
            _shown(claims),
        )


def _check_tenant(provider: Provider, claims: Mapping[str, Any]) -> None:
    tenant = claims.get("tid")
    # https://login.microsoftonline.com/<tenant>/v2.0
    own = urlsplit(provider.issuer).path.strip("/").partition("/")[0]
    if not own or tenant != own:
        raise refused(
            OIDCFailure.TENANT_DIFFERS,
            f"The person belongs to the Entra tenant {shown(tenant)}, which is not the one of this connection's issuer.",
            _shown(claims),
        )


def _moment(claims: Mapping[str, Any], name: str, meaning: str) -> float:
    """Return a NumericDate (RFC 7519 2); raises ExchangeRefused."""
    value = claims.get(name)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not 0 <= value <= LATEST_MOMENT
    ):
        raise _missing(name, meaning, claims)
    return float(value)


def _missing(name: str, meaning: str, claims: Mapping[str, Any]) -> Exception:
    return refused(
        OIDCFailure.CLAIM_MISSING,
        f"The ID token does not say {meaning} (claim {name}).",
        _shown(claims),
    )


def _header_shown(header: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(header[name])[:200] for name in ("alg", "kid", "typ") if name in header}


def _shown(claims: Mapping[str, Any]) -> dict[str, Any]:
    return {"id_token": dict(claims)}
