"""One call for every operation of the URL table: what the walks over the whole API are driven by."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import EmailVerification
from accounts.services import send_email_change
from environments.api.views import ApiView, PublicApiView
from environments.models import Environment
from sso.models import Connection, KeyPairUse
from sso.services import exchange_code, issue_code
from tests.api_client import ApiClient
from tests.factories.accounts import PASSWORD, make_email_verification, make_identity, make_user
from tests.factories.authorization import make_permission, make_role
from tests.factories.environments import make_api_key
from tests.factories.organizations import make_domain, make_group, make_membership, make_organization
from tests.factories.sso import (
    make_idp_certificate,
    make_oidc_connection,
    make_profile,
    make_saml_connection,
)


class World(dict[str, str]):
    """The ids of one environment's objects, by the names that the URL table gives them."""

    environment: Environment
    api: ApiClient

    def copy(self) -> "World":
        """Return the same world for another test, which comes from an address of its own."""
        twin = World(self)
        twin.environment, twin.api = self.environment, ApiClient(self.api.api_key)
        return twin


def make_world(environment: Environment) -> World:
    """Put one object of each kind into an environment."""
    world = World()
    world.environment = environment
    world.api = ApiClient(make_api_key(environment))
    organization = make_organization(environment, external_id="ext-org", metadata={"tier": "gold"})
    user = make_user(
        environment, password=PASSWORD, email_verified=True, external_id="ext-user", metadata={"team": "x"}
    )
    make_identity(user)
    newcomer = make_user(environment)
    permission = make_permission(environment, "reports:read")
    spare = make_permission(environment, "reports:write")
    role = make_role(environment, "auditor", permissions=["reports:read"])
    own_role = make_role(environment, "org-local", organization=organization, permissions=["reports:read"])
    membership = make_membership(organization, user, roles=("admin",))
    group = make_group(organization)
    world |= {
        "client_id": environment.client_id,
        "api_key": str(world.api.api_key),
        "organization_external_id": "ext-org",
        "user_external_id": "ext-user",
        "organization_id": organization.id,
        "user_id": user.id,
        "email": user.email,
        "newcomer_id": newcomer.id,
        "newcomer_email": newcomer.email,
        "membership_id": membership.id,
        "group_id": group.id,
        "domain_id": make_domain(organization).id,
        "permission": permission.slug,
        "spare_permission": spare.slug,
        "role": role.slug,
        "own_role": own_role.slug,
        "email_verification_id": make_email_verification(newcomer).id,
        "code": "000000",
        "newcomer_code": EmailVerification.objects.in_environment(environment).get(user=newcomer).code,
    }
    issued = world.api.post(
        f"/organizations/{organization.id}/api_keys", {"name": "CI", "permissions": ["reports:read"]}
    ).json()
    world |= {"api_key_id": issued["id"], "api_key_value": issued["value"]}
    world.api.post(
        f"/user_management/users/{user.id}/api_keys", {"name": "Mine", "organization_id": organization.id}
    )
    invitation = world.api.post(
        "/user_management/invitations", {"email": "guest@elsewhere.test", "organization_id": organization.id}
    ).json()
    world |= {"invitation_id": invitation["id"], "invitation_token": invitation["token"]}
    uri = world.api.post("/user_management/redirect_uris", {"uri": "https://app.example/walk"}).json()
    world["redirect_uri_id"] = uri["id"]
    world.api.post("/user_management/cors_origins", {"origin": "https://app.example"})
    factor = world.api.post(
        "/auth/factors/enroll", {"type": "totp", "totp_issuer": "Foo", "totp_user": "ada@foo.test"}
    ).json()
    challenge = world.api.post(f"/auth/factors/{factor['id']}/challenge").json()
    world |= {"factor_id": factor["id"], "challenge_id": challenge["id"]}
    reset = world.api.post("/user_management/password_reset", {"email": user.email}).json()
    world |= {"password_reset_id": reset["id"], "password_reset_token": reset["password_reset_token"]}
    world["magic_auth_id"] = world.api.post("/user_management/magic_auth", {"email": user.email}).json()["id"]
    signed_in = authenticate(world, grant_type="password", email=user.email, password=PASSWORD)
    world["refresh_token"] = signed_in["refresh_token"]
    world["session_id"] = world.api.get(f"/user_management/users/{user.id}/sessions").json()["data"][0]["id"]
    world.api.put("/user_management/jwt_template", {"content": '{"team": "{{ user.metadata.team }}"}'})
    oidc_connection = make_oidc_connection(
        organization,
        oidc={
            "issuer": "https://op.example",
            "uses_discovery": False,
            "authorization_endpoint": "https://op.example/authorize",
            "token_endpoint": "https://op.example/token",
            "jwks_uri": "https://op.example/jwks",
            "end_session_endpoint": "https://op.example/logout",
        },
    )
    world["oidc_profile_id"] = make_profile(oidc_connection, memory={"id_token": "an ID token"}).id
    link = world.api.post("/passwordless/sessions", {"email": "ada@foo.test", "type": "MagicLink"}).json()
    world["passwordless_session_id"] = link["id"]
    connection = make_saml_connection(organization)
    world |= {
        "connection_id": connection.id,
        "certificate_id": connection.idp_certificates.first().id,  # type: ignore[union-attr]  # the factory made one
        "certificate": make_idp_certificate(),
        "encryption_pair_id": connection.own_key_pairs(KeyPairUse.ENCRYPTION)[0].id,
        "signing_pair_id": connection.own_key_pairs(KeyPairUse.SIGNING)[0].id,
    }
    return world


def authenticate(world: World, **fields: str) -> dict[str, Any]:
    body = {"client_id": world["client_id"], "client_secret": str(world.api.api_key), **fields}
    answer = world.api.post("/user_management/authenticate", body)
    assert answer.status_code == 200, answer.content
    return cast("dict[str, Any]", answer.json())


def _prepare_email_change(world: World) -> None:
    user = make_user(world.environment)
    change = send_email_change(user=user, new_email="moved@acme.test")
    world |= {"user_id": user.id, "code": change.code}


def _prepare_inactive_membership(world: World) -> None:
    world.api.put(f"/user_management/organization_memberships/{world['membership_id']}/deactivate")


def _prepare_group_member(world: World) -> None:
    path = f"/organizations/{world['organization_id']}/groups/{world['group_id']}/organization-memberships"
    assert world.api.post(path, {"organization_membership_id": world["membership_id"]}).status_code < 300


def _prepare_second_certificate(world: World) -> None:
    path = f"/connections/{world['connection_id']}/saml_idp_signing_certs"
    assert world.api.post(path, {"value": make_idp_certificate()}).status_code == 201


def _prepare_no_signing_pair(world: World) -> None:
    path = f"/connections/{world['connection_id']}/saml_sp_signing_cert"
    assert world.api.delete(f"{path}/{world['signing_pair_id']}").status_code == 204


def _prepare_sso_code(world: World) -> None:
    profile = make_profile(
        Connection.objects.in_environment(world.environment).get(pk=world["connection_id"])
    )
    world["sso_code"] = issue_code(profile=profile, redirect_uri="http://localhost:3000/callback")


def _prepare_logout_token(world: World) -> None:
    answer = world.api.post("/sso/logout/authorize", {"profile_id": world["oidc_profile_id"]})
    world["logout_token"] = answer.json()["logout_token"]


def _prepare_sso_token(world: World) -> None:
    _prepare_sso_code(world)
    issued = exchange_code(environment=world.environment, code=world["sso_code"])
    # What opens the profile is its own token, and no API key.
    world.api = ApiClient(issued.access_token)


Body = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """An operation and what to send it. Texts of the body are filled from the world, as ``{name}``."""

    method: str
    route: str
    body: Body | None = None
    query: str = ""
    status: int = 200
    # Names of the world for placeholders of the route, where they differ.
    names: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[World], None] | None = None
    # The path of the reference spec, where an older spelling has none of its own; "" where the spec has none at all.
    spec: str | None = None

    def __str__(self) -> str:
        return f"{self.method} /{self.route}"

    @property
    def named(self) -> list[str]:
        """The placeholders of the route."""
        return re.findall(r"<\w+:(\w+)>", self.route)

    def path(self, world: World) -> str:
        filled = re.sub(r"<\w+:(\w+)>", lambda match: world[self.names.get(match[1], match[1])], self.route)
        return f"/{filled}{self.query.format_map(world)}"

    def send(self, api: ApiClient, world: World, path: str | None = None) -> Any:
        return api.request(self.method, path or self.path(world), _filled(self.body, world))

    def make(self, world: World, api: ApiClient | None = None) -> Any:
        if self.prepare is not None:
            self.prepare(world)
        return self.send(api or world.api, world)


def _filled(value: Any, world: World) -> Any:
    if isinstance(value, str):
        return value.format_map(world) if re.fullmatch(r"\{\w+\}", value) else value
    if isinstance(value, dict):
        return {key: _filled(item, world) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, world) for item in value]
    return value


_USER = "user_management/users/<str:user_id>"
_USERS = "user_management/users"
_ORGANIZATION = "organizations/<str:organization_id>"
_GROUP = f"{_ORGANIZATION}/groups/<str:group_id>"
_MEMBERSHIP = "user_management/organization_memberships/<str:membership_id>"
_INVITATION = "user_management/invitations/<str:invitation_id>"
_CONNECTION = "connections/<str:connection_id>"
_OWN_ROLES = "authorization/organizations/<str:organization_id>/roles"
_ROLE = {"slug": "role"}
_OWN_ROLE = {"slug": "own_role"}
_PERMISSION = {"slug": "permission"}


def _domains(root: str) -> list[Call]:
    spec = "/organization_domains"
    return [
        Call(
            "POST",
            root,
            {"organization_id": "{organization_id}", "domain": "shop.example.com"},
            status=201,
            spec=spec,
        ),
        Call("GET", f"{root}/<str:domain_id>", spec=f"{spec}/{{id}}"),
        Call("DELETE", f"{root}/<str:domain_id>", status=204, spec=f"{spec}/{{id}}"),
        Call("POST", f"{root}/<str:domain_id>/verify", status=201, spec=f"{spec}/{{id}}/verify"),
    ]


CALLS: list[Call] = [
    # authentication
    Call(
        "POST",
        "user_management/authenticate",
        {
            "client_id": "{client_id}",
            "client_secret": "{api_key}",
            "grant_type": "password",
            "email": "{email}",
            "password": PASSWORD,
        },
    ),
    Call("GET", "user_management/sessions/logout", query="?session_id={session_id}", status=302),
    Call("POST", "user_management/sessions/revoke", {"session_id": "{session_id}"}),
    Call("GET", f"{_USER}/sessions"),
    Call("GET", "user_management/jwt_template"),
    Call("PUT", "user_management/jwt_template", {"content": '{"team": "{{ user.metadata.team }}"}'}),
    Call(
        "GET",
        "user_management/authorize",
        query="?client_id={client_id}&redirect_uri=http://localhost:3000/callback"
        "&response_type=code&provider=authkit&state=x",
        status=302,
    ),
    Call("POST", "user_management/authorize/device", {"client_id": "{client_id}"}),
    Call("POST", "user_management/magic_auth", {"email": "{email}"}, status=201),
    Call("POST", "user_management/magic_auth/send", {"email": "{email}"}, spec=""),
    Call("GET", "user_management/magic_auth/<str:magic_auth_id>"),
    Call("POST", "user_management/password_reset", {"email": "{email}"}, status=201),
    Call(
        "POST",
        "user_management/password_reset/send",
        {"email": "{email}", "password_reset_url": "https://app.example/reset"},
        status=201,
        spec="",
    ),
    Call(
        "POST",
        "user_management/password_reset/confirm",
        {"token": "{password_reset_token}", "new_password": "another long passphrase 7"},
    ),
    Call("GET", "user_management/password_reset/<str:password_reset_id>"),
    # authentication factors
    Call(
        "POST",
        "auth/factors/enroll",
        {"type": "totp", "totp_issuer": "Foo", "totp_user": "ada@foo.test"},
        status=201,
    ),
    Call(
        "POST",
        "auth/factors/verify",
        {"authentication_challenge_id": "{challenge_id}", "code": "000000"},
        status=201,
        spec="/auth/challenges/{id}/verify",
    ),
    Call("GET", "auth/factors/<str:factor_id>"),
    Call("DELETE", "auth/factors/<str:factor_id>", status=204),
    Call("POST", "auth/factors/<str:factor_id>/challenge", status=201),
    Call("POST", "auth/challenges/<str:challenge_id>/verify", {"code": "000000"}, status=201),
    Call("GET", f"{_USER}/auth_factors"),
    Call("POST", f"{_USER}/auth_factors", {"type": "totp"}, status=201),
    # Beyond the reference.
    Call("POST", f"{_USER}/recovery_codes", status=201, spec=""),
    # organizations
    Call("GET", "organizations"),
    Call(
        "POST",
        "organizations",
        {"name": "Foo", "domain_data": [{"domain": "foo.test", "state": "verified"}], "metadata": {"a": "b"}},
        status=201,
    ),
    Call(
        "GET",
        "organizations/external_id/<path:external_id>",
        names={"external_id": "organization_external_id"},
    ),
    Call("GET", _ORGANIZATION),
    Call("PUT", _ORGANIZATION, {"name": "Bar"}),
    Call("DELETE", _ORGANIZATION, status=202),
    Call("GET", f"{_ORGANIZATION}/groups"),
    Call("POST", f"{_ORGANIZATION}/groups", {"name": "Builders", "description": "They build"}, status=201),
    Call("GET", _GROUP),
    Call("PATCH", _GROUP, {"name": "Makers"}),
    Call("DELETE", _GROUP, status=204),
    Call("GET", f"{_GROUP}/organization-memberships", prepare=_prepare_group_member),
    Call(
        "POST",
        f"{_GROUP}/organization-memberships",
        {"organization_membership_id": "{membership_id}"},
    ),
    Call(
        "DELETE",
        f"{_GROUP}/organization-memberships/<str:membership_id>",
        status=204,
        prepare=_prepare_group_member,
    ),
    *_domains("organization_domains"),
    *_domains("organization-domains"),
    # memberships
    Call(
        "GET",
        "user_management/organization_memberships",
        query="?organization_id={organization_id}",
    ),
    Call(
        "POST",
        "user_management/organization_memberships",
        {"user_id": "{newcomer_id}", "organization_id": "{organization_id}", "role_slug": "member"},
        status=201,
    ),
    Call("GET", _MEMBERSHIP),
    Call("PUT", _MEMBERSHIP, {"role_slug": "member"}),
    Call("DELETE", _MEMBERSHIP),
    Call("PUT", f"{_MEMBERSHIP}/deactivate"),
    Call("PUT", f"{_MEMBERSHIP}/reactivate", prepare=_prepare_inactive_membership),
    Call("GET", f"{_MEMBERSHIP}/groups", prepare=_prepare_group_member),
    # API keys of customers
    Call("GET", f"{_ORGANIZATION}/api_keys"),
    Call("POST", f"{_ORGANIZATION}/api_keys", {"name": "CD", "permissions": ["reports:read"]}, status=201),
    Call("GET", f"{_USER}/api_keys"),
    Call(
        "POST",
        f"{_USER}/api_keys",
        {"name": "Laptop", "organization_id": "{organization_id}"},
        status=201,
    ),
    Call("POST", "api_keys/validations", {"value": "{api_key_value}"}),
    Call("DELETE", "api_keys/<str:api_key_id>", status=204),
    Call("POST", "api_keys/<str:api_key_id>/expire"),
    # invitations
    Call("GET", "user_management/invitations"),
    Call(
        "POST",
        "user_management/invitations",
        {"email": "another@elsewhere.test", "organization_id": "{organization_id}"},
        status=201,
    ),
    Call("GET", "user_management/invitations/by_token/<str:invitation_token>"),
    Call("GET", _INVITATION),
    Call("POST", f"{_INVITATION}/accept"),
    Call("POST", f"{_INVITATION}/resend"),
    Call("POST", f"{_INVITATION}/revoke"),
    # users
    Call("GET", _USERS),
    Call("POST", _USERS, {"email": "bob@acme.test", "password": PASSWORD, "first_name": "Bob"}, status=201),
    Call("GET", f"{_USERS}/external_id/<path:external_id>", names={"external_id": "user_external_id"}),
    Call("GET", _USER),
    Call("PUT", _USER, {"first_name": "Augusta", "metadata": {"team": None}}),
    Call("DELETE", _USER),
    Call("GET", f"{_USER}/identities"),
    Call("POST", f"{_USER}/email_verification/send", names={"user_id": "newcomer_id"}),
    Call(
        "POST",
        f"{_USER}/email_verification/confirm",
        {"code": "{newcomer_code}"},
        names={"user_id": "newcomer_id"},
    ),
    Call("POST", f"{_USER}/email_change/send", {"new_email": "changed@acme.test"}),
    Call("POST", f"{_USER}/email_change/confirm", {"code": "{code}"}, prepare=_prepare_email_change),
    Call("GET", "user_management/email_verification/<str:email_verification_id>"),
    # authorization
    Call("GET", "authorization/permissions"),
    Call("POST", "authorization/permissions", {"slug": "users:list", "name": "List users"}, status=201),
    Call("GET", "authorization/permissions/<str:slug>", names=_PERMISSION),
    Call("PATCH", "authorization/permissions/<str:slug>", {"name": "Reports"}, names=_PERMISSION),
    Call("DELETE", "authorization/permissions/<str:slug>", status=204, names=_PERMISSION),
    Call("GET", "authorization/roles"),
    Call("POST", "authorization/roles", {"slug": "editor", "name": "Editor"}, status=201),
    Call("GET", "authorization/roles/<str:slug>", names=_ROLE),
    Call("PATCH", "authorization/roles/<str:slug>", {"name": "Auditors"}, names=_ROLE),
    Call("POST", "authorization/roles/<str:slug>/permissions", {"slug": "reports:write"}, names=_ROLE),
    Call("PUT", "authorization/roles/<str:slug>/permissions", {"permissions": []}, names=_ROLE),
    Call("GET", _OWN_ROLES),
    Call("POST", _OWN_ROLES, {"slug": "org-own", "name": "Own"}, status=201),
    Call("GET", f"{_OWN_ROLES}/<str:slug>", names=_OWN_ROLE),
    Call("PATCH", f"{_OWN_ROLES}/<str:slug>", {"name": "Locals"}, names=_OWN_ROLE),
    Call("DELETE", f"{_OWN_ROLES}/<str:slug>", status=204, names=_OWN_ROLE),
    Call("POST", f"{_OWN_ROLES}/<str:slug>/permissions", {"slug": "reports:write"}, names=_OWN_ROLE),
    Call("PUT", f"{_OWN_ROLES}/<str:slug>/permissions", {"permissions": []}, names=_OWN_ROLE),
    Call(
        "DELETE",
        f"{_OWN_ROLES}/<str:slug>/permissions/<str:permission_slug>",
        names=_OWN_ROLE | {"permission_slug": "permission"},
    ),
    # The seed's list of an organization's roles, which the spec knows under /authorization.
    Call("GET", f"{_ORGANIZATION}/roles", spec="/authorization/organizations/{organizationId}/roles"),
    # single sign-on
    Call("GET", "connections"),
    # Creating and changing connections is beyond the reference.
    Call(
        "POST",
        "connections",
        {
            "organization_id": "{organization_id}",
            "connection_type": "OktaSAML",
            "saml_options": {
                "idp_entity_id": "https://idp.example/other",
                "idp_sso_url": "https://idp.example/sso",
                "idp_signing_certs": ["{certificate}"],
            },
        },
        status=201,
        spec="",
    ),
    Call("GET", _CONNECTION),
    Call("PUT", _CONNECTION, {"name": "Renamed"}, spec=""),
    Call("PATCH", _CONNECTION, {"name": "Renamed again"}, spec=""),
    Call("DELETE", _CONNECTION, status=204),
    Call("GET", f"{_CONNECTION}/saml_idp_signing_certs", spec=""),
    Call("POST", f"{_CONNECTION}/saml_idp_signing_certs", {"value": "{certificate}"}, status=201, spec=""),
    Call(
        "DELETE",
        f"{_CONNECTION}/saml_idp_signing_certs/<str:certificate_id>",
        status=204,
        prepare=_prepare_second_certificate,
        spec="",
    ),
    Call("GET", f"{_CONNECTION}/saml_sp_encryption_certs", spec=""),
    Call("POST", f"{_CONNECTION}/saml_sp_encryption_certs", status=201, spec=""),
    Call(
        "DELETE",
        f"{_CONNECTION}/saml_sp_encryption_certs/<str:certificate_id>",
        status=204,
        names={"certificate_id": "encryption_pair_id"},
        spec="",
    ),
    Call("GET", f"{_CONNECTION}/saml_sp_signing_cert", spec=""),
    Call(
        "POST",
        f"{_CONNECTION}/saml_sp_signing_cert",
        status=201,
        prepare=_prepare_no_signing_pair,
        spec="",
    ),
    Call(
        "DELETE",
        f"{_CONNECTION}/saml_sp_signing_cert/<str:certificate_id>",
        status=204,
        names={"certificate_id": "signing_pair_id"},
        spec="",
    ),
    Call(
        "GET",
        "sso/authorize",
        query="?client_id={client_id}&redirect_uri=http://localhost:3000/callback"
        "&response_type=code&connection={connection_id}&state=x",
        status=302,
    ),
    Call(
        "POST",
        "sso/token",
        {
            "client_id": "{client_id}",
            "client_secret": "{api_key}",
            "grant_type": "authorization_code",
            "code": "{sso_code}",
        },
        prepare=_prepare_sso_code,
    ),
    Call("GET", "sso/profile", prepare=_prepare_sso_token),
    Call("POST", "sso/logout/authorize", {"profile_id": "{oidc_profile_id}"}),
    Call("GET", "sso/logout", query="?token={logout_token}", status=302, prepare=_prepare_logout_token),
    # The seed's, which the current spec has no more.
    Call(
        "POST",
        "passwordless/sessions",
        {"email": "marcelina@foo-corp.com", "type": "MagicLink"},
        status=201,
        spec="",
    ),
    Call(
        "POST",
        "passwordless/sessions/<str:session_id>/send",
        status=201,
        names={"session_id": "passwordless_session_id"},
        spec="",
    ),
    # environments, events
    Call("GET", "user_management/redirect_uris"),
    Call("POST", "user_management/redirect_uris", {"uri": "https://app.example/other"}, status=201),
    Call("DELETE", "user_management/redirect_uris/<str:redirect_uri_id>", status=204),
    Call("GET", "user_management/cors_origins"),
    Call("POST", "user_management/cors_origins", {"origin": "https://other.example"}, status=201),
    Call("GET", "sso/jwks/<str:client_id>"),
    Call("GET", "events"),
]


def routes() -> Iterator[tuple[str, type[PublicApiView]]]:
    """Yield every route of the API with its view."""
    for route, pattern in _patterns(get_resolver().url_patterns):
        view = getattr(pattern.callback, "cls", None)
        if view is not None and issubclass(view, PublicApiView):
            yield route, view


def operations() -> Iterator[tuple[str, str, type[PublicApiView]]]:
    """Yield every operation of the API: its method, its route and its view."""
    for route, view in routes():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if hasattr(view, method.lower()):
                yield method, route, view


def view_of(call: Call) -> type[PublicApiView]:
    return next(view for route, view in routes() if route == call.route)


def needs_a_key(call: Call) -> bool:
    return issubclass(view_of(call), ApiView)


def _patterns(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern
        elif isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, prefix + str(pattern.pattern))
