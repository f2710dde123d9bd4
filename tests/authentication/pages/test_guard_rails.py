import pytest

from tests.authentication.pages.conftest import PageBrowser
from tests.factories.accounts import PASSWORD


@pytest.fixture
def asked(browser, ada):
    browser.authorize()
    return browser


def test_no_cache_keeps_a_page_and_nobody_frames_it(asked):
    for _page in range(2):
        headers = asked.answer.headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Frame-Options"] == "DENY"
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe-inline" not in policy
        assert headers["Referrer-Policy"] == "same-origin"
        asked.submit(email="ada@example.com")


def test_a_form_without_its_token_is_refused_on_a_page_that_helps(asked):
    answer = asked.http.post(asked.url, {"email": "ada@example.com"})

    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_pages_hold_no_inline_script_or_style(asked):
    for _page in range(2):
        assert "<style" not in asked.text
        assert " style=" not in asked.text
        assert "onclick" not in asked.text
        assert asked.text.count("<script") == asked.text.count("<script src=")
        asked.submit(email="ada@example.com")


def test_the_guesser_is_stopped_and_the_person_elsewhere_is_not(asked, environment):
    asked.submit(email="ada@example.com")
    answers = [asked.http.post(asked.url, _password(asked, "wrong")).status_code for _number in range(11)]
    assert answers[:10] == [422] * 10
    assert answers[10] == 429

    person = PageBrowser(environment, "198.51.100.20")
    person.authorize()
    person.sign_in()

    assert person.path == "/sign-in/continue"


def test_another_spelling_of_the_address_buys_no_more_guesses(asked):
    asked.submit(email="ada@example.com")
    for _number in range(10):
        asked.http.post(asked.url, _password(asked, "wrong"))
    asked.open(asked.url.replace("/password", ""))
    asked.submit(email="ADA@Example.COM")

    assert asked.http.post(asked.url, _password(asked, PASSWORD)).status_code == 429


def test_a_flood_from_many_addresses_does_not_lock_a_known_browser_out(browser, ada, environment):
    browser.authorize()
    browser.sign_in()
    for number in range(10):
        guesser = PageBrowser(environment, f"192.0.2.{number}")
        guesser.authorize()
        guesser.submit(email="ada@example.com")
        for _try in range(10):
            guesser.http.post(guesser.url, _password(guesser, "wrong"))
    stranger = PageBrowser(environment, "192.0.2.200")
    stranger.authorize()
    stranger.submit(email="ada@example.com")
    assert stranger.http.post(stranger.url, _password(stranger, PASSWORD)).status_code == 429

    browser.authorize(prompt="login")
    browser.sign_in()

    assert browser.path == "/sign-in/continue"


def test_one_address_that_tries_a_password_on_many_accounts_is_stopped(ada, environment):
    known = PageBrowser(environment, "203.0.113.50")
    known.authorize()
    known.sign_in()
    sprayer = PageBrowser(environment, "203.0.113.50")
    for number in range(100):
        sprayer.authorize()
        sprayer.submit(email=f"person{number}@example.com")
        assert sprayer.submit(password="Winter2026!").status_code == 422
    sprayer.authorize()
    sprayer.submit(email="ada@example.com")

    assert sprayer.submit(password=PASSWORD).status_code == 429

    # The same office, a browser that has signed in before; and the same person from elsewhere.
    known.authorize(prompt="login")
    known.sign_in()
    assert known.path == "/sign-in/continue"
    elsewhere = PageBrowser(environment, "198.51.100.20")
    elsewhere.authorize()
    elsewhere.sign_in()
    assert elsewhere.path == "/sign-in/continue"


def test_addresses_of_one_ipv6_network_count_as_one(ada, environment):
    statuses = []
    for number in range(11):
        guesser = PageBrowser(environment, f"2001:db8:1:2::{number + 1:x}")
        guesser.authorize()
        guesser.submit(email="ada@example.com")
        statuses.append(guesser.submit(password="wrong").status_code)

    assert statuses == [422] * 10 + [429]


def test_a_foreign_host_name_is_refused(asked):
    answer = asked.http.get(asked.url, headers={"Host": "evil.example"})

    assert answer.status_code == 400


def _password(browser, password):
    return {"password": password, "csrfmiddlewaretoken": browser.http.cookies["csrftoken"].value}
