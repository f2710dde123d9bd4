"""What an organization asks of a sign-in."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.email_addresses import email_domain
from foundation import clock
from organizations.errors import GuestsNotAllowed
from organizations.models import VERIFIED_STATES, Organization, OrganizationDomain, OrganizationPolicy
from organizations.policy_fields import GuestPolicy
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


@transaction.atomic
def remove_organization_policy(policy: OrganizationPolicy) -> None:
    """Let the environment's settings alone count for an organization."""
    policy.delete()


def require_guest_allowed(organization: Organization, email: str, *, is_invited: bool) -> None:
    """Refuse a stored address of another domain where the organization takes no guests, or only invited ones.

    An organization without a verified domain has guests alone. Raises GuestsNotAllowed.
    """
    policy = getattr(organization, "policy", None)
    if policy is None or policy.guests == GuestPolicy.ANYONE:
        return
    if policy.guests == GuestPolicy.INVITED and is_invited:
        return
    own = OrganizationDomain.objects.in_environment(organization.environment_id).filter(
        organization=organization, domain=email_domain(email), state__in=VERIFIED_STATES
    )
    if not own.exists():
        raise GuestsNotAllowed
