"""Which URIs a browser may be sent to: what may be configured, and what a requested one must match.

Rules: workos-behaviour (e). Production takes https alone; a sandbox also http, for localhost and other hosts.
A ``*`` stands once in the leftmost label of the host (``https://*-preview.example.com``), in sandboxes only, matches
within that one label, and never stands directly under a top-level domain. Everything else is compared exactly:
what a browser makes of userinfo, backslashes or an encoded host is not guessed at but refused (RFC 9700 §2.1).
"""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, quote, urlencode, urlsplit

_HOST = re.compile(r"(?:\*|[a-z0-9*])(?:[a-z0-9.*-]*[a-z0-9*])?|\[[0-9a-f:.]+\]")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")
_LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
MAXIMUM_LENGTH = 2000


def problem_with(uri: str, *, sandbox: bool) -> str | None:
    """Return in one sentence why a URI cannot be configured, or None if it can."""
    if not uri or len(uri) > MAXIMUM_LENGTH:
        return "The redirect URI must have 1 to 2000 characters."
    if _FORBIDDEN.search(uri):
        return "The redirect URI must not contain spaces, control characters, backslashes or non-ASCII characters."
    parts = _split(uri)
    if parts is None or not parts.scheme or not parts.netloc:
        return "The redirect URI must be an absolute URI."
    return _problem_with_parts(uri, parts, sandbox=sandbox)


def matches(configured: str, requested: str) -> bool:
    """Tell whether a requested URI is the configured one.

    A loopback host may come with any port where the configured one names none (RFC 8252 §7.3); a wildcard matches
    within its label. Otherwise the two are the same text.
    """
    if configured == requested:
        return "*" not in configured
    if _FORBIDDEN.search(requested) or "#" in requested or "*" in requested:
        return False
    left, right = _split(configured), _split(requested)
    if left is None or right is None or "@" in right.netloc:
        return False
    if (left.scheme, left.path or "/", left.query) != (right.scheme, right.path or "/", right.query):
        return False
    return _same_authority(left, right)


def callback_url(redirect_uri: str, state: str | None, parameters: Mapping[str, str]) -> str:
    """Return a redirect URI with parameters; what it held before stays (RFC 6749 §3.1.2), ``state`` comes last."""
    sent = dict(parameters) if state is None else {**parameters, "state": state}
    joint = "&" if "?" in redirect_uri else "?"
    return f"{redirect_uri}{joint}{urlencode(sent, quote_via=quote)}"


def _same_authority(left: SplitResult, right: SplitResult) -> bool:
    left_host, right_host = _host(left), _host(right)
    if left_host in _LOOPBACK and left_host == right_host and left.port is None:
        return True
    if _port(left) != _port(right):
        return False
    if "*" not in left_host:
        return left_host == right_host
    return _wildcard_pattern(left_host).fullmatch(right_host) is not None


def _problem_with_parts(uri: str, parts: SplitResult, *, sandbox: bool) -> str | None:
    host = _host(parts)
    wildcard = "*" in uri
    problems = {
        "The redirect URI must begin with https://.": parts.scheme not in {"http", "https"},
        "The redirect URI must not contain user information.": "@" in parts.netloc,
        "The redirect URI must not contain a fragment.": "#" in uri,
        "The host of the redirect URI is not valid.": not _HOST.fullmatch(host),
        "A production environment takes https redirect URIs only.": parts.scheme == "http" and not sandbox,
    }
    found = next((sentence for sentence, applies in problems.items() if applies), None)
    if found is None and wildcard:
        return _problem_with_wildcard(uri, parts, host, sandbox=sandbox)
    return found


def _problem_with_wildcard(uri: str, parts: SplitResult, host: str, *, sandbox: bool) -> str | None:
    labels = host.split(".")
    if not sandbox:
        return "Wildcards are allowed in sandbox environments only."
    if uri.count("*") != 1 or "*" not in labels[0]:
        return "A wildcard may stand once, in the leftmost label of the host."
    if len(labels) < 3 or parts.scheme != "https":
        return "A wildcard must stand under a registered domain, with https."
    return None


def _wildcard_pattern(host: str) -> re.Pattern[str]:
    return re.compile("[a-z0-9-]+".join(re.escape(part) for part in host.split("*")))


def _split(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return f"[{host}]" if ":" in host else host


def _port(parts: SplitResult) -> int | None:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme)
