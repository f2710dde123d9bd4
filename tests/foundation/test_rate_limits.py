import logging
import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis

from foundation import rate_limits
from foundation.rate_limits import Limit, Verdict, clear, hit, peek

REDIS_URL = os.environ.get("REDIS_URL", "")
BACKENDS = ["memory", "redis"] if REDIS_URL else ["memory"]

# Nothing listens on port 1 of the loopback address, so a connection is refused at once.
DEAD_REDIS = "redis://127.0.0.1:1/0"


class MemoryTime:
    """Moves the frozen clock that the in-process backend reads."""

    def __init__(self, traveller):
        self.traveller = traveller

    def advance(self, seconds, limit, *key_parts):
        self.traveller.shift(seconds)


class RedisTime:
    """Redis reads its own clock; making a kept window older is the same as waiting."""

    def advance(self, seconds, limit, *key_parts):
        redis = Redis.from_url(REDIS_URL, decode_responses=True)
        key = rate_limits._storage_key(limit, key_parts)
        kept = str(redis.get(key) or "")
        if kept:
            start, present, previous = (int(number) for number in kept.split(":"))
            redis.set(key, f"{start - int(seconds * 1000)}:{present}:{previous}", px=60_000)
        redis.close()


@pytest.fixture(params=BACKENDS)
def passing_time(request, settings):
    settings.RATE_LIMITS_ENABLED = True
    rate_limits._backend_at.cache_clear()
    if request.param == "memory":
        settings.REDIS_URL = ""
        with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
            yield MemoryTime(traveller)
    else:
        settings.REDIS_URL = REDIS_URL
        yield RedisTime()
    rate_limits._backend_at.cache_clear()


@pytest.fixture
def in_memory(settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.REDIS_URL = ""
    rate_limits._backend_at.cache_clear()
    yield rate_limits._backend()
    rate_limits._backend_at.cache_clear()


def fresh(amount, seconds, **options):
    return Limit(f"test-{uuid.uuid4().hex[:8]}", amount, seconds, **options)


def test_the_amount_passes_and_the_next_hit_is_refused(passing_time):
    limit = fresh(3, 60)

    verdicts = [hit(limit, "ada@example.com") for _ in range(4)]

    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert {verdict.limit for verdict in verdicts} == {3}


def test_a_refusal_says_how_long_to_wait_and_waiting_that_long_is_enough(passing_time):
    limit = fresh(3, 60)
    for _ in range(3):
        hit(limit, "ada")

    refused = hit(limit, "ada")
    assert not refused.allowed
    assert 60 < refused.retry_after_seconds <= 80

    passing_time.advance(refused.retry_after_seconds, limit, "ada")
    assert hit(limit, "ada").allowed


def test_an_allowed_hit_has_nothing_to_wait_for(passing_time):
    verdict = hit(fresh(3, 60), "ada")

    assert verdict.retry_after_seconds == 0
    assert 119 <= verdict.reset_seconds <= 120


def test_the_previous_window_still_counts_by_the_share_that_is_covered(passing_time):
    limit = fresh(10, 60)
    for _ in range(10):
        hit(limit, "ada")

    passing_time.advance(90, limit, "ada")

    passed = sum(hit(limit, "ada").allowed for _ in range(10))
    assert passed == 5


def test_after_two_windows_nothing_is_left_of_the_hits(passing_time):
    limit = fresh(4, 10)
    for _ in range(4):
        hit(limit, "ada")

    passing_time.advance(21, limit, "ada")

    assert hit(limit, "ada").remaining == 3


def test_refused_hits_do_not_lengthen_the_wait(passing_time):
    limit = fresh(1, 60)
    hit(limit, "ada")
    first = hit(limit, "ada").retry_after_seconds
    for _ in range(50):
        hit(limit, "ada")

    passing_time.advance(first, limit, "ada")

    assert hit(limit, "ada").allowed


def test_a_cost_is_taken_whole_or_not_at_all(passing_time):
    limit = fresh(5, 60)

    assert hit(limit, "ada", cost=3).remaining == 2
    assert not hit(limit, "ada", cost=3).allowed
    assert hit(limit, "ada", cost=2).remaining == 0


def test_a_cost_beyond_the_whole_amount_never_passes(passing_time):
    verdict = hit(fresh(5, 60), "ada", cost=6)

    assert not verdict.allowed
    assert verdict.retry_after_seconds == 120


def test_keys_and_limits_count_apart(passing_time):
    limit, other = fresh(1, 60), fresh(1, 60)
    hit(limit, "ada", "10.0.0.1")

    assert hit(limit, "ada", "10.0.0.2").allowed
    assert hit(other, "ada", "10.0.0.1").allowed
    assert not hit(limit, "ada", "10.0.0.1").allowed


def test_moving_a_border_between_key_parts_makes_another_key(passing_time):
    limit = fresh(1, 60)
    hit(limit, "a", "bc")

    assert hit(limit, "ab", "c").allowed
    assert hit(limit, "abc").allowed
    assert hit(limit, "a", "b", "c").allowed


def test_peek_tells_without_counting(passing_time):
    limit = fresh(2, 60)

    for _ in range(5):
        assert peek(limit, "ada") == Verdict(True, 2, 2, 0, 0)
    hit(limit, "ada")
    assert peek(limit, "ada").remaining == 1
    hit(limit, "ada")
    refused = peek(limit, "ada")
    assert not refused.allowed
    assert refused.retry_after_seconds > 60


def test_clear_gives_the_whole_amount_back(passing_time):
    limit = fresh(2, 60)
    hit(limit, "ada", cost=2)

    clear(limit, "ada")

    assert hit(limit, "ada").remaining == 1


def test_a_hostile_key_is_counted_like_any_other(passing_time):
    limit = fresh(1, 60)

    for key in ("", "\x00", "\ud800", "x" * 100_000, "a:b*\r\n"):
        assert hit(limit, key).allowed
        assert not hit(limit, key).allowed


def test_of_parallel_hits_exactly_the_amount_pass(passing_time):
    limit = fresh(50, 60)
    start_together = threading.Barrier(8)

    def forty_hits(_thread):
        start_together.wait()
        return sum(hit(limit, "ada").allowed for _ in range(40))

    with ThreadPoolExecutor(8) as threads:
        passed = sum(threads.map(forty_hits, range(8)))

    assert passed == 50


def test_no_key_part_can_be_read_from_the_storage_key(settings):
    limit = fresh(1, 60)

    key = rate_limits._storage_key(limit, ("ada@example.com",))

    assert "ada" not in key
    assert "example" not in key
    settings.SECRET_KEY = "another secret key, of another installation"
    assert rate_limits._storage_key(limit, ("ada@example.com",)) != key


def test_a_switched_off_limiter_lets_everything_through(passing_time, settings):
    settings.RATE_LIMITS_ENABLED = False
    limit = fresh(1, 60)

    assert all(hit(limit, "ada").allowed for _ in range(5))


def test_without_redis_answering_a_plain_limit_lets_through_and_warns(settings, caplog):
    settings.RATE_LIMITS_ENABLED = True
    settings.REDIS_URL = DEAD_REDIS
    rate_limits._backend_at.cache_clear()
    limit = fresh(1, 60)

    with caplog.at_level(logging.WARNING):
        verdicts = [hit(limit, "ada@example.com") for _ in range(3)]

    assert all(verdict.allowed for verdict in verdicts)
    assert "Redis is down" in caplog.text
    assert "ada" not in caplog.text
    clear(limit, "ada@example.com")


def test_without_redis_answering_a_limit_that_guards_a_secret_refuses(settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.REDIS_URL = DEAD_REDIS
    rate_limits._backend_at.cache_clear()
    limit = fresh(5, 60, fail_closed=True)

    verdict = hit(limit, "ada@example.com")

    assert not verdict.allowed
    assert verdict.retry_after_seconds > 0
    assert not peek(limit, "ada@example.com").allowed


def test_an_outage_costs_one_attempt_to_connect_and_not_one_a_hit(settings, monkeypatch):
    settings.RATE_LIMITS_ENABLED = True
    backend = rate_limits._RedisBackend(DEAD_REDIS)
    monkeypatch.setattr(rate_limits, "_backend", lambda: backend)
    failing, attempts = backend._script, []

    def attempt(**call):
        attempts.append(call)
        return failing(**call)

    monkeypatch.setattr(backend, "_script", attempt)

    for _ in range(20):
        hit(fresh(1, 60), "ada")

    assert len(attempts) == 1


@pytest.mark.parametrize(("amount", "seconds"), [(0, 60), (1, 0), (-1, 60)])
def test_a_limit_without_amount_or_time_cannot_be_made(amount, seconds):
    with pytest.raises(ValueError, match="at least 1"):
        Limit("broken", amount, seconds)


def test_a_hit_that_costs_nothing_is_a_mistake_of_the_caller(in_memory):
    with pytest.raises(ValueError, match="at least 1"):
        hit(fresh(1, 60), "ada", cost=0)


def test_a_flood_of_keys_stays_within_the_memory_bound(in_memory, monkeypatch):
    monkeypatch.setattr(rate_limits, "MEMORY_KEYS", 100)
    limit = fresh(1, 60)

    for number in range(1000):
        hit(limit, str(number))

    assert len(in_memory._counters) <= 100


def test_spent_keys_make_room_before_live_ones(in_memory, monkeypatch):
    monkeypatch.setattr(rate_limits, "MEMORY_KEYS", 100)
    short, long = fresh(1, 1), fresh(1, 3600)
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        hit(long, "ada")
        for number in range(80):
            hit(short, str(number))
        traveller.shift(10)
        for number in range(80):
            hit(short, f"later {number}")

        assert not hit(long, "ada").allowed


def test_a_clock_that_is_set_back_keeps_the_counts(in_memory):
    limit = fresh(1, 60)
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        hit(limit, "ada")
        traveller.move_to("2026-02-01T12:00:00Z")
        refused = hit(limit, "ada")

    assert not refused.allowed
    assert refused.retry_after_seconds <= 120


steps = st.lists(st.tuples(st.integers(0, 45), st.integers(1, 3)), min_size=1, max_size=40)


@given(amount=st.integers(1, 8), steps=steps)
@hypothesis_settings(max_examples=100)
def test_over_time_no_more_passes_than_the_amount_a_window_and_one_burst(amount, steps):
    backend = rate_limits._MemoryBackend()
    limit = Limit("property", amount, 30)
    passed = waited = 0
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        for seconds, cost in steps:
            traveller.shift(seconds)
            waited += seconds
            verdict = backend.decide(limit, "key", cost)
            passed += cost if verdict.allowed else 0
            assert 0 <= verdict.remaining <= amount
            assert verdict.allowed == (verdict.retry_after_seconds == 0)

    assert passed <= amount * (waited / 30 + 1)


@given(amount=st.integers(1, 8), steps=steps)
@hypothesis_settings(max_examples=100)
def test_waiting_as_told_is_always_enough_and_a_second_less_never_is(amount, steps):
    backend = rate_limits._MemoryBackend()
    limit = Limit("property", amount, 30)
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        for seconds, cost in steps:
            traveller.shift(seconds)
            if cost > amount:
                continue
            verdict = backend.decide(limit, "key", cost)
            if verdict.allowed:
                continue
            traveller.shift(verdict.retry_after_seconds - 1)
            assert not backend.decide(limit, "key", cost).allowed
            traveller.shift(1)
            assert backend.decide(limit, "key", cost).allowed
