"""A fresh sign-in that an application asked for: the provider is told, and found out where it does not care."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from foundation import clock
from tests.factories.sso import make_oidc_connection
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, run_provider
from tests.sso.browser import CALLBACK, local, query_of, saml_answer
from tests.sso.saml.identity_provider import instant, one

MINUTES_AGO = {"minutes": -10}


def signed_in(**offset: float) -> Any:
    return lambda root: one(root, "AuthnStatement").set(
        "AuthnInstant", instant(clock.now() + timedelta(**offset))
    )


def authorize(browser, door, connection, **parameters):
    """Open one of the two doors of an application; return the answer that sends the browser to the provider."""
    selector = {"connection": connection.id} if door == "/sso/authorize" else {"connection_id": connection.id}
    query = {
        "client_id": browser.environment.client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "state": "s-1",
        **selector,
        **parameters,
    }
    authorized = browser.client.get(door, query)
    assert authorized.status_code == 302, authorized.content
    return browser.client.get(local(authorized["Location"]))


def last_exchange(connection):
    return connection.sso_sessions.order_by("-id").first()


DOORS = pytest.mark.parametrize("door", ["/sso/authorize", "/user_management/authorize"])
WISHES = pytest.mark.parametrize("prompt", ["login", "consent login"])


# --- SAML -------------------------------------------------------------------------------------------------------


@DOORS
@WISHES
def test_a_saml_provider_that_ignores_the_wish_is_refused(
    browser, saml_connection, company_idp, door, prompt
):
    left = authorize(browser, door, saml_connection, prompt=prompt)
    assert 'ForceAuthn="true"' in last_exchange(saml_connection).sent["document"]
    answer = saml_answer(saml_connection, company_idp, change=signed_in(**MINUTES_AGO))

    back = browser.post_answer(saml_connection, answer, query_of(left["Location"])["RelayState"])

    row = last_exchange(saml_connection)
    assert (row.state, row.failure) == ("failed", "authentication_too_old")
    assert "prompt=login" in row.sentence
    assert "code" not in query_of(back["Location"])


@DOORS
def test_a_saml_provider_that_asked_anew_is_believed(browser, saml_connection, company_idp, door):
    left = authorize(browser, door, saml_connection, prompt="login")
    # Within the clock skew of a minute.
    answer = saml_answer(saml_connection, company_idp, change=signed_in(seconds=-30))

    back = browser.post_answer(saml_connection, answer, query_of(left["Location"])["RelayState"])

    assert "code" in query_of(back["Location"]), last_exchange(saml_connection).sentence


def test_without_the_wish_an_older_session_at_a_saml_provider_is_good(browser, saml_connection, company_idp):
    left = browser.leave(connection=saml_connection.id)
    answer = saml_answer(saml_connection, company_idp, change=signed_in(hours=-7))

    back = browser.post_answer(saml_connection, answer, query_of(left["Location"])["RelayState"])

    assert "code" in query_of(back["Location"])


def test_a_connection_that_always_asks_anew_is_held_to_the_moment_of_the_request(
    api, browser, saml_connection, company_idp
):
    api.put(f"/connections/{saml_connection.id}", {"saml_options": {"force_authn": True}})
    left = browser.leave(connection=saml_connection.id)
    answer = saml_answer(saml_connection, company_idp, change=signed_in(**MINUTES_AGO))

    browser.post_answer(saml_connection, answer, query_of(left["Location"])["RelayState"])

    assert last_exchange(saml_connection).failure == "authentication_too_old"


@pytest.mark.parametrize(
    ("minutes", "failure"), [(-4, ""), (-10, "authentication_too_old")], ids=["young", "old"]
)
def test_a_saml_sign_in_is_held_to_the_age_that_an_application_allows(
    browser, saml_connection, company_idp, minutes, failure
):
    left = authorize(browser, "/user_management/authorize", saml_connection, max_age=300)
    answer = saml_answer(saml_connection, company_idp, change=signed_in(minutes=minutes))

    browser.post_answer(saml_connection, answer, query_of(left["Location"])["RelayState"])

    assert last_exchange(saml_connection).failure == failure


# --- OpenID Connect ---------------------------------------------------------------------------------------------


@pytest.fixture
def provider():
    with run_provider() as running:
        running.claims["email"] = "grace@example.com"
        yield running


@pytest.fixture
def oidc_connection(company, provider):
    oidc = {"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return make_oidc_connection(company, oidc=oidc)


def come_back(browser, left):
    sent = query_of(left["Location"])
    # The provider of the tests writes what the code says into the nonce.
    return browser.client.get(local(sent["redirect_uri"]), {"code": sent["nonce"], "state": sent["state"]})


def seconds_ago(seconds: float) -> int:
    return int(clock.now().timestamp() - seconds)


@WISHES
@DOORS
def test_an_openid_provider_is_told_of_the_wish(browser, oidc_connection, door, prompt):
    sent = query_of(authorize(browser, door, oidc_connection, prompt=prompt)["Location"])
    assert (sent["prompt"], sent["max_age"]) == (prompt, "0")


@DOORS
@pytest.mark.parametrize(
    "told",
    [(600, "oidc_sign_in_too_old"), (..., "oidc_claim_missing"), (-600, "oidc_not_yet_valid")],
    ids=["ten minutes ago", "not said", "in ten minutes"],
)
def test_an_openid_provider_that_ignores_the_wish_is_refused(browser, provider, oidc_connection, door, told):
    auth_time, failure = told
    left = authorize(browser, door, oidc_connection, prompt="login")
    provider.claims["auth_time"] = auth_time if auth_time is ... else seconds_ago(auth_time)

    back = come_back(browser, left)

    row = last_exchange(oidc_connection)
    assert (row.state, row.failure) == ("failed", failure)
    assert "auth_time" in row.sentence or "prompt" in row.sentence
    assert "code" not in query_of(back["Location"])


@DOORS
def test_an_openid_provider_that_asked_anew_is_believed(browser, provider, oidc_connection, door):
    left = authorize(browser, door, oidc_connection, prompt="login")
    provider.claims["auth_time"] = seconds_ago(30)

    back = come_back(browser, left)

    assert "code" in query_of(back["Location"]), last_exchange(oidc_connection).sentence


def test_a_person_may_take_their_time_at_the_provider(browser, provider, oidc_connection):
    left = browser.leave(connection=oidc_connection.id, prompt="login")
    provider.claims["auth_time"] = seconds_ago(0)

    with time_machine.travel(clock.now() + timedelta(minutes=20), tick=False):
        back = come_back(browser, left)

    assert "code" in query_of(back["Location"]), last_exchange(oidc_connection).sentence


def test_without_the_wish_nobody_asks_when_the_person_signed_in(browser, provider, oidc_connection):
    left = browser.leave(connection=oidc_connection.id)
    assert "max_age" not in query_of(left["Location"])

    assert "code" in query_of(come_back(browser, left)["Location"])


@pytest.mark.parametrize(("age", "failure"), [(240, ""), (600, "oidc_sign_in_too_old")], ids=["young", "old"])
def test_an_openid_sign_in_is_held_to_the_age_that_an_application_allows(
    browser, provider, oidc_connection, age, failure
):
    left = authorize(browser, "/user_management/authorize", oidc_connection, max_age=300)
    assert query_of(left["Location"])["max_age"] == "300"
    provider.claims["auth_time"] = seconds_ago(age)

    come_back(browser, left)

    assert last_exchange(oidc_connection).failure == failure


def test_an_application_cannot_talk_a_connection_into_an_older_sign_in(
    api, browser, provider, oidc_connection
):
    api.put(f"/connections/{oidc_connection.id}", {"oidc_options": {"max_age": 60}})
    left = authorize(browser, "/user_management/authorize", oidc_connection, max_age=3600)
    assert query_of(left["Location"])["max_age"] == "60"
    provider.claims["auth_time"] = seconds_ago(600)

    come_back(browser, left)

    assert last_exchange(oidc_connection).failure == "oidc_sign_in_too_old"
