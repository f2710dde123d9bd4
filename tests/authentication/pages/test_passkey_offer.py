"""After a sign-in by password: a passkey for the next time, for browsers that can make one."""

from datetime import timedelta

import pytest
import time_machine

from accounts.models import Passkey
from environments.services import update_authentication_settings
from foundation import clock
from tests.authentication.pages.conftest import PageBrowser
from tests.authenticator import code_of
from tests.factories.accounts import PASSWORD, make_passkey, make_totp_factor
from tests.factories.organizations import make_membership, make_organization, set_policy
from tests.software_authenticator import SoftwareAuthenticator


def sign_in(browser, **parameters):
    """Sign in by password, in a browser whose script has said that it can make passkeys."""
    browser.authorize(prompt="login", **parameters)
    browser.submit(email="ada@example.com")
    return browser.submit(password=PASSWORD, makes_passkeys="1")


@pytest.fixture
def offered(browser, ada):
    sign_in(browser)
    assert browser.path == "/sign-in/passkey-offer"
    return browser


def options(browser):
    answer = browser.http.post(
        browser.url.replace("/passkey-offer?", "/passkey-offer/options?"),
        headers={"X-CSRFToken": browser.http.cookies["csrftoken"].value},
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_passkey_is_added_on_the_way_and_signs_in_the_next_time(offered, client, environment, ada):
    authenticator = SoftwareAuthenticator()

    offered.submit(answer=authenticator.create(options(offered)))

    assert offered.path == "/sign-in/continue"
    assert client.authenticate("authorization_code", code=offered.code).status_code == 200
    assert Passkey.objects.in_environment(environment).get().user_id == ada.pk
    sign_in(offered)
    assert offered.path == "/sign-in/continue"


def test_whoever_says_no_is_not_asked_again_for_a_month(offered, client, ada):
    with time_machine.travel(clock.now(), tick=False) as now:
        offered.submit(decline="1")
        assert offered.path == "/sign-in/continue"
        assert client.authenticate("authorization_code", code=offered.code).status_code == 200
        now.shift(timedelta(days=30))
        sign_in(offered)
        assert offered.path == "/sign-in/continue"
        now.shift(timedelta(minutes=1))
        sign_in(offered)
        assert offered.path == "/sign-in/passkey-offer"


def test_an_answer_that_is_none_can_be_tried_again(offered, environment):
    assert offered.submit(answer="{}").status_code == 422
    assert "Try again" in offered.text

    offered.submit(answer=SoftwareAuthenticator().create(options(offered)))

    assert Passkey.objects.in_environment(environment).count() == 1


def test_a_browser_that_cannot_make_one_is_not_held_up(browser, ada):
    browser.authorize()
    browser.sign_in()

    assert browser.path == "/sign-in/continue"


def test_the_second_factor_comes_before_the_offer(browser, ada, environment):
    factor = make_totp_factor(ada)
    sign_in(browser)
    assert browser.path == "/sign-in/second-factor"
    challenged = browser.url
    browser.open(challenged.replace("/second-factor?", "/passkey-offer?"))
    assert browser.path == "/sign-in/second-factor"
    answer = browser.http.post(
        challenged.replace("/second-factor?", "/passkey-offer/options?"),
        headers={"X-CSRFToken": browser.http.cookies["csrftoken"].value},
    )
    assert answer.status_code == 303

    browser.submit(code=code_of(factor.totp_secret))

    assert browser.path == "/sign-in/passkey-offer"
    assert not Passkey.objects.in_environment(environment).exists()


def test_nobody_is_offered_what_is_there_off_or_not_allowed(browser, ada, environment):
    organization = make_organization(environment, "Foo Corp")
    make_membership(organization, ada)
    set_policy(organization, passkey_allowed=False)
    sign_in(browser)
    assert browser.path == "/sign-in/continue"
    set_policy(organization, passkey_allowed=True)

    update_authentication_settings(environment=environment, changes={"passkey_enabled": False})
    sign_in(browser)
    assert browser.path == "/sign-in/continue"
    update_authentication_settings(environment=environment, changes={"passkey_enabled": True})

    make_passkey(ada)
    sign_in(browser)
    assert browser.path == "/sign-in/continue"


def test_whoever_signs_in_once_more_for_the_account_page_is_not_held_up(browser, ada):
    browser.open_account()
    browser.submit(email="ada@example.com")
    browser.submit(password=PASSWORD, makes_passkeys="1")

    assert browser.path == "/sign-in/continue"


def test_another_browser_adds_nothing_with_the_address_of_the_offer(offered, environment):
    stranger = PageBrowser(environment, "198.51.100.20")

    stranger.open(offered.url)

    assert stranger.path == "/sign-in"
