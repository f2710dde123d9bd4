"""Views of organization memberships."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.models import User
from environments.api.schema import describe
from environments.api.views import UserManagementView, no_content, reply
from organizations import services
from organizations.api.serializers import MembershipInput, MembershipParameters, RoleSlugsInput
from organizations.models import (
    Group,
    MembershipStatus,
    Organization,
    OrganizationMembership,
    memberships_with_relations,
)
from organizations.representations import (
    GroupObject,
    OrganizationMembershipObject,
    represent_group,
    represent_membership,
)


class MembershipCollection(UserManagementView):
    """GET, POST /user_management/organization_memberships."""

    @describe(
        "List organization memberships",
        response=OrganizationMembershipObject,
        query=MembershipParameters,
        paged=True,
    )
    def get(self, _request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(MembershipParameters)
        filters = {name: parameters[name] for name in ("user_id", "organization_id") if parameters.get(name)}
        statuses = parameters.get("statuses") or [MembershipStatus.ACTIVE]
        memberships = memberships_with_relations(self.environment).filter(**filters, status__in=statuses)
        return self.page(memberships, represent_membership, parameters)

    @describe(
        "Create an organization membership",
        request=MembershipInput,
        response=OrganizationMembershipObject,
        status=201,
        refusals=(400, 404),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(MembershipInput)
        membership = services.create_membership(
            environment=self.environment,
            actor=self.actor,
            user=User.objects.in_environment(self.environment).require(fields["user_id"]),
            organization=Organization.objects.in_environment(self.environment).require(
                fields["organization_id"]
            ),
            role_slugs=_role_slugs(fields) or (),
        )
        return reply(represent_membership(membership), 201)


class MembershipItem(UserManagementView):
    """GET, PUT, DELETE /user_management/organization_memberships/{id}."""

    @describe("Get an organization membership", response=OrganizationMembershipObject, refusals=(404,))
    def get(self, _request: HttpRequest, membership_id: str) -> HttpResponse:
        return reply(
            represent_membership(memberships_with_relations(self.environment).require(membership_id))
        )

    @describe(
        "Update an organization membership",
        request=RoleSlugsInput,
        response=OrganizationMembershipObject,
        refusals=(404,),
    )
    def put(self, _request: HttpRequest, membership_id: str) -> HttpResponse:
        membership = memberships_with_relations(self.environment).require(membership_id)
        slugs = _role_slugs(self.read(RoleSlugsInput))
        if slugs is not None:
            membership = services.update_membership(membership=membership, actor=self.actor, role_slugs=slugs)
        return reply(represent_membership(membership))

    @describe("Delete an organization membership", status=200, refusals=(404,))
    def delete(self, _request: HttpRequest, membership_id: str) -> HttpResponse:
        membership = OrganizationMembership.objects.in_environment(self.environment).require(membership_id)
        services.delete_membership(membership=membership, actor=self.actor)
        return no_content(200)


class DeactivateMembership(UserManagementView):
    """PUT /user_management/organization_memberships/{id}/deactivate."""

    @describe(
        "Deactivate an organization membership",
        response=OrganizationMembershipObject,
        refusals=(400, 404),
    )
    def put(self, _request: HttpRequest, membership_id: str) -> HttpResponse:
        membership = OrganizationMembership.objects.in_environment(self.environment).require(membership_id)
        return reply(
            represent_membership(services.deactivate_membership(membership=membership, actor=self.actor))
        )


class ReactivateMembership(UserManagementView):
    """PUT /user_management/organization_memberships/{id}/reactivate."""

    @describe(
        "Reactivate an organization membership",
        response=OrganizationMembershipObject,
        refusals=(400, 404),
    )
    def put(self, _request: HttpRequest, membership_id: str) -> HttpResponse:
        membership = OrganizationMembership.objects.in_environment(self.environment).require(membership_id)
        return reply(
            represent_membership(services.reactivate_membership(membership=membership, actor=self.actor))
        )


class MembershipGroups(UserManagementView):
    """GET /user_management/organization_memberships/{id}/groups."""

    @describe("List the groups of a membership", response=GroupObject, paged=True, refusals=(404,))
    def get(self, _request: HttpRequest, membership_id: str) -> HttpResponse:
        membership = OrganizationMembership.objects.in_environment(self.environment).require(membership_id)
        groups = Group.objects.in_environment(self.environment).filter(memberships=membership)
        return self.page(groups, represent_group)


def _role_slugs(fields: dict[str, Any]) -> list[str] | None:
    """Return the slugs that were named in either form, or None."""
    if "role_slugs" in fields:
        return list(fields["role_slugs"])
    return [fields["role_slug"]] if "role_slug" in fields else None
