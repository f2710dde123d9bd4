"""Organizations that appear in their own looks."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from environments.branding import Look, blend, find_branding
from environments.models import Environment
from environments.services import update_branding_fields
from organizations.models import Organization, OrganizationBranding


@transaction.atomic
def update_organization_branding(
    *, organization: Organization, changes: Mapping[str, Any]
) -> OrganizationBranding:
    """Change what stands in the place of the environment's branding; raises BrandingInvalid."""
    rows = OrganizationBranding.objects.in_environment(organization.environment_id).select_for_update()
    row, _created = rows.get_or_create(
        organization=organization, defaults={"environment_id": organization.environment_id}
    )
    update_branding_fields(row, changes)
    return row


@transaction.atomic
def delete_organization_branding(branding: OrganizationBranding) -> None:
    """Let an organization look as its environment does."""
    OrganizationBranding.objects.in_environment(branding.environment_id).filter(pk=branding.pk).delete()


def look_for(environment: Environment, organization_id: str | None) -> Look:
    """Return how pages and mail look that are about an organization, or about none."""
    special = None
    if organization_id:
        rows = OrganizationBranding.objects.in_environment(environment).defer("logo")
        special = rows.filter(organization_id=organization_id).first()
    return blend(environment, find_branding(environment), special, organization_id or "")
