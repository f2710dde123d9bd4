import pytest

from environments.services import update_branding
from tests.authentication.browser import CALLBACK

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def ask(browser, **changes):
    query = {
        "client_id": browser.environment.client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "provider": "authkit",
        **changes,
    }
    wanted = {name: value for name, value in query.items() if value is not None}
    return browser.open("/user_management/authorize", wanted, **HTML)


@pytest.mark.parametrize(
    ("changes", "status", "words", "reason"),
    [
        ({"redirect_uri": "https://evil.example/"}, 400, "not registered", "invalid_redirect_uri"),
        ({"client_id": "client_unknown"}, 404, "is not known", "entity_not_found"),
        ({"redirect_uri": None}, 400, "not complete", "invalid_request"),
        ({"client_id": None}, 400, "not complete", "invalid_request"),
    ],
)
def test_a_browser_is_told_on_a_page_what_is_wrong_with_the_link(browser, changes, status, words, reason):
    answer = ask(browser, **changes)

    assert (browser.path, answer.status_code) == ("/sign-in/refused", status)
    assert words in browser.text
    assert "not your mistake" in browser.text
    assert reason in browser.text
    assert "evil.example" not in browser.text
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html"])
def test_a_program_is_told_in_json_with_the_status(browser, accept):
    headers = {} if accept is None else {"Accept": accept}

    answer = browser.http.get(
        "/user_management/authorize",
        {"client_id": browser.environment.client_id, "redirect_uri": "https://evil.example/"},
        headers=headers,
    )

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_redirect_uri"


def test_the_page_has_the_looks_of_the_environment_that_was_named(browser, environment):
    update_branding(environment=environment, changes={"product_name": "Lumen"})

    ask(browser, redirect_uri="https://evil.example/")

    assert "Lumen" in browser.text


def test_the_page_repeats_nothing_that_its_address_says(browser):
    browser.open("/sign-in/refused", {"reason": "call +1 555 0100", "client_id": "call +1 555 0100"})

    assert "555" not in browser.text.replace("reason=call+%2B1+555+0100&amp;client_id=call+%2B1+555+0100", "")


def test_too_many_links_are_answered_on_a_page(browser):
    browser.open("/sign-in/refused", {"reason": "rate_limit_exceeded"})

    assert browser.answer.status_code == 429
    assert int(browser.answer.headers["Retry-After"]) > 0


def test_the_application_chooses_the_language_and_the_pages_keep_it(browser, ada):
    browser.authorize(ui_locales="xx fr-CA en")
    assert '<html lang="fr"' in browser.text

    browser.submit(email="ada@example.com")

    assert '<html lang="fr"' in browser.text


def test_without_an_address_of_the_application_logging_out_ends_on_our_page(browser, ada, client):
    browser.authorize()
    browser.sign_in()
    answer = client.authenticate("authorization_code", code=browser.code).json()
    session_id = client.claims(answer["access_token"])["sid"]

    browser.open(f"/user_management/sessions/logout?session_id={session_id}")

    assert browser.path == "/signed-out"
    assert "You are signed out" in browser.text
    assert "Acme sandbox" in browser.text
