"""Deletions that meet what people do at that moment: somebody is refused, nobody gets a 500, nothing is left behind."""

import pytest

from authentication.models import Session, SignInAttempt
from organizations.models import OrganizationMembership
from tests.api_client import ApiClient
from tests.authentication.conftest import TokenClient
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.authorization import make_permission, make_role
from tests.factories.environments import make_api_key, make_environment
from tests.factories.organizations import make_membership, make_organization
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ROUNDS = 6


@pytest.fixture
def environment(transactional_db):
    return make_environment()


@pytest.fixture
def key(environment):
    return make_api_key(environment)


@pytest.fixture
def racer(environment, key, settings):
    settings.RATE_LIMITS_ENABLED = False
    return TokenClient(environment, key)


def test_a_user_who_is_deleted_while_choosing_an_organization_is_gone_at_once(environment, key, racer):
    organizations = [make_organization(environment, name=name) for name in ("Foo Corp", "Bar Inc")]
    for _ in range(ROUNDS):
        user = make_user(environment, password=PASSWORD, email_verified=True)
        for organization in organizations:
            make_membership(organization, user)
        pending = [racer.password(user.email).json()["pending_authentication_token"] for _ in range(4)]

        def act(number, user=user, pending=pending):
            if number == 4:
                return ApiClient(key).delete(f"/user_management/users/{user.id}").status_code
            return racer.select(pending[number], organizations[0].id).status_code

        *selected, deleted = in_parallel(5, act)

        assert deleted == 200
        assert set(selected) <= {200, 400}
    assert not Session.objects.in_environment(environment).exists()
    assert not SignInAttempt.objects.in_environment(environment).exists()


def test_an_organization_that_is_deleted_while_its_people_sign_in_leaves_no_session(environment, key, racer):
    for _ in range(ROUNDS):
        organization = make_organization(environment)
        users = [make_user(environment, password=PASSWORD, email_verified=True) for _ in range(4)]
        for user in users:
            make_membership(organization, user)
        tokens = [racer.sign_in(user.email)["refresh_token"] for user in users]

        def act(number, organization=organization, users=users, tokens=tokens):
            if number == 0:
                return ApiClient(key).delete(f"/organizations/{organization.id}").status_code
            if number % 2:
                return racer.refresh(tokens[number // 2]).status_code
            return racer.password(users[number // 2].email).status_code

        deleted, *others = in_parallel(6, act)

        assert deleted == 202
        assert set(others) <= {200, 400, 409}
        assert not Session.objects.in_environment(environment).filter(organization=organization.id).exists()


def test_a_role_that_is_deleted_while_people_get_it_is_held_by_nobody(environment, key):
    for number in range(ROUNDS):
        role = make_role(environment, f"editor-{number}")
        organization = make_organization(environment)
        users = [make_user(environment) for _ in range(4)]

        def act(number, role=role, organization=organization, users=users):
            client = ApiClient(key)
            if number == 4:
                return client.delete(f"/authorization/roles/{role.slug}").status_code
            body = {"user_id": users[number].id, "organization_id": organization.id, "role_slug": role.slug}
            return client.post("/user_management/organization_memberships", body).status_code

        *created, deleted = in_parallel(5, act)

        assert deleted in {204, 404, 405, 409}
        assert set(created) <= {201, 409, 422}
        for membership in OrganizationMembership.objects.in_environment(environment):
            assert membership.roles.exists()


def test_a_permission_that_is_deleted_while_it_is_granted_is_granted_to_nobody(environment, key):
    organization = make_organization(environment)
    for number in range(ROUNDS):
        slug = make_permission(environment, f"reports:read{number}").slug
        roles = [make_role(environment, f"r{number}-{place}") for place in range(2)]

        def act(number, slug=slug, roles=roles):
            client = ApiClient(key)
            if number == 4:
                return client.delete(f"/authorization/permissions/{slug}").status_code
            if number < 2:
                path = f"/authorization/roles/{roles[number].slug}/permissions"
                return client.put(path, {"permissions": [slug]}).status_code
            body = {"name": "CI", "permissions": [slug]}
            return client.post(f"/organizations/{organization.id}/api_keys", body).status_code

        *granted, deleted = in_parallel(5, act)

        assert deleted == 204
        assert set(granted) <= {200, 201, 404, 409, 422}
