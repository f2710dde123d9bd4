"""What organizations' policies do at a sign-in: what a refused client is told, and who becomes a member by domain."""

from dataclasses import dataclass
from typing import Any

from accounts.passkeys import are_possible
from authentication.engine import Completed, Required, Situation, Step
from authentication.models import AuthenticationMethod
from authentication.policies import MethodFamily
from authentication.services.sessions import user_actor
from environments.models import Environment
from organizations.models import OrganizationMembership
from organizations.services import create_membership
from sso.connection_types import ConnectionType
from sso.models import Connection, ConnectionState
from sso.services import usable_connections

# A new connection is validating until somebody has come through it.
_USABLE_STATES = (ConnectionState.VALIDATING, ConnectionState.ACTIVE)

# The words of the contract for the providers that it names (workos-behaviour (a)).
_NAMED_PROVIDERS = {
    "apple_oauth": ConnectionType.APPLE_OAUTH,
    "github_oauth": ConnectionType.GITHUB_OAUTH,
    "google_oauth": ConnectionType.GOOGLE_OAUTH,
    "microsoft_oauth": ConnectionType.MICROSOFT_OAUTH,
}

# What comes before anybody is known well enough to become a member.
_BEFORE_JOINING = {Step.SSO, Step.ALLOWED_METHOD, Step.EMAIL_VERIFICATION}


@dataclass(frozen=True, slots=True)
class OtherWays:
    """What somebody can do on our pages whose way an organization refuses."""

    organization_name: str
    connections: list[Connection]
    password: bool
    magic_auth: bool
    passkey: bool


def other_ways(situation: Situation) -> OtherWays:
    """Return the ways that are open to a sign-in that waits for another one."""
    rules, unmet = situation.rules, situation.unmet_sso_policy
    wanting = [unmet] if unmet is not None else list(rules.policies)
    connections = [
        connection
        for policy in wanting
        if rules.allows(MethodFamily.SSO)
        for connection in usable_connections(situation.environment, organization=policy.organization_id)
    ]
    return OtherWays(
        wanting[0].organization.name,
        connections,
        password=unmet is None and rules.allows(MethodFamily.PASSWORD),
        magic_auth=unmet is None and rules.allows(MethodFamily.MAGIC_AUTH),
        passkey=unmet is None and rules.allows(MethodFamily.PASSKEY) and are_possible(),
    )


def sso_details(situation: Situation) -> dict[str, Any]:
    """Return the fields of ``sso_required``: the connections of the organization that wants one of them used."""
    policy = situation.unmet_sso_policy
    connections = (
        []
        if policy is None
        else usable_connections(situation.environment, organization=policy.organization_id)
    )
    return {
        "email": situation.user.email,
        "connection_ids": [connection.id for connection in connections],
    }


def allowed_method_details(situation: Situation) -> dict[str, Any]:
    """Return the fields of ``organization_authentication_methods_required``: every way that is open."""
    rules, environment = situation.rules, situation.environment
    connections = [
        connection.id
        for policy in rules.policies
        if rules.allows(MethodFamily.SSO)
        for connection in usable_connections(environment, organization=policy.organization_id)
    ]
    social = usable_social_types(environment) if rules.allows(MethodFamily.SOCIAL) else set()
    methods = {name: provider in social for name, provider in _NAMED_PROVIDERS.items()}
    methods |= {
        "magic_auth": rules.allows(MethodFamily.MAGIC_AUTH),
        "password": rules.allows(MethodFamily.PASSWORD),
    }
    return {
        "email": situation.user.email,
        "sso_connection_ids": connections,
        "auth_methods": dict(sorted(methods.items())),
    }


def usable_social_types(environment: Environment) -> set[str]:
    """Return the types of the environment's own connections, its social providers, that can be used."""
    rows = Connection.objects.in_environment(environment)
    return set(
        rows.filter(organization=None, state__in=_USABLE_STATES).values_list("connection_type", flat=True)
    )


def join_by_domain(situation: Situation, outcome: Required | Completed) -> bool:
    """Make whoever has proven a mailbox at a verified domain a member, where the organization wants that.

    Tells whether it did. Whoever was a member and is none any more, because somebody suspended them, stays out.
    """
    policy, user = situation.domain_policy, situation.user
    if isinstance(outcome, Required) and outcome.step in _BEFORE_JOINING:
        return False
    if policy is None or not policy.joins_by_domain or not user.email_verified:
        return False
    if situation.attempt.authentication_method == AuthenticationMethod.IMPERSONATION:
        return False
    rows = OrganizationMembership.objects.in_environment(situation.environment)
    if rows.filter(user=user, organization=policy.organization).exists():
        return False
    create_membership(
        environment=situation.environment,
        actor=user_actor(user),
        user=user,
        organization=policy.organization,
    )
    return True
