"""The OpenAPI description: each method says what it takes and gives; the shapes are the TypedDicts themselves."""

import types
from collections.abc import Callable
from functools import cache
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers

from environments.api.pagination import ListParameters

ViewMethodT = TypeVar("ViewMethodT", bound=Callable[..., Any])


class ErrorSerializer(serializers.Serializer[Any]):
    """A refusal."""

    message = serializers.CharField()
    code = serializers.CharField(required=False)
    errors = serializers.ListField(child=serializers.DictField(), required=False)  # type: ignore[assignment]  # a field shadows the property that this description never uses


class ListMetadataSerializer(serializers.Serializer[Any]):
    """The cursors of a page."""

    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)


class GatehouseSchema(AutoSchema):
    """Names operations and groups them by the first words of their path."""

    def get_tags(self) -> list[str]:
        """Group by the first path segment, or the first two under a shared root."""
        parts = [part for part in self.path.split("/") if part and not part.startswith("{")]
        if parts and parts[0] in {"user_management", "authorization"} and len(parts) > 1:
            return [f"{parts[0]}/{parts[1]}"]
        return parts[:1] or ["root"]

    def get_operation_id(self) -> str:
        """Name an operation by verb and path: unique, and stable when a class is renamed."""
        path = self.path.strip("/").replace("{", "by_").replace("}", "").replace("-", "_").replace(".", "_")
        return f"{self.method.lower()}_{path.replace('/', '_')}"


# Second spellings of a path: served, and described under the first one alone.
_ALIASES = ("/organization-domains",)

Endpoint = tuple[str, str, str, Any]


def without_aliases(endpoints: list[Endpoint], **_options: Any) -> list[Endpoint]:
    """Leave the aliases out of the description (a preprocessing hook of drf-spectacular)."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith(_ALIASES)]


def describe(
    summary: str,
    *,
    response: Any = None,
    status: int = 200,
    other_status: int | None = None,
    request: Any = None,
    query: type[serializers.Serializer[Any]] | None = None,
    paged: bool = False,
    public: bool = False,
    refusals: tuple[int, ...] = (),
) -> Callable[[ViewMethodT], ViewMethodT]:
    """Describe a view method: what it reads, what it answers, with which statuses it refuses.

    ``response`` is a TypedDict (the object, or the item of the list if ``paged``), a ``list[TypedDict]``, or None.
    ``other_status`` is a second status that answers with the same.
    """
    answer: Any = None
    if response is not None:
        answer = list_serializer(response) if paged else serializer_of(response)
    statuses = {*refusals, *(() if public else (401,)), *((422,) if request or query or paged else ())}
    body = answer if answer is not None else OpenApiResponse(description="No body.")
    responses: dict[int, Any] = {
        **dict.fromkeys(filter(None, (other_status, status)), body),
        **dict.fromkeys(sorted(statuses), ErrorSerializer),
    }
    parameters = [query] if query else ([ListParameters] if paged else [])
    return extend_schema(
        summary=summary,
        request=request,
        responses=responses,
        parameters=parameters,
        auth=[] if public else None,
    )


@cache
def serializer_of(shape: Any) -> Any:
    """Return a serializer that describes a TypedDict, or a ``list`` of one."""
    if get_origin(shape) is list:
        return _field_of(shape)
    name = shape.__name__.removesuffix("Object")
    fields: dict[str, Any] = {
        key: _field_of(hint, required=key in shape.__required_keys__)
        for key, hint in get_type_hints(shape, include_extras=True).items()
    }
    fields["__doc__"] = (shape.__doc__ or "").strip()
    return type(f"{name}Serializer", (serializers.Serializer,), fields)


@cache
def list_serializer(item: Any) -> Any:
    """Return a serializer that describes a page of a list."""
    name = item.__name__.removesuffix("Object")
    fields = {
        "object": serializers.CharField(default="list"),
        "data": serializer_of(item)(many=True),
        "list_metadata": ListMetadataSerializer(),
        "__doc__": f"A page of a list of {name}.",
    }
    return type(f"{name}ListSerializer", (serializers.Serializer,), fields)


def _field_of(hint: Any, *, required: bool = True) -> Any:
    options: dict[str, Any] = {} if required else {"required": False}
    while get_origin(hint) in {NotRequired, Required}:
        (hint,) = get_args(hint)
    if get_origin(hint) in {Union, types.UnionType}:
        members = [member for member in get_args(hint) if member is not type(None)]
        if len(members) < len(get_args(hint)):
            options["allow_null"] = True
        hint = members[0] if len(members) == 1 else Any
    return _plain_field(hint, options)


_SIMPLE: dict[Any, type[serializers.Field[Any, Any, Any, Any]]] = {
    str: serializers.CharField,
    int: serializers.IntegerField,
    bool: serializers.BooleanField,
    dict: serializers.DictField,
}


def _plain_field(hint: Any, options: dict[str, Any]) -> Any:
    origin = get_origin(hint)
    if origin is Literal:
        return serializers.ChoiceField(choices=list(get_args(hint)), **options)
    if origin is list:
        (item,) = get_args(hint)
        if is_typeddict(item):
            return serializer_of(item)(many=True, **options)
        return serializers.ListField(child=_field_of(item), **options)
    if is_typeddict(hint):
        return serializer_of(hint)(**options)
    return _SIMPLE.get(origin or hint, serializers.JSONField)(**options)
