"""Microsoft's word on a mail address.

The address that Microsoft Graph names is whatever the administrator of the person's tenant typed, and anybody can open a
tenant: taken for verified, it opens every account here (the attack is known as nOAuth). The one word that counts is the
claim ``xms_edov`` of an ID token, which the application's manifest has to ask for: it says that the address belongs to a
domain that the tenant has proven to own. All else stays unverified, and the person proves the mailbox by a code.
"""

import re
from collections.abc import Mapping
from typing import Any

from sso.oauth.clients import OAuthClient
from sso.oidc.parties import Provider, RelyingParty
from sso.oidc.tokens import (
    ID_TOKEN_TYPES,
    check_audience,
    check_issuer,
    check_nonce,
    check_times,
    read_signed,
)

_LOGIN_URL = "https://login.microsoftonline.com"
_TENANT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def find_verified_email(
    client: OAuthClient, answer: Mapping[str, Any], *, nonce: str, subject: str
) -> str | None:
    """Return the address that the person's tenant has proven to own, in lower case; None without one.

    ``subject`` is whom Microsoft Graph named. Raises ExchangeRefused for an ID token that does not hold.
    """
    id_token = answer.get("id_token")
    if not isinstance(id_token, str):
        return None
    claims = _read(client, id_token, nonce)
    email = claims.get("email")
    if not _is_yes(claims.get("xms_edov")) or claims.get("oid") != subject:
        return None
    return email.lower() if isinstance(email, str) else None


def _is_yes(value: object) -> bool:
    """Microsoft writes this one as a boolean, as a number and as a text, by tenant and by version of the token."""
    return isinstance(value, bool | int | str) and str(value).lower() in {"true", "1"}


def _read(client: OAuthClient, id_token: str, nonce: str) -> Mapping[str, Any]:
    login_url = str(client.settings.get("login_url") or _LOGIN_URL)
    keys = f"{login_url}/common/discovery/v2.0/keys"
    provider = Provider(issuer="", authorization_endpoint="", token_endpoint="", jwks_uri=keys)
    claims = read_signed(provider, id_token, types=ID_TOKEN_TYPES).claims
    # Microsoft's keys sign for every tenant, and the issuer is the person's own: it has to be in the form of one.
    tenant = str(claims.get("tid"))
    issuer = f"{login_url}/{tenant if _TENANT.fullmatch(tenant) else '<tenant>'}/v2.0"
    party = RelyingParty(connection_type=client.connection_type, issuer=issuer, client_id=client.client_id)
    check_issuer(
        party,
        Provider(issuer=issuer, authorization_endpoint="", token_endpoint="", jwks_uri=keys),
        claims,
    )
    check_audience(party, claims)
    check_times(party, claims)
    check_nonce(claims, nonce)
    return claims
