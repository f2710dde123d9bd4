import re

import pytest
from django.utils.html import strip_tags

from accounts.models import MagicAuth, PasswordReset, User
from environments.services import update_authentication_settings
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
