import pytest


def test_a_redirect_uri_is_created_listed_and_deleted(api):
    created = api.post("/user_management/redirect_uris", {"uri": "https://app.example/callback"})
    assert created.status_code == 201
    assert created.json()["object"] == "redirect_uri"
    assert created.json()["default"] is False  # a sandbox starts with a default on localhost

    listed = api.get("/user_management/redirect_uris").json()
    assert [row["uri"] for row in listed["data"]] == [
        "https://app.example/callback",
        "http://localhost:3000/callback",
    ]

    assert api.delete(f"/user_management/redirect_uris/{created.json()['id']}").status_code == 204
    assert len(api.get("/user_management/redirect_uris").json()["data"]) == 1


def test_the_same_redirect_uri_twice_is_refused(api):
    api.post("/user_management/redirect_uris", {"uri": "https://app.example/callback"})
    again = api.post("/user_management/redirect_uris", {"uri": "https://app.example/callback"})
    assert again.status_code == 422
    assert again.json()["message"] == "Redirect URI 'https://app.example/callback' already exists."


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "javascript:alert(1)",
        "https://user:password@app.example/callback",
        "https://app.example/callback#fragment",
        "https://app.example/call back",
        "https://*.com/callback",
        "https://app.*.example/callback",
        "https://*.*.example.com/callback",
        "https://app.example\\@evil.example/",
    ],
)
def test_a_uri_that_no_browser_should_be_sent_to_is_refused_and_nothing_is_stored(api, uri):
    answer = api.post("/user_management/redirect_uris", {"uri": uri})
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert len(api.get("/user_management/redirect_uris").json()["data"]) == 1


def test_the_default_redirect_uri_stays_while_others_remain(api):
    api.post("/user_management/redirect_uris", {"uri": "https://app.example/callback"})
    default = next(row for row in api.get("/user_management/redirect_uris").json()["data"] if row["default"])
    assert api.delete(f"/user_management/redirect_uris/{default['id']}").status_code == 409
