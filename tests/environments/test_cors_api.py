import pytest

from environments import services

ORIGIN = "https://app.example"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}


@pytest.fixture
def allowed(environment):
    return services.add_cors_origin(environment=environment, origin=ORIGIN)


def test_a_listed_origin_may_read_the_answer(api, allowed):
    answer = api.get("/events", headers={"Origin": ORIGIN})

    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Request-ID" in answer["Access-Control-Expose-Headers"]
    assert "Retry-After" in answer["Access-Control-Expose-Headers"]
    assert answer["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example",
        "https://app.example.evil.example",
        "https://app.example:8443",
        "https://APP.example",
        "null",
        "*",
        "https://app.example/",
    ],
)
def test_an_origin_that_is_not_listed_may_not(api, allowed, origin):
    answer = api.get("/events", headers={"Origin": origin})

    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_an_origin_of_another_environment_may_not(other_api, allowed):
    assert "Access-Control-Allow-Origin" not in other_api.get("/events", headers={"Origin": ORIGIN}).headers


def test_a_script_may_read_why_it_was_refused(api, allowed):
    answer = api.get("/events?limit=0", headers={"Origin": ORIGIN})

    assert answer.status_code == 422
    assert answer["Access-Control-Allow-Origin"] == ORIGIN


def test_no_answer_ever_allows_cookies(api, allowed, anonymous):
    answers = [
        api.get("/events", headers={"Origin": ORIGIN}),
        anonymous.request("OPTIONS", "/events", headers=PREFLIGHT),
    ]

    assert all("Access-Control-Allow-Credentials" not in answer.headers for answer in answers)


def test_a_preflight_of_a_listed_origin_needs_no_key(anonymous, allowed):
    answer = anonymous.request("OPTIONS", "/organizations", headers=PREFLIGHT)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in answer["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(
        answer["Access-Control-Allow-Headers"].split(", ")
    )
    assert answer["X-Request-ID"]


def test_a_preflight_of_an_unknown_origin_allows_nothing(anonymous, allowed):
    answer = anonymous.request(
        "OPTIONS", "/organizations", headers=PREFLIGHT | {"Origin": "https://evil.example"}
    )

    assert answer.status_code == 204
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_anybodys_script_may_read_the_public_keys(anonymous, environment):
    answer = anonymous.get(f"/sso/jwks/{environment.client_id}", headers={"Origin": "https://any.example"})

    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cache-Control"] == "public, max-age=60"


def test_origins_are_created_normalized_and_listed(api):
    created = api.post("/user_management/cors_origins", {"origin": "https://App.Example:443/"})

    assert created.status_code == 201
    assert created.json()["origin"] == ORIGIN
    assert created.json()["object"] == "cors_origin"
    again = api.post("/user_management/cors_origins", {"origin": ORIGIN})
    assert (again.status_code, again.json()["code"]) == (409, "duplicate_cors_origin")


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.example",
        "app.example",
        "ftp://app.example",
        "https://app.example/path",
        "https://user@app.example",
        "https://app.example?x",
        "https://app.example#",
        "https://",
        "https://app.example:99999",
        "https://ünï.example",
        "null",
        "https://a b.example",
        "javascript:alert(1)",
    ],
)
def test_what_no_browser_sends_as_an_origin_is_refused(api, origin):
    answer = api.post("/user_management/cors_origins", {"origin": origin})

    assert answer.status_code == 422
    assert api.get("/user_management/cors_origins").json()["data"] == []
