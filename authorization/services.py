"""Every write of roles and permissions, and what the floors above ask about them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, QuerySet, prefetch_related_objects
from django.utils.text import slugify

from authorization.errors import (
    DefaultRoleRequired,
    InvalidRole,
    OrganizationRoleSlugTaken,
    PermissionSlugTaken,
    RoleHasAssignments,
    RoleSlugTaken,
    SystemPermission,
)
from authorization.models import (
    ORGANIZATION_RESOURCE_TYPE,
    ORGANIZATION_ROLE_PREFIX,
    SLUG_MAXIMUM_LENGTH,
    Permission,
    Role,
    valid_permission_slug,
    valid_role_slug,
)
from authorization.representations import (
    permission_slugs_of,
    represent_permission,
    represent_role_in_event,
)
from environments import services as environments
from environments.models import Environment, EnvironmentKind
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.errors import Conflict, Invalid, NotFound
from foundation.ids import new_secret

if TYPE_CHECKING:
    from organizations.models import Organization

_GENERATED_SUFFIX_LENGTH = 6


@transaction.atomic
def provision_environment(
    *,
    name: str,
    kind: EnvironmentKind | str = EnvironmentKind.SANDBOX,
    client_id: str = "",
    environment_id: str = "",
) -> Environment:
    """Create an environment that is ready for people: with the roles ``admin`` and ``member`` (the default)."""
    environment = environments.create_environment(
        name=name, kind=kind, client_id=client_id, environment_id=environment_id
    )
    Role.objects.create(environment=environment, slug="admin", name="Admin", priority=0)
    Role.objects.create(environment=environment, slug="member", name="Member", priority=1, is_default=True)
    return environment


def list_roles(environment: Environment, organization: "Organization | None" = None) -> "QuerySet[Role]":
    """Return the roles that apply, in priority order: the environment's, then the organization's own."""
    applies = Q(organization__isnull=True)
    if organization is not None:
        applies |= Q(organization=organization)
    return (
        Role.objects.in_environment(environment)
        .filter(applies)
        .order_by(F("organization").asc(nulls_first=True), "priority", "id")
    )


def require_role(environment: Environment, slug: str, organization: "Organization | None" = None) -> Role:
    """Return the role that applies under a slug; raises NotFound, in the same words for other tenants' roles."""
    role = list_roles(environment, organization).filter(slug=slug).first()
    if role is None:
        raise NotFound.of("Role", slug)
    return role


def require_permission(environment: Environment, slug: str) -> Permission:
    """Return the permission of a slug; raises NotFound."""
    permission = Permission.objects.in_environment(environment).filter(slug=slug).first()
    if permission is None:
        raise NotFound.of("Permission", slug)
    return permission


def find_permissions(environment: Environment, slugs: Collection[str]) -> list[Permission]:
    """Return those of the permissions that exist, sorted by slug."""
    permissions = Permission.objects.in_environment(environment).filter(slug__in=set(slugs))
    return sorted(permissions, key=lambda permission: permission.slug)


def require_permissions(environment: Environment, slugs: Collection[str]) -> list[Permission]:
    """Return the permissions of all slugs, sorted by slug; raises NotFound for the first that does not exist."""
    found = find_permissions(environment, slugs)
    known = {permission.slug for permission in found}
    for slug in slugs:
        if slug not in known:
            raise NotFound.of("Permission", slug)
    return found


def resolve_roles(environment: Environment, organization: "Organization", slugs: Sequence[str]) -> list[Role]:
    """Return the roles that a membership asks for by slug, in priority order; no slugs mean the default role.

    Raises InvalidRole for the first slug that no role of this organization or its environment has.
    """
    roles = list_roles(environment, organization).filter(resource_type_slug=ORGANIZATION_RESOURCE_TYPE)
    if not slugs:
        return list(roles.filter(is_default=True))
    found = list(roles.filter(slug__in=slugs))
    known = {role.slug for role in found}
    for slug in slugs:
        if slug not in known:
            raise InvalidRole.of(slug)
    return found


def permission_slugs(roles: Iterable[Role]) -> list[str]:
    """Return what any of the roles grants: sorted slugs, each once. At most one query."""
    held = list(roles)
    prefetch_related_objects(held, "permissions")
    return sorted({permission.slug for role in held for permission in role.permissions.all()})


@transaction.atomic
def create_permission(
    *,
    environment: Environment,
    actor: Actor,
    slug: str,
    name: str,
    description: str | None = None,
    resource_type_slug: str = ORGANIZATION_RESOURCE_TYPE,
) -> Permission:
    """Create a permission. Raises Invalid for a malformed slug, PermissionSlugTaken for a second one."""
    _require_slug(slug, valid_permission_slug)
    _require_slug(resource_type_slug, valid_role_slug, field="resource_type_slug")
    moment = clock.now()
    try:
        with transaction.atomic():
            permission = Permission.objects.create(
                environment=environment,
                slug=slug,
                name=name,
                description=description,
                resource_type_slug=resource_type_slug,
                created_at=moment,
                updated_at=moment,
            )
    except IntegrityError as error:
        message = f"A permission with the slug '{slug}' already exists."
        raise PermissionSlugTaken(message) from error
    emit(
        "permission.created",
        environment=environment,
        actor=actor,
        data={**represent_permission(permission)},
    )
    return permission


@transaction.atomic
def update_permission(*, permission: Permission, actor: Actor, changes: Mapping[str, Any]) -> Permission:
    """Change ``name`` and ``description``; the slug stays. Raises SystemPermission for one of the product's own."""
    permission = _locked_permission(permission)
    if permission.is_system:
        raise SystemPermission
    previous = _apply(permission, changes)
    if previous:
        emit(
            "permission.updated",
            environment=permission.environment,
            actor=actor,
            data={**represent_permission(permission)},
            previous_attributes=previous,
        )
    return permission


@transaction.atomic
def delete_permission(*, permission: Permission, actor: Actor) -> None:
    """Delete a permission: whatever granted it grants it no longer. Raises SystemPermission.

    The roles that lose it emit nothing of their own, as there may be one for every organization.
    """
    permission = _locked_permission(permission)
    if permission.is_system:
        raise SystemPermission
    emit(
        "permission.deleted",
        environment=permission.environment,
        actor=actor,
        data={**represent_permission(permission)},
    )
    permission.delete()


@transaction.atomic
def create_role(
    *,
    environment: Environment,
    actor: Actor,
    name: str,
    slug: str = "",
    description: str | None = None,
    resource_type_slug: str = ORGANIZATION_RESOURCE_TYPE,
    organization: "Organization | None" = None,
) -> Role:
    """Create a role of the environment, or of one organization, after the others in priority.

    An organization's role gets a slug from its name where none is given. Raises Invalid for a malformed slug (an
    organization's begin with ``org-``, no other does), RoleSlugTaken or OrganizationRoleSlugTaken.
    """
    if organization is not None and not slug:
        slug = _generated_slug(name)
    _require_slug(slug, valid_role_slug)
    if slug.startswith(ORGANIZATION_ROLE_PREFIX) != (organization is not None):
        wanted = "must begin with" if organization is not None else "must not begin with"
        message = f"The slug {wanted} '{ORGANIZATION_ROLE_PREFIX}'."
        raise Invalid.field("slug", "slug_invalid", message)
    _require_slug(resource_type_slug, valid_role_slug, field="resource_type_slug")
    siblings = Role.objects.in_environment(environment).filter(organization=organization)
    moment = clock.now()
    highest = siblings.aggregate(highest=Max("priority"))["highest"]
    try:
        with transaction.atomic():
            role = Role.objects.create(
                environment=environment,
                organization=organization,
                slug=slug,
                name=name,
                description=description,
                resource_type_slug=resource_type_slug,
                priority=0 if highest is None else highest + 1,
                created_at=moment,
                updated_at=moment,
            )
    except IntegrityError as error:
        taken: type[Conflict] = RoleSlugTaken if organization is None else OrganizationRoleSlugTaken
        raise taken(f"A role with the slug '{slug}' already exists.") from error
    _emit_role("created", role, actor)
    return role


@transaction.atomic
def update_role(*, role: Role, actor: Actor, changes: Mapping[str, Any]) -> Role:
    """Change ``name`` and ``description``; the slug stays."""
    role = _locked(role)
    previous = _apply(role, changes)
    if previous:
        _emit_role("updated", role, actor, previous)
    return role


@transaction.atomic
def set_role_permissions(*, role: Role, actor: Actor, slugs: Collection[str]) -> Role:
    """Let a role grant exactly these permissions; raises NotFound for a slug that the environment has not."""
    return _grant_exactly(_locked(role), require_permissions(role.environment, slugs), actor)


@transaction.atomic
def add_role_permission(*, role: Role, actor: Actor, slug: str) -> Role:
    """Let a role grant one permission more; granting it twice changes nothing. Raises NotFound."""
    role = _locked(role)
    permission = require_permission(role.environment, slug)
    return _grant_exactly(role, [*role.permissions.all(), permission], actor)


@transaction.atomic
def remove_role_permission(*, role: Role, actor: Actor, slug: str) -> Role:
    """Let a role grant one permission less; nothing changes where it did not. Raises NotFound."""
    role = _locked(role)
    permission = require_permission(role.environment, slug)
    return _grant_exactly(role, [kept for kept in role.permissions.all() if kept != permission], actor)


@transaction.atomic
def delete_role(*, role: Role, actor: Actor) -> None:
    """Delete a role that nobody holds. Raises RoleHasAssignments or DefaultRoleRequired."""
    # The lock makes a membership that is just taking the role wait, and then fail on its foreign key.
    role = _locked(role)
    if role.is_default:
        raise DefaultRoleRequired
    if role.memberships.exists():
        raise RoleHasAssignments
    _emit_role("deleted", role, actor)
    role.delete()


@transaction.atomic
def set_default_role(*, role: Role, actor: Actor) -> Role:
    """Make a role of the environment the one that memberships get which name none.

    Raises Invalid for an organization's role, or one that memberships cannot hold.
    """
    roles = {other.pk: other for other in _all_locked(list_roles(role.environment))}
    if role.pk not in roles or role.resource_type_slug != ORGANIZATION_RESOURCE_TYPE:
        message = "Only a role of the environment, for organizations, can be the default."
        raise Invalid.field("role", "role_invalid", message)
    if roles[role.pk].is_default:
        return roles[role.pk]
    for other in roles.values():
        if other.is_default:
            _save(other, is_default=False)
            _emit_role("updated", other, actor, {"is_default": True})
    role = roles[role.pk]
    _save(role, is_default=True)
    _emit_role("updated", role, actor, {"is_default": False})
    return role


@transaction.atomic
def reorder_roles(
    *,
    environment: Environment,
    actor: Actor,
    slugs: Sequence[str],
    organization: "Organization | None" = None,
) -> list[Role]:
    """Give the roles of an environment, or an organization's own, the priority of their place in ``slugs``.

    Raises Invalid unless each of these roles is named exactly once.
    """
    siblings = Role.objects.in_environment(environment).filter(organization=organization)
    roles = {role.slug: role for role in _all_locked(siblings)}
    if sorted(slugs) != sorted(roles):
        message = "Each role must be named exactly once."
        raise Invalid.field("slugs", "slugs_invalid", message)
    for priority, slug in enumerate(slugs):
        role = roles[slug]
        if role.priority != priority:
            previous = {"priority": role.priority}
            _save(role, priority=priority)
            _emit_role("updated", role, actor, previous)
    return [roles[slug] for slug in slugs]


def _require_slug(slug: str, valid: RegexValidator, field: str = "slug") -> None:
    try:
        valid(slug)
    except ValidationError as error:
        raise Invalid.field(field, f"{field}_invalid", error.messages[0]) from None


def _generated_slug(name: str) -> str:
    suffix = new_secret(_GENERATED_SUFFIX_LENGTH).lower()
    room = SLUG_MAXIMUM_LENGTH - len(ORGANIZATION_ROLE_PREFIX) - len(suffix) - 1
    stem = slugify(name)[:room].strip("-_")
    return ORGANIZATION_ROLE_PREFIX + "-".join(part for part in (stem, suffix) if part)


def _locked(role: Role) -> Role:
    return Role.objects.in_environment(role.environment_id).select_for_update().require(role.pk)


def _all_locked(roles: "QuerySet[Role]") -> "QuerySet[Role]":
    # By id: locked in the order of their priority, which is what changes here, two writes could wait in a circle.
    return roles.order_by("id").select_for_update()


def _locked_permission(permission: Permission) -> Permission:
    permissions = Permission.objects.in_environment(permission.environment_id)
    return permissions.select_for_update().require(permission.pk)


def _save(row: Role | Permission, **values: Any) -> None:
    for field, value in values.items():
        setattr(row, field, value)
    row.updated_at = clock.now()
    row.save(update_fields=[*values, "updated_at"])


def _apply(row: Role | Permission, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Write what differs and return how it was before."""
    previous = {
        field: getattr(row, field) for field, value in changes.items() if getattr(row, field) != value
    }
    if previous:
        _save(row, **{field: changes[field] for field in previous})
    return previous


def _grant_exactly(role: Role, permissions: Collection[Permission], actor: Actor) -> Role:
    previous = permission_slugs_of(role)
    if {permission.slug for permission in permissions} != set(previous):
        role.permissions.set(permissions)
        _save(role)
        _emit_role("updated", role, actor, {"permissions": previous})
    return role


def _emit_role(verb: str, role: Role, actor: Actor, previous: Mapping[str, Any] | None = None) -> None:
    kind = "role" if role.organization_id is None else "organization_role"
    emit(
        f"{kind}.{verb}",
        environment=role.environment,
        actor=actor,
        data=represent_role_in_event(role),
        previous_attributes=previous,
    )
