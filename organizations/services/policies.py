"""What an organization asks of a sign-in."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from foundation import clock
from organizations.models import Organization, OrganizationPolicy
from organizations.services.domains import lock_organization


@transaction.atomic
def update_organization_policy(
    *, organization: Organization, changes: Mapping[str, Any]
) -> OrganizationPolicy:
    """Change an organization's policy by field name; it counts from the next step of every sign-in on.

    The database's constraints hold the bounds (``full_clean`` words them). Raises ValidationError, NotFound.
    """
    organization = lock_organization(organization)
    rows = OrganizationPolicy.objects.in_environment(organization.environment_id)
    row = rows.filter(organization=organization).first()
    if row is None:
        row = OrganizationPolicy(environment=organization.environment, organization=organization)
    for field, value in changes.items():
        setattr(row, field, value)
    row.updated_at = clock.now()
    row.full_clean(validate_unique=False)
    row.save()
    return row
