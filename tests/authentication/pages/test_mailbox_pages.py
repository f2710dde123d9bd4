import re

import pytest
from django.utils.html import strip_tags

from accounts.models import MagicAuth, PasswordReset, User
from environments.services import update_authentication_settings
from tests.authentication.pages.conftest import PageBrowser
from tests.factories.accounts import PASSWORD


def exchange(client, code):
    return client.authenticate("authorization_code", code=code)


def newest_code(environment):
    return MagicAuth.objects.in_environment(environment).latest("id").code


def test_a_person_signs_in_by_a_mailed_code_instead_of_a_password(browser, ada, client, environment):
    browser.authorize()
    browser.submit(email="ada@example.com")
    browser.url = browser.url.replace("/password", "/code")
    browser.submit(send="1")
    assert browser.path == "/sign-in/code"

    assert browser.submit(code="000000").status_code == 422
    browser.submit(code=newest_code(environment))

    answer = exchange(client, browser.code).json()
    assert answer["authentication_method"] == "MagicAuth"
    assert answer["user"]["id"] == ada.id


def test_somebody_new_signs_up_by_proving_the_mailbox(browser, client, environment):
    browser.authorize(screen_hint="sign-up")
    assert "Create your account" in browser.text

    browser.submit(email="new@example.com")
    browser.submit(code=newest_code(environment))

    user = exchange(client, browser.code).json()["user"]
    assert (user["email"], user["email_verified"]) == ("new@example.com", True)


def test_where_sign_up_is_closed_nobody_is_made_and_the_pages_read_alike(
    browser, other_browser, ada, environment
):
    update_authentication_settings(
        environment=environment, changes={"sign_up_enabled": False, "password_enabled": False}
    )
    pages = []
    for visitor, email in ((browser, "ada@example.com"), (other_browser, "eda@example.com")):
        visitor.authorize()
        visitor.submit(email=email)
        asked = visitor.text
        visitor.submit(code="000000")
        pages.append([strip_tags(text).replace(email, "X") for text in (asked, visitor.text)])

    assert pages[0] == pages[1]
    assert User.objects.in_environment(environment).count() == 1
    browser.authorize(screen_hint="sign-up")
    assert "Create your account" not in browser.text


def test_a_forgotten_password_is_replaced_by_a_mailed_link(browser, ada, client, environment):
    browser.authorize()
    browser.submit(email="ada@example.com")
    start = browser.url
    browser.open(start.replace("/password", "/forgot-password"))
    browser.submit(email="ada@example.com")
    known = strip_tags(browser.text)
    token = PasswordReset.objects.in_environment(environment).latest("id").token

    browser.open(f"/reset-password?token={token}")
    assert 'autocomplete="new-password"' in browser.text
    assert browser.submit(new_password="short").status_code == 422
    assert re.search(r'id="id_new_password_error"', browser.text)
    browser.submit(new_password="an entirely different phrase 77")
    assert "Your password is changed" in browser.text
    assert browser.open(f"/reset-password?token={token}").status_code == 404

    browser.authorize()
    browser.sign_in(password=PASSWORD)
    assert browser.answer.status_code == 422
    browser.submit(password="an entirely different phrase 77")
    assert exchange(client, browser.code).status_code == 200
    browser.authorize(prompt="login")
    browser.open(browser.url.replace("/sign-in?", "/sign-in/forgot-password?"))
    browser.submit(email="eda@example.com")
    assert strip_tags(browser.text).replace("eda@", "ada@") == known


@pytest.mark.parametrize("token", ["", "nonsense"])
def test_a_link_that_opens_nothing_says_what_to_do(browser, ada, token):
    assert browser.open(f"/reset-password?token={token}").status_code == 404
    assert "ask for a new link" in browser.text


def test_where_no_codes_are_mailed_somebody_new_signs_up_by_the_link_to_a_password(
    browser, client, environment
):
    update_authentication_settings(environment=environment, changes={"magic_auth_enabled": False})
    browser.authorize(screen_hint="sign-up")
    start = browser.url
    browser.submit(email="new@example.com")
    assert "Check your email" in browser.text
    user = User.objects.in_environment(environment).get()
    assert (user.password, user.email_verified) == ("", False)

    browser.open("/reset-password", {"token": PasswordReset.objects.in_environment(environment).get().token})
    browser.submit(new_password="a quite different passphrase 9")
    browser.open(start)
    browser.open(start + "&screen=sign-in")
    browser.sign_in("new@example.com", "a quite different passphrase 9")

    answer = exchange(client, browser.code).json()["user"]
    assert (answer["email"], answer["email_verified"]) == ("new@example.com", True)


@pytest.mark.parametrize("sign_up_enabled", [True, False])
def test_signing_up_tells_nobody_who_has_an_account(environment, ada, sign_up_enabled):
    update_authentication_settings(
        environment=environment, changes={"magic_auth_enabled": False, "sign_up_enabled": sign_up_enabled}
    )
    texts = []
    for number, email in enumerate(("ada@example.com", "eda@example.com")):
        visitor = PageBrowser(environment, f"203.0.113.{number}")
        visitor.authorize(screen_hint="sign-up")
        visitor.submit(email=email)
        texts.append((visitor.path, strip_tags(visitor.text).replace(email, "X")))

    assert texts[0] == texts[1]
    known = User.objects.in_environment(environment).filter(email="ada@example.com").get()
    assert known.password == ada.password


def test_nobody_new_is_made_where_sign_up_is_closed(browser, environment):
    update_authentication_settings(
        environment=environment, changes={"magic_auth_enabled": False, "sign_up_enabled": False}
    )
    browser.authorize(screen_hint="sign-up")

    browser.submit(email="new@example.com")

    assert not User.objects.in_environment(environment).exists()
