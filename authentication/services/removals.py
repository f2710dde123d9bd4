"""Removals that reach down through the floors."""

from django.db import transaction

from foundation.actors import Actor
from organizations import services as organizations
from organizations.models import Organization


@transaction.atomic
def delete_organization(*, organization: Organization, actor: Actor) -> None:
    """Remove an organization with all that hangs on it; one ``organization.deleted`` tells of it."""
    organizations.remove_organization(organization=organization, actor=actor)
