import pytest

from environments.models import EnvironmentKind
from foundation.ids import new_id
from organizations.models import (
    Group,
    Organization,
    OrganizationDomain,
    OrganizationMembership,
)
from tests.api_client import ApiClient
from tests.factories.environments import make_api_key, make_environment
from tests.factories.organizations import make_domain, make_group, make_membership, make_organization

KEYS_OF_AN_ORGANIZATION = {
    "object",
    "id",
    "name",
    "allow_profiles_outside_organization",
    "domains",
    "external_id",
    "metadata",
    "created_at",
    "updated_at",
}
KEYS_OF_A_DOMAIN = {
    "object",
    "id",
    "organization_id",
    "domain",
    "state",
    "verification_prefix",
    "verification_token",
    "verification_strategy",
    "created_at",
    "updated_at",
}


def test_an_organization_is_created_with_every_key_of_the_contract(api, emitted, last_event):
    answer = api.post(
        "/organizations",
        {
            "name": "Foo Corp",
            "domain_data": [{"domain": "Foo-Corp.com", "state": "pending"}],
            "external_id": "ext_12345",
            "metadata": {"tier": "diamond"},
            "allow_profiles_outside_organization": True,
        },
    )

    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == KEYS_OF_AN_ORGANIZATION
    assert body["object"] == "organization"
    assert body["id"].startswith("org_")
    assert body["name"] == "Foo Corp"
    assert body["external_id"] == "ext_12345"
    assert body["metadata"] == {"tier": "diamond"}
    assert body["allow_profiles_outside_organization"] is True
    assert "stripe_customer_id" not in body
    assert body["created_at"] == body["updated_at"]
    (domain,) = body["domains"]
    assert set(domain) == KEYS_OF_A_DOMAIN
    assert domain["organization_id"] == body["id"]
    assert (domain["domain"], domain["state"], domain["verification_strategy"]) == (
        "foo-corp.com",
        "pending",
        "dns",
    )
    assert len(domain["verification_token"]) == 25
    assert emitted() == ["organization_domain.created", "organization.created"]
    assert last_event("organization.created")["data"] == body
    assert last_event("organization_domain.created")["data"] == domain


def test_the_oldest_form_of_the_seed_creates_a_verified_domain(api):
    answer = api.post("/organizations", form='name="Foo Corp"&domains[]="foo-corp.com"')

    assert answer.status_code == 201
    assert answer.json()["name"] == "Foo Corp"
    (domain,) = answer.json()["domains"]
    assert (domain["domain"], domain["state"], domain["verification_strategy"]) == (
        "foo-corp.com",
        "verified",
        "manual",
    )
    assert "verification_token" not in domain


def test_a_verified_domain_is_told_as_created_and_as_verified(api, emitted):
    api.post("/organizations", {"name": "Foo", "domain_data": [{"domain": "foo.com", "state": "verified"}]})

    assert emitted() == [
        "organization_domain.created",
        "organization_domain.verified",
        "organization.created",
    ]


def test_the_older_domains_list_gives_a_domain_to_one_organization_only(api):
    api.post("/organizations", {"name": "Foo Corp", "domains": ["foo-corp.com"]})

    answer = api.post("/organizations", {"name": "Bar Corp", "domains": ["FOO-CORP.com"]})

    assert answer.status_code == 409
    assert answer.json()["message"] == "An Organization with the domain foo-corp.com already exists."
    assert [row["name"] for row in api.get("/organizations").json()["data"]] == ["Foo Corp"]


def test_a_domain_is_verified_for_one_organization_only(api):
    claim = {"domain_data": [{"domain": "foo-corp.com", "state": "verified"}]}
    api.post("/organizations", {"name": "Foo Corp", **claim})

    answer = api.post("/organizations", {"name": "Foo Corp EU", **claim})

    assert (answer.status_code, answer.json()["code"]) == (409, "domain_already_exists")
    waiting = {"domain_data": [{"domain": "foo-corp.com", "state": "pending"}]}
    other = api.post("/organizations", {"name": "Foo Corp EU", **waiting})
    assert other.status_code == 201
    assert api.put(f"/organizations/{other.json()['id']}", claim).status_code == 409


def test_an_unproven_claim_does_not_keep_a_domain_from_its_owner(api):
    api.post(
        "/organizations", {"name": "Squatter", "domain_data": [{"domain": "foo.com", "state": "pending"}]}
    )

    assert api.post("/organizations", {"name": "Owner", "domains": ["foo.com"]}).status_code == 201


def test_the_same_domain_in_another_environment_is_no_duplicate(api, other_api):
    api.post("/organizations", {"name": "Foo Corp", "domains": ["foo-corp.com"]})

    assert (
        other_api.post("/organizations", {"name": "Foo Corp", "domains": ["foo-corp.com"]}).status_code == 201
    )


@pytest.mark.parametrize("field", ["domains", "domain_data"])
@pytest.mark.parametrize(
    "domain", ["gmail.com", "co.uk", "localhost", "192.0.2.1", "not a domain", "", "foo@bar.com", "a" * 300]
)
def test_a_domain_that_nobody_can_own_is_refused_and_nothing_is_created(api, field, domain):
    value = [domain] if field == "domains" else [{"domain": domain, "state": "verified"}]

    answer = api.post("/organizations", {"name": "Foo Corp", field: value})

    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert api.get("/organizations").json()["data"] == []
    assert api.get("/events").json()["data"] == []


@pytest.mark.parametrize("domain", ["acme.test", "example.com", "acme.example"])
def test_reserved_domains_are_for_sandboxes_alone(api, domain, db):
    production = ApiClient(make_api_key(make_environment("Live", EnvironmentKind.PRODUCTION)))
    body = {"name": "Acme", "domain_data": [{"domain": domain, "state": "verified"}]}

    assert api.post("/organizations", body).status_code == 201
    refused = production.post("/organizations", body, headers={"X-Forwarded-Proto": "https"})
    assert refused.status_code == 422
    assert domain in refused.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "Foo", "external_id": "é"}, "external_id"),
        ({"name": "Foo", "external_id": "x" * 129}, "external_id"),
        ({"name": "Foo", "metadata": "tier"}, "metadata"),
        ({"name": "Foo", "domain_data": [{"state": "pending"}]}, "domain_data.0.domain"),
        ({"name": "Foo", "domain_data": [{"domain": "foo.com", "state": "owned"}]}, "domain_data.0.state"),
        (
            {"name": "Foo", "allow_profiles_outside_organization": "perhaps"},
            "allow_profiles_outside_organization",
        ),
    ],
)
def test_a_wrong_field_is_named(api, body, field):
    answer = api.post("/organizations", body)

    assert answer.status_code == 422
    assert answer.json()["message"] == "Validation failed"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "metadata",
    [
        {"tier": 7},
        {"tier": {"deep": "x"}},
        {"": "x"},
        {"k" * 41: "x"},
        {"tier": "x" * 601},
        {f"key{number}": "x" for number in range(51)},
    ],
)
def test_metadata_beyond_its_limits_is_refused(api, metadata):
    answer = api.post("/organizations", {"name": "Foo", "metadata": metadata})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_metadata"


def test_metadata_at_its_limits_is_kept(api):
    metadata = {f"{number:040}": "x" * 600 for number in range(50)}

    assert api.post("/organizations", {"name": "Foo", "metadata": metadata}).json()["metadata"] == metadata


def test_an_external_id_belongs_to_one_organization_of_an_environment(api, other_api):
    api.post("/organizations", {"name": "Foo", "external_id": "ext_1"})

    again = api.post("/organizations", {"name": "Bar", "external_id": "ext_1"})

    assert again.status_code == 400
    assert again.json()["code"] == "external_id_already_used"
    assert other_api.post("/organizations", {"name": "Foo", "external_id": "ext_1"}).status_code == 201


def test_organizations_without_an_external_id_do_not_collide(api):
    assert api.post("/organizations", {"name": "Foo", "external_id": None}).status_code == 201
    assert api.post("/organizations", {"name": "Bar", "external_id": ""}).status_code == 201


def test_an_organization_is_found_by_id_and_by_external_id(api):
    created = api.post("/organizations", {"name": "Foo", "external_id": "crm/42 a"}).json()

    assert api.get(f"/organizations/{created['id']}").json() == created
    assert api.get("/organizations/external_id/crm%2F42%20a").json() == created


@pytest.mark.parametrize("path", ["/organizations/{}", "/organizations/external_id/{}"])
def test_an_unknown_organization_is_not_found(api, path):
    answer = api.get(path.format("org_unknown"))

    assert answer.status_code == 404
    assert answer.json() == {
        "message": "Organization not found: 'org_unknown'.",
        "code": "entity_not_found",
        "entity_id": "org_unknown",
    }


def test_an_update_changes_what_it_names_and_tells_what_was_before(api, last_event):
    created = api.post(
        "/organizations", {"name": "Foo", "external_id": "ext_1", "metadata": {"a": "1"}}
    ).json()

    answer = api.put(
        f"/organizations/{created['id']}",
        {"name": "Foo Corp", "stripe_customer_id": "cus_R9qWAGMQ6nGE7V", "metadata": {"b": "2"}},
    )

    assert answer.status_code == 200
    body = answer.json()
    assert body["name"] == "Foo Corp"
    assert body["stripe_customer_id"] == "cus_R9qWAGMQ6nGE7V"
    assert body["external_id"] == "ext_1"
    assert body["metadata"] == {"a": "1", "b": "2"}
    assert body["updated_at"] >= created["updated_at"]
    event = last_event("organization.updated")
    assert event["data"] == body
    assert event["context"]["previous_attributes"] == {
        "name": "Foo",
        "stripe_customer_id": None,
        "metadata": {"a": "1"},
    }


def test_null_clears_what_may_be_empty(api):
    created = api.post(
        "/organizations", {"name": "Foo", "external_id": "ext_1", "metadata": {"a": "1"}}
    ).json()
    api.put(f"/organizations/{created['id']}", {"stripe_customer_id": "cus_1"})

    body = api.put(
        f"/organizations/{created['id']}",
        {"external_id": None, "metadata": None, "stripe_customer_id": None, "name": None},
    ).json()

    assert (body["external_id"], body["metadata"]) == (None, {})
    assert "stripe_customer_id" not in body
    assert body["name"] == "Foo"


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"a": None}, {"b": "2"}),
        ({"c": "3"}, {"a": "1", "b": "2", "c": "3"}),
        ({"a": "9", "b": None}, {"a": "9"}),
        ({}, {}),
    ],
)
def test_metadata_is_merged(api, changes, kept):
    created = api.post("/organizations", {"name": "Foo", "metadata": {"a": "1", "b": "2"}}).json()

    answer = api.put(f"/organizations/{created['id']}", {"metadata": changes})

    assert answer.json()["metadata"] == kept
    assert api.get(f"/organizations/{created['id']}").json()["metadata"] == kept


def test_a_merge_that_would_grow_beyond_the_limit_changes_nothing(api):
    metadata = {f"key{number}": "x" for number in range(50)}
    created = api.post("/organizations", {"name": "Foo", "metadata": metadata}).json()

    answer = api.put(f"/organizations/{created['id']}", {"name": "Bar", "metadata": {"one more": "x"}})

    assert answer.json()["code"] == "invalid_metadata"
    assert api.get(f"/organizations/{created['id']}").json() == created


def test_an_update_that_changes_nothing_is_told_to_nobody(api, emitted):
    created = api.post(
        "/organizations", {"name": "Foo", "domains": ["foo.com"], "metadata": {"a": "1"}}
    ).json()
    before = emitted()

    answer = api.put(
        f"/organizations/{created['id']}",
        {
            "name": "Foo",
            "metadata": {"a": "1"},
            "domain_data": [{"domain": "foo.com", "state": "verified"}],
        },
    )

    assert answer.json() == created
    assert emitted() == before


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("external_id", "external_id_already_used"),
        ("stripe_customer_id", "stripe_customer_id_already_used"),
    ],
)
def test_an_update_cannot_take_an_id_that_is_used(api, field, code):
    first = api.post("/organizations", {"name": "Foo"}).json()
    second = api.post("/organizations", {"name": "Bar"}).json()
    api.put(f"/organizations/{first['id']}", {field: "taken"})

    answer = api.put(f"/organizations/{second['id']}", {field: "taken", "name": "Renamed"})

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert api.get(f"/organizations/{second['id']}").json() == second
    assert api.put(f"/organizations/{first['id']}", {field: "taken"}).status_code == 200


def test_an_update_replaces_the_domains(api, emitted, last_event):
    created = api.post(
        "/organizations",
        {
            "name": "Foo",
            "domain_data": [
                {"domain": "gone.com", "state": "verified"},
                {"domain": "stays.com", "state": "pending"},
                {"domain": "proven.com", "state": "pending"},
            ],
        },
    ).json()
    ids = {domain["domain"]: domain["id"] for domain in created["domains"]}
    before = len(emitted())

    body = api.put(
        f"/organizations/{created['id']}",
        {
            "domain_data": [
                {"domain": "stays.com", "state": "pending"},
                {"domain": "proven.com", "state": "verified"},
                {"domain": "new.com", "state": "pending"},
            ]
        },
    ).json()

    assert {domain["domain"]: domain["state"] for domain in body["domains"]} == {
        "stays.com": "pending",
        "proven.com": "verified",
        "new.com": "pending",
    }
    assert {domain["id"] for domain in body["domains"]} >= {ids["stays.com"], ids["proven.com"]}
    assert sorted(emitted()[before:]) == [
        "organization.updated",
        "organization_domain.created",
        "organization_domain.deleted",
        "organization_domain.verified",
    ]
    assert last_event("organization_domain.deleted")["data"]["domain"] == "gone.com"
    assert last_event("organization.updated")["context"]["previous_attributes"] == {
        "domains": created["domains"]
    }


def test_an_empty_domain_list_removes_all_of_them(api):
    created = api.post("/organizations", {"name": "Foo", "domains": ["foo.com"]}).json()

    assert api.put(f"/organizations/{created['id']}", {"domain_data": []}).json()["domains"] == []


def test_an_update_by_the_older_list_cannot_take_another_organizations_domain(api):
    api.post("/organizations", {"name": "Foo", "domains": ["foo.com"]})
    other = api.post("/organizations", {"name": "Bar", "domains": ["bar.com"]}).json()

    answer = api.put(f"/organizations/{other['id']}", {"name": "Baz", "domains": ["bar.com", "foo.com"]})

    assert answer.status_code == 409
    assert api.get(f"/organizations/{other['id']}").json() == other


def test_a_deleted_organization_is_gone_with_all_that_hung_on_it(api, environment, emitted, last_event):
    organization = make_organization(environment)
    make_domain(organization)
    membership = make_membership(organization)
    make_group(organization)
    shown = api.get(f"/organizations/{organization.id}").json()
    before = len(emitted())

    answer = api.delete(f"/organizations/{organization.id}")

    assert answer.status_code == 202
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    for model in (Organization, OrganizationDomain, OrganizationMembership, Group):
        assert not model.objects.in_environment(environment).exists()
    assert membership.user_id  # the person stays
    assert emitted()[before:] == ["organization.deleted"]
    assert last_event("organization.deleted")["data"] == shown
    assert api.delete(f"/organizations/{organization.id}").status_code == 404


def test_the_fifty_first_deletion_in_a_minute_waits(api):
    for _ in range(50):
        assert api.delete("/organizations/org_unknown").status_code == 404

    answer = api.delete("/organizations/org_unknown")

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_the_list_is_filtered_by_domain_and_by_name(api):
    foo = api.post("/organizations", {"name": "Foo Corp", "domains": ["foo.com", "foo.net"]}).json()
    bar = api.post("/organizations", {"name": "Bar 100%", "domain_data": [{"domain": "bar.com"}]}).json()

    def ids(query):
        return [row["id"] for row in api.get("/organizations", query).json()["data"]]

    assert ids({}) == [bar["id"], foo["id"]]
    assert ids({"domains": "FOO.com"}) == [foo["id"]]
    assert ids({"domains": "foo.com,foo.net"}) == [foo["id"]]
    assert ids({"domains": ["foo.com", "bar.com"]}) == [bar["id"], foo["id"]]
    assert ids({"domains[]": ["bar.com"]}) == [bar["id"]]
    assert ids({"domains": "nobody.com"}) == []
    assert ids({"domains": "%"}) == []
    assert ids({"search": "foo"}) == [foo["id"]]
    assert ids({"search": "%"}) == [bar["id"]]
    assert ids({"search": "corp", "domains": "bar.com"}) == []


def test_the_list_is_walked_by_cursor(api):
    ids = [api.post("/organizations", {"name": f"Org {number}"}).json()["id"] for number in range(5)]

    first = api.get("/organizations", {"limit": 2}).json()
    assert [row["id"] for row in first["data"]] == [ids[4], ids[3]]
    assert first["list_metadata"] == {"before": None, "after": ids[3]}
    last = api.get("/organizations", {"limit": 4, "after": ids[3]}).json()
    assert [row["id"] for row in last["data"]] == [ids[2], ids[1], ids[0]]
    assert last["list_metadata"] == {"before": ids[2], "after": None}


def test_the_list_costs_the_same_for_one_and_for_thirty(api, environment, django_assert_num_queries):
    def fill(amount):
        for _ in range(amount):
            organization = make_organization(environment, "Filler")
            make_domain(organization, f"{new_id('d').replace('_', '-').lower()}.com")

    fill(1)
    api.get("/organizations")  # the key's last use is noted once a minute
    with django_assert_num_queries(3):  # the key, the page, its domains
        assert len(api.get("/organizations", {"limit": 100}).json()["data"]) == 1
    fill(29)
    with django_assert_num_queries(3):
        assert len(api.get("/organizations", {"limit": 100, "search": "fill"}).json()["data"]) == 30


def test_one_organization_costs_three_queries(api, environment, django_assert_num_queries):
    organization = make_organization(environment)
    make_domain(organization)
    api.get("/organizations")
    with django_assert_num_queries(3):
        api.get(f"/organizations/{organization.id}")


def test_another_environments_organization_is_as_unknown_as_none(api, other_api, environment):
    organization = make_organization(environment, external_id="ext_1")
    path = f"/organizations/{organization.id}"

    for answer in (
        other_api.get(path),
        other_api.put(path, {"name": "Taken over"}),
        other_api.delete(path),
        other_api.get("/organizations/external_id/ext_1"),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "entity_not_found"
    assert other_api.get("/organizations").json()["data"] == []
    assert other_api.get("/organizations", {"domains": "foo-corp.com"}).json()["data"] == []
    assert api.get(path).json()["name"] == "Foo Corp"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/organizations"),
        ("POST", "/organizations"),
        ("GET", "/organizations/org_1"),
        ("PUT", "/organizations/org_1"),
        ("DELETE", "/organizations/org_1"),
        ("GET", "/organizations/external_id/1"),
        ("POST", "/organization_domains"),
        ("GET", "/organization_domains/1"),
        ("DELETE", "/organization_domains/1"),
        ("POST", "/organization_domains/1/verify"),
        ("GET", "/user_management/organization_memberships"),
        ("POST", "/user_management/organization_memberships"),
        ("GET", "/user_management/organization_memberships/1"),
        ("PUT", "/user_management/organization_memberships/1/deactivate"),
        ("GET", "/organizations/1/groups"),
        ("POST", "/organizations/1/groups/1/organization-memberships"),
    ],
)
def test_nobody_without_a_key_is_answered(anonymous, method, path):
    answer = anonymous.request(method, path, {} if method in {"POST", "PUT"} else None)

    assert answer.status_code == 401
    assert answer.json() == {"message": "Unauthorized"}
