"""Views of connections."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from environments.api.schema import describe
from environments.api.views import ApiView, no_content, reply
from foundation.scoping import EnvironmentQuerySet
from organizations.models import Organization
from sso import services
from sso.api.readings import changes_of, type_of
from sso.api.serializers import (
    ConnectionInput,
    ConnectionParameters,
    ConnectionUpdateInput,
)
from sso.connection_types import canonical_type
from sso.errors import ConnectionAlreadyExists, ConnectionSettingsInvalid
from sso.models import Connection
from sso.representations import (
    ConnectionDetailsObject,
    ConnectionObject,
    represent_connection,
    represent_connection_details,
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
        other_status=200,
        refusals=(404, 409),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(ConnectionInput)
        organization = None
        if "organization_id" in fields:
            rows = Organization.objects.in_environment(self.environment)
            organization = rows.require(fields["organization_id"])
        # Whoever lost our answer asks again: the current SDKs promise the connection that is there (create_connection).
        known = (organization, fields.get("external_id"))
        standing = services.find_connection_of_external_id(*known)
        if standing is not None:
            return reply(represent_connection_details(standing))
        try:
            connection = services.create_connection(
                environment=self.environment,
                actor=self.actor,
                connection_type=type_of(fields),
                organization=organization,
                changes=changes_of(fields),
            )
        except ConnectionAlreadyExists:
            standing = services.find_connection_of_external_id(*known)
            if standing is None:
                raise
            return reply(represent_connection_details(standing))
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
