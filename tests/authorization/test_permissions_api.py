import pytest

from authorization.models import Permission
from tests.factories.authorization import make_permission, make_role

READ_REPORTS = {"slug": "reports:read", "name": "Read reports"}


def test_a_permission_is_created_and_found_by_its_slug(api):
    created = api.post("/authorization/permissions", {**READ_REPORTS, "description": "All of them."})
    assert created.status_code == 201
    body = dict(created.json())
    assert body.pop("id").startswith("perm_")
    assert body.pop("created_at") == body.pop("updated_at")
    assert body == {
        "object": "permission",
        "slug": "reports:read",
        "name": "Read reports",
        "description": "All of them.",
        "system": False,
        "resource_type_slug": "organization",
    }
    assert api.get("/authorization/permissions/reports:read").json() == created.json()
    assert api.get("/authorization/permissions/reports%3Aread").json() == created.json()


def test_the_events_of_a_permission_carry_the_permission_and_the_actor(api, emitted, last_event):
    created = api.post("/authorization/permissions", READ_REPORTS).json()
    assert last_event("permission.created")["data"] == created
    assert last_event("permission.created")["actor"][0] == "api_key"

    updated = api.patch("/authorization/permissions/reports:read", {"name": "See reports"}).json()
    assert last_event("permission.updated")["data"] == updated
    assert last_event("permission.updated")["context"]["previous_attributes"] == {"name": "Read reports"}

    assert api.delete("/authorization/permissions/reports:read").status_code == 204
    assert last_event("permission.deleted")["data"] == updated
    assert emitted() == ["permission.created", "permission.updated", "permission.deleted"]


def test_a_second_permission_of_a_slug_is_refused_and_emits_nothing(api, emitted):
    api.post("/authorization/permissions", READ_REPORTS)
    again = api.post("/authorization/permissions", READ_REPORTS)
    assert (again.status_code, again.json()["code"]) == (409, "permission_slug_conflict")
    assert emitted() == ["permission.created"]


@pytest.mark.parametrize("slug", ["reports:read", "a", "*", "billing.invoices:*", "x_y-z", "a" * 48])
def test_a_permission_slug_may_be_made_of(api, slug):
    assert api.post("/authorization/permissions", {"slug": slug, "name": "Name"}).status_code == 201
    assert api.get(f"/authorization/permissions/{slug}").json()["slug"] == slug


@pytest.mark.parametrize(
    "slug",
    ["", " ", "Reports:read", "reports read", "reports/read", "ümlaut", "a" * 49, 7, None, "a\nb", ["a"]],
)
def test_a_permission_slug_may_not_be_made_of(api, slug):
    answer = api.post("/authorization/permissions", {"slug": slug, "name": "Name"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "slug"
    assert api.get("/authorization/permissions").json()["data"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "n" * 49), ("description", "d" * 151), ("resource_type_slug", "No Slug"), ("name", {})],
)
def test_a_permission_has_bounds(api, field, value):
    answer = api.post("/authorization/permissions", READ_REPORTS | {field: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_an_update_changes_what_it_names_and_never_the_slug(api, emitted):
    api.post("/authorization/permissions", {**READ_REPORTS, "description": "All of them."})
    answer = api.patch("/authorization/permissions/reports:read", {"slug": "reports:write"}).json()
    assert (answer["slug"], answer["description"]) == ("reports:read", "All of them.")
    assert emitted() == ["permission.created"]  # nothing changed, so nobody hears of it

    answer = api.patch("/authorization/permissions/reports:read", {"description": None}).json()
    assert (answer["name"], answer["description"]) == ("Read reports", None)


def test_a_system_permission_is_neither_changed_nor_deleted(api, environment, emitted):
    Permission.objects.create(environment=environment, slug="widgets:sso:manage", name="SSO", is_system=True)
    changed = api.patch("/authorization/permissions/widgets:sso:manage", {"name": "Other"})
    deleted = api.delete("/authorization/permissions/widgets:sso:manage")
    assert (changed.status_code, changed.json()["code"]) == (403, "forbidden")
    assert (deleted.status_code, deleted.json()["code"]) == (403, "forbidden")
    assert api.get("/authorization/permissions/widgets:sso:manage").json()["name"] == "SSO"
    assert emitted() == []


def test_a_deleted_permission_is_granted_by_no_role(api, environment):
    make_role(environment, "editor", permissions=["reports:read", "reports:write"])
    api.delete("/authorization/permissions/reports:write")
    assert api.get("/authorization/roles/editor").json()["permissions"] == ["reports:read"]


def test_permissions_are_paged(api, environment, django_assert_num_queries):
    slugs = [make_permission(environment, f"p{number}").slug for number in range(5)]
    first = api.get("/authorization/permissions", {"limit": 2}).json()
    assert [row["slug"] for row in first["data"]] == [slugs[4], slugs[3]]
    assert first["list_metadata"] == {"before": None, "after": first["data"][1]["id"]}
    with django_assert_num_queries(2):  # the key, the page
        last = api.get(
            "/authorization/permissions",
            {"limit": 3, "order": "asc", "after": first["data"][1]["id"]},
        ).json()
    assert [row["slug"] for row in last["data"]] == ["p4"]


def test_permissions_of_another_environment_are_out_of_reach(api, other_environment):
    make_permission(other_environment)
    assert api.get("/authorization/permissions").json()["data"] == []
    for answer in (
        api.get("/authorization/permissions/reports:read"),
        api.patch("/authorization/permissions/reports:read", {"name": "Mine"}),
        api.delete("/authorization/permissions/reports:read"),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "entity_not_found"
        assert answer.json()["entity_id"] == "reports:read"
    assert api.post("/authorization/permissions", READ_REPORTS).status_code == 201


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/authorization/permissions"),
        ("POST", "/authorization/permissions"),
        ("DELETE", "/authorization/permissions/reports:read"),
        ("GET", "/authorization/roles"),
        ("PUT", "/authorization/roles/admin/permissions"),
        ("GET", "/organizations/org_x/roles"),
        ("DELETE", "/authorization/organizations/org_x/roles/org-x"),
    ],
)
def test_nobody_gets_in_without_a_key(anonymous, method, path):
    answer = anonymous.request(method, path)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
