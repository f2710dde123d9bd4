"""Views of connections and of their certificates."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from environments.api.schema import describe
from environments.api.views import ApiView, no_content, reply
from foundation.errors import NotFound
from foundation.scoping import EnvironmentQuerySet
from organizations.models import Organization
from sso import services
from sso.api.readings import changes_of, type_of
from sso.api.serializers import (
    CertificateInput,
    ConnectionInput,
    ConnectionParameters,
    ConnectionUpdateInput,
)
from sso.connection_types import Protocol, canonical_type
from sso.errors import ConnectionSettingsInvalid
from sso.models import Connection, IdPCertificate
from sso.representations import (
    ConnectionDetailsObject,
    ConnectionObject,
    IdPCertificateListObject,
    IdPCertificateObject,
    represent_connection,
    represent_connection_details,
    represent_idp_certificate,
)


class ConnectionCollection(ApiView):
    """GET, POST /connections."""

    @describe("List connections", response=ConnectionObject, query=ConnectionParameters, paged=True)
    def get(self, _request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(ConnectionParameters)
        return self.page(self._matching(parameters), represent_connection, parameters)

    @describe(
        "Create a connection",
        request=ConnectionInput,
        response=ConnectionDetailsObject,
        status=201,
        refusals=(404, 409),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(ConnectionInput)
        organization = None
        if "organization_id" in fields:
            rows = Organization.objects.in_environment(self.environment)
            organization = rows.require(fields["organization_id"])
        connection = services.create_connection(
            environment=self.environment,
            actor=self.actor,
            connection_type=type_of(fields),
            organization=organization,
            changes=changes_of(fields),
        )
        return reply(represent_connection_details(connection), 201)

    def _matching(self, parameters: dict[str, Any]) -> EnvironmentQuerySet[Connection]:
        if parameters.get("domain"):
            rows = services.connections_of_domain(self.environment, parameters["domain"])
        else:
            rows = services.connections_with_relations(self.environment)
        if parameters.get("connection_type"):
            rows = rows.filter(connection_type=canonical_type(parameters["connection_type"]))
        if parameters.get("organization_id"):
            rows = rows.filter(organization_id=parameters["organization_id"])
        if parameters.get("search"):
            rows = rows.filter(name__icontains=parameters["search"])
        return rows


class ConnectionItem(ApiView):
    """GET, PUT, PATCH, DELETE /connections/{id}."""

    @describe("Get a connection", response=ConnectionDetailsObject, refusals=(404,))
    def get(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        return reply(
            represent_connection_details(services.require_connection(self.environment, connection_id))
        )

    @describe(
        "Update a connection",
        request=ConnectionUpdateInput,
        response=ConnectionDetailsObject,
        refusals=(404, 409),
    )
    def put(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        connection = services.require_connection(self.environment, connection_id)
        fields = self.read(ConnectionUpdateInput)
        named = fields.get("connection_type")
        if named is not None and canonical_type(named) != connection.connection_type:
            raise ConnectionSettingsInvalid.of("connection_type", "The type of a connection stays as it is.")
        connection = services.update_connection(
            connection=connection, actor=self.actor, changes=changes_of(fields, connection)
        )
        return reply(represent_connection_details(connection))

    @describe(
        "Update a connection",
        request=ConnectionUpdateInput,
        response=ConnectionDetailsObject,
        refusals=(404, 409),
    )
    def patch(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        return self.put(request, connection_id)

    @describe("Delete a connection", status=204, refusals=(404,))
    def delete(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        connection = services.require_connection(self.environment, connection_id)
        services.delete_connection(connection=connection, actor=self.actor)
        return no_content()


class _CertificateView(ApiView):
    """Certificates belong to SAML connections alone."""

    def require_saml_connection(self, connection_id: str) -> Connection:
        """Return the connection; raises NotFound, also where it speaks another protocol."""
        connection = services.require_connection(self.environment, connection_id)
        if connection.protocol is not Protocol.SAML:
            raise NotFound.of("Connection", connection_id)
        return connection


class IdPCertificateCollection(_CertificateView):
    """GET, POST /connections/{id}/saml_idp_signing_certs."""

    @describe("List the identity provider's certificates", response=IdPCertificateListObject, refusals=(404,))
    def get(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        connection = self.require_saml_connection(connection_id)
        rows = IdPCertificate.objects.in_environment(self.environment).filter(connection=connection)
        data = [represent_idp_certificate(row) for row in rows.order_by("id")]
        listed: IdPCertificateListObject = {"object": "list", "data": data}
        return reply(listed)

    @describe(
        "Add a certificate of the identity provider",
        request=CertificateInput,
        response=IdPCertificateObject,
        status=201,
        refusals=(404,),
    )
    def post(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        row = services.add_idp_certificate(
            connection=self.require_saml_connection(connection_id),
            actor=self.actor,
            certificate=self.read(CertificateInput)["value"],
        )
        return reply(represent_idp_certificate(row), 201)


class IdPCertificateItem(_CertificateView):
    """DELETE /connections/{id}/saml_idp_signing_certs/{certificate_id}."""

    @describe("Delete a certificate of the identity provider", status=204, refusals=(400, 404))
    def delete(self, _request: HttpRequest, connection_id: str, certificate_id: str) -> HttpResponse:
        services.delete_idp_certificate(
            connection=self.require_saml_connection(connection_id), certificate_id=certificate_id
        )
        return no_content()
