"""Writes that meet, with real threads and the database's own locks."""

import pytest

from foundation.actors import SYSTEM
from foundation.errors import DomainError
from organizations import services
from organizations.models import Group, Organization, OrganizationDomain, OrganizationMembership
from organizations.services import domains
from tests.api_client import ApiClient
from tests.factories.accounts import make_user
from tests.factories.environments import make_api_key, make_environment
from tests.factories.organizations import make_domain, make_group, make_membership, make_organization
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

MEMBERSHIPS = "/user_management/organization_memberships"


@pytest.fixture
def environment(transactional_db):
    return make_environment()


@pytest.fixture
def key(environment):
    return make_api_key(environment)


def test_of_six_twins_of_an_external_id_one_is_created(environment, key):
    answers = in_parallel(
        6, lambda _: ApiClient(key).post("/organizations", {"name": "Foo", "external_id": "ext_1"})
    )

    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400, 400, 400]
    assert Organization.objects.in_environment(environment).count() == 1


def test_of_six_twins_that_claim_a_domain_for_themselves_one_is_created(environment, key):
    answers = in_parallel(
        6,
        lambda number: ApiClient(key).post(
            "/organizations", {"name": f"Foo {number}", "domains": ["foo.com"]}
        ),
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert OrganizationDomain.objects.in_environment(environment).count() == 1
    assert Organization.objects.in_environment(environment).count() == 1


def test_of_six_twins_of_a_domain_in_one_organization_one_is_created(environment, key):
    body = {"organization_id": make_organization(environment).id, "domain": "foo.com"}

    answers = in_parallel(6, lambda _: ApiClient(key).post("/organization_domains", body))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]


def test_of_six_twins_of_a_membership_one_is_created(environment, key):
    body = {"user_id": make_user(environment).id, "organization_id": make_organization(environment).id}

    answers = in_parallel(6, lambda _: ApiClient(key).post(MEMBERSHIPS, body))

    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400, 400, 400]
    assert OrganizationMembership.objects.in_environment(environment).count() == 1


def test_metadata_that_is_merged_at_once_is_all_kept(environment, key):
    path = f"/organizations/{make_organization(environment).id}"

    in_parallel(6, lambda number: ApiClient(key).put(path, {"metadata": {f"key{number}": "x"}}))

    assert len(ApiClient(key).get(path).json()["metadata"]) == 6


def test_a_domain_proven_by_two_organizations_at_once_goes_to_one(environment, monkeypatch):
    rows = [make_domain(make_organization(environment, name)) for name in ("Foo", "Bar")]
    records = [f"verification_token={row.verification_token}" for row in rows]
    monkeypatch.setattr(domains, "find_txt_records", lambda _: records)

    in_parallel(2, lambda number: services.check_domain(rows[number]))

    states = OrganizationDomain.objects.in_environment(environment).values_list("state", flat=True)
    assert sorted(states) == ["failed", "verified"]


def test_a_domain_vouched_for_at_once_in_two_organizations_goes_to_one(environment, key):
    claim = {"domain_data": [{"domain": "foo.com", "state": "verified"}]}

    answers = in_parallel(
        4, lambda number: ApiClient(key).post("/organizations", {"name": f"Org {number}", **claim})
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


def test_an_organization_that_is_deleted_while_people_join_leaves_nobody_behind(environment, key):
    organization = make_organization(environment)
    users = [make_user(environment) for _ in range(6)]

    def act(number):
        if number == 6:
            return ApiClient(key).delete(f"/organizations/{organization.id}")
        return ApiClient(key).post(
            MEMBERSHIPS, {"user_id": users[number].id, "organization_id": organization.id}
        )

    answers = in_parallel(7, act)

    assert answers[6].status_code == 202
    assert {answer.status_code for answer in answers[:6]} <= {201, 404}
    assert not OrganizationMembership.objects.in_environment(environment).exists()


def test_an_organization_is_deleted_once(environment, key):
    path = f"/organizations/{make_organization(environment).id}"

    answers = in_parallel(6, lambda _: ApiClient(key).delete(path))

    assert sorted(answer.status_code for answer in answers) == [202, 404, 404, 404, 404, 404]


def test_a_full_group_stays_full_when_many_press_in(environment, monkeypatch):
    monkeypatch.setattr("organizations.services.groups.MAXIMUM_MEMBERS", 2)
    organization = make_organization(environment)
    group = make_group(organization)
    memberships = [make_membership(organization) for _ in range(6)]

    def press_in(number):
        try:
            services.add_group_member(group=group, actor=SYSTEM, membership_id=memberships[number].id)
        except DomainError as refusal:
            return refusal.code
        return "added"

    outcomes = in_parallel(6, press_in)

    assert sorted(outcomes) == ["added"] * 2 + ["group_membership_limit_exceeded"] * 4
    assert Group.objects.in_environment(environment).get().memberships.count() == 2
