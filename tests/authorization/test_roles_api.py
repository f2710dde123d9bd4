import pytest

from tests.factories.authorization import make_permission, make_role


def slugs(answer) -> list[str]:
    assert answer.status_code == 200
    return [role["slug"] for role in answer.json()["data"]]


def test_a_role_is_created_after_the_others_and_found_by_its_slug(api):
    created = api.post("/authorization/roles", {"slug": "editor", "name": "Editor"})
    assert created.status_code == 201
    body = dict(created.json())
    assert body.pop("id").startswith("role_")
    assert body.pop("created_at") == body.pop("updated_at")
    assert body == {
        "object": "role",
        "slug": "editor",
        "name": "Editor",
        "description": None,
        "type": "EnvironmentRole",
        "resource_type_slug": "organization",
        "permissions": [],
    }
    assert api.get("/authorization/roles/editor").json() == created.json()
    assert slugs(api.get("/authorization/roles")) == ["admin", "member", "editor"]


def test_the_list_of_roles_has_no_pages(api, environment, django_assert_num_queries):
    for number in range(12):
        make_role(environment, f"role-{number}", permissions=["reports:read", "reports:write"])
    api.get("/authorization/roles")  # notes that the key is in use, which is a write once a minute
    with django_assert_num_queries(3):  # the key, the roles, their permissions
        answer = api.get("/authorization/roles", {"limit": 1})
    assert len(slugs(answer)) == 14
    assert set(answer.json()) == {"object", "data"}
    assert answer.json()["object"] == "list"


def test_a_second_role_of_a_slug_is_refused_and_emits_nothing(api, emitted):
    answer = api.post("/authorization/roles", {"slug": "admin", "name": "Another"})
    assert (answer.status_code, answer.json()["code"]) == (409, "role_slug_conflict")
    assert emitted() == []


@pytest.mark.parametrize(
    "slug", ["", "Admin", "two words", "a:b", "a.b", "ä", "a" * 49, "org-editor", 5, "a\nb", None]
)
def test_a_role_slug_may_not_be_made_of(api, slug):
    answer = api.post("/authorization/roles", {"slug": slug, "name": "Name"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "slug"
    assert slugs(api.get("/authorization/roles")) == ["admin", "member"]


def test_a_role_needs_a_slug_and_a_name(api):
    answer = api.post("/authorization/roles", {})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"slug", "name"}


def test_a_role_may_belong_to_another_type_of_resource(api):
    body = {"slug": "viewer", "name": "Viewer", "resource_type_slug": "document"}
    assert api.post("/authorization/roles", body).json()["resource_type_slug"] == "document"


def test_an_update_changes_what_it_names_and_never_the_slug(api, emitted, last_event):
    body = {"name": "Boss", "description": "Runs it.", "slug": "boss", "resource_type_slug": "document"}
    answer = api.patch("/authorization/roles/admin", body).json()
    assert (answer["slug"], answer["name"], answer["description"]) == ("admin", "Boss", "Runs it.")
    assert answer["resource_type_slug"] == "organization"
    assert last_event("role.updated")["context"]["previous_attributes"] == {
        "name": "Admin",
        "description": None,
    }

    api.patch("/authorization/roles/admin", {"name": None})
    api.patch("/authorization/roles/admin", {"name": "Boss"})
    assert emitted() == ["role.updated"]
    assert api.patch("/authorization/roles/admin", {"description": None}).json()["description"] is None


def test_an_update_beyond_the_bounds_is_refused(api):
    for body in ({"name": "n" * 49}, {"description": "d" * 151}, {"name": ["Boss"]}):
        assert api.patch("/authorization/roles/admin", body).status_code == 422
    assert api.get("/authorization/roles/admin").json()["name"] == "Admin"


def test_permissions_are_added_once_and_replaced(api, environment, emitted, last_event):
    for slug in ("reports:read", "reports:write", "billing:manage"):
        make_permission(environment, slug)
    path = "/authorization/roles/admin/permissions"
    assert api.post(path, {"slug": "reports:write"}).json()["permissions"] == ["reports:write"]
    assert api.post(path, {"slug": "reports:write"}).json()["permissions"] == ["reports:write"]
    assert api.post(path, {"slug": "reports:read"}).json()["permissions"] == [
        "reports:read",
        "reports:write",
    ]
    replaced = api.put(path, {"permissions": ["billing:manage", "reports:read", "billing:manage"]})
    assert replaced.status_code == 200
    assert replaced.json()["permissions"] == ["billing:manage", "reports:read"]
    assert api.get("/authorization/roles/admin").json() == replaced.json()
    assert emitted()[3:] == ["role.updated"] * 3

    event = last_event("role.updated")
    assert event["data"] == {
        "object": "role",
        "slug": "admin",
        "resource_type_slug": "organization",
        "permissions": ["billing:manage", "reports:read"],
        "created_at": replaced.json()["created_at"],
        "updated_at": replaced.json()["updated_at"],
    }
    assert event["context"]["previous_attributes"] == {"permissions": ["reports:read", "reports:write"]}

    assert api.put(path, {"permissions": []}).json()["permissions"] == []
    assert api.put(path, {"permissions": []}).json()["permissions"] == []
    assert len(emitted()) == 7


def test_an_unknown_permission_changes_nothing(api, environment):
    make_role(environment, "editor", permissions=["reports:read"])
    path = "/authorization/roles/editor/permissions"
    for answer in (
        api.post(path, {"slug": "reports:write"}),
        api.put(path, {"permissions": ["reports:read", "reports:write"]}),
    ):
        assert answer.status_code == 404
        assert answer.json()["message"] == "Permission not found: 'reports:write'."
    assert api.get("/authorization/roles/editor").json()["permissions"] == ["reports:read"]


@pytest.mark.parametrize("body", [{}, {"permissions": "x" * 3000}, {"permissions": [1]}, {"permissions": {}}])
def test_a_malformed_list_of_permissions_is_refused(api, body):
    answer = api.put("/authorization/roles/admin/permissions", body)
    assert answer.status_code in {404, 422}
    assert api.get("/authorization/roles/admin").json()["permissions"] == []


def test_an_unknown_role_is_not_found(api):
    for answer in (
        api.get("/authorization/roles/ghost"),
        api.patch("/authorization/roles/ghost", {"name": "Ghost"}),
        api.put("/authorization/roles/ghost/permissions", {"permissions": []}),
        api.post("/authorization/roles/ghost/permissions", {"slug": "x"}),
    ):
        assert (answer.status_code, answer.json()["message"]) == (404, "Role not found: 'ghost'.")


def test_roles_and_permissions_of_another_environment_are_out_of_reach(api, environment, other_environment):
    make_role(other_environment, "foreign", permissions=["foreign:read"])
    assert slugs(api.get("/authorization/roles")) == ["admin", "member"]
    for answer in (
        api.get("/authorization/roles/foreign"),
        api.patch("/authorization/roles/foreign", {"name": "Mine"}),
        api.put("/authorization/roles/foreign/permissions", {"permissions": []}),
        api.post("/authorization/roles/admin/permissions", {"slug": "foreign:read"}),
        api.put("/authorization/roles/admin/permissions", {"permissions": ["foreign:read"]}),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "entity_not_found"
    assert api.get("/authorization/roles/admin").json()["permissions"] == []


def test_a_role_of_the_environment_is_not_deleted_by_the_api(api):
    assert api.delete("/authorization/roles/member").status_code == 405
