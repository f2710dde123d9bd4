"""The public JSON of organizations, their domains, memberships, groups, API keys and invitations."""

from typing import Any, Literal, NotRequired, TypedDict
from urllib.parse import urlencode, urlsplit

from accounts.representations import UserObject, represent_user
from foundation import clock
from organizations.models import (
    CustomerAPIKey,
    Group,
    Invitation,
    Organization,
    OrganizationDomain,
    OrganizationMembership,
)


class OrganizationDomainObject(TypedDict):
    """A domain of an organization, and how far its proof has come."""

    object: Literal["organization_domain"]
    id: str
    organization_id: str
    domain: str
    state: Literal["failed", "legacy_verified", "pending", "unverified", "verified"]
    verification_prefix: NotRequired[str]
    verification_token: NotRequired[str]
    verification_strategy: Literal["dns", "manual"]
    created_at: str
    updated_at: str


class OrganizationObject(TypedDict):
    """A customer of the product."""

    object: Literal["organization"]
    id: str
    name: str
    allow_profiles_outside_organization: bool
    domains: list[OrganizationDomainObject]
    stripe_customer_id: NotRequired[str]
    external_id: str | None
    metadata: dict[str, str]
    created_at: str
    updated_at: str


class RoleSlugObject(TypedDict):
    """A role, named."""

    slug: str


class OrganizationMembershipEventObject(TypedDict):
    """A membership as events carry it."""

    object: Literal["organization_membership"]
    id: str
    user_id: str
    organization_id: str
    organization_name: str
    status: Literal["active", "inactive", "pending"]
    role: RoleSlugObject | None
    roles: list[RoleSlugObject]
    directory_managed: bool
    custom_attributes: dict[str, Any]
    created_at: str
    updated_at: str


class OrganizationMembershipObject(OrganizationMembershipEventObject):
    """That a user belongs to an organization."""

    user: UserObject


class GroupObject(TypedDict):
    """A named set of memberships of one organization."""

    object: Literal["group"]
    id: str
    organization_id: str
    name: str
    description: str | None
    created_at: str
    updated_at: str


class OrganizationKeyOwnerObject(TypedDict):
    """The organization that an API key belongs to."""

    type: Literal["organization"]
    id: str


class UserKeyOwnerObject(TypedDict):
    """The user that an API key belongs to, and the organization that it works for."""

    type: Literal["user"]
    id: str
    organization_id: str


class APIKeyObject(TypedDict):
    """A customer's API key, without its value."""

    object: Literal["api_key"]
    id: str
    owner: OrganizationKeyOwnerObject | UserKeyOwnerObject
    name: str
    obfuscated_value: str
    last_used_at: str | None
    expires_at: str | None
    permissions: list[str]
    created_at: str
    updated_at: str


class IssuedAPIKeyObject(APIKeyObject):
    """A customer's new API key, with the value that is shown this once."""

    value: str


class APIKeyValidationObject(TypedDict):
    """What a value opens: an API key, or nothing."""

    api_key: APIKeyObject | None


class InvitationEventObject(TypedDict):
    """An invitation as events carry it: nobody who reads one can accept it."""

    object: Literal["invitation"]
    id: str
    email: str
    state: Literal["accepted", "expired", "pending", "revoked"]
    accepted_at: str | None
    revoked_at: str | None
    expires_at: str
    organization_id: str | None
    inviter_user_id: str | None
    accepted_user_id: str | None
    role_slug: str | None
    created_at: str
    updated_at: str


class InvitationObject(InvitationEventObject):
    """That somebody was asked by e-mail to sign up, or to join an organization."""

    token: str
    accept_invitation_url: str


def represent_domain(row: OrganizationDomain) -> OrganizationDomainObject:
    """Return the public JSON of an organization domain.

    Prefix and token are there while, or because, the DNS is asked: ``<prefix>=<token>`` is the TXT record.
    """
    represented: OrganizationDomainObject = {
        "object": "organization_domain",
        "id": row.id,
        "organization_id": row.organization_id,
        "domain": row.domain,
        "state": row.state,  # type: ignore[typeddict-item]  # the column's choices are these texts
        "verification_strategy": row.verification_strategy,  # type: ignore[typeddict-item]  # as above
        "created_at": clock.iso(row.created_at),
        "updated_at": clock.iso(row.updated_at),
    }
    # Optional in the reference and never null there: absent where there is nothing.
    if row.verification_prefix:
        represented["verification_prefix"] = row.verification_prefix
    if row.verification_token:
        represented["verification_token"] = row.verification_token
    return represented


def represent_organization(row: Organization) -> OrganizationObject:
    """Return the public JSON of an organization. Prefetch ``domains`` to spare queries."""
    represented: OrganizationObject = {
        "object": "organization",
        "id": row.id,
        "name": row.name,
        "allow_profiles_outside_organization": row.allow_profiles_outside_organization,
        "domains": [
            represent_domain(domain) for domain in sorted(row.domains.all(), key=lambda domain: domain.id)
        ],
        "external_id": row.external_id,
        "metadata": row.metadata,
        "created_at": clock.iso(row.created_at),
        "updated_at": clock.iso(row.updated_at),
    }
    if row.stripe_customer_id is not None:
        represented["stripe_customer_id"] = row.stripe_customer_id
    return represented


def represent_membership(row: OrganizationMembership) -> OrganizationMembershipObject:
    """Return the public JSON of a membership. Prefetch as ``memberships_with_relations`` does."""
    return {**represent_membership_for_event(row), "user": represent_user(row.user)}


def represent_membership_for_event(row: OrganizationMembership) -> OrganizationMembershipEventObject:
    """Return the JSON of a membership as events carry it: the user is named by id alone."""
    roles: list[RoleSlugObject] = [{"slug": role.slug} for role in row.roles_by_priority()]
    return {
        "object": "organization_membership",
        "id": row.id,
        "user_id": row.user_id,
        "organization_id": row.organization_id,
        "organization_name": row.organization.name,
        "status": row.status,  # type: ignore[typeddict-item]  # the column's choices are these texts
        "role": roles[0] if roles else None,
        "roles": roles,
        "directory_managed": row.directory_managed,
        "custom_attributes": row.custom_attributes,
        "created_at": clock.iso(row.created_at),
        "updated_at": clock.iso(row.updated_at),
    }


def represent_group(row: Group) -> GroupObject:
    """Return the public JSON of a group."""
    return {
        "object": "group",
        "id": row.id,
        "organization_id": row.organization_id,
        "name": row.name,
        "description": row.description,
        "created_at": clock.iso(row.created_at),
        "updated_at": clock.iso(row.updated_at),
    }


def represent_api_key(api_key: CustomerAPIKey) -> APIKeyObject:
    """Return the public JSON of a customer's API key; prefetch ``permissions`` where there are several."""
    owner: OrganizationKeyOwnerObject | UserKeyOwnerObject
    if api_key.user_id is None:
        owner = {"type": "organization", "id": api_key.organization_id}
    else:
        owner = {"type": "user", "id": api_key.user_id, "organization_id": api_key.organization_id}
    return {
        "object": "api_key",
        "id": api_key.id,
        "owner": owner,
        "name": api_key.name,
        "obfuscated_value": api_key.obfuscated_value,
        "last_used_at": clock.iso_or_none(api_key.last_used_at),
        "expires_at": clock.iso_or_none(api_key.expires_at),
        "permissions": sorted(permission.slug for permission in api_key.permissions.all()),
        "created_at": clock.iso(api_key.created_at),
        "updated_at": clock.iso(api_key.updated_at),
    }


def represent_invitation(row: Invitation, accept_page: str) -> InvitationObject:
    """Return the public JSON of an invitation, token included: for the holder of an API key alone.

    ``accept_page`` is where invitations of the environment are accepted (``services.accept_invitation_page``).
    Prefetch as ``invitations_with_relations`` does.
    """
    return {
        **represent_invitation_for_event(row),
        "token": row.token,
        "accept_invitation_url": accept_invitation_url(accept_page, row.token),
    }


def represent_invitation_for_event(row: Invitation) -> InvitationEventObject:
    """Return an invitation as events carry it: without the token, and without the URL that holds it."""
    return {
        "object": "invitation",
        "id": row.id,
        "email": row.email,
        "state": row.state.value,  # type: ignore[typeddict-item]  # the enumeration's values are these texts
        "accepted_at": clock.iso_or_none(row.accepted_at),
        "revoked_at": clock.iso_or_none(row.revoked_at),
        "expires_at": clock.iso(row.expires_at),
        "organization_id": row.organization_id,
        "inviter_user_id": row.inviter_id,
        "accepted_user_id": row.accepted_user_id,
        "role_slug": row.role_slug,
        "created_at": clock.iso(row.created_at),
        "updated_at": clock.iso(row.updated_at),
    }


def accept_invitation_url(accept_page: str, invitation_token: str) -> str:
    """Return the address of a page with the token in its query, before a fragment if there is one."""
    parts = urlsplit(accept_page)
    query = f"{parts.query}&" if parts.query else ""
    return parts._replace(
        path=parts.path or "/", query=f"{query}{urlencode({'invitation_token': invitation_token})}"
    ).geturl()
