"""Object ids: a prefix, an underscore and a ULID, so that ordering by id is ordering by creation."""

import re
import secrets
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_lock = threading.Lock()
_last = 0

# Ids are found by look-up alone (SDK fixtures hold odd ones), so a cursor is only asked to look like one.
_ID_SHAPE = re.compile(r"[a-z][a-z0-9_]*_[A-Za-z0-9]{1,40}")


def new_ulid() -> str:
    """Return a ULID: 26 characters of Crockford base32, strictly rising within this process.

    Two ids of one millisecond differ by a random step instead of fresh randomness: the later one must sort
    after the earlier one, because lists are ordered by id alone.
    """
    global _last  # noqa: PLW0603 -- the counter of the process is the point of this function
    with _lock:
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        # A clock that was set back, or the same millisecond: go on from the last one.
        if fresh >> _RANDOM_BITS <= _last >> _RANDOM_BITS:
            fresh = _last + 1 + secrets.randbits(40)
        _last = fresh
    return _encode(fresh)


def new_ulid_secret() -> str:
    """Return a secret in the form of a ULID: 26 characters of Crockford base32, of which 128 bits are random.

    A real ULID would not do: its first half is the clock, and two of one millisecond are neighbours.
    """
    return _encode(secrets.randbits(128))


def new_id(prefix: str) -> str:
    """Return a new object id such as ``org_01J…`` (prefix table: workos-behaviour (l))."""
    return f"{prefix}_{new_ulid()}"


def looks_like_id(text: str) -> bool:
    """Tell whether a text has the shape of an object id; it need not exist."""
    return len(text) <= 80 and _ID_SHAPE.fullmatch(text) is not None


def new_secret(length: int = 25) -> str:
    """Return ``length`` random letters and digits; 25 of them carry 148 bits."""
    return "".join(secrets.choice(_LETTERS_AND_DIGITS) for _ in range(length))


_LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _encode(number: int) -> str:
    characters = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))
