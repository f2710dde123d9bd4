import re
from datetime import timedelta

import pytest
import time_machine

from accounts.models import EmailVerification
from authentication.models import HostedSession, Session
from environments.services import update_authentication_settings
from foundation import clock
from tests.authentication.browser import CALLBACK, query_of
from tests.authentication.pages.conftest import PageBrowser
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_environment
from tests.factories.organizations import make_membership, make_organization


def newest_code(environment):
    return EmailVerification.objects.in_environment(environment).latest("id").code


def exchange(client, code):
    return client.authenticate("authorization_code", code=code)


def test_a_person_signs_in_by_password_and_the_application_gets_a_code(browser, ada, client):
    browser.authorize(state="a b&c=/?é")
    assert browser.path == "/sign-in"
    assert "Sign in to Acme sandbox" in browser.text

    browser.sign_in()

    assert browser.path == "/sign-in/continue"
    assert query_of(browser.target)["state"] == "a b&c=/?é"
    answer = exchange(client, browser.code)
    assert answer.status_code == 200, answer.content
    assert answer.json()["user"]["id"] == ada.id
    session = Session.objects.in_environment(client.environment).get()
    assert (session.ip_address, session.user_agent) == ("203.0.113.7", "Mozilla/5.0 (X11) Test")


def test_an_unknown_address_and_a_wrong_password_read_alike(browser, other_browser, ada):
    pages = []
    for visitor, email in ((browser, "ada@example.com"), (other_browser, "eda@example.com")):
        visitor.authorize()
        visitor.submit(email=email)
        asked = visitor.text
        answer = visitor.submit(password="not the password")
        assert answer.status_code == 422
        pages.append([asked.replace(email, "X"), visitor.text.replace(email, "X")])

    def without_tokens(page):
        return re.sub(r'value="[A-Za-z0-9]{64}"|request=\w+', "", page)

    assert [without_tokens(page) for page in pages[0]] == [without_tokens(page) for page in pages[1]]
    assert "The email address or the password is not right" in browser.text


@pytest.mark.parametrize("email", ["", "ada", "a@b@c", "x" * 400 + "@example.com"])
def test_what_is_no_address_is_refused_beside_its_field(browser, ada, email):
    browser.authorize()

    answer = browser.submit(email=email)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in browser.text
    assert 'aria-describedby="id_email_error"' in browser.text
    assert 'id="id_email_error"' in browser.text
    assert "<title>Error:" in browser.text


def test_the_fields_tell_password_managers_what_they_are(browser, ada):
    browser.authorize(login_hint="ada@example.com")
    assert 'autocomplete="username webauthn"' in browser.text
    assert 'value="ada@example.com"' in browser.text

    browser.submit(email="ada@example.com")

    assert 'autocomplete="current-password"' in browser.text
    assert "ada@example.com" in browser.text


def test_an_unverified_address_is_proven_by_a_mailed_code(browser, environment, client):
    make_user(environment, email="new@example.com", password=PASSWORD)
    browser.authorize()
    browser.sign_in("new@example.com")
    assert browser.path == "/sign-in/verify-email"
    assert 'autocomplete="one-time-code"' in browser.text

    assert browser.submit(code="000000").status_code == 422
    assert "This code is not right" in browser.text
    browser.submit(resend="1")
    assert "We sent you a new code" in browser.text
    browser.submit(code=newest_code(environment))

    assert exchange(client, browser.code).json()["user"]["email_verified"] is True


def test_codes_are_mailed_three_times_a_minute_at_most(browser, environment):
    make_user(environment, email="new@example.com", password=PASSWORD)
    browser.authorize()
    browser.sign_in("new@example.com")
    for _number in range(3):
        browser.submit(resend="1")

    answer = browser.http.post(
        browser.url,
        {"resend": "1", "csrfmiddlewaretoken": browser.http.cookies["csrftoken"].value},
    )

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_whoever_belongs_to_several_organizations_chooses_one(browser, environment, client, ada):
    foo = make_organization(environment, "Foo Corp")
    bar = make_organization(environment, "Bar <b>Corp</b>")
    foreign = make_organization(environment, "Foreign")
    make_membership(foo, ada)
    make_membership(bar, ada)
    browser.authorize()
    browser.sign_in()
    assert browser.path == "/sign-in/organization"
    assert "Bar &lt;b&gt;Corp&lt;/b&gt;" in browser.text

    assert browser.submit(organization_id=foreign.id).status_code == 422
    assert "You cannot sign in to this organization" in browser.text
    browser.submit(organization_id=bar.id)

    assert exchange(client, browser.code).json()["organization_id"] == bar.id


def test_a_step_page_sends_the_browser_to_the_step_that_is_due(browser, environment, ada):
    make_membership(make_organization(environment, "Foo Corp"), ada)
    make_membership(make_organization(environment, "Bar Corp"), ada)
    browser.authorize()
    browser.sign_in()
    query = browser.url.partition("?")[2]

    for page in ("verify-email", "continue"):
        browser.open(f"/sign-in/{page}?{query}")
        assert browser.path == "/sign-in/organization"


@pytest.mark.parametrize("page", ["password", "verify-email", "organization", "continue"])
def test_no_page_can_be_reached_before_its_time(browser, ada, page):
    browser.authorize()
    query = browser.url.partition("?")[2]

    browser.open(f"/sign-in/{page}?{query}")

    assert browser.path == "/sign-in"


def test_another_browser_cannot_go_on_with_a_sign_in(browser, other_browser, environment, ada):
    make_membership(make_organization(environment, "Foo Corp"), ada)
    make_membership(make_organization(environment, "Bar Corp"), ada)
    browser.authorize()
    browser.sign_in()

    other_browser.open(browser.url)

    assert other_browser.path == "/sign-in"


def test_the_form_sent_twice_signs_in_once(browser, ada, client):
    browser.authorize()
    browser.submit(email="ada@example.com")
    url = browser.url
    browser.submit(password=PASSWORD)
    first = browser.code
    browser.open(browser.url)
    second = browser.code

    answers = [exchange(client, code).status_code for code in (second, first)]

    assert answers == [200, 400]
    assert HostedSession.objects.in_environment(client.environment).count() == 1
    assert url


def test_two_tabs_do_not_mix(browser, ada, client):
    browser.authorize(state="one")
    first_tab = browser.url
    browser.authorize(state="two")
    second_tab = browser.url
    browser.submit(email="somebody-else@example.com")

    browser.open(first_tab)
    browser.sign_in()
    assert query_of(browser.target)["state"] == "one"
    browser.open(second_tab)

    assert query_of(browser.target)["state"] == "two"


def test_an_unknown_or_expired_request_says_what_to_do(browser, ada):
    assert browser.open("/sign-in?request=nonsense").status_code == 404
    assert "Go back to the application" in browser.text

    browser.authorize()
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        assert browser.open(browser.url).status_code == 404


def test_a_sign_in_that_took_too_long_begins_anew(browser, environment, ada):
    make_membership(make_organization(environment, "Foo Corp"), ada)
    make_membership(make_organization(environment, "Bar Corp"), ada)
    browser.authorize()
    browser.sign_in()
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        browser.open(browser.url)

    assert browser.path == "/sign-in"
    assert "Please sign in again" in browser.text


def test_turning_back_tells_the_application(browser, ada):
    browser.authorize()

    browser.open(browser.url.replace("/sign-in?", "/sign-in/cancel?"))

    assert browser.target.startswith(CALLBACK)
    assert query_of(browser.target)["error"] == "access_denied"


def test_where_nothing_is_switched_on_the_page_says_so(browser, environment, ada):
    update_authentication_settings(
        environment=environment,
        changes={"password_enabled": False, "magic_auth_enabled": False, "passkey_enabled": False},
    )

    assert browser.authorize().status_code == 403
    assert "No way to sign in is switched on" in browser.text


def test_an_environment_shows_only_its_own_people(browser, ada, other_environment):
    stranger = PageBrowser(make_environment("Third"))
    stranger.authorize()

    stranger.sign_in()

    assert stranger.answer.status_code == 422


def test_pages_speak_the_language_that_is_asked_for(browser, ada):
    browser.authorize()

    browser.open(browser.url, **{"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"})
    assert '<html lang="de"' in browser.text
    assert "Bei Acme sandbox anmelden" in browser.text
    browser.open(f"{browser.url}&ui_locales=fr-CA")
    assert '<html lang="fr"' in browser.text
    browser.open(browser.url.partition("&ui_locales")[0])
    assert '<html lang="fr"' in browser.text
