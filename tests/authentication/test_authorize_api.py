from urllib.parse import urlsplit

import pytest

from authentication.models import AuthorizationRequest
from environments.services import add_redirect_uri
from tests.authentication.browser import CALLBACK, VERIFIER, Browser, challenge_of, query_of
from tests.factories.environments import make_environment
from tests.factories.organizations import make_organization


@pytest.fixture
def browser(environment):
    return Browser(environment)


def refusal(answer):
    """Return the error that the application is told, having been sent back to it."""
    assert answer.status_code == 302, answer.content
    location = answer.headers["Location"]
    assert location.startswith(CALLBACK + "?"), location
    query = query_of(location)
    assert query["error_description"]
    return query["error"]


def test_a_browser_is_sent_to_the_sign_in_page(browser, environment, settings):
    answer = browser.authorize(
        state="xyz",
        login_hint="ada@example.com",
        domain_hint="example.com",
        screen_hint="sign-up",
        prompt="login",
        max_age="300",
        invitation_token="invited",
        code_challenge=challenge_of(VERIFIER),
        code_challenge_method="S256",
        **{"provider_query_params[hd]": "example.com"},
    )

    assert answer.status_code == 302
    assert answer.content == b""
    assert answer.headers["Cache-Control"] == "no-store"
    location = urlsplit(answer.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == f"{settings.BASE_URL}/sign-in"
    assert set(query_of(answer.headers["Location"])) == {"request"}
    request = AuthorizationRequest.objects.in_environment(environment).get()
    assert (request.redirect_uri, request.state, request.provider) == (CALLBACK, "xyz", "authkit")
    assert (request.login_hint, request.domain_hint) == ("ada@example.com", "example.com")
    assert (request.screen_hint, request.prompt, request.max_age) == ("sign-up", "login", 300)
    assert (request.invitation_token, request.code_challenge) == ("invited", challenge_of(VERIFIER))
    assert request.provider_parameters == {"scopes": [], "query": {"hd": "example.com"}}


def test_the_page_is_on_the_address_of_the_installation_whatever_host_is_named(browser, settings):
    settings.ALLOWED_HOSTS = ["*"]
    answer = browser.http.get(
        "/user_management/authorize",
        {
            "client_id": browser.environment.client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "provider": "authkit",
        },
        headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"},
    )

    assert answer.headers["Location"].startswith(settings.BASE_URL + "/")


@pytest.mark.parametrize("client_id", ["client_unknown", "x"])
def test_an_unknown_client_is_told_so_and_sends_nobody_anywhere(browser, client_id):
    answer = browser.authorize(client_id=client_id)

    assert answer.status_code == 404
    assert "Location" not in answer.headers
    assert answer.json()["code"] == "entity_not_found"


@pytest.mark.parametrize("missing", ["client_id", "redirect_uri"])
def test_what_decides_where_a_refusal_goes_must_be_there(browser, missing):
    answer = browser.authorize(**{missing: None})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == f"{missing}_string_required"


EVIL = [
    "https://evil.example/callback",
    "https://app.example.com.evil.example/callback",
    "https://app.example.com@evil.example/callback",
    "https://user@app.example.com/callback",
    "https://app.example.com:443@evil.example/callback",
    "https://app.example.com/callback/../elsewhere",
    "https://app.example.com/%63allback",
    "https://app.example.com/Callback",
    "https://app.example.com/callback/",
    "https://app.example.com/callback?next=https://evil.example",
    "https://app.example.com/callback#fragment",
    "https://app.example.com/callback#",
    "https://app.example.com:8443/callback",
    "http://app.example.com/callback",
    "https://app.example.com\\@evil.example/callback",
    "https://app.example.com/callback\t",
    " https://app.example.com/callback",
    "https://app.example.com/callback ",
    "https://app.example.com%2eevil.example/callback",
    "https://app%2eexample.com/callback",
    "https://app.example.com./callback",
    "https://\u0430pp.example.com/callback",
    "//app.example.com/callback",
    "javascript:alert(1)",
    "app.example.com/callback",
    "https://evil-preview.example.com.evil.example/callback",
    "https://a.b-preview.example.com/callback",
    "https://evil.example/-preview.example.com/callback",
    "https://evil.example?-preview.example.com/callback",
    "https://*-preview.example.com/callback",
    "https://-preview.example.com/callback",
]


@pytest.mark.parametrize("redirect_uri", EVIL)
def test_a_redirect_uri_that_is_not_configured_sends_nobody_anywhere(browser, environment, redirect_uri):
    add_redirect_uri(environment=environment, uri="https://app.example.com/callback")
    add_redirect_uri(environment=environment, uri="https://*-preview.example.com/callback")

    answer = browser.authorize(redirect_uri=redirect_uri)

    assert answer.status_code == 400, answer.headers
    assert "Location" not in answer.headers
    assert answer.json()["error"] == "invalid_redirect_uri"
    assert not AuthorizationRequest.objects.in_environment(environment).exists()


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://app.example.com/callback",
        "https://APP.example.com/callback",
        "https://app.example.com:443/callback",
        "https://pr-17-preview.example.com/callback",
        "http://localhost:3000/callback",
    ],
)
def test_what_is_configured_is_taken_in_each_of_its_spellings(browser, environment, redirect_uri):
    add_redirect_uri(environment=environment, uri="https://app.example.com/callback")
    add_redirect_uri(environment=environment, uri="https://*-preview.example.com/callback")

    assert query_of(browser.authorize(redirect_uri=redirect_uri).headers["Location"])["request"]


def test_a_redirect_uri_of_another_environment_or_purpose_is_none_of_ours(
    browser, environment, other_environment
):
    add_redirect_uri(environment=other_environment, uri="https://other.example.com/callback")
    add_redirect_uri(environment=environment, uri="https://app.example.com/bye", purpose="logout")

    for uri in ("https://other.example.com/callback", "https://app.example.com/bye"):
        assert browser.authorize(redirect_uri=uri).json()["error"] == "invalid_redirect_uri"


def test_a_production_environment_has_no_localhost(db):
    production = make_environment("Acme", "production")

    answer = Browser(production).authorize()

    assert answer.json()["error"] == "invalid_redirect_uri"


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"provider": None}, "invalid_connection_selector"),
        ({"provider": "Nonsense"}, "invalid_connection_selector"),
        ({"connection_id": "conn_1"}, "invalid_connection_selector"),
        ({"provider": "GoogleOAuth", "organization_id": "org_1"}, "invalid_connection_selector"),
        (
            {"provider": None, "connection_id": "conn_1", "organization_id": "org_1"},
            "invalid_connection_selector",
        ),
        ({"provider": None, "connection_id": "conn_1"}, "connection_invalid"),
        ({"provider": None, "organization_id": "org_1"}, "organization_invalid"),
        ({"organization_id": "org_1"}, "organization_invalid"),
        ({"provider": "GoogleOAuth"}, "connection_invalid"),
        ({"code_challenge": challenge_of(VERIFIER)}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge": "x" * 129, "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge": "+" * 43, "code_challenge_method": "S256"}, "invalid_request"),
        ({"screen_hint": "sign-off"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "9" * 30}, "invalid_request"),
        ({"max_age": "١٢"}, "invalid_request"),
    ],
)
def test_a_refusal_is_carried_back_to_the_application(browser, environment, parameters, error):
    answer = browser.authorize(state="st&te", **parameters)

    assert refusal(answer) == error
    assert query_of(answer.headers["Location"])["state"] == "st&te"
    assert not AuthorizationRequest.objects.in_environment(environment).exists()


def test_an_organization_without_a_connection_is_told_in_the_words_of_the_reference(browser, environment):
    organization = make_organization(environment)

    answer = browser.authorize(provider=None, organization_id=organization.id, state="123456789")

    assert answer.headers["Location"] == (
        f"{CALLBACK}?error=organization_invalid"
        "&error_description=No%20connection%20associated%20with%20organization&state=123456789"
    )


def test_an_organization_of_another_environment_is_unknown(browser, other_environment):
    organization = make_organization(other_environment)

    answer = browser.authorize(organization_id=organization.id)

    assert query_of(answer.headers["Location"])["error_description"] == (
        "There is no organization matching the provided ID."
    )


@pytest.mark.parametrize("state", ["", " spaced ", "dj1kUXc0dzlXZ1hjUQ==", "ü🙂", "a&code=x#y", "x" * 3000])
def test_state_goes_back_as_it_came(browser, state):
    answer = browser.authorize(provider="GoogleOAuth", state=state)

    assert query_of(answer.headers["Location"])["state"] == state
    assert query_of(answer.headers["Location"])["error"] == "connection_invalid"


def test_no_state_comes_back_where_none_came(browser):
    assert "state" not in query_of(browser.authorize(provider="GoogleOAuth").headers["Location"])


def test_what_a_redirect_uri_holds_already_stays(browser, environment):
    uri = "https://app.example.com/callback?tenant=a%20b"
    add_redirect_uri(environment=environment, uri=uri)

    location = browser.authorize(redirect_uri=uri, provider="GoogleOAuth").headers["Location"]

    assert location.startswith(uri + "&error=connection_invalid&")


def test_one_address_cannot_fill_the_table(browser):
    statuses = {browser.authorize().status_code for _ in range(502)}

    assert statuses == {302, 429}
