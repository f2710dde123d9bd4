"""The forms of a connection: what is asked first, and what each protocol wants besides."""

from typing import Any

from django import forms

from environments.staff.model_admin import ServiceForm
from environments.staff.tools import ToolForm
from foundation.outbound import OutboundError, fetch
from organizations.models import Organization
from sso import conf
from sso.admin.words import NamesField, PairsField
from sso.attribute_presets import preset_of
from sso.connection_types import ConnectionType, Protocol, protocol_of
from sso.models import Connection, SAMLBinding, TokenAuthenticationMethod
from sso.oidc.keys import ALGORITHMS
from sso.saml.metadata import MetadataRefused, read_idp_metadata

MAPPED_FIELDS = ("idp_id", "email", "first_name", "last_name", "name", "groups", "role")
_URL = {"size": 60, "spellcheck": "false", "autocomplete": "off"}


def type_choices(*, is_sandbox: bool) -> list[Any]:
    """Return the types that an organization's connection can have, by protocol."""

    def of(protocol: Protocol) -> list[tuple[str, str]]:
        rows = [
            (kind.value, kind.label)
            for kind in ConnectionType
            if protocol_of(kind) is protocol and kind is not ConnectionType.TEST_IDP
        ]
        return sorted(rows, key=lambda row: (not row[0].startswith("Generic"), row[1].lower()))

    test_idp = (ConnectionType.TEST_IDP.value, "Test identity provider (people are made up)")
    for_development = [("While you develop", [test_idp])] if is_sandbox else []
    return [
        ("", "Choose the customer's identity provider"),
        *for_development,
        ("SAML", of(Protocol.SAML)),
        ("OpenID Connect", of(Protocol.OIDC)),
    ]


def text(label: str, *, maximum: int = 2000, help_text: str = "", **options: Any) -> forms.CharField:
    """Return a field for an address or a name, which may stay empty."""
    widget = forms.TextInput(attrs=_URL)
    return forms.CharField(
        label=label, max_length=maximum, required=False, help_text=help_text, widget=widget, **options
    )


class NewConnectionForm(ServiceForm):
    """Whose it is, and what is at the other end; its settings follow on its own page."""

    connection_type = forms.ChoiceField(label="Identity provider", choices=[])
    name = forms.CharField(
        max_length=255, required=False, help_text="Empty: the name of the organization.", label="Name"
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        is_sandbox = self.environment is not None and self.environment.is_sandbox
        self.fields["connection_type"].choices = type_choices(is_sandbox=is_sandbox)  # type: ignore[attr-defined]
        self.fields["organization"].required = True
        self.fields["organization"].help_text = "The customer whose people sign in through it."


class ConnectionForm(ServiceForm):
    """What every connection has, whatever its protocol."""

    # The attributes of the row of settings that the protocol keeps, by the name of its field.
    settings_fields: tuple[str, ...] = ()
    settings_name = ""

    domain_names = NamesField(
        label="Domains",
        required=False,
        help_text="Which of the organization's domains it serves, separated by commas. Empty: all of them.",
    )
    role_map = PairsField(
        label="Roles by group",
        help_text="A group's name, or a value of the role attribute, and the slug of the role that it brings: "
        "Engineering = admin",
    )
    custom_attribute_map = PairsField(
        label="Custom attributes",
        help_text="A name of your own, and the provider's attribute that fills it: department = user.department",
    )
    single_logout = forms.BooleanField(
        label="Sign out at the identity provider too",
        required=False,
        help_text="Whoever signs out here is led on to the provider's logout, and comes back from there. Off: they stay "
        "signed in at the provider.",
    )
    idp_id = text("User id", maximum=300)
    email = text("Email", maximum=300)
    first_name = text("First name", maximum=300)
    last_name = text("Last name", maximum=300)
    full_name = text("Full name", maximum=300)
    groups = text("Groups", maximum=300)
    role = text("Role", maximum=300)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        row: Connection = options["instance"]
        settings = getattr(row, self.settings_name, None)
        initial = {name: getattr(settings, name) for name in self.settings_fields} if settings else {}
        initial |= {FORM_NAMES.get(name, name): row.attribute_map.get(name, "") for name in MAPPED_FIELDS}
        initial["domain_names"] = sorted(domain.domain for domain in row.domains.all())
        options["initial"] = {**initial, **(options.get("initial") or {})}
        super().__init__(*arguments, **options)
        if row.connection_type:
            for name, attributes in preset_of(row.connection_type).items():
                hint = ", ".join(attributes[:2]) + (", …" if len(attributes) > 2 else "")
                self.fields[FORM_NAMES.get(name, name)].widget.attrs["placeholder"] = hint


# The form's own name is the connection's; the field of the profile has another one.
FORM_NAMES = {"name": "full_name"}


class SAMLConnectionForm(ConnectionForm):
    """A SAML identity provider."""

    settings_name = "saml_settings"
    settings_fields = (
        "idp_entity_id",
        "idp_sso_url",
        "idp_sso_binding",
        "idp_slo_url",
        "idp_slo_binding",
        "idp_slo_response_url",
        "metadata_url",
        "sp_entity_id",
        "acs_url",
        "sign_requests",
        "require_signed_responses",
        "require_encrypted_assertions",
        "force_authn",
        "requested_authn_context",
        "allow_idp_initiated",
        "clock_skew_seconds",
    )
    idp_entity_id = text("IdP entity id", maximum=1024)
    idp_sso_url = text("IdP sign-in URL")
    idp_sso_binding = forms.ChoiceField(label="IdP binding", choices=SAMLBinding.choices)
    idp_slo_url = text("IdP logout URL", help_text="Optional; single logout needs it.")
    idp_slo_binding = forms.ChoiceField(label="IdP logout binding", choices=SAMLBinding.choices)
    idp_slo_response_url = text(
        "IdP logout response URL",
        help_text="Where answers to its logout requests go. Empty: the logout URL.",
    )
    metadata_url = text(
        "IdP metadata URL", help_text="Optional. Fetched again every day, for new certificates."
    )
    sp_entity_id = text(
        "Another entity id of ours",
        maximum=1024,
        help_text="Only where the identity provider insists on one. Empty: the metadata address.",
    )
    acs_url = text(
        "Another ACS URL of ours",
        help_text="Only where the identity provider keeps an address of the application's own, which then forwards "
        "what is posted there to the standard ACS URL with a 307. Responses must name this address then, and no other.",
    )
    sign_requests = forms.BooleanField(label="Sign requests", required=False)
    require_signed_responses = forms.BooleanField(
        label="Demand signed responses",
        required=False,
        help_text="The response around the assertion has to be signed too. Assertions are always.",
    )
    require_encrypted_assertions = forms.BooleanField(
        label="Demand encrypted assertions",
        required=False,
        help_text="An answer in clear is then refused.",
    )
    force_authn = forms.BooleanField(
        label="Ask for the password at every sign-in",
        required=False,
        help_text="ForceAuthn: no single sign-on session at the identity provider is good enough.",
    )
    requested_authn_context = text(
        "Requested context",
        maximum=500,
        help_text="An AuthnContextClassRef. Empty: whatever the identity provider does.",
    )
    allow_idp_initiated = forms.BooleanField(
        label="Sign-in may begin at the identity provider",
        required=False,
        help_text="From its portal of applications. Such answers were not asked for, so they prove less: leave it "
        "off where nobody needs it.",
    )
    clock_skew_seconds = forms.IntegerField(
        label="Clock skew", min_value=0, max_value=300, help_text="Seconds."
    )


class OIDCConnectionForm(ConnectionForm):
    """An OpenID Connect provider."""

    settings_name = "oidc_settings"
    settings_fields = (
        "issuer",
        "client_id",
        "token_authentication_method",
        "redirect_uri",
        "uses_pkce",
        "id_token_signature_algorithm",
        "fetch_user_info",
        "uses_discovery",
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "end_session_endpoint",
        "scopes",
        "max_age",
        "allow_idp_initiated",
        "clock_skew_seconds",
    )
    issuer = text("Issuer", help_text="The address that its discovery document lies under.")
    client_id = text("Client id", maximum=500)
    new_client_credential = forms.CharField(
        label="Client secret",
        required=False,
        strip=True,
        max_length=20_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "size": 60}),
        help_text="Written, never shown. Empty leaves it as it is.",
    )
    token_authentication_method = forms.ChoiceField(
        label="Client authentication",
        required=False,
        choices=[
            ("", "By the client secret, as the provider's discovery says"),
            *TokenAuthenticationMethod.choices,
        ],
        help_text="With private_key_jwt a key is made, and its certificate shown above: the provider has to know it, and "
        "the client secret is forgotten.",
    )
    redirect_uri = text(
        "Another redirect URI",
        help_text="Only where another one stays registered at the provider. Whoever keeps that address forwards the "
        "browser, query and all, to the callback shown above.",
    )
    uses_pkce = forms.BooleanField(
        label="PKCE",
        required=False,
        help_text="Off only for a provider that stumbles over it. A nonce is sent and checked either way.",
    )
    id_token_signature_algorithm = forms.ChoiceField(
        label="Signature of the ID token",
        required=False,
        choices=[("", "Any asymmetric algorithm"), *((name, name) for name in ALGORITHMS)],
        help_text="With a choice, only that algorithm counts.",
    )
    fetch_user_info = forms.BooleanField(
        label="Ask the userinfo endpoint",
        required=False,
        help_text="For claims that are not in the ID token. Off: the ID token alone counts.",
    )
    uses_discovery = forms.BooleanField(
        label="Endpoints by discovery",
        required=False,
        help_text="Off: the endpoints below are used as they stand.",
    )
    authorization_endpoint = text("Authorization endpoint")
    token_endpoint = text("Token endpoint")
    userinfo_endpoint = text("Userinfo endpoint")
    jwks_uri = text("JWKS URI")
    end_session_endpoint = text("End session endpoint")
    scopes = text("Scopes", maximum=500, help_text="Separated by spaces.")
    max_age = forms.IntegerField(
        label="Maximum age of the sign-in", required=False, min_value=0, help_text="Seconds; empty: any."
    )
    allow_idp_initiated = forms.BooleanField(
        label="Sign-in may begin at the identity provider",
        required=False,
        help_text="From its portal of applications: the provider sends people to the initiate login URI, and is asked.",
    )
    clock_skew_seconds = forms.IntegerField(
        label="Clock skew", min_value=0, max_value=300, help_text="Seconds."
    )


OIDC_FIELDSETS: tuple[Any, ...] = (
    (
        "For the identity provider",
        {
            "fields": (
                "our_redirect_uri",
                "our_callback_uri",
                "our_client_certificate",
                "our_post_logout_redirect_uri",
                "our_backchannel_logout_uri",
                "our_initiate_login_uri",
            ),
            "description": "Copy these to the application that the customer creates at its identity provider.",
        },
    ),
    (
        "From the identity provider",
        {
            "fields": (
                "issuer",
                "client_id",
                "token_authentication_method",
                "new_client_credential",
                "scopes",
            )
        },
    ),
    (
        "Endpoints and limits",
        {
            "fields": (
                "uses_discovery",
                "authorization_endpoint",
                "token_endpoint",
                "userinfo_endpoint",
                "jwks_uri",
                "end_session_endpoint",
                "fetch_user_info",
                "id_token_signature_algorithm",
                "uses_pkce",
                "redirect_uri",
                "max_age",
                "allow_idp_initiated",
                "clock_skew_seconds",
            )
        },
    ),
)


class PlainConnectionForm(ConnectionForm):
    """A connection without settings of an organization's own, such as a social provider's."""


class MetadataForm(ToolForm):
    """The identity provider's own description: an address, a file, or its text."""

    url = forms.CharField(
        label="Metadata address",
        max_length=2000,
        required=False,
        widget=forms.URLInput(attrs=_URL),
        help_text="Kept, and fetched again every day for new certificates.",
    )
    upload = forms.FileField(label="Or a metadata file", required=False)
    document = forms.CharField(
        label="Or its text",
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        """Fetch or read the metadata; what is wrong with it is told in words."""
        cleaned = super().clean() or {}
        upload, url = cleaned.get("upload"), str(cleaned.get("url") or "").strip()
        document = str(cleaned.get("document") or "").strip()
        if sum(map(bool, (upload, url, document))) != 1:
            raise forms.ValidationError("Give one of the three: an address, a file, or its text.")
        try:
            if url:
                octets = fetch("GET", url, maximum_bytes=conf.METADATA_MAXIMUM_BYTES).body
            elif upload is not None:
                octets = upload.read(conf.METADATA_MAXIMUM_BYTES)
            else:
                octets = document.encode()
            cleaned["metadata"] = read_idp_metadata(octets)
        except (OutboundError, MetadataRefused) as error:
            raise forms.ValidationError(str(error)) from error
        return cleaned


class CertificateForm(ToolForm):
    """A certificate, pasted."""

    certificate = forms.CharField(
        label="Certificate",
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 10, "class": "code", "spellcheck": "false"}),
        help_text="PEM, or the bare base64 that some identity providers show.",
    )


FORMS: dict[Protocol, type[ConnectionForm]] = {
    Protocol.SAML: SAMLConnectionForm,
    Protocol.OIDC: OIDCConnectionForm,
    Protocol.OAUTH: PlainConnectionForm,
    Protocol.MAGIC_LINK: PlainConnectionForm,
}


def organization_of(data: dict[str, Any]) -> Organization:
    """Return the organization that the first form names; it demands one."""
    organization: Organization = data["organization"]
    return organization
