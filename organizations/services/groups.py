"""Groups of memberships."""

from typing import TypedDict

from django.db import transaction

from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.errors import NotFound
from organizations.errors import GroupMembershipLimitExceeded
from organizations.models import Group, Organization, OrganizationMembership
from organizations.representations import represent_group
from organizations.services.changes import previous_attributes
from organizations.services.domains import lock_organization

# The spec knows the refusal and not the number; this one keeps a group's list of members walkable.
MAXIMUM_MEMBERS = 10_000


class GroupChanges(TypedDict, total=False):
    """What an update may change; what is not named stays."""

    name: str
    description: str | None


@transaction.atomic
def create_group(
    *, organization: Organization, actor: Actor, name: str, description: str | None = None
) -> Group:
    """Create an empty group in an organization."""
    organization = lock_organization(organization)
    moment = clock.now()
    group = Group.objects.create(
        environment=organization.environment,
        organization=organization,
        name=name,
        description=description,
        created_at=moment,
        updated_at=moment,
    )
    emit("group.created", environment=group.environment, actor=actor, data=represent_group(group))
    return group


@transaction.atomic
def update_group(*, group: Group, actor: Actor, changes: GroupChanges) -> Group:
    """Change what is named. An update that changes nothing is told to nobody."""
    group = _locked(group)
    before = represent_group(group)
    group.name = changes.get("name", group.name)
    group.description = changes.get("description", group.description)
    if before == represent_group(group):
        return group
    group.updated_at = clock.now()
    group.save(update_fields=["name", "description", "updated_at"])
    after = represent_group(group)
    emit(
        "group.updated",
        environment=group.environment,
        actor=actor,
        data=after,
        previous_attributes=previous_attributes(before, after),
    )
    return group


@transaction.atomic
def delete_group(*, group: Group, actor: Actor) -> None:
    """Remove a group; its members stay members of the organization."""
    group = _locked(group)
    data = represent_group(group)
    environment = group.environment
    group.delete()
    emit("group.deleted", environment=environment, actor=actor, data=data)


@transaction.atomic
def add_group_member(*, group: Group, actor: Actor, membership_id: str) -> Group:
    """Put a membership of the same organization into a group; one that is there already changes nothing.

    Raises NotFound (also for a membership of another organization), GroupMembershipLimitExceeded.
    """
    group = _locked(group)
    membership = _membership(group, membership_id)
    if group.memberships.filter(pk=membership.pk).exists():
        return group
    if group.memberships.count() >= MAXIMUM_MEMBERS:
        raise GroupMembershipLimitExceeded
    group.memberships.add(membership)
    _emit_member_event("group.member_added", group, membership, actor)
    return group


@transaction.atomic
def remove_group_member(*, group: Group, actor: Actor, membership_id: str) -> None:
    """Take a membership out of a group. Raises NotFound where it is not in it."""
    group = _locked(group)
    membership = _membership(group, membership_id)
    if not group.memberships.filter(pk=membership.pk).exists():
        raise NotFound.of("Organization Membership", membership_id)
    group.memberships.remove(membership)
    _emit_member_event("group.member_removed", group, membership, actor)


def _emit_member_event(name: str, group: Group, membership: OrganizationMembership, actor: Actor) -> None:
    emit(
        name,
        environment=group.environment,
        actor=actor,
        data={"group_id": group.id, "organization_membership_id": membership.id},
        organization_id=group.organization_id,
    )


def _membership(group: Group, membership_id: str) -> OrganizationMembership:
    """Return a membership of the group's organization, held until the transaction ends."""
    rows = OrganizationMembership.objects.in_environment(group.environment)
    rows = rows.select_for_update(of=("self",), no_key=True).filter(organization=group.organization_id)
    return rows.require(membership_id)


def _locked(group: Group) -> Group:
    rows = Group.objects.in_environment(group.environment_id).select_related("environment")
    return rows.select_for_update(of=("self",)).require(group.id)
