"""How an environment appears to people: the tables of its looks and of its mail."""

from django.db import models

from foundation import clock
from foundation.scoping import EnvironmentModel


class BrandingFields(models.Model):
    """What a look is made of; an empty field says nothing."""

    product_name = models.CharField(
        max_length=100,
        blank=True,
        default="",
        help_text="Shown to people; empty means the environment's name.",
    )
    accent_color = models.CharField(
        max_length=7, blank=True, default="", help_text="The colour of buttons and links, as #rrggbb."
    )
    background_color = models.CharField(
        max_length=7,
        blank=True,
        default="",
        help_text="The colour behind the card in light mode, as #rrggbb.",
    )
    logo = models.BinaryField(null=True, editable=False)
    logo_content_type = models.CharField(max_length=20, blank=True, default="", editable=False)
    terms_url = models.URLField(blank=True, default="")
    privacy_url = models.URLField(blank=True, default="")
    support_url = models.URLField(blank=True, default="")
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        abstract = True


class Branding(BrandingFields, EnvironmentModel):
    """How the hosted pages and the mail of an environment look; an environment without a row looks plain."""

    environment = models.OneToOneField(
        "environments.Environment", models.CASCADE, primary_key=True, related_name="branding"
    )

    class Meta:
        verbose_name = "branding"
        verbose_name_plural = "branding"

    def __str__(self) -> str:
        return "Branding"


class MailKind(models.TextChoices):
    """Which message a mail is: the name of its templates, and what an application may choose to send itself."""

    ACCOUNT_CHANGED = "account_changed", "Notice: a passkey, an address or another protection was changed"
    ADDRESS_TAKEN = "address_taken", "Notice: somebody entered the address of an account as their new one"
    EMAIL_CHANGE = "email_change", "Code for a new e-mail address"
    EMAIL_VERIFICATION = "email_verification", "Code that verifies an e-mail address"
    IMPERSONATION = "impersonation", "Notice: staff signed in in the user's place"
    INVITATION = "invitation", "Invitation"
    MAGIC_AUTH = "magic_auth", "Sign-in code"
    MAGIC_LINK = "magic_link", "Sign-in link"
    MFA_CHANGED = "mfa_changed", "Notice: a second step was added or removed"
    NEW_DEVICE = "new_device", "Notice: sign-in from a new device"
    PASSWORD_CHANGED = "password_changed", "Notice: the password was changed"
    PASSWORD_RESET = "password_reset", "Link to a new password"
    UNKNOWN_ACCOUNT = "unknown_account", "Notice: no account with this address"


class MailSettings(EnvironmentModel):
    """From whom the mail of an environment comes, in which language, and which of it the application sends itself.

    An environment without a row has the defaults.
    """

    environment = models.OneToOneField(
        "environments.Environment", models.CASCADE, primary_key=True, related_name="mail_settings"
    )
    is_sent_by_gatehouse = models.BooleanField(
        default=True,
        help_text="Off: no mail leaves. The application reads codes and tokens over the API, hears of them by events, "
        "and writes to people itself.",
    )
    kinds_left_to_application = models.JSONField(
        default=list, blank=True, help_text="Single kinds of mail that the application sends itself."
    )
    sender_name = models.CharField(
        max_length=100, blank=True, default="", help_text="Empty: the installation's, or the product's name."
    )
    sender_address = models.EmailField(
        max_length=254,
        blank=True,
        default="",
        help_text="Empty: the installation's. Its domain must allow your mail server to send for it (SPF, DKIM).",
    )
    default_language = models.CharField(
        max_length=10,
        blank=True,
        default="",
        help_text="For readers of whom no language is known; empty means English.",
    )
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        verbose_name = "mail settings"
        verbose_name_plural = "mail settings"

    def __str__(self) -> str:
        return "Mail settings"

    def leaves_to_application(self, kind: str) -> bool:
        """Tell whether the application sends this kind of mail itself."""
        return not self.is_sent_by_gatehouse or kind in self.kinds_left_to_application
