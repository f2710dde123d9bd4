from organizations.services.api_keys import (
    IssuedCustomerAPIKey,
    create_organization_api_key,
    create_user_api_key,
    delete_api_key,
    expire_api_key,
    find_api_key_by_value,
)
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
    "IssuedCustomerAPIKey",
    "OrganizationChanges",
    "add_domain",
    "add_group_member",
    "check_domain",
    "create_group",
    "create_membership",
    "create_organization",
    "create_organization_api_key",
    "create_user_api_key",
    "deactivate_membership",
    "delete_api_key",
    "delete_domain",
    "delete_group",
    "delete_membership",
    "enqueue_due_checks",
    "expire_api_key",
    "find_api_key_by_value",
    "reactivate_membership",
    "remove_group_member",
    "remove_organization",
    "start_domain_verification",
    "update_group",
    "update_membership",
    "update_organization",
]
