import html
import re

from accounts.models import AuthenticationFactor, RecoveryCode
from environments.services import update_authentication_settings
from tests.authenticator import code_of
from tests.factories.accounts import make_totp_factor


def exchange(client, code):
    return client.authenticate("authorization_code", code=code)


def test_whoever_has_an_authenticator_app_is_asked_for_its_code(browser, ada, client):
    factor = make_totp_factor(ada)
    browser.authorize()
    browser.sign_in()
    assert browser.path == "/sign-in/second-factor"
    assert 'autocomplete="one-time-code"' in browser.text

    assert browser.submit(code="000000").status_code == 422
    assert "This code is not right" in browser.text
    browser.submit(code=code_of(factor.totp_secret))

    assert exchange(client, browser.code).status_code == 200


def test_the_second_factor_is_asked_for_once_in_a_browser(browser, ada):
    factor = make_totp_factor(ada)
    browser.authorize()
    browser.sign_in()
    browser.submit(code=code_of(factor.totp_secret))

    browser.authorize(state="again")

    assert "code=" in browser.url


def test_the_continue_page_is_no_way_around_the_second_factor(browser, ada):
    make_totp_factor(ada)
    browser.authorize()
    browser.sign_in()

    browser.open(browser.url.replace("second-factor", "continue"))
    assert browser.path == "/sign-in/second-factor"
    browser.open(browser.url.replace("second-factor", "enroll"))
    assert browser.path == "/sign-in/second-factor"


def test_where_the_policy_asks_for_it_an_app_is_enrolled_on_the_way(browser, environment, ada, client):
    update_authentication_settings(environment=environment, changes={"mfa_policy": "required"})
    browser.authorize()
    browser.sign_in()
    assert browser.path == "/sign-in/enroll"
    assert 'src="data:image/png;base64,' in browser.text
    secret = re.findall(r'class="key">([^<]+)<', browser.text)[0].replace(" ", "")

    assert browser.submit(code="000000").status_code == 422
    assert secret in browser.text.replace(" ", "")
    assert not AuthenticationFactor.objects.in_environment(environment).exists()
    browser.submit(code=code_of(secret))

    shown = re.findall(r"<li><code>([^<]+)</code>", browser.text)
    assert len(shown) == RecoveryCode.objects.in_environment(environment).count() > 0
    browser.open(html.unescape(re.findall(r'href="(/sign-in/continue[^"]+)"', browser.text)[0]))
    assert exchange(client, browser.code).status_code == 200

    other = type(browser)(environment, "198.51.100.3")
    other.authorize()
    other.sign_in()
    other.submit(code=shown[0])
    assert other.path == "/sign-in/continue"
