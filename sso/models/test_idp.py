"""The test identity provider of sandboxes: its keys and its codes."""

from django.db import models

from foundation import clock
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.scoping import EnvironmentModel


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
