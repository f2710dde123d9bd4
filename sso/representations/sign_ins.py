"""The public JSON of sign-ins: profiles, tokens, links, and what events tell of an exchange."""

from typing import Any, Literal, NotRequired, TypedDict

from foundation import clock
from organizations.representations import RoleSlugObject
from sso import conf
from sso.models import (
    PasswordlessSession,
    Profile,
    SSOSession,
)


class ProfileObject(TypedDict):
    """A person as a connection's identity provider last described them."""

    object: Literal["profile"]
    id: str
    connection_id: str
    connection_type: str
    organization_id: str | None
    email: str
    first_name: str | None
    last_name: str | None
    name: str | None
    idp_id: str
    role: RoleSlugObject | None
    roles: list[RoleSlugObject] | None
    groups: list[str]
    custom_attributes: dict[str, Any]
    raw_attributes: dict[str, Any]


class OAuthTokensObject(TypedDict):
    """What a social provider issued to the environment's client for this person."""

    provider: str
    access_token: str
    refresh_token: str
    expires_at: int
    scopes: list[str]


class SSOTokenObject(TypedDict):
    """A profile, and the token that reads it again."""

    token_type: Literal["Bearer"]
    access_token: str
    expires_in: int
    profile: ProfileObject
    oauth_tokens: NotRequired[dict[str, Any]]


class AuthorizationURLObject(TypedDict):
    """Where a browser begins to sign in."""

    url: str


class LogoutAuthorizationObject(TypedDict):
    """Where a browser begins to log out at the identity provider."""

    logout_url: str
    logout_token: str


class PasswordlessSessionObject(TypedDict):
    """A link that signs in whoever reads a mailbox."""

    object: Literal["passwordless_session"]
    id: str
    email: str
    expires_at: str
    link: str


class PasswordlessSentObject(TypedDict):
    """That the mail is on its way."""

    success: Literal[True]


class AuthenticationErrorObject(TypedDict):
    """Why a proof was refused, in an event."""

    code: str
    message: str


class SSOFactsObject(TypedDict):
    """Through what somebody came, in an event; the session is the one of the trail."""

    organization_id: str | None
    connection_id: str | None
    session_id: str | None


class AuthenticationEventObject(TypedDict):
    """That somebody proved something, failed to, or went to their provider for it (workos-behaviour (i), "Auth")."""

    type: str
    status: Literal["started", "succeeded", "failed", "timed_out"]
    ip_address: str | None
    user_agent: str | None
    user_id: str | None
    email: str | None
    sso: NotRequired[SSOFactsObject]
    error: NotRequired[AuthenticationErrorObject]


def represent_profile(profile: Profile) -> ProfileObject:
    """Return the public JSON of a profile; its connection is loaded."""
    roles: list[RoleSlugObject] = [{"slug": slug} for slug in profile.role_slugs]
    return {
        "object": "profile",
        "id": profile.id,
        "connection_id": profile.connection_id,
        "connection_type": profile.connection.connection_type,
        "organization_id": profile.connection.organization_id,
        "email": profile.email,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "name": profile.name,
        "idp_id": profile.idp_id,
        "role": roles[0] if roles else None,
        "roles": roles or None,
        "groups": profile.groups,
        "custom_attributes": profile.custom_attributes,
        "raw_attributes": profile.raw_attributes,
    }


def represent_sso_facts(sso_session: SSOSession) -> SSOFactsObject:
    """Return what events tell of an exchange; its connection is loaded."""
    return {
        "organization_id": sso_session.connection.organization_id,
        "connection_id": sso_session.connection_id,
        "session_id": sso_session.id,
    }


def represent_passwordless_session(session: PasswordlessSession) -> PasswordlessSessionObject:
    """Return the public JSON of a passwordless session, its link included: whoever asked for it may mail it."""
    return {
        "object": "passwordless_session",
        "id": session.id,
        "email": session.email,
        "expires_at": clock.iso(session.expires_at),
        "link": conf.passwordless_link(session.token),
    }
