"""The one clock of the house: aware, UTC, written with milliseconds and ``Z``."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment, aware and in UTC."""
    return datetime.now(tz=UTC)


def iso(moment: datetime) -> str:
    """Write a moment as the API does: ISO 8601, UTC, exactly three decimals, ``Z`` (workos-behaviour (l))."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def iso_or_none(moment: datetime | None) -> str | None:
    """Write a moment as :func:`iso` does, or None where there is none."""
    return None if moment is None else iso(moment)


def parse_iso(text: str) -> datetime:
    """Read an ISO 8601 moment; without an offset it is taken as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
