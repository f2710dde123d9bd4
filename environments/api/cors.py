"""CORS by environment: a browser's script reads our answers only from an origin that the environment lists."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from environments.api.rendering import empty_response
from environments.models import CORSOrigin, Environment

_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = "Authorization, Content-Type, Idempotency-Key, X-Request-ID, User-Agent, WorkOS-Version"
_EXPOSED = "X-Request-ID, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
_PREFLIGHT_SECONDS = "600"


def preflight(request: HttpRequest) -> HttpResponseBase:
    """Answer a preflight. It carries no key, so any environment's origin passes; the call itself is then held to its own."""
    response = empty_response(204)
    origin = request.headers.get("Origin", "")
    response.headers["Vary"] = "Origin"
    if origin and CORSOrigin.unscoped.filter(origin=origin).exists():
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _HEADERS
        response.headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    return response


def allow_origin(request: HttpRequest, response: HttpResponseBase, environment: Environment | None) -> None:
    """Let the calling script read the answer, if its origin is one of the environment's. Never with cookies."""
    origin = request.headers.get("Origin")
    if not origin:
        return
    response.headers["Vary"] = "Origin"
    if environment is None:
        return
    if CORSOrigin.objects.in_environment(environment).filter(origin=origin).exists():
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
