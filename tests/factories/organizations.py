"""Organizations and who belongs to them."""

from itertools import count
from typing import Any

from accounts.models import User
from environments.models import Environment
from foundation.actors import SYSTEM
from organizations import services
from organizations.models import (
    Group,
    Invitation,
    MembershipStatus,
    Organization,
    OrganizationDomain,
    OrganizationMembership,
    OrganizationPolicy,
)
from tests.factories.accounts import make_user

_number = count(1)


def make_organization(environment: Environment, name: str = "Foo Corp", **fields: Any) -> Organization:
    return services.create_organization(environment=environment, actor=SYSTEM, name=name, **fields)


def make_domain(
    organization: Organization, domain: str = "foo-corp.com", state: str = "pending"
) -> OrganizationDomain:
    return services.add_domain(organization=organization, actor=SYSTEM, domain=domain, state=state)


def make_membership(
    organization: Organization,
    user: User | None = None,
    *,
    roles: tuple[str, ...] = (),
    status: MembershipStatus = MembershipStatus.ACTIVE,
) -> OrganizationMembership:
    return services.create_membership(
        environment=organization.environment,
        actor=SYSTEM,
        user=user or make_user(organization.environment),
        organization=organization,
        role_slugs=roles,
        status=status,
    )


def make_group(organization: Organization, name: str = "Engineering") -> Group:
    return services.create_group(organization=organization, actor=SYSTEM, name=name)


def make_invitation(
    environment: Environment, email: str = "", organization: Organization | None = None, **fields: Any
) -> Invitation:
    return services.send_invitation(
        environment=environment,
        actor=SYSTEM,
        email=email or f"invitee{next(_number)}@example.com",
        organization=organization,
        **fields,
    )


def set_policy(organization: Organization, **changes: Any) -> OrganizationPolicy:
    return services.update_organization_policy(organization=organization, changes=changes)
