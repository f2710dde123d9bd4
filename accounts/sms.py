"""Text messages: what they say, and who carries them.

A sandbox keeps its messages in the outbox, where its developers read them. A production environment has the
installation's sender: a gateway over HTTP (``GATEHOUSE_SMS_SENDER``), and where there is none, phone numbers are refused as factors: a
code that goes nowhere would lock its user out.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from accounts import conf
from accounts.errors import InvalidSMSTemplate, SMSSenderNotConfigured
from environments.models import Environment
from events.services import keep_sms, queue_sms

LONGEST_TEMPLATE = 300

_PLACEHOLDER = re.compile(r"\{\{\s*code\s*\}\}")
# A message that bears the product's name must lead nobody to a page of somebody else's.
_LINK = re.compile(r"://|[a-z0-9-]\.[a-z]{2,}", re.IGNORECASE)


class SMSSender(Protocol):
    """Carries a text message. It is called inside the transaction of its cause: it queues, and speaks to nobody."""

    def send(self, *, environment: Environment, phone_number: str, text: str) -> None:
        """Take a message for a number in E.164 form."""


class KeptMessages:
    """Keeps messages in the outbox to be read at ``/dev/mail``."""

    def send(self, *, environment: Environment, phone_number: str, text: str) -> None:
        """Keep the message."""
        keep_sms(environment=environment, phone_number=phone_number, text=text)


class GatewayMessages:
    """Hands messages to the operator's gateway by way of the outbox, which tries again where it is away."""

    def send(self, *, environment: Environment, phone_number: str, text: str) -> None:
        """Queue the message."""
        queue_sms(environment=environment, phone_number=phone_number, text=text)


SENDERS: Mapping[str, SMSSender] = {"kept": KeptMessages(), "http": GatewayMessages()}


def require_sender(environment: Environment) -> SMSSender:
    """Return who carries this environment's messages; raises SMSSenderNotConfigured."""
    sender = SENDERS.get("kept" if environment.is_sandbox else conf.sms_sender())
    if sender is None:
        raise SMSSenderNotConfigured
    return sender


def check_sms_template(template: str) -> None:
    """Refuse a template without the code's place, with a link, or longer than two messages (InvalidSMSTemplate)."""
    if len(template) > LONGEST_TEMPLATE or not _PLACEHOLDER.search(template) or _LINK.search(template):
        raise InvalidSMSTemplate


def message_text(*, template: str, product_name: str, one_time_code: str) -> str:
    """Return the message that carries a code."""
    if template:
        return _PLACEHOLDER.sub(one_time_code, template)
    return f"Your {product_name} verification code is {one_time_code}."
