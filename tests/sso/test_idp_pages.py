"""The test identity provider over HTTP, as applications outside meet it: python3-saml's and PyJWT's parties."""

import base64
import hashlib
import html
import re
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from django.test import Client
from lxml import etree

from sso.models import Connection, SAMLSettings
from sso.test_idp import services
from sso.test_idp.saml_messages import NAMESPACES, deflated
from tests.factories.accounts import make_user
from tests.factories.environments import make_environment
from tests.factories.organizations import make_domain, make_membership, make_organization

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ACS = "https://app.example/acs"
CALLBACK = "https://app.example/callback"


@pytest.fixture
def idp(environment):
    return services.ensure_test_idp(environment)


@pytest.fixture
def browser():
    return Client()


def path_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def saml_request(acs=ACS, issuer="https://app.example/metadata", extra=""):
    return (
        f'<samlp:AuthnRequest xmlns:samlp="{NAMESPACES["samlp"]}" xmlns:saml="{NAMESPACES["saml"]}" ID="_1" '
        f'Version="2.0" AssertionConsumerServiceURL="{acs}" {extra}><saml:Issuer>{issuer}</saml:Issuer>'
        "</samlp:AuthnRequest>"
    ).encode()


def begin_saml(browser, idp, **fields):
    query = {"SAMLRequest": deflated(saml_request(**fields)), "RelayState": "state-1"}
    return browser.get(path_of(idp.sso_url), query)


def begin_oidc(browser, idp, **changes):
    query = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "scope": "openid email",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return browser.get(f"{path_of(idp.issuer)}/authorize", query | changes)


def found(pattern, text):
    match = re.search(pattern, text)
    assert match is not None, text
    return html.unescape(match[1])


def posted_form(answer):
    """Return where the form of the page goes, and its hidden fields."""
    document = answer.content.decode()
    action = found(r'<form [^>]*action="([^"]+)"', document)
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', document)
    return action, {name: html.unescape(value) for name, value in fields}


def target_of(answer):
    url = found(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.content.decode())
    return url, {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_a_saml_application_gets_a_signed_answer_about_whoever_was_typed(browser, idp):
    begun = begin_saml(browser, idp)
    asked = browser.get(begun["Location"])
    answer = browser.post(
        begun["Location"],
        {
            "email": "ada@acme.test",
            "first_name": "Ada",
            "groups": "Engineers, Admins",
            "attributes": "team=Blue",
        },
    )

    assert "app.example" in asked.content.decode()
    action, fields = posted_form(answer)
    assert action == ACS
    assert fields["RelayState"] == "state-1"
    response = etree.fromstring(base64.b64decode(fields["SAMLResponse"]))
    assert response.get("InResponseTo") == "_1"
    assert len(response.findall(".//ds:Signature", NAMESPACES)) == 2
    values = {
        attribute.get("Name"): [value.text for value in attribute]
        for attribute in response.iterfind(".//saml:Attribute", NAMESPACES)
    }
    assert values["email"] == ["ada@acme.test"]
    assert values["groups"] == ["Engineers", "Admins"]
    assert values["team"] == ["Blue"]


def test_the_form_that_carries_the_answer_may_go_to_the_application(browser, idp):
    begun = begin_saml(browser, idp)
    answer = browser.post(begun["Location"], {"email": "ada@acme.test"})

    assert "form-action" not in answer["Content-Security-Policy"]
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "form-action 'self'" in browser.get(begun["Location"])["Content-Security-Policy"]


def test_requests_by_post_are_taken_from_the_application_s_own_page(idp):
    browser = Client(enforce_csrf_checks=True)
    message = base64.b64encode(saml_request()).decode()

    begun = browser.post(path_of(idp.sso_url), {"SAMLRequest": message, "RelayState": "state-1"})

    assert begun.status_code == 303
    assert browser.post(begun["Location"], {"email": "ada@acme.test"}).status_code == 403


def test_an_openid_application_gets_a_person_by_code(browser, idp):
    begun = begin_oidc(browser, idp)
    url, answer = target_of(browser.post(begun["Location"], {"email": "ada@acme.test", "role": "admin"}))
    discovery = browser.get(f"{path_of(idp.issuer)}/.well-known/openid-configuration").json()
    redemption = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    stranger = Client(enforce_csrf_checks=True)
    tokens = stranger.post(path_of(discovery["token_endpoint"]), redemption).json()
    keys = jwt.PyJWKSet.from_dict(browser.get(path_of(discovery["jwks_uri"])).json())
    claims = jwt.decode(
        tokens["id_token"], keys.keys[0], algorithms=["RS256"], audience="app", issuer=discovery["issuer"]
    )
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    userinfo = browser.get(path_of(discovery["userinfo_endpoint"]), headers=bearer).json()

    assert url.startswith(CALLBACK)
    assert (answer["state"], answer["iss"]) == ("s-1", idp.issuer)
    assert (claims["email"], claims["role"], claims["nonce"]) == ("ada@acme.test", "admin", "n-1")
    assert userinfo["sub"] == claims["sub"]
    assert stranger.post(path_of(discovery["token_endpoint"]), redemption).json()["error"] == "invalid_grant"


def test_a_client_may_authenticate_itself_by_basic(browser, idp):
    begun = begin_oidc(browser, idp)
    _url, answer = target_of(browser.post(begun["Location"], {"email": "ada@acme.test"}))
    redemption = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    credentials = base64.b64encode(f"app:{idp.oidc_client_secret}".encode()).decode()
    header = {"Authorization": f"Basic {credentials}"}

    tokens = browser.post(f"{path_of(idp.issuer)}/token", redemption, headers=header)

    assert tokens.status_code == 200
    assert tokens["Cache-Control"] == "no-store"


def test_a_wrong_client_secret_is_refused_as_the_standard_says(browser, idp):
    begun = begin_oidc(browser, idp)
    _url, answer = target_of(browser.post(begun["Location"], {"email": "ada@acme.test"}))
    redemption = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "app",
        "client_secret": "guess",
    }

    refused = browser.post(f"{path_of(idp.issuer)}/token", redemption)

    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused["WWW-Authenticate"].startswith("Basic")


def test_who_cancels_is_not_asked_for_an_address(browser, idp):
    _url, answer = target_of(browser.post(begin_oidc(browser, idp)["Location"], {"answer": "cancelled"}))
    _action, fields = posted_form(browser.post(begin_saml(browser, idp)["Location"], {"answer": "cancelled"}))

    assert (answer["error"], answer["state"]) == ("access_denied", "s-1")
    assert b"AuthnFailed" in base64.b64decode(fields["SAMLResponse"])


def test_what_cannot_be_granted_goes_back_to_the_application(browser, idp):
    refused = begin_oidc(browser, idp, prompt="none")

    assert parse_qs(urlsplit(refused["Location"]).query)["error"] == ["login_required"]


def test_a_passive_request_is_refused_without_a_page(browser, idp):
    _action, fields = posted_form(begin_saml(browser, idp, extra='IsPassive="true"'))

    assert b"NoPassive" in base64.b64decode(fields["SAMLResponse"])


@pytest.mark.parametrize(
    "redirect_uri", ["javascript:alert(1)", "", "data:text/html,x", "https://app.example/#a"]
)
def test_nobody_is_sent_to_what_is_no_web_address(browser, idp, redirect_uri):
    refused = begin_oidc(browser, idp, redirect_uri=redirect_uri)

    assert refused.status_code == 400
    assert "Location" not in refused


def test_the_browser_remembers_who_it_was_and_offers_them_again(browser, idp):
    begun = begin_oidc(browser, idp)
    browser.post(
        begun["Location"], {"email": "ada@acme.test", "first_name": "Ada", "attributes": "team=Blue"}
    )

    shown = browser.get(begun["Location"]).content.decode()
    assert 'value="recent-0"' in shown
    assert 'value="ada@acme.test"' in shown
    _url, answer = target_of(browser.post(begun["Location"], {"person": "recent-0"}))
    assert answer["code"]
    assert 'value="recent-0"' not in Client().get(begun["Location"]).content.decode()


def test_what_was_typed_wrongly_is_told_beside_its_field(browser, idp):
    begun = begin_oidc(browser, idp)
    refused = browser.post(begun["Location"], {"email": "nobody", "attributes": "no equals sign"})

    assert refused.status_code == 422
    assert "Enter an email address in the form" in refused.content.decode()
    assert "Write name=value" in refused.content.decode()


def test_a_request_that_was_not_written_here_is_answered_by_nobody(browser, idp, other_environment):
    begun = begin_oidc(browser, idp)
    handle = parse_qs(urlsplit(begun["Location"]).query)["request"][0]
    elsewhere = services.ensure_test_idp(other_environment)

    assert browser.get(f"{path_of(idp.base)}/sign-in", {"request": handle + "x"}).status_code == 404
    assert browser.get(f"{path_of(elsewhere.base)}/sign-in", {"request": handle}).status_code == 404


def test_an_unreadable_request_is_explained_to_the_developer(browser, idp):
    refused = browser.get(path_of(idp.sso_url), {"SAMLRequest": "%%%"})

    assert refused.status_code == 400
    assert "not base64" in refused.content.decode()


# --- Whose connections it answers ------------------------------------------------------------------------------------


def make_connection(environment, name="Acme", kind="TestIdp"):
    organization = make_organization(environment, name)
    connection = Connection.objects.create(
        environment=environment, organization=organization, connection_type=kind, name=name
    )
    SAMLSettings.objects.create(
        environment=environment, connection=connection, sp_private_key="key", sp_certificate="certificate"
    )
    return connection


def acs_of(connection, base):
    return f"{base}/sso/saml/{connection.pk}/acs"


def test_members_of_the_organization_are_one_click_away_for_its_own_connection_alone(
    browser, environment, idp, settings
):
    connection = make_connection(environment)
    make_domain(connection.organization, "acme.com")
    make_membership(connection.organization, make_user(environment, email="grace@acme.com"))
    own = begin_saml(browser, idp, acs=acs_of(connection, settings.BASE_URL))
    stranger = begin_saml(browser, idp)

    shown = browser.get(own["Location"]).content.decode()
    assert "grace@acme.com" in shown
    assert 'value="ada@acme.com"' in shown
    assert "grace@acme.com" not in browser.get(stranger["Location"]).content.decode()
    user = connection.organization.memberships.get().user
    _action, fields = posted_form(browser.post(own["Location"], {"person": f"member-{user.pk}"}))
    assert b"grace@acme.com" in base64.b64decode(fields["SAMLResponse"])


@pytest.fixture
def live(db):
    return make_environment("Live", kind="production")


@pytest.mark.parametrize(
    "spelling",
    [
        "{base}/sso/saml/{id}/acs",
        "{base}/sso/saml//{id}/acs",
        "{base}/sso/./saml/{id}/acs",
        "{base}/%73so/saml/{id}/acs",
        "{base}/sso/saml/{id}/acs?x=1",
        "http://127.0.0.1:8000/sso/saml/{id}/acs",
        "http://LOCALHOST:8000/sso/saml/{id}/acs",
        "http://someone@localhost:8000/sso/saml/{id}/acs",
        "{base}/sso/oidc/{id}/callback",
    ],
)
def test_a_connection_of_a_production_environment_is_not_answered(browser, idp, live, settings, spelling):
    settings.BASE_URL = "http://localhost:8000"
    connection = make_connection(live, kind="GenericSAML")
    address = spelling.format(base=settings.BASE_URL, id=connection.pk)

    by_saml = begin_saml(browser, idp, acs=address)
    by_oidc = begin_oidc(browser, idp, redirect_uri=address)

    assert (by_saml.status_code, by_oidc.status_code) == (403, 403)


def test_a_connection_of_another_sandbox_is_not_answered_either(browser, idp, other_environment, settings):
    address = acs_of(make_connection(other_environment), settings.BASE_URL)

    assert begin_saml(browser, idp, acs=address).status_code == 403


def test_a_production_environment_has_none_of_the_pages(browser, live):
    base = f"/test-idp/{live.client_id}"
    pages = ["", "/sign-in", "/saml/metadata", "/saml/sso", "/saml/start", "/saml/slo"]
    pages += [
        f"/oidc/{page}" for page in (".well-known/openid-configuration", "jwks", "authorize", "end_session")
    ]

    assert {browser.get(base + page).status_code for page in pages} == {404}
    assert browser.post(f"{base}/oidc/token").status_code == 404
    assert browser.get(f"{base}/oidc/userinfo").status_code == 404


def test_a_sign_in_may_begin_here(browser, environment, idp, settings):
    connection = make_connection(environment)
    begun = browser.get(f"{path_of(idp.base)}/saml/start", {"connection": connection.pk})

    action, fields = posted_form(browser.post(begun["Location"], {"email": "ada@acme.test"}))

    assert action == acs_of(connection, settings.BASE_URL)
    assert b"InResponseTo" not in base64.b64decode(fields["SAMLResponse"])


# --- Logout ----------------------------------------------------------------------------------------------------------


def test_a_logout_that_a_connection_asks_for_is_answered_there(browser, environment, idp, settings):
    connection = make_connection(environment)
    issuer = f"{settings.BASE_URL}/sso/saml/{connection.pk}/metadata"
    request = (
        f'<samlp:LogoutRequest xmlns:samlp="{NAMESPACES["samlp"]}" xmlns:saml="{NAMESPACES["saml"]}" ID="_9" '
        f'Version="2.0"><saml:Issuer>{issuer}</saml:Issuer><saml:NameID>n</saml:NameID></samlp:LogoutRequest>'
    ).encode()

    url, answer = target_of(
        browser.get(path_of(idp.slo_url), {"SAMLRequest": deflated(request), "RelayState": "r"})
    )

    assert url.startswith(f"{settings.BASE_URL}/sso/saml/{connection.pk}/slo?")
    assert answer["RelayState"] == "r"
    assert answer["SigAlg"].endswith("rsa-sha256")
    stranger = deflated(request.replace(issuer.encode(), b"https://app.example/metadata"))
    assert b"does not know where" in browser.get(path_of(idp.slo_url), {"SAMLRequest": stranger}).content


def test_a_sign_in_can_be_ended_from_here(browser, environment, idp, settings):
    connection = make_connection(environment)
    begun = begin_saml(browser, idp, acs=acs_of(connection, settings.BASE_URL))
    browser.post(begun["Location"], {"email": "ada@acme.test"})
    home = browser.get(path_of(idp.base)).content.decode()
    session = found(r'name="session" value="([^"]+)"', home)

    url, fields = target_of(browser.post(path_of(idp.base), {"session": session}))

    assert url.startswith(f"{settings.BASE_URL}/sso/saml/{connection.pk}/slo?SAMLRequest=")
    assert fields["Signature"]
    assert session not in browser.get(path_of(idp.base)).content.decode()


def test_an_openid_logout_shows_a_stranger_s_address_before_it_goes_there(browser, idp, settings):
    end = f"{path_of(idp.issuer)}/end_session"
    shown = browser.get(end, {"post_logout_redirect_uri": "https://app.example/bye", "state": "s"})

    assert shown.status_code == 200
    assert "https://app.example/bye?state=s" in html.unescape(shown.content.decode())
    assert browser.get(end, {"post_logout_redirect_uri": "javascript:alert(1)"}).status_code == 400
