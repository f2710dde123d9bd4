"""Cloudflare Turnstile: whether a browser that types an address is a person's (developers.cloudflare.com/turnstile).

The widget on the page makes a token, which is verified here once. Where Cloudflare does not answer, people are let
in: signing in must not hang on a third party, and the limits on guessing stand behind it. Where it says that the
secret is wrong, nobody is: an operator's mistake shows at once, and a check that passes everybody never would.
"""

import logging

from django.conf import settings as django_settings

from environments.models import AuthenticationSettings
from foundation.outbound import OutboundError, fetch

logger = logging.getLogger(__name__)

# Where the widget's script comes from, and the frame that it opens.
WIDGET_ORIGIN = "https://challenges.cloudflare.com"
WIDGET_SCRIPT = f"{WIDGET_ORIGIN}/turnstile/v0/api.js"
# The widget's field.
TOKEN_FIELD = "cf-turnstile-response"

_LONGEST_TOKEN = 2048
_TIMEOUT_SECONDS = 5.0
_SERVER_ERROR = 500


def is_person(settings: AuthenticationSettings, *, response_token: str, ip_address: str) -> bool:
    """Tell whether Turnstile vouches for a browser. Call it outside of transactions: it asks over the network."""
    if not response_token or len(response_token) > _LONGEST_TOKEN:
        return False
    try:
        answer = fetch(
            "POST",
            django_settings.TURNSTILE_VERIFY_URL,
            form={
                "secret": str(settings.turnstile_secret or ""),
                "response": response_token,
                "remoteip": ip_address,
            },
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        if answer.status >= _SERVER_ERROR:
            return _let_in(settings, f"status {answer.status}")
        verdict = answer.json()
    except (OutboundError, ValueError) as error:
        return _let_in(settings, type(error).__name__)
    if not isinstance(verdict, dict):
        return _let_in(settings, "no verdict")
    problems = verdict.get("error-codes") or []
    if "invalid-input-secret" in problems or "missing-input-secret" in problems:
        logger.error("bot_check_misconfigured", extra={"environment_id": settings.environment_id})
    return verdict.get("success") is True


def _let_in(settings: AuthenticationSettings, reason: str) -> bool:
    logger.warning(
        "bot_check_unavailable", extra={"environment_id": settings.environment_id, "reason": reason}
    )
    return True
