"""Connections and what stands at their other end."""

from datetime import timedelta
from functools import cache
from typing import Any

from environments.models import Environment
from foundation import clock
from foundation.actors import SYSTEM
from organizations.models import Organization
from sso import services
from sso.exchanges import ReceivedProfile
from sso.models import Connection, ExchangeKind, ExchangeState, Profile, SSOSession
from sso.saml.keys import make_key_pair
from sso.services.provider_sessions import note_provider_session

IDP_ENTITY_ID = "https://idp.example/metadata"
IDP_SSO_URL = "https://idp.example/sso"


@cache
def idp_key_pair() -> tuple[str, str]:
    """Return the key and the certificate with which the tests' identity provider signs."""
    return make_key_pair("Identity provider of the tests")


def make_idp_certificate() -> str:
    """Return another certificate, that no connection knows."""
    return make_key_pair("Another identity provider")[1]


def make_saml_connection(
    organization: Organization, connection_type: str = "OktaSAML", **changes: Any
) -> Connection:
    """Return a connection that is set up, and waits for its first sign-in."""
    saml = {
        "idp_entity_id": IDP_ENTITY_ID,
        "idp_sso_url": IDP_SSO_URL,
        "idp_certificates": [idp_key_pair()[1]],
        **changes.pop("saml", {}),
    }
    return services.create_connection(
        environment=organization.environment,
        actor=SYSTEM,
        connection_type=connection_type,
        organization=organization,
        changes={"saml": saml, **changes},  # type: ignore[typeddict-item]  # as its callers name them
    )


def make_oidc_connection(
    organization: Organization, connection_type: str = "GenericOIDC", **changes: Any
) -> Connection:
    """Return a connection that is set up, and waits for its first sign-in."""
    oidc = {
        "issuer": "https://op.example",
        "client_id": "gatehouse",
        "client_secret": "a secret of the tests",
        **changes.pop("oidc", {}),
    }
    return services.create_connection(
        environment=organization.environment,
        actor=SYSTEM,
        connection_type=connection_type,
        organization=organization,
        changes={"oidc": oidc, **changes},  # type: ignore[typeddict-item]  # as its callers name them
    )


def make_oauth_connection(environment: Environment, connection_type: str = "GoogleOAuth") -> Connection:
    """Return a social provider's connection with the environment's client."""
    return services.create_connection(
        environment=environment,
        actor=SYSTEM,
        connection_type=connection_type,
        organization=None,
        changes={"oauth": {"client_id": "app", "client_secret": "a secret of the tests"}},
    )


def make_test_connection(organization: Organization) -> Connection:
    """Return a connection to the test identity provider of its sandbox."""
    return services.create_connection(
        environment=organization.environment,
        actor=SYSTEM,
        connection_type="TestIdp",
        organization=organization,
        changes={},
    )


def make_sso_session(profile: Profile, kind: ExchangeKind = ExchangeKind.SIGN_IN) -> SSOSession:
    """Return the trail of a sign-in that went well."""
    return SSOSession.objects.create(
        environment=profile.environment,
        connection=profile.connection,
        profile=profile,
        state=ExchangeState.SUCCEEDED,
        sent={"url": "https://idp.example/sso"},
        received={"issuer": "https://idp.example/metadata"},
        expires_at=clock.now() + timedelta(minutes=30),
        kind=kind,
    )


def make_profile(connection: Connection, email: str = "ada@acme.test", **fields: Any) -> Profile:
    """Return a person as the connection's identity provider described them."""
    described = {
        "idp_id": email,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email_verified": True,
        **fields,
    }
    received = ReceivedProfile(email=email, **described)
    profile = services.record_profile(connection, received)
    note_provider_session(profile, received.memory)
    return profile
