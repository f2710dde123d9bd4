"""The models of the official SDK raise when a key of theirs is missing."""

import pytest
from workos.common.models import Group, OrganizationDomain
from workos.organization_membership.models import OrganizationMembership
from workos.organizations.models import Organization
from workos.user_management.models import Invitation, UserInvite

from tests.factories.organizations import (
    make_domain,
    make_group,
    make_invitation,
    make_membership,
    make_organization,
)


@pytest.fixture
def organization(environment):
    return make_organization(environment)


def test_the_sdk_reads_an_organization_with_and_without_domains(api, organization):
    path = f"/organizations/{organization.id}"
    assert Organization.from_dict(api.get(path).json()).metadata == {}

    make_domain(organization)

    assert Organization.from_dict(api.get(path).json()).domains[0].domain == "foo-corp.com"


@pytest.mark.parametrize("state", ["pending", "verified"])
def test_the_sdk_reads_a_domain(api, organization, state):
    domain = make_domain(organization, state=state)

    assert OrganizationDomain.from_dict(api.get(f"/organization_domains/{domain.id}").json()).state == state


def test_the_sdk_reads_a_membership_and_a_group(api, organization):
    membership = make_membership(organization)
    group = make_group(organization)
    membership.groups.add(group)

    read = api.get(f"/user_management/organization_memberships/{membership.id}").json()
    assert OrganizationMembership.from_dict(read).role.slug == "member"
    (listed,) = api.get(
        f"/organizations/{organization.id}/groups/{group.id}/organization-memberships"
    ).json()["data"]
    assert OrganizationMembership.from_dict(listed).user.id == membership.user_id
    assert Group.from_dict(api.get(f"/organizations/{organization.id}/groups/{group.id}").json()).name


def test_the_sdk_reads_an_invitation_at_every_step(api, environment, organization):
    path = "/user_management/invitations"
    sent = UserInvite.from_dict(
        api.post(path, {"email": "ada@foo-corp.com", "organization_id": organization.id}).json()
    )
    (listed,) = api.get(path).json()["data"]
    assert UserInvite.from_dict(listed) == sent
    assert UserInvite.from_dict(api.get(f"{path}/by_token/{sent.token}").json()) == sent
    assert UserInvite.from_dict(api.post(f"{path}/{sent.id}/resend", {}).json()).state == "pending"
    accepted = Invitation.from_dict(api.post(f"{path}/{sent.id}/accept").json())
    assert (accepted.state, accepted.role_slug) == ("accepted", "member")
    other = make_invitation(environment)
    revoked = Invitation.from_dict(api.post(f"{path}/{other.id}/revoke").json())
    assert (revoked.state, revoked.organization_id) == ("revoked", None)
