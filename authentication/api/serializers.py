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
    organization_id = TextField(required=False)
    pending_authentication_token = TextField(required=False)


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
