from organizations.services.domains import (
    DomainClaim,
    add_domain,
    check_domain,
    delete_domain,
    enqueue_due_checks,
    start_domain_verification,
)
from organizations.services.groups import (
    add_group_member,
    create_group,
    delete_group,
    remove_group_member,
    update_group,
)
from organizations.services.memberships import (
    create_membership,
    deactivate_membership,
    delete_membership,
    reactivate_membership,
    update_membership,
)
from organizations.services.organizations import (
    OrganizationChanges,
    create_organization,
    remove_organization,
    update_organization,
)

__all__ = [
    "DomainClaim",
    "OrganizationChanges",
    "add_domain",
    "add_group_member",
    "check_domain",
    "create_group",
    "create_membership",
    "create_organization",
    "deactivate_membership",
    "delete_domain",
    "delete_group",
    "delete_membership",
    "enqueue_due_checks",
    "reactivate_membership",
    "remove_group_member",
    "remove_organization",
    "start_domain_verification",
    "update_group",
    "update_membership",
    "update_organization",
]
