"""Which passwords may be set. The rules are an environment's; the defaults are those of workos-behaviour (l)."""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from zxcvbn import matching, scoring, time_estimates

from accounts.breached_passwords import is_breached
from accounts.errors import PasswordStrengthError
from accounts.passwords import verify_password
from accounts.passwords.hashing import LONGEST_PASSWORD

# The estimator's own bound: it takes the square of the length.
_LONGEST_ESTIMATE = 72

# The estimator tries every reading of look-alike characters ("4" as "a", "1" as "i" or "l"), and a password
# made of all of them costs it seconds. So what it is shown is cut until readings times length squared stay
# below this (about 60 ms). The beginning of a password is never stronger than the whole of it.
_ESTIMATE_BUDGET = 37_500
_SHORTEST_ESTIMATE = 12


@dataclass(frozen=True)
class PasswordPolicy:
    """The rules for new passwords; a strength is zxcvbn's score from 0 to 4, and a depth of 0 allows reuse."""

    minimum_length: int = 10
    maximum_length: int = 128
    minimum_strength: int = 3
    reject_breached: bool = True
    history_depth: int = 0

    def __post_init__(self) -> None:
        within = (
            1 <= self.minimum_length <= self.maximum_length <= LONGEST_PASSWORD
            and 0 <= self.minimum_strength <= 4
            and 0 <= self.history_depth <= 10
        )
        if not within:
            message = f"The password policy contradicts itself or its bounds: {self}."
            raise ValueError(message)


def check_password(
    password: str,
    policy: PasswordPolicy,
    *,
    user_inputs: Sequence[str] = (),
    previous_hashes: Sequence[str] = (),
) -> None:
    """Raise PasswordStrengthError, naming every rule that the password breaks; return nothing if it may be set.

    ``user_inputs``: what an attacker would guess first, such as e-mail and names. ``previous_hashes``: newest
    first; as many of them are looked at as the policy is deep.
    """
    if len(password) > policy.maximum_length:  # Alone: the other rules cost time in the length.
        raise PasswordStrengthError(
            errors=[
                _broken(
                    "password_too_long", f"Password must have at most {policy.maximum_length} characters."
                )
            ]
        )
    errors = []
    if _length(password) < policy.minimum_length:
        errors.append(
            _broken("password_too_short", f"Password must have at least {policy.minimum_length} characters.")
        )
    if estimate_strength(password, user_inputs=user_inputs) < policy.minimum_strength:
        errors.append(_broken("password_too_weak", "Password is too easy to guess."))
    if policy.reject_breached and is_breached(password):
        errors.append(_broken("password_pwned", "Password is publicly known from a data breach."))
    if not errors and _was_used_before(password, previous_hashes[: policy.history_depth]):
        errors.append(_broken("password_reused", "Password was used before."))
    if errors:
        raise PasswordStrengthError(errors=errors)


def estimate_strength(password: str, *, user_inputs: Sequence[str] = ()) -> int:
    """Return zxcvbn's score: 0 and 1 are guessed at once, 2 online, 3 and 4 hardly."""
    if not password:
        return 0
    shown = password[: _affordable_length(password[:_LONGEST_ESTIMATE])]
    # zxcvbn.zxcvbn() keeps the user's words in a dictionary that all threads share; this is the same, without.
    dictionaries = {
        **matching.RANKED_DICTIONARIES,
        "user_inputs": matching.build_ranked_dict(_words(user_inputs)),
    }
    matches = matching.omnimatch(shown, dictionaries)
    guesses = scoring.most_guessable_match_sequence(shown, matches)["guesses"]
    return int(time_estimates.guesses_to_score(guesses))


def _affordable_length(password: str) -> int:
    characters = set(password)
    readings = 1
    for look_alikes in matching.L33T_TABLE.values():
        readings *= max(1, len(characters.intersection(look_alikes)))
    return max(_SHORTEST_ESTIMATE, min(_LONGEST_ESTIMATE, math.isqrt(_ESTIMATE_BUDGET // readings)))


def _words(user_inputs: Sequence[str]) -> list[str]:
    """Return each input and its parts in lower case: an e-mail is guessed by its name as well as whole."""
    words: list[str] = []
    for text in user_inputs[:20]:
        lowered = text[:320].lower()
        words.extend([lowered, *re.split(r"[\W_]+", lowered)])
    return [word for word in dict.fromkeys(words) if word]


def _length(password: str) -> int:
    # Neither form of a letter may make a password look longer than it is.
    return min(len(password), len(unicodedata.normalize("NFKC", password)))


def _was_used_before(password: str, hashes: Sequence[str]) -> bool:
    return any(verify_password(password, encoded).valid for encoded in hashes)


def _broken(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}
