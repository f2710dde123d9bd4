import io
import json

import pytest

pytestmark = pytest.mark.urls("tests.environments.probe_urls")

MEBIBYTE = 1024 * 1024


def post(api, content, content_type="application/json", path="/probe/echo", method="POST", **extra):
    raw = content if isinstance(content, bytes) else content.encode()
    headers = {"Authorization": f"Bearer {api.api_key}"}
    return api._client.generic(method, path, raw, content_type=content_type, headers=headers, **extra)


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ("name=Foo&domains=a.test&domains=b.test", {"name": "Foo", "domains": ["a.test", "b.test"]}),
        ("name=Foo&domains[]=a.test&domains[]=b.test", {"name": "Foo", "domains": ["a.test", "b.test"]}),
        ("name=Foo&domains[0]=a.test&domains[1]=b.test", {"name": "Foo", "domains": ["a.test", "b.test"]}),
        ("name=Foo&domains%5B%5D=a.test", {"name": "Foo", "domains": ["a.test"]}),
        ("name=Foo&domains=a.test", {"name": "Foo", "domains": ["a.test"]}),
        (
            "name=Foo&metadata[color]=red&metadata[size]=xl",
            {"name": "Foo", "metadata": {"color": "red", "size": "xl"}},
        ),
        ("name=Foo+Bar%21", {"name": "Foo Bar!"}),
        ('name="Foo Corp"', {"name": "Foo Corp"}),
        ('name="Foo', {"name": '"Foo'}),
        ("name=Foo&unknown=1&unknown[x]=2", {"name": "Foo"}),
        ("name=Foo&limit=7", {"name": "Foo", "limit": 7}),
        ("name=%C3%A9", {"name": "é"}),
    ],
)
def test_a_form_is_read_in_every_documented_encoding(api, content, fields):
    answer = post(api, content, FORM)

    assert (answer.status_code, answer.json()) == (200, fields)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("1", True), ("0", False)])
def test_booleans_of_forms_are_true_false_1_and_0(api, text, value):
    assert post(api, f"name=x&active={text}", FORM).json()["active"] is value


def test_json_under_curls_form_content_type_is_read_as_json(api):
    assert post(api, '{"name": "Foo", "domains": ["a.test"]}', FORM).json() == {
        "name": "Foo",
        "domains": ["a.test"],
    }


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "text/plain", "", "APPLICATION/JSON"]
)
def test_json_is_read_under_any_other_content_type(api, content_type):
    assert post(api, '{"name": "Foo"}', content_type).json() == {"name": "Foo"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_writing_verb_takes_both_encodings(api, method):
    assert post(api, '{"name": "Foo"}', method=method).json() == {"name": "Foo"}
    assert post(api, "name=Foo", FORM, method=method).json() == {"name": "Foo"}


@pytest.mark.parametrize("content_type", ["application/json", FORM])
@pytest.mark.parametrize("content", ["", "  \n "])
def test_an_empty_body_is_an_object_without_fields(api, content, content_type):
    answer = post(api, content, content_type)

    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["name must be a string"]


@pytest.mark.parametrize(
    ("query", "domains"),
    [
        ("domains=a,b", ["a", "b"]),
        ("domains=a%2Cb", ["a", "b"]),
        ("domains=a&domains=b", ["a", "b"]),
        ("domains[]=a&domains[]=b", ["a", "b"]),
        ("domains%5B%5D=a", ["a"]),
        ("domains[0]=a&domains[1]=b", ["a", "b"]),
        ("domains=a", ["a"]),
        ("domains=", []),
    ],
)
def test_a_query_list_is_read_in_every_documented_encoding(api, query, domains):
    assert api.get(f"/probe/echo?name=x&{query}").json()["domains"] == domains


def test_nested_keys_of_a_query_become_an_object(api):
    answer = api.get("/probe/echo?name=x&metadata[hd]=acme.test&metadata[prompt]=login")

    assert answer.json()["metadata"] == {"hd": "acme.test", "prompt": "login"}


def test_null_is_absent_except_where_it_clears(api):
    body = {"name": "x", "domains": None, "limit": None, "external_id": None}

    assert api.post("/probe/echo", body).json() == {"name": "x", "external_id": None}


def test_an_empty_text_is_absent_where_the_field_is_optional(api):
    assert api.post("/probe/echo", {"name": "x", "limit": "", "kind": ""}).json() == {"name": "x"}


# --- what cannot be parsed ------------------------------------------------------------------------------------

PROBLEM = {"message": "Problems parsing JSON", "code": "bad_request"}


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"name": }',
        b'{"name": "x"} {}',
        b"{'name': 'x'}",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b"\xef\xbb\xbf{}",
        b'{"name": "\xff"}',
        b'{"name": "\xed\xa0\x80"}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\udc00x"}',
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"[" * 100_000,
        b"[" * 500_000 + b"]" * 500_000,
        b'{"a":' * 200_000,
        b"name=x",
    ],
)
def test_what_is_no_json_is_a_400_that_says_so(api, content):
    answer = post(api, content)

    assert (answer.status_code, answer.json()) == (400, PROBLEM)


@pytest.mark.parametrize(
    "content", ['{"name": "a\\u0000b"}', '{"\\u0000": 1}', '{"metadata": {"k": ["\\u0000"]}}']
)
def test_a_nul_is_refused_wherever_it_stands(api, content):
    answer = post(api, content)

    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"


@pytest.mark.parametrize("content", ["name=%00", "name=%ff", "name=%ed%a0%80", "&".join(["a=1"] * 3000)])
def test_a_form_that_cannot_be_stored_or_read_is_a_400(api, content):
    assert post(api, content, FORM).status_code == 400


@pytest.mark.parametrize("query", ["name=%00", "name=%ff", "name=x&domains[]=%00", "name[%00]=x", "%00=x"])
def test_a_query_that_cannot_be_stored_or_read_is_refused(api, query):
    assert api.get(f"/probe/echo?{query}").status_code in {400, 422}


@pytest.mark.parametrize("content", ["[]", '["name"]', '"name"', "1", "null", "true"])
def test_json_that_is_no_object_is_refused_as_the_body(api, content):
    answer = post(api, content)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body"


def test_nesting_within_reason_is_taken(api):
    content = '{"name":"x","ignored":' + "[" * 60 + "]" * 60 + "}"

    assert post(api, content).status_code == 200


def test_emoji_and_other_planes_survive(api):
    assert post(api, '{"name": "\\ud83d\\ude00 né"}').json() == {"name": "😀 né"}


# --- how large ------------------------------------------------------------------------------------------------


def test_a_body_of_two_mebibytes_is_too_large(api):
    answer = post(api, json.dumps({"name": "x" * 2 * MEBIBYTE}))

    assert answer.status_code == 413
    assert answer.json() == {"message": "Request body is too large.", "code": "request_too_large"}


def test_a_body_of_just_under_a_mebibyte_is_read(api):
    assert post(api, json.dumps({"name": "x", "ignored": "x" * (MEBIBYTE - 100)})).status_code == 200


@pytest.mark.parametrize("size", [2 * MEBIBYTE, MEBIBYTE + 1])
def test_a_chunked_body_is_held_to_the_same_limit(api, size):
    content = b'{"name": "' + b"x" * (size - 12) + b'"}'
    answer = chunked(api, content, "/probe/echo")

    assert answer.status_code == 413


def test_a_chunked_body_is_read_though_it_declares_no_length(api):
    assert chunked(api, b'{"name": "Foo"}', "/probe/echo").json() == {"name": "Foo"}


def test_an_endpoint_may_take_less(api):
    assert post(api, b"x" * 100, path="/probe/small").json() == {"bytes": 100}
    assert post(api, b"x" * 101, path="/probe/small").status_code == 413
    assert chunked(api, b"x" * 101, "/probe/small").status_code == 413


@pytest.mark.parametrize("length", ["-1", "abc", "9" * 30, "1e3"])
def test_a_content_length_that_lies_breaks_nothing(api, length):
    answer = post(api, '{"name": "Foo"}', CONTENT_LENGTH=length)

    assert answer.status_code in {200, 400, 413, 422}


class Chunks(io.BytesIO):
    """What a server gives that decodes chunks: a stream that ends, in pieces."""

    def read(self, size=-1):
        return super().read(min(size, 65_536) if size >= 0 else 65_536)


def chunked(api, content, path):
    extra = {"wsgi.input": Chunks(content), "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    return post(api, b"", path=path, **extra)


# --- fields ---------------------------------------------------------------------------------------------------


def codes(answer):
    assert answer.status_code == 422, answer.content
    body = answer.json()
    assert body["message"] == "Validation failed"
    assert all(set(error) == {"field", "code", "message"} for error in body["errors"])
    return {error["field"]: error["code"] for error in body["errors"]}


WRONG = {
    "name": 7,
    "domains": {"a": "b"},
    "active": "perhaps",
    "limit": "many",
    "metadata": ["x"],
    "kind": "c",
    "items": [{"name": "toolong"}, {"size": 10}],
}


def test_every_wrong_field_is_named_in_the_general_wording(api):
    assert codes(api.post("/probe/echo", WRONG)) == {
        "name": "name must be a string",
        "domains": "domains must be an array",
        "active": "active must be a boolean",
        "limit": "limit must be an integer",
        "metadata": "metadata must be an object",
        "kind": "kind must be a valid enum value",
        "items.0.name": "max_length",
        "items.1.name": "items.1.name must be a string",
        "items.1.size": "max_value",
    }


def test_every_wrong_field_is_named_in_the_wording_of_user_management(api):
    body = api.post("/user_management/echo", WRONG).json()
    assert body["code"] == "invalid_request_parameters"
    assert codes(api.post("/user_management/echo", WRONG)) == {
        "name": "name_string_required",
        "domains": "domains_invalid",
        "active": "active_invalid",
        "limit": "limit_invalid",
        "metadata": "metadata_invalid",
        "kind": "kind_invalid",
        "items.0.name": "items.0.name_invalid",
        "items.1.name": "items.1.name_string_required",
        "items.1.size": "items.1.size_invalid",
    }


@pytest.mark.parametrize("name", [None, "", "   "])
def test_a_missing_or_blank_text_is_worded_as_recorded(api, name):
    answer = api.post("/user_management/echo", {"name": name})

    assert answer.json() == {
        "message": "Validation failed",
        "code": "invalid_request_parameters",
        "errors": [
            {"field": "name", "code": "name_string_required", "message": "Name should be a non-empty string."}
        ],
    }


@pytest.mark.parametrize("value", [True, 1, 1.5, [], {}, ["x"]])
def test_a_number_or_list_is_not_a_text(api, value):
    assert codes(api.post("/probe/echo", {"name": value})) == {"name": "name must be a string"}


@pytest.mark.parametrize("value", [True, 1.5, "1.5", [], {}, "1e2", 10**30, -(10**30), "9" * 2000])
def test_what_is_no_small_whole_number_is_refused(api, value):
    assert set(codes(api.post("/probe/echo", {"name": "x", "limit": value}))) == {"limit"}


@pytest.mark.parametrize("value", [[1], [None], [{}], [["x"]], {"a": "b"}, 5])
def test_a_list_of_texts_holds_texts_alone(api, value):
    [field] = codes(api.post("/probe/echo", {"name": "x", "domains": value}))
    assert field.startswith("domains")
