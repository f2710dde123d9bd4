"""Tables of single sign-on: connections with their settings, profiles, the trail, codes and tokens."""

from django.db import models

from accounts.models import User
from foundation import clock
from foundation.encryption import token_digest
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.ids import new_secret
from foundation.scoping import EnvironmentModel
from organizations.models import Organization
from sso.connection_types import ConnectionType, Protocol, protocol_of


class ConnectionState(models.TextChoices):
    """How far a connection is set up (workos-behaviour (j)); a new one is validating until its first good sign-in."""

    REQUIRES_TYPE = "requires_type"
    DRAFT = "draft"
    VALIDATING = "validating"
    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETING = "deleting"


class Connection(EnvironmentModel):
    """An organization's way to its identity provider, or an environment's way to a social provider.

    Settings of its protocol stand in a row of their own (SAMLSettings, OIDCSettings, OAuthProvider).
    """

    entity_name = "Connection"

    id = PrefixedIDField(prefix="conn")
    organization = models.ForeignKey(
        Organization,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="connections",
        help_text="Empty for the environment's own social providers.",
    )
    connection_type = models.CharField(max_length=40, choices=ConnectionType.choices)
    name = models.CharField(max_length=255)
    state = models.CharField(
        max_length=20, choices=ConnectionState.choices, default=ConnectionState.VALIDATING
    )
    external_key = models.CharField(
        max_length=80,
        blank=True,
        default=new_secret,
        editable=False,
        help_text="A name of our own that events carry and that means nothing elsewhere.",
    )
    external_id = models.CharField(
        max_length=128, null=True, blank=True, help_text="The product's own id of the connection."
    )
    attribute_map = models.JSONField(
        default=dict,
        blank=True,
        help_text="Which attribute of the provider fills a field: idp_id, email, first_name, last_name, name, groups, "
        "role; empty fields follow the type's preset.",
    )
    role_map = models.JSONField(
        default=dict,
        blank=True,
        help_text="Which role a group, or a value of the role attribute, brings: slug by name.",
    )
    custom_attribute_map = models.JSONField(
        default=dict,
        blank=True,
        help_text="Further attributes of the profile: the provider's attribute by name.",
    )
    single_logout = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether whoever signs out here is led on to sign out at the provider too.",
    )
    activated_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["environment", "id"], name="connection_list"),
            models.Index(fields=["organization", "id"], name="connections_of_organization"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "connection_type"],
                condition=models.Q(organization__isnull=True),
                name="one_social_connection_per_type",
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"], name="one_connection_per_external_id"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def protocol(self) -> Protocol:
        """How it talks to its provider."""
        return protocol_of(self.connection_type)

    def own_key_pairs(self, use: str) -> list["SPKeyPair"]:
        """Return our own key pairs of a SAML connection for a KeyPairUse, oldest first."""
        pairs = sorted(
            (pair for pair in self.sp_key_pairs.all() if pair.use == use), key=lambda pair: pair.id
        )
        former = self.saml_settings.unmoved_key_pair(use)
        if former is None:
            return pairs
        others = [] if use == KeyPairUse.SIGNING else pairs
        return [*others, former]


class ConnectionDomain(EnvironmentModel):
    """A mail domain whose people sign in through a connection."""

    id = PrefixedIDField(prefix="conn_domain")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="domains")
    domain = models.CharField(max_length=253)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "domain"], name="a_connection_domain_stands_once"),
        ]
        indexes = [models.Index(fields=["environment", "domain"], name="connections_by_domain")]

    def __str__(self) -> str:
        return self.domain


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

    def unmoved_key_pair(self, use: str) -> "SPKeyPair | None":
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


class KeyPairUse(models.TextChoices):
    """What a key pair of our own is for, as metadata says it (SAML metadata 2.4.1.1)."""

    SIGNING = "signing", "Signs requests"
    ENCRYPTION = "encryption", "Opens what is encrypted to us"


class SPKeyPair(EnvironmentModel):
    """A key pair of our own side of a SAML connection: one signs, several may open what is encrypted to us."""

    entity_name = "SAML Service Provider Certificate"

    id = PrefixedIDField(prefix="sp_key_pair")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="sp_key_pairs")
    use = models.CharField(max_length=10, choices=KeyPairUse.choices)
    private_key = EncryptedTextField(editable=False, help_text="PEM; never shown.")
    certificate = models.TextField(editable=False, help_text="PEM; stands in our metadata.")
    fingerprint = models.CharField(max_length=64, editable=False, help_text="SHA-256, hex.")
    not_before = models.DateTimeField(editable=False)
    not_after = models.DateTimeField(editable=False)
    renewal_announced_at = models.DateTimeField(
        null=True, editable=False, help_text="When the event that asks for a new one was last emitted."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "key pair of ours"
        verbose_name_plural = "key pairs of ours"
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "use", "fingerprint"], name="an_sp_certificate_stands_once_for_a_use"
            ),
            models.UniqueConstraint(
                fields=["connection"],
                condition=models.Q(use=KeyPairUse.SIGNING),
                name="one_signing_key_pair_per_connection",
            ),
        ]
        indexes = [models.Index(fields=["not_after"], name="sp_key_pairs_by_expiry")]

    def __str__(self) -> str:
        return f"{self.fingerprint[:16]}… until {self.not_after:%Y-%m-%d}"


class IdPCertificate(EnvironmentModel):
    """A certificate with which an identity provider signs; several count at once while it changes them."""

    id = PrefixedIDField(prefix="idp_certificate")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="idp_certificates")
    certificate = models.TextField(help_text="PEM.")
    fingerprint = models.CharField(max_length=64, editable=False, help_text="SHA-256, hex.")
    not_before = models.DateTimeField(editable=False)
    not_after = models.DateTimeField(editable=False)
    renewal_announced_at = models.DateTimeField(
        null=True, editable=False, help_text="When the event that asks for a new one was last emitted."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "IdP certificate"
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "fingerprint"], name="an_idp_certificate_stands_once"
            ),
        ]
        indexes = [models.Index(fields=["not_after"], name="certificates_by_expiry")]

    def __str__(self) -> str:
        return f"{self.fingerprint[:16]}… until {self.not_after:%Y-%m-%d}"


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


class Profile(EnvironmentModel):
    """A person as a connection's identity provider last described them."""

    entity_name = "Profile"

    id = PrefixedIDField(prefix="prof")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="profiles")
    idp_id = models.CharField(max_length=512, help_text="The subject at the provider.")
    email = models.CharField(
        max_length=320, blank=True, default="", help_text="As the provider sent it, normalized."
    )
    email_verified = models.BooleanField(default=False)
    first_name = models.CharField(max_length=200, null=True)
    last_name = models.CharField(max_length=200, null=True)
    name = models.CharField(max_length=400, null=True)
    groups = models.JSONField(default=list)
    role_slugs = models.JSONField(
        default=list, help_text="The roles that groups or the role attribute brought."
    )
    custom_attributes = models.JSONField(default=dict)
    raw_attributes = models.JSONField(default=dict)
    # Kept for one release, for processes of the former one; ProviderSession has it for each sign-in.
    logout_memory = EncryptedTextField(blank=True, default="", editable=False)
    user = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="sso_profiles",
        help_text="Whom it signs in under /user_management; empty where it never did.",
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)
    last_seen_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "idp_id"], name="one_profile_per_subject"),
        ]

    def __str__(self) -> str:
        return self.email or self.idp_id


class ProviderSession(EnvironmentModel):
    """A person's session at an identity provider, as one sign-in told of it; what began by it ends with it.

    The provider names it by the session (``sid``, SessionIndex), by the subject (``sub``, NameID), or by both. Of each
    a digest is kept, to be found by; an empty one means that the provider gave no such name.
    """

    id = PrefixedIDField(prefix="provider_session")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    profile = models.ForeignKey(Profile, models.CASCADE, related_name="provider_sessions")
    session_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    subject_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    memory = EncryptedTextField(
        blank=True, default="", editable=False, help_text="JSON: what the provider's logout needs."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False, db_index=True)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "session at a provider"
        indexes = [
            models.Index(fields=["connection", "session_digest"], name="provider_sessions_by_session"),
            models.Index(fields=["connection", "subject_digest"], name="provider_sessions_by_subject"),
        ]

    def __str__(self) -> str:
        return f"Session at a provider, of {self.profile_id}"


class ExchangeKind(models.TextChoices):
    """What an exchange with an identity provider was for."""

    SIGN_IN = "sign_in", "Sign-in"
    IDP_INITIATED = "idp_initiated", "Sign-in begun at the IdP"
    TEST = "test", "Test of the connection"
    LOGOUT = "logout", "Logout"


class ExchangeState(models.TextChoices):
    """How an exchange went."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class SSOSession(EnvironmentModel):
    """The trail of one exchange with an identity provider: what went out, what came back, which check failed.

    While it is pending, its handle travels as RelayState or ``state``; the browser that began it has a cookie, so
    that an answer cannot be planted in somebody else's browser (login CSRF).
    """

    entity_name = "SSO Session"

    id = PrefixedIDField(prefix="sso_session")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="sso_sessions")
    kind = models.CharField(max_length=20, choices=ExchangeKind.choices, default=ExchangeKind.SIGN_IN)
    state = models.CharField(max_length=10, choices=ExchangeState.choices, default=ExchangeState.PENDING)
    handle_digest = models.CharField(max_length=64, unique=True, null=True, editable=False)
    browser_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    memory = EncryptedTextField(
        blank=True, default="", editable=False, help_text="JSON: what the answer is checked against."
    )
    purpose = EncryptedTextField(
        blank=True,
        default="",
        editable=False,
        help_text="JSON: where the browser goes afterwards, and for whom.",
    )
    sent = models.JSONField(default=dict, editable=False)
    received = models.JSONField(default=dict, editable=False)
    failure = models.CharField(max_length=60, blank=True, default="", editable=False)
    sentence = models.TextField(blank=True, default="", editable=False)
    profile = models.ForeignKey(Profile, models.SET_NULL, null=True, related_name="sso_sessions")
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=500, null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(editable=False, help_text="Until when the answer may come.")
    completed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "SSO session"
        indexes = [
            models.Index(fields=["connection", "id"], name="trail_of_connection"),
            models.Index(fields=["created_at"], name="trail_retention"),
            models.Index(
                fields=["expires_at"], condition=models.Q(state="pending"), name="unanswered_exchanges"
            ),
        ]

    def __str__(self) -> str:
        return f"{ExchangeKind(self.kind).label}, {self.state}"


class SeenAssertion(EnvironmentModel):
    """A response or assertion that was accepted: it counts once, so it is remembered until it expires."""

    id = models.BigAutoField(primary_key=True)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "digest"], name="an_assertion_counts_once"),
        ]


class SSOAuthorizationCode(EnvironmentModel):
    """A code with which an application fetches a profile at ``/sso/token``, once, within ten minutes."""

    id = PrefixedIDField(prefix="sso_code")
    code_digest = models.CharField(max_length=64, unique=True, editable=False)
    profile = models.ForeignKey(Profile, models.CASCADE, related_name="+")
    sso_session = models.ForeignKey(
        SSOSession, models.SET_NULL, null=True, related_name="+", help_text="The exchange that it ended."
    )
    provider_session = models.ForeignKey(ProviderSession, models.SET_NULL, null=True, related_name="+")
    redirect_uri = models.CharField(max_length=2000)
    code_challenge = models.CharField(max_length=128, blank=True, default="")
    oauth_tokens = EncryptedTextField(
        blank=True, default="", editable=False, help_text="JSON, handed on once."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    spent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "SSO authorization code"


class SSOAccessToken(EnvironmentModel):
    """A token that reads one profile at ``/sso/profile`` for ten minutes."""

    id = PrefixedIDField(prefix="sso_token")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    profile = models.ForeignKey(Profile, models.CASCADE, related_name="+")
    code = models.OneToOneField(
        SSOAuthorizationCode,
        models.CASCADE,
        related_name="access_token",
        help_text="A replayed code ends it.",
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "SSO access token"


class SandboxIdentityProvider(EnvironmentModel):
    """The test identity provider of a sandbox: the key that it signs with, and its one OIDC client secret."""

    environment = models.OneToOneField(
        "environments.Environment", models.CASCADE, primary_key=True, related_name="+"
    )
    key_id = models.CharField("kid", max_length=80, unique=True)
    private_key = EncryptedTextField(editable=False, help_text="PKCS#8 DER, base64.")
    public_jwk = models.JSONField(editable=False)
    client_secret = EncryptedTextField(
        editable=False, help_text="Opens the token endpoint to OIDC clients that authenticate themselves."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "test identity provider"

    def __str__(self) -> str:
        return "Test identity provider"


class SandboxIdPCode(EnvironmentModel):
    """An OIDC authorization code of the test identity provider; the row goes when the code is spent."""

    id = PrefixedIDField(prefix="sandbox_idp_code")
    code_digest = models.CharField(max_length=64, unique=True, editable=False)
    answer = EncryptedTextField(
        editable=False, help_text="JSON: the request that was answered, and for whom."
    )
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "test identity provider's code"


class PasswordlessSession(EnvironmentModel):
    """A link, sent by mail, that ends in a code for ``/sso/token`` (workos-legacy 2). It works once."""

    entity_name = "Passwordless Session"

    id = PrefixedIDField(prefix="passwordless_session")
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="passwordless_sessions")
    email = models.CharField(max_length=320)
    token = EncryptedTextField(editable=False)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    redirect_uri = models.CharField(max_length=2000)
    state = models.TextField(null=True, help_text="Given back unchanged; null where none came.")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Passwordless session of {self.email}"
