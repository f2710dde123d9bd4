"""Organizations: created, changed, removed."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from django.db import IntegrityError, transaction

from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.metadata import merge_metadata
from organizations.errors import (
    ExternalIDAlreadyUsed,
    OrganizationAlreadyExists,
    StripeCustomerIDAlreadyUsed,
)
from organizations.models import Organization, organizations_with_domains
from organizations.representations import represent_organization
from organizations.services.changes import previous_attributes
from organizations.services.domains import DomainClaim, insert_claims, normalized_claims, replace_claims

_COLUMNS = ("name", "external_id", "stripe_customer_id", "allow_profiles_outside_organization")


class OrganizationChanges(TypedDict, total=False):
    """What an update may change; what is not named stays."""

    name: str
    external_id: str | None
    stripe_customer_id: str | None
    allow_profiles_outside_organization: bool
    metadata: Mapping[str, Any] | None
    domains: Sequence[DomainClaim]


@transaction.atomic
def create_organization(
    *,
    environment: Environment,
    actor: Actor,
    name: str,
    domains: Sequence[DomainClaim] = (),
    external_id: str | None = None,
    stripe_customer_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    allow_profiles_outside_organization: bool = False,
    organization_id: str = "",
) -> Organization:
    """Create an organization with its domains; one lost claim creates nothing. ``organization_id`` pins the id.

    Raises InvalidDomain, DomainTakenByAnotherOrganization, InvalidMetadata, ExternalIDAlreadyUsed,
    StripeCustomerIDAlreadyUsed, OrganizationAlreadyExists.
    """
    claims = normalized_claims(environment, domains)
    organization = Organization(
        environment=environment,
        name=name,
        external_id=external_id,
        stripe_customer_id=stripe_customer_id,
        metadata=merge_metadata({}, metadata),
        allow_profiles_outside_organization=allow_profiles_outside_organization,
    )
    if organization_id:
        organization.id = organization_id
    organization.updated_at = organization.created_at
    _write(organization, {"force_insert": True})
    insert_claims(organization, actor, claims)
    organization = _with_domains(organization)
    emit(
        "organization.created",
        environment=environment,
        actor=actor,
        data=represent_organization(organization),
    )
    return organization


@transaction.atomic
def update_organization(
    *, organization: Organization, actor: Actor, changes: OrganizationChanges
) -> Organization:
    """Change what is named: ``domains`` replaces the list, ``metadata`` is merged (None clears it).

    An update that changes nothing is told to nobody. Raises as :func:`create_organization` does.
    """
    environment = organization.environment
    organization = _locked(organization)
    before = represent_organization(organization)
    for column in _COLUMNS:
        if column in changes:
            setattr(organization, column, changes[column])  # type: ignore[literal-required]  # the names are its keys
    if "metadata" in changes:
        organization.metadata = merge_metadata(organization.metadata, changes["metadata"])
    changed = before != represent_organization(organization)
    if "domains" in changes:
        claims = normalized_claims(environment, changes["domains"])
        changed |= replace_claims(organization, actor, claims)
    if not changed:
        return organization
    organization.updated_at = clock.now()
    _write(organization, {"update_fields": [*_COLUMNS, "metadata", "updated_at"]})
    organization = _with_domains(organization)
    after = represent_organization(organization)
    emit(
        "organization.updated",
        environment=environment,
        actor=actor,
        data=after,
        previous_attributes=previous_attributes(before, after),
    )
    return organization


@transaction.atomic
def remove_organization(*, organization: Organization, actor: Actor) -> None:
    """Remove an organization and all that hangs on it, with one event.

    Sessions belong to a higher floor: the use case of the API is ``authentication.services.delete_organization``.
    """
    environment = organization.environment
    rows = organizations_with_domains(environment).select_for_update(of=("self",))
    organization = rows.require(organization.id)
    data = represent_organization(organization)
    organization.delete()
    emit("organization.deleted", environment=environment, actor=actor, data=data)


def _locked(organization: Organization) -> Organization:
    rows = organizations_with_domains(organization.environment)
    return rows.select_for_update(of=("self",), no_key=True).require(organization.id)


def _with_domains(organization: Organization) -> Organization:
    return organizations_with_domains(organization.environment).require(organization.id)


def _write(organization: Organization, options: dict[str, Any]) -> None:
    try:
        with transaction.atomic():
            organization.save(**options)
    except IntegrityError as error:
        raise _refusal_of(organization) from error


def _refusal_of(organization: Organization) -> Exception:
    """Find out which of the unique columns stood in the way: the databases word it too differently to be read."""
    others = Organization.objects.in_environment(organization.environment).exclude(pk=organization.pk)
    if organization.external_id is not None and others.filter(external_id=organization.external_id).exists():
        return ExternalIDAlreadyUsed()
    customer_id = organization.stripe_customer_id
    if customer_id is not None and others.filter(stripe_customer_id=customer_id).exists():
        return StripeCustomerIDAlreadyUsed()
    return OrganizationAlreadyExists()
