"""Spending a one-time code, whatever it is for."""

from django.db import models

from accounts.one_time_codes import MAXIMUM_FAILED_ATTEMPTS, CodeVerdict, OneTimeCodeRow, judge
from foundation import clock, rate_limits
from foundation.errors import RateLimited
from foundation.rate_limits import Limit

# A row takes five guesses, but a new code is a new row: this bounds the guesses of everybody at one user's codes.
# It stands between a guesser and a secret, so it refuses when it cannot count.
GUESSES = Limit("one_time_code_guesses", 20, 3600, fail_closed=True)


def spend_one_time_code(row: OneTimeCodeRow, presented: str, *guess_key: str) -> CodeVerdict:
    """Judge a presented code and write down what follows: a failed attempt, or that the code is used.

    ``row`` is a model's row that the caller has locked, directly or through its user, and the caller commits
    whatever the verdict: a refusal that rolled the count back would make guesses free. ``guess_key`` names the
    purpose and the user. Raises RateLimited, having written nothing, where there were too many wrong guesses.
    """
    before = rate_limits.peek(GUESSES, *guess_key)
    if not before.allowed:
        raise RateLimited(retry_after=before.retry_after_seconds)
    moment = clock.now()
    verdict = judge(row, presented, moment)
    if verdict is CodeVerdict.RIGHT:
        row.used_at = moment
        _save(row, "used_at")
    elif verdict is CodeVerdict.WRONG:
        rate_limits.hit(GUESSES, *guess_key)
        if row.failed_attempts < MAXIMUM_FAILED_ATTEMPTS:
            row.failed_attempts += 1
            _save(row, "failed_attempts")
    return verdict


def _save(row: OneTimeCodeRow, field: str) -> None:
    assert isinstance(row, models.Model)  # noqa: S101 -- says the other half of what a row of codes is
    row.save(update_fields=[field])
