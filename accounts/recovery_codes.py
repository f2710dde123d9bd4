"""The form of recovery codes: ten letters and digits in two halves, worth fifty bits each.

They are typed from paper, so the alphabet has no letters that look like digits, and case, spaces and hyphens do
not count. Only a keyed digest is kept: without the installation's key, a stolen table does not tell them.
"""

import secrets

from foundation.encryption import lookup_digest

CODES_PER_USER = 10
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_HALF = 5


def new_recovery_code() -> str:
    """Return a fresh code, such as ``7KQ2M-XW9TD``."""
    halves = ("".join(secrets.choice(_ALPHABET) for _ in range(_HALF)) for _ in range(2))
    return "-".join(halves)


def looks_like_recovery_code(text: str) -> bool:
    """Tell whether a text could be a recovery code; a code of six digits is none."""
    return len(_plain(text)) == 2 * _HALF


def recovery_code_digest(user_id: str, text: str) -> str:
    """Return the digest by which one user's code is stored and found."""
    return lookup_digest("recovery_code", f"{user_id}:{_plain(text)}")


def _plain(text: str) -> str:
    return "".join(text.split()).replace("-", "").upper()
