"""A real SMTP server for tests, which can be told to refuse or to keep a client waiting."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from events.models import Mail
from events.services import deliver_mail
from tests.live import free_port


class MailServer:
    """Keeps what it accepts. ``answers`` are given first, one a message; ``stalled`` is set while a client waits."""

    def __init__(self) -> None:
        self.envelopes: list[Any] = []
        self.answers: list[str] = []
        self.offered = 0
        self.stalls = 0
        self.stalled = threading.Event()
        self.arrived = threading.Condition()
        self.port = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        self.offered += 1
        if self.stalls > 0:
            self.stalls -= 1
            self.stalled.set()
            await asyncio.Event().wait()  # for ever: the client has to die or to give up
        if self.answers:
            return self.answers.pop(0)
        with self.arrived:
            self.envelopes.append(envelope)
            self.arrived.notify_all()
        return "250 OK"

    def wait_for(self, count: int, timeout: float) -> bool:
        """Wait until this many messages have arrived."""
        with self.arrived:
            return self.arrived.wait_for(lambda: len(self.envelopes) >= count, timeout)

    @property
    def messages(self) -> list[EmailMessage]:
        """What has arrived, parsed."""
        return [message_from_bytes(envelope.content, policy=policy.default) for envelope in self.envelopes]


class PostOffice:
    """Carries what waits in the outbox to a real mail server, and hands out what arrived there."""

    def __init__(self, server: MailServer) -> None:
        self.server = server

    def messages(self) -> list[EmailMessage]:
        """Deliver, and return every message so far, oldest first."""
        waiting = Mail.unscoped.filter(sent_at__isnull=True).order_by("id")
        for mail_id in list(waiting.values_list("id", flat=True)):
            deliver_mail(mail_id)
        return self.server.messages

    def newest(self) -> EmailMessage:
        return self.messages()[-1]


def parts_of(message: EmailMessage) -> tuple[str, str]:
    """Return the text and the HTML of a message that has both."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


@contextmanager
def run_mail_server() -> Iterator[MailServer]:
    """Run a mail server on a free port of the loopback address."""
    server = MailServer()
    server.port = free_port()
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
