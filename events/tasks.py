"""Celery tasks of the outbox: each finds its row and calls one service; each may run twice."""

from celery import shared_task

from events import services
from events.models import Event


@shared_task(name="events.tasks.hand_to_consumers", ignore_result=True)
def hand_to_consumers(event_id: str) -> None:
    """Start the consumers of an event that was purged by nobody yet."""
    event = Event.unscoped.filter(pk=event_id).first()
    if event is not None:
        services.hand_to_consumers(event)


@shared_task(name="events.tasks.deliver_mail", ignore_result=True)
def deliver_mail(mail_id: str) -> None:
    """Send one message."""
    services.deliver_mail(mail_id)


@shared_task(name="events.tasks.sweep", ignore_result=True)
def sweep() -> None:
    """Pick up what a crash or an absent broker left behind."""
    services.sweep()


@shared_task(name="events.tasks.purge_old_rows", ignore_result=True)
def purge_old_rows() -> None:
    """Remove events and mail past their retention."""
    services.purge_old_rows()
