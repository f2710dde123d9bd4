"""Tables of signing in: attempts under way, sessions with their refresh tokens, the JWT template."""

from django.db import models

from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.scoping import EnvironmentModel


class AuthenticationMethod(models.TextChoices):
    """How a sign-in began; the word of the authenticate reply (workos-behaviour (e))."""

    PASSWORD = "Password"


class SignInAttempt(EnvironmentModel):
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
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=500, null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)
    completed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "sign-in attempt"

    def __str__(self) -> str:
        return f"Sign-in attempt of {self.user_id}"


class SessionStatus(models.TextChoices):
    """Whether a session can still be refreshed, and if not, why."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class Session(EnvironmentModel):
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
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=500, null=True, blank=True)
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
