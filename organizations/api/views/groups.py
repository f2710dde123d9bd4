"""Views of groups."""

from django.http import HttpRequest, HttpResponse

from environments.api.schema import describe
from environments.api.views import ApiView, no_content, reply
from environments.models import Environment
from organizations import services
from organizations.api.serializers import GroupInput, GroupMemberInput, GroupUpdateInput
from organizations.models import Group, Organization, memberships_with_relations
from organizations.representations import (
    GroupObject,
    OrganizationMembershipObject,
    represent_group,
    represent_membership,
)


class GroupCollection(ApiView):
    """GET, POST /organizations/{organizationId}/groups."""

    @describe("List groups", response=GroupObject, paged=True, refusals=(404,))
    def get(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        organization = Organization.objects.in_environment(self.environment).require(organization_id)
        groups = Group.objects.in_environment(self.environment).filter(organization=organization)
        return self.page(groups, represent_group)

    @describe("Create a group", request=GroupInput, response=GroupObject, status=201, refusals=(404,))
    def post(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        organization = Organization.objects.in_environment(self.environment).require(organization_id)
        group = services.create_group(organization=organization, actor=self.actor, **self.read(GroupInput))
        return reply(represent_group(group), 201)


class GroupItem(ApiView):
    """GET, PATCH, DELETE /organizations/{organizationId}/groups/{groupId}."""

    @describe("Get a group", response=GroupObject, refusals=(404,))
    def get(self, _request: HttpRequest, organization_id: str, group_id: str) -> HttpResponse:
        return reply(represent_group(_require_group(self.environment, organization_id, group_id)))

    @describe("Update a group", request=GroupUpdateInput, response=GroupObject, refusals=(404,))
    def patch(self, _request: HttpRequest, organization_id: str, group_id: str) -> HttpResponse:
        group = _require_group(self.environment, organization_id, group_id)
        group = services.update_group(
            group=group,
            actor=self.actor,
            changes=self.read(GroupUpdateInput),  # type: ignore[arg-type]  # the serializer's fields are its keys
        )
        return reply(represent_group(group))

    @describe("Delete a group", status=204, refusals=(404,))
    def delete(self, _request: HttpRequest, organization_id: str, group_id: str) -> HttpResponse:
        services.delete_group(
            group=_require_group(self.environment, organization_id, group_id), actor=self.actor
        )
        return no_content()


class GroupMemberCollection(ApiView):
    """GET, POST /organizations/{organizationId}/groups/{groupId}/organization-memberships."""

    @describe(
        "List the members of a group", response=OrganizationMembershipObject, paged=True, refusals=(404,)
    )
    def get(self, _request: HttpRequest, organization_id: str, group_id: str) -> HttpResponse:
        group = _require_group(self.environment, organization_id, group_id)
        memberships = memberships_with_relations(self.environment).filter(groups=group)
        return self.page(memberships, represent_membership)

    @describe("Add a member to a group", request=GroupMemberInput, response=GroupObject, refusals=(400, 404))
    def post(self, _request: HttpRequest, organization_id: str, group_id: str) -> HttpResponse:
        group = _require_group(self.environment, organization_id, group_id)
        fields = self.read(GroupMemberInput)
        group = services.add_group_member(
            group=group, actor=self.actor, membership_id=fields["organization_membership_id"]
        )
        return reply(represent_group(group))


class GroupMemberItem(ApiView):
    """DELETE /organizations/{organizationId}/groups/{groupId}/organization-memberships/{omId}."""

    @describe("Remove a member from a group", status=204, refusals=(404,))
    def delete(
        self, _request: HttpRequest, organization_id: str, group_id: str, membership_id: str
    ) -> HttpResponse:
        services.remove_group_member(
            group=_require_group(self.environment, organization_id, group_id),
            actor=self.actor,
            membership_id=membership_id,
        )
        return no_content()


def _require_group(environment: Environment, organization_id: str, group_id: str) -> Group:
    """Return a group of the organization in the path; another organization's is as unknown as none."""
    organization = Organization.objects.in_environment(environment).require(organization_id)
    return Group.objects.in_environment(environment).filter(organization=organization).require(group_id)
