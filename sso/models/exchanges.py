"""Exchanges with identity providers, their trail, and the codes and tokens that they end in."""

from django.db import models

from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.scoping import EnvironmentModel
from sso.models.connections import Connection
from sso.models.profiles import Profile, ProviderSession


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
