"""What the endpoints of signing in take."""

from typing import Any

from rest_framework import serializers

from environments.api.validation import TextField


class ClientInput(serializers.Serializer[Any]):
    """What every token request says first: which client asks, and for which grant."""

    client_id = TextField()
    client_secret = TextField(required=False)
    grant_type = TextField()


class OriginInput(serializers.Serializer[Any]):
    """Where the person signs in from, as the product tells; free text, kept only if it is what it should be."""

    ip_address = TextField(required=False)
    user_agent = TextField(required=False)


class PasswordInput(OriginInput):
    """The ``password`` grant."""

    invitation_token = TextField(required=False)
    email = TextField()
    # Every character counts, spaces at the ends too.
    password = TextField(trim_whitespace=False)


class RefreshTokenInput(OriginInput):
    """The ``refresh_token`` grant."""

    refresh_token = TextField()
    organization_id = TextField(required=False)


class EmailVerificationInput(OriginInput):
    """The e-mail verification grant."""

    code = TextField()
    pending_authentication_token = TextField()


class MFAInput(OriginInput):
    """The MFA grant; the reference's own example spells the challenge in camel case."""

    code = TextField()
    authentication_challenge_id = TextField(required=False)
    authenticationChallengeId = TextField(required=False)  # noqa: N815 -- the contract's spelling
    pending_authentication_token = TextField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One spelling is enough, and leaves as the one name."""
        spelled = attrs.pop("authenticationChallengeId", None)
        if attrs.setdefault("authentication_challenge_id", spelled) is None:
            raise serializers.ValidationError(
                {"authentication_challenge_id": "Name the challenge."}, code="required"
            )
        return attrs


class OrganizationSelectionInput(OriginInput):
    """The organization selection grant."""

    organization_id = TextField()
    pending_authentication_token = TextField()


class AuthenticateInput(ClientInput, OriginInput):
    """Any token request: which of the fields are required depends on the grant type."""

    email = TextField(required=False)
    password = TextField(required=False, trim_whitespace=False)
    refresh_token = TextField(required=False)
    code = TextField(required=False)
    code_verifier = TextField(required=False)
    redirect_uri = TextField(required=False)
    device_code = TextField(required=False)
    link_authorization_code = TextField(required=False)
    invitation_token = TextField(required=False)
    organization_id = TextField(required=False)
    pending_authentication_token = TextField(required=False)
    authentication_challenge_id = TextField(required=False)


class DeviceCodeInput(OriginInput):
    """The device code grant."""

    device_code = TextField(max_length=200)


class DeviceAuthorizationInput(serializers.Serializer[Any]):
    """Which client's device asks."""

    client_id = TextField()


class MagicAuthInput(OriginInput):
    """The Magic Auth grant."""

    code = TextField()
    email = TextField()
    invitation_token = TextField(required=False)
    link_authorization_code = TextField(required=False)


class AuthorizationCodeInput(OriginInput):
    """The ``authorization_code`` grant."""

    code = TextField(max_length=200)
    code_verifier = TextField(required=False, max_length=200)
    redirect_uri = TextField(required=False, max_length=2000)
    invitation_token = TextField(required=False)


class AuthorizationParameters(serializers.Serializer[Any]):
    """What an application asks of the browser that it sends here.

    The first two decide where a refusal goes, so they alone are checked here.
    """

    client_id = TextField()
    redirect_uri = TextField(trim_whitespace=False)
    response_type = TextField(required=False)
    connection_id = TextField(required=False)
    organization_id = TextField(required=False)
    provider = TextField(required=False)
    code_challenge = TextField(required=False, trim_whitespace=False)
    code_challenge_method = TextField(required=False, trim_whitespace=False)
    state = TextField(required=False, trim_whitespace=False, allow_blank=True)
    login_hint = TextField(required=False)
    domain_hint = TextField(required=False)
    screen_hint = TextField(required=False)
    prompt = TextField(required=False)
    max_age = TextField(required=False)
    ui_locales = TextField(required=False)
    invitation_token = TextField(required=False)
    provider_scopes = serializers.ListField(child=TextField(), required=False)
    provider_query_params = serializers.DictField(child=TextField(allow_blank=True), required=False)


class MagicAuthRequestInput(OriginInput):
    """Whose mailbox gets a code that signs in."""

    email = TextField()
    invitation_token = TextField(required=False)


class EmailInput(serializers.Serializer[Any]):
    """Whose mailbox gets a message."""

    email = TextField()


class PasswordResetPageInput(EmailInput):
    """Whose mailbox gets a link that sets a password, and the product's page that the link leads to."""

    password_reset_url = TextField(max_length=2000)


class NewPasswordInput(serializers.Serializer[Any]):
    """The new password, with the token that allows it."""

    token = TextField(max_length=200)
    # Every character counts, spaces at the ends too.
    new_password = TextField(trim_whitespace=False)


class RevokeSessionInput(serializers.Serializer[Any]):
    """The session to end."""

    session_id = TextField()


class LogoutParameters(serializers.Serializer[Any]):
    """The session to end, and where the browser goes next."""

    session_id = TextField()
    return_to = TextField(required=False)


class JWTTemplateInput(serializers.Serializer[Any]):
    """The text of a JWT template."""

    content = TextField(trim_whitespace=False)
