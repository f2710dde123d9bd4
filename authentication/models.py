"""Tables of signing in: attempts under way, what they are for, sessions with their refresh tokens, the JWT template."""

from enum import StrEnum

from django.db import models

from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.scoping import EnvironmentModel


class AuthenticationMethod(models.TextChoices):
    """How a sign-in began; the word of the authenticate reply (workos-behaviour (e))."""

    PASSWORD = "Password"
    SSO = "SSO"
    MAGIC_AUTH = "MagicAuth"
    IMPERSONATION = "Impersonation"
    PASSKEY = "Passkey"
    # The social providers; each is the type of a connection too.
    APPLE_OAUTH = "AppleOAuth"
    BITBUCKET_OAUTH = "BitbucketOAuth"
    DISCORD_OAUTH = "DiscordOAuth"
    GITHUB_OAUTH = "GitHubOAuth"
    GITLAB_OAUTH = "GitLabOAuth"
    GOOGLE_OAUTH = "GoogleOAuth"
    GROK_OAUTH = "GrokOAuth"
    INTUIT_OAUTH = "IntuitOAuth"
    LINKEDIN_OAUTH = "LinkedInOAuth"
    MICROSOFT_OAUTH = "MicrosoftOAuth"
    SALESFORCE_OAUTH = "SalesforceOAuth"
    SLACK_OAUTH = "SlackOAuth"
    VERCEL_MARKETPLACE_OAUTH = "VercelMarketplaceOAuth"
    VERCEL_OAUTH = "VercelOAuth"
    X_OAUTH = "XOAuth"
    XERO_OAUTH = "XeroOAuth"


class SignInEnding(StrEnum):
    """What a sign-in on our pages is for, and so what comes after it."""

    APPLICATION = "application"  # Back there, with a code.
    PAGE = "page"  # A page of ours that only somebody signed in may see.
    DEVICE = "device"  # One that waits for a yes.
    INVITATION = "invitation"  # One that is accepted.


class Impersonation(models.Model):
    """Who of the staff acts in the user's place, and why; empty where nobody does."""

    impersonator_id = models.CharField(max_length=80, blank=True, default="", editable=False)
    impersonator_email = models.CharField(max_length=254, blank=True, default="", editable=False)
    impersonation_reason = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        abstract = True


class ThroughConnection(models.Model):
    """By which connection a person came, and as whom; empty where they came by none."""

    connection = models.ForeignKey(
        "sso.Connection",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="What the person came through, where that was a connection.",
    )
    sso_profile = models.ForeignKey(
        "sso.Profile",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Whom the connection described, where the person came through one.",
    )
    provider_session = models.ForeignKey(
        "sso.ProviderSession",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Their session at the identity provider: what began by it ends with it.",
    )

    class Meta:
        abstract = True

    @property
    def came_through(self) -> dict[str, str | None]:
        """What another row of the same sign-in is given to say the same."""
        return {
            "connection_id": self.connection_id,
            "sso_profile_id": self.sso_profile_id,
            "provider_session_id": self.provider_session_id,
        }


class AuthorizationRequest(EnvironmentModel):
    """What a person signs in for on our pages, kept while they do.

    Most come from an application, by ``/user_management/authorize``; others begin on a page of ours and end on one:
    these have no redirect URI. The browser has its handle, of which the digest is kept: the handle carries the request through the pages and
    grants nothing by itself.
    """

    entity_name = "Authorization Request"

    id = PrefixedIDField(prefix="authorization_request")
    handle_digest = models.CharField(max_length=64, unique=True, editable=False)
    redirect_uri = models.CharField(max_length=2000)
    landing = models.CharField(
        max_length=2000,
        blank=True,
        default="",
        help_text="The page of ours that the sign-in is for; empty where an application is waiting for a code.",
    )
    state = models.TextField(null=True, help_text="Given back unchanged; null where none came.")
    code_challenge = models.CharField(max_length=128, blank=True, default="")
    provider = models.CharField(max_length=60)
    organization = models.ForeignKey(
        "organizations.Organization", models.CASCADE, null=True, related_name="+"
    )
    login_hint = models.CharField(max_length=320, blank=True, default="")
    domain_hint = models.CharField(max_length=253, blank=True, default="")
    screen_hint = models.CharField(max_length=10, blank=True, default="")
    prompt = models.CharField(max_length=60, blank=True, default="")
    max_age = models.PositiveIntegerField(null=True, help_text="Seconds since the last active sign-in.")
    invitation_token = EncryptedTextField(blank=True, default="")
    device = models.ForeignKey(
        "authentication.DeviceAuthorization",
        models.CASCADE,
        null=True,
        related_name="+",
        help_text="The one that waits for a yes.",
    )
    user_code = EncryptedTextField(
        null=True, help_text="The device's, to be shown once more to whoever typed it."
    )
    provider_parameters = models.JSONField(
        default=dict, help_text="What is handed on to a provider: ``scopes`` and ``query``."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "authorization request"

    def __str__(self) -> str:
        return f"Authorization request for {self.redirect_uri or self.ending}"

    @property
    def ending(self) -> SignInEnding:
        """What the sign-in is for."""
        if self.device_id is not None:
            return SignInEnding.DEVICE
        if self.landing:
            return SignInEnding.PAGE
        # Who came with an invitation and from no application came to accept it.
        return SignInEnding.APPLICATION if self.redirect_uri else SignInEnding.INVITATION

    @property
    def needs_organization(self) -> bool:
        """Whether the person has to say which organization they work in: there will be tokens."""
        return self.ending in {SignInEnding.APPLICATION, SignInEnding.DEVICE}


class HostedSession(ThroughConnection, EnvironmentModel):
    """That a person is signed in on our own pages, in one browser, which has a cookie with its secret.

    It lets further applications of the environment sign the person in without asking again, and opens the account
    page. The sessions that applications hold were begun through it, and the end of one of them ends it.
    """

    id = PrefixedIDField(prefix="hosted_session")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="hosted_sessions")
    secret_digest = models.CharField(max_length=64, unique=True, editable=False)
    authentication_method = models.CharField(max_length=40, choices=AuthenticationMethod.choices)
    authenticated_at = models.DateTimeField(help_text="When the person last proved something.")
    mfa_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=500, null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        indexes = [models.Index(fields=["user", "id"], name="hosted_sessions_of_user")]

    def __str__(self) -> str:
        return f"Hosted session of {self.user_id}"


class SignInAttempt(Impersonation, ThroughConnection, EnvironmentModel):
    """A sign-in that waits for its next step, under a token that only its client has.

    An attempt that completes at once is never saved. The proofs that it collected, and the organization that was
    chosen, stay through all later steps; policy, e-mail and memberships are read anew at each of them.
    """

    id = PrefixedIDField(prefix="sign_in_attempt")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="sign_in_attempts")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    authentication_method = models.CharField(max_length=40, choices=AuthenticationMethod.choices)
    organization = models.ForeignKey(
        "organizations.Organization",
        models.CASCADE,
        null=True,
        related_name="+",
        help_text="The one that was chosen; empty while none was.",
    )
    invitation = models.ForeignKey(
        "organizations.Invitation",
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The one that is accepted when the sign-in is complete.",
    )
    mailbox_unproven = models.BooleanField(
        default=False,
        editable=False,
        help_text="Whether an identity provider named an address that is not its own to vouch for: a code in the "
        "mailbox has to.",
    )
    is_hosted = models.BooleanField(
        default=False,
        help_text="Whether it is carried through our own pages: it ends in a code, not in tokens.",
    )
    needs_organization = models.BooleanField(
        default=True,
        help_text="False where it is for a page of ours that is about the person alone, such as the account page.",
    )
    pending_identity = models.JSONField(
        default=dict,
        blank=True,
        help_text="What the person is at a social provider that does not vouch for the mailbox: linked once that is "
        "proven. Holds provider, idp_id and email.",
    )
    oauth_tokens = EncryptedTextField(
        null=True, editable=False, help_text="JSON: the provider's own, handed on once."
    )
    authenticated_at = models.DateTimeField(
        default=clock.now,
        help_text="When the person last proved something; earlier than the attempt itself "
        "where the browser was signed in already.",
    )
    mfa_verified_at = models.DateTimeField(null=True, help_text="When a second factor was proven.")
    hosted_session = models.ForeignKey(
        HostedSession,
        models.SET_NULL,
        null=True,
        related_name="sign_in_attempts",
        help_text="The browser's own session: the one that spared the person a sign-in, or that began with this one.",
    )
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=500, null=True)
    device_digest = models.CharField(
        max_length=64, blank=True, default="", editable=False, help_text="Which browser or device it is."
    )
    failures = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "sign-in attempt"

    def __str__(self) -> str:
        return f"Sign-in attempt of {self.user_id}"

    @property
    def needs_mailbox_again(self) -> bool:
        """Whether a code has to come from the mailbox although its owner has proven it before.

        An identity that waits may be anybody's, and so may a password from before the mailbox was proven.
        """
        by_doubted_password = (
            self.authentication_method == AuthenticationMethod.PASSWORD and self.user.password_is_doubted
        )
        return bool(self.pending_identity) or by_doubted_password


class KnownDevice(EnvironmentModel):
    """A browser or device that a user has signed in with before (docs/decisions/0050); only a digest is kept."""

    id = PrefixedIDField(prefix="known_device")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="known_devices")
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_seen_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        verbose_name = "known device"
        constraints = [
            models.UniqueConstraint(fields=["user", "digest"], name="a_device_is_known_once"),
        ]

    def __str__(self) -> str:
        return f"Known device of {self.user_id}"


class AuthorizationCode(EnvironmentModel):
    """A code with which an application fetches the tokens of a sign-in on our pages, once (RFC 6749 §4.1.2).

    It is bound to the environment (and so to its client id), the redirect URI and the PKCE challenge of its
    request. A spent one is kept for a while: whoever presents it again may have stolen it.
    """

    id = PrefixedIDField(prefix="authorization_code")
    code_digest = models.CharField(max_length=64, unique=True, editable=False)
    attempt = models.ForeignKey(SignInAttempt, models.CASCADE, related_name="authorization_codes")
    redirect_uri = models.CharField(max_length=2000)
    code_challenge = models.CharField(max_length=128, blank=True, default="")
    session = models.ForeignKey(
        "authentication.Session",
        models.SET_NULL,
        null=True,
        related_name="authorization_codes",
        help_text="What the code was exchanged for.",
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    spent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "authorization code"

    def __str__(self) -> str:
        return f"Authorization code of {self.attempt_id}"


class DeviceAuthorization(EnvironmentModel):
    """A device that waits for its person to say yes in a browser (RFC 8628)."""

    entity_name = "Device Authorization"

    id = PrefixedIDField(prefix="device")
    device_code_digest = models.CharField(max_length=64, unique=True, editable=False)
    user_code_digest = models.CharField(max_length=64, unique=True, editable=False)
    attempt = models.ForeignKey(
        SignInAttempt,
        models.CASCADE,
        null=True,
        related_name="device_authorizations",
        help_text="The sign-in of whoever said yes.",
    )
    interval_seconds = models.PositiveIntegerField()
    ip_address = models.GenericIPAddressField(null=True, help_text="Where the device asked from.")
    user_agent = models.CharField(max_length=500, null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    polled_at = models.DateTimeField(null=True)
    denied_at = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "device authorization"

    def __str__(self) -> str:
        return f"Device authorization {self.pk}"


class SessionStatus(models.TextChoices):
    """Whether a session can still be refreshed, and if not, why."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Session(Impersonation, ThroughConnection, EnvironmentModel):
    """That a person is signed in, in a browser or device, perhaps to an organization.

    It carries its refresh tokens (docs/decisions/0030): all tokens of one session begin with the same twelve
    characters, by whose digest the session is found; the digests of the present token and of the one before it
    tell what a presented token is. Any other token of this session was spent before, or forged by someone who
    has seen one.
    """

    id = PrefixedIDField(prefix="session")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="sessions")
    organization = models.ForeignKey(
        "organizations.Organization", models.CASCADE, null=True, blank=True, related_name="sessions"
    )
    authentication_method = models.CharField(max_length=40, choices=AuthenticationMethod.choices)
    mfa_verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    hosted_session = models.ForeignKey(
        HostedSession, models.SET_NULL, null=True, blank=True, editable=False, related_name="sessions"
    )
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=500, null=True, blank=True)
    authenticated_at = models.DateTimeField(
        default=clock.now, editable=False, help_text="When the person last proved something: ``auth_time``."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)
    refreshed_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(help_text="When it ends by itself, unless it is refreshed before.")
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    refresh_family_digest = models.CharField(max_length=64, unique=True, editable=False)
    refresh_token_digest = models.CharField(max_length=64, editable=False)
    former_refresh_token_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    # Given again to whoever repeats the former token within the grace; wiped after it.
    sealed_refresh_token = EncryptedTextField(null=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["user", "id"], name="sessions_of_user"),
            models.Index(fields=["environment", "id"], name="session_list"),
            models.Index(fields=["expires_at"], name="session_retention"),
        ]

    def __str__(self) -> str:
        return f"Session of {self.user_id}"

    @property
    def status(self) -> SessionStatus:
        """Whether the session counts at this moment."""
        if self.ended_at is not None:
            return SessionStatus.REVOKED
        return SessionStatus.EXPIRED if self.expires_at <= clock.now() else SessionStatus.ACTIVE


class JWTTemplate(EnvironmentModel):
    """The claims that an environment adds to its access tokens."""

    entity_name = "JWT template"

    environment = models.OneToOneField(
        "environments.Environment", models.CASCADE, primary_key=True, related_name="jwt_template"
    )
    content = models.TextField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "JWT template"

    def __str__(self) -> str:
        return f"JWT template of {self.environment_id}"
