"""Views of signing in, sessions and the JWT template."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from accounts.models import User
from authentication import conf, services
from authentication.api.errors import authenticate_error, step_refusal
from authentication.api.grants import GRANTS, Client, Grant
from authentication.api.serializers import (
    AuthenticateInput,
    AuthorizationParameters,
    ClientInput,
    DeviceAuthorizationInput,
    JWTTemplateInput,
    LogoutParameters,
    RevokeSessionInput,
)
from authentication.errors import InvalidClient, InvalidPendingAuthenticationToken, UnsupportedGrantType
from authentication.models import Session
from authentication.representations import (
    AuthenticateObject,
    DeviceAuthorizationObject,
    JWTTemplateObject,
    SessionObject,
    represent_authentication,
    represent_jwt_template,
    represent_session,
)
from authentication.services import Authenticated, AuthorizeParameters, StepRequired
from environments.api import limits
from environments.api.authentication import actor_of, find_api_key
from environments.api.errors import as_domain_error
from environments.api.requests import client_ip, user_agent
from environments.api.schema import describe
from environments.api.validation import FieldErrorStyle
from environments.api.views import PublicApiView, UserManagementView, no_content, reply
from environments.models import Environment
from foundation import clock
from foundation.actors import SYSTEM
from foundation.errors import DomainError, NotFound
from foundation.ip_addresses import normalize_ip_address

_LONGEST_CLIENT_ID = 100


class Authenticate(PublicApiView):
    """POST /user_management/authenticate: the token endpoint, which every grant shares."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(
        authenticate_error
    )
    field_error_style = FieldErrorStyle.USER_MANAGEMENT

    client: Client
    grant: Grant

    def identify(self, request: HttpRequest) -> None:
        """Find the client and its grant before anything is remembered in the client's name."""
        if request.method != "POST":
            return
        fields = self.read(ClientInput)
        self.client = _require_client(fields["client_id"], fields.get("client_secret"))
        self.environment = self.client.environment
        self._count_writes(request)
        grant = GRANTS.get(fields["grant_type"])
        if grant is None:
            raise UnsupportedGrantType.of(fields["grant_type"])
        if self.client.is_public and not grant.open_to_public_clients:
            raise InvalidClient
        self.grant = grant

    @describe(
        "Authenticate",
        request=AuthenticateInput,
        response=AuthenticateObject,
        public=True,
        refusals=(400, 403, 429),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(self.grant.input)
        if self.grant.challenge is not None:
            self._count_tries(self.grant.challenge(fields), fields.get("ip_address"))
        outcome = self.grant.redeem(self.client, fields)
        if isinstance(outcome, StepRequired):
            raise step_refusal(outcome)
        if isinstance(outcome, Authenticated):
            # Begun on our pages, which alone may end it.
            raise InvalidPendingAuthenticationToken.of(outcome.pending_authentication_token)
        answer = represent_authentication(
            outcome.session,
            outcome.user,
            access_token=outcome.access_token,
            refresh_token=outcome.refresh_token,
            oauth_tokens=outcome.oauth_tokens,
        )
        response = reply(answer)
        # RFC 6749 §5.1: tokens are not for caches.
        response.headers["Cache-Control"] = "no-store"
        return response

    def _count_tries(self, challenge: str, told_address: str | None) -> None:
        """Count by what is guessed at, and by where the product says that the guess comes from.

        So a stranger shuts out himself and not the person, wherever the product tells the two apart.
        """
        environment_id, address = self.client.environment.id, normalize_ip_address(told_address or "")
        if address:
            self.count(limits.AUTHENTICATE_FROM_EVERYWHERE, environment_id, challenge)
        self.count(limits.AUTHENTICATE, environment_id, challenge, *([address] if address else []))

    def _count_writes(self, request: HttpRequest) -> None:
        environment_id = self.client.environment.id
        if self.client.is_public:
            # A client id is public: by it alone, nobody may use up what the product's own servers need.
            self.count(limits.USER_MANAGEMENT_WRITES, environment_id, "public", client_ip(request))
        else:
            self.count(limits.USER_MANAGEMENT_WRITES, environment_id)


def _require_client(client_id: str, client_secret: str | None) -> Client:
    """Return the client: a live API key of the very environment that the client id names, or a public client.

    Raises InvalidClient.
    """
    if client_secret is None:
        environment = Environment.objects.filter(client_id=client_id).first()
        if environment is None:
            raise InvalidClient
        return Client(environment, SYSTEM, is_public=True)
    key = find_api_key(client_secret)
    if key is None or key.environment.client_id != client_id:
        raise InvalidClient
    return Client(key.environment, actor_of(key), is_public=False)


class Authorize(PublicApiView):
    """GET /user_management/authorize: a browser comes from an application, to sign its person in."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(
        authenticate_error
    )
    field_error_style = FieldErrorStyle.USER_MANAGEMENT

    @describe(
        "Get an authorization code",
        query=AuthorizationParameters,
        status=302,
        public=True,
        refusals=(400, 404, 429),
    )
    def get(self, request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(AuthorizationParameters)
        client_id = parameters.pop("client_id")
        environment = Environment.objects.filter(client_id=client_id).first()
        if environment is None:
            raise NotFound.of("Client", client_id)
        self.count(limits.USER_MANAGEMENT_WRITES, environment.id, "authorize", client_ip(request))
        response = no_content(302)
        response.headers["Location"] = services.open_authorization_request(
            environment=environment, parameters=AuthorizeParameters(**parameters)
        )
        return response

    def _refuse(self, error: Exception) -> HttpResponse:
        """Answer a program in JSON; send a browser, whose person reads no JSON, to a page that says what is wrong."""
        refusal = as_domain_error(error)
        if refusal is None or not _is_browser(self.request):
            return super()._refuse(error)
        response = no_content(302)
        client_id = self.request.GET.get("client_id", "")[:_LONGEST_CLIENT_ID]
        response.headers["Location"] = conf.sign_in_refused_page(refusal.code, client_id)
        return response


def _is_browser(request: HttpRequest) -> bool:
    # Whoever takes anything, as programs do, gets what stands first.
    return request.get_preferred_type(["application/json", "text/html"]) == "text/html"


class AuthorizeDevice(PublicApiView):
    """POST /user_management/authorize/device: a device without a browser asks for its person (RFC 8628 §3.1)."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(
        authenticate_error
    )
    field_error_style = FieldErrorStyle.USER_MANAGEMENT

    @describe(
        "Authorize a device",
        request=DeviceAuthorizationInput,
        response=DeviceAuthorizationObject,
        public=True,
        refusals=(400, 429),
    )
    def post(self, request: HttpRequest) -> HttpResponse:
        client = _require_client(self.read(DeviceAuthorizationInput)["client_id"], None)
        self.count(limits.USER_MANAGEMENT_WRITES, client.environment.id, "public", client_ip(request))
        codes = services.request_device_authorization(
            environment=client.environment,
            origin=services.Origin.told(client_ip(request), user_agent(request)),
        )
        page = conf.device_page()
        answer: DeviceAuthorizationObject = {
            "device_code": codes.device_code,
            "user_code": codes.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={codes.user_code}",
            "expires_in": codes.expires_in,
            "interval": codes.interval,
        }
        return reply(answer)


class Logout(PublicApiView):
    """GET /user_management/sessions/logout: a browser signs out."""

    field_error_style = FieldErrorStyle.USER_MANAGEMENT

    @describe("Log out", query=LogoutParameters, status=302, public=True)
    def get(self, request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(LogoutParameters)
        response = no_content(302)
        response.headers["Location"] = services.log_out(
            session_id=parameters["session_id"],
            return_to=parameters.get("return_to"),
            ip_address=client_ip(request),
            user_agent=user_agent(request),
        )
        response.headers["Cache-Control"] = "no-store"
        return response


class RevokeSession(UserManagementView):
    """POST /user_management/sessions/revoke."""

    @describe("Revoke a session", request=RevokeSessionInput, refusals=(404,))
    def post(self, _request: HttpRequest) -> HttpResponse:
        session_id = self.read(RevokeSessionInput)["session_id"]
        session = Session.objects.in_environment(self.environment).require(session_id)
        services.end_session(session, self.actor)
        return no_content(200)


class UserSessions(UserManagementView):
    """GET /user_management/users/{id}/sessions: those that can still be refreshed."""

    @describe("List a user's active sessions", response=SessionObject, paged=True, refusals=(404,))
    def get(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = User.objects.in_environment(self.environment).require(user_id)
        sessions = Session.objects.in_environment(self.environment).filter(user=user)
        return self.page(
            sessions.filter(ended_at__isnull=True, expires_at__gt=clock.now()), represent_session
        )


class JWTTemplate(UserManagementView):
    """GET, PUT /user_management/jwt_template."""

    @describe("Get the JWT template", response=JWTTemplateObject, refusals=(404,))
    def get(self, _request: HttpRequest) -> HttpResponse:
        return reply(represent_jwt_template(services.require_jwt_template(self.environment)))

    @describe("Set the JWT template", request=JWTTemplateInput, response=JWTTemplateObject)
    def put(self, _request: HttpRequest) -> HttpResponse:
        content = self.read(JWTTemplateInput)["content"]
        template = services.set_jwt_template(environment=self.environment, content=content)
        return reply(represent_jwt_template(template))
