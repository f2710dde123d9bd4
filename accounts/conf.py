"""The typed settings of this app. Each has a default, so an installation sets only what it changes."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from foundation.outbound import OutboundError, check_url


@dataclass(frozen=True)
class Argon2Cost:
    """The cost of one new password hash."""

    memory_kib: int
    passes: int
    lanes: int


def argon2_cost() -> Argon2Cost:
    """``PASSWORD_ARGON2_MEMORY_KIB``, ``_PASSES``, ``_LANES``: 19 MiB, 2 and 1 by default.

    That is the minimum of the OWASP Password Storage Cheat Sheet; Django's own default costs eight times as
    much. Raises ImproperlyConfigured for what Argon2 cannot do (RFC 9106 section 3.1).
    """
    cost = Argon2Cost(
        memory_kib=_whole_number("PASSWORD_ARGON2_MEMORY_KIB", 19 * 1024),
        passes=_whole_number("PASSWORD_ARGON2_PASSES", 2),
        lanes=_whole_number("PASSWORD_ARGON2_LANES", 1),
    )
    if cost.memory_kib < 8 * cost.lanes:
        message = "PASSWORD_ARGON2_MEMORY_KIB must be at least eight times PASSWORD_ARGON2_LANES."
        raise ImproperlyConfigured(message)
    return cost


def concurrent_password_hashes() -> int:
    """``PASSWORD_CONCURRENT_HASHES``: how many may run at once in this process, 4 by default.

    Each takes its memory and a core; beyond the number of cores more of them only make all of them slower.
    """
    return _whole_number("PASSWORD_CONCURRENT_HASHES", 4)


def breached_passwords_file() -> Path | None:
    """``BREACHED_PASSWORDS_FILE`` (from ``GATEHOUSE_BREACHED_PASSWORDS_FILE``), or None where none is given.

    Raises ImproperlyConfigured if it is given and cannot be found: a check that silently does not happen would
    be worse than a start that fails.
    """
    value = getattr(settings, "BREACHED_PASSWORDS_FILE", None)
    if not value:
        return None
    path = Path(value)
    if not path.is_file():
        message = f"GATEHOUSE_BREACHED_PASSWORDS_FILE names {path}, and there is no such file."
        raise ImproperlyConfigured(message)
    return path


def sms_sender() -> str:
    """``SMS_SENDER`` (from ``GATEHOUSE_SMS_SENDER``): who carries production environments' text messages, or none."""
    return str(getattr(settings, "SMS_SENDER", "none"))


def sms_gateway() -> str:
    """``SMS_URL`` (from ``GATEHOUSE_SMS_URL``) where ``http`` is the sender.

    Raises ImproperlyConfigured where it is missing, cannot be called, or would carry codes in clear over the internet.
    """
    url = str(getattr(settings, "SMS_URL", ""))
    if sms_sender() != "http":
        return url
    try:
        check_url(url)
    except OutboundError as error:
        message = f"GATEHOUSE_SMS_SENDER is http, so GATEHOUSE_SMS_URL must name the gateway. {error}"
        raise ImproperlyConfigured(message) from error
    if settings.PRODUCTION and not settings.SMS_TOKEN:
        message = "GATEHOUSE_SMS_TOKEN is missing: an SMS gateway must not take messages from anybody."
        raise ImproperlyConfigured(message)
    return url


def _whole_number(name: str, default: int) -> int:
    value = getattr(settings, name, default)
    if not isinstance(value, int) or value < 1:
        message = f"{name} must be a whole number of at least 1; it is {value!r}."
        raise ImproperlyConfigured(message)
    return value
