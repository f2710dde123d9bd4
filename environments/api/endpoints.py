"""Views of redirect URIs, CORS origins and the JWK set."""

from django.http import HttpRequest, HttpResponse

from environments import services
from environments.api.schema import describe
from environments.api.serializers import CORSOriginInput, RedirectURIInput
from environments.api.views import PublicApiView, UserManagementView, no_content, reply
from environments.models import CORSOrigin, Environment, RedirectURI, RedirectURIPurpose
from environments.representations import (
    CORSOriginObject,
    JWKSetObject,
    RedirectURIObject,
    represent_cors_origin,
    represent_jwk_set,
    represent_redirect_uri,
)
from foundation.errors import NotFound

# Long enough to spare a verifier's start-up, short enough that a rotated key is seen before its first tokens age.
_JWKS_CACHE_SECONDS = 60


class RedirectURICollection(UserManagementView):
    """GET, POST /user_management/redirect_uris."""

    @describe("List redirect URIs", response=RedirectURIObject, paged=True)
    def get(self, _request: HttpRequest) -> HttpResponse:
        uris = RedirectURI.objects.in_environment(self.environment)
        return self.page(uris.filter(purpose=RedirectURIPurpose.SIGN_IN), represent_redirect_uri)

    @describe("Create a redirect URI", request=RedirectURIInput, response=RedirectURIObject, status=201)
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(RedirectURIInput)
        row = services.add_redirect_uri(
            environment=self.environment, uri=fields["uri"], is_default=fields["default"]
        )
        return reply(represent_redirect_uri(row), 201)


class RedirectURIItem(UserManagementView):
    """DELETE /user_management/redirect_uris/{id}."""

    @describe("Delete a redirect URI", status=204, refusals=(404, 409))
    def delete(self, _request: HttpRequest, redirect_uri_id: str) -> HttpResponse:
        services.delete_redirect_uri(
            RedirectURI.objects.in_environment(self.environment).require(redirect_uri_id)
        )
        return no_content()


class CORSOriginCollection(UserManagementView):
    """GET, POST /user_management/cors_origins."""

    @describe("List CORS origins", response=CORSOriginObject, paged=True)
    def get(self, _request: HttpRequest) -> HttpResponse:
        return self.page(CORSOrigin.objects.in_environment(self.environment), represent_cors_origin)

    @describe(
        "Create a CORS origin",
        request=CORSOriginInput,
        response=CORSOriginObject,
        status=201,
        refusals=(409,),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        row = services.add_cors_origin(environment=self.environment, **self.read(CORSOriginInput))
        return reply(represent_cors_origin(row), 201)


class JWKSet(PublicApiView):
    """GET /sso/jwks/{client_id}: the keys that verify access tokens (RFC 7517)."""

    @describe("Get the JWK set", response=JWKSetObject, public=True, refusals=(404,))
    def get(self, _request: HttpRequest, client_id: str) -> HttpResponse:
        environment = Environment.objects.filter(client_id=client_id).first()
        if environment is None:
            raise NotFound.of("Client", client_id)
        response = reply(represent_jwk_set(services.published_signing_keys(environment)))
        response.headers["Cache-Control"] = f"public, max-age={_JWKS_CACHE_SECONDS}"
        # Public keys are for anybody's script.
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response
