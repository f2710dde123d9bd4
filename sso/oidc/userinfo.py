"""The provider's userinfo endpoint (OpenID Connect Core 5.3)."""

from collections.abc import Mapping
from typing import Any

from foundation.outbound import OutboundError, fetch
from sso.oidc.failures import OIDCFailure, refused, shown

_TIMEOUT_SECONDS = 5.0
_MAXIMUM_BYTES = 256 * 1024


def fetch_userinfo(endpoint: str, *, access_token: str, subject: str) -> Mapping[str, Any]:
    """Return further claims of the person whom the ID token names; raises ExchangeRefused. Calls the provider."""
    try:
        answer = fetch(
            "GET",
            endpoint,
            headers={"Accept": "application/json", "Authorization": f"Bearer {access_token}"},
            timeout_seconds=_TIMEOUT_SECONDS,
            maximum_bytes=_MAXIMUM_BYTES,
        )
    except (OutboundError, UnicodeError) as error:
        raise refused(
            OIDCFailure.USERINFO_FAILED, f"The provider's userinfo endpoint gave no answer: {error}"
        ) from error
    try:
        claims = answer.json() if answer.status == 200 else None
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        is_signed = answer.headers.get("content-type", "").lower().startswith("application/jwt")
        advice = " Switch off the signing of userinfo at the provider." if is_signed else ""
        raise refused(
            OIDCFailure.USERINFO_FAILED,
            f"The provider's userinfo endpoint answered with HTTP status {answer.status} and no JSON object.{advice}",
        )
    # Core 5.3.2: the claims of another person must not be used, whoever mixed them up.
    if claims.get("sub") != subject:
        raise refused(
            OIDCFailure.USERINFO_SUBJECT_DIFFERS,
            f"The userinfo endpoint speaks of {shown(claims.get('sub'))}, the ID token of {shown(subject)}.",
        )
    return claims
