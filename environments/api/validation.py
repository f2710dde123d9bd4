"""Input serializers: what a client sends becomes typed values, or one refusal that names every field.

Two shapes of field errors exist on the wire and both SDK generations read only parts of them, so each error
carries ``field``, ``code`` and ``message``; only the words of ``code`` differ (workos-behaviour (a)).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from rest_framework import serializers

from foundation import clock
from foundation.errors import Invalid


class FieldErrorStyle(Enum):
    """How ``errors[].code`` is worded."""

    USER_MANAGEMENT = "user_management"  # email_string_required
    GENERAL = "general"  # email must be a string


def validate(
    serializer_class: type[serializers.Serializer[Any]],
    data: Any,
    style: FieldErrorStyle,
    *,
    from_query: bool = False,
) -> dict[str, Any]:
    """Return the validated fields of ``data``; unknown ones are ignored, ``null`` counts as absent.

    Raises Invalid with one error per field that is wrong.
    """
    if not isinstance(data, Mapping):
        raise Invalid.field("body", "body must be an object", "The body must be a JSON object.")
    serializer = serializer_class()
    serializer.initial_data = _prepared(serializer, data, from_query=from_query)
    if serializer.is_valid():
        return dict(serializer.validated_data)
    errors = list(_flatten(serializer, serializer.errors, style))
    raise Invalid(errors=errors)


def _prepared(
    serializer: serializers.BaseSerializer[Any], data: Mapping[str, Any], *, from_query: bool
) -> dict[str, Any]:
    prepared: dict[str, Any] = {}
    for name, field in serializer.fields.items():  # type: ignore[attr-defined]  # every Serializer has fields
        if name not in data:
            continue
        value = data[name]
        if value is None and not field.allow_null:
            continue
        if isinstance(field, serializers.ListField | serializers.ListSerializer):
            value = _as_list(value, split=from_query)
        elif from_query and isinstance(value, list) and value:
            value = value[-1]
        # Go's older SDK sends empty texts and zeros for options that nobody set.
        if value == "" and not field.required and not getattr(field, "allow_blank", False):
            continue
        prepared[name] = value
    return prepared


def _as_list(value: Any, *, split: bool) -> Any:
    if isinstance(value, str):
        if value == "":
            return []
        return value.split(",") if split else [value]
    if split and isinstance(value, list):
        return [part for item in value for part in str(item).split(",")]
    return value


def _flatten(field: Any, errors: Any, style: FieldErrorStyle, prefix: str = "") -> Iterator[dict[str, str]]:
    """Yield the errors of a serializer or list field; those of a list's items are keyed by their place in it."""
    for name, detail in errors.items():
        path = f"{prefix}{name}"
        inner = getattr(field, "child", field)
        if name == "non_field_errors":
            path = prefix.removesuffix(".")
        elif not isinstance(name, int):
            inner = getattr(inner, "fields", {}).get(name)
        if isinstance(detail, Mapping):
            yield from _flatten(inner, detail, style, f"{path}.")
            continue
        for place, item in enumerate(detail):
            if isinstance(item, Mapping):
                yield from _flatten(inner, {place: item} if item else {}, style, f"{path}.")
            else:
                yield _field_error(path, inner, item, style)


_MISSING = {"required", "blank", "null"}


def _field_error(path: str, field: Any, detail: Any, style: FieldErrorStyle) -> dict[str, str]:
    if not path:
        return {"field": "", "code": str(detail.code), "message": str(detail)}
    kind = _kind(field)
    if style is FieldErrorStyle.USER_MANAGEMENT:
        if detail.code in _MISSING or (kind == "string" and _is_wrong_type(field, detail)):
            name = path.rpartition(".")[2]
            label = name.replace("_", " ").capitalize()
            article = "an" if kind[0] in "aeio" else "a"
            wanted = "a non-empty string" if kind == "string" else f"{article} {kind}"
            return {
                "field": path,
                "code": f"{path}_{kind}_required",
                "message": f"{label} should be {wanted}.",
            }
        if detail.code in _OWN_CODES:
            return {"field": path, "code": f"{path}_invalid", "message": str(detail)}
        return {"field": path, "code": str(detail.code), "message": str(detail)}
    if detail.code in {*_MISSING, "not_a_list", "not_a_dict"} or _is_wrong_type(field, detail):
        article = "an" if kind[0] in "aeio" else "a"
        return {"field": path, "code": f"{path} must be {article} {kind}", "message": str(detail)}
    if detail.code == "invalid_choice":
        return {"field": path, "code": f"{path} must be a valid enum value", "message": str(detail)}
    if detail.code == "invalid":
        return {"field": path, "code": f"{path} is invalid", "message": str(detail)}
    return {"field": path, "code": str(detail.code), "message": str(detail)}


def _is_wrong_type(field: Any, detail: Any) -> bool:
    """Tell a value of another type from one that a validator refused: both have the code ``invalid``."""
    if isinstance(field, serializers.BaseSerializer):
        return bool(detail.code == "invalid")
    messages = getattr(field, "error_messages", {})
    return bool(detail.code == "invalid" and str(detail) == str(messages.get("invalid")))


# DRF's own codes; a code that a serializer of ours raises is already part of the contract.
_OWN_CODES = {
    "invalid",
    "invalid_choice",
    "max_length",
    "min_length",
    "max_value",
    "min_value",
    "not_a_list",
    "not_a_dict",
    "max_string_length",
    "null_characters_not_allowed",
    "empty",
    "date",
    "make_aware",
    "overflow",
    "surrogate_characters_not_allowed",
}


def _kind(field: Any) -> str:
    if isinstance(field, serializers.ListField | serializers.ListSerializer):
        return "array"
    if isinstance(field, serializers.BooleanField):
        return "boolean"
    if isinstance(field, serializers.IntegerField):
        return "integer"
    if isinstance(field, serializers.DictField | serializers.Serializer):
        return "object"
    return "string"


class TextField(serializers.CharField):
    """A text that must come as one: DRF's field would turn numbers into texts, and the contract refuses them."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse anything but a text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class FlagField(serializers.BooleanField):
    """A boolean: JSON's own, or ``true/false/1/0`` of forms and queries."""

    TRUE_VALUES = {True, "true", "True", "1"}
    FALSE_VALUES = {False, "false", "False", "0"}
    NULL_VALUES = {None}


class MomentField(serializers.CharField):
    """An ISO 8601 moment."""

    def to_internal_value(self, data: Any) -> datetime:  # type: ignore[override]  # a text that becomes a moment
        """Read the moment; without an offset it is UTC."""
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            # A "+" that was not encoded arrives as a space.
            return clock.parse_iso(data.strip().replace(" ", "+"))
        except (ValueError, OverflowError):
            message = "Must be an ISO 8601 date and time."
            raise serializers.ValidationError(message, code="invalid") from None
