import pytest
from django.utils import translation

from foundation.user_agents import describe_user_agent

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("header", "label"),
    [
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/125.0.0.0 Safari/537.36",
            "Chrome on Windows",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/125.0.0.0 Safari/537.36 Edg/125.0",
            "Edge on Windows",
        ),
        (f"{IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iOS"),
        (
            f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/125.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:126.0) Gecko/20100101 Firefox/126.0",
            "Firefox on macOS",
        ),
        ("curl/8.7.1", "curl"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("\x00\u2028", "Unknown browser"),
    ],
)
def test_a_header_becomes_words_that_people_know(header, label):
    assert describe_user_agent(header).label == label


def test_a_label_is_made_in_the_language_of_whoever_reads_it():
    agent = describe_user_agent(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:126.0) Gecko/20100101 Firefox/126.0"
    )
    with translation.override("en"):
        assert agent.label == "Firefox on macOS"
    assert (agent.browser, agent.system) == ("Firefox", "macOS")


def test_what_comes_after_the_length_of_any_real_header_is_not_read():
    assert describe_user_agent(" " * 512 + "curl/8.7.1").label == "Unknown browser"
