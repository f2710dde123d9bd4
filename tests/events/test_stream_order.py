"""A poller of the event stream loses nothing, whatever order transactions begin and commit in."""

import threading
from itertools import pairwise

import pytest
from django.db import connection, transaction

from events.models import Event
from events.services import settle_restored_events, sweep
from foundation.actors import SYSTEM
from foundation.ids import new_id
from tests.api_client import ApiClient
from tests.factories.environments import make_api_key, make_environment
from tests.other_transactions import wait_for_other_transactions
from tests.threads import in_parallel


@pytest.fixture
def tenant():
    environment = make_environment()
    return environment, ApiClient(make_api_key(environment))


def write(environment, event_id=""):
    return Event.objects.create(
        id=event_id or new_id("event"),
        environment=environment,
        name="user.created",
        data={},
        actor_kind=SYSTEM.kind.value,
        actor_id=SYSTEM.id,
    )


def poll(api, after=None, limit=100):
    wait_for_other_transactions()
    query = {"limit": limit} | ({"after": after} if after else {})
    return [event["id"] for event in api.get("/events", query).json()["data"]]


class OpenTransaction:
    """A transaction of another connection that has written an event and is not over."""

    def __init__(self, environment, event_id=""):
        self._written, self._may_end = threading.Event(), threading.Event()
        self.event_id = event_id or new_id("event")
        self._thread = threading.Thread(target=self._run, args=[environment])
        self._thread.start()
        assert self._written.wait(10)

    def _run(self, environment):
        try:
            with transaction.atomic():
                write(environment, self.event_id)
                self._written.set()
                assert self._may_end.wait(30)
        finally:
            connection.close()

    def commit(self):
        self._may_end.set()
        self._thread.join(10)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_an_event_waits_for_an_earlier_transaction_that_is_still_open(tenant):
    environment, api = tenant
    before = write(environment).id
    slow = OpenTransaction(environment)
    try:
        quick = write(environment).id

        assert poll(api) == [before]
        assert poll(api, after=before) == []
    finally:
        slow.commit()

    assert poll(api, after=before) == [slow.event_id, quick]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_later_commit_with_a_smaller_id_stands_behind_what_was_listed(tenant):
    environment, api = tenant
    smaller = new_id("event")
    listed = [write(environment).id for _ in range(3)]
    assert poll(api) == listed

    # Another machine's clock is behind, or its transaction drew the id and then waited for a lock.
    write(environment, smaller)

    assert poll(api, after=listed[-1]) == [smaller]
    assert poll(api) == [*listed, smaller]
    assert poll(api, after=listed[0], limit=2) == listed[1:]
    backwards = api.get("/events", {"order": "desc", "limit": 2}).json()["data"]
    assert [event["id"] for event in backwards] == [smaller, listed[2]]
    assert [
        event["id"] for event in api.get("/events", {"order": "desc", "after": listed[2]}).json()["data"]
    ] == [listed[1], listed[0]]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_poller_beside_many_writers_hears_of_each_event_once(tenant):
    environment, api = tenant
    writers, rounds = 5, 12
    written: list[str] = []
    running = threading.Semaphore(0)

    def run(number):
        if number == 0:
            return listen()
        for _ in range(rounds):
            # Drawn before the transaction begins, as by a machine whose clock is behind.
            early = new_id("event")
            with transaction.atomic():
                written.append(write(environment).id)
                written.append(write(environment, early).id)
        running.release()
        return None

    def listen():
        heard: list[str] = []
        finished = 0
        while True:
            while running.acquire(blocking=False):
                finished += 1
            page = poll(api, after=heard[-1] if heard else None, limit=7)
            heard += page
            if finished == writers and not page:
                return heard

    heard = in_parallel(writers + 1, run)[0]

    assert len(heard) == len(set(heard))
    assert set(heard) == set(written)
    assert len(written) == writers * rounds * 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_events_of_a_restored_dump_are_shown_and_new_ones_follow_them(tenant):
    environment, api = tenant
    restored = [write(environment).id for _ in range(3)]
    # The other cluster's count was far ahead of this one's.
    for distance, event_id in enumerate(restored):
        Event.unscoped.filter(pk=event_id).update(written_in=2**50 + distance)

    sweep()

    assert poll(api) == restored
    new = write(environment).id
    assert poll(api, after=restored[-1]) == [new]
    assert settle_restored_events() == 0


def test_a_page_of_the_stream_is_one_query(environment, api, django_assert_max_num_queries):
    ids = [write(environment).id for _ in range(5)]
    poll(api)

    with django_assert_max_num_queries(2) as queries:
        assert poll(api, after=ids[0], limit=2) == ids[1:3]

    assert [query["sql"].count('FROM "events_event"') > 0 for query in queries].count(True) == 1


def test_a_cursor_whose_event_is_gone_stands_where_it_stood(environment, api):
    first, gone, last = (write(environment).id for _ in range(3))
    Event.objects.in_environment(environment).filter(pk=gone).delete()

    assert poll(api, after=gone) == [last]
    assert poll(api, after="event_00000000000000000000000000") == [first, last]


def test_ids_of_events_rise_in_the_order_in_which_one_writer_commits(environment, api):
    ids = [write(environment).id for _ in range(20)]

    assert poll(api) == ids
    assert all(earlier < later for earlier, later in pairwise(ids))
