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
from foundation import clock

DAYS = 30
WIDTH = 1080
_CACHE_SECONDS = 60
# Counting further than this tells staff nothing more and costs seconds on a large table.
COUNT_CEILING = 100_000

SIGN_IN = "session.created"
FAILURE_PREFIX = "authentication."
FAILURE_SUFFIX = "_failed"


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
    width: int = WIDTH
    height: int = 190
    bar_width: float = 16.0


@dataclass(slots=True)
class Dashboard:
    """What the template of the first page shows."""

    figures: list[Figure]
    chart: Chart
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
        for admin in sorted(admins, key=lambda admin: getattr(admin, "order", 50))
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
        _count_by_day(recent.filter(name__startswith=FAILURE_PREFIX, name__endswith=FAILURE_SUFFIX)),
    )
    cache.set(key, counted, _CACHE_SECONDS)
    return counted


def _count_by_day(rows: "QuerySet[Event]") -> dict[date, int]:
    per_day = rows.annotate(day=TruncDate("created_at")).values("day").annotate(count=Count("id")).order_by()
    return {row["day"]: row["count"] for row in per_day}


def draw(counts: dict[date, int]) -> Chart:
    """Lay the bars of the last 30 days out in the coordinates of an SVG."""
    left, top, bottom = 40.0, 12.0, 160.0
    today = _today()
    days = [today - timedelta(days=offset) for offset in reversed(range(DAYS))]
    step = (WIDTH - left) / DAYS
    ceiling = _nice_ceiling(max((counts.get(day, 0) for day in days), default=0))
    bars = []
    for position, day in enumerate(days):
        count = counts.get(day, 0)
        height = (bottom - top) * count / ceiling
        if count:
            height = max(height, 2.0)  # A day with one sign-in must not look like a day with none.
        bars.append(
            Bar(day, count, round(left + position * step + 4, 2), round(bottom - height, 2), round(height, 2))
        )
    total = sum(bar.count for bar in bars)
    busiest = max(bars, key=lambda bar: bar.count)
    description = f"{total:,} sign-ins from {days[0]:%d %B} to {today:%d %B}" + (
        f"; the busiest day was {busiest.day:%d %B} with {busiest.count:,}." if total else "."
    )
    return Chart(
        bars=bars,
        total=total,
        ticks=[
            (round(bottom - (bottom - top) * share / 2, 2), f"{ceiling * share // 2:,}")
            for share in (0, 1, 2)
        ],
        labels=[(round(bar.x + (step - 8) / 2, 2), f"{bar.day:%d %b}") for bar in bars[1:-1:7]],
        description=description,
        bar_width=round(step - 8, 2),
    )


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
