"""Apple, without the library's cookie: its callback is a POST from another site, which carries no cookie of ours.

Its first answer to a person's consent brings the name beside the code, in a field of the browser's form. Everything
else is read from the ID token alone: the library would also take an address from that field.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.apple.views import AppleOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from django.http import HttpRequest

from sso.connection_types import ConnectionType
from sso.oidc.parties import Provider, RelyingParty
from sso.oidc.tokens import read_id_token

ISSUER = "https://appleid.apple.com"


class AppleAdapter(AppleOAuth2Adapter):  # type: ignore[misc]  # the library ships no types
    """Reads Apple's answer by the checks of OpenID Connect, nonce included."""

    nonce = ""

    def get_access_token_data(
        self,
        request: HttpRequest,
        app: object,
        client: OAuth2Client,
        pkce_code_verifier: str | None = None,
    ) -> dict[str, Any]:
        """Spend the code."""
        answer: dict[str, Any] = client.get_access_token(
            request.GET.get("code"), pkce_code_verifier=pkce_code_verifier
        )
        return answer

    def parse_token(self, data: Mapping[str, Any]) -> SocialToken:
        """Read the ID token; raises ExchangeRefused."""
        id_token = data.get("id_token")
        if not isinstance(id_token, str):
            raise OAuth2Error("Apple sent no ID token.")
        app = self.get_provider().app
        claims = read_id_token(
            RelyingParty(connection_type=ConnectionType.APPLE_OAUTH, issuer=ISSUER, client_id=app.client_id),
            Provider(
                issuer=ISSUER,
                authorization_endpoint=self.authorize_url,
                token_endpoint=self.access_token_url,
                jwks_uri=self.public_key_url,
            ),
            id_token,
            nonce=self.nonce,
            access_token=str(data["access_token"]),
        )
        token = SocialToken(token=data["access_token"])
        token.user_data = {**claims, "name": _name_in(self.request.GET.get("user", ""))}
        return token

    def complete_login(
        self, request: HttpRequest, app: object, token: SocialToken, **_options: object
    ) -> SocialLogin:
        """Return the person."""
        return self.get_provider().sociallogin_from_response(request, token.user_data)


def _name_in(form_field: str) -> dict[str, str]:
    """Read the name that Apple sends with a person's first consent: ``{"name": {"firstName": …, "lastName": …}}``."""
    try:
        content = orjson.loads(form_field) if len(form_field) <= 4_000 else None
    except ValueError:
        return {}
    name = content.get("name") if isinstance(content, dict) else None
    if not isinstance(name, dict):
        return {}
    return {part: name[part] for part in ("firstName", "lastName") if isinstance(name.get(part), str)}
