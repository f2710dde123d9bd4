"""What happens around every request: its id, the refusal of plain HTTP, CORS preflights, the log line."""

import logging
import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from environments.api import cors
from environments.api.rendering import json_response
from environments.api.requests import client_ip

access_log = logging.getLogger("gatehouse.access")

# What a client may call its request; anything else would let it write into our logs.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

# Probes come from inside the cluster, in plain HTTP.
_PLAIN_HTTP_PATHS = ("/healthz", "/readyz")


class RequestContextMiddleware:
    """Gives each request an id, which its answer, its log lines and its events' trail carry."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = _request_id(request)
        request.request_id = request_id  # type: ignore[attr-defined]  # this middleware is what defines it
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self._answer(request)
        response.headers["X-Request-ID"] = request_id
        # RFC 9110 §8.6: a 204 has no Content-Length.
        if (
            isinstance(response, HttpResponse)
            and "Content-Length" not in response.headers
            and response.status_code != 204
        ):
            response.headers["Content-Length"] = str(len(response.content))
        if access_log.isEnabledFor(logging.INFO):
            access_log.info(
                "request",
                extra={
                    "method": request.method,
                    "route": _route(request),
                    "http_status": response.status_code,
                    "milliseconds": round((time.perf_counter() - started) * 1000, 1),
                    "ip_address": client_ip(request),
                },
            )
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        if settings.PRODUCTION and not request.is_secure() and request.path_info not in _PLAIN_HTTP_PATHS:
            # A redirect would teach clients to send their key in clear first (workos-behaviour (a)).
            return json_response({"message": "Use https.", "code": "https_required"}, 403)
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return cors.preflight(request)
        return self.get_response(request)


def _route(request: HttpRequest) -> str:
    """Return the pattern that matched, never the path itself: some paths carry a token."""
    match = request.resolver_match
    return "" if match is None else f"/{match.route}"


def _request_id(request: HttpRequest) -> str:
    offered = request.headers.get("X-Request-ID", "")
    return offered if _REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())
