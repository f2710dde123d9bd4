"""Views of ``/sso``: where a browser begins, and what an application fetches at the end."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from authentication.services import exchange_sso_code
from environments.api import bodies, limits
from environments.api.authentication import bearer_token, find_api_key
from environments.api.errors import native_error, status_of
from environments.api.requests import client_ip, user_agent
from environments.api.schema import describe
from environments.api.validation import validate
from environments.api.views import ApiView, PublicApiView, no_content, reply
from environments.models import Environment
from foundation.errors import DomainError, NotFound, Unauthenticated
from sso import conf, services
from sso.api.serializers import (
    AuthorizationParameters,
    LogoutInput,
    LogoutTokenParameters,
    TokenInput,
)
from sso.errors import InvalidClient, InvalidRedirectURI, SSORefused, TokenRefused, UnsupportedGrantType
from sso.models import Profile
from sso.representations import (
    AuthorizationURLObject,
    LogoutAuthorizationObject,
    ProfileObject,
    SSOTokenObject,
    represent_profile,
)


def sso_error(error: DomainError) -> tuple[int, dict[str, Any]]:
    """Return status and body: RFC 6749 §5.2's form for OAuth's refusals, the native form for others."""
    if isinstance(error, TokenRefused | SSORefused | InvalidRedirectURI):
        return status_of(error), {"error": error.code, "error_description": error.message}
    return native_error(error)


def profile_error(error: DomainError) -> tuple[int, dict[str, Any]]:
    """Return status and body of ``/sso/profile``, whose 401 has a form of its own (workos-legacy 3)."""
    if isinstance(error, Unauthenticated):
        return 401, {"error": "Unauthorized", "message": error.message}
    return native_error(error)


class Authorize(PublicApiView):
    """GET /sso/authorize: a browser comes from an application, to sign its person in by a connection."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(sso_error)

    @describe(
        "Initiate SSO",
        query=AuthorizationParameters,
        response=None,
        status=302,
        public=True,
        refusals=(400, 404, 429),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(AuthorizationParameters)
        environment = _require_environment(parameters.pop("client_id"))
        wanted = services.Authorization(**parameters)
        try:
            connection = services.choose_connection(environment, wanted)
        except SSORefused as refusal:
            return _send_to(request, services.refusal_url(wanted.redirect_uri, wanted.state, refusal))
        self.count(limits.SSO_AUTHORIZE, connection.id)
        url = services.start_authorization(
            connection=connection,
            wanted=wanted,
            ip_address=client_ip(request),
            user_agent=user_agent(request),
        )
        return _send_to(request, url)


class Token(PublicApiView):
    """POST /sso/token: a code becomes a profile, and a token that reads it again."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(sso_error)

    fields: dict[str, Any]
    is_public = False

    def identify(self, request: HttpRequest) -> None:
        """Find the client before anything is remembered in its name."""
        if request.method != "POST":
            return
        self.fields = validate(TokenInput, self._merged(request), self.field_error_style)
        secret = self.fields.get("client_secret")
        if secret is None:
            self.is_public = True
            environment = Environment.objects.filter(client_id=self.fields["client_id"]).first()
            if environment is None or "code_verifier" not in self.fields:
                raise InvalidClient
            self.environment = environment
        else:
            key = find_api_key(secret)
            if key is None or key.environment.client_id != self.fields["client_id"]:
                raise InvalidClient
            self.environment = key.environment

    @describe(
        "Get a profile and token",
        request=TokenInput,
        response=SSOTokenObject,
        public=True,
        refusals=(400, 429),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        if self.fields["grant_type"] != "authorization_code":
            raise UnsupportedGrantType.of(self.fields["grant_type"])
        if self.environment is None:
            raise InvalidClient
        # In the app above, which may have spent the same code, or have sessions of it to end.
        issued = exchange_sso_code(
            environment=self.environment,
            code=self.fields["code"],
            code_verifier=self.fields.get("code_verifier"),
            redirect_uri=self.fields.get("redirect_uri"),
            by_public_client=self.is_public,
        )
        answer: SSOTokenObject = {
            "token_type": "Bearer",
            "access_token": issued.access_token,
            "expires_in": int(conf.ACCESS_TOKEN_LIFETIME.total_seconds()),
            "profile": represent_profile(issued.profile),
        }
        if issued.oauth_tokens is not None:
            answer["oauth_tokens"] = dict(issued.oauth_tokens)
        return reply(answer)

    def _merged(self, request: HttpRequest) -> Any:
        """Return the body, with what only the query has: SDKs use each of the two (workos-legacy 3)."""
        body = self.body_data()
        if not isinstance(body, dict):
            return body
        return {**bodies.parse_query(request.META.get("QUERY_STRING", "")), **body}


class UserProfile(PublicApiView):
    """GET /sso/profile: the profile that an access token reads."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(profile_error)

    @describe("Get a user profile", response=ProfileObject, refusals=(401,))
    def get(self, request: HttpRequest) -> HttpResponse:
        return reply(represent_profile(services.require_profile(bearer_token(request))))


class AuthorizeLogout(ApiView):
    """POST /sso/logout/authorize: a token with which a browser signs out at its identity provider."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(sso_error)

    @describe(
        "Authorize a logout", request=LogoutInput, response=LogoutAuthorizationObject, refusals=(400, 404)
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        profile_id = self.read(LogoutInput)["profile_id"]
        rows = Profile.objects.in_environment(self.environment).select_related("connection")
        token = services.authorize_logout(rows.require(profile_id))
        answer: LogoutAuthorizationObject = {"logout_url": conf.logout_page(token), "logout_token": token}
        return reply(answer)


class Logout(PublicApiView):
    """GET /sso/logout: a browser goes to its identity provider's logout page."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(sso_error)

    @describe(
        "Log out at the identity provider",
        query=LogoutTokenParameters,
        status=302,
        public=True,
        refusals=(404,),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        response = no_content(302)
        response.headers["Location"] = services.start_logout(
            self.read_query(LogoutTokenParameters)["token"],
            ip_address=client_ip(request),
            user_agent=user_agent(request),
        )
        response.headers["Cache-Control"] = "no-store"
        return response


def _require_environment(client_id: str) -> Environment:
    environment = Environment.objects.filter(client_id=client_id).first()
    if environment is None:
        raise NotFound.of("Client", client_id)
    return environment


def _send_to(request: HttpRequest, url: str) -> HttpResponse:
    """Redirect; or tell the address to a script that asked for JSON and nothing else (workos-legacy 3)."""
    if request.headers.get("Accept", "").strip().lower() == "application/json":
        answer: AuthorizationURLObject = {"url": url}
        return reply(answer)
    response = no_content(302)
    response.headers["Location"] = url
    return response
