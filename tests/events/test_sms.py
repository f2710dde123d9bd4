"""Text messages over HTTP, to a real receiver."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.checks import run_checks

from accounts import services as accounts
from events import conf, services
from events.models import Mail
from tests.factories.accounts import make_sms_factor, make_user
from tests.live import free_port

TOKEN = "token-of-the-gateway"


class Gateway:
    def __init__(self):
        self.requests: list[Any] = []
        self.answers: list[tuple[int, str]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.requests.append((dict(self.headers), json.loads(body)))
                status, text = gateway.answers.pop(0) if gateway.answers else (202, "")
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture
def gateway(settings):
    gateway = Gateway()
    thread = threading.Thread(target=gateway.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    settings.SMS_SENDER = "http"
    settings.SMS_URL = f"http://127.0.0.1:{gateway.port}/messages"
    settings.SMS_TOKEN = TOKEN
    yield gateway
    gateway.server.shutdown()
    gateway.server.server_close()
    thread.join(5)


@pytest.fixture
def production(environment):
    environment.kind = "production"
    environment.save(update_fields=["kind"])
    return environment


def waiting(environment):
    return Mail.objects.in_environment(environment).get(kind="carried_sms")


def challenge(environment):
    factor = make_sms_factor(make_user(environment))
    return accounts.challenge_factor(factor=factor)


def test_a_challenge_reaches_the_phone_by_way_of_the_gateway(gateway, production):
    asked = challenge(production)
    assert gateway.requests == []  # nothing leaves inside the transaction

    message = waiting(production)
    services.deliver_mail(message.id)
    services.deliver_mail(message.id)

    [(headers, body)] = gateway.requests
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == message.id
    assert body["id"] == message.id
    assert body["to"] == message.recipient
    assert str(asked.code) in body["text"]
    assert waiting(production).sent_at is not None


def test_a_sandbox_keeps_its_messages_whatever_the_installation_has(gateway, environment):
    challenge(environment)

    assert Mail.objects.in_environment(environment).get(kind="sms").sent_at is None
    assert gateway.requests == []


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
def test_a_message_that_is_not_taken_is_tried_again_and_then_given_up(
    gateway, production, time_machine, status
):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    challenge(production)
    message = waiting(production)
    gateway.answers = [(status, "")] * (len(conf.SMS_BACKOFF) + 1)
    for wait in conf.SMS_BACKOFF:
        services.deliver_mail(message.id)
        assert waiting(production).failed_at is None
        time_machine.shift(wait)

    services.deliver_mail(message.id)

    assert waiting(production).failed_at is not None
    assert len(gateway.requests) == len(conf.SMS_BACKOFF) + 1
    assert {headers["Idempotency-Key"] for headers, _body in gateway.requests} == {message.id}


def test_a_gateway_that_comes_back_gets_what_waited_by_the_sweep_also_where_mail_is_kept(
    gateway, production, settings, time_machine
):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    settings.MAIL_IS_DELIVERED = False
    url, settings.SMS_URL = settings.SMS_URL, f"http://127.0.0.1:{free_port()}/"
    challenge(production)
    message = waiting(production)
    services.deliver_mail(message.id)
    assert waiting(production).last_error
    settings.SMS_URL = url
    time_machine.shift(60)

    assert services.sweep() == 1
    services.deliver_mail(message.id)
    assert len(gateway.requests) == 1


def test_neither_token_nor_code_stands_in_an_error_or_a_log(gateway, production, caplog):
    asked = challenge(production)
    gateway.answers = [(400, f"bad message: {asked.code} {TOKEN}")]
    services.deliver_mail(waiting(production).id)

    shown = caplog.text + waiting(production).last_error
    assert "400" in shown
    assert str(asked.code) not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize("url", ["", "gateway", "ftp://gateway.test/", "https://user:secret@gateway.test/"])
def test_a_gateway_that_cannot_be_called_stops_the_start(settings, url):
    settings.SMS_SENDER, settings.SMS_URL = "http", url

    assert any("GATEHOUSE_SMS_URL" in error.msg for error in run_checks())


def test_production_gives_its_messages_to_no_gateway_that_takes_them_from_anybody(settings):
    settings.SMS_SENDER, settings.SMS_URL, settings.SMS_TOKEN = "http", "https://gateway.test/", ""
    settings.PRODUCTION = True

    assert any("GATEHOUSE_SMS_TOKEN" in error.msg for error in run_checks())
