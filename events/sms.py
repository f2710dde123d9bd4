"""Text messages over HTTP: to a gateway of the operator's, or to a small program in front of one."""

import orjson
from django.conf import settings

from events import conf
from events.models import Mail
from foundation.outbound import fetch


class SMSNotTaken(Exception):
    """The gateway answered, and not with a success."""


def send_sms(message: Mail) -> None:
    """Hand a text message to the gateway: ``POST {"id", "to", "text"}``, with the token as bearer.

    Any status of the 200s is a success. The id is the same when the message is sent once more, as after a crash, and
    stands in ``Idempotency-Key`` too. Raises SMSNotTaken, OutboundError. Call it outside of transactions.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
    if settings.SMS_TOKEN:
        headers["Authorization"] = f"Bearer {settings.SMS_TOKEN}"
    answer = fetch(
        "POST",
        settings.SMS_URL,
        headers=headers,
        body=orjson.dumps({"id": message.id, "to": message.recipient, "text": message.text}),
        timeout_seconds=conf.SMS_TIMEOUT_SECONDS,
        maximum_bytes=64 * 1024,
    )
    if not 200 <= answer.status < 300:
        # Its words stay out: a gateway may repeat the message, and with it the code.
        raise SMSNotTaken(f"The SMS gateway answered with status {answer.status}.")
