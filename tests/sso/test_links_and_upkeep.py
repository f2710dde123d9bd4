"""Links by mail, and what is done by the clock."""

import re
from datetime import timedelta

from events.models import Event, Mail
from foundation import clock
from sso import services
from sso.models import IdPCertificate, PasswordlessSession, SSOAuthorizationCode, SSOSession
from tests.factories.sso import make_idp_certificate
from tests.sso.browser import local, query_of

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
