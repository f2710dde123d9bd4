"""The rules of every test run; the fixtures live in tests/conftest.py."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

# In CI everything that a test may need is installed, so a skip hides a failure.
SKIPS_ARE_FAILURES = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# Installed by .ci/run; `npm ci --prefix tests/node` does it by hand.
NODE_PARTIES = Path(__file__).parent / "tests" / "node" / "node_modules"


# One Redis serves all processes of a run; what one caches, and forgets, is none of the others' business.
settings.CACHES["default"]["KEY_PREFIX"] = os.environ.get("PYTEST_XDIST_WORKER", "")

# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis_settings.register_profile("gatehouse", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("gatehouse")


def pytest_report_header() -> str:
    """Say which database and which queue the run is about."""
    redis = "Redis" if settings.REDIS_URL else "in process"
    return f"database: {connection.vendor}, cache and limits: {redis}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what needs PostgreSQL on another database, and what talks to parties of Node.js where there are none.

    Not skipped, as nothing is missing there: `make test` asks for Python alone. CI has both.
    """
    absent = set()
    if connection.vendor != "postgresql":
        absent.add("postgres")
    if not NODE_PARTIES.is_dir():
        absent.add("node")
    needing = {item for item in items if any(item.get_closest_marker(name) for name in absent)}
    if needing:
        config.hook.pytest_deselected(items=list(needing))
        items[:] = [item for item in items if item not in needing]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped or an expectedly failing test as failed in CI."""
    report = yield
    if SKIPS_ARE_FAILURES and report.skipped:
        reason = getattr(report, "wasxfail", None) or _skip_reason(report.longrepr)
        vars(report).pop("wasxfail", None)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} did not run: {reason!r}. CI=true, so a skipped test is a failure."
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Count a module that skips itself as failed in CI."""
    report = yield
    if SKIPS_ARE_FAILURES and report.skipped:
        reason = _skip_reason(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was not collected: {reason!r}. CI=true, so a skip is a failure."
    return report


def _skip_reason(longrepr: object) -> str:
    match longrepr:
        case (_, _, str(reason)):
            return reason.removeprefix("Skipped: ")
        case _:
            return str(longrepr)
