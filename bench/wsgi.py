"""The product's application, and beside it a bare Django view: the yardstick of the same process and the same run."""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test.utils import override_settings
from django.urls import path

from config.wsgi import application as product
from environments.api import limits
from foundation.rate_limits import Limit

BARE_PATH = "/bare"
_ANSWER = b'{"object":"user","id":"user_01E4ZCR3C56J083X43JQXF3JK5","email":"ada@acme.test"}'


def bare(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        _ANSWER, content_type="application/json", headers={"Content-Length": str(len(_ANSWER))}
    )


urlpatterns = [path(BARE_PATH[1:], bare)]


class BareHandler(WSGIHandler):
    """Django's own handler with a URL table of one line."""

    def resolve_request(self, request: HttpRequest) -> Any:
        request.urlconf = __name__
        return super().resolve_request(request)


# Limits are counted as always, and never reached: what they cost belongs to the figures.
for _name, _limit in list(vars(limits).items()):
    if isinstance(_limit, Limit):
        setattr(limits, _name, Limit(_limit.name, 10**9, _limit.seconds, fail_closed=_limit.fail_closed))

with override_settings(MIDDLEWARE=[]):
    _bare_handler = BareHandler()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == BARE_PATH:
        return _bare_handler(environ, start_response)
    return product(environ, start_response)
