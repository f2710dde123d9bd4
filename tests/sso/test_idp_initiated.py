"""Sign-ins that begin at the identity provider: one code, which either door takes, once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from authentication.models import Session
from environments.services import add_redirect_uri
from foundation import clock
from organizations.models import MembershipStatus, OrganizationMembership
from sso.models import Connection, Profile, SSOSession
from tests.api_client import ApiClient
from tests.authentication.browser import VERIFIER
from tests.factories.accounts import make_user
from tests.factories.organizations import make_membership, make_organization
from tests.factories.sso import make_oidc_connection, make_saml_connection
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, run_provider
from tests.sso.browser import CALLBACK, local, profile_of, query_of, said_of, saml_answer, tokens_of
from tests.sso.logout_messages import logout_request
from tests.sso.saml.identity_provider import one

ELSEWHERE = "https://staging.example/callback"


@pytest.fixture
def portal(api, saml_connection) -> Connection:
    """A connection at whose provider sign-ins may begin."""
    answer = api.put(f"/connections/{saml_connection.id}", {"saml_options": {"allow_idp_initiated": True}})
    assert answer.json()["saml_options"]["allow_idp_initiated"] is True
    return saml_connection


def arrive(connection: Connection, idp, *, relay_state: str = "", response: str = "", **options: Any):
    """Return the answer to what a provider posts that nobody asked."""
    message = response or saml_answer(connection, idp, request_id=None, **options)
    return Client().post(
        f"/sso/saml/{connection.id}/acs", {"SAMLResponse": message, "RelayState": relay_state}
    )


def code_of(back) -> str:
    assert back.status_code == 302, back.content
    assert back["Location"].startswith(f"{CALLBACK}?"), back["Location"]
    query = query_of(back["Location"])
    # Nobody asked, so there is no state to give back: that is how an application knows.
    assert set(query) == {"code"}
    return query["code"]


def last_exchange(connection: Connection) -> SSOSession:
    return SSOSession.unscoped.filter(connection=connection).latest("id")


# --- one code, two doors ----------------------------------------------------------------------------------------


def test_an_application_with_users_gets_a_user_and_tokens(api, environment, portal, company_idp, emitted):
    code = code_of(arrive(portal, company_idp))

    answer = tokens_of(api, environment, code, ip_address="203.0.113.7", user_agent="Firefox")

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["user"]["email"] == "ada@example.com"
    assert body["organization_id"] == portal.organization_id
    assert body["authentication_method"] == "SSO"
    assert body["access_token"]
    session = Session.objects.in_environment(environment).get()
    assert (session.ip_address, session.connection_id) == ("203.0.113.7", portal.id)
    assert emitted().count("authentication.sso_succeeded") == 1
    row = last_exchange(portal)
    assert (row.kind, row.state) == ("idp_initiated", "succeeded")


def test_an_older_application_gets_the_profile(api, environment, portal, company_idp, emitted):
    answer = profile_of(api, environment, code_of(arrive(portal, company_idp)))
    assert answer.status_code == 200, answer.content
    assert answer.json()["profile"]["email"] == "ada@example.com"
    assert not Session.objects.in_environment(environment).exists()
    assert emitted().count("authentication.sso_succeeded") == 1


def test_a_code_spent_for_a_profile_opens_no_session_and_its_token_is_void(
    api, environment, portal, company_idp
):
    code = code_of(arrive(portal, company_idp))
    token = profile_of(api, environment, code).json()["access_token"]

    refused = tokens_of(api, environment, code)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert not Session.objects.in_environment(environment).exists()
    assert ApiClient(token).get("/sso/profile").status_code == 401


def test_a_code_spent_for_a_session_opens_no_profile_and_the_session_ends(
    api, environment, portal, company_idp
):
    code = code_of(arrive(portal, company_idp))
    assert tokens_of(api, environment, code).status_code == 200

    refused = profile_of(api, environment, code)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert Session.objects.in_environment(environment).get().ended_at is not None


def test_a_code_presented_twice_at_the_same_door_ends_its_session(api, environment, portal, company_idp):
    code = code_of(arrive(portal, company_idp))
    assert tokens_of(api, environment, code).status_code == 200
    assert tokens_of(api, environment, code).json()["error"] == "invalid_grant"
    assert Session.objects.in_environment(environment).get().ended_at is not None


def test_a_code_that_an_application_asked_for_at_sso_is_for_that_door_alone(
    api, environment, browser, portal, company_idp
):
    asked = query_of(browser.sign_in_by_saml(portal, company_idp)["Location"])["code"]
    assert tokens_of(api, environment, asked).json()["error"] == "invalid_grant"
    assert profile_of(api, environment, asked).status_code == 200


def test_a_public_client_gets_nothing_since_no_challenge_can_have_been_sent(
    api, environment, portal, company_idp
):
    code = code_of(arrive(portal, company_idp))
    public = {"client_id": environment.client_id, "grant_type": "authorization_code", "code": code}
    anonymous = ApiClient()
    for fields in (public, {**public, "code_verifier": VERIFIER}):
        assert anonymous.post("/user_management/authenticate", fields).status_code == 400
        assert anonymous.post("/sso/token", fields).status_code == 400
    with_verifier = tokens_of(api, environment, code, code_verifier=VERIFIER)
    assert with_verifier.json()["code"] == "code_challenge_not_found"
    # None of them has spent it.
    assert tokens_of(api, environment, code).status_code == 200


def test_a_code_is_for_its_own_environment_and_redirect_uri(
    api, other_api, other_environment, portal, company_idp
):
    environment = portal.environment
    code = code_of(arrive(portal, company_idp))
    assert tokens_of(other_api, other_environment, code).json()["error"] == "invalid_grant"
    wrong = tokens_of(api, environment, code, redirect_uri="https://evil.example/")
    assert wrong.json()["error"] == "invalid_grant"
    assert tokens_of(api, environment, code, redirect_uri=CALLBACK).status_code == 200


def test_a_code_runs_out(api, environment, portal, company_idp, monkeypatch):
    code = code_of(arrive(portal, company_idp))
    later = clock.now() + timedelta(minutes=10, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert tokens_of(api, environment, code).json()["error"] == "invalid_grant"


def test_whom_the_provider_signed_out_again_gets_no_session(api, environment, portal, company_idp):
    code = code_of(arrive(portal, company_idp))
    message = logout_request(portal, company_idp)
    Client().post(f"/sso/saml/{portal.id}/slo", {"SAMLRequest": message})
    assert tokens_of(api, environment, code).json()["error"] == "invalid_grant"


# --- the engine has the last word -------------------------------------------------------------------------------


def test_who_belongs_to_several_organizations_is_asked_which(api, environment, portal, company_idp):
    ada = make_user(environment, email="ada@example.com", email_verified=True)
    make_membership(make_organization(environment, "Second"), ada)

    waiting = tokens_of(api, environment, code_of(arrive(portal, company_idp)))

    assert waiting.status_code == 403
    assert waiting.json()["code"] == "organization_selection_required"
    answer = api.post(
        "/user_management/authenticate",
        {
            "client_id": environment.client_id,
            "client_secret": api.api_key,
            "grant_type": "urn:workos:oauth:grant-type:organization-selection",
            "organization_id": portal.organization_id,
            "pending_authentication_token": waiting.json()["pending_authentication_token"],
        },
    )
    assert answer.status_code == 200, answer.content


def test_a_code_that_comes_again_ends_the_sign_in_that_waits(api, environment, portal, company_idp):
    ada = make_user(environment, email="ada@example.com", email_verified=True)
    make_membership(make_organization(environment, "Second"), ada)
    code = code_of(arrive(portal, company_idp))
    waiting = tokens_of(api, environment, code).json()

    profile_of(api, environment, code)

    answer = api.post(
        "/user_management/authenticate",
        {
            "client_id": environment.client_id,
            "client_secret": api.api_key,
            "grant_type": "urn:workos:oauth:grant-type:organization-selection",
            "organization_id": portal.organization_id,
            "pending_authentication_token": waiting["pending_authentication_token"],
        },
    )
    assert answer.json()["code"] == "invalid_pending_authentication_token"


def test_a_guest_from_outside_proves_the_mailbox(api, environment, portal, company_idp):
    api.put(f"/organizations/{portal.organization_id}", {"allow_profiles_outside_organization": True})
    back = arrive(portal, company_idp, change=said_of("guest", "guest@elsewhere.example", "_s"))
    waiting = tokens_of(api, environment, code_of(back))
    assert (waiting.status_code, waiting.json()["code"]) == (403, "email_verification_required")
    assert waiting.json()["pending_authentication_token"]


def test_an_account_that_the_provider_does_not_speak_for_is_refused_and_the_code_is_spent(
    api, environment, portal, company_idp, last_event
):
    api.put(f"/organizations/{portal.organization_id}", {"allow_profiles_outside_organization": True})
    make_user(environment, email="owner@elsewhere.example", email_verified=True)
    code = code_of(arrive(portal, company_idp, change=said_of("eve", "owner@elsewhere.example", "_s")))

    refused = tokens_of(api, environment, code)

    assert (refused.status_code, refused.json()["error"]) == (400, "access_denied")
    assert last_event("authentication.sso_failed")["data"]["error"]["code"] == "access_denied"
    assert not OrganizationMembership.objects.in_environment(environment).exists()
    assert profile_of(api, environment, code).json()["error"] == "invalid_grant"


def test_whom_somebody_suspended_stays_out_of_the_organization(api, environment, portal, company_idp):
    tokens_of(api, environment, code_of(arrive(portal, company_idp)))
    OrganizationMembership.unscoped.update(status=MembershipStatus.INACTIVE)
    body = tokens_of(api, environment, code_of(arrive(portal, company_idp))).json()
    assert body.get("organization_id") is None


def test_an_environment_that_takes_nobody_by_single_sign_on_takes_nobody_here(
    api, environment, portal, company_idp
):
    code = code_of(arrive(portal, company_idp))
    settings = environment.authentication_settings
    settings.sso_enabled = False
    settings.save(update_fields=["sso_enabled"])
    refused = tokens_of(api, environment, code)
    assert refused.json()["error"] == "authentication_method_not_allowed"
    assert not Session.objects.in_environment(environment).exists()


# --- where it goes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [ELSEWHERE, f"redirect_uri={ELSEWHERE}"])
def test_the_relay_state_chooses_another_address_that_is_configured(
    environment, portal, company_idp, written
):
    add_redirect_uri(environment=environment, uri=ELSEWHERE)
    back = arrive(portal, company_idp, relay_state=written)
    assert back["Location"].startswith(f"{ELSEWHERE}?code=")


@pytest.mark.parametrize(
    "hostile",
    [
        "https://evil.example/callback",
        "redirect_uri=https://evil.example/callback",
        f"{CALLBACK}@evil.example/",
        f"{CALLBACK}/../evil",
        "//evil.example",
        "javascript:alert(1)",
        "http://localhost:3000/callback\r\nSet-Cookie: a=b",
        "redirect_uri=" * 50,
        "\x00",
        "x" * 100_000,
    ],
)
def test_a_hostile_relay_state_leads_nowhere_else(portal, company_idp, hostile):
    code_of(arrive(portal, company_idp, relay_state=hostile))


# --- refusals ---------------------------------------------------------------------------------------------------


def refused_with(back, connection: Connection) -> str:
    assert back.status_code == 403, back
    assert f"{CALLBACK}?" not in back.content.decode()
    assert not Profile.unscoped.exists()
    return last_exchange(connection).failure


def test_nobody_begins_there_unless_the_connection_allows_it(saml_connection, company_idp):
    assert refused_with(arrive(saml_connection, company_idp), saml_connection) == "idp_initiated_refused"


def test_an_answer_counts_once(portal, company_idp):
    response = saml_answer(portal, company_idp, request_id=None)
    code_of(arrive(portal, company_idp, response=response))
    again = arrive(portal, company_idp, response=response)
    assert again.status_code == 403
    assert last_exchange(portal).failure == "answer_replayed"


def test_nobody_comes_through_a_connection_that_is_switched_off(api, portal, company_idp):
    api.put(f"/connections/{portal.id}", {"state": "inactive"})
    assert refused_with(arrive(portal, company_idp), portal) == "connection_unlinked"


def test_an_answer_for_another_audience_is_refused(portal, company_idp):
    def change(root) -> None:
        one(root, "Audience").text = "https://another.example/metadata"

    assert refused_with(arrive(portal, company_idp, change=change), portal) == "wrong_audience"


def test_the_answer_of_one_environments_connection_opens_none_of_another(
    other_environment, portal, company_idp
):
    """The same company is a customer of both; its answer to the one is posted to the other."""
    theirs = make_saml_connection(
        make_organization(other_environment),
        saml={
            "idp_entity_id": company_idp.entity_id,
            "idp_sso_url": company_idp.sso_url,
            "idp_certificates": [company_idp.certificate_pem],
            "allow_idp_initiated": True,
        },
    )
    response = saml_answer(portal, company_idp, request_id=None)
    assert refused_with(arrive(theirs, company_idp, response=response), theirs) == "wrong_destination"


def test_an_answer_without_a_signature_is_refused(portal, company_idp):
    back = arrive(portal, company_idp, sign=())
    assert refused_with(back, portal) == "nothing_signed"


# --- OpenID Connect: a provider asks us to ask it (Core 4) --------------------------------------------------------


@pytest.fixture
def provider():
    with run_provider() as running:
        running.claims["email"] = "ada@example.com"
        yield running


@pytest.fixture
def oidc_portal(company, provider):
    return make_oidc_connection(
        company,
        oidc={
            "issuer": provider.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "allow_idp_initiated": True,
        },
    )


def initiate(connection: Connection, client: Client, method: str = "get", **parameters: str):
    return getattr(client, method)(f"/sso/oidc/{connection.id}/initiate", parameters)


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_openid_provider_sends_somebody_here_and_is_asked(api, oidc_portal, provider, emitted, method):
    browser = Client()
    asked = initiate(oidc_portal, browser, method, iss=provider.issuer, login_hint="ada@example.com")
    sent = query_of(browser.get(local(asked["Location"]))["Location"])
    assert sent["login_hint"] == "ada@example.com"

    back = browser.get(local(sent["redirect_uri"]), {"code": sent["nonce"], "state": sent["state"]})

    answer = tokens_of(api, oidc_portal.environment, code_of(back))
    assert answer.status_code == 200, answer.content
    assert answer.json()["user"]["email"] == "ada@example.com"
    assert emitted().count("authentication.sso_succeeded") == 1


def test_its_answer_counts_in_the_browser_that_left_alone(oidc_portal, provider):
    browser = Client()
    asked = initiate(oidc_portal, browser, iss=provider.issuer)
    sent = query_of(browser.get(local(asked["Location"]))["Location"])
    planted = Client().get(local(sent["redirect_uri"]), {"code": sent["nonce"], "state": sent["state"]})
    assert refused_with(planted, oidc_portal) == "answer_in_another_browser"


@pytest.mark.parametrize("issuer", ["", "https://evil.example", "{issuer}/", "{issuer}.evil.example"])
def test_nobody_but_the_connections_own_provider_begins(client, oidc_portal, provider, issuer):
    refused = initiate(oidc_portal, client, iss=issuer.format(issuer=provider.issuer))
    assert refused_with(refused, oidc_portal) == "oidc_issuer_differs"


def test_no_openid_provider_begins_unless_the_connection_allows_it(api, client, oidc_portal, provider):
    api.put(f"/connections/{oidc_portal.id}", {"oidc_options": {"allow_idp_initiated": False}})
    refused = initiate(oidc_portal, client, iss=provider.issuer)
    assert refused_with(refused, oidc_portal) == "oidc_login_initiation_refused"


def test_nobody_leaves_by_a_connection_that_is_switched_off(api, client, oidc_portal, provider):
    api.put(f"/connections/{oidc_portal.id}", {"state": "inactive"})
    asked = initiate(oidc_portal, client, iss=provider.issuer)
    assert refused_with(client.get(local(asked["Location"])), oidc_portal) == "connection_unlinked"


@pytest.mark.parametrize("target", [ELSEWHERE, "https://evil.example/callback", "//evil.example"])
def test_a_target_counts_if_it_is_configured(environment, oidc_portal, provider, target):
    add_redirect_uri(environment=environment, uri=ELSEWHERE)
    browser = Client()
    asked = initiate(oidc_portal, browser, iss=provider.issuer, target_link_uri=target)
    sent = query_of(browser.get(local(asked["Location"]))["Location"])
    back = browser.get(local(sent["redirect_uri"]), {"code": sent["nonce"], "state": sent["state"]})
    assert back["Location"].startswith(f"{ELSEWHERE if target == ELSEWHERE else CALLBACK}?code=")


def test_a_connection_of_another_protocol_has_no_such_address(client, saml_connection):
    assert initiate(saml_connection, client, iss="https://op.example").status_code == 404
