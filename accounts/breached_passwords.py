"""Passwords that are publicly known: Django's list of common ones, and a file that the operator may supply.

No password, and no part of its hash, ever leaves this machine.

The file (``GATEHOUSE_BREACHED_PASSWORDS_FILE``) holds one SHA-1 digest a line in hexadecimal, or the first 12
digits of one at least, sorted; what follows a colon is ignored. That is the form in which the well-known
collections can be downloaded "ordered by hash". It is searched where it lies: a file of 40 GB costs some
35 small reads.
"""

import hashlib
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ImproperlyConfigured

from accounts import conf

# 48 bits: among a billion digests a stranger's password is found by accident once in 280,000 times.
SHORTEST_PREFIX = 12
_LONGEST_LINE = 128


def is_breached(password: str) -> bool:
    """True when the password is publicly known. Raises ImproperlyConfigured for a file that is missing or malformed."""
    if password.lower().strip() in _common_passwords():
        return True
    path = conf.breached_passwords_file()
    if path is None:
        return False
    return any(_stands_in(path, text) for text in {password, unicodedata.normalize("NFKC", password)})


@lru_cache(maxsize=1)
def _common_passwords() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)


def _stands_in(path: Path, password: str) -> bool:
    digest = (
        hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
    )
    with path.open("rb") as lines:
        low, high = 0, path.stat().st_size
        while low < high:
            start, line, end = _line_around(lines, (low + high) // 2)
            known = _digest_of(line, path)
            if known == digest[: len(known)]:
                return True
            if known > digest:
                high = start
            else:
                low = end
    return False


def _line_around(lines: BinaryIO, position: int) -> tuple[int, bytes, int]:
    """Return where the line that covers this byte starts, the line, and where the next one starts."""
    before = max(0, position - _LONGEST_LINE)
    lines.seek(before)
    chunk = lines.read(2 * _LONGEST_LINE)
    start = chunk.rfind(b"\n", 0, position - before) + 1
    end = chunk.find(b"\n", position - before)
    end = len(chunk) if end < 0 else end + 1
    return before + start, chunk[start:end], before + end


def _digest_of(line: bytes, path: Path) -> str:
    digest = line.partition(b":")[0].strip()
    try:
        int(digest, 16)
        text = digest.decode().upper()
    except ValueError:
        text = ""
    if not SHORTEST_PREFIX <= len(text) <= 40:
        message = f"{path} is not a sorted file of SHA-1 digests, one a line, of {SHORTEST_PREFIX} to 40 hexadecimal digits."
        raise ImproperlyConfigured(message)
    return text
