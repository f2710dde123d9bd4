"""Views of organization domains."""

from django.http import HttpRequest, HttpResponse

from environments.api.schema import describe
from environments.api.views import ApiView, no_content, reply
from organizations import services
from organizations.api.serializers import OrganizationDomainInput
from organizations.models import Organization, OrganizationDomain
from organizations.representations import OrganizationDomainObject, represent_domain


class OrganizationDomainCollection(ApiView):
    """POST /organization_domains."""

    @describe(
        "Create an organization domain",
        request=OrganizationDomainInput,
        response=OrganizationDomainObject,
        status=201,
        refusals=(404, 409),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(OrganizationDomainInput)
        organizations = Organization.objects.in_environment(self.environment)
        domain = services.add_domain(
            organization=organizations.require(fields["organization_id"]),
            actor=self.actor,
            domain=fields["domain"],
        )
        return reply(represent_domain(domain), 201)


class OrganizationDomainItem(ApiView):
    """GET, DELETE /organization_domains/{id}."""

    @describe("Get an organization domain", response=OrganizationDomainObject, refusals=(404,))
    def get(self, _request: HttpRequest, domain_id: str) -> HttpResponse:
        return reply(
            represent_domain(OrganizationDomain.objects.in_environment(self.environment).require(domain_id))
        )

    @describe("Delete an organization domain", status=204, refusals=(404,))
    def delete(self, _request: HttpRequest, domain_id: str) -> HttpResponse:
        domain = OrganizationDomain.objects.in_environment(self.environment).require(domain_id)
        services.delete_domain(domain=domain, actor=self.actor)
        return no_content()


class VerifyOrganizationDomain(ApiView):
    """POST /organization_domains/{id}/verify."""

    @describe(
        "Verify an organization domain",
        response=OrganizationDomainObject,
        status=201,
        refusals=(400, 404),
    )
    def post(self, _request: HttpRequest, domain_id: str) -> HttpResponse:
        domain = OrganizationDomain.objects.in_environment(self.environment).require(domain_id)
        return reply(
            represent_domain(services.start_domain_verification(domain=domain, actor=self.actor)), 201
        )
