"""Probes: is the process alive, and can it serve."""

import logging
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from environments.api.rendering import json_response

logger = logging.getLogger(__name__)


def alive(request: HttpRequest) -> HttpResponse:
    """GET /healthz: the process answers. Asks nothing else, so that a slow database restarts nobody."""
    del request
    return json_response({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """GET /readyz: the database, and Redis where it is used as cache and broker, answer too."""
    del request
    checks: dict[str, Callable[[], None]] = {"database": _ask_database}
    if settings.REDIS_URL:
        checks["redis"] = _ask_redis
    results = {name: _passes(name, check) for name, check in checks.items()}
    healthy = all(results.values())
    body = {
        "status": "ok" if healthy else "unavailable",
        "checks": {k: "ok" if v else "failed" for k, v in results.items()},
    }
    return json_response(body, 200 if healthy else 503)


def _passes(name: str, check: Callable[[], None]) -> bool:
    try:
        check()
    except (DatabaseError, redis.RedisError, OSError) as error:
        logger.warning("not_ready", extra={"check": name, "error": type(error).__name__})
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()
