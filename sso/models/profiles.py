"""People as identity providers describe them, and the sessions that they have there."""

from django.db import models

from accounts.models import User
from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.scoping import EnvironmentModel
from sso.models.connections import Connection


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
