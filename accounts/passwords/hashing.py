"""New hashes, and the one check of a password against whatever hash is stored."""

import logging
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from argon2 import PasswordHasher, Type

from accounts import conf
from accounts.passwords.schemes import MIB, Argon2, MalformedHash, SaltedDigest, Scheme, read_stored_hash

logger = logging.getLogger(__name__)

# Nobody types more. The bound keeps normalisation and hashing of what a stranger sends cheap; the policy's
# own maximum is far below it.
LONGEST_PASSWORD = 1024

# A hash that fills more memory than this is checked alone, so that a few costly imported ones cannot add up.
LARGE_HASH_BYTES = 64 * MIB
_large_hash = threading.Lock()


@dataclass(frozen=True)
class PasswordCheck:
    """``needs_upgrade``: the password is right, and its hash should now be replaced by a new one."""

    valid: bool
    needs_upgrade: bool


def hash_password(password: str) -> str:
    """Return a new Argon2id hash at the configured cost, a text of about a hundred characters.

    Raises ValueError beyond 1024 characters, which the password policy refuses first.
    """
    if len(password) > LONGEST_PASSWORD:
        message = "The password is too long to be hashed."
        raise ValueError(message)
    return _hash(_utf8(unicodedata.normalize("NFKC", password)))


def verify_password(password: str, encoded: str) -> PasswordCheck:
    """Check a password against a stored hash of any scheme; wrong, overlong and unreadable alike are invalid.

    An invalid answer takes at least as long as :func:`burn_a_hash`, so that a fast imported scheme does not
    tell that an account exists. A slower one does until its user's next sign-in: making every refusal as slow
    as the slowest imported hash would cost more than it hides.
    """
    if len(password) > LONGEST_PASSWORD:
        burn_a_hash(password)
        return PasswordCheck(valid=False, needs_upgrade=False)
    try:
        scheme = read_stored_hash(encoded)
    except MalformedHash as error:
        logger.error("A stored password hash cannot be read: %s", error)  # noqa: TRY400 - its trace says nothing more.
        burn_a_hash(password)
        return PasswordCheck(valid=False, needs_upgrade=False)
    if _matches(password, scheme):
        return PasswordCheck(valid=True, needs_upgrade=not _is_current(scheme))
    if isinstance(scheme, SaltedDigest):
        burn_a_hash(password)
    return PasswordCheck(valid=False, needs_upgrade=False)


def burn_a_hash(password: str) -> None:
    """Spend the time of a check where there is no hash to check: unknown e-mail, user without a password.

    Without it, the time of the answer would tell whether the account exists.
    """
    # As many hashes as a check of this very password would compute.
    for candidate in _candidates(password[:LONGEST_PASSWORD]):
        _hash(candidate)


def _candidates(password: str) -> list[bytes]:
    """The password as given, then its NFKC form where that is another (see the package's docstring)."""
    normalized = unicodedata.normalize("NFKC", password)
    texts = [password] if normalized == password else [password, normalized]
    return [_utf8(text) for text in texts]


def _utf8(text: str) -> bytes:
    # JSON can carry half a surrogate pair: a password that nobody types, and no reason to fall over.
    return text.encode("utf-8", "surrogatepass")


def _hash(password: bytes) -> str:
    hasher = _hasher(conf.argon2_cost())
    with _slot():
        return hasher.hash(password)


def _matches(password: str, scheme: Scheme) -> bool:
    for candidate in _candidates(password):
        with _slot(large=scheme.memory > LARGE_HASH_BYTES):
            if scheme.verify(candidate):
                return True
    return False


def _is_current(scheme: Scheme) -> bool:
    # A hash that is dearer than configured is replaced as well: what it costs is paid at each sign-in.
    cost = conf.argon2_cost()
    written = f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}$"
    return isinstance(scheme, Argon2) and scheme.encoded.startswith(written)


@lru_cache(maxsize=4)
def _hasher(cost: conf.Argon2Cost) -> PasswordHasher:
    return PasswordHasher(
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=32,
        salt_len=16,
        type=Type.ID,
    )


@contextmanager
def _slot(*, large: bool = False) -> Iterator[None]:
    """Wait for one of the places at which a hash may be computed; a large one waits for its only place first."""
    slots = _slots(conf.concurrent_password_hashes())
    if large:
        with _large_hash, slots:
            yield
    else:
        with slots:
            yield


@lru_cache(maxsize=4)
def _slots(count: int) -> threading.Semaphore:
    return threading.Semaphore(count)
