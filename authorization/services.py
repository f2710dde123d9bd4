"""Every write of roles and permissions, and what the floors above ask about them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q, QuerySet

from authorization.errors import InvalidRole
from authorization.models import ORGANIZATION_RESOURCE_TYPE, Role
from environments import services as environments
from environments.models import Environment, EnvironmentKind

if TYPE_CHECKING:
    from organizations.models import Organization


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
    """Return what any of the roles grants: sorted slugs, each once. Prefetch ``permissions`` to spare queries."""
    return sorted({permission.slug for role in roles for permission in role.permissions.all()})
