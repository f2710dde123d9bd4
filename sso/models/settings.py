"""What a connection knows of its provider, by protocol: SAML, OpenID Connect, OAuth."""

from django.db import models

from foundation import clock
from foundation.encryption import token_digest
from foundation.fields import EncryptedTextField
from foundation.scoping import EnvironmentModel
from sso.models.connections import Connection
from sso.models.keys import SPKeyPair


class SAMLBinding(models.TextChoices):
    """How a SAML message travels (SAML bindings 3.4, 3.5)."""

    REDIRECT = "redirect", "HTTP-Redirect"
    POST = "post", "HTTP-POST"


class SAMLSettings(EnvironmentModel):
    """What a SAML connection knows of its identity provider, and how it speaks to it."""

    connection = models.OneToOneField(
        Connection, models.CASCADE, primary_key=True, related_name="saml_settings"
    )
    idp_entity_id = models.CharField("IdP entity id", max_length=1024, blank=True, default="")
    idp_sso_url = models.CharField("IdP sign-in URL", max_length=2000, blank=True, default="")
    idp_sso_binding = models.CharField(
        max_length=10, choices=SAMLBinding.choices, default=SAMLBinding.REDIRECT
    )
    idp_slo_url = models.CharField("IdP logout URL", max_length=2000, blank=True, default="")
    # Processes of the release before insert rows too: what is newer than they are fills itself in.
    idp_slo_binding = models.CharField(
        max_length=10,
        choices=SAMLBinding.choices,
        default=SAMLBinding.REDIRECT,
        db_default=SAMLBinding.REDIRECT,
    )
    idp_slo_response_url = models.CharField(
        "IdP logout response URL",
        max_length=2000,
        blank=True,
        default="",
        db_default="",
        help_text="Where answers to its logout requests go; empty for the logout URL.",
    )
    metadata_url = models.CharField(
        max_length=2000, blank=True, default="", help_text="Fetched again every day, if given."
    )
    metadata_fetched_at = models.DateTimeField(null=True, blank=True, editable=False)
    metadata_failure = models.CharField(max_length=500, blank=True, default="", editable=False)
    sp_entity_id = models.CharField(
        "our entity id",
        max_length=1024,
        blank=True,
        default="",
        help_text="Empty for the metadata's address.",
    )
    acs_url = models.CharField(
        "our ACS URL",
        max_length=2000,
        blank=True,
        default="",
        db_default="",
        help_text="Another address that takes the responses and forwards them here; empty for our own.",
    )
    sign_requests = models.BooleanField(default=True)
    require_signed_responses = models.BooleanField(default=False, db_default=False)
    require_encrypted_assertions = models.BooleanField(default=False)
    force_authn = models.BooleanField(
        default=False, help_text="The IdP asks for the password at every sign-in (ForceAuthn)."
    )
    requested_authn_context = models.CharField(
        max_length=500,
        blank=True,
        default="",
        help_text="An AuthnContextClassRef; empty for the IdP's choice.",
    )
    allow_idp_initiated = models.BooleanField(
        default=False, help_text="Whether people may begin at the IdP's own portal."
    )
    clock_skew_seconds = models.PositiveSmallIntegerField(default=60)
    # Our key pairs have a table of their own. Processes of the release before still read and write these two, so what
    # signs is written here too; the two leave with the release after, and the digest that tells who wrote them last.
    sp_private_key = EncryptedTextField(editable=False, help_text="PEM; a copy of the key that signs.")
    sp_certificate = models.TextField(editable=False, help_text="PEM; its certificate.")
    moved_certificate_digest = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Of sp_certificate, when its pair was moved into the table of key pairs.",
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "SAML settings"
        verbose_name_plural = "SAML settings"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(clock_skew_seconds__lte=300), name="clock_skew_is_at_most_five_minutes"
            ),
        ]

    def __str__(self) -> str:
        return f"SAML settings of {self.connection_id}"

    def unmoved_key_pair(self, use: str) -> SPKeyPair | None:
        """Return the pair that a process of the release before wrote, which served both uses; None where none did."""
        if not self.sp_certificate or self.moved_certificate_digest == token_digest(self.sp_certificate):
            return None
        return SPKeyPair(
            environment_id=self.environment_id,
            connection_id=self.connection_id,
            use=use,
            private_key=self.sp_private_key,
            certificate=self.sp_certificate,
        )


class TokenAuthenticationMethod(models.TextChoices):
    """How a client says at the token endpoint who it is (OpenID Connect Core 9)."""

    CLIENT_SECRET_BASIC = "client_secret_basic", "Client secret, in the header (client_secret_basic)"
    CLIENT_SECRET_POST = "client_secret_post", "Client secret, in the form (client_secret_post)"
    PRIVATE_KEY_JWT = "private_key_jwt", "Signature with a key of its own (private_key_jwt)"


class OIDCSettings(EnvironmentModel):
    """What an OIDC connection knows of its identity provider; empty endpoints come from discovery."""

    connection = models.OneToOneField(
        Connection, models.CASCADE, primary_key=True, related_name="oidc_settings"
    )
    issuer = models.CharField(max_length=1000)
    client_id = models.CharField(max_length=500)
    client_secret = EncryptedTextField(blank=True, default="")
    token_authentication_method = models.CharField(
        max_length=30,
        blank=True,
        default="",
        db_default="",
        choices=TokenAuthenticationMethod.choices,
        help_text="Empty for what the provider knows, by its discovery document.",
    )
    jwt_signing_key = EncryptedTextField(
        null=True,
        blank=True,
        editable=False,
        help_text="PEM; signs our requests for tokens (private_key_jwt).",
    )
    jwt_signing_certificate = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="PEM; is registered at the provider."
    )
    redirect_uri = models.CharField(
        "redirect URI",
        max_length=2000,
        blank=True,
        default="",
        db_default="",
        help_text="Empty for our own callback; whoever keeps another one forwards the browser there.",
    )
    uses_pkce = models.BooleanField("PKCE", default=True, db_default=True)
    id_token_signature_algorithm = models.CharField(
        max_length=10,
        blank=True,
        default="",
        db_default="",
        help_text="The one that counts; empty for each of our list.",
    )
    fetch_user_info = models.BooleanField(default=True, db_default=True)
    uses_discovery = models.BooleanField(default=True)
    authorization_endpoint = models.CharField(max_length=2000, blank=True, default="")
    token_endpoint = models.CharField(max_length=2000, blank=True, default="")
    userinfo_endpoint = models.CharField(max_length=2000, blank=True, default="")
    jwks_uri = models.CharField("JWKS URI", max_length=2000, blank=True, default="")
    end_session_endpoint = models.CharField(max_length=2000, blank=True, default="")
    scopes = models.CharField(max_length=500, default="openid email profile")
    max_age = models.PositiveIntegerField(null=True, blank=True, help_text="Seconds; empty for no limit.")
    allow_idp_initiated = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether the provider may send people here to sign in (Core 4).",
    )
    clock_skew_seconds = models.PositiveSmallIntegerField(default=60)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "OIDC settings"
        verbose_name_plural = "OIDC settings"
        constraints = [
            # RFC 9700 4.4.2: an address of its own for each provider, or one could pass off the codes of another.
            models.UniqueConstraint(
                fields=["environment", "redirect_uri"],
                condition=~models.Q(redirect_uri=""),
                name="one_redirect_uri_per_connection",
            ),
        ]

    def __str__(self) -> str:
        return f"OIDC settings of {self.connection_id}"


class OAuthProvider(EnvironmentModel):
    """The credentials of an environment at a social provider; its connection belongs to the environment."""

    connection = models.OneToOneField(
        Connection, models.CASCADE, primary_key=True, related_name="oauth_provider"
    )
    client_id = models.CharField(max_length=500)
    client_secret = EncryptedTextField(blank=True, default="")
    key = EncryptedTextField(
        blank=True, default="", help_text="What a provider wants beside: Apple's private key, say."
    )
    provider_settings = models.JSONField(
        default=dict, blank=True, help_text="Further settings of the provider: tenant, team id, key id."
    )
    scopes = models.CharField(
        max_length=1000, blank=True, default="", help_text="Empty for the provider's usual ones."
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "OAuth provider"

    def __str__(self) -> str:
        return f"OAuth credentials of {self.connection_id}"
