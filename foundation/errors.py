"""The families of refusals. A service raises one; a door's dialect turns it into a status and a body.

None of them knows HTTP. ``code`` is stable and part of the contract; ``details`` are further keys of the body.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class DomainError(Exception):
    """A refusal that the caller is told about. Anything else that is raised is a bug."""

    code: str = ""
    message: str = ""

    def __init__(self, message: str | None = None, **details: Any) -> None:
        self.message = message or self.message
        self.details: dict[str, Any] = details
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class BadRequest(DomainError):
    """The request is understood and cannot be granted as it stands."""

    code = "bad_request"
    message = "Bad Request"


class Invalid(DomainError):
    """Fields are missing, of a wrong type, or beyond a limit.

    ``errors`` is a list of ``{field, code, message}``.
    """

    code = "invalid_request_parameters"
    message = "Validation failed"

    def __init__(
        self, message: str | None = None, *, errors: Sequence[Mapping[str, Any]] = (), **details: Any
    ) -> None:
        super().__init__(message, **details)
        if errors:
            self.details["errors"] = [dict(error) for error in errors]

    @classmethod
    def field(cls, field: str, code: str, message: str) -> "Invalid":
        """A refusal of one field."""
        return cls(errors=[{"field": field, "code": code, "message": message}])


class Unauthenticated(DomainError):
    """Nobody, or nobody we know, is asking."""

    code = "unauthorized"
    message = "Unauthorized"


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    code = "forbidden"
    message = "Forbidden"


class NotFound(DomainError):
    """No such object here; an id of another environment is answered in the same words."""

    code = "entity_not_found"
    message = "Not Found"

    @classmethod
    def of(cls, entity: str, entity_id: str) -> "NotFound":
        """The documented form: ``User not found: 'user_x'.`` (workos-behaviour (a))."""
        return cls(f"{entity} not found: '{entity_id}'.", entity_id=entity_id)


class Conflict(DomainError):
    """Another object, or another request, stands in the way."""

    code = "conflict"
    message = "Conflict"


class TooLarge(DomainError):
    """The body is larger than this endpoint takes."""

    code = "request_too_large"
    message = "Request body is too large."


class RateLimited(DomainError):
    """Too many requests; ``retry_after`` says for how many seconds to wait."""

    code = "rate_limit_exceeded"
    message = "Too many requests."

    def __init__(self, message: str | None = None, *, retry_after: int, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after
