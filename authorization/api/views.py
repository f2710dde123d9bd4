"""Views of roles and permissions."""

from django.http import HttpRequest, HttpResponse

from authorization import services
from authorization.api.serializers import (
    NameAndDescriptionInput,
    OrganizationRoleInput,
    PermissionInput,
    PermissionSlugInput,
    PermissionSlugsInput,
    RoleInput,
)
from authorization.errors import EnvironmentRoleIsShared
from authorization.models import Permission, Role
from authorization.representations import (
    PermissionObject,
    RoleListObject,
    RoleObject,
    represent_permission,
    represent_role,
)
from environments.api.schema import describe
from environments.api.views import ApiView, no_content, reply
from organizations.models import Organization


class PermissionCollection(ApiView):
    """GET, POST /authorization/permissions."""

    @describe("List permissions", response=PermissionObject, paged=True)
    def get(self, _request: HttpRequest) -> HttpResponse:
        return self.page(Permission.objects.in_environment(self.environment), represent_permission)

    @describe(
        "Create a permission", request=PermissionInput, response=PermissionObject, status=201, refusals=(409,)
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        permission = services.create_permission(
            environment=self.environment, actor=self.actor, **self.read(PermissionInput)
        )
        return reply(represent_permission(permission), 201)


class PermissionItem(ApiView):
    """GET, PATCH, DELETE /authorization/permissions/{slug}."""

    @describe("Get a permission", response=PermissionObject, refusals=(404,))
    def get(self, _request: HttpRequest, slug: str) -> HttpResponse:
        return reply(represent_permission(services.require_permission(self.environment, slug)))

    @describe(
        "Update a permission",
        request=NameAndDescriptionInput,
        response=PermissionObject,
        refusals=(403, 404),
    )
    def patch(self, _request: HttpRequest, slug: str) -> HttpResponse:
        permission = services.update_permission(
            permission=services.require_permission(self.environment, slug),
            actor=self.actor,
            changes=self.read(NameAndDescriptionInput),
        )
        return reply(represent_permission(permission))

    @describe("Delete a permission", status=204, refusals=(403, 404))
    def delete(self, _request: HttpRequest, slug: str) -> HttpResponse:
        services.delete_permission(
            permission=services.require_permission(self.environment, slug), actor=self.actor
        )
        return no_content()


class RoleView(ApiView):
    """What the endpoints of roles share: whose roles are meant."""

    def organization(self) -> Organization | None:
        """Return the organization of the path, None where it names none; raises NotFound."""
        organization_id = self.kwargs.get("organization_id")
        if organization_id is None:
            return None
        return Organization.objects.in_environment(self.environment).require(organization_id)

    def applying_role(self) -> Role:
        """Return the role of the path's slug; raises NotFound."""
        return services.require_role(self.environment, self.kwargs["slug"], self.organization())

    def own_role(self) -> Role:
        """Return the role of the path's slug for a change; raises EnvironmentRoleIsShared, or NotFound."""
        role = self.applying_role()
        if role.organization_id != self.kwargs.get("organization_id"):
            raise EnvironmentRoleIsShared
        return role


class RoleCollection(RoleView):
    """GET, POST /authorization/roles."""

    @describe("List roles of the environment", response=RoleListObject)
    def get(self, _request: HttpRequest) -> HttpResponse:
        return _all_roles(self)

    @describe(
        "Create a role of the environment",
        request=RoleInput,
        response=RoleObject,
        status=201,
        refusals=(409,),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        role = services.create_role(environment=self.environment, actor=self.actor, **self.read(RoleInput))
        return reply(represent_role(role), 201)


class OrganizationRoleCollection(RoleView):
    """GET, POST /authorization/organizations/{organization_id}/roles."""

    @describe("List roles that apply to an organization", response=RoleListObject, refusals=(404,))
    def get(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        return _all_roles(self)

    @describe(
        "Create a role of an organization",
        request=OrganizationRoleInput,
        response=RoleObject,
        status=201,
        refusals=(404, 409),
    )
    def post(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        role = services.create_role(
            environment=self.environment,
            actor=self.actor,
            organization=self.organization(),
            **self.read(OrganizationRoleInput),
        )
        return reply(represent_role(role), 201)


class OrganizationRoles(RoleView):
    """GET /organizations/{organization_id}/roles: the older path of the same list."""

    @describe("List roles that apply to an organization", response=RoleListObject, refusals=(404,))
    def get(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        return _all_roles(self)


class RoleItem(RoleView):
    """GET, PATCH /authorization/roles/{slug}."""

    @describe("Get a role of the environment", response=RoleObject, refusals=(404,))
    def get(self, _request: HttpRequest, slug: str) -> HttpResponse:
        return reply(represent_role(self.applying_role()))

    @describe(
        "Update a role of the environment",
        request=NameAndDescriptionInput,
        response=RoleObject,
        refusals=(404,),
    )
    def patch(self, _request: HttpRequest, slug: str) -> HttpResponse:
        return _update(self)


class OrganizationRoleItem(RoleView):
    """GET, PATCH, DELETE /authorization/organizations/{organization_id}/roles/{slug}."""

    @describe("Get a role that applies to an organization", response=RoleObject, refusals=(404,))
    def get(self, _request: HttpRequest, organization_id: str, slug: str) -> HttpResponse:
        return reply(represent_role(self.applying_role()))

    @describe(
        "Update a role of an organization",
        request=NameAndDescriptionInput,
        response=RoleObject,
        refusals=(403, 404),
    )
    def patch(self, _request: HttpRequest, organization_id: str, slug: str) -> HttpResponse:
        return _update(self)

    @describe("Delete a role of an organization", status=204, refusals=(403, 404, 409))
    def delete(self, _request: HttpRequest, organization_id: str, slug: str) -> HttpResponse:
        services.delete_role(role=self.own_role(), actor=self.actor)
        return no_content()


class RolePermissions(RoleView):
    """POST, PUT /authorization/roles/{slug}/permissions."""

    @describe("Add a permission to a role", request=PermissionSlugInput, response=RoleObject, refusals=(404,))
    def post(self, _request: HttpRequest, slug: str) -> HttpResponse:
        return _add_permission(self)

    @describe(
        "Replace the permissions of a role",
        request=PermissionSlugsInput,
        response=RoleObject,
        refusals=(404,),
    )
    def put(self, _request: HttpRequest, slug: str) -> HttpResponse:
        return _set_permissions(self)


class OrganizationRolePermissions(RoleView):
    """POST, PUT /authorization/organizations/{organization_id}/roles/{slug}/permissions."""

    @describe(
        "Add a permission to an organization's role",
        request=PermissionSlugInput,
        response=RoleObject,
        refusals=(403, 404),
    )
    def post(self, _request: HttpRequest, organization_id: str, slug: str) -> HttpResponse:
        return _add_permission(self)

    @describe(
        "Replace the permissions of an organization's role",
        request=PermissionSlugsInput,
        response=RoleObject,
        refusals=(403, 404),
    )
    def put(self, _request: HttpRequest, organization_id: str, slug: str) -> HttpResponse:
        return _set_permissions(self)


class OrganizationRolePermissionItem(RoleView):
    """DELETE /authorization/organizations/{organization_id}/roles/{slug}/permissions/{permission_slug}."""

    @describe("Remove a permission from an organization's role", response=RoleObject, refusals=(403, 404))
    def delete(
        self, _request: HttpRequest, organization_id: str, slug: str, permission_slug: str
    ) -> HttpResponse:
        role = services.remove_role_permission(role=self.own_role(), actor=self.actor, slug=permission_slug)
        return reply(represent_role(role))


def _all_roles(view: RoleView) -> HttpResponse:
    roles = services.list_roles(view.environment, view.organization()).prefetch_related("permissions")
    answer: RoleListObject = {"object": "list", "data": [represent_role(role) for role in roles]}
    return reply(answer)


def _update(view: RoleView) -> HttpResponse:
    role = services.update_role(
        role=view.own_role(), actor=view.actor, changes=view.read(NameAndDescriptionInput)
    )
    return reply(represent_role(role))


def _add_permission(view: RoleView) -> HttpResponse:
    fields = view.read(PermissionSlugInput)
    role = services.add_role_permission(role=view.own_role(), actor=view.actor, slug=fields["slug"])
    return reply(represent_role(role))


def _set_permissions(view: RoleView) -> HttpResponse:
    fields = view.read(PermissionSlugsInput)
    role = services.set_role_permissions(role=view.own_role(), actor=view.actor, slugs=fields["permissions"])
    return reply(represent_role(role))
