import re
import uuid

import pytest

from environments import services
from environments.models import APIKey, EnvironmentKind
from tests.api_client import ApiClient
from tests.factories.environments import make_api_key, make_environment

pytestmark = pytest.mark.urls("tests.environments.probe_urls")

JSON = "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("refusal", "status", "body"),
    [
        ("bad_request", 400, {"message": "The payment was declined.", "code": "payment_declined"}),
        ("unauthenticated", 401, {"message": "Unauthorized"}),
        ("forbidden", 403, {"message": "Forbidden", "code": "forbidden"}),
        (
            "not_found",
            404,
            {"message": "User not found: 'user_x'.", "code": "entity_not_found", "entity_id": "user_x"},
        ),
        ("bare_not_found", 404, {"message": "Not Found"}),
        ("django_404", 404, {"message": "Not Found"}),
        ("conflict", 409, {"message": "It exists already.", "code": "conflict", "code_of_the_other": "x"}),
        (
            "invalid",
            422,
            {
                "message": "Validation failed",
                "code": "invalid_request_parameters",
                "errors": [{"field": "email", "code": "email_invalid", "message": "Email is wrong."}],
            },
        ),
        ("too_large", 413, {"message": "Request body is too large.", "code": "request_too_large"}),
        ("rate_limited", 429, {"message": "Too many requests.", "code": "rate_limit_exceeded"}),
        ("bug", 500, {"message": "Internal Server Error", "code": "internal_error"}),
    ],
)
def test_each_family_of_refusals_has_its_documented_status_and_body(api, refusal, status, body):
    answer = api.post(f"/probe/refuse/{refusal}")

    assert (answer.status_code, answer.json()) == (status, body)
    assert answer["Content-Type"] == JSON
    assert answer["X-Request-ID"]


def test_a_rate_limit_says_in_whole_seconds_how_long_to_wait(api):
    assert api.post("/probe/refuse/rate_limited")["Retry-After"] == "7"


def test_a_bug_shows_nothing_of_itself(api):
    assert b"secret" not in api.post("/probe/refuse/bug").content


@pytest.mark.parametrize("path", ["/nothing", "/organizations/", "/user_management", "/%00", "/%ff%fe"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_unknown_route_is_a_json_404(api, anonymous, method, path):
    for client in (api, anonymous):
        answer = client.request(method, path)
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
        assert answer["Content-Type"] == JSON
        assert answer["X-Request-ID"]


def test_a_verb_that_a_route_does_not_have_is_a_json_405_that_names_the_others(api):
    answer = api.request("PATCH", "/user_management/redirect_uris")

    assert answer.status_code == 405
    assert answer.json() == {"message": "Method Not Allowed", "code": "method_not_allowed"}
    assert set(answer["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PROPFIND"])
def test_an_odd_verb_is_refused_in_json(api, method):
    answer = api.request(method, "/user_management/redirect_uris")

    assert answer.status_code == 405
    assert answer["Content-Type"] == JSON


def test_head_answers_as_get_does_without_the_body(api):
    shown = api.get("/user_management/redirect_uris")
    head = api.request("HEAD", "/user_management/redirect_uris")

    assert head.status_code == 200
    assert head.content == b""
    assert head["Content-Type"] == shown["Content-Type"]
    assert head["Content-Length"] == str(len(shown.content))


def test_an_answer_without_a_body_claims_neither_a_type_nor_a_length(api):
    uri = api.post("/user_management/redirect_uris", {"uri": "https://app.example/callback"}).json()
    answer = api.delete(f"/user_management/redirect_uris/{uri['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers


def test_answers_are_not_kept_by_caches(api):
    assert api.get("/user_management/redirect_uris")["Cache-Control"] == "no-store"
    assert api.post("/probe/refuse/bug")["Cache-Control"] == "no-store"


def test_a_path_with_a_nul_names_nothing(api):
    answer = api.delete("/user_management/redirect_uris/redir_%00")

    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


# --- request ids ----------------------------------------------------------------------------------------------


def test_every_answer_carries_a_request_id_of_its_own(api):
    first, second = (api.get("/events")["X-Request-ID"] for _ in range(2))

    assert uuid.UUID(first) != uuid.UUID(second)


@pytest.mark.parametrize("request_id", ["7c1f2f0e-1111-4222-8333-944445555666", "trace:1.2_3-x", "a" * 128])
def test_the_request_id_of_the_client_is_echoed(api, request_id):
    for path in ("/events", "/nothing", "/healthz"):
        assert api.get(path, headers={"X-Request-ID": request_id})["X-Request-ID"] == request_id


@pytest.mark.parametrize(
    "request_id",
    [
        "",
        "a" * 129,
        "two words",
        'x","level":"error',
        "x\nSet-Cookie: a=b",
        "x\r\nX: y",
        "café",
        "<b>",
        "x\n",
    ],
)
def test_a_request_id_that_could_write_into_logs_or_headers_is_replaced(api, request_id):
    answer = api.get("/events", headers={"X-Request-ID": request_id})

    assert re.fullmatch(r"[0-9a-f-]{36}", answer["X-Request-ID"])
    assert "Set-Cookie" not in answer.headers


# --- who calls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer sk_test_unknown",
        "Bearer not-a-key",
        "Basic c2tfdGVzdDo=",
        "Digest x",
        "Bearer sk_" + "x" * 5000,
        "Bearer sk_é",
    ],
)
def test_a_call_without_a_good_key_gets_the_recorded_401_and_nothing_more(anonymous, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    answer = anonymous.get("/events", headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_good_key_under_another_scheme_opens_nothing(environment, anonymous):
    secret = make_api_key(environment)

    for scheme in ("Basic", "Token", "Bearer:", "bearer,"):
        assert anonymous.get("/events", headers={"Authorization": f"{scheme} {secret}"}).status_code == 401
    assert anonymous.get("/events", headers={"Authorization": f"bearer {secret}"}).status_code == 200


def test_a_key_that_differs_in_one_character_opens_nothing(environment):
    secret = make_api_key(environment)
    changed = secret[:-1] + ("a" if secret[-1] != "a" else "b")

    for wrong in (changed, secret + "x", secret[:-1], secret.upper()):
        assert ApiClient(wrong).get("/events").status_code == 401


def test_a_revoked_key_is_refused_from_the_next_request_on(environment):
    issued = services.create_api_key(environment=environment, name="Old")
    client = ApiClient(issued.secret)
    assert client.get("/events").status_code == 200

    services.revoke_api_key(issued.api_key)

    answer = client.get("/events")
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_only_the_digest_of_a_key_is_kept(environment):
    secret = make_api_key(environment)
    row = APIKey.unscoped.values().get()

    assert all(secret not in str(value) for value in row.values())


def test_the_last_use_of_a_key_is_noted_once_a_minute(environment, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    client = ApiClient(make_api_key(environment))

    def last_use():
        return APIKey.unscoped.get().last_used_at

    client.get("/events")
    first = last_use()
    assert first is not None
    time_machine.shift(59)
    client.get("/events")
    assert last_use() == first
    time_machine.shift(2)
    client.get("/events")
    assert last_use() > first


# --- plain HTTP -----------------------------------------------------------------------------------------------


@pytest.fixture
def production(db, settings):
    settings.PRODUCTION = True
    settings.TRUSTED_PROXIES = 1
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    return settings


def test_plain_http_is_refused_in_production_before_the_key_is_looked_at(production):
    client = ApiClient(make_api_key(make_environment(kind=EnvironmentKind.PRODUCTION)))

    for headers in ({}, {"X-Forwarded-Proto": "http"}):
        answer = client.get("/events", headers=headers)
        assert (answer.status_code, answer.json()) == (
            403,
            {"message": "Use https.", "code": "https_required"},
        )
        assert "Location" not in answer.headers
    assert APIKey.unscoped.get().last_used_at is None
    assert client.get("/events", headers={"X-Forwarded-Proto": "https"}).status_code == 200


def test_probes_answer_in_plain_http_too(production, anonymous):
    assert anonymous.get("/healthz").status_code == 200
    assert anonymous.get("/readyz").status_code == 200
    assert anonymous.get("/healthz/../events").status_code == 403


def test_a_client_cannot_claim_https_where_no_proxy_is_trusted(production, anonymous):
    production.SECURE_PROXY_SSL_HEADER = None

    assert anonymous.get("/events", headers={"X-Forwarded-Proto": "https"}).status_code == 403
