"""Access tokens: JWTs that a product verifies by itself (RFC 7519, RS256; claims of workos-behaviour (f))."""

from dataclasses import dataclass
from typing import Any

import jwt

from accounts.models import User
from accounts.representations import represent_user
from authentication import conf
from authentication.jwt_templates import RESERVED_CLAIMS, compile_template
from authentication.models import JWTTemplate, Session
from authorization.services import list_roles
from environments import signing
from environments.models import AuthenticationSettings, Environment
from environments.services import active_signing_key
from foundation import clock
from foundation.ids import new_ulid
from organizations.models import OrganizationMembership
from organizations.representations import represent_membership_for_event, represent_organization

# What the house states, or will: a template has no say in it, not even where the house is silent. Else a person who
# belongs to no organization could carry the ``org_id`` or the role that somebody wrote into a template, and a
# product would take it for a member's.
_HOUSE_CLAIMS = RESERVED_CLAIMS | {
    "auth_time",
    "client_id",
    "org_id",
    "role",
    "roles",
    "permissions",
    "entitlements",
    "feature_flags",
}

# What a query that joins the environment loads with it, to spare the policy's own query.
POLICY_RELATIONS = ("environment__authentication_settings", "environment__jwt_template")


@dataclass(frozen=True, slots=True)
class Policy:
    """What an environment has decided about signing in."""

    settings: AuthenticationSettings
    template: JWTTemplate | None


def policy_of(environment: Environment) -> Policy:
    """Return an environment's settings and its JWT template; one query."""
    rows = AuthenticationSettings.objects.in_environment(environment)
    return loaded_policy(rows.select_related("environment__jwt_template").get().environment)


def loaded_policy(environment: Environment) -> Policy:
    """Return the policy of an environment that was loaded with :data:`POLICY_RELATIONS`; no query."""
    return Policy(environment.authentication_settings, getattr(environment, "jwt_template", None))


def sign_access_token(
    *, session: Session, user: User, membership: OrganizationMembership | None, policy: Policy
) -> str:
    """Return a signed access token for a session; every claim is computed anew. Raises TokenTooBig."""
    environment = policy.settings.environment
    issued_at = int(clock.now().timestamp())
    claims = _template_claims(policy.template, user, membership)
    claims |= {
        "iss": conf.issuer(),
        "sub": user.id,
        "sid": session.id,
        "jti": new_ulid(),
        "iat": issued_at,
        "exp": issued_at + policy.settings.access_token_seconds,
        "auth_time": int(session.authenticated_at.timestamp()),
        "client_id": environment.client_id,
    }
    if session.impersonator_email:
        # RFC 8693 §4.1: who acts for the subject. The hour that staff have is over with the token too.
        claims["act"] = {"sub": session.impersonator_email}
        claims["exp"] = min(claims["exp"], int(session.expires_at.timestamp()))
    if membership is not None:
        claims |= _organization_claims(environment, membership)
    key = active_signing_key(environment)
    private_key = signing.load_private_key(key.private_key)
    return jwt.encode(claims, private_key, signing.ALGORITHM, headers={"kid": key.key_id})


def _organization_claims(environment: Environment, membership: OrganizationMembership) -> dict[str, Any]:
    # One query for roles and permissions together: this runs at every sign-in and refresh.
    roles = list_roles(environment, membership.organization).filter(memberships=membership)
    granted = list(roles.values_list("slug", "permissions__slug"))
    role_slugs = list(dict.fromkeys(role for role, _permission in granted))
    permissions = sorted({permission for _role, permission in granted if permission})
    claims: dict[str, Any] = {"org_id": membership.organization_id}
    if role_slugs:
        claims |= {"role": role_slugs[0], "roles": role_slugs}
    if permissions:
        claims["permissions"] = permissions
    return claims


def _template_claims(
    template: JWTTemplate | None, user: User, membership: OrganizationMembership | None
) -> dict[str, Any]:
    if template is None:
        return {}
    context: dict[str, object] = {"user": represent_user(user)}
    if membership is not None:
        context["organization"] = represent_organization(membership.organization)
        context["organization_membership"] = represent_membership_for_event(membership)
    rendered = compile_template(template.content).render(context)
    return {name: value for name, value in rendered.items() if name not in _HOUSE_CLAIMS}
