"""Roles and permissions."""

from authorization import services
from authorization.models import Permission, Role
from environments.models import Environment
from foundation.actors import SYSTEM
from organizations.models import Organization


def make_permission(environment: Environment, slug: str = "reports:read", name: str = "") -> Permission:
    return services.create_permission(
        environment=environment, actor=SYSTEM, slug=slug, name=name or slug.replace(":", " ").capitalize()
    )


def make_role(
    environment: Environment,
    slug: str,
    *,
    organization: Organization | None = None,
    permissions: list[str] | None = None,
) -> Role:
    """Make a role that grants these permissions, which are made if need be."""
    role = services.create_role(
        environment=environment, actor=SYSTEM, slug=slug, name=slug.capitalize(), organization=organization
    )
    wanted = permissions or []
    known = set(
        Permission.objects.in_environment(environment).filter(slug__in=wanted).values_list("slug", flat=True)
    )
    for permission in wanted:
        if permission not in known:
            make_permission(environment, permission)
    return services.set_role_permissions(role=role, actor=SYSTEM, slugs=wanted)
