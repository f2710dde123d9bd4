"""Signing out with the provider: our way there (RP-Initiated Logout 1.0), and its word to us (Back-Channel Logout 1.0)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from foundation.encryption import token_digest
from sso.exchanges import Departure, ExchangeRefused
from sso.oidc.discovery import find_provider
from sso.oidc.failures import OIDCFailure, refused
from sso.oidc.parties import RelyingParty
from sso.oidc.tokens import (
    LATEST_MOMENT,
    LOGOUT_TOKEN_TYPES,
    LONGEST_SUBJECT,
    check_audience,
    check_issuer,
    check_times,
    read_signed,
)

_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class LogoutOrder:
    """A provider's word that somebody has signed out there: the person, one session of theirs, or both.

    ``digest`` counts once, until ``expires_at``: whoever keeps answers that count once (SeenAssertion) refuses it
    the second time. One of ``subject`` and ``provider_session_id`` may be empty, never both.
    """

    subject: str
    provider_session_id: str
    digest: str
    expires_at: datetime
    received: Mapping[str, Any] = field(default_factory=dict)


def begin_logout(
    party: RelyingParty, *, id_token: str, post_logout_redirect_uri: str, state: str
) -> Departure | None:
    """Return the way to the provider's logout, or None where it has no such page; raises as end_session_url.

    The trail shows neither the ID token nor the state, by which the browser comes back.
    """
    url = end_session_url(
        party, id_token=id_token, post_logout_redirect_uri=post_logout_redirect_uri, state=state
    )
    if url is None:
        return None
    sent = {"url": url.partition("?")[0], "post_logout_redirect_uri": post_logout_redirect_uri}
    return Departure(url=url, sent={**sent, "client_id": party.client_id, "id_token_hint": "…"})


def end_session_url(
    party: RelyingParty, *, id_token: str, post_logout_redirect_uri: str = "", state: str = ""
) -> str | None:
    """Return where the browser goes to sign out at the provider too, or None where it has no such page.

    ``id_token`` is what the person signed in with; the provider takes it for proof of who asks (RP-Initiated Logout 2).
    Raises ExchangeRefused. May call the provider, for its discovery document.
    """
    endpoint = find_provider(party).end_session_endpoint
    if not endpoint:
        return None
    parameters = {
        "id_token_hint": id_token,
        "client_id": party.client_id,
        "post_logout_redirect_uri": post_logout_redirect_uri,
        "state": state if post_logout_redirect_uri else "",
    }
    parts = urlsplit(endpoint)
    given = urlencode({name: value for name, value in parameters.items() if value})
    query = "&".join(filter(None, (parts.query, given)))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def read_logout_token(party: RelyingParty, token: str) -> LogoutOrder:
    """Return whom a logout token signs out, after every check (Back-Channel Logout 2.6); raises ExchangeRefused.

    May fetch the provider's document and keys. That the token did not come before is for the caller to check.
    """
    provider = find_provider(party)
    try:
        claims = read_signed(provider, token, types=LOGOUT_TOKEN_TYPES).claims
        check_issuer(party, provider, claims)
        check_audience(party, claims)
        check_times(party, claims)
    except ExchangeRefused as refusal:
        raise refused(
            OIDCFailure.LOGOUT_TOKEN_INVALID,
            f"The provider's logout token was not accepted. {refusal.sentence}",
            refusal.received,
        ) from refusal
    return _order_of(claims, party.clock_skew_seconds)


def _order_of(claims: Mapping[str, Any], skew: int) -> LogoutOrder:
    events, token_id = claims.get("events"), claims.get("jti")
    if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
        raise _invalid("It does not say that it is one (claim events).", claims)
    # An ID token must not pass for it: that one has a nonce where the other may have none.
    if "nonce" in claims:
        raise _invalid("It carries a nonce, which a logout token may not.", claims)
    if not isinstance(token_id, str) or not 0 < len(token_id) <= LONGEST_SUBJECT:
        raise _invalid("It has no id (claim jti), so it could be sent twice.", claims)
    subject, session_id = _text(claims, "sub"), _text(claims, "sid")
    if not subject and not session_id:
        raise _invalid("It names neither a person (sub) nor a session (sid).", claims)
    return LogoutOrder(
        subject,
        session_id,
        token_digest(f"logout:{claims['iss']}:{token_id}"),
        # As long as it would be believed, or it could be sent again between its end and ours.
        datetime.fromtimestamp(min(claims["exp"] + skew, LATEST_MOMENT), tz=UTC),
        {"logout_token": dict(claims)},
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST_SUBJECT:
        raise _invalid(f"Its claim {name} is no text, or is too long.", claims)
    return value


def _invalid(words: str, claims: Mapping[str, Any]) -> ExchangeRefused:
    return refused(
        OIDCFailure.LOGOUT_TOKEN_INVALID,
        f"The provider's logout token was not accepted. {words}",
        {"logout_token": dict(claims)},
    )
