"""The order of the event stream."""

from dataclasses import dataclass

from django.db.models import BigIntegerField, Q, Subquery, Value
from django.db.models.functions import Coalesce

from environments.models import Environment
from events.models import Event


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """By writing transaction, then by id: what becomes visible later stands behind all that was seen before.

    Ids alone would not do: they are drawn before the commit, by the clocks of several machines (docs/decisions/0045).
    """

    environment: Environment
    cursor_field: str = "id"

    def order_by(self, *, downwards: bool) -> list[str]:
        """Return the fields of the order."""
        return ["-written_in", "-id"] if downwards else ["written_in", "id"]

    def beyond(self, cursor: str, *, downwards: bool) -> Q:
        """Return the condition for events on one side of a cursor, without its own event."""
        transaction = self._transaction_of(cursor)
        # The first condition says nothing new; it is the one that an index can be entered by.
        if downwards:
            return Q(written_in__lte=transaction) & (Q(written_in__lt=transaction) | Q(id__lt=cursor))
        return Q(written_in__gte=transaction) & (Q(written_in__gt=transaction) | Q(id__gt=cursor))

    def behind(self, cursor: str, *, downwards: bool) -> Q:
        """Return the condition for all other events, the cursor's own among them."""
        transaction = self._transaction_of(cursor)
        if downwards:
            return Q(written_in__gte=transaction) & (Q(written_in__gt=transaction) | Q(id__gte=cursor))
        return Q(written_in__lte=transaction) & (Q(written_in__lt=transaction) | Q(id__lte=cursor))

    def _transaction_of(self, cursor: str) -> Coalesce:
        # A cursor whose event is gone, or was none, stands where the nearest older event is.
        nearest = Event.objects.in_environment(self.environment).filter(id__lte=cursor).order_by("-id")
        return Coalesce(Subquery(nearest.values("written_in")[:1]), Value(0), output_field=BigIntegerField())
