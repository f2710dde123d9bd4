import pytest

from organizations.services import groups as group_services
from tests.factories.organizations import make_group, make_membership, make_organization


@pytest.fixture
def organization(environment):
    return make_organization(environment)


@pytest.fixture
def path(organization):
    return f"/organizations/{organization.id}/groups"


def test_a_group_is_created_with_every_key_of_the_contract(api, path, organization, last_event):
    answer = api.post(path, {"name": "Engineering", "description": "The engineering team"})

    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"object", "id", "organization_id", "name", "description", "created_at", "updated_at"}
    assert body["object"] == "group"
    assert body["id"].startswith("group_")
    assert body["organization_id"] == organization.id
    assert (body["name"], body["description"]) == ("Engineering", "The engineering team")
    assert last_event("group.created")["data"] == body
    assert api.get(f"{path}/{body['id']}").json() == body


def test_a_group_needs_no_description(api, path):
    assert api.post(path, {"name": "Engineering"}).json()["description"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"name": ["Engineering"]}, "name"),
        ({"name": "Engineering", "description": "x" * 151}, "description"),
    ],
)
def test_a_wrong_field_is_named(api, path, body, field):
    answer = api.post(path, body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_an_update_changes_what_it_names(api, path, organization, last_event, emitted):
    group = api.post(path, {"name": "Engineering", "description": "Builders"}).json()

    body = api.patch(f"{path}/{group['id']}", {"name": "Platform"}).json()

    assert (body["name"], body["description"]) == ("Platform", "Builders")
    event = last_event("group.updated")
    assert event["data"] == body
    assert event["context"]["previous_attributes"] == {"name": "Engineering"}
    cleared = api.patch(f"{path}/{group['id']}", {"description": None, "name": None}).json()
    assert (cleared["name"], cleared["description"]) == ("Platform", None)
    before = emitted()
    assert api.patch(f"{path}/{group['id']}", {}).json() == cleared
    assert emitted() == before


def test_a_deleted_group_leaves_its_members(api, path, organization, last_event):
    group = make_group(organization)
    membership = make_membership(organization)
    api.post(f"{path}/{group.id}/organization-memberships", {"organization_membership_id": membership.id})

    answer = api.delete(f"{path}/{group.id}")

    assert answer.status_code == 204
    assert last_event("group.deleted")["data"]["id"] == group.id
    assert api.get(f"{path}/{group.id}").status_code == 404
    assert api.get(f"/user_management/organization_memberships/{membership.id}").status_code == 200


def test_a_member_is_added_listed_and_removed(api, path, organization, last_event, emitted):
    group = make_group(organization)
    membership = make_membership(organization)
    members = f"{path}/{group.id}/organization-memberships"

    added = api.post(members, {"organization_membership_id": membership.id})

    assert added.status_code == 200
    assert added.json()["id"] == group.id
    told = {"group_id": group.id, "organization_membership_id": membership.id}
    assert last_event("group.member_added")["data"] == told
    (listed,) = api.get(members).json()["data"]
    assert listed["id"] == membership.id
    assert listed["user"]["id"] == membership.user_id
    (mine,) = api.get(f"/user_management/organization_memberships/{membership.id}/groups").json()["data"]
    assert mine == added.json()

    removed = api.delete(f"{members}/{membership.id}")

    assert removed.status_code == 204
    assert last_event("group.member_removed")["data"] == told
    assert api.get(members).json()["data"] == []
    assert api.delete(f"{members}/{membership.id}").status_code == 404
    events = api.get("/events", {"organization_id": organization.id, "limit": 100}).json()["data"]
    assert [row["event"] for row in events][-2:] == ["group.member_added", "group.member_removed"]


def test_adding_a_member_twice_is_told_once(api, path, organization, emitted):
    group = make_group(organization)
    body = {"organization_membership_id": make_membership(organization).id}

    for _ in range(2):
        assert api.post(f"{path}/{group.id}/organization-memberships", body).status_code == 200

    assert emitted().count("group.member_added") == 1


def test_a_membership_of_another_organization_cannot_join_a_group(api, path, environment, organization):
    group = make_group(organization)
    outsider = make_membership(make_organization(environment, "Bar"))

    answer = api.post(
        f"{path}/{group.id}/organization-memberships", {"organization_membership_id": outsider.id}
    )

    assert answer.status_code == 404
    assert answer.json()["message"] == f"Organization Membership not found: '{outsider.id}'."


def test_a_full_group_takes_nobody(api, path, organization, monkeypatch):
    monkeypatch.setattr(group_services, "MAXIMUM_MEMBERS", 1)
    members = f"{path}/{make_group(organization).id}/organization-memberships"
    first = make_membership(organization)
    api.post(members, {"organization_membership_id": first.id})

    answer = api.post(members, {"organization_membership_id": make_membership(organization).id})

    assert answer.status_code == 400
    assert answer.json()["code"] == "group_membership_limit_exceeded"
    assert api.post(members, {"organization_membership_id": first.id}).status_code == 200


def test_the_members_field_is_needed(api, path, organization):
    answer = api.post(f"{path}/{make_group(organization).id}/organization-memberships", {})

    assert answer.status_code == 422


def test_a_group_is_reached_through_its_own_organization_alone(api, environment, organization):
    group = make_group(organization)
    elsewhere = f"/organizations/{make_organization(environment, 'Bar').id}/groups"

    assert api.get(f"{elsewhere}/{group.id}").status_code == 404
    assert api.patch(f"{elsewhere}/{group.id}", {"name": "Taken"}).status_code == 404
    assert api.delete(f"{elsewhere}/{group.id}").status_code == 404
    assert api.get(f"{elsewhere}/{group.id}/organization-memberships").status_code == 404
    assert api.get(elsewhere).json()["data"] == []


def test_an_unknown_group_and_an_unknown_organization_are_not_found(api, path):
    assert api.get(f"{path}/group_unknown").json()["message"] == "Group not found: 'group_unknown'."
    answer = api.get("/organizations/org_unknown/groups")
    assert (answer.status_code, answer.json()["message"]) == (404, "Organization not found: 'org_unknown'.")


@pytest.mark.parametrize("kind", ["groups", "members", "groups of a member"])
def test_the_lists_cost_the_same_for_one_and_for_thirty(
    api, path, organization, kind, django_assert_num_queries
):
    group, membership = make_group(organization), make_membership(organization)
    group.memberships.add(membership)
    address, queries = {
        "groups": (path, 3),  # the key, the organization, the page
        "members": (f"{path}/{group.id}/organization-memberships", 5),  # and the group, the roles
        "groups of a member": (f"/user_management/organization_memberships/{membership.id}/groups", 3),
    }[kind]
    api.get(address)
    with django_assert_num_queries(queries):
        assert len(api.get(address, {"limit": 100}).json()["data"]) == 1
    for _ in range(29):
        make_group(organization).memberships.add(membership)
        group.memberships.add(make_membership(organization))
    with django_assert_num_queries(queries):
        assert len(api.get(address, {"limit": 100}).json()["data"]) == 30


def test_another_environments_groups_are_as_unknown_as_none(
    api, other_api, path, organization, other_environment
):
    group, membership = make_group(organization), make_membership(organization)
    mine = make_organization(other_environment)
    my_group = make_group(mine)

    for answer in (
        other_api.get(path),
        other_api.post(path, {"name": "Mine"}),
        other_api.get(f"{path}/{group.id}"),
        other_api.patch(f"{path}/{group.id}", {"name": "Mine"}),
        other_api.delete(f"{path}/{group.id}"),
        other_api.get(f"{path}/{group.id}/organization-memberships"),
        other_api.get(f"/organizations/{mine.id}/groups/{group.id}"),
        other_api.post(
            f"/organizations/{mine.id}/groups/{my_group.id}/organization-memberships",
            {"organization_membership_id": membership.id},
        ),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "entity_not_found"
    assert my_group.memberships.count() == 0
    assert api.get(f"{path}/{group.id}").json()["name"] == "Engineering"
