"""A browser without JavaScript, as far as HTTP goes."""

import html
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from tests.authentication.browser import CALLBACK, query_of
from tests.factories.accounts import PASSWORD, make_user


class PageBrowser:
    """Follows redirects on our host, fills in forms with their CSRF token, keeps cookies."""

    def __init__(self, environment: Any, address: str = "203.0.113.7") -> None:
        self.environment = environment
        self.http = Client(
            enforce_csrf_checks=True,
            raise_request_exception=True,
            REMOTE_ADDR=address,
            HTTP_USER_AGENT="Mozilla/5.0 (X11) Test",
            HTTP_ACCEPT_LANGUAGE="en",
        )
        self.url = ""
        self.answer: Any = None

    def authorize(self, **parameters: Any) -> Any:
        query = {
            "client_id": self.environment.client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "provider": "authkit",
            "state": "s-1",
            **parameters,
        }
        return self.open("/user_management/authorize", query)

    def open(self, url: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        url = f"{url}?{urlencode(query)}" if query else url
        return self._follow(self.http.get(url, headers=headers), url)

    def submit(self, **fields: str) -> Any:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.text)
        assert token, self.text
        data = {"csrfmiddlewaretoken": token[1], **fields}
        return self._follow(self.http.post(self.url, data), self.url)

    def sign_in(self, email: str = "ada@example.com", password: str = PASSWORD) -> Any:
        self.submit(email=email)
        return self.submit(password=password)

    def open_account(self, page: str = "/account") -> Any:
        return self.open(page, {"client_id": self.environment.client_id})

    def go_on(self) -> Any:
        """Go where the page that ends a sign-in goes by itself."""
        return self.open(self.target)

    def post(self, path: str, **fields: str) -> Any:
        """Send a form that stands on the present page to another address of the account, following nothing."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.text)
        assert token, self.text
        query = urlencode({"client_id": self.environment.client_id})
        return self.http.post(f"{path}?{query}", {"csrfmiddlewaretoken": token[1], **fields})

    @property
    def text(self) -> str:
        return self.answer.content.decode()

    def find(self, pattern: str) -> str:
        """Return what the group of a pattern matches in the page."""
        found = re.search(pattern, self.text)
        assert found, self.text
        return html.unescape(found[1])

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def target(self) -> str:
        """Where the page that ends a sign-in goes on to, or where the browser was sent."""
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', self.text)
        return html.unescape(found[1]) if found else self.url

    @property
    def code(self) -> str:
        return query_of(self.target)["code"]

    def _follow(self, answer: Any, url: str) -> Any:
        for _hop in range(10):
            if answer.status_code not in {301, 302, 303}:
                self.url, self.answer = url, answer
                return answer
            url = answer.headers["Location"]
            if urlsplit(url).netloc not in {"", "testserver", "localhost:8000"}:
                self.url, self.answer = url, answer
                return answer
            answer = self.http.get(url)
        raise AssertionError("too many redirects")


@pytest.fixture
def browser(environment):
    return PageBrowser(environment)


@pytest.fixture
def other_browser(environment):
    return PageBrowser(environment, "203.0.113.99")


@pytest.fixture
def ada(environment):
    return make_user(environment, email="ada@example.com", password=PASSWORD, email_verified=True)


@pytest.fixture
def account(browser, ada):
    """A browser that has just signed in to the account page."""
    browser.open_account()
    browser.sign_in()
    browser.go_on()
    assert browser.path == "/account"
    return browser
