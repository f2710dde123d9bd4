"""Who may belong to an organization whose mailbox is at none of its verified domains."""

import pytest

from organizations.models import OrganizationMembership
from organizations.policy_fields import GuestPolicy
from tests.factories.accounts import make_user
from tests.factories.organizations import make_domain, make_invitation, make_organization, set_policy

MEMBERSHIPS = "/user_management/organization_memberships"
INVITATIONS = "/user_management/invitations"


@pytest.fixture
def organization(environment):
    row = make_organization(environment)
    make_domain(row, "foo-corp.com", "verified")
    make_domain(row, "claimed.com", "pending")
    return row


def join(api, organization, user):
    return api.post(MEMBERSHIPS, {"user_id": user.id, "organization_id": organization.id})


@pytest.mark.parametrize("guests", [GuestPolicy.INVITED, GuestPolicy.NOBODY])
@pytest.mark.parametrize("email", ["eve@elsewhere.com", "eve@claimed.com", "eve@sub.foo-corp.com"])
def test_a_guest_who_was_not_invited_is_kept_out(api, environment, organization, guests, email):
    set_policy(organization, guests=guests)

    answer = join(api, organization, make_user(environment, email=email))

    assert (answer.status_code, answer.json()["code"]) == (400, "organization_guests_not_allowed")
    assert join(api, organization, make_user(environment, email="ada@foo-corp.com")).status_code == 201


def test_a_guest_comes_in_by_invitation_where_guests_are_invited(api, environment, organization):
    set_policy(organization, guests=GuestPolicy.INVITED)

    sent = api.post(INVITATIONS, {"email": "eve@elsewhere.com", "organization_id": organization.id}).json()
    accepted = api.post(f"{INVITATIONS}/{sent['id']}/accept")

    assert accepted.status_code == 200
    assert OrganizationMembership.objects.in_environment(environment).get().status == "active"


def test_nobody_of_another_domain_is_invited_where_guests_are_not_taken(api, organization):
    set_policy(organization, guests=GuestPolicy.NOBODY)

    answer = api.post(INVITATIONS, {"email": "eve@elsewhere.com", "organization_id": organization.id})

    assert (answer.status_code, answer.json()["code"]) == (400, "organization_guests_not_allowed")
    assert (
        api.post(INVITATIONS, {"email": "ada@foo-corp.com", "organization_id": organization.id}).status_code
        == 201
    )


def test_an_invitation_from_before_does_not_let_a_guest_in(api, environment, organization):
    invitation = make_invitation(environment, "eve@elsewhere.com", organization)
    set_policy(organization, guests=GuestPolicy.NOBODY)

    assert api.post(f"{INVITATIONS}/{invitation.id}/accept").status_code == 400
    assert not OrganizationMembership.objects.in_environment(environment).exists()
