"""Lists: keyset paging over object ids, in three orders, one query a page (workos-behaviour (b))."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypedDict, TypeVar

from django.db.models import Exists, Model, Q, QuerySet
from rest_framework import serializers

from foundation.ids import looks_like_id

DEFAULT_LIMIT = 10
MAXIMUM_LIMIT = 100

# The annotation that tells whether a row stands on the cursor's other side.
_BEHIND = "rows_behind_the_cursor"

ModelT = TypeVar("ModelT", bound=Model)


class ListMetadata(TypedDict):
    """The cursors of a page; null where there is no further page on that side."""

    before: str | None
    after: str | None


class ListObject(TypedDict):
    """The envelope of a list."""

    object: str
    data: list[Any]
    list_metadata: ListMetadata


class ListParameters(serializers.Serializer[Any]):
    """The paging parameters of every list."""

    limit = serializers.IntegerField(
        min_value=1,
        max_value=MAXIMUM_LIMIT,
        default=DEFAULT_LIMIT,
        help_text="How many objects a page holds.",
    )
    order = serializers.ChoiceField(
        choices=["asc", "desc", "normal"],
        default="desc",
        help_text="By creation: newest first (desc), oldest first (asc), or newest first with swapped cursors (normal).",
    )
    before = serializers.CharField(
        required=False, max_length=100, help_text="An object id: the page before it."
    )
    after = serializers.CharField(
        required=False, max_length=100, help_text="An object id: the page after it."
    )

    def validate_before(self, value: str) -> str:
        """A cursor must look like an id; it need not exist."""
        return _cursor(value)

    def validate_after(self, value: str) -> str:
        """A cursor must look like an id; it need not exist."""
        return _cursor(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Both cursors at once would describe no page."""
        if attrs.get("before") and attrs.get("after"):
            raise serializers.ValidationError(
                {"before": "Give either before or after.", "after": "Give either before or after."},
                code="before_and_after_are_exclusive",
            )
        return attrs


def _cursor(value: str) -> str:
    if not looks_like_id(value):
        message = "The cursor is not an object id."
        raise serializers.ValidationError(message, code="invalid")
    return value


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is asked for."""

    limit: int = DEFAULT_LIMIT
    order: str = "desc"
    before: str | None = None
    after: str | None = None

    @classmethod
    def from_parameters(cls, parameters: dict[str, Any]) -> "PageRequest":
        """Take the paging fields out of validated parameters."""
        return cls(
            limit=parameters.get("limit", DEFAULT_LIMIT),
            order=parameters.get("order", "desc"),
            before=parameters.get("before") or None,
            after=parameters.get("after") or None,
        )


@dataclass(frozen=True, slots=True)
class Page(Generic[ModelT]):
    """The rows of a page, in the order of the answer, and the ids that lead on."""

    rows: list[ModelT]
    before: str | None
    after: str | None


class Keyset(Protocol):
    """The total order of a list."""

    @property
    def cursor_field(self) -> str:
        """The field whose value is a row's cursor."""

    def order_by(self, *, downwards: bool) -> list[str]:
        """Return the fields of the order."""

    def beyond(self, cursor: str, *, downwards: bool) -> Q:
        """Return the condition for rows on one side of a cursor, without its own row."""

    def behind(self, cursor: str, *, downwards: bool) -> Q:
        """Return the condition for all other rows, the cursor's own among them."""


@dataclass(frozen=True, slots=True)
class ByField:
    """The order of one unique field."""

    cursor_field: str = "id"

    def order_by(self, *, downwards: bool) -> list[str]:
        """Return the fields of the order."""
        return [f"-{self.cursor_field}" if downwards else self.cursor_field]

    def beyond(self, cursor: str, *, downwards: bool) -> Q:
        """Return the condition for rows on one side of a cursor, without its own row."""
        return Q(**{f"{self.cursor_field}__{'lt' if downwards else 'gt'}": cursor})

    def behind(self, cursor: str, *, downwards: bool) -> Q:
        """Return the condition for all other rows, the cursor's own among them."""
        return Q(**{f"{self.cursor_field}__{'gte' if downwards else 'lte'}": cursor})


def fetch_page(
    queryset: QuerySet[ModelT],
    request: PageRequest,
    cursor_field: str = "id",
    *,
    keyset: Keyset | None = None,
) -> "Page[ModelT]":
    """Fetch one page with one query (and its prefetches), in the order of the cursor's field or of a keyset.

    The page is read from the cursor outward, one row more than asked for tells whether another follows, and a
    scalar subquery tells whether any row stands on the cursor's other side.
    """
    order: Keyset = keyset or ByField(cursor_field)
    cursor_field = order.cursor_field
    newest_first = request.order != "asc"
    # ``normal`` shows newest first and walks the other way: its ``after`` is what ``desc`` calls ``before``.
    after, before = (
        (request.before, request.after) if request.order == "normal" else (request.after, request.before)
    )
    backwards = before is not None
    cursor = before if backwards else after
    # Rows with smaller ids are wanted when walking down the ids.
    downwards = newest_first != backwards
    rows_query: QuerySet[Any, Any] = queryset.order_by(*order.order_by(downwards=downwards))
    if cursor is not None:
        behind = queryset.order_by().filter(order.behind(cursor, downwards=downwards))
        rows_query = rows_query.filter(order.beyond(cursor, downwards=downwards)).annotate(
            **{_BEHIND: Exists(behind.values("pk"))}
        )
    fetched = list(rows_query[: request.limit + 1])
    more_ahead = len(fetched) > request.limit
    rows = fetched[: request.limit]
    more_behind = bool(rows) and cursor is not None and bool(getattr(rows[0], _BEHIND))
    if backwards:
        rows.reverse()
        more_before, more_after = more_ahead, more_behind
    else:
        more_before, more_after = more_behind, more_ahead
    if not rows:
        return Page(rows, None, None)
    first, last = str(getattr(rows[0], cursor_field)), str(getattr(rows[-1], cursor_field))
    if request.order == "normal":
        # Older rows lie "before" the last one, newer rows "after" the first (workos-behaviour (b)).
        return Page(rows, before=last if more_after else None, after=first if more_before else None)
    return Page(rows, before=first if more_before else None, after=last if more_after else None)


def list_object(page: "Page[ModelT]", represent: Callable[[ModelT], Any]) -> ListObject:
    """Return the envelope of a page."""
    return {
        "object": "list",
        "data": [represent(row) for row in page.rows],
        "list_metadata": {"before": page.before, "after": page.after},
    }
