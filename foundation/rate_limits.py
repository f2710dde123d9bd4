"""Sliding-window rate limits: atomic in Redis, and in process where there is no Redis.

Both backends keep the same three numbers for a key (the start of its present window, the hits in it, the
hits in the window before) and follow the same rule, the sliding window counter: the previous window counts
by the share of it that the sliding window still covers. The windows of a key begin with its first hit, not
on the wall clock's minute, so that a fresh key lets through exactly its amount however hits race.

A refused hit is not counted: a client that keeps hammering is let in again as soon as its earlier hits age.
``reset_seconds`` says when a caller that stops now has the whole amount again.

When Redis does not answer, a plain limit lets the call through with a warning: a limit against overload must
not become the outage. A limit with ``fail_closed`` refuses instead. Use it where the limit is what stands
between a guesser and a secret (one-time codes, passwords): there, whoever can make Redis stumble would
otherwise buy unlimited guesses, and a short refusal is the lesser harm.
"""

import hashlib
import hmac
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from foundation import clock

logger = logging.getLogger(__name__)

# A server that does not answer within this time is treated as down; a sign-in must not hang on its limiter.
REDIS_TIMEOUT_SECONDS = 0.5

# After a failure Redis is left alone for this long, so that an outage costs one timeout and not one a request.
REDIS_PAUSE_SECONDS = 2.0

# In process, at most this many keys are kept (about 30 MB). Spent keys go first; only a flood of more live
# keys than this within two windows makes the one untouched for longest be forgotten.
MEMORY_KEYS = 100_000


@dataclass(frozen=True)
class Limit:
    """``amount`` hits in any ``seconds``; ``name`` keeps its keys apart from those of other limits."""

    name: str
    amount: int
    seconds: int
    fail_closed: bool = False

    def __post_init__(self) -> None:
        if self.amount < 1 or self.seconds < 1:
            message = f"The limit {self.name!r} needs an amount and a number of seconds of at least 1."
            raise ValueError(message)


@dataclass(frozen=True)
class Verdict:
    """What a limit says of one hit, with everything that ``X-RateLimit-*`` and ``Retry-After`` need."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int


def hit(limit: Limit, *key_parts: str, cost: int = 1) -> Verdict:
    """Count ``cost`` hits against the limit for this key, or refuse them all; one round trip to Redis."""
    if cost < 1:
        message = "A hit costs at least 1; peek looks without counting."
        raise ValueError(message)
    return _decide(limit, key_parts, cost)


def peek(limit: Limit, *key_parts: str) -> Verdict:
    """Say what a hit of cost 1 would be told, without counting it."""
    return _decide(limit, key_parts, 0)


def clear(limit: Limit, *key_parts: str) -> None:
    """Forget the hits of this key, as after a sign-in that succeeded. Redis being down only leaves them."""
    key = _storage_key(limit, key_parts)
    try:
        _backend().clear(key)
    except RedisError as error:
        logger.warning("The rate limit %s could not be cleared: %s", limit.name, type(error).__name__)


def _decide(limit: Limit, key_parts: tuple[str, ...], cost: int) -> Verdict:
    if not getattr(settings, "RATE_LIMITS_ENABLED", True):
        return _untouched(limit)
    key = _storage_key(limit, key_parts)
    try:
        return _backend().decide(limit, key, cost)
    except RedisError as error:
        outcome = "refused" if limit.fail_closed else "let through"
        logger.warning("Redis is down; the limit %s %s a call: %s", limit.name, outcome, type(error).__name__)
        if limit.fail_closed:
            wait = int(REDIS_PAUSE_SECONDS) + 1
            return Verdict(
                allowed=False, limit=limit.amount, remaining=0, reset_seconds=wait, retry_after_seconds=wait
            )
        return _untouched(limit)


def _untouched(limit: Limit) -> Verdict:
    return Verdict(
        allowed=True, limit=limit.amount, remaining=limit.amount, reset_seconds=0, retry_after_seconds=0
    )


def _storage_key(limit: Limit, key_parts: tuple[str, ...]) -> str:
    # Keyed digest: neither an e-mail nor a guessable hash of one stands in Redis or in its backups. The
    # length before each part keeps ("a", "bc") and ("ab", "c") apart.
    message = b"".join(b"%d:%b" % (len(part), part) for part in map(_utf8, (limit.name, *key_parts)))
    secret = b"rate-limits:" + settings.SECRET_KEY.encode()
    digest = hmac.new(secret, message, hashlib.sha256).hexdigest()
    return f"rate:{limit.name}:{digest[:32]}"


def _utf8(text: str) -> bytes:
    # JSON can carry half a surrogate pair, and a hostile key must be counted like any other.
    return text.encode("utf-8", "surrogatepass")


class _Backend(Protocol):
    def decide(self, limit: Limit, key: str, cost: int) -> Verdict: ...

    def clear(self, key: str) -> None: ...


def _backend() -> _Backend:
    return _backend_at(getattr(settings, "REDIS_URL", None) or "")


@lru_cache(maxsize=8)
def _backend_at(redis_url: str) -> _Backend:
    return _RedisBackend(redis_url) if redis_url else _MemoryBackend()


# The rule itself. Times are milliseconds; the same arithmetic stands in Lua below, and the same tests run over
# both.


def _verdict(limit: Limit, present: int, previous: int, elapsed: int, *, cost: int) -> tuple[bool, Verdict]:
    """Decide on counts that stand ``elapsed`` ms into the present window; True first when they grew."""
    window = limit.seconds * 1000
    asked = cost or 1
    allowed = previous * (window - elapsed) + (present + asked) * window <= limit.amount * window
    grew = allowed and cost > 0
    if grew:
        present += cost
    used = previous * (window - elapsed) + present * window
    remaining = max(0, (limit.amount * window - used) // window)
    if present:
        reset = 2 * window - elapsed
    elif previous:
        reset = window - elapsed
    else:
        reset = 0
    wait = 0 if allowed else _wait(limit, present, previous, elapsed, asked)
    return grew, Verdict(allowed, limit.amount, remaining, _seconds(reset), _seconds(wait))


def _wait(limit: Limit, present: int, previous: int, elapsed: int, asked: int) -> int:
    """Return the milliseconds until ``asked`` hits fit, if nobody else hits meanwhile."""
    window = limit.seconds * 1000
    room = limit.amount - asked
    if room < 0:  # More than the whole amount never fits.
        return 2 * window
    if present <= room:
        # The previous window must shrink to what the present one leaves free.
        return window - (room - present) * window // previous - elapsed
    # The present window has first to become the previous one, and then to shrink.
    return window - elapsed + window - room * window // present


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)


class _MemoryBackend:
    """Counters of this process, for the embedded mode, which is one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # key: (start of the present window in ms, its hits, the hits before it, when all of it is spent)
        self._counters: OrderedDict[str, tuple[int, int, int, int]] = OrderedDict()

    def decide(self, limit: Limit, key: str, cost: int) -> Verdict:
        window = limit.seconds * 1000
        now = int(clock.now().timestamp() * 1000)
        with self._lock:
            start, present, previous = self._window_at(now, key, window)
            grew, verdict = _verdict(limit, present, previous, now - start, cost=cost)
            if grew:
                self._counters[key] = (start, present + cost, previous, start + 2 * window)
                self._counters.move_to_end(key)
                if len(self._counters) > MEMORY_KEYS:
                    self._make_room(now)
        return verdict

    def clear(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)

    def _window_at(self, now: int, key: str, window: int) -> tuple[int, int, int]:
        start, present, previous, _spent = self._counters.get(key, (now, 0, 0, 0))
        start = min(start, now)  # Where the clock was set back, the counts stay and their window begins anew.
        if now - start >= 2 * window:
            return now, 0, 0
        if now - start >= window:
            return start + window, 0, present
        return start, present, previous

    def _make_room(self, now: int) -> None:
        for key in [key for key, counter in self._counters.items() if counter[3] <= now]:
            del self._counters[key]
        # A tenth at once, so that the walk above is not repeated at every hit of a flood.
        while len(self._counters) > MEMORY_KEYS * 9 // 10:
            self._counters.popitem(last=False)


# KEYS[1]: the key; ARGV: amount, window in ms, cost (0 looks only).
# Returns: 1 if allowed, remaining, ms until all is reset, ms to wait.
_SCRIPT = """
local amount, window, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local start, present, previous = now, 0, 0
local kept = redis.call('GET', KEYS[1])
if kept then
  local a, b, c = string.match(kept, '^(%d+):(%d+):(%d+)$')
  start, present, previous = tonumber(a), tonumber(b), tonumber(c)
end
if now < start then start = now end
if now - start >= 2 * window then
  start, present, previous = now, 0, 0
elseif now - start >= window then
  start, present, previous = start + window, 0, present
end

local elapsed = now - start
local asked = cost
if asked == 0 then asked = 1 end
local allowed = previous * (window - elapsed) + (present + asked) * window <= amount * window
if allowed and cost > 0 then
  present = present + cost
  local value = string.format('%.0f:%.0f:%.0f', start, present, previous)
  redis.call('SET', KEYS[1], value, 'PX', 2 * window - elapsed)
end

local used = previous * (window - elapsed) + present * window
local remaining = math.max(0, math.floor((amount * window - used) / window))
local reset = 0
if present > 0 then reset = 2 * window - elapsed elseif previous > 0 then reset = window - elapsed end

local wait = 0
if not allowed then
  local room = amount - asked
  if room < 0 then
    wait = 2 * window
  elseif present <= room then
    wait = window - math.floor((room - present) * window / previous) - elapsed
  else
    wait = window - elapsed + window - math.floor(room * window / present)
  end
end
return {allowed and 1 or 0, remaining, reset, wait}
"""


class _RedisBackend:
    """Counters shared by all processes. The script runs alone in Redis, and the time is Redis's own."""

    def __init__(self, url: str) -> None:
        # One retry, and only where a pooled connection turned out to be dead: a hit whose answer timed out
        # may have been counted, and is not sent again.
        retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        self._redis = Redis.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=retry,
        )
        self._script = self._redis.register_script(_SCRIPT)
        self._paused_until = 0.0

    def decide(self, limit: Limit, key: str, cost: int) -> Verdict:
        self._refuse_while_paused()
        try:
            answer = self._script(keys=[key], args=[limit.amount, limit.seconds * 1000, cost])
        except RedisError:
            self._paused_until = time.monotonic() + REDIS_PAUSE_SECONDS
            raise
        allowed, remaining, reset, wait = cast("list[int]", answer)
        return Verdict(allowed == 1, limit.amount, remaining, _seconds(reset), _seconds(wait))

    def clear(self, key: str) -> None:
        self._refuse_while_paused()
        self._redis.delete(key)

    def _refuse_while_paused(self) -> None:
        if time.monotonic() < self._paused_until:
            raise RedisConnectionError("Redis failed a moment ago.")
