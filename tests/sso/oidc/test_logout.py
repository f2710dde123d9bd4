"""Signing out with the provider, and on its word."""

import jwt
import pytest

from foundation import clock
from sso.exchanges import ExchangeRefused
from sso.oidc.failures import OIDCFailure
from sso.oidc.logout import end_session_url, read_logout_token
from tests.authentication.browser import query_of
from tests.oidc_provider import CLIENT_ID, rsa_key, unsigned

EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def logout_token(provider):
    """Write a logout token as a good provider does, changed by the test."""

    def write(header=None, key=None, **changes):
        now = int(clock.now().timestamp())
        claims = {
            "iss": provider.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": "logout-1",
            "events": {EVENT: {}},
            "sub": "person-1",
            "sid": "session-1",
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode(
            claims,
            key or rsa_key(),
            algorithm="RS256",
            headers={"kid": "key-1", "typ": "logout+jwt", **(header or {})},
        )

    return write


def test_the_browser_signs_out_at_the_provider_too(party, provider):
    url = end_session_url(
        party, id_token="ey.id.token", post_logout_redirect_uri="https://app.example/bye", state="s"
    )
    assert url is not None
    assert url.startswith(f"{provider.issuer}/logout?")
    assert query_of(url) == {
        "id_token_hint": "ey.id.token",
        "client_id": CLIENT_ID,
        "post_logout_redirect_uri": "https://app.example/bye",
        "state": "s",
    }


def test_a_provider_without_such_a_page_is_left_alone(party, provider):
    provider.document["end_session_endpoint"] = ""
    assert end_session_url(party, id_token="x") is None


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT", "Logout+JWT"])
def test_a_logout_token_names_who_is_signed_out(party, logout_token, typ):
    order = read_logout_token(party, logout_token({"typ": typ}))
    assert (order.subject, order.provider_session_id) == ("person-1", "session-1")
    assert order.expires_at > clock.now()
    again = read_logout_token(party, logout_token())
    other = read_logout_token(party, logout_token(jti="logout-2"))
    assert order.digest == again.digest != other.digest


def test_a_person_or_a_session_is_enough(party, logout_token):
    assert read_logout_token(party, logout_token(sid=...)).provider_session_id == ""
    assert read_logout_token(party, logout_token(sub=...)).subject == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "another"]},
        {"iat": 9_999_999_999},
        {"iat": ...},
        {"exp": 1},
        {"exp": ...},
        {"jti": ...},
        {"jti": ""},
        {"jti": 7},
        {"events": ...},
        {"events": {}},
        {"events": [EVENT]},
        {"events": {EVENT: "x"}},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"nonce": "n"},
        {"nonce": ""},
        {"nonce": None},
        {"sub": ..., "sid": ...},
        {"sub": "", "sid": ""},
        {"sub": ["person-1"]},
        {"sid": "x" * 300},
    ],
)
def test_a_logout_token_that_does_not_hold_signs_nobody_out(party, logout_token, changes):
    with pytest.raises(ExchangeRefused) as caught:
        read_logout_token(party, logout_token(**changes))
    assert caught.value.failure == OIDCFailure.LOGOUT_TOKEN_INVALID


def test_a_logout_token_of_somebody_else_signs_nobody_out(party, logout_token, provider):
    claims = jwt.decode(logout_token(), options={"verify_signature": False})
    for token in (
        logout_token(key=rsa_key("attacker")),
        unsigned(claims, {"alg": "none", "typ": "logout+jwt"}),
        logout_token({"typ": "at+jwt"}),
        logout_token({"kid": "another"}),
        provider.id_token("nonce"),
        "",
        "a.b.c",
    ):
        with pytest.raises(ExchangeRefused) as caught:
            read_logout_token(party, token)
        assert caught.value.failure == OIDCFailure.LOGOUT_TOKEN_INVALID
