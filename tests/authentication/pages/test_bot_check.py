"""Turnstile in front of the pages where somebody types an address, against a receiver that answers as Cloudflare does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from environments.services import update_authentication_settings
from events.models import Mail

SECRET = "0x4AAAAAAA-the-secret"


class Turnstile:
    """Vouches for the token ``person``, once, where the secret is right; ``status`` breaks it."""

    def __init__(self):
        self.asked, self.spent, self.status = [], set(), 200
        verifier = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                answer = verifier.answer({name: values[0] for name, values in parse_qs(body).items()})
                self.send_response(verifier.status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_arguments):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def answer(self, fields):
        self.asked.append(fields)
        if fields.get("secret") != SECRET:
            return {"success": False, "error-codes": ["invalid-input-secret"]}
        token = fields.get("response", "")
        if not token.startswith("person") or token in self.spent:
            return {"success": False, "error-codes": ["invalid-input-response"]}
        self.spent.add(token)
        return {"success": True}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


@pytest.fixture
def turnstile(settings):
    verifier = Turnstile()
    settings.OUTBOUND_NETWORKS = ("127.0.0.1/32",)
    settings.TURNSTILE_VERIFY_URL = f"http://127.0.0.1:{verifier.server.server_port}/siteverify"
    yield verifier
    verifier.close()


@pytest.fixture
def checked(environment, turnstile):
    update_authentication_settings(
        environment=environment,
        changes={"turnstile_site_key": "0x4AAAAAAA-site", "turnstile_secret": SECRET},
    )
    return turnstile


def send(browser, token=None, email="ada@example.com"):
    fields = {"email": email} | ({"cf-turnstile-response": token} if token is not None else {})
    return browser.submit(**fields)


def test_a_person_goes_on_and_the_token_counts_once(browser, checked, ada):
    browser.authorize()
    assert 'data-sitekey="0x4AAAAAAA-site"' in browser.text

    send(browser, "person-1")
    assert browser.path == "/sign-in/password"
    assert checked.asked == [{"secret": SECRET, "response": "person-1", "remoteip": "203.0.113.7"}]

    browser.authorize()
    assert send(browser, "person-1").status_code == 422


@pytest.mark.parametrize("token", [None, "", "bot", "person" + "x" * 4000])
def test_a_browser_that_nobody_vouches_for_stays_where_it_is(browser, checked, ada, token):
    browser.authorize()

    assert send(browser, token).status_code == 422
    assert "We could not make sure that you are a person." in browser.text


def test_no_mail_is_sent_for_a_bot(browser, environment, checked, ada):
    browser.authorize()
    send(browser, "person-1")
    browser.open(browser.url.replace("/sign-in/password", "/sign-in/forgot-password"))

    assert send(browser, "bot").status_code == 422
    assert not Mail.objects.in_environment(environment).exists()
    assert send(browser, "person-2").status_code == 200
    assert Mail.objects.in_environment(environment).count() == 1


def test_the_page_says_what_to_do_without_javascript(browser, checked):
    browser.authorize()

    assert "<noscript>" in browser.text
    assert "needs JavaScript for that" in browser.text


def test_people_are_let_in_while_cloudflare_is_away(browser, checked, ada, settings):
    settings.TURNSTILE_VERIFY_URL = "http://127.0.0.1:9/siteverify"
    browser.authorize()
    send(browser, "whatever")
    assert browser.path == "/sign-in/password"

    browser.authorize()
    assert send(browser, "").status_code == 422


def test_people_are_let_in_while_cloudflare_is_broken(browser, checked, ada):
    checked.status = 503
    browser.authorize()

    send(browser, "whatever")

    assert browser.path == "/sign-in/password"


def test_a_wrong_secret_lets_nobody_in_and_is_logged(browser, environment, checked, ada, caplog):
    update_authentication_settings(environment=environment, changes={"turnstile_secret": "of another site"})
    browser.authorize()

    assert send(browser, "person-1").status_code == 422
    assert "bot_check_misconfigured" in caplog.text
    assert "of another site" not in caplog.text


def test_the_widget_may_be_loaded_where_it_is_shown_and_nowhere_else(browser, environment, checked, ada):
    browser.authorize()
    policy = browser.answer.headers["Content-Security-Policy"]
    assert "script-src 'self' https://challenges.cloudflare.com" in policy
    assert "frame-src https://challenges.cloudflare.com" in policy

    send(browser, "person-1")
    assert "cloudflare" not in browser.answer.headers["Content-Security-Policy"]


def test_an_environment_without_the_check_asks_nobody(browser, turnstile, ada):
    browser.authorize()
    assert "cloudflare" not in browser.text + browser.answer.headers["Content-Security-Policy"]

    send(browser)

    assert browser.path == "/sign-in/password"
    assert turnstile.asked == []
