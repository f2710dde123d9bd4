"""What somebody would try who knows the code of the hosted pages."""

import re

import pytest
import time_machine

from accounts.models import MagicAuth, PasswordReset, User
from accounts.services import update_user
from authentication.pages.urls import urlpatterns
from environments.services import add_redirect_uri, update_authentication_settings
from events.models import Mail
from foundation import clock
from foundation.actors import SYSTEM
from tests.authentication.browser import CALLBACK, query_of
from tests.authentication.pages.conftest import PageBrowser
from tests.authenticator import code_of
from tests.factories.accounts import PASSWORD, make_totp_factor, make_user


def pages():
    """Every address of the hosted pages but those of stylesheets and logos, which anybody may keep."""
    return [
        re.sub(r"<\w+:\w+>", "some_id", str(pattern.pattern))
        for pattern in urlpatterns
        if not str(pattern.pattern).startswith("branding/")
    ]


def newest_code(environment):
    return MagicAuth.objects.in_environment(environment).latest("id").code


@pytest.mark.parametrize("path", pages())
def test_every_page_is_framed_by_nobody_and_kept_by_no_cache(browser, environment, path):
    headers = browser.http.get(f"/{path}").headers

    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


# What an identity provider posts carries no token of ours; its answer is held to the request that it answers.
@pytest.mark.parametrize("path", [path for path in pages() if not path.startswith("sso/")])
def test_every_form_of_another_site_is_refused(browser, environment, path):
    answer = browser.http.post(f"/{path}", {"email": "ada@example.com"})

    assert answer.status_code == 403
    # In the words that end users read, not in those of the admin.
    assert "This form has expired" in answer.content.decode()


# --- sessions and cookies -------------------------------------------------------------------------------------


def test_under_https_no_subdomain_can_plant_a_cookie(browser, ada, settings):
    settings.CSRF_COOKIE_SECURE = True
    browser.authorize()
    browser.submit(email="ada@example.com")
    browser.submit(password=PASSWORD)

    ours = [name for name in browser.http.cookies if "gatehouse" in name]
    assert {name.partition("gatehouse_")[2].partition("_")[0] for name in ours} >= {"sign", "session"}
    for name in ours:
        cookie = browser.http.cookies[name]
        assert name.startswith("__Host-")
        assert (cookie["secure"], cookie["httponly"], cookie["path"], cookie["domain"]) == (
            True,
            True,
            "/",
            "",
        )


def test_a_sign_in_cannot_be_finished_in_the_browser_of_somebody_else(
    browser, other_browser, ada, environment
):
    """Login CSRF: the thief signs in as himself, and sends the last address to his victim."""
    other_browser.authorize()
    other_browser.sign_in()

    browser.open(other_browser.url)

    assert browser.path == "/sign-in"
    assert f"gatehouse_session_{environment.pk}" not in browser.http.cookies


def test_how_far_one_sign_in_has_come_is_of_no_use_to_another(browser, other_browser, ada, environment):
    other_browser.authorize()
    other_browser.sign_in()
    (name,) = [name for name in other_browser.http.cookies if "sign_in" in name]
    browser.authorize()
    mine = browser.url
    browser.submit(email="ada@example.com")
    (own,) = [name for name in browser.http.cookies if "sign_in" in name]
    browser.http.cookies[own] = other_browser.http.cookies[name].value

    browser.open(mine.replace("/sign-in?", "/sign-in/continue?"))

    assert browser.path == "/sign-in"


def test_a_finished_sign_in_cannot_be_carried_to_another_browser(browser, other_browser, ada, client):
    browser.authorize()
    browser.sign_in()
    assert client.authenticate("authorization_code", code=browser.code).status_code == 200
    (name,) = [name for name in browser.http.cookies if "sign_in" in name]
    other_browser.http.cookies[name] = browser.http.cookies[name].value

    other_browser.open(browser.url)

    assert other_browser.path == "/sign-in"


# --- where the browser is sent --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    ['0;url=https://evil.example/"><script>alert(1)</script>', "x&code=forged", "a#b", "\u2028;url='"],
)
def test_no_state_changes_where_the_browser_goes(browser, ada, state):
    browser.authorize(state=state)
    browser.sign_in()

    assert browser.target.startswith(f"{CALLBACK}?code=")
    assert query_of(browser.target)["state"] == state
    assert len(re.findall("[?&]code=", browser.target)) == 1
    assert "<script>alert" not in browser.text


@pytest.mark.parametrize("parameter", ["return_to", "next", "redirect_uri", "url", "continue"])
def test_no_page_takes_an_address_to_go_to(browser, ada, parameter):
    browser.authorize()
    start = browser.url
    for page in ("/sign-in?", "/sign-in/cancel?", "/sign-in/continue?"):
        browser.open(f"{start.replace('/sign-in?', page)}&{parameter}=https://evil.example/")
        assert not browser.url.startswith("https://evil.example")
        assert 'href="https://evil.example' not in browser.text

    browser.open(f"{start}&{parameter}=https://evil.example/")
    browser.sign_in()
    assert browser.target.startswith(CALLBACK)


def test_a_redirect_uri_that_is_removed_meanwhile_was_asked_for_rightly(browser, ada, environment):
    add_redirect_uri(environment=environment, uri="https://app.example.com/callback")
    browser.authorize(redirect_uri="https://app.example.com/callback")
    browser.sign_in()

    assert browser.target.startswith("https://app.example.com/callback?code=")


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded"])
def test_links_in_mails_lead_to_the_installation_whatever_host_is_named(
    browser, ada, environment, settings, header
):
    settings.ALLOWED_HOSTS = ["*"]
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    browser.authorize()
    browser.open(browser.url.replace("/sign-in?", "/sign-in/forgot-password?"))
    token = browser.http.cookies["csrftoken"].value

    answer = browser.http.post(
        browser.url, {"email": "ada@example.com", "csrfmiddlewaretoken": token}, headers={header: value}
    )

    assert answer.status_code == 200
    mail = Mail.objects.in_environment(environment).get()
    assert f"{settings.BASE_URL}/reset-password?token=" in mail.text
    assert "evil.example" not in mail.text + mail.html


# --- who has an account: by answer, and by the work that is done --------------------------------------------------


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com", "nopassword@example.com"])
def test_every_refused_password_costs_one_hash(browser, ada, environment, monkeypatch, email):
    make_user(environment, email="nopassword@example.com", email_verified=True)
    spent = []

    def check(_password, _scheme):
        spent.append("checked")
        return False

    monkeypatch.setattr("accounts.passwords.hashing._hash", lambda _password: spent.append("burned"))
    monkeypatch.setattr("accounts.passwords.hashing._matches", check)
    browser.authorize()
    browser.submit(email=email)

    assert browser.submit(password="wrong").status_code == 422

    assert len(spent) == 1


@pytest.mark.parametrize("path", ["forgot-password", "code"])
@pytest.mark.parametrize("sign_up_enabled", [True, False])
def test_known_and_unknown_addresses_get_one_mail_each_and_no_hash(
    environment, ada, monkeypatch, path, sign_up_enabled
):
    update_authentication_settings(environment=environment, changes={"sign_up_enabled": sign_up_enabled})
    spent: list[str] = []
    monkeypatch.setattr("accounts.passwords.hashing._hash", spent.append)
    answers = []
    for number, email in enumerate(("ada@example.com", "nobody@example.com")):
        visitor = PageBrowser(environment, f"203.0.113.{number}")
        visitor.authorize()
        visitor.submit(email=email)
        visitor.url = visitor.url.replace("/password", f"/{path}")
        visitor.submit(**{"email": email} if path == "forgot-password" else {"send": "1"})
        sent = Mail.objects.in_environment(environment).filter(recipient=email).count()
        answers.append((visitor.path, visitor.answer.status_code, sent, len(spent)))

    assert answers[0] == answers[1]
    assert answers[0][2:] == (1, 0)


# --- guessing -------------------------------------------------------------------------------------------------


def test_passwords_and_codes_are_guessed_at_from_one_purse(browser, ada, environment):
    browser.authorize()
    browser.submit(email="ada@example.com")
    password_page = browser.url
    browser.url = password_page.replace("/password", "/code")
    browser.submit(send="1")
    token = browser.http.cookies["csrftoken"].value

    def guess(number):
        url, field = (password_page, "password") if number % 2 else (browser.url, "code")
        return browser.http.post(url, {field: "000000", "csrfmiddlewaretoken": token}).status_code

    statuses = [guess(number) for number in range(12)]

    assert statuses == [422] * 10 + [429] * 2


def test_new_tabs_and_new_codes_buy_no_more_guesses(browser, ada, environment):
    statuses = []
    for _tab in range(3):
        browser.authorize()
        browser.submit(email="ada@example.com")
        browser.url = browser.url.replace("/password", "/code")
        browser.submit(send="1")
        token = browser.http.cookies["csrftoken"].value
        fields = {"code": "000000", "csrfmiddlewaretoken": token}
        statuses += [browser.http.post(browser.url, fields).status_code for _guess in range(4)]

    assert statuses == [422] * 10 + [429] * 2


# --- the second factor is asked for on every way ----------------------------------------------------------------


@pytest.mark.parametrize("way", ["password", "code", "new password", "signed in before"])
def test_no_way_in_spares_the_second_factor(browser, ada, environment, way):
    if way == "signed in before":
        browser.authorize()
        browser.sign_in()
    factor = make_totp_factor(ada)
    browser.authorize()
    if way == "code":
        browser.submit(email="ada@example.com")
        browser.url = browser.url.replace("/password", "/code")
        browser.submit(send="1")
        browser.submit(code=newest_code(environment))
    elif way == "new password":
        start = browser.url
        browser.url = start.replace("/sign-in?", "/sign-in/forgot-password?")
        browser.submit(email="ada@example.com")
        reset = PasswordReset.objects.in_environment(environment).get()
        browser.open("/reset-password", {"token": reset.token})
        browser.submit(new_password="a quite different passphrase 9")
        assert f"gatehouse_session_{environment.pk}" not in browser.http.cookies
        browser.open(start)
        browser.sign_in(password="a quite different passphrase 9")
    elif way != "signed in before":
        browser.sign_in()
    assert browser.path == "/sign-in/second-factor"
    query = browser.url.partition("?")[2]

    browser.open(f"/sign-in/continue?{query}")
    assert browser.path == "/sign-in/second-factor"
    browser.submit(code=code_of(factor.totp_secret))

    assert "code=" in browser.target


def test_a_link_to_a_new_password_opens_nothing_once_the_password_changed(browser, ada, environment):
    browser.authorize()
    browser.url = browser.url.replace("/sign-in?", "/sign-in/forgot-password?")
    browser.submit(email="ada@example.com")
    token = PasswordReset.objects.in_environment(environment).get().token
    with time_machine.travel(clock.now(), tick=False) as time:
        time.shift(1)
        update_user(user=ada, actor=SYSTEM, password=PASSWORD + " changed")

    assert browser.open("/reset-password", {"token": token}).status_code == 404


def test_a_page_that_waits_for_a_step_dies_with_the_old_password(browser, ada, environment):
    factor = make_totp_factor(ada)
    browser.authorize()
    browser.sign_in()
    with time_machine.travel(clock.now(), tick=False) as time:
        time.shift(1)
        update_user(
            user=User.objects.in_environment(environment).get(), actor=SYSTEM, password=PASSWORD + "!"
        )

        browser.submit(code=code_of(factor.totp_secret))

    assert browser.path == "/sign-in"
