"""Tables of people and their credentials."""

from django.db import models

from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.scoping import EnvironmentModel


class User(EnvironmentModel):
    """A person who signs in to an environment. Not Django's user: no end user can become staff."""

    id = PrefixedIDField(prefix="user")
    email = models.CharField(max_length=320, help_text="Normalized; unique per environment.")
    email_verified = models.BooleanField(default=False)
    first_name = models.CharField(max_length=200, null=True, blank=True)
    last_name = models.CharField(max_length=200, null=True, blank=True)
    name = models.CharField(max_length=400, null=True, blank=True)
    profile_picture_url = models.CharField(max_length=2000, null=True, blank=True)
    locale = models.CharField(max_length=35, null=True, blank=True)
    external_id = models.CharField(max_length=128, null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    password = models.CharField(
        max_length=4096,
        blank=True,
        default="",
        editable=False,
        help_text="The encoded hash; empty where there is none.",
    )
    password_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    password_doubted_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When somebody else than whoever knows the password proved the mailbox, which nobody had before.",
    )
    last_sign_in_at = models.DateTimeField(null=True, blank=True, editable=False)
    passkey_declined_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When an offer to add a passkey was turned down."
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["environment", "email"], name="one_user_per_email"),
            models.UniqueConstraint(fields=["environment", "external_id"], name="one_user_per_external_id"),
        ]
        indexes = [models.Index(fields=["environment", "id"], name="user_list")]

    def __str__(self) -> str:
        return self.email

    @property
    def password_is_doubted(self) -> bool:
        """Whether the password may be that of somebody who never had the mailbox (docs/decisions/0023)."""
        if self.password_doubted_at is None or not self.password:
            return False
        return self.password_changed_at is None or self.password_changed_at <= self.password_doubted_at


class FormerPassword(EnvironmentModel):
    """The hash of a password that its user had before, kept while the policy looks back that far."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="former_passwords")
    password = models.CharField(max_length=4096)
    created_at = models.DateTimeField(default=clock.now)


class Identity(EnvironmentModel):
    """What a person is at an OAuth provider: the provider's subject, linked to the user."""

    id = PrefixedIDField(prefix="identity")
    user = models.ForeignKey(User, models.CASCADE, related_name="identities")
    provider = models.CharField(max_length=60)
    idp_id = models.CharField(max_length=255, help_text="The subject at the provider.")
    email = models.CharField(
        max_length=320,
        blank=True,
        default="",
        help_text="The address that the provider vouched for, normalized; empty where it gave none.",
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "provider", "idp_id"], name="one_user_per_identity"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.idp_id}"


class EmailVerification(EnvironmentModel):
    """A one-time code that proves that a mailbox is its user's. The newest one of a user counts."""

    id = PrefixedIDField(prefix="email_verification")
    user = models.ForeignKey(User, models.CASCADE, related_name="email_verifications")
    email = models.CharField(max_length=320, help_text="Where the code went; of no use for another address.")
    code = EncryptedTextField()
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="email_verification_retention")]

    def __str__(self) -> str:
        return f"E-mail verification of {self.email}"


class MagicAuth(EnvironmentModel):
    """A one-time code that signs its user in. The newest one of a user counts."""

    entity_name = "MagicAuth"

    id = PrefixedIDField(prefix="magic_auth")
    user = models.ForeignKey(User, models.CASCADE, related_name="magic_auths")
    email = models.CharField(max_length=320, help_text="Where the code went; of no use for another address.")
    code = EncryptedTextField()
    invitation_id = models.CharField(
        max_length=80,
        blank=True,
        default="",
        help_text="The invitation that is accepted by signing in with this code, if it still can be.",
    )
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "Magic Auth code"
        indexes = [models.Index(fields=["created_at"], name="magic_auth_retention")]

    def __str__(self) -> str:
        return f"Magic Auth code for {self.email}"


class PasswordReset(EnvironmentModel):
    """A link that sets its user's password, once. A password that is set makes all earlier links void."""

    entity_name = "Password Reset"

    id = PrefixedIDField(prefix="password_reset")
    user = models.ForeignKey(User, models.CASCADE, related_name="password_resets")
    email = models.CharField(max_length=320, help_text="Where the link went; of no use for another address.")
    token = EncryptedTextField(editable=False)
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    page_url = models.CharField(max_length=2000, help_text="The page that takes the token.")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="password_reset_retention")]

    def __str__(self) -> str:
        return f"Password reset of {self.email}"


class EmailChange(EnvironmentModel):
    """A one-time code, sent to a new address, that makes it the user's address. A user has one at most."""

    entity_name = "Email Change"

    id = PrefixedIDField(prefix="email_change")
    user = models.OneToOneField(User, models.CASCADE, related_name="email_change")
    new_email = models.CharField(max_length=320)
    code = EncryptedTextField()
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    def __str__(self) -> str:
        return f"E-mail change to {self.new_email}"


class FactorType(models.TextChoices):
    """The kinds of authentication factors (workos-behaviour (j))."""

    TOTP = "totp", "Authenticator app"
    SMS = "sms", "Text message"
    GENERIC_OTP = "generic_otp", "Code that the product delivers"


class AuthenticationFactor(EnvironmentModel):
    """Something that a person has: an authenticator app, a phone, or whatever the product delivers codes to.

    A factor without a user belongs to the product alone, which knows whose it is.
    """

    id = PrefixedIDField(prefix="auth_factor")
    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="authentication_factors"
    )
    type = models.CharField(max_length=20, choices=FactorType.choices)
    totp_secret = EncryptedTextField(null=True, editable=False, help_text="Base32.")
    totp_issuer = models.CharField(max_length=200, blank=True, default="")
    totp_user = models.CharField(max_length=320, blank=True, default="")
    last_time_step = models.BigIntegerField(
        null=True, editable=False, help_text="The step of the last accepted code; none up to it counts again."
    )
    phone_number = models.CharField(max_length=16, blank=True, default="", help_text="In E.164 form.")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["environment", "id"], name="authentication_factor_list")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(type=FactorType.TOTP) | models.Q(totp_secret__isnull=False),
                name="a_totp_factor_has_a_secret",
            ),
            models.CheckConstraint(
                condition=~models.Q(type=FactorType.SMS) | ~models.Q(phone_number=""),
                name="an_sms_factor_has_a_phone_number",
            ),
        ]

    def __str__(self) -> str:
        return f"{FactorType(self.type).label} ({self.id})"


class AuthenticationChallenge(EnvironmentModel):
    """One question for a code of a factor: answered once, within ten minutes and five guesses."""

    id = PrefixedIDField(prefix="auth_challenge")
    factor = models.ForeignKey(AuthenticationFactor, models.CASCADE, related_name="challenges")
    code = EncryptedTextField(null=True, help_text="What was sent; an authenticator app computes its own.")
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    expires_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="challenge_retention")]

    def __str__(self) -> str:
        return f"Challenge of {self.factor_id}"


class Passkey(EnvironmentModel):
    """A WebAuthn credential of a user: a key that stays in an authenticator, and opens by finger, face or PIN."""

    id = PrefixedIDField(prefix="passkey")
    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=100)
    credential_id = models.CharField(max_length=1400, editable=False, help_text="In base64url.")
    public_key = models.TextField(editable=False, help_text="The COSE key, in base64url.")
    sign_count = models.BigIntegerField(default=0, editable=False)
    aaguid = models.CharField(max_length=36, blank=True, default="", help_text="The authenticator's model.")
    transports = models.JSONField(default=list, help_text="How the browser reaches the authenticator.")
    is_backup_eligible = models.BooleanField(
        default=False, help_text="Whether the authenticator may copy it to the user's other devices."
    )
    is_backed_up = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    blocked_at = models.DateTimeField(
        null=True, editable=False, help_text="When a copy of it was noticed; it opens nothing since."
    )

    class Meta:
        indexes = [models.Index(fields=["user", "id"], name="passkeys_of_user")]
        constraints = [
            models.UniqueConstraint(fields=["environment", "credential_id"], name="one_user_per_passkey"),
        ]

    def __str__(self) -> str:
        return self.name


class PasskeyChallenge(EnvironmentModel):
    """What an authenticator is asked to sign, once, for one browser: to add a user's passkey, or to sign in.

    Only digests are kept: of the challenge, and of the secret in the browser's cookie.
    """

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=64, unique=True)
    browser_digest = models.CharField(max_length=64)
    user = models.ForeignKey(
        User,
        models.CASCADE,
        null=True,
        related_name="passkey_challenges",
        help_text="Who adds a passkey; empty for a sign-in, where nobody knows yet who it is.",
    )
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"Passkey challenge {self.pk}"


class RecoveryCode(EnvironmentModel):
    """Stands in for a user's factor once, when that is lost. Only a keyed digest is kept."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=clock.now)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "digest"], name="a_recovery_code_stands_once"),
        ]

    def __str__(self) -> str:
        return f"Recovery code of {self.user_id}"
