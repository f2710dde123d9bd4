"""The first page: figures that the apps' admins contribute, and charts drawn as SVG on the server."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.urls import reverse

from environments.models import Environment
from events.models import Event, Mail
from events.names import NAMES
from foundation import clock

DAYS = 30
WIDTH, NARROW_WIDTH = 1080, 420
NARROW_DAYS = 14
_LEFT, _TOP, _BOTTOM, _GAP = 40.0, 12.0, 160.0, 8.0
_CACHE_SECONDS = 60
# Counting further than this tells staff nothing more and costs seconds on a large table.
COUNT_CEILING = 100_000

SIGN_IN = "session.created"
# By name and not by pattern: an index finds them.
FAILED_SIGN_INS = sorted(
    name for name in NAMES if name.startswith("authentication.") and name.endswith("_failed")
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the first page."""

    label: str
    value: str
    link: str = ""
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart, in the coordinates of its SVG."""

    day: date
    count: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Sign-ins per day: bars, the lines behind them and the words for those who cannot see them."""

    bars: list[Bar]
    total: int
    ticks: list[tuple[float, str]]
    labels: list[tuple[float, str]]
    description: str
    bar_width: float
    width: int = WIDTH
    height: int = 190


@dataclass(slots=True)
class Dashboard:
    """What the template of the first page shows."""

    figures: list[Figure]
    chart: Chart
    narrow_chart: Chart
    events: list[Event]
    failed_mail: list[Mail] = field(default_factory=list)


class Contributor(Protocol):
    """A ModelAdmin that has a figure for the first page."""

    def dashboard_figures(self, environment: Environment, request: HttpRequest) -> Sequence[Figure]:
        """Return the figures of one environment."""


def figures_of(environment: Environment, request: HttpRequest, admins: Sequence[Any]) -> Dashboard:
    """Collect the first page of an environment."""
    sign_ins, failures = _per_day(environment)
    chart = draw(sign_ins)
    contributed = [
        figure
        for admin in admins
        if hasattr(admin, "dashboard_figures")
        for figure in admin.dashboard_figures(environment, request)
    ]
    events_url = reverse("admin:events_event_changelist")
    recent_failures = sum(count for day, count in failures.items() if day > _today() - timedelta(days=7))
    mail = Mail.objects.in_environment(environment).filter(failed_at__isnull=False)
    failed_mail = list(mail.defer("text", "html").order_by("-id")[:5])
    return Dashboard(
        figures=[
            Figure("Sign-ins", f"{chart.total:,}", f"{events_url}?name={SIGN_IN}", f"last {DAYS} days"),
            *contributed,
            Figure(
                "Failed sign-ins",
                f"{recent_failures:,}",
                f"{events_url}?outcome=failed",
                "last 7 days",
                "danger" if recent_failures else "",
            ),
        ],
        chart=chart,
        narrow_chart=draw(sign_ins, NARROW_DAYS, NARROW_WIDTH),
        events=list(Event.objects.in_environment(environment).order_by("-id")[:10]),
        failed_mail=failed_mail,
    )


def bounded_count(rows: "QuerySet[Any]", ceiling: int = COUNT_CEILING) -> str:
    """Count rows up to a ceiling, in words."""
    count = rows.order_by()[: ceiling + 1].count()
    return f"{ceiling:,}+" if count > ceiling else f"{count:,}"


def _per_day(environment: Environment) -> tuple[dict[date, int], dict[date, int]]:
    """Return sign-ins and failures by day. A minute old at most: the chart of a busy environment reads many rows."""
    key = f"dashboard:{environment.pk}:{_today().isoformat()}"
    cached: tuple[dict[date, int], dict[date, int]] | None = cache.get(key)
    if cached is not None:
        return cached
    since = clock.now() - timedelta(days=DAYS)
    recent = Event.objects.in_environment(environment).filter(created_at__gte=since)
    counted = (
        _count_by_day(recent.filter(name=SIGN_IN)),
        _count_by_day(recent.filter(name__in=FAILED_SIGN_INS)),
    )
    cache.set(key, counted, _CACHE_SECONDS)
    return counted


def _count_by_day(rows: "QuerySet[Event]") -> dict[date, int]:
    per_day = rows.annotate(day=TruncDate("created_at")).values("day").annotate(count=Count("id")).order_by()
    return {row["day"]: row["count"] for row in per_day}


def draw(counts: dict[date, int], length: int = DAYS, width: int = WIDTH) -> Chart:
    """Lay the bars of the last days out in the coordinates of an SVG."""
    days = [_today() - timedelta(days=offset) for offset in reversed(range(length))]
    step = (width - _LEFT) / length
    ceiling = _nice_ceiling(max(counts.get(day, 0) for day in days))
    bars = [
        _bar(day, counts.get(day, 0), _LEFT + position * step + _GAP / 2, ceiling)
        for position, day in enumerate(days)
    ]
    bar_width = round(step - _GAP, 2)
    return Chart(
        bars=bars,
        total=sum(bar.count for bar in bars),
        ticks=[
            (_height_of(ceiling * share / 2, ceiling), f"{ceiling * share // 2:,}") for share in (0, 1, 2)
        ],
        labels=[(round(bar.x + bar_width / 2, 2), f"{bar.day:%d %b}") for bar in bars[1:-1:7]],
        description=_in_words(bars),
        bar_width=bar_width,
        width=width,
    )


def _bar(day: date, count: int, x: float, ceiling: int) -> Bar:
    y = _height_of(count, ceiling)
    if count:
        y = min(y, _BOTTOM - 2)  # A day with one sign-in must not look like a day with none.
    return Bar(day, count, round(x, 2), y, round(_BOTTOM - y, 2))


def _height_of(count: float, ceiling: int) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * count / ceiling, 2)


def _in_words(bars: list[Bar]) -> str:
    busiest = max(bars, key=lambda bar: bar.count)
    total = sum(bar.count for bar in bars)
    period = f"{total:,} sign-ins from {bars[0].day:%d %B} to {bars[-1].day:%d %B}"
    if not total:
        return f"{period}."
    return f"{period}; the busiest day was {busiest.day:%d %B} with {busiest.count:,}."


def _nice_ceiling(highest: int) -> int:
    """Return a round, even number at or above the highest bar, such as 4, 6, 10, 20, 40, 60 or 100."""
    if highest <= 4:
        return 4
    magnitude = 1
    while True:
        for factor in (1, 2, 4, 6):
            if factor * magnitude >= highest and factor * magnitude % 2 == 0:
                return factor * magnitude
        magnitude *= 10


def _today() -> date:
    return clock.now().date()
