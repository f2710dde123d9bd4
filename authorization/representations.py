"""The public JSON of roles and permissions."""

from typing import Any, Literal, TypedDict

from authorization.models import Permission, Role
from foundation import clock


class PermissionObject(TypedDict):
    """A thing that may be allowed."""

    object: Literal["permission"]
    id: str
    slug: str
    name: str
    description: str | None
    system: bool
    resource_type_slug: str
    created_at: str
    updated_at: str


class RoleObject(TypedDict):
    """A bundle of permissions, of the environment or of one organization."""

    object: Literal["role"]
    id: str
    slug: str
    name: str
    description: str | None
    type: Literal["EnvironmentRole", "OrganizationRole"]
    resource_type_slug: str
    permissions: list[str]
    created_at: str
    updated_at: str


class RoleListObject(TypedDict):
    """All roles that apply, in priority order; the list has no pages (workos-behaviour (b))."""

    object: Literal["list"]
    data: list[RoleObject]


def represent_permission(permission: Permission) -> PermissionObject:
    """Return the public JSON of a permission."""
    return {
        "object": "permission",
        "id": permission.id,
        "slug": permission.slug,
        "name": permission.name,
        "description": permission.description,
        "system": permission.is_system,
        "resource_type_slug": permission.resource_type_slug,
        "created_at": clock.iso(permission.created_at),
        "updated_at": clock.iso(permission.updated_at),
    }


def represent_role(role: Role) -> RoleObject:
    """Return the public JSON of a role; prefetch ``permissions`` where there are several."""
    return {
        "object": "role",
        "id": role.id,
        "slug": role.slug,
        "name": role.name,
        "description": role.description,
        "type": role.type,
        "resource_type_slug": role.resource_type_slug,
        "permissions": permission_slugs_of(role),
        "created_at": clock.iso(role.created_at),
        "updated_at": clock.iso(role.updated_at),
    }


def represent_role_in_event(role: Role) -> dict[str, Any]:
    """Return what ``role.*`` and ``organization_role.*`` carry, which is less than the role (workos-behaviour (i))."""
    shared = {
        "slug": role.slug,
        "resource_type_slug": role.resource_type_slug,
        "permissions": permission_slugs_of(role),
        "created_at": clock.iso(role.created_at),
        "updated_at": clock.iso(role.updated_at),
    }
    if role.organization_id is None:
        return {"object": "role", **shared}
    return {
        "object": "organization_role",
        "organization_id": role.organization_id,
        "name": role.name,
        "description": role.description,
        **shared,
    }


def permission_slugs_of(role: Role) -> list[str]:
    """Return the slugs of a role's permissions, sorted."""
    return sorted(permission.slug for permission in role.permissions.all())
