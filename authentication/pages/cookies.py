"""The cookies of the hosted pages.

Six kinds, none of which another site's script can read or plant under https (``__Host-``): where a sign-in
stands (one for each authorization request, so that two tabs do not mix), what a browser comes back with from an
identity provider, the browser's own session (one for each environment), the addresses that have signed in from this
browser before, what ties the challenges of passkeys to it, and what it is known by, so that people hear of a sign-in
from another one.
"""

import dataclasses
import hashlib
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from environments.models import Environment
from foundation.encryption import digests_equal, lookup_digest
from foundation.ids import new_secret

_PROGRESS_SECONDS = int(timedelta(hours=1).total_seconds())
_SESSION_SECONDS = int(timedelta(days=30).total_seconds())
_EXCHANGE_SECONDS = int(timedelta(minutes=30).total_seconds())
_DEVICE_SECONDS = int(timedelta(days=365).total_seconds())
_LANGUAGE_SECONDS = int(timedelta(days=365).total_seconds())
PASSKEY_SECRET_LENGTH = 43
_PASSKEY_SECONDS = int(timedelta(minutes=30).total_seconds())
_MOST_KNOWN_ADDRESSES = 5

_BROWSER_SECRET_LENGTH = 43

LANGUAGE_COOKIE = "gatehouse_language"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a browser has come with one authorization request."""

    email: str = ""
    pending_authentication_token: str = ""
    authentication_challenge_id: str = ""
    sealed_totp_secret: str = ""


def read_progress(request: HttpRequest, handle: str) -> Progress:
    """Return how far this browser has come; the beginning where it says nothing that counts."""
    fields = _read_signed(request, _progress_name(handle), _progress_salt(handle), _PROGRESS_SECONDS)
    if not isinstance(fields, dict):
        return Progress()
    return Progress(**{field.name: str(fields.get(field.name, "")) for field in dataclasses.fields(Progress)})


def write_progress(response: HttpResponseBase, handle: str, progress: Progress) -> None:
    """Keep how far this browser has come."""
    signed = signing.dumps(asdict(progress), salt=_progress_salt(handle), compress=True)
    _set(response, _progress_name(handle), signed, _PROGRESS_SECONDS)


def read_exchange_secret(request: HttpRequest, handle: str) -> str | None:
    """Return the secret with which this browser left for an identity provider."""
    return request.COOKIES.get(_exchange_name(handle))


def write_exchange_secret(response: HttpResponseBase, handle: str, secret: str) -> None:
    """Give the browser a secret to come back with.

    Identity providers post their answers from their own site, where a browser sends SameSite=None cookies alone, and
    those only over https. Over plain http the callback lets the browser post once more from here.
    """
    _set(response, _exchange_name(handle), secret, _EXCHANGE_SECONDS, samesite=_cross_site())


def drop_exchange_secret(response: HttpResponseBase, handle: str) -> None:
    """Take the secret of an exchange that is over from the browser."""
    _set(response, _exchange_name(handle), "", 0, samesite=_cross_site())


def read_hosted_secret(request: HttpRequest, environment: Environment) -> str | None:
    """Return the secret of the browser's session in an environment."""
    return request.COOKIES.get(_session_name(environment))


def write_hosted_secret(response: HttpResponseBase, environment: Environment, secret: str) -> None:
    """Give the browser the secret of its session."""
    _set(response, _session_name(environment), secret, _SESSION_SECONDS)


def drop_hosted_secret(response: HttpResponseBase, environment: Environment) -> None:
    """Take the secret of its session from the browser."""
    _set(response, _session_name(environment), "", 0)


def knows_address(request: HttpRequest, environment: Environment, email: str) -> bool:
    """Tell whether somebody has signed in with this address from this browser before."""
    wanted = _address_digest(environment, email)
    return any(digests_equal(known, wanted) for known in _known_addresses(request, environment))


def remember_address(
    request: HttpRequest, response: HttpResponseBase, environment: Environment, email: str
) -> None:
    """Note that somebody signed in with this address from this browser."""
    digest = _address_digest(environment, email)
    known = [digest, *(other for other in _known_addresses(request, environment) if other != digest)]
    signed = signing.dumps(known[:_MOST_KNOWN_ADDRESSES], salt=_device_salt(environment), compress=True)
    _set(response, _device_name(environment), signed, _DEVICE_SECONDS)


def makes_passkeys(request: HttpRequest) -> bool:
    """Tell whether this browser has said that it can make passkeys."""
    return request.COOKIES.get(f"{_prefix()}makes_passkeys") == "1"


def note_makes_passkeys(response: HttpResponseBase) -> None:
    """Remember for this sign-in that the browser can make passkeys."""
    _set(response, f"{_prefix()}makes_passkeys", "1", _PROGRESS_SECONDS)


def read_passkey_secret(request: HttpRequest) -> str:
    """Return the secret that ties a passkey's challenge to this browser; empty where it has none."""
    return request.COOKIES.get(f"{_prefix()}passkey", "")


def write_passkey_secret(response: HttpResponseBase, secret: str) -> None:
    """Give the browser the secret that its answers to challenges are known by."""
    _set(response, f"{_prefix()}passkey", secret, _PASSKEY_SECONDS)


def read_browser_secret(request: HttpRequest) -> str | None:
    """Return what this browser is known by, or None for one that has nothing of ours."""
    secret = request.COOKIES.get(_browser_name(), "")
    return secret if len(secret) == _BROWSER_SECRET_LENGTH and secret.isascii() else None


def write_browser_secret(response: HttpResponseBase, secret: str) -> None:
    """Give the browser what it will be known by; it opens nothing."""
    _set(response, _browser_name(), secret, _DEVICE_SECONDS)


def new_browser_secret() -> str:
    """Return what a browser will be known by."""
    return new_secret(_BROWSER_SECRET_LENGTH)


def write_language(response: HttpResponseBase, language: str) -> None:
    """Keep the language that was chosen on a page."""
    _set(response, LANGUAGE_COOKIE, language, _LANGUAGE_SECONDS)


def _set(
    response: HttpResponseBase,
    name: str,
    value: str,
    seconds: int,
    samesite: Literal["Lax", "None"] = "Lax",
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        secure=settings.CSRF_COOKIE_SECURE,
        httponly=True,
        samesite=samesite,
    )


def _cross_site() -> Literal["Lax", "None"]:
    return "None" if settings.CSRF_COOKIE_SECURE else "Lax"


def _read_signed(request: HttpRequest, name: str, salt: str, seconds: int) -> Any:
    try:
        return signing.loads(request.COOKIES.get(name, ""), salt=salt, max_age=seconds)
    except signing.BadSignature:
        return None


def _known_addresses(request: HttpRequest, environment: Environment) -> list[str]:
    known = _read_signed(request, _device_name(environment), _device_salt(environment), _DEVICE_SECONDS)
    return [str(digest) for digest in known] if isinstance(known, list) else []


def _address_digest(environment: Environment, email: str) -> str:
    return lookup_digest("known_address", f"{environment.pk}:{email.strip().lower()}")[:32]


def _prefix() -> str:
    # RFC 6265bis §4.1.3.2: set by this host alone, over https, for all paths; not from a subdomain.
    return "__Host-gatehouse_" if settings.CSRF_COOKIE_SECURE else "gatehouse_"


def _progress_name(handle: str) -> str:
    return f"{_prefix()}sign_in_{hashlib.sha256(handle.encode()).hexdigest()[:16]}"


def _progress_salt(handle: str) -> str:
    return f"authentication.pages.progress:{handle}"


def _exchange_name(handle: str) -> str:
    return f"{_prefix()}sso_{hashlib.sha256(handle.encode()).hexdigest()[:16]}"


def _session_name(environment: Environment) -> str:
    return f"{_prefix()}session_{environment.pk}"


def _browser_name() -> str:
    return f"{_prefix()}browser"


def _device_name(environment: Environment) -> str:
    return f"{_prefix()}device_{environment.pk}"


def _device_salt(environment: Environment) -> str:
    return f"authentication.pages.device:{environment.pk}"
