import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import User
from events.models import Event
from organizations.models import CustomerAPIKey, MembershipStatus, Organization, OrganizationMembership
from tests.api_client import ApiClient
from tests.factories.accounts import make_user
from tests.factories.authorization import make_permission
from tests.factories.environments import make_api_key
from tests.factories.organizations import make_membership, make_organization

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def organization(environment) -> Organization:
    return make_organization(environment, "Acme")


@pytest.fixture
def user(environment) -> User:
    return make_user(environment)


@pytest.fixture
def membership(environment, organization, user) -> OrganizationMembership:
    return OrganizationMembership.objects.create(
        environment=environment, organization=organization, user=user
    )


@pytest.fixture
def foreign_organization(other_environment) -> Organization:
    return make_organization(other_environment, "Foreign")


@pytest.fixture
def key_events(environment):
    """Return the environment's events of API keys, oldest first, when called."""

    def find() -> list[Event]:
        events = Event.objects.in_environment(environment).filter(name__startswith="api_key.")
        return list(events.order_by("id"))

    return find


def of_organization(organization) -> str:
    return f"/organizations/{organization.id}/api_keys"


def of_user(user) -> str:
    return f"/user_management/users/{user.id}/api_keys"


def opened_by(api, value):
    answer = api.post("/api_keys/validations", {"value": value})
    assert answer.status_code == 200
    return answer.json()["api_key"]


def test_a_key_of_an_organization_shows_its_value_once_and_is_kept_as_a_digest(
    api, environment, organization
):
    make_permission(environment, "reports:write")
    make_permission(environment, "reports:read")
    body = {"name": "Robot", "permissions": ["reports:write", "reports:read", "reports:read"]}
    created = api.post(of_organization(organization), body)
    assert created.status_code == 201
    shown = dict(created.json())
    value = shown.pop("value")
    assert value.startswith("sk_")
    assert len(value) == 43
    assert shown["id"].startswith("api_key_")
    assert shown == {
        "object": "api_key",
        "id": shown["id"],
        "owner": {"type": "organization", "id": organization.id},
        "name": "Robot",
        "obfuscated_value": f"sk_...{value[-4:]}",
        "last_used_at": None,
        "expires_at": None,
        "permissions": ["reports:read", "reports:write"],
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
    }
    assert api.get(of_organization(organization)).json()["data"] == [shown]
    row = CustomerAPIKey.objects.in_environment(environment).get()
    assert row.digest == hashlib.sha256(value.encode()).hexdigest()
    assert value not in str(vars(row))


def test_a_key_of_a_user_names_the_user_and_the_organization(api, organization, user, membership):
    created = api.post(of_user(user), {"name": "Laptop", "organization_id": organization.id})
    assert created.status_code == 201
    assert created.json()["owner"] == {"type": "user", "id": user.id, "organization_id": organization.id}
    assert opened_by(api, created.json()["value"])["id"] == created.json()["id"]


def test_a_users_keys_are_listed_with_the_user_and_not_with_the_organization(
    api, environment, organization, user, membership
):
    elsewhere = make_organization(environment, "Echo")
    make_membership(elsewhere, user)
    api.post(of_organization(organization), {"name": "Robot"})
    api.post(of_user(user), {"name": "Laptop", "organization_id": organization.id})
    api.post(of_user(user), {"name": "Phone", "organization_id": elsewhere.id})

    def names(path, **query) -> list[str]:
        return [row["name"] for row in api.get(path, query).json()["data"]]

    assert names(of_organization(organization)) == ["Robot"]
    assert names(of_user(user)) == ["Phone", "Laptop"]
    assert names(of_user(user), organization_id=organization.id) == ["Laptop"]
    assert names(of_user(user), organization_id="org_unknown") == []


def test_keys_are_paged_and_a_page_takes_as_many_queries_as_ever(
    api, environment, organization, django_assert_num_queries
):
    make_permission(environment)
    for number in range(5):
        body = {"name": f"Key {number}", "permissions": ["reports:read"]}
        api.post(of_organization(organization), body)
    first = api.get(of_organization(organization), {"limit": 2}).json()
    assert [row["name"] for row in first["data"]] == ["Key 4", "Key 3"]
    assert first["list_metadata"] == {"before": None, "after": first["data"][1]["id"]}
    with django_assert_num_queries(4):  # the environment's key, the organization, the page, the permissions
        second = api.get(of_organization(organization), {"limit": 3, "after": first["data"][1]["id"]}).json()
    assert [row["name"] for row in second["data"]] == ["Key 2", "Key 1", "Key 0"]
    assert second["list_metadata"] == {"before": second["data"][0]["id"], "after": None}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": "n" * 256}, "name"),
        ({"permissions": ["ghost"]}, "permissions"),
        ({"permissions": [7]}, "permissions.0"),
        ({"permissions": {"a": "b"}}, "permissions"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": 1893456000}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ],
)
def test_a_malformed_key_is_refused_and_nothing_is_stored(api, organization, key_events, change, field):
    answer = api.post(of_organization(organization), {"name": "Robot"} | change)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["errors"][0]["code"]
    assert api.get(of_organization(organization)).json()["data"] == []
    assert key_events() == []


@pytest.mark.parametrize("status", [None, MembershipStatus.INACTIVE, MembershipStatus.PENDING])
def test_a_user_without_an_active_membership_gets_no_key(api, environment, organization, user, status):
    if status:
        make_membership(organization, user, status=status)
    answer = api.post(of_user(user), {"name": "Laptop", "organization_id": organization.id})
    assert answer.status_code == 400
    assert answer.json()["code"] == "active_organization_membership_required"
    assert answer.json()["errors"][0]["field"] == "organization_id"
    assert answer.json()["errors"][0]["code"] == "active_organization_membership_required"
    assert api.get(of_user(user)).json()["data"] == []


def test_a_users_key_needs_an_organization(api, user):
    answer = api.post(of_user(user), {"name": "Laptop"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "organization_id_string_required"


def test_a_valid_value_opens_its_key(api, environment, organization):
    make_permission(environment)
    body = {"name": "Robot", "permissions": ["reports:read"], "expires_at": "2099-01-01T00:00:00+01:00"}
    created = dict(api.post(of_organization(organization), body).json())
    found = dict(opened_by(api, created.pop("value")))
    assert found.pop("last_used_at") is not None
    created.pop("last_used_at")
    assert found == created
    assert found["expires_at"] == "2098-12-31T23:00:00.000Z"


@pytest.mark.parametrize("value", ["", "sk_", "sk_" + "a" * 40, "sk_" + "a" * 5000, "ключ", "sk_%00", " "])
def test_a_value_that_nobody_was_given_opens_nothing(api, value):
    assert opened_by(api, value) is None


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": 7}, {"value": ["sk_x"]}])
def test_a_validation_without_a_value_is_refused(api, body):
    assert api.post("/api_keys/validations", body).status_code == 422


def test_a_value_must_match_to_the_letter(api, organization):
    value = api.post(of_organization(organization), {"name": "Robot"}).json()["value"]
    for other in (value.swapcase(), value + " ", " " + value, value[:-1], value + "a", value.upper()):
        assert opened_by(api, other) is None
    assert opened_by(api, value)


def test_the_environments_own_key_is_no_customers_key_and_the_other_way_round(api, environment, organization):
    assert opened_by(api, make_api_key(environment)) is None
    value = api.post(of_organization(organization), {"name": "Robot"}).json()["value"]
    answer = ApiClient(value).get("/authorization/roles")
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_key_opens_nothing_in_another_environment(api, other_api, organization):
    value = api.post(of_organization(organization), {"name": "Robot"}).json()["value"]
    assert opened_by(other_api, value) is None
    row = CustomerAPIKey.objects.in_environment(organization.environment_id).get()
    assert row.last_used_at is None


def test_a_key_opens_until_it_expires(api, organization):
    with time_machine.travel(NOON, tick=False):
        body = {"name": "Robot", "expires_at": "2026-06-01T13:00:00Z"}
        value = api.post(of_organization(organization), body).json()["value"]
    with time_machine.travel(NOON + timedelta(minutes=59, seconds=59), tick=False):
        assert opened_by(api, value)
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        assert opened_by(api, value) is None
        assert len(api.get(of_organization(organization)).json()["data"]) == 1


def test_a_users_key_works_while_the_membership_is_active_and_goes_with_it(
    api, environment, organization, user, membership
):
    value = api.post(of_user(user), {"name": "Laptop", "organization_id": organization.id}).json()["value"]
    membership.status = MembershipStatus.INACTIVE
    membership.save(update_fields=["status"])
    assert opened_by(api, value) is None
    membership.status = MembershipStatus.ACTIVE
    membership.save(update_fields=["status"])
    assert opened_by(api, value)

    membership.delete()
    make_membership(organization, user)
    assert opened_by(api, value) is None
    assert api.get(of_user(user)).json()["data"] == []


def test_the_last_use_is_kept_to_the_minute_and_costs_no_write_in_between(
    api, organization, django_assert_num_queries
):
    with time_machine.travel(NOON, tick=False) as clock:
        created = api.post(of_organization(organization), {"name": "Robot"}).json()
        assert opened_by(api, created["value"])["last_used_at"] == "2026-06-01T12:00:00.000Z"
        clock.shift(timedelta(seconds=59))
        with django_assert_num_queries(3):  # the environment's key, the customer's key, its permissions
            found = opened_by(api, created["value"])
        assert found["last_used_at"] == "2026-06-01T12:00:00.000Z"
        clock.shift(timedelta(seconds=2))
        found = opened_by(api, created["value"])
        assert found["last_used_at"] == "2026-06-01T12:01:01.000Z"
        assert found["updated_at"] == created["updated_at"]


def test_a_deleted_key_opens_nothing(api, organization, last_event):
    created = dict(api.post(of_organization(organization), {"name": "Robot"}).json())
    value = created.pop("value")
    answer = api.delete(f"/api_keys/{created['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert opened_by(api, value) is None
    assert api.delete(f"/api_keys/{created['id']}").status_code == 404
    assert api.get(of_organization(organization)).json()["data"] == []
    assert last_event("api_key.revoked")["data"] == created


def test_a_key_expires_at_once_and_only_once(api, organization, last_event, key_events):
    with time_machine.travel(NOON, tick=False):
        created = api.post(of_organization(organization), {"name": "Robot"}).json()
        path = f"/api_keys/{created['id']}/expire"
        answer = api.post(path)
        assert answer.status_code == 200
        assert answer.json()["expires_at"] == "2026-06-01T12:00:00.000Z"
        assert "value" not in answer.json()
        assert opened_by(api, created["value"]) is None
        for body in ({}, {"expires_at": None}, {"expires_at": "2099-01-01T00:00:00Z"}):
            again = api.post(path, body)
            assert (again.status_code, again.json()["code"]) == (409, "api_key_already_expired")
    assert [event.name for event in key_events()] == ["api_key.created", "api_key.updated"]
    event = last_event("api_key.updated")
    assert event["data"] == {**answer.json(), "previous_attributes": {"expires_at": None}}
    assert event["context"]["previous_attributes"] == {"expires_at": None}


def test_an_expiry_is_scheduled_moved_and_cleared(api, organization, key_events):
    with time_machine.travel(NOON, tick=False):
        created = api.post(of_organization(organization), {"name": "Robot"}).json()
        path = f"/api_keys/{created['id']}/expire"
        for sent, told in (
            ("2026-06-02T12:00:00Z", "2026-06-02T12:00:00.000Z"),
            ("2026-06-03T14:00:00.000+02:00", "2026-06-03T12:00:00.000Z"),
            ("2026-06-03T12:00:00Z", "2026-06-03T12:00:00.000Z"),
            (None, None),
            (None, None),
        ):
            answer = api.post(path, {"expires_at": sent})
            assert (answer.status_code, answer.json()["expires_at"]) == (200, told)
            assert opened_by(api, created["value"])
        past = api.post(path, {"expires_at": "2020-01-01T00:00:00Z"})
        assert past.json()["expires_at"] == "2026-06-01T12:00:00.000Z"
        assert api.post(path, {"expires_at": "soon"}).status_code == 422
    # What changed nothing is no news.
    assert [event.name for event in key_events()] == ["api_key.created"] + ["api_key.updated"] * 4


def test_no_event_and_no_log_line_carries_a_value(api, organization, key_events, capfd, caplog):
    created = api.post(of_organization(organization), {"name": "Robot"}).json()
    opened_by(api, created["value"])
    api.post(f"/api_keys/{created['id']}/expire")
    api.delete(f"/api_keys/{created['id']}")
    events = key_events()
    assert [event.name for event in events] == ["api_key.created", "api_key.updated", "api_key.revoked"]
    assert {event.organization_id for event in events} == {organization.id}
    assert {event.actor_kind for event in events} == {"api_key"}
    written = capfd.readouterr()
    for text in (str([event.data for event in events]), caplog.text, written.out, written.err):
        assert created["value"] not in text
        assert created["value"][3:] not in text


def test_a_deleted_permission_leaves_the_keys(api, environment, organization):
    make_permission(environment)
    body = {"name": "Robot", "permissions": ["reports:read"]}
    value = api.post(of_organization(organization), body).json()["value"]
    api.delete("/authorization/permissions/reports:read")
    assert opened_by(api, value)["permissions"] == []


@pytest.mark.usefixtures("membership")
def test_what_belongs_to_another_environment_is_out_of_reach(
    api, other_api, foreign_organization, organization, user
):
    stranger = make_user(foreign_organization.environment)
    make_permission(foreign_organization.environment, "foreign:read")
    foreign = other_api.post(of_organization(foreign_organization), {"name": "Theirs"}).json()
    for answer, entity_id in (
        (api.get(of_organization(foreign_organization)), foreign_organization.id),
        (api.post(of_organization(foreign_organization), {"name": "Mine"}), foreign_organization.id),
        (api.get(of_user(stranger)), stranger.id),
        (
            api.post(of_user(stranger), {"name": "Mine", "organization_id": organization.id}),
            stranger.id,
        ),
        (
            api.post(of_user(user), {"name": "Mine", "organization_id": foreign_organization.id}),
            foreign_organization.id,
        ),
        (api.delete(f"/api_keys/{foreign['id']}"), foreign["id"]),
        (api.post(f"/api_keys/{foreign['id']}/expire"), foreign["id"]),
    ):
        assert answer.status_code == 404
        assert (answer.json()["code"], answer.json()["entity_id"]) == ("entity_not_found", entity_id)
    body = {"name": "Mine", "permissions": ["foreign:read"]}
    assert api.post(of_organization(organization), body).status_code == 422
    assert api.get(of_user(user), {"organization_id": foreign_organization.id}).json()["data"] == []
    assert not CustomerAPIKey.objects.in_environment(organization.environment).exists()
    assert opened_by(other_api, foreign["value"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/organizations/org_x/api_keys"),
        ("POST", "/user_management/users/user_x/api_keys"),
        ("POST", "/api_keys/validations"),
        ("DELETE", "/api_keys/api_key_x"),
        ("POST", "/api_keys/api_key_x/expire"),
    ],
)
def test_nobody_gets_in_without_a_key(anonymous, method, path):
    assert anonymous.request(method, path, {}).status_code == 401


def test_a_repeated_request_gets_the_same_key_again(api, organization):
    headers = {"Idempotency-Key": "retry-1"}
    first = api.post(of_organization(organization), {"name": "Robot"}, headers=headers).json()
    again = api.post(of_organization(organization), {"name": "Robot"}, headers=headers).json()
    assert again == first
    assert len(api.get(of_organization(organization)).json()["data"]) == 1
