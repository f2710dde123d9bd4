"""Links by mail, signing out with the provider, and what is done by the clock."""

import base64
import re
import zlib
from datetime import timedelta

import pytest
from lxml import etree

from authentication.models import Session
from events.models import Event, Mail
from foundation import clock
from sso import services
from sso.models import IdPCertificate, PasswordlessSession, Profile, SSOAuthorizationCode, SSOSession
from tests.factories.sso import make_idp_certificate, make_oidc_connection, make_profile
from tests.sso.browser import CALLBACK, local, query_of, saml_answer
from tests.sso.saml.identity_provider import instant, post

LOGOUT = """\
<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
  xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_logout1" Version="2.0" IssueInstant="{now}"
  Destination="{slo}"><saml:Issuer>{idp}</saml:Issuer><saml:NameID>{name_id}</saml:NameID>
</samlp:LogoutRequest>"""

LINK = {"email": "Ada@Example.com", "type": "MagicLink"}


def make_link(api, **fields):
    answer = api.post("/passwordless/sessions", {**LINK, **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def target_of(page):
    match = re.search(r'content="0; url=([^"]+)"', page.content.decode())
    assert match is not None, page.content
    return match[1].replace("&amp;", "&")


# --- links ------------------------------------------------------------------------------------------------------


def test_a_link_ends_in_a_profile(environment, api, client):
    session = make_link(api, state="mine", expires_in=3600)
    assert session["object"] == "passwordless_session"
    assert session["email"] == "ada@example.com"

    page = client.get(local(session["link"]))
    assert page.status_code == 200
    finished = query_of(target_of(client.post(local(session["link"]))))

    assert finished["state"] == "mine"
    answer = api.post(
        "/sso/token",
        {
            "client_id": environment.client_id,
            "client_secret": api.api_key,
            "grant_type": "authorization_code",
            "code": finished["code"],
        },
    )
    profile = answer.json()["profile"]
    assert profile["connection_type"] == "MagicLink"
    assert (profile["email"], profile["idp_id"]) == ("ada@example.com", "ada@example.com")
    assert profile["organization_id"] is None


def test_opening_a_link_spends_nothing_so_that_scanners_of_mail_do_no_harm(api, client):
    session = make_link(api)
    for _ in range(3):
        assert client.get(local(session["link"])).status_code == 200
    assert "code" in query_of(target_of(client.post(local(session["link"]))))


def test_a_link_works_once_and_not_for_ever(api, client):
    session = make_link(api)
    client.post(local(session["link"]))
    again = client.get(local(session["link"]))
    assert query_of(again["Location"])["error"] == "access_denied"
    pressed = client.post(local(session["link"]))
    assert query_of(target_of(pressed))["error"] == "access_denied"

    late = make_link(api)
    PasswordlessSession.unscoped.filter(pk=late["id"]).update(expires_at=clock.now())
    assert query_of(client.get(local(late["link"]))["Location"])["error"] == "access_denied"
    assert SSOAuthorizationCode.unscoped.count() == 1


def test_a_link_is_mailed_until_it_is_used(environment, api, client):
    session = make_link(api)
    sent = api.post(f"/passwordless/sessions/{session['id']}/send")
    assert (sent.status_code, sent.json()) == (201, {"success": True})
    mail = Mail.objects.in_environment(environment).get()
    assert mail.recipient == "ada@example.com"
    assert session["link"] in mail.text

    client.post(local(session["link"]))
    refused = api.post(f"/passwordless/sessions/{session['id']}/send")
    assert refused.status_code == 422
    assert refused.json()["message"] == (
        f"The passwordless session '{session['id']}' has expired or is invalid."
    )


def test_bad_links_are_refused_in_the_recorded_words(api):
    answer = api.post("/passwordless/sessions", {"email": 7, "type": "Carrier pigeon"})
    assert answer.status_code == 422
    assert {error["code"] for error in answer.json()["errors"]} == {
        "email must be a string",
        "type must be a valid enum value",
    }
    assert api.post("/passwordless/sessions", {**LINK, "expires_in": 899}).status_code == 422
    assert api.post("/passwordless/sessions", {**LINK, "expires_in": 86_401}).status_code == 422
    assert api.post("/passwordless/sessions", {**LINK, "email": "nobody"}).status_code == 422
    foreign = api.post("/passwordless/sessions", {**LINK, "redirect_uri": "https://evil.example/"})
    assert foreign.status_code == 400
    # The older Go SDK sends what nobody set.
    assert make_link(api, expires_in=0, redirect_uri="", state="")["id"]


def test_links_of_nothing_are_not_found(client, db):
    assert client.get("/passwordless/nothing/confirm").status_code == 404


# --- signing out at the provider --------------------------------------------------------------------------------


@pytest.fixture
def oidc_profile(company):
    connection = make_oidc_connection(
        company,
        oidc={
            "uses_discovery": False,
            "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://op.example/jwks",
            "end_session_endpoint": "https://op.example/logout",
        },
    )
    return make_profile(connection, "ada@example.com", memory={"id_token": "an-id-token"})


def test_an_application_sends_a_browser_to_the_providers_logout(api, anonymous, oidc_profile):
    answer = api.post("/sso/logout/authorize", {"profile_id": oidc_profile.id})
    assert answer.status_code == 200, answer.content
    left = anonymous.get(local(answer.json()["logout_url"]))
    assert left.status_code == 302
    assert left["Location"].startswith("https://op.example/logout?")
    assert query_of(left["Location"])["id_token_hint"] == "an-id-token"


def test_a_logout_needs_its_token_and_a_provider_that_has_a_logout(
    api, other_api, anonymous, oidc_profile, saml_connection
):
    saml_profile = make_profile(saml_connection)
    refused = api.post("/sso/logout/authorize", {"profile_id": saml_profile.id})
    assert (refused.status_code, refused.json()["error"]) == (400, "connection_invalid")
    assert other_api.post("/sso/logout/authorize", {"profile_id": oidc_profile.id}).status_code == 404
    assert anonymous.get("/sso/logout", {"token": "forged"}).status_code == 404


@pytest.fixture
def signed_in(browser, api, environment, saml_connection, company_idp) -> Session:
    """Return the session of somebody who came through the SAML provider."""
    left = browser.client.get(
        "/user_management/authorize",
        {
            "client_id": environment.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "connection_id": saml_connection.id,
        },
    )
    left = browser.client.get(local(left["Location"]))
    back = browser.post_answer(
        saml_connection, saml_answer(saml_connection, company_idp), query_of(left["Location"])["RelayState"]
    )
    api.post(
        "/user_management/authenticate",
        {
            "client_id": environment.client_id,
            "client_secret": api.api_key,
            "grant_type": "authorization_code",
            "code": query_of(back["Location"])["code"],
        },
    )
    return Session.objects.in_environment(environment).get()


def test_an_application_sends_a_browser_to_a_saml_providers_logout(
    api, anonymous, saml_connection, company_idp, signed_in
):
    profile = Profile.unscoped.get(connection=saml_connection)
    answer = api.post("/sso/logout/authorize", {"profile_id": profile.id})
    assert answer.status_code == 200, answer.content

    left = anonymous.get(local(answer.json()["logout_url"]))

    assert left["Location"].startswith(f"{company_idp.slo_url}?")
    sent = query_of(left["Location"])
    assert sent["Signature"]
    request = etree.fromstring(zlib.decompress(base64.b64decode(sent["SAMLRequest"]), -15))
    assert request.tag.endswith("}LogoutRequest")
    assert [element.text for element in request.iter("{*}NameID")] == ["ada-1"]


def logout_request(connection, idp, name_id="ada-1"):
    sp = services.service_provider_of(services.require_connection(connection.environment_id, connection.id))
    return etree.fromstring(
        LOGOUT.format(now=instant(clock.now()), slo=sp.slo_url, idp=idp.entity_id, name_id=name_id)
    )


def test_a_saml_providers_logout_ends_what_began_through_it(
    browser, emitted, saml_connection, company_idp, signed_in
):
    message = logout_request(saml_connection, company_idp)
    company_idp.sign(message)
    form = {"SAMLRequest": post(message), "RelayState": "theirs"}

    answer = browser.client.post(f"/sso/saml/{saml_connection.id}/slo", form)

    signed_in.refresh_from_db()
    assert signed_in.ended_at is not None
    assert "session.revoked" in emitted()
    assert answer.status_code == 302
    assert answer["Location"].startswith(company_idp.slo_url)
    assert query_of(answer["Location"])["RelayState"] == "theirs"
    # The same message again is nobody's word any more.
    assert browser.client.post(f"/sso/saml/{saml_connection.id}/slo", form).status_code == 403


def test_a_logout_that_nobody_signed_ends_nothing(browser, saml_connection, company_idp, signed_in):
    unsigned = post(logout_request(saml_connection, company_idp))

    refused = browser.client.post(f"/sso/saml/{saml_connection.id}/slo", {"SAMLRequest": unsigned})

    assert refused.status_code == 403
    signed_in.refresh_from_db()
    assert signed_in.ended_at is None
    assert SSOSession.unscoped.filter(kind="logout", state="failed").exists()


def test_a_logout_of_somebody_else_ends_nothing(browser, saml_connection, company_idp, signed_in):
    message = logout_request(saml_connection, company_idp, name_id="grace-1")
    company_idp.sign(message)
    browser.client.post(f"/sso/saml/{saml_connection.id}/slo", {"SAMLRequest": post(message)})
    signed_in.refresh_from_db()
    assert signed_in.ended_at is None


def test_a_forged_logout_token_is_refused_with_its_trail(client, company):
    connection = make_oidc_connection(company)
    answer = client.post(f"/sso/oidc/{connection.id}/backchannel-logout", {"logout_token": "e30.e30."})
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert connection.sso_sessions.get().state == "failed"


# --- by the clock -----------------------------------------------------------------------------------------------


def test_a_certificate_that_ends_soon_is_announced_once_a_week(environment, actor, saml_connection):
    services.activate_connection(connection=saml_connection, actor=actor)
    soon = clock.now() + timedelta(days=12, hours=1)
    IdPCertificate.unscoped.update(not_after=soon)

    assert services.announce_renewals() == 1
    assert services.announce_renewals() == 0

    name = "connection.saml_certificate_renewal_required"
    data = Event.objects.in_environment(environment).get(name=name).data
    assert data["days_until_expiry"] == 12
    assert data["certificate"] == {
        "certificate_type": "ResponseSigning",
        "expiry_date": clock.iso(soon),
        "is_expired": False,
    }
    assert data["connection"]["id"] == saml_connection.id
    IdPCertificate.unscoped.update(renewal_announced_at=clock.now() - timedelta(days=7))
    assert services.announce_renewals() == 1


def test_a_certificate_with_a_successor_needs_no_renewal(api, actor, saml_connection):
    services.activate_connection(connection=saml_connection, actor=actor)
    IdPCertificate.unscoped.update(not_after=clock.now() + timedelta(days=3))
    api.post(f"/connections/{saml_connection.id}/saml_idp_signing_certs", {"value": make_idp_certificate()})
    assert services.announce_renewals() == 0


def test_metadata_that_cannot_be_fetched_is_noted_for_staff(api, saml_connection):
    api.put(
        f"/connections/{saml_connection.id}",
        {"saml_options": {"idp_metadata_url": "http://127.0.0.1:9/metadata"}},
    )
    assert list(services.due_metadata()) == [(saml_connection.environment_id, saml_connection.id)]

    services.refresh_metadata(saml_connection.environment_id, saml_connection.id)

    saml = api.get(f"/connections/{saml_connection.id}").json()["saml_options"]
    assert saml["idp_metadata_failure"]
    assert saml["idp_entity_id"] == "https://idp.example.com/metadata"
    assert list(services.due_metadata()) == []


def test_what_ran_out_is_removed_and_what_may_be_asked_for_stays(api, client, saml_connection, browser):
    browser.leave(connection=saml_connection.id)
    client.post(local(make_link(api)["link"]))
    assert services.purge_sso() == 0
    long_ago = clock.now() - timedelta(days=31)
    SSOSession.unscoped.update(created_at=long_ago)
    SSOAuthorizationCode.unscoped.update(expires_at=long_ago)
    PasswordlessSession.unscoped.update(expires_at=long_ago)
    assert services.purge_sso() == 3
