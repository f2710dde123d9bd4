"""Typed settings of the outbox."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

EVENT_RETENTION = timedelta(days=30)
MAIL_RETENTION = timedelta(days=30)


# How long a worker may hold a mail before another may take it.
MAIL_LEASE = timedelta(minutes=2)

# Waits between attempts: a mail server that is away for two hours loses nothing.
MAIL_BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 900, 1_800, 3_600, 7_200))

# A text message carries a code that lives for ten minutes; after that it would only confuse.
SMS_BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 20, 60, 180))
SMS_TIMEOUT_SECONDS = 10.0

# A row whose task has not run by then was lost on the way to the broker, or with its worker.
SWEEP_AFTER = timedelta(seconds=30)
SWEEP_BATCH = 500


@dataclass(frozen=True, slots=True)
class Consumer:
    """A task that is told of events: it gets the event's id, after commit, perhaps more than once."""

    event_names: frozenset[str]
    task_name: str


def consumers_of(event_name: str) -> tuple[str, ...]:
    """Return the names of the tasks that want to hear of an event."""
    return tuple(
        consumer.task_name for consumer in settings.EVENT_CONSUMERS if event_name in consumer.event_names
    )


def keeps_mail() -> bool:
    """Whether mail stays here to be read at ``/dev/mail``, because no mail server is configured."""
    return not settings.MAIL_IS_DELIVERED
