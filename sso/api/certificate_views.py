"""Views of the certificates of SAML connections: the identity provider's, and our own."""

from django.http import HttpRequest, HttpResponse

from environments.api.schema import describe
from environments.api.views import ApiView, no_content, reply
from foundation.errors import NotFound
from sso import services
from sso.api.serializers import CertificateInput
from sso.connection_types import Protocol
from sso.models import Connection, IdPCertificate, KeyPairUse
from sso.representations import (
    IdPCertificateListObject,
    IdPCertificateObject,
    SPEncryptionCertificateListObject,
    SPEncryptionCertificateObject,
    SPSigningCertificateObject,
    represent_idp_certificate,
    represent_sp_encryption_certificate,
    represent_sp_signing_certificate,
)


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


class SPEncryptionCertificateCollection(_CertificateView):
    """GET, POST /connections/{id}/saml_sp_encryption_certs."""

    @describe("List our encryption certificates", response=SPEncryptionCertificateListObject, refusals=(404,))
    def get(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        rows = services.list_key_pairs(self.require_saml_connection(connection_id), KeyPairUse.ENCRYPTION)
        listed: SPEncryptionCertificateListObject = {
            "object": "list",
            "data": [represent_sp_encryption_certificate(row) for row in rows],
        }
        return reply(listed)

    @describe(
        "Create an encryption key pair of ours",
        response=SPEncryptionCertificateObject,
        status=201,
        refusals=(404, 409),
    )
    def post(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        row = services.create_encryption_pair(
            connection=self.require_saml_connection(connection_id), actor=self.actor
        )
        return reply(represent_sp_encryption_certificate(row), 201)


class SPEncryptionCertificateItem(_CertificateView):
    """DELETE /connections/{id}/saml_sp_encryption_certs/{certificate_id}."""

    @describe("Delete an encryption key pair of ours", status=204, refusals=(404,))
    def delete(self, _request: HttpRequest, connection_id: str, certificate_id: str) -> HttpResponse:
        services.delete_key_pair(
            connection=self.require_saml_connection(connection_id),
            use=KeyPairUse.ENCRYPTION,
            pair_id=certificate_id,
        )
        return no_content()


class SPSigningCertificate(_CertificateView):
    """GET, POST /connections/{id}/saml_sp_signing_cert: there is one at a time."""

    @describe("Get our signing certificate", response=SPSigningCertificateObject, refusals=(404,))
    def get(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        connection = self.require_saml_connection(connection_id)
        for row in services.list_key_pairs(connection, KeyPairUse.SIGNING):
            return reply(represent_sp_signing_certificate(row))
        raise NotFound.of("SAML Service Provider Signing Certificate", connection_id)

    @describe(
        "Create our signing key pair",
        response=SPSigningCertificateObject,
        status=201,
        refusals=(404, 409),
    )
    def post(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        row = services.create_signing_pair(
            connection=self.require_saml_connection(connection_id), actor=self.actor
        )
        return reply(represent_sp_signing_certificate(row), 201)


class SPSigningCertificateItem(_CertificateView):
    """DELETE /connections/{id}/saml_sp_signing_cert/{certificate_id}."""

    @describe("Delete our signing key pair", status=204, refusals=(404,))
    def delete(self, _request: HttpRequest, connection_id: str, certificate_id: str) -> HttpResponse:
        services.delete_key_pair(
            connection=self.require_saml_connection(connection_id),
            use=KeyPairUse.SIGNING,
            pair_id=certificate_id,
        )
        return no_content()
