"""The native dialect of refusals: a family becomes a status, and the error its body (workos-behaviour (a))."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions as drf

from foundation.errors import (
    BadRequest,
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthenticated,
)

STATUS: dict[type[DomainError], int] = {
    Invalid: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    RateLimited: 429,
    TooLarge: 413,
    BadRequest: 400,
}


class MethodNotAllowed(DomainError):
    """The path exists, the verb does not."""

    code = "method_not_allowed"
    message = "Method Not Allowed"


STATUS[MethodNotAllowed] = 405


def status_of(error: DomainError) -> int:
    """Return the HTTP status of a refusal."""
    for family in type(error).__mro__:
        if family in STATUS:
            return STATUS[family]
    message = f"{type(error).__name__} belongs to no family."
    raise TypeError(message)


def native_error(error: DomainError) -> tuple[int, dict[str, Any]]:
    """Return status and body of a refusal in the native dialect: ``{message, code, …details}``."""
    if type(error) is Unauthenticated:
        # Recorded from the service: a missing or wrong key gets this and nothing more.
        return 401, {"message": error.message}
    if type(error) is NotFound and not error.details:
        return 404, {"message": error.message}
    return status_of(error), {"message": error.message, "code": error.code, **error.details}


def as_domain_error(error: Exception) -> DomainError | None:
    """Fold Django's and DRF's own refusals into the families; None means a bug."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, Http404 | drf.NotFound):
        return NotFound()
    if isinstance(error, PermissionDenied | drf.PermissionDenied):
        return Forbidden()
    if isinstance(error, drf.NotAuthenticated | drf.AuthenticationFailed):
        return Unauthenticated()
    if isinstance(error, drf.MethodNotAllowed):
        return MethodNotAllowed()
    if isinstance(error, drf.ParseError):
        return BadRequest(message="Problems parsing JSON")
    return None
