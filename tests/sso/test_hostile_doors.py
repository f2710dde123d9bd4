"""What strangers send to the doors that nobody has to be known at: each refuses in words, and changes nothing."""

from datetime import timedelta

import pytest
from django.test import Client

from environments.models import RedirectURI
from foundation import clock
from sso import services
from sso.models import Connection, ExchangeState, SeenAssertion, SSOSession
from sso.services import protocols
from tests.factories.organizations import make_organization
from tests.factories.sso import make_oidc_connection
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, run_provider
from tests.sso.browser import local, profile_of, query_of, saml_answer
from tests.sso.logout_messages import logout_token

DOORS = [
    ("get", "/sso/saml/{}/slo"),
    ("post", "/sso/saml/{}/slo"),
    ("post", "/sso/saml/{}/acs"),
    ("get", "/sso/saml/{}/metadata"),
    ("get", "/sso/oidc/{}/initiate"),
    ("post", "/sso/oidc/{}/initiate"),
    ("get", "/sso/oidc/{}/callback"),
    ("get", "/sso/oidc/{}/logout-callback"),
    ("post", "/sso/oidc/{}/backchannel-logout"),
    ("get", "/sso/oauth/{}/callback"),
]

HOSTILE = [
    {},
    {"state": "\x00"},
    {"RelayState": "\x00", "SAMLRequest": "\x00"},
    {"SAMLRequest": "AAAA"},
    {"SAMLResponse": "AAAA", "RelayState": "x"},
    {"SAMLResponse": "\x00"},
    {"logout_token": "\x00"},
    {"logout_token": "a.b.c"},
    {"iss": "\x00", "login_hint": "\x00@x", "target_link_uri": "\x00"},
    {"iss": "x" * 200_000, "login_hint": "x" * 200_000},
]


@pytest.mark.parametrize(("method", "door"), DOORS)
@pytest.mark.parametrize("name", ["%00", "conn_%00", "x" * 3000, "%F0%9F%94%91", "%FF"])
def test_a_name_that_no_connection_can_have_is_not_found(db, method, door, name):
    assert getattr(Client(), method)(door.format(name)).status_code == 404


@pytest.mark.parametrize(("method", "door"), DOORS)
@pytest.mark.parametrize("connection_type", ["GenericSAML", "GenericOIDC"])
def test_a_connection_that_is_not_set_up_refuses_whatever_comes(
    api, environment, method, door, connection_type
):
    api.post(
        "/connections",
        {
            "organization_id": make_organization(environment).id,
            "name": "Draft",
            "connection_type": connection_type,
        },
    )
    draft = Connection.unscoped.get()
    assert draft.state == "draft"
    for parameters in HOSTILE:
        answer = getattr(Client(), method)(door.format(draft.id), parameters)
        # Nobody is sent anywhere but to our own page that says that they are signed out.
        assert answer.status_code < 500, parameters
        assert answer.get("Location", "/signed-out") == "/signed-out", parameters


@pytest.fixture
def portal(api, saml_connection) -> Connection:
    api.put(f"/connections/{saml_connection.id}", {"saml_options": {"allow_idp_initiated": True}})
    return saml_connection


def test_whom_an_application_without_a_default_address_cannot_take_is_told_so(portal, company_idp):
    RedirectURI.unscoped.update(is_default=False)
    message = saml_answer(portal, company_idp, request_id=None)

    refused = Client().post(f"/sso/saml/{portal.id}/acs", {"SAMLResponse": message})

    assert refused.status_code == 404
    assert "This sign-in has nowhere to go" in refused.content.decode()
    # It was not read, so it counts once the address is there.
    RedirectURI.unscoped.update(is_default=True)
    assert Client().post(f"/sso/saml/{portal.id}/acs", {"SAMLResponse": message}).status_code == 302


# --- what is over stays over ------------------------------------------------------------------------------------


def test_an_exchange_that_ends_while_its_provider_is_asked_for_sends_nobody_away(
    browser, saml_connection, monkeypatch, emitted
):
    start = local(browser.authorize(connection=saml_connection.id)["Location"])
    begin = protocols.begin

    def slow(*arguments):
        departure = begin(*arguments)
        SSOSession.unscoped.update(expires_at=clock.now() - timedelta(seconds=1))
        assert services.close_unanswered() == 1
        return departure

    monkeypatch.setattr(protocols, "begin", slow)

    assert browser.client.get(start).status_code == 404

    row = SSOSession.unscoped.get()
    assert (row.state, row.memory, row.sent) == (ExchangeState.FAILED, "", {})
    assert "authentication.sso_started" not in emitted()


def test_two_windows_that_leave_at_once_are_one_start(browser, saml_connection, monkeypatch, emitted):
    start = local(browser.authorize(connection=saml_connection.id)["Location"])
    begin = protocols.begin

    def slow(*arguments):
        monkeypatch.setattr(protocols, "begin", begin)
        browser.client.get(start)
        return begin(*arguments)

    monkeypatch.setattr(protocols, "begin", slow)
    assert browser.client.get(start).status_code == 302
    assert emitted().count("authentication.sso_started") == 1


# --- OpenID Connect ---------------------------------------------------------------------------------------------


@pytest.fixture
def provider():
    with run_provider() as running:
        running.claims["email"] = "ada@example.com"
        yield running


@pytest.fixture
def oidc(company, provider):
    return make_oidc_connection(
        company,
        oidc={"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    )


def post_token(connection: Connection, token: str):
    return Client().post(f"/sso/oidc/{connection.id}/backchannel-logout", {"logout_token": token})


def test_a_logout_token_is_remembered_for_as_long_as_it_is_believed(oidc, provider):
    """Between its own end and the end of the clock skew, it is still read."""
    token = logout_token(provider, sub="person-1", exp=int(clock.now().timestamp()) - 10)
    assert post_token(oidc, token).status_code == 200

    services.purge_sso()

    assert SeenAssertion.unscoped.count() == 1
    assert post_token(oidc, token).status_code == 400


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 253_402_300_799},
        {"sub": "\x00"},
        {"sub": "\ud800"},
        {"jti": "\ud800"},
        {"sid": "\x00\ud800"},
        {"jti": "\x00"},
    ],
)
def test_a_logout_token_with_odd_claims_is_answered(oidc, provider, claims):
    answer = post_token(oidc, logout_token(provider, **{"sub": "person-1", **claims}))
    assert answer.status_code in {200, 400}
    assert SSOSession.unscoped.get().kind == "logout"


def test_nobody_fills_the_trail_with_logout_tokens(oidc, provider, settings):
    settings.RATE_LIMITS_ENABLED = True
    answers = [post_token(oidc, "no token").status_code for _ in range(62)]
    assert answers[-1] == 429
    assert SSOSession.unscoped.count() == answers.count(400) == 60


def test_a_provider_that_signs_out_a_whole_company_is_not_held_up(oidc, provider, settings):
    settings.RATE_LIMITS_ENABLED = True
    answers = {post_token(oidc, logout_token(provider, sub=f"person-{n}")).status_code for n in range(70)}
    assert answers == {200}


# --- a connection that is switched off between two steps --------------------------------------------------------


def test_a_code_of_a_connection_that_was_switched_off_opens_no_profile(
    api, environment, browser, saml_connection, company_idp
):
    code = query_of(browser.sign_in_by_saml(saml_connection, company_idp)["Location"])["code"]
    api.put(f"/connections/{saml_connection.id}", {"state": "inactive"})
    refused = profile_of(api, environment, code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


# --- texts that no database keeps -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/user_management/sessions/logout", {"session_id": "\x00"}),
        ("/user_management/sessions/logout", {"session_id": "x", "return_to": "\x00"}),
        ("/user_management/sessions/logout", {"session_id": "x", "return_to": "https://x.example/\x00"}),
        ("/sso/logout", {"token": "\x00"}),
        ("/sso/logout", {"token": "x:\x00:y"}),
        ("/sso/logout", {}),
    ],
)
def test_a_logout_with_a_nul_is_refused_in_words(db, path, query):
    assert Client().get(path, query).status_code in {302, 400, 404, 422}


def test_a_hint_with_a_nul_keeps_nobody_from_leaving(api, oidc, provider):
    api.put(f"/connections/{oidc.id}", {"oidc_options": {"allow_idp_initiated": True}})
    browser = Client()
    asked = browser.get(
        f"/sso/oidc/{oidc.id}/initiate", {"iss": provider.issuer, "login_hint": "a\x00@x.example"}
    )
    assert browser.get(local(asked["Location"])).status_code == 302
