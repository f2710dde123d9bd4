"""Attacks through the addresses of Gatehouse itself: what a browser brings, and what a provider says behind it."""

import json
from typing import Any

import pytest

from sso.models import Profile
from tests.caches import forget_what_is_cached
from tests.factories.sso import make_oidc_connection
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, run_provider, unsigned
from tests.sso.browser import SSOBrowser, local, query_of

SECRETS = ("access-1", CLIENT_SECRET)


@pytest.fixture
def connection(company, provider):
    provider.claims["email"] = "grace@example.com"
    return connect(company, provider)


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def connect(company, provider, **oidc: Any):
    settings = {"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **oidc}
    return make_oidc_connection(company, oidc=settings)


def leave(browser, connection) -> dict[str, str]:
    return query_of(browser.leave(connection=connection.id)["Location"])


def come_back(browser, sent, **parameters):
    # The provider of the tests writes what the code says into the nonce.
    answer = {"code": sent["nonce"], "state": sent["state"], **parameters}
    return browser.client.get(local(sent["redirect_uri"]), answer)


def failure_of(connection, response) -> str:
    assert "code" not in query_of(response.get("Location", ""))
    assert not Profile.unscoped.exists()
    row = connection.sso_sessions.exclude(failure="").order_by("-id").first()
    assert row is not None
    kept = json.dumps([row.sent, row.received, row.sentence])
    assert not [secret for secret in SECRETS if secret in kept]
    assert (row.memory, row.purpose, row.handle_digest) == ("", "", None)
    return str(row.failure)


def test_the_answer_of_one_provider_is_refused_at_the_callback_of_another(
    company, browser, provider, connection
):
    """Mix-up (RFC 9700 4.4): every provider has a callback of its own."""
    with run_provider() as other:
        others = connect(company, other)
        sent = leave(browser, connection)
        back = browser.client.get(
            f"/sso/oidc/{others.id}/callback", {"code": sent["nonce"], "state": sent["state"]}
        )
        assert failure_of(connection, back) == "answer_of_another_connection"
        assert other.asked_for("/token") == provider.asked_for("/token") == 0


def test_an_answer_in_the_name_of_another_provider_is_refused_before_the_code_is_spent(
    browser, provider, connection
):
    back = come_back(browser, leave(browser, connection), iss="https://evil.example")
    assert failure_of(connection, back) == "oidc_response_issuer_differs"
    assert provider.asked_for("/token") == 0


def test_a_code_from_another_sign_in_is_refused(environment, browser, connection):
    """Code injection (RFC 9700 4.5): a stolen code, in the answer to a sign-in of the thief."""
    victims = leave(SSOBrowser(environment), connection)
    thiefs = leave(browser, connection)
    back = come_back(browser, thiefs, code=victims["nonce"])
    assert failure_of(connection, back) == "oidc_nonce_differs"


def test_without_pkce_the_nonce_alone_refuses_a_code_from_another_sign_in(
    environment, company, browser, provider, connection
):
    bare = connect(company, provider, uses_pkce=False)
    victims = leave(SSOBrowser(environment), bare)
    assert "code_challenge" not in victims
    back = come_back(browser, leave(browser, bare), code=victims["nonce"])
    assert failure_of(bare, back) == "oidc_nonce_differs"
    assert provider.asked_for("/userinfo") == 0, "the access token was not used for anything"


def test_an_answer_in_another_browser_signs_nobody_in(environment, browser, provider, connection):
    sent = leave(browser, connection)
    back = come_back(SSOBrowser(environment), sent)
    assert failure_of(connection, back) == "answer_in_another_browser"
    assert provider.asked_for("/token") == 0


def test_an_answer_counts_once(browser, provider, connection):
    sent = leave(browser, connection)
    assert "code" in query_of(come_back(browser, sent)["Location"])
    assert come_back(browser, sent).status_code == 404
    assert provider.asked_for("/token") == 1


def test_a_parameter_that_comes_twice_is_no_answer(browser, provider, connection):
    sent = leave(browser, connection)
    back = browser.client.get(
        f"{local(sent['redirect_uri'])}?code={sent['nonce']}&code=another&state={sent['state']}"
    )
    assert back.status_code == 404
    assert provider.asked_for("/token") == 0


@pytest.mark.parametrize(
    ("bad", "failure"),
    [
        ({"make_token": lambda claims, _header: unsigned(claims, {"alg": "none"})}, "oidc_algorithm_refused"),
        ({"claims": {"aud": "another-client"}}, "oidc_audience_differs"),
        ({"claims": {"iss": "https://evil.example"}}, "oidc_issuer_differs"),
        ({"claims": {"exp": 1}}, "oidc_expired"),
        ({"claims": {"title": float("nan")}}, "oidc_id_token_unreadable"),
        ({"claims": {"title": "\x00"}}, "oidc_claims_too_large"),
        ({"claims": {"aud": "a\x00b"}}, "oidc_audience_differs"),
        ({"claims": {"aud": nested(900)}}, "oidc_audience_differs"),
        ({"claims": {"aud": "\ud800"}}, "oidc_id_token_unreadable"),
        ({"token_answer": {"error": ["a"]}}, "oidc_token_response_invalid"),
        ({"keys": [{"kty": "RSA", "kid": "key-1", "n": [], "e": {}}]}, "oidc_keys_unreadable"),
        ({"userinfo": {"sub": "person-2"}}, "oidc_userinfo_subject_differs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_a_provider_says_ends_in_a_trail_with_a_name(browser, provider, connection, bad, failure):
    for name, value in bad.items():
        setattr(provider, name, {**provider.claims, **value} if name == "claims" else value)
    back = come_back(browser, leave(browser, connection))
    assert query_of(back["Location"])["error"] == "server_error"
    assert failure_of(connection, back) == failure


def test_a_token_endpoint_that_redirects_gets_the_code_once_and_nobody_else_does(
    browser, provider, connection
):
    with run_provider() as elsewhere:
        provider.answers["/token"] = (307, {"Location": f"{elsewhere.issuer}/token"}, b"")
        back = come_back(browser, leave(browser, connection))
        assert failure_of(connection, back) == "oidc_provider_unreachable"
        assert elsewhere.requests == []


def test_a_document_that_leads_inside_the_network_lets_nobody_leave(browser, provider, connection, settings):
    with run_provider() as inside:
        port = inside.issuer.rpartition(":")[2]
        settings.OUTBOUND_NETWORKS = ("127.0.0.1/32",)
        provider.document["token_endpoint"] = f"http://127.0.0.2:{port}/token"
        back = come_back(browser, leave(browser, connection))
        assert failure_of(connection, back) == "oidc_provider_unreachable"
        settings.OUTBOUND_NETWORKS = ()
        forget_what_is_cached()
        asked = len(provider.requests)
        refused = browser.leave(connection=connection.id)
        assert failure_of(connection, refused) == "oidc_provider_unreachable"
        assert (inside.requests, len(provider.requests)) == ([], asked)


def test_two_connections_do_not_share_a_redirect_uri(api, company, provider, connection):
    """Mix-up once more: an address that two providers answer to does not tell them apart."""
    shared = "https://login.customer.example/callback"
    connect(company, provider, redirect_uri=shared)

    refused = api.patch(f"/connections/{connection.id}", {"oidc_options": {"redirect_uri": shared}})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "redirect_uri"
    connection.oidc_settings.refresh_from_db()
    assert connection.oidc_settings.redirect_uri == ""
