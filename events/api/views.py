"""Views of the event stream."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from environments.api.pagination import PageRequest, fetch_page
from environments.api.schema import describe
from environments.api.views import ApiView, reply
from events import conf
from events.api.serializers import EventParameters
from events.api.stream import StreamOrder
from events.models import Event
from events.representations import EventListObject, represent_event
from foundation import clock


class EventCollection(ApiView):
    """GET /events."""

    @describe("List events", response=EventListObject, query=EventParameters)
    def get(self, _request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(EventParameters)
        page = fetch_page(
            self._matching(parameters),
            PageRequest.from_parameters(parameters),
            keyset=StreamOrder(self.environment),
        )
        listed: EventListObject = {
            "object": "list",
            "data": [represent_event(event) for event in page.rows],
            "list_metadata": {"after": page.after},
        }
        return reply(listed)

    def _matching(self, parameters: dict[str, Any]) -> QuerySet[Event]:
        earliest = clock.now() - conf.EVENT_RETENTION
        events = Event.settled(self.environment).filter(
            created_at__gte=max(parameters.get("range_start") or earliest, earliest)
        )
        if parameters.get("range_end"):
            events = events.filter(created_at__lt=parameters["range_end"])
        if parameters.get("events"):
            events = events.filter(name__in=parameters["events"])
        if parameters.get("organization_id"):
            events = events.filter(organization_id=parameters["organization_id"])
        return events
