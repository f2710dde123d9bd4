"""Key pairs of our own side of SAML, and the certificates with which identity providers sign."""

from django.db import models

from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.scoping import EnvironmentModel


class KeyPairUse(models.TextChoices):
    """What a key pair of our own is for, as metadata says it (SAML metadata 2.4.1.1)."""

    SIGNING = "signing", "Signs requests"
    ENCRYPTION = "encryption", "Opens what is encrypted to us"


class SPKeyPair(EnvironmentModel):
    """A key pair of our own side of a SAML connection: one signs, several may open what is encrypted to us."""

    entity_name = "SAML Service Provider Certificate"

    id = PrefixedIDField(prefix="sp_key_pair")
    connection = models.ForeignKey("sso.Connection", models.CASCADE, related_name="sp_key_pairs")
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
    connection = models.ForeignKey("sso.Connection", models.CASCADE, related_name="idp_certificates")
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
