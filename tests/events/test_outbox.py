from contextlib import contextmanager

import pytest
from celery import shared_task
from celery.canvas import Signature
from django.db import transaction
from django.db.models import QuerySet

from config.celery import app
from events import services
from events.conf import Consumer
from events.models import Event, Mail
from events.services import emit, queue_mail
from foundation import clock, retention
from foundation.actors import SYSTEM
from foundation.jobs import enqueue
from tests.factories.environments import make_environment

heard: list[str] = []


@shared_task(name="tests.events.hear", ignore_result=True)
def hear(event_id: str) -> None:
    heard.append(event_id)


@pytest.fixture(autouse=True)
def nothing_heard():
    heard.clear()


@pytest.fixture
def eager():
    """Tasks run at once, in this process."""
    with tasks_run_at_once():
        yield


@contextmanager
def tasks_run_at_once():
    # A web process sends tasks by name and never loads them.
    app.loader.import_default_modules()
    app.conf.task_always_eager = True
    try:
        yield
    finally:
        app.conf.task_always_eager = False


@pytest.fixture
def broker_away(monkeypatch):
    """The broker cannot be reached."""

    def refuse(*_arguments, **_options):
        raise OSError("Connection refused")

    monkeypatch.setattr("celery.canvas.Signature.apply_async", refuse)


@pytest.fixture
def consumer(settings):
    settings.EVENT_CONSUMERS = (Consumer(frozenset({"user.created"}), "tests.events.hear"),)


def make_event(environment, name="user.created", **data):
    with transaction.atomic():
        return emit(name, environment=environment, actor=SYSTEM, data={"object": "user", **data})


# --- emitting -------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused():
    environment = make_environment()
    with pytest.raises(RuntimeError, match="outside a transaction"):
        emit("user.created", environment=environment, actor=SYSTEM, data={})
    assert not Event.objects.in_environment(environment).exists()


def test_an_event_that_the_catalogue_does_not_know_is_refused(environment):
    with pytest.raises(ValueError, match=r"user\.exploded"):
        emit("user.exploded", environment=environment, actor=SYSTEM, data={})


@pytest.mark.django_db(transaction=True)
def test_an_event_vanishes_with_the_write_that_it_tells_of(consumer, eager):
    environment = make_environment()

    def write_and_fail():
        with transaction.atomic():
            emit("user.created", environment=environment, actor=SYSTEM, data={})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert not Event.objects.in_environment(environment).exists()
    assert heard == []


@pytest.mark.django_db(transaction=True)
def test_a_consumer_hears_of_an_event_after_the_commit_and_not_before(consumer, eager):
    environment = make_environment()
    with transaction.atomic():
        event = emit("user.created", environment=environment, actor=SYSTEM, data={})
        assert heard == []

    assert heard == [event.id]
    assert Event.objects.in_environment(environment).get(pk=event.id).consumed_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_consumer_hears_only_of_what_it_asked_for(consumer, eager):
    environment = make_environment()
    make_event(environment, "user.deleted")

    assert heard == []
    assert Event.objects.in_environment(environment).get().consumed_at is not None


# --- what a crash left behind ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_event_whose_task_was_lost_is_found_by_the_sweep(consumer, eager, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    environment = make_environment()
    with pytest.MonkeyPatch.context() as away:
        away.setattr("events.services.enqueue", lambda *_: None)  # the process died after its commit
        event = make_event(environment)
    assert services.sweep() == 0  # it may be on its way yet
    time_machine.shift(31)

    assert services.sweep() == 1
    assert heard == [event.id]
    assert services.sweep() == 0


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_undoes_nothing_and_is_made_up_for(consumer, time_machine, caplog):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    environment = make_environment()
    with pytest.MonkeyPatch.context() as away:
        away.setattr("celery.canvas.Signature.apply_async", _refuse)
        event = make_event(environment)
        time_machine.shift(60)
        services.sweep()
    assert Event.objects.in_environment(environment).get().consumed_at is None
    assert "enqueue_failed" in caplog.text

    with tasks_run_at_once():
        services.sweep()
    assert heard == [event.id]


def _refuse(*_arguments, **_options):
    raise OSError("Connection refused")


@pytest.mark.django_db(transaction=True)
def test_an_event_is_only_closed_when_every_consumer_was_told(settings, eager, monkeypatch):
    original = Signature.apply_async

    def apply_async(signature, *arguments, **options):
        return (_refuse if signature.task == "tests.events.second" else original)(
            signature, *arguments, **options
        )

    monkeypatch.setattr(Signature, "apply_async", apply_async)
    settings.EVENT_CONSUMERS = tuple(
        Consumer(frozenset({"user.created"}), name) for name in ("tests.events.hear", "tests.events.second")
    )
    environment = make_environment()
    with pytest.MonkeyPatch.context() as away:
        away.setattr("events.services.enqueue", lambda *_: None)
        event = make_event(environment)

    with pytest.raises(OSError, match="refused"):
        services.hand_to_consumers(event)

    assert heard == [event.id]
    assert Event.objects.in_environment(environment).get().consumed_at is None


def test_a_task_for_an_event_that_is_gone_does_nothing(db, eager):
    app.signature("events.tasks.hand_to_consumers", args=("event_gone",)).apply_async()
    app.signature("events.tasks.deliver_mail", args=("mail_gone",)).apply_async()

    assert heard == []


def test_a_task_that_nobody_knows_is_logged_and_breaks_no_request(
    broker_away, caplog, django_capture_on_commit_callbacks, db
):
    with django_capture_on_commit_callbacks(execute=True):
        enqueue("no.such.task", "x")

    assert "enqueue_failed" in caplog.text


# --- retention ------------------------------------------------------------------------------------------------


def test_old_rows_go_in_batches_and_young_ones_stay(environment, monkeypatch, time_machine):
    monkeypatch.setattr(retention, "BATCH", 3)
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    for _ in range(7):
        make_event(environment)
    old = queue_mail(
        environment=environment, kind="test", recipient="a@b.test", sender="c@d.test", subject="s", text="t"
    )
    time_machine.shift(30 * 24 * 3600 + 1)
    young = make_event(environment)
    batches = []
    original = QuerySet.delete

    def delete(queryset):
        batches.append(queryset.count())
        return original(queryset)

    monkeypatch.setattr(QuerySet, "delete", delete)

    assert services.purge_old_rows() == 8
    assert batches == [3, 3, 1, 1]
    assert [event.id for event in Event.objects.in_environment(environment)] == [young.id]
    assert not Mail.objects.in_environment(environment).filter(pk=old.pk).exists()


# --- GET /events ----------------------------------------------------------------------------------------------


def listed(api, **query):
    answer = api.get("/events", query)
    assert answer.status_code == 200, answer.content
    return [event["id"] for event in answer.json()["data"]]


def test_a_stream_is_resumed_after_the_last_event_that_was_handled(api, environment):
    ids = [make_event(environment).id for _ in range(5)]

    assert listed(api, limit=2) == ids[:2]
    assert listed(api, after=ids[1]) == ids[2:]
    assert listed(api, order="desc", limit=2) == ids[:2:-1]
    body = api.get("/events", {"limit": 2}).json()
    assert body["list_metadata"] == {"after": ids[1]}
    assert api.get("/events", {"after": ids[2]}).json()["list_metadata"] == {"after": None}


def test_events_are_filtered_by_name_organization_and_time(api, environment, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    first = make_event(environment, "user.created").id
    time_machine.shift(60)
    with transaction.atomic():
        organization = emit(
            "organization.created",
            environment=environment,
            actor=SYSTEM,
            data={"object": "organization", "id": "org_1"},
        ).id
    time_machine.shift(60)
    last = make_event(environment, "user.deleted", organization_id="org_1").id

    assert listed(api, events="user.created") == [first]
    assert listed(api, events="user.created,user.deleted") == [first, last]
    assert api.get("/events?events[]=user.created&events[]=user.deleted").json()["data"][1]["id"] == last
    assert listed(api, organization_id="org_1") == [organization, last]
    assert listed(api, range_start="2026-06-01T12:00:30Z") == [organization, last]
    assert listed(api, range_end="2026-06-01T12:01:00Z") == [first]
    assert listed(api, range_start="2026-06-01T14:00:30+02:00", range_end="2026-06-01T12:01:30.000Z") == [
        organization
    ]


def test_events_older_than_thirty_days_are_not_listed(api, environment, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    make_event(environment)
    time_machine.shift(30 * 24 * 3600 + 1)

    assert listed(api) == []
    assert listed(api, range_start="2026-05-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"events": "user.exploded"}, "events"),
        ({"range_start": "yesterday"}, "range_start"),
        ({"range_end": "2026-13-01"}, "range_end"),
        ({"range_start": "0001-01-01T00:00:00+23:59"}, "range_start"),
        ({"range_end": "9999-12-31T23:59:59-23:59"}, "range_end"),
        ({"range_start": "2026-06-01", "after": "event_1"}, "range_start"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(api, query, field):
    answer = api.get("/events", query)

    assert answer.status_code == 422
    assert any(error["field"].startswith(field) for error in answer.json()["errors"])


def test_an_event_names_its_actor_and_shows_its_time_in_milliseconds(api, environment, actor, time_machine):
    time_machine.move_to("2026-06-01T12:00:00.123987Z", tick=False)
    with transaction.atomic():
        emit(
            "user.updated",
            environment=environment,
            actor=actor,
            data={"id": "user_1"},
            previous_attributes={"a": 1},
        )

    [event] = api.get("/events").json()["data"]

    assert event == {
        "object": "event",
        "id": event["id"],
        "event": "user.updated",
        "data": {"id": "user_1"},
        "created_at": "2026-06-01T12:00:00.123Z",
        "context": {
            "client_id": environment.client_id,
            "actor": {"id": "api_key_test", "source": "api", "name": "Test key"},
            "previous_attributes": {"a": 1},
        },
    }


def test_the_clock_writes_utc_milliseconds_and_z():
    assert clock.iso(clock.parse_iso("2026-06-01T14:00:00.999999+02:00")) == "2026-06-01T12:00:00.999Z"
    assert clock.iso(clock.parse_iso("2026-06-01T12:00:00")) == "2026-06-01T12:00:00.000Z"
    assert clock.iso(clock.parse_iso("0999-06-01T12:00:00")) == "0999-06-01T12:00:00.000Z"
