"""Typed settings of signing in (workos-behaviour (a), (f)). What environments may choose is in their settings row."""

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings

# A pending authentication token lives this long, and through this many refused answers to its steps.
ATTEMPT_LIFETIME = timedelta(minutes=10)
ATTEMPT_FAILURES = 10

# How long attempts and authorization codes are kept after their end, to recognize a code that comes again.
ATTEMPT_RETENTION = timedelta(days=1)

# A sign-in page may stay open for this long before the person begins.
AUTHORIZATION_REQUEST_LIFETIME = timedelta(hours=1)
AUTHORIZATION_CODE_LIFETIME = timedelta(minutes=10)

# RFC 8628 §3.2; the figures are the reference's (workos-behaviour (e)).
DEVICE_LIFETIME = timedelta(minutes=5)
DEVICE_INTERVAL_SECONDS = 5
DEVICE_SLOW_DOWN_SECONDS = 5

# In which a spent refresh token gets its successor again: two tabs, or an SDK's retry.
REFRESH_GRACE = timedelta(seconds=10)

# Asked again within this time, a code that was sent and never guessed at is not sent again.
EMAIL_VERIFICATION_RESEND = timedelta(minutes=1)

# Staff in a user's place sign in anew after this (workos-behaviour (f)), however often they refresh.
IMPERSONATION_LIFETIME = timedelta(minutes=60)

# How long ended sessions are kept for staff to look at.
SESSION_RETENTION = timedelta(days=30)

# A device that nobody signed in from for so long is a new one again; browsers keep their cookie as long.
KNOWN_DEVICE_RETENTION = timedelta(days=365)


# A browser that nobody used for this long is signed out of our pages; an environment may ask for less.
HOSTED_SESSION_IDLE = timedelta(days=7)


def sign_in_page(handle: str, ui_locales: str = "") -> str:
    """Return the address of the page that signs a person in for an authorization request.

    ``ui_locales`` are the languages that the application asks for (OpenID Connect Core §3.1.2.1).
    """
    languages = {"ui_locales": ui_locales} if ui_locales else {}
    return f"{settings.BASE_URL}/sign-in?{urlencode({'request': handle, **languages})}"


def sign_in_refused_page(reason: str, client_id: str) -> str:
    """Return the address of the page that tells a browser why it cannot be sent to an application or by one."""
    return f"{settings.BASE_URL}/sign-in/refused?{urlencode({'reason': reason, 'client_id': client_id})}"


def account_page(client_id: str) -> str:
    """Return the address of the page on which people look after their account."""
    return f"{settings.BASE_URL}/account?{urlencode({'client_id': client_id})}"


def signed_out_page(client_id: str) -> str:
    """Return the address of the page that says that nobody is signed in any more."""
    return f"{settings.BASE_URL}/signed-out?{urlencode({'client_id': client_id})}"


def password_reset_page(handle: str = "") -> str:
    """Return the address of the page that takes the token of a password reset; a handle's sign-in goes on after it."""
    query = f"?{urlencode({'request': handle})}" if handle else ""
    return f"{settings.BASE_URL}/reset-password{query}"


def device_page() -> str:
    """Return the address of the page that takes a device's user code."""
    return f"{settings.BASE_URL}/device"


# Whoever wants no passkey is not asked again before this time is over.
PASSKEY_OFFER_PAUSE = timedelta(days=30)

# What changes how somebody signs in is done by whoever proved themselves this recently.
RECENT_PROOF = timedelta(minutes=10)


def issuer() -> str:
    """Return the ``iss`` of every access token: the base URL of this installation."""
    return str(settings.BASE_URL)
