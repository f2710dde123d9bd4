import pytest

from authorization import services as authorization
from foundation.actors import SYSTEM
from organizations import services
from organizations.models import MembershipStatus, OrganizationMembership
from tests.factories.accounts import make_user
from tests.factories.authorization import make_role
from tests.factories.organizations import make_group, make_membership, make_organization

PATH = "/user_management/organization_memberships"
KEYS = {
    "object",
    "id",
    "user_id",
    "organization_id",
    "organization_name",
    "status",
    "role",
    "roles",
    "directory_managed",
    "custom_attributes",
    "created_at",
    "updated_at",
}


@pytest.fixture
def organization(environment):
    return make_organization(environment)


@pytest.fixture
def person(environment):
    return make_user(environment, email="marcelina.davis@example.com")


def test_a_membership_is_created_with_every_key_of_the_contract(
    api, organization, person, emitted, last_event
):
    before = len(emitted())

    answer = api.post(PATH, form=f"user_id={person.id}&organization_id={organization.id}&role_slug=admin")

    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {*KEYS, "user"}
    assert body["object"] == "organization_membership"
    assert body["id"].startswith("om_")
    assert (body["user_id"], body["organization_id"]) == (person.id, organization.id)
    assert body["organization_name"] == "Foo Corp"
    assert body["status"] == "active"
    assert body["role"] == {"slug": "admin"}
    assert body["roles"] == [{"slug": "admin"}]
    assert body["directory_managed"] is False
    assert body["custom_attributes"] == {}
    assert body["user"]["email"] == "marcelina.davis@example.com"
    assert body["created_at"] == body["updated_at"]
    assert emitted()[before:] == ["organization_membership.created"]
    event = last_event("organization_membership.created")["data"]
    assert set(event) == KEYS
    assert event == {key: body[key] for key in KEYS}
    assert api.get(f"{PATH}/{body['id']}").json() == body


def test_no_role_means_the_default_one(api, organization, person):
    body = api.post(PATH, {"user_id": person.id, "organization_id": organization.id}).json()

    assert body["role"] == {"slug": "member"}


def test_several_roles_come_in_priority_order(api, environment, organization, person):
    make_role(environment, "auditor")

    body = api.post(
        PATH,
        {
            "user_id": person.id,
            "organization_id": organization.id,
            "role_slugs": ["auditor", "member", "admin"],
        },
    ).json()

    assert body["role"] == {"slug": "admin"}
    assert body["roles"] == [{"slug": "admin"}, {"slug": "member"}, {"slug": "auditor"}]


def test_a_role_of_the_organization_may_be_held_there_and_nowhere_else(
    api, environment, organization, person
):
    make_role(environment, "org-billing", organization=organization)
    elsewhere = make_organization(environment, "Bar")

    here = api.post(
        PATH, {"user_id": person.id, "organization_id": organization.id, "role_slug": "org-billing"}
    )
    there = api.post(
        PATH, {"user_id": person.id, "organization_id": elsewhere.id, "role_slug": "org-billing"}
    )

    assert here.json()["role"] == {"slug": "org-billing"}
    assert there.status_code == 422
    assert there.json()["code"] == "invalid_role"


@pytest.mark.parametrize("roles", [{"role_slug": "nobody"}, {"role_slugs": ["admin", "nobody"]}])
def test_an_unknown_role_is_refused_and_nothing_is_created(api, organization, person, roles, emitted):
    before = emitted()

    answer = api.post(PATH, {"user_id": person.id, "organization_id": organization.id, **roles})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_role"
    assert "nobody" in answer.json()["message"]
    assert emitted() == before
    assert not OrganizationMembership.objects.in_environment(organization.environment).exists()


def test_a_role_of_a_resource_within_the_organization_is_refused_by_name(
    api, environment, organization, person
):
    authorization.create_role(
        environment=environment,
        actor=SYSTEM,
        slug="document-viewer",
        name="Viewer",
        resource_type_slug="document",
    )

    answer = api.post(
        PATH, {"user_id": person.id, "organization_id": organization.id, "role_slug": "document-viewer"}
    )

    assert answer.status_code == 422
    assert answer.json() == {
        "message": "Sub-resource scoped roles are not allowed for this operation.",
        "code": "sub_resource_scoped_role_not_allowed",
        "role_slug": "document-viewer",
    }


def test_one_role_and_several_at_once_contradict_each_other(api, organization, person):
    answer = api.post(
        PATH,
        {
            "user_id": person.id,
            "organization_id": organization.id,
            "role_slug": "admin",
            "role_slugs": ["member"],
        },
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request_parameters"


@pytest.mark.parametrize("missing", ["user_id", "organization_id"])
def test_both_ids_are_needed(api, organization, person, missing):
    body = {"user_id": person.id, "organization_id": organization.id}
    del body[missing]

    answer = api.post(PATH, body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request_parameters"
    assert answer.json()["errors"][0]["code"] == f"{missing}_string_required"


@pytest.mark.parametrize(("field", "entity"), [("user_id", "User"), ("organization_id", "Organization")])
def test_an_unknown_id_in_the_body_is_not_found(api, organization, person, field, entity):
    body = {"user_id": person.id, "organization_id": organization.id, field: "x_unknown"}

    answer = api.post(PATH, body)

    assert answer.status_code == 404
    assert answer.json() == {
        "message": f"{entity} not found: 'x_unknown'.",
        "code": "entity_not_found",
        "entity_id": "x_unknown",
    }


def test_an_active_member_cannot_be_created_again(api, organization, person, emitted):
    make_membership(organization, person, roles=("admin",))
    before = emitted()

    answer = api.post(PATH, {"user_id": person.id, "organization_id": organization.id, "role_slug": "member"})

    assert answer.status_code == 400
    assert answer.json()["code"] == "organization_membership_already_exists"
    assert emitted() == before


def test_creating_an_inactive_membership_reactivates_it_with_the_role(api, organization, person, last_event):
    membership = make_membership(organization, person)
    api.put(f"{PATH}/{membership.id}/deactivate")

    answer = api.post(PATH, {"user_id": person.id, "organization_id": organization.id, "role_slug": "admin"})

    assert answer.status_code == 201
    assert answer.json()["id"] == membership.id
    assert answer.json()["status"] == "active"
    assert answer.json()["roles"] == [{"slug": "admin"}]
    event = last_event("organization_membership.updated")
    assert event["context"]["previous_attributes"] == {
        "status": "inactive",
        "role": {"slug": "member"},
        "roles": [{"slug": "member"}],
    }


def test_creating_an_inactive_membership_without_a_role_keeps_its_role(api, organization, person):
    membership = make_membership(organization, person, roles=("admin",))
    api.put(f"{PATH}/{membership.id}/deactivate")

    body = api.post(PATH, {"user_id": person.id, "organization_id": organization.id}).json()

    assert (body["status"], body["role"]) == ("active", {"slug": "admin"})


def test_an_unanswered_invitation_is_not_overridden(api, organization, person):
    make_membership(organization, person, status=MembershipStatus.PENDING)

    answer = api.post(PATH, {"user_id": person.id, "organization_id": organization.id})

    assert answer.status_code == 400
    assert answer.json()["code"] == "cannot_reactivate_pending_organization_membership"


def test_an_update_replaces_the_roles(api, organization, last_event):
    membership = make_membership(organization)

    answer = api.put(f"{PATH}/{membership.id}", {"role_slugs": ["admin", "member"]})

    assert answer.status_code == 200
    assert answer.json()["roles"] == [{"slug": "admin"}, {"slug": "member"}]
    assert last_event("organization_membership.updated")["context"]["previous_attributes"] == {
        "role": {"slug": "member"},
        "roles": [{"slug": "member"}],
    }
    one = api.put(f"{PATH}/{membership.id}", {"role_slug": "member"}).json()
    assert one["roles"] == [{"slug": "member"}]
    assert api.get(f"{PATH}/{membership.id}").json() == one


@pytest.mark.parametrize("body", [{}, {"role_slug": None}, {"role_slug": "member"}, {"status": "inactive"}])
def test_an_update_that_changes_nothing_is_told_to_nobody(api, organization, emitted, body):
    membership = make_membership(organization)
    shown = api.get(f"{PATH}/{membership.id}").json()
    before = emitted()

    assert api.put(f"{PATH}/{membership.id}", body).json() == shown
    assert emitted() == before


def test_an_update_with_an_unknown_role_is_refused(api, organization):
    membership = make_membership(organization)

    answer = api.put(f"{PATH}/{membership.id}", {"role_slug": "nobody"})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_role"


def test_a_membership_is_deactivated_and_reactivated_once_each(api, organization, emitted, last_event):
    membership = make_membership(organization, roles=("admin",))
    before = len(emitted())

    for expected in ("inactive", "inactive"):
        answer = api.put(f"{PATH}/{membership.id}/deactivate")
        assert answer.status_code == 200
        assert answer.json()["status"] == expected
    assert last_event("organization_membership.updated")["context"]["previous_attributes"] == {
        "status": "active"
    }
    for _ in range(2):
        answer = api.put(f"{PATH}/{membership.id}/reactivate")
        assert answer.status_code == 200
        assert (answer.json()["status"], answer.json()["role"]) == ("active", {"slug": "admin"})

    assert emitted()[before:] == ["organization_membership.updated"] * 2


@pytest.mark.parametrize("verb", ["deactivate", "reactivate"])
def test_a_pending_membership_is_neither_deactivated_nor_reactivated(api, organization, verb):
    membership = make_membership(organization, status=MembershipStatus.PENDING)

    answer = api.put(f"{PATH}/{membership.id}/{verb}")

    assert answer.status_code == 400
    assert answer.json()["code"] == f"cannot_{verb}_pending_organization_membership"
    assert api.get(f"{PATH}/{membership.id}").json()["status"] == "pending"


def test_a_deleted_membership_leaves_its_groups_and_the_person(api, organization, last_event):
    membership = make_membership(organization)
    group = make_group(organization)
    services.add_group_member(group=group, actor=SYSTEM, membership_id=membership.id)
    shown = api.get(f"{PATH}/{membership.id}").json()

    answer = api.delete(f"{PATH}/{membership.id}")

    assert answer.status_code == 200
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    event = last_event("organization_membership.deleted")["data"]
    assert event == {key: shown[key] for key in KEYS}
    assert api.get(f"{PATH}/{membership.id}").status_code == 404
    assert api.delete(f"{PATH}/{membership.id}").status_code == 404
    assert group.memberships.count() == 0
    again = api.post(PATH, {"user_id": shown["user_id"], "organization_id": organization.id})
    assert again.status_code == 201


@pytest.mark.parametrize(
    ("method", "suffix"),
    [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PUT", "/deactivate"), ("GET", "/groups")],
)
def test_an_unknown_membership_is_not_found(api, method, suffix):
    answer = api.request(method, f"{PATH}/om_unknown{suffix}", {} if method == "PUT" else None)

    assert answer.status_code == 404
    assert answer.json()["message"] == "Organization Membership not found: 'om_unknown'."


def test_the_list_without_filters_shows_every_active_membership(api, environment, organization, person):
    # The seed's own example sends neither filter; the present spec asks for one of them.
    first = make_membership(organization, person)
    second = make_membership(make_organization(environment, "Bar"), person)

    answer = api.get(PATH)

    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["data"]] == [second.id, first.id]


def test_the_list_is_filtered_by_user_organization_and_status(api, environment, organization, person):
    elsewhere = make_organization(environment, "Bar")
    active = make_membership(organization, person)
    abroad = make_membership(elsewhere, person)
    invited = make_membership(organization, status=MembershipStatus.PENDING)
    gone = make_membership(organization)
    api.put(f"{PATH}/{gone.id}/deactivate")

    def ids(**query):
        answer = api.get(PATH, query)
        assert answer.status_code == 200
        return [row["id"] for row in answer.json()["data"]]

    assert ids(user_id=person.id) == [abroad.id, active.id]
    assert ids(organization_id=organization.id) == [active.id]
    assert ids(organization_id=organization.id, user_id=person.id) == [active.id]
    assert ids(organization_id=organization.id, statuses="inactive,pending") == [gone.id, invited.id]
    assert ids(organization_id=organization.id, statuses=["active", "pending"]) == [invited.id, active.id]
    assert ids(organization_id=organization.id, limit=1, order="asc", statuses="pending") == [invited.id]
    assert ids(user_id="user_unknown") == []


def test_an_unknown_status_is_refused(api, organization):
    answer = api.get(PATH, {"organization_id": organization.id, "statuses": "active,gone"})

    assert answer.status_code == 422


def test_the_list_costs_the_same_for_one_and_for_thirty(api, organization, django_assert_num_queries):
    make_membership(organization, roles=("admin", "member"))
    query = {"organization_id": organization.id, "limit": 100}
    api.get(PATH, query)
    with django_assert_num_queries(3):  # the key, the page with its users, their roles
        api.get(PATH, query)
    for _ in range(29):
        make_membership(organization, roles=("admin", "member"))
    with django_assert_num_queries(3):
        assert len(api.get(PATH, query).json()["data"]) == 30


def test_another_environments_ids_are_as_unknown_as_none(
    api, other_api, organization, other_environment, person
):
    membership = make_membership(organization, person)
    stranger = make_user(other_environment)
    foreign = make_organization(other_environment)

    for answer in (
        other_api.get(f"{PATH}/{membership.id}"),
        other_api.put(f"{PATH}/{membership.id}", {"role_slug": "admin"}),
        other_api.put(f"{PATH}/{membership.id}/deactivate"),
        other_api.put(f"{PATH}/{membership.id}/reactivate"),
        other_api.delete(f"{PATH}/{membership.id}"),
        other_api.get(f"{PATH}/{membership.id}/groups"),
        other_api.post(PATH, {"user_id": stranger.id, "organization_id": organization.id}),
        other_api.post(PATH, {"user_id": person.id, "organization_id": foreign.id}),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "entity_not_found"
    assert other_api.get(PATH, {"organization_id": organization.id}).json()["data"] == []
    assert other_api.get(PATH, {"user_id": person.id}).json()["data"] == []
    assert api.get(f"{PATH}/{membership.id}").json()["role"] == {"slug": "member"}
