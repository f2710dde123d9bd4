from datetime import timedelta

import pytest
import time_machine

from accounts.services import update_user
from authentication.models import HostedSession, Session
from foundation import clock
from foundation.actors import SYSTEM
from tests.authentication.browser import query_of
from tests.authentication.pages.conftest import PageBrowser
from tests.factories.accounts import PASSWORD
from tests.factories.environments import make_environment
from tests.factories.organizations import make_membership, make_organization


@pytest.fixture
def signed_in(browser, ada):
    browser.authorize()
    browser.sign_in()
    return browser


def exchange(client, code):
    return client.authenticate("authorization_code", code=code)


def test_a_browser_that_is_signed_in_is_not_asked_again(signed_in, client, ada):
    exchange(client, signed_in.code)

    signed_in.authorize(state="second")

    assert query_of(signed_in.url)["state"] == "second"
    answer = exchange(client, signed_in.code)
    assert answer.json()["user"]["id"] == ada.id
    assert Session.objects.in_environment(client.environment).count() == 2


def test_the_cookie_is_out_of_reach_and_kept_as_a_digest(signed_in, environment):
    name = f"gatehouse_session_{environment.pk}"
    cookie = signed_in.http.cookies[name]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    row = HostedSession.objects.in_environment(environment).get()
    assert row.secret_digest != cookie.value


def test_a_fresh_sign_in_is_asked_for_when_the_application_wants_one(signed_in, ada):
    signed_in.authorize(prompt="login")
    assert signed_in.path == "/sign-in"
    signed_in.sign_in()
    assert "code" in query_of(signed_in.target)

    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        signed_in.authorize(max_age="3600")
        assert "code" in query_of(signed_in.target)
        signed_in.authorize(max_age="60")
        assert signed_in.path == "/sign-in"


def test_somebody_else_is_asked_for(signed_in):
    signed_in.authorize(login_hint="grace@example.com")

    assert signed_in.path == "/sign-in"


def test_organizations_are_asked_for_still(signed_in, environment, ada):
    make_membership(make_organization(environment, "Foo Corp"), ada)
    make_membership(make_organization(environment, "Bar Corp"), ada)

    signed_in.authorize()

    assert signed_in.path == "/sign-in/organization"


def test_another_environment_does_not_know_the_browser(signed_in, environment):
    other = PageBrowser(make_environment("Other"))
    secret = signed_in.http.cookies[f"gatehouse_session_{environment.pk}"].value
    other.http.cookies[f"gatehouse_session_{other.environment.pk}"] = secret

    other.authorize()

    assert other.path == "/sign-in"


def test_signing_in_gives_the_browser_a_new_secret_and_voids_a_planted_one(
    browser, other_browser, ada, environment
):
    other_browser.authorize()
    other_browser.sign_in()
    name = f"gatehouse_session_{environment.pk}"
    planted = other_browser.http.cookies[name].value
    browser.http.cookies[name] = planted

    browser.authorize(prompt="login")
    browser.sign_in()

    assert browser.http.cookies[name].value != planted
    other_browser.authorize()
    assert other_browser.path == "/sign-in"


def test_a_new_password_signs_the_browser_out(signed_in, ada):
    update_user(user=ada, actor=SYSTEM, password=PASSWORD + " changed")

    signed_in.authorize()

    assert signed_in.path == "/sign-in"


def test_logging_out_of_the_application_signs_the_browser_out(signed_in, client):
    exchange(client, signed_in.code)
    session = Session.objects.in_environment(client.environment).get()

    signed_in.open(f"/user_management/sessions/logout?session_id={session.pk}")
    signed_in.authorize()

    assert signed_in.path == "/sign-in"


def test_a_browser_that_nobody_used_for_a_week_is_signed_out(signed_in):
    with time_machine.travel(clock.now() + timedelta(days=6)):
        signed_in.authorize()
        assert signed_in.path != "/sign-in"
    with time_machine.travel(clock.now() + timedelta(days=14)):
        signed_in.authorize()
        assert signed_in.path == "/sign-in"
