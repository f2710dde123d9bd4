import pytest

from accounts.models import User
from authorization.models import Role
from organizations.models import Organization, OrganizationMembership
from tests.factories.authorization import make_permission, make_role


@pytest.fixture
def path(organization) -> str:
    return f"/authorization/organizations/{organization.id}/roles"


def slugs(answer) -> list[str]:
    assert answer.status_code == 200
    return [role["slug"] for role in answer.json()["data"]]


def test_an_organization_gets_a_role_of_its_own(api, path, organization, last_event):
    created = api.post(path, {"slug": "org-auditor", "name": "Auditor", "description": "Reads."})
    assert created.status_code == 201
    assert created.json()["type"] == "OrganizationRole"
    assert created.json()["slug"] == "org-auditor"
    assert api.get(f"{path}/org-auditor").json() == created.json()
    assert last_event("organization_role.created")["data"] == {
        "object": "organization_role",
        "organization_id": organization.id,
        "slug": "org-auditor",
        "name": "Auditor",
        "description": "Reads.",
        "resource_type_slug": "organization",
        "permissions": [],
        "created_at": created.json()["created_at"],
        "updated_at": created.json()["updated_at"],
    }


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("Billing Administrator", "org-billing-administrator-"),
        ("Prüfer & Söhne", "org-prufer-sohne-"),
        ("会計", "org-"),
        ("x" * 48, "org-" + "x" * 37 + "-"),
    ],
)
def test_a_slug_is_made_from_the_name_where_none_is_given(api, path, name, beginning):
    first, second = api.post(path, {"name": name}).json(), api.post(path, {"name": name}).json()
    assert first["slug"].startswith(beginning)
    assert len(first["slug"]) <= 48
    assert first["slug"] != second["slug"]
    assert api.get(f"{path}/{first['slug']}").json() == first


@pytest.mark.parametrize(
    "slug", ["auditor", "admin", "ORG-auditor", "org auditor", "org-a:b", "org-" + "a" * 45]
)
def test_a_slug_of_an_organizations_role_may_not_be(api, path, slug):
    answer = api.post(path, {"slug": slug, "name": "Auditor"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "slug"


def test_two_organizations_may_use_one_slug_and_one_organization_not_twice(
    api, path, other_organization, emitted
):
    body = {"slug": "org-auditor", "name": "Auditor"}
    assert api.post(path, body).status_code == 201
    assert api.post(f"/authorization/organizations/{other_organization.id}/roles", body).status_code == 201
    again = api.post(path, body)
    assert (again.status_code, again.json()["code"]) == (409, "organization_role_slug_conflict")
    assert emitted() == ["organization_role.created"] * 2


@pytest.mark.parametrize("new_path", [True, False])
def test_the_environments_roles_come_first_and_then_the_organizations_own(
    api, environment, organization, other_organization, new_path
):
    make_role(environment, "org-second", organization=organization, permissions=["reports:read"])
    make_role(environment, "org-third", organization=organization)
    make_role(environment, "org-other", organization=other_organization)
    make_role(environment, "editor")
    prefix = "/authorization" if new_path else ""
    answer = api.get(f"{prefix}/organizations/{organization.id}/roles")
    assert slugs(answer) == ["admin", "member", "editor", "org-second", "org-third"]
    assert set(answer.json()) == {"object", "data"}
    assert answer.json()["data"][3]["permissions"] == ["reports:read"]
    assert slugs(api.get("/authorization/roles")) == ["admin", "member", "editor"]


def test_a_list_of_many_roles_takes_as_many_queries_as_one_of_few(
    api, path, environment, organization, django_assert_num_queries
):
    for number in range(8):
        make_role(environment, f"org-{number}", organization=organization, permissions=["reports:read"])
    api.get(path)  # notes that the key is in use, which is a write once a minute
    with django_assert_num_queries(4):  # the key, the organization, the roles, their permissions
        assert len(slugs(api.get(path))) == 10


def test_a_role_of_the_environment_is_seen_and_not_changed_through_an_organization(
    api, path, environment, emitted
):
    make_permission(environment)
    assert api.get(f"{path}/admin").json()["type"] == "EnvironmentRole"
    for answer in (
        api.patch(f"{path}/admin", {"name": "Mine"}),
        api.delete(f"{path}/admin"),
        api.post(f"{path}/admin/permissions", {"slug": "reports:read"}),
        api.put(f"{path}/admin/permissions", {"permissions": ["reports:read"]}),
        api.delete(f"{path}/admin/permissions/reports:read"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert emitted() == ["permission.created"]


def test_an_update_changes_name_and_description_alone(api, path, last_event):
    api.post(path, {"slug": "org-auditor", "name": "Auditor"})
    updated = api.patch(f"{path}/org-auditor", {"name": "Reader", "slug": "org-reader"}).json()
    assert (updated["slug"], updated["name"]) == ("org-auditor", "Reader")
    assert last_event("organization_role.updated")["data"]["name"] == "Reader"
    assert last_event("organization_role.updated")["context"]["previous_attributes"] == {"name": "Auditor"}


def test_permissions_are_added_replaced_and_removed(api, path, environment, emitted):
    for slug in ("reports:read", "reports:write"):
        make_permission(environment, slug)
    api.post(path, {"slug": "org-auditor", "name": "Auditor"})
    own = f"{path}/org-auditor/permissions"
    assert api.put(own, {"permissions": ["reports:write"]}).json()["permissions"] == ["reports:write"]
    assert api.post(own, {"slug": "reports:read"}).json()["permissions"] == ["reports:read", "reports:write"]
    removed = api.delete(f"{own}/reports:write")
    assert (removed.status_code, removed.json()["permissions"]) == (200, ["reports:read"])
    again = api.delete(f"{own}/reports:write")
    assert (again.status_code, again.json()["permissions"]) == (200, ["reports:read"])
    assert emitted()[2:] == ["organization_role.created"] + ["organization_role.updated"] * 3
    ghost = api.delete(f"{own}/ghost")
    assert (ghost.status_code, ghost.json()["message"]) == (404, "Permission not found: 'ghost'.")


def test_a_role_that_nobody_holds_is_deleted(api, path, last_event):
    created = api.post(path, {"slug": "org-auditor", "name": "Auditor"}).json()
    assert api.delete(f"{path}/org-auditor").status_code == 204
    assert api.get(f"{path}/org-auditor").status_code == 404
    assert last_event("organization_role.deleted")["data"]["updated_at"] == created["updated_at"]


def test_a_role_that_somebody_holds_stays(api, path, environment, organization, emitted):
    role = make_role(environment, "org-auditor", organization=organization)
    user = User.objects.create(environment=environment, email="ada@acme.test")
    membership = OrganizationMembership.objects.create(
        environment=environment, organization=organization, user=user
    )
    membership.roles.add(role)
    answer = api.delete(f"{path}/org-auditor")
    assert (answer.status_code, answer.json()["code"]) == (409, "role_has_assignments")
    assert "organization_role.deleted" not in emitted()

    membership.roles.clear()
    assert api.delete(f"{path}/org-auditor").status_code == 204


def test_a_role_of_another_organization_does_not_exist_here(api, path, environment, other_organization):
    make_role(environment, "org-other", organization=other_organization)
    for answer in (
        api.get(f"{path}/org-other"),
        api.patch(f"{path}/org-other", {"name": "Mine"}),
        api.delete(f"{path}/org-other"),
        api.put(f"{path}/org-other/permissions", {"permissions": []}),
    ):
        assert (answer.status_code, answer.json()["message"]) == (404, "Role not found: 'org-other'.")


def test_an_organization_of_another_environment_is_not_found(
    api, foreign_organization, other_environment, emitted
):
    make_role(other_environment, "org-foreign", organization=foreign_organization)
    path = f"/authorization/organizations/{foreign_organization.id}/roles"
    for answer in (
        api.get(f"/organizations/{foreign_organization.id}/roles"),
        api.get(path),
        api.post(path, {"name": "Mine"}),
        api.get(f"{path}/org-foreign"),
        api.get(f"{path}/admin"),
        api.patch(f"{path}/org-foreign", {"name": "Mine"}),
        api.delete(f"{path}/org-foreign"),
        api.post(f"{path}/org-foreign/permissions", {"slug": "x"}),
        api.put(f"{path}/org-foreign/permissions", {"permissions": []}),
        api.delete(f"{path}/org-foreign/permissions/x"),
    ):
        assert answer.status_code == 404
        assert answer.json()["entity_id"] == foreign_organization.id
        assert answer.json()["message"] == f"Organization not found: '{foreign_organization.id}'."
    assert emitted() == []
    assert Role.objects.in_environment(other_environment).filter(slug="org-foreign").exists()


def test_a_foreign_permission_is_not_granted(api, path, environment, organization, other_environment):
    make_permission(other_environment, "foreign:read")
    make_role(environment, "org-auditor", organization=organization)
    for answer in (
        api.post(f"{path}/org-auditor/permissions", {"slug": "foreign:read"}),
        api.put(f"{path}/org-auditor/permissions", {"permissions": ["foreign:read"]}),
        api.delete(f"{path}/org-auditor/permissions/foreign:read"),
    ):
        assert (answer.status_code, answer.json()["entity_id"]) == (404, "foreign:read")


def test_a_deleted_organization_takes_its_roles_along(environment, organization):
    make_role(environment, "org-auditor", organization=organization)
    Organization.objects.in_environment(environment).filter(pk=organization.pk).delete()
    assert list(Role.objects.in_environment(environment).values_list("slug", flat=True)) == [
        "admin",
        "member",
    ]
