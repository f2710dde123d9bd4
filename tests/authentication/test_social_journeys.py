"""The whole way through a social provider, over HTTP: the button, the provider, the callback, the tokens."""

import pytest
from django.test import Client

from accounts.models import EmailVerification, Identity, User
from authentication.models import Session
from environments.services import update_authentication_settings
from foundation.actors import SYSTEM
from sso import services as sso
from sso.models import Connection, SSOSession
from tests.caches import forget_what_is_cached
from tests.factories.accounts import make_user
from tests.factories.sso import make_oauth_connection
from tests.oidc_provider import as_json, run_provider
from tests.sso.browser import CALLBACK, local, query_of

EMAIL = "ada@example.com"


@pytest.fixture(scope="module")
def running_provider():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider):
    forget_what_is_cached()
    running_provider.reset()
    running_provider.answers["/profile"] = as_json({"id": 583231, "login": "ada", "name": "Ada Lovelace"})
    addresses(running_provider, verified=True)
    yield running_provider
    forget_what_is_cached()


def addresses(provider, *, verified, email=EMAIL):
    provider.answers["/emails"] = as_json([{"email": email, "primary": True, "verified": verified}])


def connect(environment, provider, kind="GitHubOAuth"):
    connection = make_oauth_connection(environment, kind)
    settings = {
        "trusts_emails": True,
        "endpoints": {
            "authorize_url": f"{provider.base}/authorize",
            "access_token_url": f"{provider.base}/token",
            "profile_url": f"{provider.base}/profile",
            "emails_url": f"{provider.base}/emails",
        },
    }
    return sso.update_connection(
        connection=connection, actor=SYSTEM, changes={"oauth": {"provider_settings": settings}}
    )


@pytest.fixture
def github(environment, provider):
    return connect(environment, provider)


def authorize(browser, environment, **parameters):
    query = {
        "client_id": environment.client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "state": "s-1",
        **parameters,
    }
    answer = browser.get("/user_management/authorize", query)
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def leave(browser, environment, **parameters):
    """Ask for a provider by name; return the parameters with which the browser comes to it."""
    started = browser.get(local(authorize(browser, environment, **parameters)))
    assert started.status_code == 302, started.content
    return query_of(started["Location"])


def come_back(browser, connection, sent, **changes):
    return browser.get(
        f"/sso/oauth/{connection.pk}/callback", {"code": "code-1", "state": sent["state"], **changes}
    )


def exchange(api, environment, response):
    assert response.status_code == 302, response.content
    back = query_of(response["Location"])
    assert response["Location"].startswith(CALLBACK), response["Location"]
    return api.post(
        "/user_management/authenticate",
        {
            "client_id": environment.client_id,
            "client_secret": api.api_key,
            "grant_type": "authorization_code",
            "code": back.get("code", ""),
        },
    )


@pytest.fixture
def browser():
    return Client()


def test_an_application_sends_somebody_to_a_provider_by_name(browser, environment, github, api, provider):
    sent = leave(browser, environment, provider="GitHubOAuth")
    assert sent["redirect_uri"].endswith(f"/sso/oauth/{github.pk}/callback")
    answer = exchange(api, environment, come_back(browser, github, sent))
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["user"]["email"], body["user"]["email_verified"]) == (EMAIL, True)
    assert body["authentication_method"] == "GitHubOAuth"
    assert body["oauth_tokens"]["access_token"] == "access-1"
    assert Connection.objects.in_environment(environment).get(pk=github.pk).state == "active"


def test_the_exchange_asks_for_the_mailbox_that_the_provider_does_not_vouch_for(
    browser, environment, github, api, provider
):
    owner = make_user(environment, email=EMAIL, email_verified=True)
    addresses(provider, verified=False)
    sent = leave(browser, environment, provider="GitHubOAuth")
    answer = exchange(api, environment, come_back(browser, github, sent))
    assert answer.status_code == 403
    assert answer.json()["code"] == "email_verification_required"
    assert not Identity.objects.in_environment(environment).exists()
    code = EmailVerification.objects.in_environment(environment).get(user=owner).code
    done = api.post(
        "/user_management/authenticate",
        {
            "client_id": environment.client_id,
            "client_secret": api.api_key,
            "grant_type": "urn:workos:oauth:grant-type:email-verification:code",
            "code": code,
            "pending_authentication_token": answer.json()["pending_authentication_token"],
        },
    )
    assert done.status_code == 200, done.content
    assert Identity.objects.in_environment(environment).get().user_id == owner.id


def through_the_button(browser, environment, connection, label="GitHub"):
    place = local(authorize(browser, environment, provider="authkit"))
    page = browser.get(place).content.decode()
    assert f"Continue with {label}" in page
    moment = browser.get(f"/sign-in/through/{connection.pk}", {"request": query_of(place)["request"]})
    target = moment.context["target"]
    return query_of(browser.get(local(target))["Location"])


def test_somebody_presses_the_button_on_our_page(browser, environment, github, api):
    sent = through_the_button(browser, environment, github)
    answer = exchange(api, environment, come_back(browser, github, sent))
    assert answer.json()["authentication_method"] == "GitHubOAuth"


def test_on_our_pages_the_mailbox_is_proven_before_the_browser_leaves(browser, environment, github, provider):
    make_user(environment, email=EMAIL, email_verified=True)
    addresses(provider, verified=False)
    sent = through_the_button(browser, environment, github)
    asked = come_back(browser, github, sent)
    assert asked.status_code == 303
    page = browser.get(asked["Location"])
    assert EMAIL in page.content.decode()
    assert not Session.objects.in_environment(environment).exists()
    code = EmailVerification.objects.in_environment(environment).get().code
    proven = browser.post(asked["Location"], {"code": code})
    assert proven.status_code == 303, proven.content.decode()
    assert Identity.objects.in_environment(environment).get().idp_id == "583231"


def test_only_providers_that_are_set_up_have_a_button(browser, environment, github):
    make_oauth_connection(environment, "GoogleOAuth")
    off = make_oauth_connection(environment, "DiscordOAuth")
    sso.update_connection(connection=off, actor=SYSTEM, changes={"is_enabled": False})
    place = local(authorize(browser, environment, provider="authkit"))
    page = browser.get(place).content.decode()
    assert page.index("Continue with Google") < page.index("Continue with GitHub")
    assert "Discord" not in page
    update_authentication_settings(environment=environment, changes={"social_enabled": False})
    assert "Continue with GitHub" not in browser.get(place).content.decode()


def test_where_nothing_else_is_allowed_the_buttons_stand_alone(browser, environment, github):
    changes = {"password_enabled": False, "magic_auth_enabled": False, "passkey_enabled": False}
    update_authentication_settings(environment=environment, changes=changes)
    page = browser.get(local(authorize(browser, environment, provider="authkit"))).content.decode()
    assert "Continue with GitHub" in page
    assert 'name="email"' not in page


# --- attacks ------------------------------------------------------------------------------------------------------


def test_an_answer_in_another_browser_signs_nobody_in(browser, environment, github):
    """Login CSRF: the attacker's answer in the victim's browser."""
    sent = leave(browser, environment, provider="GitHubOAuth")
    refused = come_back(Client(), github, sent)
    assert "code=" not in refused.get("Location", "")
    assert not User.objects.in_environment(environment).exists()


def test_a_state_counts_once(browser, environment, github):
    sent = leave(browser, environment, provider="GitHubOAuth")
    come_back(browser, github, sent)
    again = come_back(browser, github, sent)
    assert again.status_code == 404
    assert SSOSession.objects.in_environment(environment).count() == 1


def test_a_state_that_nobody_gave_out_is_refused(browser, environment, github, provider):
    for state in ("made-up", "", "x" * 5000):
        assert come_back(browser, github, {"state": state}).status_code == 404
    assert provider.asked_for("/token") == 0


def test_the_answer_of_one_provider_does_not_pass_for_another(browser, environment, github, provider):
    """Mix-up: the browser is sent to the callback of another provider with the state of this one."""
    other = connect(environment, provider, "GitLabOAuth")
    sent = leave(browser, environment, provider="GitHubOAuth")
    refused = come_back(browser, other, sent)
    assert query_of(refused.get("Location", "")).get("code") is None
    assert provider.asked_for("/token") == 0
    assert not User.objects.in_environment(environment).exists()


def test_a_parameter_that_comes_twice_is_refused(browser, environment, github, provider):
    sent = leave(browser, environment, provider="GitHubOAuth")
    url = f"/sso/oauth/{github.pk}/callback?code=a&code=b&state={sent['state']}"
    assert browser.get(url).status_code == 404
    assert provider.asked_for("/token") == 0


def test_whoever_cancels_goes_back_to_the_application(browser, environment, github):
    sent = leave(browser, environment, provider="GitHubOAuth")
    answer = browser.get(
        f"/sso/oauth/{github.pk}/callback", {"error": "access_denied", "state": sent["state"]}
    )
    assert query_of(answer["Location"])["error"] == "access_denied"
    assert query_of(answer["Location"])["state"] == "s-1"


def test_a_posted_answer_is_sent_once_more_for_its_cookie(environment, github, api):
    """Apple posts from its own site, where a cookie of SameSite=Lax stays behind."""
    browser = Client()
    sent = leave(browser, environment, provider="GitHubOAuth")
    fields = {"code": "code-1", "state": sent["state"], "user": '{"name": {"firstName": "Ada"}}'}
    without_cookie = Client().post(f"/sso/oauth/{github.pk}/callback", fields)
    page = without_cookie.content.decode()
    assert without_cookie.status_code == 200
    assert 'name="sent_once_more"' in page
    assert sent["state"] in page
    again = browser.post(f"/sso/oauth/{github.pk}/callback", {**fields, "sent_once_more": "1"})
    assert "/callback?code=" in again.content.decode()
