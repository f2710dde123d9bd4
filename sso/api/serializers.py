"""What the endpoints of single sign-on take."""

from typing import Any

from rest_framework import serializers

from environments.api.pagination import ListParameters
from environments.api.validation import FlagField, TextField
from sso.conf import PASSWORDLESS_LONGEST, PASSWORDLESS_SHORTEST
from sso.connection_types import ConnectionType
from sso.models import SAMLBinding, TokenAuthenticationMethod

_LONGEST_NAME = 255
_LONGEST_ID = 80
_LONGEST_URL = 2000
_LONGEST_PEM = 20_000
_LONGEST_ATTRIBUTE = 500
_MANUAL_IDP_FIELDS = ("idp_entity_id", "idp_sso_url", "idp_signing_certs")

# The list filter of the reference spells GitHub's type otherwise than its objects do.
CONNECTION_TYPES = [*ConnectionType.values, "GithubOAuth"]


class ConnectionParameters(ListParameters):
    """Filters of the connections list."""

    connection_type = serializers.ChoiceField(choices=CONNECTION_TYPES, required=False)
    domain = serializers.CharField(required=False, max_length=1000, help_text="A domain that it serves.")
    organization_id = serializers.CharField(required=False, max_length=_LONGEST_ID)
    search = serializers.CharField(required=False, max_length=_LONGEST_NAME, help_text="A part of the name.")


class AttributeField(TextField):
    """The name of an attribute or claim of the provider; null leaves the field to the type's preset."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, max_length=_LONGEST_ATTRIBUTE, **options)


class StandardAttributesInput(serializers.Serializer[Any]):
    """Which attribute or claim fills a field of the profile."""

    idp_id = AttributeField()
    email = AttributeField()
    first_name = AttributeField()
    last_name = AttributeField()
    name = AttributeField()
    groups = AttributeField()
    role = AttributeField(help_text="Its values are looked up in role_map, as group names are.")


class AttributeMapsInput(serializers.Serializer[Any]):
    """How what the provider sends becomes a profile."""

    standard_attributes = StandardAttributesInput(required=False)
    custom_attributes = serializers.DictField(
        child=TextField(max_length=_LONGEST_ATTRIBUTE, allow_null=True),
        required=False,
        help_text="Further attributes of the profile: the provider's attribute by name. An update changes those that it "
        "names; null removes one.",
    )


class KeyPairInput(serializers.Serializer[Any]):
    """A key of your own, unencrypted PEM, and its certificate."""

    key = TextField(max_length=_LONGEST_PEM)
    cert = TextField(max_length=_LONGEST_PEM)


class SAMLOptionsInput(serializers.Serializer[Any]):
    """A SAML identity provider: by the URL of its metadata, or by its values."""

    idp_metadata_url = TextField(
        required=False,
        allow_null=True,
        max_length=_LONGEST_URL,
        help_text="Fetched at once, and again every day; not together with the manual fields `idp_entity_id`, "
        "`idp_sso_url` and `idp_signing_certs`. Null to fetch no more.",
    )
    idp_entity_id = TextField(required=False, max_length=1024)
    idp_sso_url = TextField(required=False, max_length=_LONGEST_URL)
    idp_sso_binding = serializers.ChoiceField(choices=SAMLBinding.values, required=False)
    idp_slo_url = TextField(required=False, allow_null=True, max_length=_LONGEST_URL)
    idp_slo_binding = serializers.ChoiceField(choices=SAMLBinding.values, required=False)
    idp_slo_response_url = TextField(
        required=False,
        allow_null=True,
        max_length=_LONGEST_URL,
        help_text="Where answers to the identity provider's logout requests go; null for `idp_slo_url`.",
    )
    idp_signing_certs = serializers.ListField(
        child=TextField(max_length=_LONGEST_PEM),
        required=False,
        max_length=20,
        help_text="PEM or base64; these and no others count from now on.",
    )
    sp_entity_id = TextField(
        required=False,
        allow_null=True,
        max_length=1024,
        help_text="Another name of ours (audience); null for the metadata's address.",
    )
    acs_url = TextField(
        required=False,
        allow_null=True,
        max_length=_LONGEST_URL,
        help_text="Another address that takes the responses, and forwards them to `standard_acs_url` with a 307; null "
        "for the standard one.",
    )
    sp_signing_key_pair = KeyPairInput(
        required=False, help_text="Signs our requests; without one, a new connection gets its own."
    )
    sp_encryption_key_pairs = serializers.ListField(
        child=KeyPairInput(),
        required=False,
        max_length=5,
        help_text="Open what is encrypted for us, these and no others from now on; without any, a new connection gets "
        "its own.",
    )
    sign_requests = FlagField(required=False)
    require_signed_responses = FlagField(required=False)
    require_encrypted_assertions = FlagField(required=False)
    force_authn = FlagField(required=False)
    requested_authn_context = TextField(required=False, allow_blank=True, max_length=500)
    allow_idp_initiated = FlagField(required=False)
    clock_skew_seconds = serializers.IntegerField(required=False, min_value=0, max_value=300)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a metadata URL beside what the metadata would replace."""
        if attrs.get("idp_metadata_url"):
            manual = [name for name in _MANUAL_IDP_FIELDS if attrs.get(name)]
            if manual:
                raise serializers.ValidationError(
                    dict.fromkeys(
                        manual, "The metadata of idp_metadata_url says this; give one or the other."
                    )
                )
        return attrs


class OIDCOptionsInput(serializers.Serializer[Any]):
    """An OpenID Connect provider: by discovery, or by its endpoints."""

    discovery_endpoint = TextField(
        required=False, max_length=_LONGEST_URL, help_text="The issuer, with or without the well-known path."
    )
    issuer = TextField(required=False, max_length=_LONGEST_URL)
    client_id = TextField(required=False, max_length=500)
    client_secret = TextField(
        required=False, max_length=_LONGEST_PEM, help_text="Written, never shown; or a private key as PEM."
    )
    redirect_uri = TextField(
        required=False,
        allow_null=True,
        max_length=_LONGEST_URL,
        help_text="Another callback than ours, which forwards the browser here; null goes back to ours.",
    )
    token_authentication_method = serializers.ChoiceField(
        choices=TokenAuthenticationMethod.values,
        required=False,
        allow_null=True,
        help_text="How we say at the token endpoint who we are; null for what the provider knows.",
    )
    jwt_signing_key_pair = KeyPairInput(
        required=False,
        help_text="Signs our requests for tokens by `private_key_jwt`; made here where none is given.",
    )
    pkce = FlagField(
        required=False, help_text="On unless a client with credentials of its own switches it off."
    )
    id_token_signature_algorithm = TextField(
        required=False,
        allow_null=True,
        max_length=20,
        help_text="The only one that counts; null for each asymmetric one. HMAC is refused.",
    )
    fetch_user_info = FlagField(
        required=False, help_text="Whether the userinfo endpoint is asked; on unless set."
    )
    uses_discovery = FlagField(required=False)
    authorization_endpoint = TextField(required=False, allow_blank=True, max_length=_LONGEST_URL)
    token_endpoint = TextField(required=False, allow_blank=True, max_length=_LONGEST_URL)
    userinfo_endpoint = TextField(required=False, allow_blank=True, max_length=_LONGEST_URL)
    jwks_uri = TextField(required=False, allow_blank=True, max_length=_LONGEST_URL)
    end_session_endpoint = TextField(required=False, allow_blank=True, max_length=_LONGEST_URL)
    scopes = TextField(required=False, max_length=500, help_text="Separated by spaces.")
    max_age = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=31_536_000, help_text="Seconds."
    )
    allow_idp_initiated = FlagField(
        required=False, help_text="Whether the provider may send people here to sign in (OIDC Core 4)."
    )
    clock_skew_seconds = serializers.IntegerField(required=False, min_value=0, max_value=300)


class OAuthOptionsInput(serializers.Serializer[Any]):
    """The environment's client at a social provider."""

    client_id = TextField(required=False, max_length=500)
    client_secret = TextField(required=False, max_length=_LONGEST_PEM, help_text="Written, never shown.")
    key = TextField(
        required=False, max_length=_LONGEST_PEM, help_text="Apple's private key; written, never shown."
    )
    provider_settings = serializers.DictField(
        required=False, help_text="Tenant, team id, key id and the like."
    )
    scopes = TextField(required=False, allow_blank=True, max_length=1000, help_text="Separated by spaces.")


class OlderOptionsInput(serializers.Serializer[Any]):
    """What older SDKs write: our own key pair."""

    signing_key = TextField(required=False, allow_null=True, max_length=_LONGEST_PEM)
    signing_cert = TextField(required=False, allow_null=True, max_length=_LONGEST_PEM)


class ConnectionUpdateInput(serializers.Serializer[Any]):
    """Changes to a connection; what is not named stays."""

    name = TextField(required=False, max_length=_LONGEST_NAME)
    external_id = TextField(required=False, allow_null=True, max_length=128)
    connection_type = serializers.ChoiceField(choices=CONNECTION_TYPES, required=False)
    state = serializers.ChoiceField(
        choices=["active", "inactive"],
        required=False,
        help_text="`inactive` lets nobody sign in; `active` does again.",
    )
    domains = serializers.ListField(
        child=TextField(max_length=1000),
        required=False,
        max_length=200,
        help_text="Which of the organization's domains it serves; none means all of them.",
    )
    attribute_maps = AttributeMapsInput(required=False)
    role_map = serializers.DictField(
        child=TextField(max_length=100),
        required=False,
        help_text="Role slug by group name, or by value of the role attribute.",
    )
    single_logout = FlagField(
        required=False,
        help_text="Whether whoever signs out here is led on to sign out at the identity provider too.",
    )
    saml_options = SAMLOptionsInput(required=False)
    oidc_options = OIDCOptionsInput(required=False)
    oauth_options = OAuthOptionsInput(required=False)
    options = OlderOptionsInput(required=False)


class ConnectionInput(ConnectionUpdateInput):
    """A new connection: of an organization (SAML, OIDC), or of the environment (social providers)."""

    organization_id = TextField(required=False, max_length=_LONGEST_ID)


class CertificateInput(serializers.Serializer[Any]):
    """A certificate, PEM or base64."""

    value = TextField(max_length=_LONGEST_PEM)


class AuthorizationParameters(serializers.Serializer[Any]):
    """What an application asks of the browser that it sends here; exactly one of the three selectors.

    The first two decide where a refusal goes, so they alone are checked here.
    """

    client_id = TextField()
    redirect_uri = TextField(trim_whitespace=False)
    response_type = TextField(required=False)
    connection = TextField(required=False)
    organization = TextField(required=False)
    provider = TextField(required=False)
    domain = TextField(required=False, help_text="Refused: use organization or connection.")
    state = TextField(required=False, trim_whitespace=False, allow_blank=True)
    code_challenge = TextField(required=False, trim_whitespace=False)
    code_challenge_method = TextField(required=False, trim_whitespace=False)
    login_hint = TextField(required=False)
    domain_hint = TextField(required=False)
    prompt = TextField(required=False, help_text="`login` asks for a fresh sign-in at the identity provider.")
    nonce = TextField(required=False)
    provider_scopes = serializers.ListField(child=TextField(), required=False)
    provider_query_params = serializers.DictField(child=TextField(allow_blank=True), required=False)


class TokenInput(serializers.Serializer[Any]):
    """A token request, as a form, as JSON or in the query."""

    client_id = TextField()
    client_secret = TextField(required=False, help_text="The API key; public clients have PKCE instead.")
    grant_type = TextField()
    code = TextField(max_length=200)
    code_verifier = TextField(required=False, max_length=200)
    redirect_uri = TextField(required=False, max_length=2000)


class PasswordlessInput(serializers.Serializer[Any]):
    """A mailbox, and where its owner goes with the link."""

    email = TextField(max_length=1000)
    type = serializers.ChoiceField(choices=[ConnectionType.MAGIC_LINK.value])
    redirect_uri = TextField(required=False, max_length=_LONGEST_URL)
    state = TextField(required=False, trim_whitespace=False, allow_blank=True, max_length=2000)
    # Older SDKs send 0 for what nobody set.
    expires_in = serializers.IntegerField(required=False, default=PASSWORDLESS_SHORTEST, help_text="Seconds.")

    def validate_expires_in(self, value: int) -> int:
        """Take 0 for the default; anything else within its bounds."""
        if value and not PASSWORDLESS_SHORTEST <= value <= PASSWORDLESS_LONGEST:
            message = f"Must be between {PASSWORDLESS_SHORTEST} and {PASSWORDLESS_LONGEST} seconds."
            raise serializers.ValidationError(message, code="invalid")
        return value or PASSWORDLESS_SHORTEST


class LogoutInput(serializers.Serializer[Any]):
    """Whom to sign out at the identity provider."""

    profile_id = TextField(max_length=_LONGEST_ID)


class LogoutTokenParameters(serializers.Serializer[Any]):
    """The token of an authorized logout."""

    token = TextField(max_length=1000)
