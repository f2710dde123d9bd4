"""The words of field errors, in both styles (workos-behaviour (a))."""

from typing import Any

import pytest
from rest_framework import serializers

from environments.api.pagination import ListParameters
from environments.api.validation import FieldErrorStyle, FlagField, TextField, validate
from foundation.errors import Invalid


class Inner(serializers.Serializer[Any]):
    domain = TextField()


class Input(serializers.Serializer[Any]):
    name = TextField(max_length=5)
    nickname = TextField(required=False)
    verified = FlagField(required=False)
    seats = serializers.IntegerField(required=False, min_value=1)
    kind = serializers.ChoiceField(choices=["a", "b"], required=False)
    tags = serializers.ListField(child=TextField(), required=False)
    domains = Inner(many=True, required=False)
    inner = Inner(required=False)

    def validate_nickname(self, value):
        if value == "odd":
            raise serializers.ValidationError("Odd.", code="invalid")
        return value


def errors(style, body, serializer=Input, **options):
    with pytest.raises(Invalid) as refusal:
        validate(serializer, body, style, **options)
    return [(error["field"], error["code"]) for error in refusal.value.details["errors"]]


CASES = [
    ({}, "name", "name_string_required", "name must be a string"),
    ({"name": ""}, "name", "name_string_required", "name must be a string"),
    ({"name": None}, "name", "name_string_required", "name must be a string"),
    ({"name": 5}, "name", "name_string_required", "name must be a string"),
    ({"name": True}, "name", "name_string_required", "name must be a string"),
    ({"name": "too long"}, "name", "name_invalid", "max_length"),
    ({"name": "a", "nickname": "odd"}, "nickname", "nickname_invalid", "nickname is invalid"),
    ({"name": "a", "verified": "perhaps"}, "verified", "verified_invalid", "verified must be a boolean"),
    ({"name": "a", "verified": []}, "verified", "verified_invalid", "verified must be a boolean"),
    ({"name": "a", "seats": "many"}, "seats", "seats_invalid", "seats must be an integer"),
    ({"name": "a", "seats": 0}, "seats", "seats_invalid", "min_value"),
    ({"name": "a", "kind": "c"}, "kind", "kind_invalid", "kind must be a valid enum value"),
    ({"name": "a", "tags": {"x": 1}}, "tags", "tags_invalid", "tags must be an array"),
    (
        {"name": "a", "domains": [{"domain": "a.example"}, {"domain": 1}]},
        "domains.1.domain",
        "domains.1.domain_string_required",
        "domains.1.domain must be a string",
    ),
    ({"name": "a", "tags": ["x", 1]}, "tags.1", "tags.1_string_required", "tags.1 must be a string"),
    (
        {"name": "a", "inner": {}},
        "inner.domain",
        "inner.domain_string_required",
        "inner.domain must be a string",
    ),
    ({"name": "a", "inner": "x"}, "inner", "inner_invalid", "inner must be an object"),
    ({"name": "a", "domains": ["x"]}, "domains.0", "domains.0_invalid", "domains.0 must be an object"),
]


@pytest.mark.parametrize(("body", "field", "user_management", "general"), CASES)
def test_a_field_error_names_its_field_in_the_words_of_its_style(body, field, user_management, general):
    assert errors(FieldErrorStyle.USER_MANAGEMENT, body) == [(field, user_management)]
    assert errors(FieldErrorStyle.GENERAL, body) == [(field, general)]


def test_a_cursor_that_is_no_id_is_invalid_and_not_missing():
    query = {"after": "'; drop table"}
    assert errors(FieldErrorStyle.USER_MANAGEMENT, query, ListParameters, from_query=True) == [
        ("after", "after_invalid")
    ]


def test_every_wrong_field_is_named_at_once():
    assert len(errors(FieldErrorStyle.USER_MANAGEMENT, {"name": 1, "verified": "x", "kind": "c"})) == 3


@pytest.mark.parametrize("body", [[], "text", 5, True])
def test_a_body_that_is_no_object_is_refused(body):
    assert errors(FieldErrorStyle.GENERAL, body) == [("body", "body must be an object")]
