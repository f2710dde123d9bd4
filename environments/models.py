"""Tables of the tenant."""

import base64
import binascii
import secrets
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django_otp.models import Device, DeviceManager, ThrottlingMixin, TimestampMixin
from django_otp.oath import TOTP

# Tables of this app like the others, in a module of their own for their size.
from environments.appearance import Branding as Branding  # noqa: PLC0414 -- the tables' one address is this module
from environments.appearance import MailKind as MailKind  # noqa: PLC0414
from environments.appearance import MailSettings as MailSettings  # noqa: PLC0414
from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.ids import new_ulid
from foundation.scoping import EnvironmentModel

if TYPE_CHECKING:
    from django.db.models.query import QuerySet


class EnvironmentKind(models.TextChoices):
    """What an environment is for; a sandbox also allows http and localhost."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


def new_client_id() -> str:
    """Return a fresh public client id (``client_…``)."""
    return f"client_{new_ulid()}"


class Environment(models.Model):
    """A tenant: everything else belongs to exactly one of these."""

    id = PrefixedIDField(prefix="environment")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=EnvironmentKind.choices, default=EnvironmentKind.SANDBOX)
    client_id = models.CharField(max_length=80, unique=True, default=new_client_id)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name

    @property
    def is_sandbox(self) -> bool:
        """Whether developers play here: http, localhost and readable mail are allowed."""
        return self.kind == EnvironmentKind.SANDBOX


class MFAPolicy(models.TextChoices):
    """Whom an environment asks for a second factor."""

    OFF = "off", "Nobody"
    OPTIONAL = "optional", "Users who enrolled a factor"
    REQUIRED = "required", "Everybody; who has no factor enrolls one first"


class AuthenticationSettings(EnvironmentModel):
    """How people sign in to an environment: methods, proofs that are asked for, lifetimes in seconds."""

    environment = models.OneToOneField(
        Environment, models.CASCADE, primary_key=True, related_name="authentication_settings"
    )
    password_enabled = models.BooleanField(default=True)
    magic_auth_enabled = models.BooleanField(default=True)
    passkey_enabled = models.BooleanField(default=True)
    social_enabled = models.BooleanField(
        default=True, help_text="Whether people may come through the social providers that are set up."
    )
    sso_enabled = models.BooleanField(
        default=True, help_text="Whether people may come through a company's identity provider."
    )
    sign_up_enabled = models.BooleanField(
        default=True, help_text="Whether people may make an account by signing in for the first time."
    )
    email_verification_required = models.BooleanField(default=True)
    mfa_policy = models.CharField(
        "multi-factor authentication",
        max_length=10,
        choices=MFAPolicy.choices,
        default=MFAPolicy.OPTIONAL,
        help_text="Sign-in by a company's identity provider is left to that provider.",
    )
    access_token_seconds = models.PositiveIntegerField(default=300)
    session_maximum_seconds = models.PositiveIntegerField(default=30 * 24 * 3600)
    session_inactivity_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="Counted from the last refresh; empty means no limit."
    )
    password_minimum_length = models.PositiveSmallIntegerField(default=10)
    password_minimum_strength = models.PositiveSmallIntegerField(
        default=3, help_text="The zxcvbn score that is asked for, from 0 (anything) to 4 (very strong)."
    )
    password_breached_rejected = models.BooleanField(default=True)
    password_history_depth = models.PositiveSmallIntegerField(
        default=0, help_text="How many former passwords may not be used again (0 to 10)."
    )
    impersonation_enabled = models.BooleanField(
        default=False, help_text="Whether staff may sign in in a user's place, for an hour and with a reason."
    )
    impersonation_mail_enabled = models.BooleanField(
        default=False, help_text="Whether the user hears of it by mail."
    )
    turnstile_site_key = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="Of Cloudflare Turnstile, which tells people from bots; empty for none.",
    )
    turnstile_secret = EncryptedTextField(null=True, blank=True)
    homepage_url = models.URLField(blank=True, default="")
    password_reset_url = models.URLField(
        blank=True,
        default="",
        help_text="The page that takes the token of a password reset; empty for the hosted one.",
    )
    invitation_url = models.URLField(
        blank=True,
        default="",
        help_text="The application's page that takes an invitation; it gets ?invitation_token=… added.",
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "authentication settings"
        verbose_name_plural = "authentication settings"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(access_token_seconds__gte=60, access_token_seconds__lte=86_400),
                name="access_tokens_live_between_a_minute_and_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(password_minimum_length__gte=8, password_minimum_length__lte=128),
                name="password_length_is_between_8_and_128",
            ),
            models.CheckConstraint(
                condition=models.Q(password_minimum_strength__lte=4), name="password_strength_is_at_most_4"
            ),
            models.CheckConstraint(
                condition=models.Q(password_history_depth__lte=10), name="password_history_is_at_most_10"
            ),
            models.CheckConstraint(
                condition=models.Q(session_maximum_seconds__gte=300),
                name="sessions_live_at_least_five_minutes",
            ),
            models.CheckConstraint(
                condition=models.Q(mfa_policy__in=MFAPolicy.values), name="mfa_policy_is_known"
            ),
        ]

    def __str__(self) -> str:
        return "Authentication settings"


class APIKey(EnvironmentModel):
    """A secret with which a product's server speaks for its environment. Only its digest is kept."""

    entity_name = "API Key"

    id = PrefixedIDField(prefix="api_key")
    name = models.CharField(max_length=100)
    prefix = models.CharField(
        max_length=16, editable=False, help_text="The first characters, to tell keys apart."
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class RedirectURIPurpose(models.TextChoices):
    """Where a redirect URI may be used."""

    SIGN_IN = "sign_in"
    LOGOUT = "logout"


class RedirectURI(EnvironmentModel):
    """An address that a browser may be sent back to after sign-in, or after logout."""

    entity_name = "Redirect URI"

    id = PrefixedIDField(prefix="redir")
    purpose = models.CharField(
        max_length=10, choices=RedirectURIPurpose.choices, default=RedirectURIPurpose.SIGN_IN
    )
    uri = models.CharField(max_length=2000)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "redirect URI"
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "purpose", "uri"], name="a_redirect_uri_stands_once"
            ),
            models.UniqueConstraint(
                fields=["environment", "purpose"],
                condition=models.Q(is_default=True),
                name="one_default_redirect_uri_per_purpose",
            ),
        ]

    def __str__(self) -> str:
        return self.uri


class CORSOrigin(EnvironmentModel):
    """A browser origin whose scripts may read the answers of this environment's API."""

    entity_name = "CORS Origin"

    id = PrefixedIDField(prefix="cors_origin")
    origin = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "CORS origin"
        constraints = [
            models.UniqueConstraint(fields=["environment", "origin"], name="a_cors_origin_stands_once"),
        ]
        indexes = [models.Index(fields=["origin"], name="cors_origin_preflight")]

    def __str__(self) -> str:
        return self.origin


class SigningKey(EnvironmentModel):
    """An RSA key that signs access tokens. A retired one stays in the JWK set until its tokens are gone."""

    id = PrefixedIDField(prefix="signing_key")
    key_id = models.CharField("kid", max_length=80, unique=True)
    private_key = EncryptedTextField(help_text="PKCS#8 DER, base64.")
    public_jwk = models.JSONField()
    created_at = models.DateTimeField(default=clock.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True)
    published_until = models.DateTimeField(
        null=True, blank=True, help_text="When a retired key leaves the JWK set."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment"],
                condition=models.Q(retired_at__isnull=True),
                name="one_active_signing_key_per_environment",
            ),
        ]

    def __str__(self) -> str:
        return self.key_id


class IdempotentRequest(EnvironmentModel):
    """A POST that carried an ``Idempotency-Key``, and the answer that is given again for 24 hours."""

    id = models.BigAutoField(primary_key=True)
    idempotency_key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="Keyed digest of method, path, query and body.")
    status = models.PositiveSmallIntegerField(default=0)
    answer = models.TextField(default="", help_text="The body, sealed: it may hold tokens.")
    created_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "idempotency_key"], name="one_request_per_idempotency_key"
            ),
        ]


class OperatorRole(models.TextChoices):
    """What an operator may do: owners everything everywhere, the others in the environments they are given."""

    OWNER = "owner"
    ADMIN = "admin"
    VIEWER = "viewer"


class OperatorManager(BaseUserManager["Operator"]):
    """Makes operators; Django's ``createsuperuser`` comes through here."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Operator":
        """Create an operator with a hashed password."""
        operator = self.model(email=email.strip().lower(), **fields)
        operator.set_password(password)
        operator.save(using=self._db)
        return operator

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Operator":
        """Create an owner of the installation."""
        return self.create_user(email, password, **{**fields, "role": OperatorRole.OWNER})


class Operator(AbstractBaseUser):
    """A member of staff who signs in to the admin. No end user can become one: users are another table."""

    id = PrefixedIDField(prefix="operator")
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True, default="")
    role = models.CharField(max_length=10, choices=OperatorRole.choices, default=OperatorRole.VIEWER)
    environments = models.ManyToManyField(
        Environment, blank=True, related_name="operators", help_text="An owner sees all of them anyway."
    )
    may_impersonate = models.BooleanField(
        default=False,
        help_text="Whether an admin may sign in in a user's place, where the environment allows it. Owners may.",
    )
    receives_notices = models.BooleanField(
        "receives notices by mail",
        default=True,
        db_default=True,
        help_text="What owners and admins should know of the environments they open: certificates that end, say.",
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects: ClassVar[OperatorManager] = OperatorManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_operator_per_email"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """Every operator may open the admin."""
        return True

    @property
    def is_superuser(self) -> bool:
        """Whether this operator owns the installation."""
        return self.role == OperatorRole.OWNER

    def has_perm(self, permission: str, _target: object = None) -> bool:
        """Viewers view; admins write inside environments; what belongs to the installation is the owners'."""
        if not self.is_active:
            return False
        if self.is_superuser:
            return True
        app_label, _, action = permission.partition(".")
        verb, _, model_name = action.partition("_")
        if app_label == "environments" and model_name in _INSTALLATION_MODELS:
            return verb == "view" and model_name == "environment"
        return verb == "view" or self.role == OperatorRole.ADMIN

    @property
    def can_impersonate(self) -> bool:
        """Whether the operator may sign in in a user's place: owners, and admins who were given the right."""
        if not self.is_active:
            return False
        return self.is_superuser or (self.role == OperatorRole.ADMIN and self.may_impersonate)

    def has_perms(self, permissions: list[str], target: object = None) -> bool:
        """Whether the operator has all of these permissions."""
        return all(self.has_perm(permission, target) for permission in permissions)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether the admin shows an app to this operator."""
        return self.is_active and bool(app_label)

    def visible_environments(self) -> "QuerySet[Environment]":
        """The environments that this operator may open."""
        if self.is_superuser:
            return Environment.objects.all()
        return Environment.objects.filter(operators=self)


_INSTALLATION_MODELS = {"environment", "operator"}


def new_device_id() -> int:
    """Return a random positive id that fits a signed 64-bit column."""
    return secrets.randbits(62) + 1


class OperatorTOTP(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]  # django-otp ships no types
    """The authenticator app of an operator (RFC 6238): asked for at every sign-in once it is confirmed."""

    # An integer, because django-otp finds devices by one; drawn beforehand and not by the database, because the
    # secret is sealed for its row before that is inserted.
    id = models.BigIntegerField(primary_key=True, default=new_device_id, editable=False)
    user = models.OneToOneField(Operator, models.CASCADE, related_name="authenticator_app")
    secret = EncryptedTextField(help_text="Base32, as authenticator apps take it.")
    last_step = models.BigIntegerField(
        default=-1,
        editable=False,
        help_text="The last time step whose code was accepted; no code works twice.",
    )

    throttling_failure_count: int

    objects: ClassVar["models.Manager[OperatorTOTP]"] = DeviceManager()

    class Meta:
        verbose_name = "authenticator app"

    def __str__(self) -> str:
        return f"Authenticator app of {self.user_id}"

    def get_throttle_factor(self) -> int:
        """Seconds to wait after the first wrong code; they double with each further one."""
        return 1

    def throttle_increment(self, commit: bool = True) -> None:
        """Count a wrong code."""
        # The wait stops growing at about two minutes: whoever has learned the password must not be able to keep
        # the operator out for hours.
        self.throttling_failure_count = min(self.throttling_failure_count, _THROTTLE_CEILING - 1)
        super().throttle_increment(commit)

    def verify_token(self, token: str) -> bool:
        """Check a six-digit code and spend it. Call it on a locked row: the counters are read and written here."""
        allowed, _reason = self.verify_is_allowed()
        if not allowed:
            return False
        accepted = self._accepted_step(token)
        if accepted is None:
            self.throttle_increment()
            return False
        self.last_step = accepted
        self.throttle_reset(commit=False)
        self.set_last_used_timestamp(commit=False)
        self.save(
            update_fields=[
                "last_step",
                "throttling_failure_count",
                "throttling_failure_timestamp",
                "last_used_at",
            ]
        )
        return True

    def _accepted_step(self, token: str) -> int | None:
        if len(token) != _TOTP_DIGITS or not token.isascii() or not token.isdigit():
            return None
        try:
            key = base64.b32decode(self.secret)
        except binascii.Error:
            return None
        totp = TOTP(key, digits=_TOTP_DIGITS)
        totp.time = clock.now().timestamp()
        # RFC 6238 section 5.2: one step of delay either way, and never a step that was accepted before.
        return int(totp.t()) if totp.verify(int(token), tolerance=1, min_t=self.last_step + 1) else None


_TOTP_DIGITS = 6
_THROTTLE_CEILING = 8


class OperatorRecoveryCode(models.Model):
    """A code on paper that stands in once for the authenticator app. Only its keyed digest is kept."""

    id = models.BigAutoField(primary_key=True)
    operator = models.ForeignKey(Operator, models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["operator", "digest"], name="one_recovery_code_per_digest"),
        ]

    def __str__(self) -> str:
        return f"Recovery code of {self.operator_id}"
