"""Access tokens: JWTs that a product verifies by itself (RFC 7519, RS256; claims of workos-behaviour (f))."""

from dataclasses import dataclass
from typing import Any

import jwt
from django.db.models import prefetch_related_objects

from accounts.models import User
from accounts.representations import represent_user
from authentication import conf
from authentication.jwt_templates import compile_template
from authentication.models import JWTTemplate, Session
from authorization.services import permission_slugs
from environments import signing
from environments.models import AuthenticationSettings, Environment
from environments.services import active_signing_key
from foundation import clock
from foundation.ids import new_ulid
from organizations.models import OrganizationMembership
from organizations.representations import represent_membership_for_event, represent_organization


@dataclass(frozen=True, slots=True)
class Policy:
    """What an environment has decided about signing in."""

    settings: AuthenticationSettings
    template: JWTTemplate | None


def policy_of(environment: Environment) -> Policy:
    """Return an environment's settings and its JWT template; one query."""
    rows = AuthenticationSettings.objects.in_environment(environment)
    settings = rows.select_related("environment__jwt_template").get()
    return Policy(settings, getattr(settings.environment, "jwt_template", None))


def sign_access_token(
    *, session: Session, user: User, membership: OrganizationMembership | None, policy: Policy
) -> str:
    """Return a signed access token for a session; every claim is computed anew. Raises TokenTooBig."""
    environment = policy.settings.environment
    issued_at = int(clock.now().timestamp())
    claims = _template_claims(policy.template, user, membership)
    # Last, so that no template has a say in what the house itself states.
    claims |= {
        "iss": conf.issuer(),
        "sub": user.id,
        "sid": session.id,
        "jti": new_ulid(),
        "iat": issued_at,
        "exp": issued_at + policy.settings.access_token_seconds,
        "auth_time": int(session.created_at.timestamp()),
        "client_id": environment.client_id,
    }
    if membership is not None:
        claims |= _organization_claims(membership)
    key = active_signing_key(environment)
    private_key = signing.load_private_key(key.private_key)
    return jwt.encode(claims, private_key, signing.ALGORITHM, headers={"kid": key.key_id})


def _organization_claims(membership: OrganizationMembership) -> dict[str, Any]:
    prefetch_related_objects([membership], "roles")
    roles = membership.roles_by_priority()
    claims: dict[str, Any] = {"org_id": membership.organization_id}
    if roles:
        claims |= {"role": roles[0].slug, "roles": [role.slug for role in roles]}
    if permissions := permission_slugs(roles):
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
    return compile_template(template.content).render(context)
