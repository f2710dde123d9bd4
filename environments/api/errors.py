"""The native dialect of refusals: a family becomes a status, and the error its body (workos-behaviour (a))."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, OperationalError
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


class ReferencedObjectDeleted(Conflict):
    """What was written refers to an object that another request has deleted in the same moment.

    PostgreSQL finds out at the commit. Locks that would find out earlier would make every membership wait for all
    others of its role, and every key for its permissions; this way only who loses the race is told.
    """

    message = "An object that the request refers to was deleted meanwhile."


# PostgreSQL's words for its errors.
_FOREIGN_KEY_VIOLATION = "23503"
_DEADLOCK_DETECTED = "40P01"


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
    if isinstance(error, IntegrityError) and _is_foreign_key_violation(error):
        return ReferencedObjectDeleted()
    return None


def is_deadlock(error: Exception) -> bool:
    """Tell whether PostgreSQL has rolled a transaction back because two of them waited for each other."""
    return isinstance(error, OperationalError) and _sqlstate(error) == _DEADLOCK_DETECTED


def _is_foreign_key_violation(error: IntegrityError) -> bool:
    # SQLite lets one writer in at a time, and so has no such race: there it would be a bug.
    return _sqlstate(error) == _FOREIGN_KEY_VIOLATION


def _sqlstate(error: DatabaseError) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)
