"""What a ``User-Agent`` header says about the program that sent it: browser and system, in words for people.

The header is whatever its sender writes. It tells a person which of their own devices is meant; nothing is decided
by it.
"""

from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _
from ua_parser import parse_os, parse_user_agent

# Real headers are shorter; the time of a look-up grows with the length.
_LONGEST = 512

# ua-parser names each build of a browser; people know the browser.
_BROWSERS = {
    "Chrome Mobile": "Chrome",
    "Chrome Mobile WebView": "Chrome",
    "Chrome Mobile iOS": "Chrome",
    "HeadlessChrome": "Chrome",
    "Edge Mobile": "Edge",
    "Firefox Mobile": "Firefox",
    "Firefox iOS": "Firefox",
    "Firefox Focus": "Firefox",
    "Mobile Safari": "Safari",
    "Mobile Safari UI/WKWebView": "Safari",
    "Opera Mobile": "Opera",
    "Opera Mini": "Opera",
    "Other": "",
}
_SYSTEMS = {"Mac OS X": "macOS", "Other": ""}


@dataclass(frozen=True, slots=True)
class UserAgent:
    """A program, such as Safari, and the system that it runs on, such as iOS; empty texts where none is told."""

    browser: str
    system: str

    @property
    def label(self) -> str:
        """Return both in the reader's language, such as "Safari on iOS"."""
        if self.browser and self.system:
            return _("%(browser)s on %(system)s") % {"browser": self.browser, "system": self.system}
        return self.browser or self.system or _("Unknown browser")


@lru_cache(maxsize=1024)
def describe_user_agent(header: str) -> UserAgent:
    """Return what a header tells. The first call of a process takes a fifth of a second, which builds the tables."""
    text = header[:_LONGEST]
    browser, system = parse_user_agent(text), parse_os(text)
    browser_family = browser.family if browser is not None else ""
    system_family = system.family if system is not None else ""
    return UserAgent(
        _BROWSERS.get(browser_family, browser_family), _SYSTEMS.get(system_family, system_family)
    )
