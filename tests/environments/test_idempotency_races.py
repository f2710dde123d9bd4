"""Twins in flight, with real threads and the database's own locks."""

import threading

import pytest
from django.db import connection

from environments.models import CORSOrigin, IdempotentRequest
from tests.api_client import ApiClient
from tests.environments import probe_urls
from tests.factories.environments import make_api_key, make_environment
from tests.threads import in_parallel

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.environments.probe_urls"),
]


@pytest.fixture
def environment(transactional_db):
    return make_environment()


def once(secret, key, path="/probe/counted"):
    return ApiClient(secret).post(path, {"a": 1}, headers={"Idempotency-Key": key})


def once_with_little_patience(secret, key):
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
        try:
            return once(secret, key)
        finally:
            cursor.execute("RESET lock_timeout")


def test_twins_in_flight_yield_one_creation_and_the_same_answer(environment):
    secret = make_api_key(environment)

    answers = in_parallel(8, lambda _number: once(secret, "k1"))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert CORSOrigin.objects.in_environment(environment).count() == 1
    assert IdempotentRequest.objects.in_environment(environment).count() == 1


def test_a_twin_takes_over_where_the_first_one_failed(environment, monkeypatch):
    secret = make_api_key(environment)
    first_is_inside, twin_may_go = threading.Event(), threading.Event()
    original = probe_urls.Counted.post
    turn = iter(range(2))

    def post(self, request, status=201):
        if next(turn) == 0:
            first_is_inside.set()
            assert twin_may_go.wait(10)
            raise ZeroDivisionError
        return original(self, request, status)

    monkeypatch.setattr(probe_urls.Counted, "post", post)

    def call(number):
        if number == 1:
            assert first_is_inside.wait(10)
            twin_may_go.set()
        return once(secret, "k1")

    first, twin = in_parallel(2, call)

    assert (first.status_code, twin.status_code) == (500, 201)
    assert CORSOrigin.objects.in_environment(environment).count() == 1


def test_a_twin_that_waited_too_long_is_told_that_the_first_is_still_at_work(environment, monkeypatch):
    secret = make_api_key(environment)
    first_is_inside, first_may_end = threading.Event(), threading.Event()
    original = probe_urls.Counted.post

    def post(self, request, status=201):
        first_is_inside.set()
        assert first_may_end.wait(60)
        return original(self, request, status)

    monkeypatch.setattr(probe_urls.Counted, "post", post)

    def call(number):
        if number == 0:
            return once(secret, "k1")
        assert first_is_inside.wait(10)
        try:
            return once_with_little_patience(secret, "k1")
        finally:
            first_may_end.set()

    first, twin = in_parallel(2, call)

    assert first.status_code == 201
    assert twin.status_code == 409
    assert twin.json()["code"] == "idempotent_request_in_progress"
    assert once(secret, "k1").content == first.content


def test_different_keys_do_not_wait_for_each_other(environment):
    secret = make_api_key(environment)

    answers = in_parallel(8, lambda number: once(secret, f"k{number}"))

    assert {answer.status_code for answer in answers} == {201}
    assert CORSOrigin.objects.in_environment(environment).count() == 8
