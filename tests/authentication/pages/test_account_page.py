import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from authentication.models import HostedSession, Session
from tests.authentication.pages.conftest import PageBrowser
from tests.authenticator import code_of
from tests.factories.accounts import PASSWORD, make_identity, make_passkey, make_totp_factor, make_user
from tests.factories.organizations import make_membership, make_organization


def test_whoever_is_not_signed_in_signs_in_and_comes_back(browser, ada):
    browser.open_account("/account/profile")
    assert browser.path == "/sign-in"
    assert "Sign in to Acme sandbox" in browser.text

    browser.sign_in()
    browser.go_on()

    assert browser.path == "/account/profile"
    assert browser.answer.status_code == 200


def test_a_browser_that_an_application_signed_in_is_let_in_unasked(browser, ada):
    browser.authorize()
    browser.sign_in()

    browser.open_account()

    assert browser.path == "/account"
    assert "ada@example.com" in browser.text


def test_no_organization_is_asked_for_where_the_account_is_meant(browser, ada, environment):
    make_membership(make_organization(environment, "Foo Corp"), ada)
    make_membership(make_organization(environment, "Bar Corp"), ada)
    browser.open_account()

    browser.sign_in()
    browser.go_on()

    assert browser.path == "/account"


def test_the_account_page_hands_out_no_authorization_code(browser, ada, environment):
    browser.open_account()
    browser.sign_in()

    assert browser.target == f"/account?client_id={environment.client_id}"
    assert not Session.objects.in_environment(environment).exists()


def test_a_second_factor_that_the_browser_never_showed_is_asked_for_first(account, ada):
    factor = make_totp_factor(ada)

    account.open_account()

    assert account.path == "/sign-in/second-factor"
    account.submit(code=code_of(factor.totp_secret))
    account.go_on()
    assert account.path == "/account"
    account.open_account()
    assert account.path == "/account"


def test_another_environments_browser_is_not_let_in(account, other_environment):
    name = f"gatehouse_session_{account.environment.pk}"
    stranger = PageBrowser(other_environment)
    stranger.http.cookies[f"gatehouse_session_{other_environment.pk}"] = account.http.cookies[name].value

    stranger.open_account()

    assert stranger.path == "/sign-in"


@pytest.mark.parametrize("client_id", ["", "client_unknown"])
def test_an_address_without_its_application_says_what_to_do(browser, client_id, db):
    answer = browser.open("/account", {"client_id": client_id})

    assert answer.status_code == 404
    assert "Open your account from the application" in browser.text


def test_turning_back_from_the_sign_in_ends_where_nobody_is_signed_in(browser, ada, environment):
    browser.open_account()

    answer = browser.http.get(browser.url.replace("/sign-in", "/sign-in/cancel"))

    assert answer.headers["Location"].endswith(f"/signed-out?client_id={environment.client_id}")


def test_names_and_language_are_changed(account, ada, environment, last_event):
    account.open_account("/account/profile")

    account.submit(first_name="Augusta Ada", last_name="King", language="de")

    ada.refresh_from_db()
    assert (ada.first_name, ada.last_name, ada.locale) == ("Augusta Ada", "King", "de")
    assert "Ihr Profil" in account.text or 'lang="de"' in account.text
    event = last_event("user.updated")
    assert event["actor"] == ("user", ada.pk)


def test_what_does_not_fit_is_refused_beside_its_field(account, ada):
    account.open_account("/account/profile")

    answer = account.submit(first_name="x" * 201, language="tlh")

    assert answer.status_code == 422
    assert 'aria-describedby="id_first_name_error"' in account.text
    ada.refresh_from_db()
    assert ada.first_name is None


# --- Where somebody is signed in ---------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(environment, ada):
    """A second browser of the same person, signed in to an application too."""
    browser = PageBrowser(environment, "198.51.100.20")
    browser.authorize()
    browser.sign_in()
    return browser


def session_ids(browser):
    return re.findall(r"/account/sessions/((?:hosted_)?session_\w+)/end", browser.text)


def test_every_place_is_listed_with_device_and_address(account, elsewhere, client, ada):
    client.authenticate("authorization_code", code=elsewhere.code)
    client.sign_in("ada@example.com", ip_address="192.0.2.9", user_agent="Mozilla/5.0 (iPhone) Safari")

    account.open_account()

    assert "This browser" in account.text
    for address in ("203.0.113.7", "198.51.100.20", "192.0.2.9"):
        assert address in account.text
    # The browser with its application is one place, and this browser is signed out at the end of the page.
    assert len(session_ids(account)) == 2


def test_a_place_that_is_signed_out_takes_its_applications_along(account, elsewhere, client):
    tokens = client.authenticate("authorization_code", code=elsewhere.code).json()
    account.open_account()
    [place] = session_ids(account)

    account.post(f"/account/sessions/{place}/end")

    assert client.refresh(tokens["refresh_token"]).status_code == 400
    elsewhere.open_account()
    assert elsewhere.path == "/sign-in"
    account.open_account()
    assert account.path == "/account"


def test_every_other_place_is_signed_out_and_this_one_is_not(account, elsewhere, client, environment):
    mine = PageBrowser(environment)
    mine.http.cookies = account.http.cookies
    mine.authorize()
    here = client.authenticate("authorization_code", code=mine.code).json()
    there = client.authenticate("authorization_code", code=elsewhere.code).json()
    program = client.sign_in("ada@example.com")
    account.open_account()

    account.post("/account/sessions/others/end")

    assert client.refresh(here["refresh_token"]).status_code == 200
    assert client.refresh(there["refresh_token"]).status_code == 400
    assert client.refresh(program["refresh_token"]).status_code == 400
    elsewhere.open_account()
    assert elsewhere.path == "/sign-in"


def test_nobody_ends_the_sessions_of_others(account, environment, client):
    make_user(environment, email="eve@example.com", password=PASSWORD, email_verified=True)
    tokens = client.sign_in("eve@example.com")
    session = Session.objects.in_environment(environment).get()
    account.open_account()

    answer = account.post(f"/account/sessions/{session.pk}/end")

    assert answer.status_code == 404
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_signing_out_of_this_browser_ends_at_a_page_that_says_so(account, environment):
    account.submit()

    assert account.path == "/signed-out"
    assert HostedSession.objects.in_environment(environment).get().ended_at is not None
    account.open_account()
    assert account.path == "/sign-in"


def test_a_form_of_another_site_is_refused(account, environment):
    answer = account.http.post(f"/account?client_id={environment.client_id}")

    assert answer.status_code == 403
    assert HostedSession.objects.in_environment(environment).get().ended_at is None


def test_no_page_of_the_account_is_kept_or_framed(account):
    headers = account.answer.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert "unsafe-inline" not in headers["Content-Security-Policy"]


def test_however_much_there_is_the_page_asks_the_database_no_more_often(account, ada, client):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            account.open_account()
        assert account.path == "/account"
        return len(captured)

    client.sign_in("ada@example.com")
    make_passkey(ada)
    make_identity(ada)
    few = queries()
    for _number in range(3):
        make_passkey(ada)
        make_identity(ada)
        client.sign_in("ada@example.com")

    assert queries() == few
