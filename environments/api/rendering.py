"""JSON out, by orjson."""

from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.renderers import BaseRenderer

CONTENT_TYPE = "application/json; charset=utf-8"


def to_json(data: object) -> bytes:
    """Write JSON: compact, raw UTF-8."""
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)


def json_response(data: object, status: int = 200) -> HttpResponse:
    """Answer with JSON."""
    return HttpResponse(to_json(data), status=status, content_type=CONTENT_TYPE)


def empty_response(status: int) -> HttpResponse:
    """Answer without a body and without a content type: SDKs try to parse an empty body that claims to be JSON."""
    response = HttpResponse(b"", status=status)
    del response.headers["Content-Type"]
    return response


class OrjsonRenderer(BaseRenderer):
    """What DRF itself would render with, for the schema and for the rare answer that comes from DRF."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        """Write JSON."""
        del accepted_media_type, renderer_context
        return b"" if data is None else to_json(data)
