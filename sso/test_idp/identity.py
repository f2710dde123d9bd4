"""What a test identity provider is: its addresses and its key."""

import base64
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

from environments import signing

PATH = "/test-idp/"


def belongs_to_a_test_idp(identifier: str) -> bool:
    """Tell whether an entity id or an issuer is that of a test identity provider of this installation."""
    return identifier.startswith(f"{settings.BASE_URL}{PATH}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The test identity provider of one sandbox. ``client_id`` is the environment's, and names its address."""

    client_id: str
    key_id: str
    encoded_private_key: str
    public_jwk: Mapping[str, Any]
    oidc_client_secret: str

    @property
    def base(self) -> str:
        """Return the address below which everything of it lies."""
        return f"{settings.BASE_URL}{PATH}{self.client_id}"

    @property
    def entity_id(self) -> str:
        """Return its SAML name, which is also where its metadata is."""
        return f"{self.base}/saml/metadata"

    @property
    def sso_url(self) -> str:
        """Return where AuthnRequests go, by redirect or POST."""
        return f"{self.base}/saml/sso"

    @property
    def slo_url(self) -> str:
        """Return where LogoutRequests go, by redirect or POST."""
        return f"{self.base}/saml/slo"

    @property
    def issuer(self) -> str:
        """Return its OIDC name; the discovery document is below it."""
        return f"{self.base}/oidc"

    @property
    def private_key(self) -> rsa.RSAPrivateKey:
        """Return the key that signs assertions, responses and ID tokens."""
        return signing.load_private_key(self.encoded_private_key)

    @property
    def private_key_der(self) -> bytes:
        """Return the same key as PKCS#8 DER."""
        return base64.b64decode(self.encoded_private_key)

    @property
    def certificate_der(self) -> bytes:
        """Return its self-signed certificate."""
        return base64.b64decode(self.public_jwk["x5c"][0])

    @property
    def certificate_pem(self) -> str:
        """Return its self-signed certificate as PEM."""
        body = "\n".join(textwrap.wrap(self.public_jwk["x5c"][0], 64))
        return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
