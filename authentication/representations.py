"""The public JSON of signing in."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from accounts.models import AuthenticationFactor, User
from accounts.representations import represent_user
from authentication.models import AuthenticationMethod, JWTTemplate, Session
from foundation import clock
from organizations.models import OrganizationMembership

# The word that a session uses for how it began, beside the one of the authenticate reply (workos-behaviour (e)).
_SESSION_METHODS = {
    AuthenticationMethod.PASSWORD: "password",
    AuthenticationMethod.MAGIC_AUTH: "magic_code",
    AuthenticationMethod.SSO: "sso",
    AuthenticationMethod.IMPERSONATION: "impersonation",
    AuthenticationMethod.PASSKEY: "passkey",
}
# Every other method is a social provider.
_SESSION_METHOD_OF_PROVIDERS = "oauth"


class ImpersonatorObject(TypedDict):
    """Who acts in a user's place."""

    email: str
    reason: str | None


class SessionObject(TypedDict):
    """A session."""

    object: Literal["session"]
    id: str
    user_id: str
    organization_id: str | None
    auth_method: str
    ip_address: str | None
    user_agent: str | None
    impersonator: NotRequired[ImpersonatorObject]
    status: str
    expires_at: str
    ended_at: str | None
    created_at: str
    updated_at: str


class SignedInUserObject(TypedDict):
    """A user in an authenticate reply: as elsewhere, without ``metadata`` (workos-legacy 9)."""

    object: Literal["user"]
    id: str
    email: str
    email_verified: bool
    first_name: str | None
    last_name: str | None
    name: str | None
    profile_picture_url: str | None
    locale: str | None
    external_id: str | None
    last_sign_in_at: str | None
    created_at: str
    updated_at: str


class AuthenticateObject(TypedDict):
    """The reply of a completed sign-in or refresh."""

    user: SignedInUserObject
    organization_id: str | None
    access_token: str
    refresh_token: str
    authentication_method: str
    # Absent where there is none, as the reference has them.
    impersonator: NotRequired[ImpersonatorObject]
    oauth_tokens: NotRequired[dict[str, Any]]
    authkit_authorization_code: NotRequired[str]


class DeviceAuthorizationObject(TypedDict):
    """What a device is told: what to show its person, and how to ask for its tokens (RFC 8628 §3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class FactorChoiceObject(TypedDict):
    """A factor that may be challenged."""

    id: str
    type: str


class OrganizationChoiceObject(TypedDict):
    """An organization that may be chosen."""

    id: str
    name: str


class JWTTemplateObject(TypedDict):
    """The JWT template of an environment."""

    object: Literal["jwt_template"]
    content: str
    created_at: str
    updated_at: str


def represent_session(session: Session) -> SessionObject:
    """Return the public JSON of a session."""
    shown: SessionObject = {
        "object": "session",
        "id": session.id,
        "user_id": session.user_id,
        "organization_id": session.organization_id,
        "auth_method": _SESSION_METHODS.get(
            AuthenticationMethod(session.authentication_method), _SESSION_METHOD_OF_PROVIDERS
        ),
        "ip_address": session.ip_address,
        "user_agent": session.user_agent,
        "status": session.status.value,
        "expires_at": clock.iso(session.expires_at),
        "ended_at": clock.iso_or_none(session.ended_at),
        "created_at": clock.iso(session.created_at),
        "updated_at": clock.iso(session.updated_at),
    }
    if session.impersonator_email:
        shown["impersonator"] = _impersonator_of(session)
    return shown


def _impersonator_of(session: Session) -> ImpersonatorObject:
    return {"email": session.impersonator_email, "reason": session.impersonation_reason}


def represent_authentication(
    session: Session,
    user: User,
    *,
    access_token: str,
    refresh_token: str,
    oauth_tokens: Mapping[str, Any] | None = None,
) -> AuthenticateObject:
    """Return the reply of a completed sign-in or refresh."""
    answer: AuthenticateObject = {
        "user": represent_signed_in_user(user),
        "organization_id": session.organization_id,
        "access_token": access_token,
        "refresh_token": refresh_token,
        "authentication_method": session.authentication_method,
    }
    if oauth_tokens:
        answer["oauth_tokens"] = dict(oauth_tokens)
    if session.impersonator_email:
        answer["impersonator"] = _impersonator_of(session)
    return answer


def represent_signed_in_user(user: User) -> SignedInUserObject:
    """Return the public JSON of a user as authenticate replies carry it."""
    return {key: value for key, value in represent_user(user).items() if key != "metadata"}  # type: ignore[return-value]  # represent_user's keys but one


def represent_organization_choice(membership: OrganizationMembership) -> OrganizationChoiceObject:
    """Return an organization as the selection step offers it."""
    return {"id": membership.organization_id, "name": membership.organization.name}


def represent_factor_choice(factor: AuthenticationFactor) -> FactorChoiceObject:
    """Return a factor as the MFA step offers it."""
    return {"id": factor.id, "type": factor.type}


def represent_jwt_template(template: JWTTemplate) -> JWTTemplateObject:
    """Return the public JSON of a JWT template."""
    return {
        "object": "jwt_template",
        "content": template.content,
        "created_at": clock.iso(template.created_at),
        "updated_at": clock.iso(template.updated_at),
    }
