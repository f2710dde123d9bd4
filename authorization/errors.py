"""Refusals of roles and permissions."""

from foundation.errors import BadRequest, Conflict, Forbidden


class InvalidRole(BadRequest):
    """No role of that slug can be held in this organization."""

    code = "invalid_role"

    @classmethod
    def of(cls, slug: str) -> "InvalidRole":
        """Name the slug that was asked for."""
        return cls(f"Could not find a role with the slug, {slug}.")


class RoleSlugTaken(Conflict):
    """The environment has a role of this slug."""

    code = "role_slug_conflict"


class OrganizationRoleSlugTaken(Conflict):
    """The organization has a role of this slug."""

    code = "organization_role_slug_conflict"


class PermissionSlugTaken(Conflict):
    """The environment has a permission of this slug."""

    code = "permission_slug_conflict"


class RoleHasAssignments(Conflict):
    """Somebody holds the role: taking it away is a decision about people, not about a role."""

    code = "role_has_assignments"
    message = "The role is assigned to organization memberships. Give them another role first."


class DefaultRoleRequired(Conflict):
    """Memberships that name no role need one."""

    code = "default_role_required"
    message = "The default role cannot be deleted. Make another one the default first."


class EnvironmentRoleIsShared(Forbidden):
    """A role of the environment applies to every organization, so no single one may change it."""

    message = "A role of the environment cannot be changed through an organization."


class SystemPermission(Forbidden):
    """The product itself relies on the permission."""

    message = "System permissions cannot be changed or deleted."
