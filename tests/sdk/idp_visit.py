"""A browser without JavaScript at the test identity provider; imports nothing of ours, as older SDKs run beside it."""

import re
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit

import requests


def sign_in_at_the_provider(
    url: str, email: str, callback: str = "http://localhost:3000/callback"
) -> dict[str, str]:
    """Say who one is, press what carries answers on; return what the application's callback is told."""
    form: dict[str, str] | None = None
    with requests.Session() as browser:
        for _ in range(12):
            answer = browser.request(
                "POST" if form else "GET", url, data=form, allow_redirects=False, timeout=30
            )
            refreshed = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.text)
            onward = answer.headers.get("Location") or (unescape(refreshed[1]) if refreshed else "")
            form = None
            if onward:
                url = urljoin(url, onward)
                if url.startswith(callback):
                    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
                continue
            assert answer.status_code == 200, answer.text
            forms = re.findall(r"<form[^>]*>.*?</form>", answer.text, re.DOTALL)
            chosen = next((text for text in forms if 'name="email"' in text), forms[0])
            url = urljoin(url, _attribute(chosen.split(">", 1)[0], "action"))
            form = {
                _attribute(tag, "name"): _attribute(tag, "value")
                for tag in re.findall(r"<input[^>]*>", chosen)
            }
            if "email" in form:
                form["email"] = email
    message = "The pages went round in circles."
    raise AssertionError(message)


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return unescape(found[1]) if found else ""
