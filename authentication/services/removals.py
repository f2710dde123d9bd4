"""Removals that reach down through the floors."""

from django.db import transaction

from accounts import services as accounts
from accounts.models import User
from foundation.actors import Actor
from organizations import services as organizations
from organizations.models import Organization


@transaction.atomic
def delete_organization(*, organization: Organization, actor: Actor) -> None:
    """Remove an organization with all that hangs on it; one ``organization.deleted`` tells of it."""
    organizations.remove_organization(organization=organization, actor=actor)


@transaction.atomic
def delete_user(*, user: User, actor: Actor) -> None:
    """Remove a user with all that hangs on it; one ``user.deleted`` tells of it. Raises NotFound."""
    accounts.remove_user(user=user, actor=actor)
