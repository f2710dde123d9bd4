"""Memberships: who belongs to an organization, and with which roles."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from accounts.models import User
from authorization.errors import InvalidRole
from authorization.models import ORGANIZATION_RESOURCE_TYPE, Role
from authorization.services import list_roles, resolve_roles
from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.ids import new_id
from organizations.errors import (
    CannotDeactivatePendingMembership,
    CannotReactivatePendingMembership,
    InvalidMembershipRole,
    MembershipAlreadyExists,
    SubResourceScopedRoleNotAllowed,
)
from organizations.models import (
    MembershipStatus,
    Organization,
    OrganizationMembership,
    memberships_with_relations,
)
from organizations.representations import OrganizationMembershipEventObject, represent_membership_for_event
from organizations.services.changes import previous_attributes
from organizations.services.domains import lock_organization
from organizations.services.invitation_rows import revoke_invitation_of
from organizations.services.policies import require_guest_allowed


@transaction.atomic
def create_membership(
    *,
    environment: Environment,
    actor: Actor,
    user: User,
    organization: Organization,
    role_slugs: Sequence[str] = (),
    status: MembershipStatus = MembershipStatus.ACTIVE,
    directory_managed: bool = False,
    membership_id: str = "",
    is_invited: bool = False,
) -> OrganizationMembership:
    """Make a user a member, with the roles named or the default one; an inactive member becomes active again.

    A reactivated member keeps the roles it had unless others are named. Raises MembershipAlreadyExists,
    CannotReactivatePendingMembership, InvalidMembershipRole, GuestsNotAllowed, NotFound (either was deleted meanwhile).
    """
    # Both rows are held, so that neither is deleted between the look and the write: the user first, as everywhere.
    user = (
        User.objects.in_environment(environment).select_for_update(of=("self",), no_key=True).require(user.id)
    )
    organization = lock_organization(organization)
    if not directory_managed:
        # Whom a directory lists is its own to decide.
        require_guest_allowed(organization, user.email, is_invited=is_invited)
    existing = (
        memberships_with_relations(environment)
        .select_for_update(of=("self",))
        .filter(organization=organization, user=user)
        .first()
    )
    if existing is not None:
        return _revive(existing, actor, role_slugs)
    roles = _roles(organization, role_slugs)
    membership = OrganizationMembership(
        id=membership_id or new_id("om"),
        environment=environment,
        user=user,
        organization=organization,
        status=status,
        directory_managed=directory_managed,
    )
    membership.updated_at = membership.created_at
    try:
        with transaction.atomic():
            membership.save(force_insert=True)
    except IntegrityError as error:
        raise MembershipAlreadyExists from error
    membership.roles.set(roles)
    membership = memberships_with_relations(environment).require(membership.id)
    emit(
        "organization_membership.created",
        environment=environment,
        actor=actor,
        data=represent_membership_for_event(membership),
    )
    return membership


@transaction.atomic
def update_membership(
    *, membership: OrganizationMembership, actor: Actor, role_slugs: Sequence[str]
) -> OrganizationMembership:
    """Give a member other roles; no slugs mean the default one. Raises InvalidMembershipRole."""
    membership = _locked(membership)
    before = represent_membership_for_event(membership)
    membership.roles.set(_roles(membership.organization, role_slugs))
    return _tell(membership, actor, before)


@transaction.atomic
def deactivate_membership(*, membership: OrganizationMembership, actor: Actor) -> OrganizationMembership:
    """Suspend a member, who keeps the roles. An inactive one is left as it is, and nobody is told.

    Raises CannotDeactivatePendingMembership.
    """
    membership = _locked(membership)
    if membership.status == MembershipStatus.PENDING:
        raise CannotDeactivatePendingMembership
    return _set_status(membership, actor, MembershipStatus.INACTIVE)


@transaction.atomic
def reactivate_membership(*, membership: OrganizationMembership, actor: Actor) -> OrganizationMembership:
    """Let a suspended member in again. An active one is left as it is, and nobody is told.

    Raises CannotReactivatePendingMembership.
    """
    membership = _locked(membership)
    if membership.status == MembershipStatus.PENDING:
        raise CannotReactivatePendingMembership
    return _set_status(membership, actor, MembershipStatus.ACTIVE)


@transaction.atomic
def activate_membership(*, membership: OrganizationMembership, actor: Actor) -> OrganizationMembership:
    """Let an invited user in: what :func:`services.accept_invitation` does to a pending membership."""
    return _set_status(_locked(membership), actor, MembershipStatus.ACTIVE)


@transaction.atomic
def delete_membership(*, membership: OrganizationMembership, actor: Actor) -> None:
    """Remove a member from the organization and from its groups; an invitation that a pending one awaits is revoked."""
    # Invitations are locked before memberships, and the organization before both.
    lock_organization(membership.organization)
    revoke_invitation_of(membership, actor)
    membership = _locked(membership)
    data = represent_membership_for_event(membership)
    environment = membership.environment
    membership.delete()
    emit("organization_membership.deleted", environment=environment, actor=actor, data=data)


def _revive(
    membership: OrganizationMembership, actor: Actor, role_slugs: Sequence[str]
) -> OrganizationMembership:
    if membership.status == MembershipStatus.PENDING:
        raise CannotReactivatePendingMembership
    if membership.status == MembershipStatus.ACTIVE:
        raise MembershipAlreadyExists
    before = represent_membership_for_event(membership)
    if role_slugs:
        membership.roles.set(_roles(membership.organization, role_slugs))
    membership.status = MembershipStatus.ACTIVE
    return _tell(membership, actor, before)


def _set_status(
    membership: OrganizationMembership, actor: Actor, status: MembershipStatus
) -> OrganizationMembership:
    before = represent_membership_for_event(membership)
    membership.status = status
    return _tell(membership, actor, before)


def _tell(
    membership: OrganizationMembership, actor: Actor, before: OrganizationMembershipEventObject
) -> OrganizationMembership:
    """Save a changed membership and emit what changed; do neither where nothing did."""
    if not previous_attributes(before, represent_membership_for_event(membership)):
        return membership
    membership.updated_at = clock.now()
    membership.save(update_fields=["status", "updated_at"])
    after = represent_membership_for_event(membership)
    emit(
        "organization_membership.updated",
        environment=membership.environment,
        actor=actor,
        data=after,
        previous_attributes=previous_attributes(before, after),
    )
    return membership


def _roles(organization: Organization, slugs: Sequence[str]) -> list[Role]:
    try:
        return resolve_roles(organization.environment, organization, slugs)
    except InvalidRole as error:
        scoped = (
            list_roles(organization.environment, organization)
            .filter(slug__in=slugs)
            .exclude(resource_type_slug=ORGANIZATION_RESOURCE_TYPE)
            .first()
        )
        if scoped is not None:
            raise SubResourceScopedRoleNotAllowed(role_slug=scoped.slug) from error
        # The spec answers a membership's unknown role with 422, an invitation's with 400.
        raise InvalidMembershipRole(str(error)) from error


def _locked(membership: OrganizationMembership) -> OrganizationMembership:
    rows = memberships_with_relations(membership.environment)
    return rows.select_for_update(of=("self",)).require(membership.id)
