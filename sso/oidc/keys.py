"""The keys with which a provider signs: fetched, remembered, and fetched again when it changes them.

Whoever can send us an ID token can make up key ids. So an unknown id brings a new fetch at most once a minute for each
address, whatever the number of sign-ins; a provider that rotates its keys is therefore seen within a minute.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from django.core.cache import cache

from foundation import clock
from foundation.outbound import OutboundError, fetch
from sso.oidc.failures import OIDCFailure, refused, shown

_REMEMBERED_SECONDS = 3600
_REFRESH_INTERVAL_SECONDS = 60
_RETRY_INTERVAL_SECONDS = 5
_TIMEOUT_SECONDS = 5.0
_MAXIMUM_BYTES = 256 * 1024
_MOST_KEYS = 100
_SMALLEST_RSA_BITS = 2048
# What OpenSSL verifies at all; the time grows with the square of it.
_LARGEST_RSA_BITS = 16_384

# Asymmetric and nothing else: with HMAC the public key, which everybody has, would be the secret (RFC 8725 3.1).
# The value is the key type, and the curve where the algorithm has one (RFC 7518 3.4, RFC 8037 3.1).
_KEY_TYPE_OF_ALGORITHM: Mapping[str, tuple[str, frozenset[str]]] = {
    "RS256": ("RSA", frozenset()),
    "RS384": ("RSA", frozenset()),
    "RS512": ("RSA", frozenset()),
    "PS256": ("RSA", frozenset()),
    "PS384": ("RSA", frozenset()),
    "PS512": ("RSA", frozenset()),
    "ES256": ("EC", frozenset({"P-256"})),
    "ES384": ("EC", frozenset({"P-384"})),
    "ES512": ("EC", frozenset({"P-521"})),
    "EdDSA": ("OKP", frozenset({"Ed25519", "Ed448"})),
}
ALGORITHMS = tuple(_KEY_TYPE_OF_ALGORITHM)

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey


def find_key(jwks_uri: str, *, algorithm: str, key_id: str | None) -> PublicKey:
    """Return the key that a token names in its header; raises ExchangeRefused. May call the provider."""
    remembered: list[dict[str, Any]] | None = cache.get(_name("keys", jwks_uri))
    found = None if remembered is None else _select(remembered, algorithm, key_id)
    if found is None:
        # Logout tokens come unasked, from anybody: a provider that gives no keys is not asked for each of them.
        if _may_look_again(jwks_uri, _REFRESH_INTERVAL_SECONDS if remembered else _RETRY_INTERVAL_SECONDS):
            remembered = _fetch(jwks_uri)
            found = _select(remembered, algorithm, key_id)
        elif remembered is None:
            raise refused(
                OIDCFailure.PROVIDER_UNREACHABLE,
                f"The provider gave no keys at {jwks_uri} a moment ago. It is asked again in a few seconds.",
            )
    if found is None:
        known = ", ".join(shown(key.get("kid"), 40) for key in (remembered or [])[:10]) or "none"
        raise refused(
            OIDCFailure.KEY_UNKNOWN,
            f"The ID token is signed by {algorithm} with the key {shown(key_id)}, which is not among the keys that the "
            f"provider publishes at {jwks_uri} ({known}).",
        )
    return found


def find_newer_key(jwks_uri: str, *, algorithm: str, key_id: str | None, than: PublicKey) -> PublicKey | None:
    """Return the key that now stands in the place of a remembered one, if it is another; raises ExchangeRefused."""
    if not _may_look_again(jwks_uri, _REFRESH_INTERVAL_SECONDS):
        return None
    found = _select(_fetch(jwks_uri), algorithm, key_id)
    return None if found is None or found == than else found


def _may_look_again(jwks_uri: str, interval_seconds: int) -> bool:
    looked_at: float = cache.get(_name("looked", jwks_uri), 0.0)
    return clock.now().timestamp() - looked_at >= interval_seconds


def _fetch(jwks_uri: str) -> list[dict[str, Any]]:
    # Noted before the answer is there: a provider that gives none is not asked more often for that.
    cache.set(_name("looked", jwks_uri), clock.now().timestamp(), _REMEMBERED_SECONDS)
    try:
        answer = fetch(
            "GET",
            jwks_uri,
            headers={"Accept": "application/json"},
            timeout_seconds=_TIMEOUT_SECONDS,
            maximum_bytes=_MAXIMUM_BYTES,
        )
    except OutboundError as error:
        raise refused(
            OIDCFailure.PROVIDER_UNREACHABLE,
            f"The provider's keys could not be fetched from {jwks_uri}: {error}",
        ) from error
    try:
        document = answer.json() if answer.status == 200 else None
    except ValueError:
        document = None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise refused(
            OIDCFailure.KEYS_UNREADABLE,
            f"{jwks_uri} answered with HTTP status {answer.status} and no set of keys.",
        )
    kept = [key for key in keys if isinstance(key, dict)][:_MOST_KEYS]
    cache.set(_name("keys", jwks_uri), kept, _REMEMBERED_SECONDS)
    return kept


def _select(keys: list[dict[str, Any]], algorithm: str, key_id: str | None) -> PublicKey | None:
    """Return the one key that may have signed, None without one; raises ExchangeRefused where it could be several."""
    fitting = [key for key in keys if _fits(key, algorithm) and (key_id is None or key.get("kid") == key_id)]
    if not fitting:
        return None
    if len(fitting) > 1:
        # OpenID Connect Core 10.1: with several keys the token has to say which.
        raise refused(
            OIDCFailure.KEY_AMBIGUOUS,
            f"The provider publishes {len(fitting)} keys for {algorithm} under the key ID {shown(key_id)}, so it cannot "
            "be told which one signed.",
        )
    return _load(fitting[0], algorithm)


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    kind, curves = _KEY_TYPE_OF_ALGORITHM[algorithm]
    operations = key.get("key_ops")
    return (
        key.get("kty") == kind
        and (not curves or str(key.get("crv")) in curves)
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
        and (not isinstance(operations, list) or "verify" in operations)
    )


def _load(key: Mapping[str, Any], algorithm: str) -> PublicKey:
    # The public members alone: a provider that published a private key by mistake still has a public one.
    members = {name: key[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in key}
    try:
        loaded = jwt.PyJWK(members, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise refused(
            OIDCFailure.KEYS_UNREADABLE, f"The provider's key {shown(key.get('kid'))} cannot be read."
        ) from error
    if (
        isinstance(loaded, rsa.RSAPublicKey)
        and not _SMALLEST_RSA_BITS <= loaded.key_size <= _LARGEST_RSA_BITS
    ):
        raise refused(
            OIDCFailure.KEYS_UNREADABLE,
            f"The provider's key {shown(key.get('kid'))} has {loaded.key_size} bits; {_SMALLEST_RSA_BITS} to "
            f"{_LARGEST_RSA_BITS} are read.",
        )
    public: PublicKey = loaded
    return public


def _name(purpose: str, jwks_uri: str) -> str:
    return f"oidc:{purpose}:{hashlib.sha256(jwks_uri.encode()).hexdigest()}"
