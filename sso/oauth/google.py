"""Google, with the signature and the nonce of its ID token checked, which the library leaves to TLS."""

from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialToken
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error

from sso.connection_types import ConnectionType
from sso.oidc.parties import Provider, RelyingParty
from sso.oidc.tokens import read_id_token

ISSUER = "https://accounts.google.com"


class GoogleAdapter(GoogleOAuth2Adapter):  # type: ignore[misc]  # the library ships no types
    """Reads Google's answer by the checks of OpenID Connect."""

    nonce = ""
    public_key_url = "https://www.googleapis.com/oauth2/v3/certs"
    access_token = ""

    def parse_token(self, data: Mapping[str, Any]) -> SocialToken:
        """Demand an ID token: without one the library would ask the userinfo endpoint, which knows no nonce."""
        if not isinstance(data.get("id_token"), str):
            raise OAuth2Error("Google sent no ID token.")
        self.access_token = str(data["access_token"])
        return super().parse_token(data)

    def _decode_id_token(self, app: Any, id_token: str) -> Mapping[str, Any]:
        return read_id_token(
            RelyingParty(connection_type=ConnectionType.GOOGLE_OAUTH, issuer=ISSUER, client_id=app.client_id),
            Provider(
                issuer=ISSUER,
                authorization_endpoint=self.authorize_url,
                token_endpoint=self.access_token_url,
                jwks_uri=self.public_key_url,
            ),
            id_token,
            nonce=self.nonce,
            access_token=self.access_token,
        )
