"""Phone numbers in the one form in which they are stored: E.164 (ITU-T), ``+`` and up to fifteen digits."""

import re

from accounts.errors import InvalidPhoneNumber

LONGEST_NUMBER = 16

# No country code begins with zero; the shortest numbers in use have seven digits with it.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PUNCTUATION = re.compile(r"[\s().\-]")


def normalize_phone_number(text: str) -> str:
    """Return the E.164 form; a missing ``+`` is added (workos-legacy 5). Raises InvalidPhoneNumber."""
    number = _PUNCTUATION.sub("", text)
    number = number if number.startswith("+") else f"+{number}"
    if not _E164.fullmatch(number):
        raise InvalidPhoneNumber
    return number
