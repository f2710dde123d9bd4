"""The base of every API view: who calls, what came in, what goes out."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import structlog
from django.db import OperationalError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.views import APIView

from environments.api import authentication, bodies, cors, idempotency, limits
from environments.api.errors import MethodNotAllowed, as_domain_error, is_deadlock, native_error
from environments.api.pagination import ListParameters, PageRequest, fetch_page, list_object
from environments.api.rendering import empty_response, json_response
from environments.api.requests import client_ip
from environments.api.validation import FieldErrorStyle, validate
from environments.models import APIKey, Environment
from foundation.actors import Actor
from foundation.errors import DomainError, NotFound, RateLimited
from foundation.rate_limits import Limit, Verdict

logger = logging.getLogger(__name__)

ModelT = TypeVar("ModelT", bound=Model)

_DEADLOCK_RETRIES = 3


class PublicApiView(APIView):
    """An endpoint that no API key opens: it finds its environment by itself, if it has one.

    DRF's dispatch is replaced by a leaner one: there is one renderer, one way to authenticate and no negotiation,
    and half of a read's time would go into them (dependencies.md, section 6).
    """

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(native_error)
    field_error_style = FieldErrorStyle.GENERAL
    maximum_body_bytes = bodies.MAXIMUM_BODY_BYTES

    environment: Environment | None = None
    _verdict: Verdict | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer one request; every refusal and every bug is answered in the dialect's JSON."""
        self.request = request  # type: ignore[assignment]  # Django's own: DRF's wrapper is not needed
        self.args, self.kwargs = args, kwargs
        self._body: bytes | None = None
        try:
            response = self._answer(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 -- the one place where everything that was raised becomes an answer
            response = self._refuse(error)
        # Answers hold personal data and tokens (RFC 6749 §5.1); what may be cached says so itself.
        response.setdefault("Cache-Control", "no-store")
        if self._verdict is not None:
            limits.write_headers(response, self._verdict)
        if "Origin" in request.headers:
            cors.allow_origin(request, response, self.environment)
        return response

    def identify(self, request: HttpRequest) -> None:
        """Find out who calls. A public endpoint asks nobody."""

    def check_limits(self, request: HttpRequest) -> None:
        """Count the request against the limits that apply before it is looked at."""
        self.count(limits.PER_IP, client_ip(request))

    def count(self, limit: Limit, *key_parts: str) -> None:
        """Count one hit; raises RateLimited. The tightest verdict is shown in the headers."""
        verdict = limits.enforce(limit, *key_parts)
        if verdict is not None and (self._verdict is None or verdict.remaining < self._verdict.remaining):
            self._verdict = verdict

    def read(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """Return the validated body; raises Invalid, or BadRequest where it cannot be parsed."""
        return validate(serializer_class, self.body_data(), self.field_error_style)

    def read_query(self, serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """Return the validated query parameters; raises Invalid."""
        data = bodies.parse_query(self.request.META.get("QUERY_STRING", ""))
        return validate(serializer_class, data, self.field_error_style, from_query=True)

    def body_data(self) -> Any:
        """Return the parsed body, whatever JSON value it is."""
        return bodies.parse_body(self.request.headers.get("Content-Type", ""), self.raw_body())

    def raw_body(self) -> bytes:
        """Return the raw body; raises TooLarge."""
        if self._body is None:
            self._body = bodies.read_body(self.request, self.maximum_body_bytes)
        return self._body

    def page(
        self,
        queryset: QuerySet[ModelT],
        represent: Callable[[ModelT], Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        cursor_field: str = "id",
    ) -> HttpResponse:
        """Answer with one page of a list; ``parameters`` are the validated query, read here if not given."""
        if parameters is None:
            parameters = self.read_query(ListParameters)
        page = fetch_page(queryset, PageRequest.from_parameters(dict(parameters)), cursor_field)
        return json_response(list_object(page, represent))

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.check_limits(request)
        self.identify(request)
        if "\x00" in request.path_info:
            # No id holds it, and PostgreSQL refuses to look it up.
            raise NotFound
        method = (request.method or "").lower()
        handler = (
            getattr(self, method, None) if method in self.http_method_names and method != "options" else None
        )
        if handler is None:
            raise MethodNotAllowed

        def run() -> HttpResponse:
            try:
                answer: HttpResponse = handler(request, *args, **kwargs)
            except Exception as error:
                if is_deadlock(error):
                    raise
                return self._refuse(error)
            return answer

        return self._run_again_after_deadlock(lambda: self._run_once_if_asked(request, method, run))

    def _run_once_if_asked(
        self, request: HttpRequest, method: str, run: Callable[[], HttpResponse]
    ) -> HttpResponse:
        if method == "post" and "Idempotency-Key" in request.headers:
            environment = self.environment_for_idempotency()
            if environment is not None:
                return idempotency.run_once(request, environment, self.raw_body(), run)
        return run()

    def _run_again_after_deadlock(self, run: Callable[[], HttpResponse]) -> HttpResponse:
        """Run what the database has rolled back to let somebody else through, as its client would have to.

        Writes lock in one order where they can. A deletion cannot: what it cascades to is only found on the way.
        """
        for _ in range(_DEADLOCK_RETRIES):
            try:
                return run()
            except OperationalError as error:
                if not is_deadlock(error):
                    raise
                logger.warning("deadlock", extra={"view": type(self).__name__})
        return run()

    def environment_for_idempotency(self) -> Environment | None:
        """Return the environment in whose name keys are remembered; None means the key is not looked at."""
        return self.environment

    def _refuse(self, error: Exception) -> HttpResponse:
        refusal = as_domain_error(error)
        if refusal is None:
            logger.error("unhandled_error", exc_info=error, extra={"view": type(self).__name__})
            failure = json_response({"message": "Internal Server Error", "code": "internal_error"}, 500)
            # Django would log it once more, with the path, which may carry a token.
            failure._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 -- what Django's log_response asks
            return failure
        status, body = type(self).render_error(refusal)
        response = json_response(body, status)
        if isinstance(refusal, RateLimited):
            response.headers["Retry-After"] = str(refusal.retry_after)
            if isinstance(refusal, limits.TooManyRequests):
                self._verdict = refusal.verdict
        if isinstance(refusal, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(
                name.upper() for name in self.http_method_names if name != "options" and hasattr(self, name)
            )
        return response


class ApiView(PublicApiView):
    """An endpoint for the holder of an API key: ``self.environment`` and ``self.actor`` come from the key."""

    environment: Environment
    actor: Actor
    api_key: APIKey

    def identify(self, request: HttpRequest) -> None:
        """Let in the holder of a live key; raises Unauthenticated."""
        self.api_key = authentication.require_api_key(request)
        self.environment = self.api_key.environment
        self.actor = authentication.actor_of(self.api_key)
        structlog.contextvars.bind_contextvars(environment_id=self.environment.id)


class UserManagementView(ApiView):
    """An endpoint under ``/user_management``: its own limits and its own wording of field errors."""

    field_error_style = FieldErrorStyle.USER_MANAGEMENT

    def identify(self, request: HttpRequest) -> None:
        """Count reads and writes per environment, once the environment is known."""
        super().identify(request)
        writes = request.method not in {"GET", "HEAD"}
        limit = limits.USER_MANAGEMENT_WRITES if writes else limits.USER_MANAGEMENT_READS
        self.count(limit, self.environment.id)


def reply(data: object, status: int = 200) -> HttpResponse:
    """Answer with JSON."""
    return json_response(data, status)


def no_content(status: int = 204) -> HttpResponse:
    """Answer without a body."""
    return empty_response(status)


def not_found_view(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Answer an unknown route (workos-behaviour (a))."""
    del request
    return json_response({"message": "Not Found"}, 404)


def bad_request_view(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Answer what Django itself found suspicious, such as a foreign Host header."""
    del request
    return json_response({"message": "Bad Request", "code": "bad_request"}, 400)


def forbidden_view(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Answer a refusal that comes from outside the API views."""
    del request
    return json_response({"message": "Forbidden", "code": "forbidden"}, 403)


def server_error_view(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    """Answer a bug outside the API views."""
    del request
    return json_response({"message": "Internal Server Error", "code": "internal_error"}, 500)
