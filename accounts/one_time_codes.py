"""One-time codes: six digits that go to a mailbox, live ten minutes and are worth five guesses.

The figures are those of workos-behaviour (l). A code stays readable to the product's server, which may send it
by itself, so it lies encrypted and not hashed; the row's own limits stand against guessing.
"""

import secrets
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol

from foundation.encryption import digests_equal

LIFETIME = timedelta(minutes=10)
MAXIMUM_FAILED_ATTEMPTS = 5
_DIGITS = 6


class OneTimeCodeRow(Protocol):
    """A row that holds one code."""

    code: str
    failed_attempts: int
    expires_at: datetime
    used_at: datetime | None


class CodeVerdict(Enum):
    """What a code that somebody presents is worth."""

    RIGHT = auto()
    WRONG = auto()
    EXPIRED = auto()
    PREVIOUSLY_USED = auto()
    LOCKED = auto()


def new_one_time_code() -> str:
    """Return six random digits, zeros in front included."""
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"


def judge(row: OneTimeCodeRow, presented: str, moment: datetime) -> CodeVerdict:
    """Say what a presented code is worth; spaces in it do not count, as mail programs show codes in two halves.

    A lock and an end of life come before the comparison: after them the right code is as good as a wrong one.
    """
    if row.failed_attempts >= MAXIMUM_FAILED_ATTEMPTS:
        return CodeVerdict.LOCKED
    matches = digests_equal(row.code, "".join(presented.split()))
    if row.used_at is not None:
        return CodeVerdict.PREVIOUSLY_USED if matches else CodeVerdict.WRONG
    if row.expires_at <= moment:
        return CodeVerdict.EXPIRED
    return CodeVerdict.RIGHT if matches else CodeVerdict.WRONG
