"""The grants of the token endpoint: each row says what its request holds, and does its own part alone.

What all grants share (finding the client, limits, the answer, the form of refusals) is done once, in the view.
A new grant is a new row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from accounts.email_addresses import normalize_email
from accounts.errors import InvalidEmail
from authentication import services
from authentication.api.serializers import (
    AuthorizationCodeInput,
    DeviceCodeInput,
    EmailVerificationInput,
    MagicAuthInput,
    MFAInput,
    OrganizationSelectionInput,
    PasswordInput,
    RefreshTokenInput,
)
from authentication.services import Origin, Outcome
from environments.models import Environment
from foundation.actors import Actor

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for tokens: a product's server with its secret, or a public client, which has none."""

    environment: Environment
    actor: Actor
    is_public: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """One way to tokens.

    ``challenge`` names what somebody could guess at, an e-mail or a pending sign-in: tries are counted by it.
    """

    input: type[serializers.Serializer[Any]]
    redeem: Callable[[Client, Fields], Outcome]
    challenge: Callable[[Fields], str] | None
    open_to_public_clients: bool = False


def _redeem_authorization_code(client: Client, fields: Fields) -> Outcome:
    return services.exchange_authorization_code(
        environment=client.environment,
        is_public_client=client.is_public,
        origin=_origin(fields),
        code=fields["code"],
        code_verifier=fields.get("code_verifier"),
        redirect_uri=fields.get("redirect_uri"),
        invitation_token=fields.get("invitation_token"),
    )


def _redeem_password(client: Client, fields: Fields) -> Outcome:
    return services.sign_in_with_password(
        environment=client.environment,
        actor=client.actor,
        origin=_origin(fields),
        email=fields["email"],
        password=fields["password"],
        invitation_token=fields.get("invitation_token"),
    )


def _redeem_magic_auth(client: Client, fields: Fields) -> Outcome:
    return services.sign_in_with_magic_auth(
        environment=client.environment,
        actor=client.actor,
        origin=_origin(fields),
        email=fields["email"],
        one_time_code=fields["code"],
        invitation_token=fields.get("invitation_token"),
        link_authorization_code=fields.get("link_authorization_code"),
    )


def _redeem_device_code(client: Client, fields: Fields) -> Outcome:
    return services.redeem_device_code(environment=client.environment, device_code=fields["device_code"])


def _redeem_refresh_token(client: Client, fields: Fields) -> Outcome:
    return services.refresh_session(
        environment=client.environment,
        refresh_token=fields["refresh_token"],
        organization_id=fields.get("organization_id"),
    )


def _redeem_email_verification(client: Client, fields: Fields) -> Outcome:
    return services.sign_in_with_email_verification(
        environment=client.environment,
        actor=client.actor,
        origin=_origin(fields),
        one_time_code=fields["code"],
        pending_authentication_token=fields["pending_authentication_token"],
    )


def _redeem_mfa(client: Client, fields: Fields) -> Outcome:
    return services.sign_in_with_second_factor(
        environment=client.environment,
        actor=client.actor,
        origin=_origin(fields),
        one_time_code=fields["code"],
        authentication_challenge_id=fields["authentication_challenge_id"],
        pending_authentication_token=fields["pending_authentication_token"],
    )


def _redeem_organization_selection(client: Client, fields: Fields) -> Outcome:
    return services.sign_in_with_organization(
        environment=client.environment,
        organization_id=fields["organization_id"],
        pending_authentication_token=fields["pending_authentication_token"],
    )


def email_challenge(fields: Fields) -> str:
    """Return the e-mail in the form in which it is looked up: another spelling must not buy more tries."""
    try:
        return normalize_email(fields["email"])
    except InvalidEmail:
        return str(fields["email"])


def _pending_challenge(fields: Fields) -> str:
    return str(fields["pending_authentication_token"])


def _origin(fields: Fields) -> Origin:
    return Origin.told(fields.get("ip_address"), fields.get("user_agent"))


GRANTS: Mapping[str, Grant] = {
    # A code of 128 bits is not guessed at, so nobody's tries are counted by it.
    "authorization_code": Grant(
        AuthorizationCodeInput, _redeem_authorization_code, None, open_to_public_clients=True
    ),
    "password": Grant(PasswordInput, _redeem_password, email_challenge),
    "urn:ietf:params:oauth:grant-type:device_code": Grant(
        DeviceCodeInput, _redeem_device_code, None, open_to_public_clients=True
    ),
    "refresh_token": Grant(RefreshTokenInput, _redeem_refresh_token, None, open_to_public_clients=True),
    "urn:workos:oauth:grant-type:magic-auth:code": Grant(MagicAuthInput, _redeem_magic_auth, email_challenge),
    "urn:workos:oauth:grant-type:email-verification:code": Grant(
        EmailVerificationInput, _redeem_email_verification, _pending_challenge
    ),
    "urn:workos:oauth:grant-type:mfa-totp": Grant(MFAInput, _redeem_mfa, _pending_challenge),
    "urn:workos:oauth:grant-type:organization-selection": Grant(
        OrganizationSelectionInput, _redeem_organization_selection, _pending_challenge
    ),
}
