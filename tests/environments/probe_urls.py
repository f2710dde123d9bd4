"""Endpoints for tests of the plumbing alone: each does the one thing that its name says."""

from typing import Any

from django.db import IntegrityError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import serializers

from environments.api.validation import FlagField, TextField
from environments.api.views import ApiView, UserManagementView, no_content, reply
from environments.models import CORSOrigin
from foundation import errors
from foundation.ids import new_secret


class Item(serializers.Serializer[Any]):
    name = TextField(max_length=5)
    size = serializers.IntegerField(min_value=1, max_value=9, required=False)


class Fields(serializers.Serializer[Any]):
    name = TextField(max_length=20)
    domains = serializers.ListField(child=TextField(max_length=20), required=False)
    active = FlagField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, required=False)
    external_id = TextField(required=False, allow_null=True)
    metadata = serializers.DictField(child=TextField(), required=False)
    kind = serializers.ChoiceField(choices=["a", "b"], required=False)
    items = Item(many=True, required=False)


class Echo(ApiView):
    def get(self, _request: HttpRequest) -> HttpResponse:
        return reply(self.read_query(Fields))

    def post(self, _request: HttpRequest) -> HttpResponse:
        return reply(self.read(Fields))

    put = patch = delete = post


class UserManagementEcho(UserManagementView):
    def post(self, _request: HttpRequest) -> HttpResponse:
        return reply(self.read(Fields))


class Small(ApiView):
    maximum_body_bytes = 100

    def post(self, _request: HttpRequest) -> HttpResponse:
        return reply({"bytes": len(self.raw_body())})


class PaymentDeclined(errors.BadRequest):
    code = "payment_declined"
    message = "The payment was declined."


class Refuse(ApiView):
    """Raises what the path names."""

    def post(self, _request: HttpRequest, refusal: str) -> HttpResponse:
        raised: dict[str, Exception] = {
            "bad_request": PaymentDeclined(),
            "unauthenticated": errors.Unauthenticated(),
            "forbidden": errors.Forbidden(),
            "not_found": errors.NotFound.of("User", "user_x"),
            "bare_not_found": errors.NotFound(),
            "conflict": errors.Conflict("It exists already.", code_of_the_other="x"),
            "invalid": errors.Invalid.field("email", "email_invalid", "Email is wrong."),
            "too_large": errors.TooLarge(),
            "rate_limited": errors.RateLimited(retry_after=7),
            "django_404": Http404("table of secrets"),
            "bug": ZeroDivisionError("a secret detail"),
        }
        raise raised[refusal]


class Counted(ApiView):
    """Creates a row at each call, so that side effects can be counted, and answers with a fresh secret."""

    def post(self, _request: HttpRequest, status: int = 201) -> HttpResponse:
        CORSOrigin.objects.create(
            environment=self.environment, origin=f"https://{new_secret(8).lower()}.example"
        )
        if status == 204:
            return no_content()
        return reply({"token": new_secret()}, status)

    put = post


class BreaksItsTransaction(ApiView):
    """Lets the database refuse a row and answers as if nothing had happened."""

    def post(self, _request: HttpRequest) -> HttpResponse:
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute("INSERT INTO environments_corsorigin (id) VALUES (NULL)")
        raise IntegrityError


urlpatterns = [
    path("probe/echo", Echo.as_view()),
    path("user_management/echo", UserManagementEcho.as_view()),
    path("probe/small", Small.as_view()),
    path("probe/refuse/<str:refusal>", Refuse.as_view()),
    path("probe/counted", Counted.as_view()),
    path("probe/counted/<int:status>", Counted.as_view()),
    path("probe/breaks", BreaksItsTransaction.as_view()),
    path("", include("config.urls")),
]

handler400 = "environments.api.views.bad_request_view"
handler403 = "environments.api.views.forbidden_view"
handler404 = "environments.api.views.not_found_view"
handler500 = "environments.api.views.server_error_view"
