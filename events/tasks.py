"""Celery tasks of the outbox: each finds its row and calls one service; each may run twice."""

from events import services
from events.models import Event
from foundation.jobs import task


@task("events.tasks.hand_to_consumers")
def hand_to_consumers(event_id: str) -> None:
    """Start the consumers of an event that was purged by nobody yet."""
    event = Event.unscoped.filter(pk=event_id).first()
    if event is not None:
        services.hand_to_consumers(event)


@task("events.tasks.deliver_mail")
def deliver_mail(mail_id: str) -> None:
    """Send one message."""
    services.deliver_mail(mail_id)


@task("events.tasks.sweep")
def sweep() -> None:
    """Pick up what a crash or an absent broker left behind."""
    services.sweep()


@task("events.tasks.purge_old_rows")
def purge_old_rows() -> None:
    """Remove events and mail past their retention."""
    services.purge_old_rows()
