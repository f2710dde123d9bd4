"""Every write of the outbox."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.core.mail import EmailMultiAlternatives
from django.db import models, transaction
from django.db.models import F, Q

from events import conf
from events.models import CARRIED_SMS_KIND, SMS_KIND, Event, Mail
from events.names import NAMES
from events.sms import send_sms
from foundation import clock
from foundation.actors import Actor
from foundation.jobs import enqueue
from foundation.retention import delete_in_batches
from foundation.transactions import FutureTransaction, OldestOpenTransaction

if TYPE_CHECKING:
    from environments.models import Environment

logger = logging.getLogger(__name__)


def emit(
    name: str,
    *,
    environment: "Environment",
    actor: Actor,
    data: Mapping[str, Any],
    previous_attributes: Mapping[str, Any] | None = None,
    organization_id: str = "",
) -> Event:
    """Record that something happened, inside the transaction of the write that it tells of.

    ``data`` is the public JSON of the object and holds no secret. ``organization_id`` files the event under an
    organization that its data does not name. Raises ValueError for a name that is not in the catalogue, and
    RuntimeError outside a transaction: an event that commits without its write would be a lie.
    """
    if name not in NAMES:
        message = f"Unknown event name {name!r}."
        raise ValueError(message)
    if not transaction.get_connection().in_atomic_block:
        message = f"emit({name!r}) outside a transaction."
        raise RuntimeError(message)
    context: dict[str, Any] = {
        "client_id": environment.client_id,
        "actor": {"id": actor.id, "source": actor.source, "name": actor.name},
    }
    if previous_attributes is not None:
        context["previous_attributes"] = dict(previous_attributes)
    moment = clock.now()
    waiting = conf.consumers_of(name)
    event = Event.objects.create(
        environment=environment,
        name=name,
        data=dict(data),
        context=context,
        organization_id=organization_id or _organization_of(data),
        # A sign-in has no id of its own; it is about the user.
        object_id=str(data.get("id") or data.get("user_id") or ""),
        actor_kind=actor.kind.value,
        actor_id=actor.id,
        actor_name=actor.name[:254],
        created_at=moment,
        consumed_at=None if waiting else moment,
    )
    if waiting:
        enqueue("events.tasks.hand_to_consumers", event.id)
    return event


def hand_to_consumers(event: Event) -> None:
    """Start every consumer of an event. Running twice starts them twice, which consumers bear."""
    for task_name in conf.consumers_of(event.name):
        current_app.signature(task_name, args=(event.id,)).apply_async()
    Event.unscoped.filter(pk=event.pk).update(consumed_at=clock.now())


@transaction.atomic
def queue_mail(
    *,
    environment: "Environment",
    kind: str,
    recipient: str,
    sender: str,
    subject: str,
    text: str,
    html: str = "",
) -> Mail:
    """Put a message into the outbox; it leaves after commit, or stays for ``/dev/mail``."""
    mail = Mail.objects.create(
        environment=environment,
        kind=kind,
        recipient=recipient,
        sender=sender,
        subject=" ".join(subject.split())[:300],
        text=text,
        html=html,
    )
    if not conf.keeps_mail():
        enqueue("events.tasks.deliver_mail", mail.id)
    return mail


@transaction.atomic
def resend_mail(mail: Mail) -> Mail:
    """Put a message that was sent or given up into the outbox once more."""
    mail.due_at = clock.now()
    mail.attempts = 0
    mail.sent_at = None
    mail.failed_at = None
    mail.leased_until = None
    mail.last_error = ""
    mail.save(update_fields=["due_at", "attempts", "sent_at", "failed_at", "leased_until", "last_error"])
    if mail.kind == CARRIED_SMS_KIND or not conf.keeps_mail():
        enqueue("events.tasks.deliver_mail", mail.id)
    return mail


def keep_sms(*, environment: "Environment", phone_number: str, text: str) -> Mail:
    """Keep a text message for ``/dev/mail``. Nothing sends it: :func:`deliver_mail` and the sweep pass it by."""
    return Mail.objects.create(
        environment=environment, kind=SMS_KIND, recipient=phone_number, sender="", subject="", text=text
    )


@transaction.atomic
def queue_sms(*, environment: "Environment", phone_number: str, text: str) -> Mail:
    """Put a text message into the outbox; it goes to the installation's gateway after commit."""
    message = Mail.objects.create(
        environment=environment,
        kind=CARRIED_SMS_KIND,
        recipient=phone_number,
        sender="",
        subject="",
        text=text,
    )
    enqueue("events.tasks.deliver_mail", message.id)
    return message


def deliver_mail(mail_id: str) -> None:
    """Send a message that is due, if nobody else has it in hand.

    The row is leased first, in a conditional update that only one worker wins; then the message is sent outside any
    transaction; then the row is closed. A crash in between leaves the lease to run out, and the message goes again
    under the same Message-ID, which mail servers and readers use to fold duplicates.
    """
    mail = _lease(mail_id)
    if mail is None:
        return
    try:
        if mail.kind == CARRIED_SMS_KIND:
            send_sms(mail)
        else:
            _send(mail)
    except Exception as error:  # noqa: BLE001 -- whatever the mail server answers, the row must say so and be tried again
        _postpone(mail, error)
    else:
        # Sent is sent, whoever holds the lease by now.
        Mail.unscoped.filter(pk=mail.pk).update(
            sent_at=clock.now(), failed_at=None, leased_until=None, last_error=""
        )


def sweep() -> int:
    """Enqueue what should have been done and was not; return how many rows that were."""
    settle_restored_events()
    moment = clock.now()
    overdue = moment - conf.SWEEP_AFTER
    tasks = [
        ("events.tasks.hand_to_consumers", event_id)
        for event_id in Event.unscoped.filter(consumed_at__isnull=True, created_at__lt=overdue).values_list(
            "id", flat=True
        )[: conf.SWEEP_BATCH]
    ]
    waiting = _waiting_mail(moment).filter(Q(due_at__lt=overdue) | Q(attempts__gt=0))
    if conf.keeps_mail():
        waiting = waiting.filter(kind=CARRIED_SMS_KIND)
    tasks += [
        ("events.tasks.deliver_mail", mail_id)
        for mail_id in waiting.values_list("id", flat=True)[: conf.SWEEP_BATCH]
    ]
    for task_name, object_id in tasks:
        enqueue(task_name, object_id)
    return len(tasks)


def settle_restored_events() -> int:
    """Put events of another PostgreSQL cluster, as a restored dump brings them, before all that is written from now on.

    Their transactions are numbered by the other cluster's count: a number that is still to come here would keep them
    hidden, and everything new would stand before them. All events that can be seen go to the stream's beginning,
    where their ids order them. Returns how many that were; nearly always nothing is found and nothing done.
    """
    if not Event.unscoped.filter(written_in__gte=FutureTransaction()).exists():
        return 0
    finished = Q(written_in__gte=FutureTransaction()) | Q(written_in__lt=OldestOpenTransaction())
    return Event.unscoped.filter(finished).exclude(written_in=0).update(written_in=0)


def purge_old_rows() -> int:
    """Delete events and mail past their retention, in batches; return how many went."""
    moment = clock.now()
    events = Event.unscoped.filter(created_at__lt=moment - conf.EVENT_RETENTION)
    mail = Mail.unscoped.filter(created_at__lt=moment - conf.MAIL_RETENTION)
    return delete_in_batches(events.order_by("created_at")) + delete_in_batches(mail.order_by("created_at"))


def _organization_of(data: Mapping[str, Any]) -> str:
    if data.get("object") == "organization":
        return str(data.get("id") or "")
    return str(data.get("organization_id") or "")


def _waiting_mail(moment: datetime) -> "models.QuerySet[Mail]":
    return Mail.unscoped.exclude(kind=SMS_KIND).filter(
        Q(leased_until__isnull=True) | Q(leased_until__lt=moment),
        sent_at__isnull=True,
        failed_at__isnull=True,
        due_at__lte=moment,
    )


def _lease(mail_id: str) -> Mail | None:
    moment = clock.now()
    won = (
        _waiting_mail(moment)
        .filter(pk=mail_id)
        .update(leased_until=moment + conf.MAIL_LEASE, attempts=F("attempts") + 1)
    )
    return Mail.unscoped.get(pk=mail_id) if won else None


def _send(mail: Mail) -> None:
    sender_domain = parseaddr(mail.sender)[1].rpartition("@")[2]
    message = EmailMultiAlternatives(
        subject=mail.subject,
        body=mail.text,
        from_email=mail.sender,
        to=[mail.recipient],
        headers={"Message-ID": f"<{mail.id}@{sender_domain}>"},
    )
    if mail.html:
        message.attach_alternative(mail.html, "text/html")
    message.send(fail_silently=False)


def _postpone(mail: Mail, error: Exception) -> None:
    backoff = conf.SMS_BACKOFF if mail.kind == CARRIED_SMS_KIND else conf.MAIL_BACKOFF
    given_up = mail.attempts > len(backoff)
    wait = timedelta() if given_up else backoff[mail.attempts - 1]
    last_error = f"{type(error).__name__}: {error}"[:500]
    # Where the lease ran out meanwhile, the row belongs to the worker that has it now, or is closed already.
    Mail.unscoped.filter(pk=mail.pk, leased_until=mail.leased_until, sent_at__isnull=True).update(
        leased_until=None,
        due_at=clock.now() + wait,
        failed_at=clock.now() if given_up else None,
        last_error=last_error.replace("\x00", ""),
    )
    logger.warning(
        "mail_not_sent",
        extra={"mail_id": mail.id, "attempts": mail.attempts, "given_up": given_up, "error": last_error},
    )
