"""The public JSON of events."""

from typing import Any, NotRequired, TypedDict

from events.models import Event
from foundation import clock


class EventActorObject(TypedDict):
    """Who acted, in an event's context."""

    id: str
    source: str
    name: str


class EventContextObject(TypedDict):
    """What surrounds an event."""

    client_id: NotRequired[str]
    actor: NotRequired[EventActorObject]
    previous_attributes: NotRequired[dict[str, Any]]


class EventObject(TypedDict):
    """An event, as listed and as delivered (workos-behaviour (i))."""

    object: str
    id: str
    event: str
    data: dict[str, Any]
    created_at: str
    context: EventContextObject


class EventListMetadata(TypedDict):
    """Where the stream goes on; it leads one way, so the reference's envelope has no ``before`` here."""

    after: str | None


class EventListObject(TypedDict):
    """A page of the event stream."""

    object: str
    data: list[EventObject]
    list_metadata: EventListMetadata


def represent_event(event: Event) -> EventObject:
    """Return the public JSON of an event."""
    return {
        "object": "event",
        "id": event.id,
        "event": event.name,
        "data": event.data,
        "created_at": clock.iso(event.created_at),
        "context": event.context,
    }
