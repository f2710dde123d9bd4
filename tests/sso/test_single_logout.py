"""Whoever signs out here is led on to the identity provider, signs out there too, and comes back where they were to go."""

import base64
import re
import zlib

import pytest
from django.test import Client
from lxml import etree

from authentication.models import HostedSession, Session
from environments.models import RedirectURIPurpose
from environments.services import add_redirect_uri
from sso.models import Profile, SSOSession
from tests.factories.sso import make_oauth_connection, make_oidc_connection, make_profile
from tests.sso.browser import local, profile_of, query_of, sign_in_user
from tests.sso.logout_messages import logout_request, logout_response

BYE = "https://app.example/bye"
LOGOUT = "/user_management/sessions/logout"


@pytest.fixture
def single_logout(api, environment, saml_connection):
    add_redirect_uri(environment=environment, uri=BYE, purpose=RedirectURIPurpose.LOGOUT)
    answer = api.put(f"/connections/{saml_connection.id}", {"single_logout": True})
    assert answer.json()["single_logout"] is True
    return saml_connection


def sign_out(session: Session, browser: Client, **query: str):
    """Return the answer that sends a browser away which signs out of an application."""
    answer = browser.get(LOGOUT, {"session_id": session.id, "return_to": BYE, **query})
    assert answer.status_code == 302, answer.content
    return answer


def leave(session: Session, browser: Client, **query: str):
    """Return the answer that sends the browser on to the provider."""
    answer = sign_out(session, browser, **query)
    assert "/sso/start?exchange=" in answer["Location"], answer["Location"]
    return browser.get(local(answer["Location"]))


def request_in(left) -> etree._Element:
    packed = base64.b64decode(query_of(left["Location"])["SAMLRequest"])
    return etree.fromstring(zlib.decompress(packed, -15))


def answer_of(connection, idp, left, **options):
    request_id = str(options.pop("request_id", None) or request_in(left).get("ID"))
    return {
        "SAMLResponse": logout_response(connection, idp, request_id, **options),
        "RelayState": query_of(left["Location"])["RelayState"],
    }


def trail() -> SSOSession:
    return SSOSession.unscoped.filter(kind="logout").latest("id")


def is_open(session: Session) -> bool:
    session.refresh_from_db()
    return session.ended_at is None


# --- SAML, there and back ---------------------------------------------------------------------------------------


def test_a_browser_signs_out_at_the_provider_and_comes_back(api, single_logout, company_idp, emitted):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)

    left = leave(session, browser)

    # Ended before the provider has heard of it.
    assert not is_open(session)
    assert emitted().count("session.revoked") == 1
    assert left["Location"].startswith(f"{company_idp.slo_url}?")
    assert query_of(left["Location"])["Signature"]
    request = request_in(left)
    assert [element.text for element in request.iter("{*}NameID")] == ["ada-1"]
    assert [element.text for element in request.iter("{*}SessionIndex")] == ["_session1"]

    back = browser.post(f"/sso/saml/{single_logout.id}/slo", answer_of(single_logout, company_idp, left))

    assert (back.status_code, back["Location"]) == (302, BYE)
    row = trail()
    assert (row.state, row.failure) == ("succeeded", "")
    assert "LogoutRequest" in row.sent["document"]
    assert "LogoutResponse" in row.received["document"]
    assert (row.memory, row.purpose, row.handle_digest) == ("", "", None)


def test_nobody_is_led_to_the_provider_unless_the_connection_chose_it(api, single_logout, company_idp):
    api.put(f"/connections/{single_logout.id}", {"single_logout": False})
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    assert sign_out(session, browser)["Location"] == BYE
    assert not SSOSession.unscoped.filter(kind="logout").exists()


def test_the_session_that_ends_is_named_and_not_the_persons_latest(api, single_logout, company_idp):
    browser = Client()
    first = sign_in_user(api, single_logout, company_idp, client=browser, session_index="_first")
    second = sign_in_user(api, single_logout, company_idp, session_index="_second")
    request = request_in(leave(first, browser))
    assert [element.text for element in request.iter("{*}SessionIndex")] == ["_first"]
    assert is_open(second)


def test_a_session_that_is_over_tells_nobody_whose_it_was(api, single_logout, company_idp):
    """The id of a session stands in logs and tokens; what the provider is told must not be had for it later."""
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    leave(session, browser)
    assert sign_out(session, Client())["Location"] == BYE


def test_whom_the_provider_signed_out_is_not_sent_there(api, single_logout, company_idp):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    message = logout_request(single_logout, company_idp)
    browser.post(f"/sso/saml/{single_logout.id}/slo", {"SAMLRequest": message})
    assert sign_out(session, browser)["Location"] == BYE


def test_a_provider_that_wants_a_form_is_posted_one(api, single_logout, company_idp):
    row = single_logout.saml_settings
    row.idp_slo_binding = "post"
    row.save()
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)

    page = leave(session, browser)

    html = page.content.decode()
    assert page.status_code == 200
    assert f'action="{company_idp.slo_url}"' in html
    assert 'name="SAMLRequest"' in html
    assert "sign you out there too" in html
    assert "form-action 'self' https: http:" in page["Content-Security-Policy"]


def test_a_return_to_that_is_not_allowed_changes_nothing(api, single_logout, company_idp):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    refused = browser.get(LOGOUT, {"session_id": session.id, "return_to": "https://evil.example/"})
    assert refused.status_code == 422
    assert is_open(session)
    assert not SSOSession.unscoped.filter(kind="logout").exists()


def test_all_that_began_by_the_session_at_the_provider_ends_with_it(
    api, environment, single_logout, company_idp
):
    """A second application that the browser reached without being asked again."""
    browser = Client()
    first = sign_in_user(api, single_logout, company_idp, client=browser)
    second = Session.objects.in_environment(environment).get(pk=first.pk)
    second.pk = "session_of_a_second_application"
    second.refresh_family_digest = "another"
    second.save(force_insert=True)
    leave(first, browser)
    assert not is_open(second)


# --- SAML, answers that are no good -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "failure"),
    [
        ({"sign": False}, "message_not_signed"),
        ({"status": "Responder"}, "logout_incomplete"),
        ({"status": "PartialLogout"}, "logout_incomplete"),
        ({"request_id": "_somebody_elses"}, "wrong_in_response_to"),
    ],
)
def test_whatever_the_provider_answers_the_person_is_signed_out_and_goes_where_they_were_to_go(
    api, single_logout, company_idp, options, failure
):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    left = leave(session, browser)

    form = answer_of(single_logout, company_idp, left, **options)
    back = browser.post(f"/sso/saml/{single_logout.id}/slo", form)

    assert (back.status_code, back["Location"]) == (302, BYE)
    assert not is_open(session)
    row = trail()
    assert (row.state, row.failure) == ("failed", failure)
    assert row.sentence


def test_a_provider_that_never_answers_keeps_nobody_signed_in(api, single_logout, company_idp):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    leave(session, browser)
    assert not is_open(session)
    assert trail().state == "pending"


def test_an_answer_in_another_browser_leads_nowhere(api, single_logout, company_idp):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    left = leave(session, browser)
    form = answer_of(single_logout, company_idp, left)

    stranger = Client().post(f"/sso/saml/{single_logout.id}/slo", {**form, "sent_once_more": "1"})

    assert BYE not in stranger.content.decode()
    assert "/signed-out" in stranger.content.decode()
    assert trail().failure == "answer_in_another_browser"


def test_a_browser_that_sends_no_cookie_across_sites_comes_once_more(api, single_logout, company_idp):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    left = leave(session, browser)
    form = answer_of(single_logout, company_idp, left)
    page = Client().post(f"/sso/saml/{single_logout.id}/slo", form)
    assert 'name="sent_once_more"' in page.content.decode()
    back = browser.post(f"/sso/saml/{single_logout.id}/slo", {**form, "sent_once_more": "1"})
    assert f"0; url={BYE}" in back.content.decode()


@pytest.mark.parametrize("relay_state", ["", "https://evil.example/", "//evil.example", "x" * 2000])
def test_an_answer_to_nothing_leads_to_our_own_page(client, single_logout, company_idp, relay_state):
    answer = client.post(
        f"/sso/saml/{single_logout.id}/slo",
        {
            "SAMLResponse": logout_response(single_logout, company_idp, "_1"),
            "RelayState": relay_state,
        },
    )
    assert (answer.status_code, answer["Location"]) == (302, "/signed-out")


def test_an_answer_counts_once(api, single_logout, company_idp):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    left = leave(session, browser)
    form = answer_of(single_logout, company_idp, left)
    browser.post(f"/sso/saml/{single_logout.id}/slo", form)
    again = browser.post(f"/sso/saml/{single_logout.id}/slo", form)
    assert again["Location"] == "/signed-out"


def test_the_handle_of_a_logout_takes_no_sign_in(api, single_logout, company_idp, browser):
    """Nor the other way round: each answer is read as what was asked for."""
    mine = browser.client
    session = sign_in_user(api, single_logout, company_idp, client=mine)
    left = leave(session, mine)
    handle = query_of(left["Location"])["RelayState"]
    at_acs = browser.post_answer(single_logout, "PHg+", handle)
    assert at_acs.status_code == 404

    to_sign_in = query_of(browser.leave(connection=single_logout.id)["Location"])["RelayState"]
    form = {"SAMLResponse": logout_response(single_logout, company_idp, "_1"), "RelayState": to_sign_in}
    assert mine.post(f"/sso/saml/{single_logout.id}/slo", form)["Location"] == "/signed-out"
    assert SSOSession.unscoped.filter(kind="sign_in", state="pending").exists()


def test_a_connection_without_a_logout_address_lets_its_people_go(api, single_logout, company_idp):
    api.put(f"/connections/{single_logout.id}", {"saml_options": {"idp_slo_url": None}})
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    assert sign_out(session, browser)["Location"] == BYE


def test_a_connection_that_is_switched_off_meanwhile_lets_its_people_go(api, single_logout, company_idp):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)
    started = sign_out(session, browser)
    api.put(f"/connections/{single_logout.id}", {"state": "inactive"})
    assert browser.get(local(started["Location"]))["Location"] == BYE
    assert trail().failure == "connection_unlinked"


# --- OpenID Connect ---------------------------------------------------------------------------------------------


@pytest.fixture
def oidc(company, environment):
    add_redirect_uri(environment=environment, uri=BYE, purpose=RedirectURIPurpose.LOGOUT)
    return make_oidc_connection(
        company,
        oidc={
            "uses_discovery": False,
            "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://op.example/jwks",
            "end_session_endpoint": "https://op.example/logout",
        },
        single_logout=True,
    )


@pytest.fixture
def oidc_session(api, environment, oidc, saml_connection, company_idp) -> Session:
    """A session that began through the OpenID provider, which the tests of signing in show."""
    session = sign_in_user(api, saml_connection, company_idp)
    profile = make_profile(
        oidc, "ada@example.com", memory={"id_token": "an-id-token", "sub": "1", "sid": "s"}
    )
    session.connection, session.provider_session = oidc, profile.provider_sessions.get()
    session.save()
    return session


def test_a_browser_signs_out_at_an_openid_provider_and_comes_back(oidc, oidc_session):
    browser = Client()

    left = leave(oidc_session, browser)

    assert not is_open(oidc_session)
    assert left["Location"].startswith("https://op.example/logout?")
    sent = query_of(left["Location"])
    assert sent["id_token_hint"] == "an-id-token"
    assert sent["client_id"] == "gatehouse"
    assert sent["post_logout_redirect_uri"].endswith(f"/sso/oidc/{oidc.id}/logout-callback")
    assert "an-id-token" not in str(trail().sent)
    assert sent["state"] not in str(trail().sent)

    back = browser.get(local(sent["post_logout_redirect_uri"]), {"state": sent["state"]})

    assert (back.status_code, back["Location"]) == (302, BYE)
    assert trail().state == "succeeded"


def test_the_callback_is_no_open_redirect(oidc, oidc_session, company, client):
    callback = f"/sso/oidc/{oidc.id}/logout-callback"
    browser = Client()
    sent = query_of(leave(oidc_session, browser)["Location"])

    for query in (
        {},
        {"state": "forged"},
        {"state": "https://evil.example/"},
        {"state": "forged", "url": "https://evil.example/", "return_to": "https://evil.example/"},
    ):
        assert client.get(callback, query)["Location"] == "/signed-out"
    # Another browser, and another connection's callback.
    assert Client().get(callback, {"state": sent["state"]})["Location"] == "/signed-out"
    assert browser.get(callback, {"state": sent["state"]})["Location"] == "/signed-out"
    assert client.get("/sso/oidc/conn_unknown/logout-callback").status_code == 404


def test_an_answer_at_another_connections_callback_is_refused_in_the_trail(oidc, oidc_session, company):
    other = make_oidc_connection(company)
    browser = Client()
    sent = query_of(leave(oidc_session, browser)["Location"])
    back = browser.get(f"/sso/oidc/{other.id}/logout-callback", {"state": sent["state"]})
    assert back["Location"] == BYE
    assert trail().failure == "answer_of_another_connection"


def test_a_provider_that_cannot_be_reached_keeps_nobody(api, oidc, oidc_session):
    api.put(
        f"/connections/{oidc.id}",
        {"oidc_options": {"uses_discovery": True, "issuer": "http://127.0.0.1:9"}},
    )
    browser = Client()
    started = sign_out(oidc_session, browser)
    assert browser.get(local(started["Location"]))["Location"] == BYE
    assert trail().failure.startswith("oidc_")
    assert not is_open(oidc_session)


# --- the account page -------------------------------------------------------------------------------------------


def test_signing_out_on_the_account_page_leads_there_too(api, environment, single_logout, company_idp):
    browser = Client()
    session = sign_in_user(api, single_logout, company_idp, client=browser)

    page = browser.post(f"/account?client_id={environment.client_id}")

    assert page.status_code == 200, page
    target = re.search(r'content="0; url=([^"]+)"', page.content.decode())
    assert target is not None
    assert HostedSession.objects.in_environment(environment).get().ended_at is not None
    assert not is_open(session)
    left = browser.get(local(target[1].replace("&amp;", "&")))
    back = browser.post(f"/sso/saml/{single_logout.id}/slo", answer_of(single_logout, company_idp, left))
    assert back["Location"].endswith(f"/signed-out?client_id={environment.client_id}")


# --- /sso/logout ------------------------------------------------------------------------------------------------


def authorized(api, profile: Profile) -> str:
    answer = api.post("/sso/logout/authorize", {"profile_id": profile.id})
    assert answer.status_code == 200, answer.content
    return local(answer.json()["logout_url"])


def test_an_application_sends_a_browser_to_a_saml_providers_logout(
    api, environment, browser, saml_connection, company_idp
):
    browser.sign_in_by_saml(saml_connection, company_idp)
    url = authorized(api, Profile.unscoped.get())

    left = browser.client.get(local(browser.client.get(url)["Location"]))

    assert left["Location"].startswith(f"{company_idp.slo_url}?")
    assert [element.text for element in request_in(left).iter("{*}NameID")] == ["ada-1"]
    back = browser.client.post(
        f"/sso/saml/{saml_connection.id}/slo", answer_of(saml_connection, company_idp, left)
    )
    # Where the environment sends whoever has signed out.
    assert back["Location"].endswith(f"/signed-out?client_id={environment.client_id}")
    assert trail().state == "succeeded"


def test_an_application_sends_a_browser_to_an_openid_providers_logout(api, oidc, environment):
    profile = make_profile(oidc, "ada@example.com", memory={"id_token": "an-id-token", "sub": "1"})
    browser = Client()
    left = browser.get(local(browser.get(authorized(api, profile))["Location"]))
    sent = query_of(left["Location"])
    assert sent["id_token_hint"] == "an-id-token"
    back = browser.get(local(sent["post_logout_redirect_uri"]), {"state": sent["state"]})
    assert back["Location"] == BYE


def test_a_logout_needs_its_token_and_its_own_environment(other_api, anonymous, oidc):
    profile = make_profile(oidc, "ada@example.com", memory={"id_token": "an-id-token", "sub": "1"})
    refused = other_api.post("/sso/logout/authorize", {"profile_id": profile.id})
    assert refused.status_code == 404
    assert anonymous.get("/sso/logout", {"token": "forged"}).status_code == 404


def test_a_provider_without_a_logout_is_refused(api, environment, browser, saml_connection, company_idp):
    code = query_of(browser.sign_in_by_saml(saml_connection, company_idp)["Location"])["code"]
    profile = profile_of(api, environment, code).json()["profile"]["id"]
    api.put(f"/connections/{saml_connection.id}", {"saml_options": {"idp_slo_url": None}})
    refused = api.post("/sso/logout/authorize", {"profile_id": profile})
    assert (refused.status_code, refused.json()["error"]) == (400, "connection_invalid")


# --- the choice -------------------------------------------------------------------------------------------------


def test_a_social_provider_has_no_such_choice(api, environment):
    connection = make_oauth_connection(environment)
    refused = api.put(f"/connections/{connection.id}", {"single_logout": True})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "single_logout"
    assert api.put(f"/connections/{connection.id}", {"single_logout": "perhaps"}).status_code == 422
