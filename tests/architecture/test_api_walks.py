"""Walks over every operation of the API. A new route fails here until it has a call in api_calls.py."""

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from environments.models import Environment
from tests.api_client import ApiClient
from tests.architecture.api_calls import CALLS, Call, World, make_world, needs_a_key, operations
from tests.factories.environments import make_api_key, make_environment

SPEC_FILE = Path(__file__).parents[1] / "reference" / "workos-openapi.json.gz"

every_call = pytest.mark.parametrize("call", CALLS, ids=str)


@pytest.fixture(scope="module")
def worlds(django_db_setup, django_db_blocker) -> Iterator[tuple[World, World]]:
    """Two environments with the same objects, made once: what a test changes in them is rolled back."""
    with django_db_blocker.unblock(), override_settings(RATE_LIMITS_ENABLED=False):
        made = make_world(make_environment()), make_world(make_environment("Another tenant"))
        yield made
        Environment.objects.filter(pk__in=[world.environment.pk for world in made]).delete()


@pytest.fixture
def world(db, worlds) -> World:
    return worlds[0].copy()


@pytest.fixture
def other_world(db, worlds) -> World:
    return worlds[1].copy()


@pytest.fixture
def other_api(other_environment) -> ApiClient:
    """A key of an environment without objects: slugs and external ids stand in each of the two worlds."""
    return ApiClient(make_api_key(other_environment))


def test_every_operation_of_the_url_table_has_one_call():
    called = [(call.method, call.route) for call in CALLS]

    assert sorted(called) == sorted((method, route) for method, route, _ in operations())


# --- every answer has the shape of the reference --------------------------------------------------------------


@cache
def spec() -> dict[str, Any]:
    """Return the reference's OpenAPI document, reduced to the operations that are served."""
    document: dict[str, Any] = json.loads(gzip.decompress(SPEC_FILE.read_bytes()))
    return document


@cache
def spec_path(route: str) -> str | None:
    """Return the path of the reference that a route serves."""
    shape = re.sub(r"<[^>]+>", "{}", f"/{route}")
    return next((path for path in spec()["paths"] if re.sub(r"\{[^}]+\}", "{}", path) == shape), None)


def violations(path: str, method: str, status: int, body: Any) -> list[str]:
    pointer = "/".join(
        part.replace("~", "~0").replace("/", "~1")
        for part in (
            "paths",
            path,
            method.lower(),
            "responses",
            str(status),
            "content",
            "application/json",
            "schema",
        )
    )
    registry: Any = Registry().with_resource("urn:spec", Resource(spec(), DRAFT202012))  # type: ignore[call-arg]  # an attrs class
    validator = Draft202012Validator({"$ref": f"urn:spec#/{pointer}"}, registry=registry)
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]


@every_call
def test_every_answer_validates_against_the_reference(world, call):
    answer = call.make(world)

    assert answer.status_code == call.status, answer.content
    path = spec_path(call.route) if call.spec is None else call.spec
    if path == "":
        return
    assert path is not None, "the reference has no such path: say in the call which one it stands for"
    documented = spec()["paths"][path][call.method.lower()]["responses"]
    assert str(call.status) in documented, f"the reference answers with {sorted(documented)}"
    content = documented[str(call.status)].get("content")
    if content:
        assert answer["Content-Type"] == "application/json; charset=utf-8"
        assert violations(path, call.method, call.status, answer.json()) == []
    else:
        assert answer.content == b""
        assert "Content-Type" not in answer.headers


# --- the tenant's wall ----------------------------------------------------------------------------------------

# Placeholders that name something in the caller's own environment and not an object of somebody.
_PUBLIC = {"client_id"}
# How a route answers an unknown object, where the contract has it otherwise.
_UNKNOWN = {"passwordless/sessions/<str:session_id>/send": 422}


@pytest.mark.parametrize(
    "call", [call for call in CALLS if set(call.named) - _PUBLIC and needs_a_key(call)], ids=str
)
def test_an_object_of_another_environment_is_as_unknown_as_none(world, other_api, call):
    if call.prepare is not None:
        call.prepare(world)
    before = snapshot(world)

    answer = call.send(other_api, world)

    expected = _UNKNOWN.get(call.route, 404)
    assert answer.status_code == expected, answer.content
    unknown = World(world | dict.fromkeys([call.names.get(name, name) for name in call.named], "nothing_1"))
    absent = call.send(other_api, unknown)
    assert absent.status_code == expected
    assert set(absent.json()) == set(answer.json())
    assert snapshot(world) == before


@pytest.mark.parametrize(
    "call",
    [call for call in CALLS if call.method == "GET" and not call.named and needs_a_key(call)],
    ids=str,
)
def test_a_list_shows_nothing_of_another_environment(world, other_api, call):
    mine = ids_in(call.make(world))
    theirs = call.send(other_api, world)

    assert theirs.status_code in {200, 404}
    assert not mine & ids_in(theirs)


def ids_in(answer: Any) -> set[str]:
    return set(re.findall(r'"id":"(\w+_[^"]+)"', answer.content.decode()))


@pytest.mark.parametrize(
    "call",
    [call for call in CALLS if call.method == "POST" and call.body and needs_a_key(call)],
    ids=str,
)
def test_a_body_cannot_reach_an_object_of_another_environment(world, other_world, call):
    """An id in the body is looked up in the caller's environment."""
    foreign = [name for name in re.findall(r"\{(\w+_id)\}", json.dumps(call.body)) if name != "client_id"]
    mixed = other_world.copy()
    mixed.update({name: world[name] for name in foreign})
    before = snapshot(world)
    if foreign:
        answer = call.send(mixed.api, mixed)
        assert 400 <= answer.status_code < 500, answer.content
    assert snapshot(world) == before


def snapshot(world: World) -> list[bytes]:
    """What the owner sees of its objects."""
    paths = [
        f"/organizations/{world['organization_id']}",
        f"/organizations/{world['organization_id']}/groups",
        f"/organizations/{world['organization_id']}/roles",
        f"/organizations/{world['organization_id']}/api_keys",
        f"/user_management/organization_memberships?organization_id={world['organization_id']}",
        f"/user_management/users/{world['newcomer_id']}",
        "/user_management/users",
        "/user_management/invitations",
        "/user_management/redirect_uris",
        "/authorization/permissions",
        "/connections",
        f"/connections/{world['connection_id']}",
    ]
    return [world.api.get(path).content for path in paths]


# --- who may call ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [call for call in CALLS if needs_a_key(call)], ids=str)
def test_without_a_key_nothing_is_answered_and_nothing_changes(world, call):
    before = snapshot(world)
    for stranger in (ApiClient(), ApiClient("sk_test_stranger"), ApiClient(world["refresh_token"])):
        answer = call.send(stranger, world)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert snapshot(world) == before


def test_the_operations_that_need_no_key_are_the_documented_ones():
    assert {str(call) for call in CALLS if not needs_a_key(call)} == {
        "POST /user_management/authenticate",
        "GET /user_management/authorize",
        "POST /user_management/authorize/device",
        "GET /user_management/sessions/logout",
        "GET /sso/authorize",
        "GET /sso/logout",
        "GET /sso/jwks/<str:client_id>",
        # By its own token.
        "GET /sso/profile",
        "POST /sso/token",
    }


# --- how much a list costs ------------------------------------------------------------------------------------


def is_list(call: Call) -> bool:
    return call.method == "GET" and "list_metadata" in json.dumps(
        spec()["paths"].get(call.spec or spec_path(call.route) or "", {})
    )


@pytest.mark.parametrize("call", [call for call in CALLS if is_list(call)], ids=str)
def test_a_list_costs_as_many_queries_however_long_it_is(world, call):
    call.make(world)
    with CaptureQueriesContext(
        connection,
    ) as few:
        short = call.send(world.api, world).json()
    enlarge(world)
    with CaptureQueriesContext(connection) as many:
        long = call.send(world.api, world).json()

    assert len(long["data"]) >= len(short["data"])
    assert len(many) == len(few), [query["sql"] for query in many.captured_queries]
    assert len(many) <= 8


def enlarge(world: World) -> None:
    """Put more rows into every list."""
    organization = world["organization_id"]
    for number in range(4):
        post = world.api.post
        user = post(
            "/user_management/users", {"email": f"more{number}@acme.test", "external_id": f"more-{number}"}
        ).json()
        membership = post(
            "/user_management/organization_memberships",
            {"user_id": user["id"], "organization_id": organization, "role_slug": "org-local"},
        ).json()
        post(
            "/organizations",
            {"name": "More", "domain_data": [{"domain": f"more{number}.test", "state": "verified"}]},
        )
        group = post(f"/organizations/{organization}/groups", {"name": f"More {number}"}).json()
        for group_id in (group["id"], world["group_id"]):
            for membership_id in (membership["id"], world["membership_id"]):
                post(
                    f"/organizations/{organization}/groups/{group_id}/organization-memberships",
                    {"organization_membership_id": membership_id},
                )
        for owner in (f"/organizations/{organization}", f"/user_management/users/{world['user_id']}"):
            post(
                f"{owner}/api_keys",
                {"name": "More", "organization_id": organization, "permissions": ["reports:read"]},
            )
        post(
            "/user_management/invitations",
            {"email": f"more{number}@else.test", "organization_id": organization},
        )
        post("/user_management/redirect_uris", {"uri": f"https://app.example/more/{number}"})
        post("/user_management/cors_origins", {"origin": f"https://more{number}.example"})
        post("/authorization/permissions", {"slug": f"more:{number}", "name": "More"})
