"""Bodies and queries in: JSON, forms in every encoding that the SDKs use, and JSON under curl's form content type.

The forms of lists and keys are those of workos-behaviour (d).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import RawPostDataException

from foundation.errors import BadRequest, Invalid, TooLarge

MAXIMUM_BODY_BYTES = 1024 * 1024
_MAXIMUM_FORM_FIELDS = 2_000
_MAXIMUM_JSON_DEPTH = 64

_BRACKETED = re.compile(r"([^\[\]]+)\[([^\[\]]*)\]")


class UnparsableBody(BadRequest):
    """The body is not the JSON that it claims to be."""

    code = "bad_request"
    message = "Problems parsing JSON"


def read_body(request: HttpRequest, limit: int = MAXIMUM_BODY_BYTES) -> bytes:
    """Return the raw body; raises TooLarge beyond ``limit`` bytes, declared or sent."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not (declared.isascii() and declared.isdigit()):
        raise UnparsableBody
    if len(declared) > 20 or int(declared) > limit:
        raise TooLarge
    try:
        body = _read_chunked(request, limit) if _is_chunked(request) else request.body
    except RequestDataTooBig:
        raise TooLarge from None
    except (OSError, RawPostDataException):
        raise UnparsableBody from None
    if len(body) > limit:
        raise TooLarge
    return body


def _is_chunked(request: HttpRequest) -> bool:
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    return chunked and not request.META.get("CONTENT_LENGTH") and "wsgi.input" in request.META


def _read_chunked(request: HttpRequest, limit: int) -> bytes:
    """Read a body that declares no length: Django takes it for empty, but servers that decode chunks end the stream."""
    stream = request.META["wsgi.input"]
    body = bytearray()
    while len(body) <= limit and (piece := stream.read(limit + 1 - len(body))):
        body += piece
    return bytes(body)


def parse_body(content_type: str, raw: bytes) -> Any:
    """Return the value of a body: a dict, or whatever other JSON value it holds. An empty body is ``{}``.

    Raises UnparsableBody.
    """
    stripped = raw.strip()
    if not stripped:
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded" and not stripped.startswith((b"{", b"[")):
        return parse_form(raw)
    return parse_json(stripped)


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON text; raises UnparsableBody, also for nesting that serves only to exhaust us."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise UnparsableBody from None
    if _deeper_than(value, _MAXIMUM_JSON_DEPTH):
        raise UnparsableBody
    _refuse_nul(value)
    return value


def parse_form(raw: bytes) -> dict[str, Any]:
    """Return the fields of a form; a key that comes more than once becomes a list."""
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAXIMUM_FORM_FIELDS, errors="strict"
        )
    except (ValueError, UnicodeDecodeError):
        raise UnparsableBody(message="Problems parsing the form") from None
    # The seed's curl writes name="Foo Corp" with the quotes inside the value.
    return collect((key, _without_quotes(value)) for key, value in pairs)


def parse_query(query_string: str) -> dict[str, Any]:
    """Return the parameters of a query string, as :func:`parse_form` does."""
    try:
        return collect(
            parse_qsl(
                query_string, keep_blank_values=True, max_num_fields=_MAXIMUM_FORM_FIELDS, errors="strict"
            )
        )
    except (ValueError, UnicodeDecodeError):
        raise Invalid(message="The query string cannot be read.") from None


def collect(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Fold key-value pairs into a dict: ``a=1&a=2``, ``a[]=1``, ``a[0]=1`` give lists, ``a[b]=1`` a dict."""
    fields: dict[str, Any] = {}
    for key, value in pairs:
        _refuse_nul(value)
        match = _BRACKETED.fullmatch(key)
        if match is None:
            _append(fields, key, value)
            continue
        name, inner = match.groups()
        if inner == "" or inner.isdigit():
            existing = fields.setdefault(name, [])
            if isinstance(existing, list):
                existing.append(value)
            else:
                fields[name] = [existing, value]
        else:
            nested = fields.setdefault(name, {})
            if isinstance(nested, dict):
                nested[inner] = value
    return fields


def _append(fields: dict[str, Any], key: str, value: str) -> None:
    if key not in fields:
        fields[key] = value
    elif isinstance(fields[key], list):
        fields[key].append(value)
    else:
        fields[key] = [fields[key], value]


def _without_quotes(value: str) -> str:
    if len(value) >= 2 and value.startswith('"') and value.endswith('"'):
        return value[1:-1]
    return value


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _refuse_nul(value: Any) -> None:
    """PostgreSQL cannot store U+0000 in text; a lone surrogate cannot be written as UTF-8 at all."""
    if isinstance(value, str):
        if "\x00" in value or (not value.isprintable() and _has_surrogate(value)):
            raise UnparsableBody(message="The text holds a character that cannot be stored.")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_nul(key)
            _refuse_nul(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_nul(item)


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in value)
