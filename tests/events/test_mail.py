from typing import Any, cast

import pytest

from events import conf, services
from events.models import Mail
from events.services import queue_mail
from tests.factories.environments import make_environment
from tests.live import free_port
from tests.mail_server import run_mail_server
from tests.threads import in_parallel


@pytest.fixture
def mail_server(settings):
    with run_mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.MAIL_IS_DELIVERED = True
        yield server


def queued(environment, **changes):
    fields = {
        "kind": "magic_auth",
        "recipient": "ada@acme.test",
        "sender": "Gatehouse <no-reply@gatehouse.test>",
        "subject": "Your code",
        "text": "Your code is 123456.",
    }
    return queue_mail(environment=environment, **(fields | changes))


def reread(mail):
    return Mail.unscoped.get(pk=mail.pk)


def test_a_mail_arrives_as_it_was_written(environment, mail_server):
    mail = queued(environment, subject="Dein Schlüssel 🔑", text="Grüße, 日本", html="<p>Grüße</p>")
    services.deliver_mail(mail.id)

    [envelope], [message] = mail_server.envelopes, mail_server.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@gatehouse.test", ["ada@acme.test"])
    assert message["Subject"] == "Dein Schlüssel 🔑"
    assert message["From"] == "Gatehouse <no-reply@gatehouse.test>"
    assert message["Message-ID"] == f"<{mail.id}@gatehouse.test>"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().strip() == "Grüße, 日本"
    assert "<p>Grüße</p>" in html.get_content()
    assert reread(mail).sent_at is not None


def test_a_mail_is_sent_once_however_often_its_task_runs(environment, mail_server):
    mail = queued(environment)
    for _ in range(3):
        services.deliver_mail(mail.id)

    assert len(mail_server.envelopes) == 1


@pytest.mark.parametrize("field", ["subject", "recipient", "sender"])
@pytest.mark.parametrize(
    "attack", ["\r\nBcc: evil@evil.test", "\nBcc: evil@evil.test", "\rBcc: evil@evil.test\r\n\r\nbody"]
)
def test_no_field_can_write_another_header(environment, mail_server, field, attack):
    value = {"subject": "Hello", "recipient": "ada@acme.test", "sender": "no-reply@gatehouse.test"}[field]
    mail = queued(environment, **{field: value + attack})
    services.deliver_mail(mail.id)

    assert all("evil@evil.test" not in envelope.rcpt_tos for envelope in mail_server.envelopes)
    assert all(message["Bcc"] is None for message in mail_server.messages)
    if field != "subject":
        assert mail_server.envelopes == []


def test_one_recipient_is_one_recipient(environment, mail_server):
    services.deliver_mail(queued(environment, recipient="ada@acme.test, eve@evil.test").id)

    assert all(envelope.rcpt_tos == ["ada@acme.test"] for envelope in mail_server.envelopes)


def test_a_refused_mail_is_tried_again_after_each_wait_and_then_given_up(
    environment, mail_server, time_machine
):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    mail = queued(environment)
    mail_server.answers = ["451 Try again later"] * (len(conf.MAIL_BACKOFF) + 1)
    for attempt, wait in enumerate(conf.MAIL_BACKOFF, 1):
        services.deliver_mail(mail.id)
        services.deliver_mail(mail.id)  # too early: nothing happens
        row = reread(mail)
        assert (row.attempts, mail_server.offered) == (attempt, attempt)
        assert row.failed_at is None
        assert "Try again later" in row.last_error
        time_machine.shift(wait)

    services.deliver_mail(mail.id)
    assert reread(mail).failed_at is not None
    time_machine.shift(24 * 3600)
    services.deliver_mail(mail.id)
    assert mail_server.envelopes == []


def test_a_mail_server_that_comes_back_gets_what_waited(environment, mail_server, settings, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    settings.EMAIL_PORT = free_port()
    mail = queued(environment)
    services.deliver_mail(mail.id)
    assert "ConnectionRefused" in reread(mail).last_error
    settings.EMAIL_PORT = mail_server.port
    time_machine.shift(conf.MAIL_BACKOFF[0])

    services.deliver_mail(mail.id)

    assert len(mail_server.envelopes) == 1
    assert reread(mail).last_error == ""


def test_what_a_dead_worker_had_in_hand_is_taken_by_another_when_its_lease_is_over(
    environment, mail_server, time_machine
):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    mail = queued(environment)
    assert services._lease(mail.id) is not None  # and the worker dies here
    services.deliver_mail(mail.id)
    assert mail_server.envelopes == []
    assert services.sweep() == 0
    time_machine.shift(conf.MAIL_LEASE.total_seconds() + 1)

    assert services.sweep() == 1
    services.deliver_mail(mail.id)
    assert len(mail_server.envelopes) == 1


def test_a_worker_that_was_too_slow_cannot_reopen_what_another_has_sent(
    environment, mail_server, time_machine
):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    mail = queued(environment)
    slow = services._lease(mail.id)
    assert slow is not None
    time_machine.shift(conf.MAIL_LEASE.total_seconds() + 1)
    services.deliver_mail(mail.id)

    services._postpone(slow, TimeoutError("too slow"))

    row = reread(mail)
    assert row.sent_at is not None
    assert (row.failed_at, row.last_error) == (None, "")


def test_mail_is_kept_and_not_sent_where_no_server_is_named(environment, mail_server, settings, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    settings.MAIL_IS_DELIVERED = False
    queued(environment)
    time_machine.shift(3600)

    assert services.sweep() == 0
    assert mail_server.envelopes == []


def test_the_text_lies_sealed_in_the_table(environment):
    mail = queued(environment, text="Your code is 987654.", html="<b>987654</b>")
    row = cast("Any", Mail.unscoped.filter(pk=mail.pk).values("text", "html").get())

    assert reread(mail).text == "Your code is 987654."
    assert all("987654" not in str(value.ciphertext) for value in row.values())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_workers_that_race_for_a_mail_send_it_once(mail_server):
    mail = queued(make_environment())

    in_parallel(8, lambda _number: services.deliver_mail(mail.id))

    assert len(mail_server.envelopes) == 1
    assert reread(mail).attempts == 1
