"""Views of organizations."""

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse

from authentication.services import delete_organization
from environments.api import limits
from environments.api.schema import describe
from environments.api.views import ApiView, no_content, reply
from foundation.dns_names import to_ascii_domain
from foundation.errors import NotFound
from organizations import services
from organizations.api.serializers import OrganizationInput, OrganizationParameters, OrganizationUpdateInput
from organizations.models import DomainState, Organization, OrganizationDomain, organizations_with_domains
from organizations.representations import OrganizationObject, represent_organization
from organizations.services import DomainClaim


class OrganizationCollection(ApiView):
    """GET, POST /organizations."""

    @describe("List organizations", response=OrganizationObject, query=OrganizationParameters, paged=True)
    def get(self, _request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(OrganizationParameters)
        return self.page(self._matching(parameters), represent_organization, parameters)

    @describe(
        "Create an organization",
        request=OrganizationInput,
        response=OrganizationObject,
        status=201,
        refusals=(400, 409),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(OrganizationInput)
        organization = services.create_organization(
            environment=self.environment, actor=self.actor, **_with_claims(fields)
        )
        return reply(represent_organization(organization), 201)

    def _matching(self, parameters: dict[str, Any]) -> QuerySet[Organization]:
        organizations = organizations_with_domains(self.environment)
        if parameters.get("domains"):
            domains = OrganizationDomain.objects.in_environment(self.environment).filter(
                organization=OuterRef("pk"), domain__in=[_stored_form(name) for name in parameters["domains"]]
            )
            organizations = organizations.filter(Exists(domains))
        if parameters.get("search"):
            organizations = organizations.filter(name__icontains=parameters["search"])
        return organizations


class OrganizationItem(ApiView):
    """GET, PUT, DELETE /organizations/{id}."""

    @describe("Get an organization", response=OrganizationObject, refusals=(404,))
    def get(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        return reply(
            represent_organization(organizations_with_domains(self.environment).require(organization_id))
        )

    @describe(
        "Update an organization",
        request=OrganizationUpdateInput,
        response=OrganizationObject,
        refusals=(400, 404, 409),
    )
    def put(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        organization = Organization.objects.in_environment(self.environment).require(organization_id)
        fields = self.read(OrganizationUpdateInput)
        organization = services.update_organization(
            organization=organization,
            actor=self.actor,
            changes=_with_claims(fields),  # type: ignore[arg-type]  # the serializer's fields are its keys
        )
        return reply(represent_organization(organization))

    @describe("Delete an organization", status=202, refusals=(404, 429))
    def delete(self, _request: HttpRequest, organization_id: str) -> HttpResponse:
        self.count(limits.ORGANIZATION_DELETIONS, self.api_key.id)
        organization = Organization.objects.in_environment(self.environment).require(organization_id)
        delete_organization(organization=organization, actor=self.actor)
        return no_content(202)


class OrganizationByExternalID(ApiView):
    """GET /organizations/external_id/{external_id}."""

    @describe("Get an organization by its external id", response=OrganizationObject, refusals=(404,))
    def get(self, _request: HttpRequest, external_id: str) -> HttpResponse:
        organization = organizations_with_domains(self.environment).filter(external_id=external_id).first()
        if organization is None:
            raise NotFound.of("Organization", external_id)
        return reply(represent_organization(organization))


def _with_claims(fields: dict[str, Any]) -> dict[str, Any]:
    """Fold both ways of naming domains into claims: ``domains`` are verified, and one organization's alone."""
    domain_data, names = fields.pop("domain_data", None), fields.pop("domains", None)
    if domain_data is None and names is None:
        return fields
    claims = [DomainClaim(name, DomainState.VERIFIED) for name in names or []]
    claims += [DomainClaim(claim["domain"], claim["state"]) for claim in domain_data or []]
    return {**fields, "domains": claims}


def _stored_form(name: str) -> str:
    try:
        return to_ascii_domain(name)
    except ValueError:
        return name  # It matches nothing, as it should.
