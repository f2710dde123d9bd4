"""What identity providers say when somebody signs out there, or when they were asked to let somebody sign out."""

import secrets
from collections.abc import Sequence
from typing import Any

import jwt
from lxml import etree

from foundation import clock
from sso import conf
from sso.models import Connection
from tests.oidc_provider import CLIENT_ID, OIDCProvider
from tests.sso.saml.identity_provider import Forge, instant, post

EVENT = "http://schemas.openid.net/event/backchannel-logout"

_NAMESPACES = (
    'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
)


def logout_request(
    connection: Connection,
    idp: Forge,
    subject: str = "ada-1",
    sessions: Sequence[str] = (),
    sign: bool = True,
) -> str:
    """Return a LogoutRequest as it is posted."""
    indexes = "".join(f"<samlp:SessionIndex>{index}</samlp:SessionIndex>" for index in sessions)
    return _message(
        connection,
        idp,
        "LogoutRequest",
        "",
        f"<saml:NameID>{subject}</saml:NameID>{indexes}",
        sign=sign,
    )


def logout_response(
    connection: Connection, idp: Forge, request_id: str, status: str = "Success", sign: bool = True
) -> str:
    """Return a LogoutResponse as it is posted."""
    code = f'<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/>'
    return _message(
        connection,
        idp,
        "LogoutResponse",
        f'InResponseTo="{request_id}"',
        f"<samlp:Status>{code}</samlp:Status>",
        sign=sign,
    )


def logout_token(provider: OIDCProvider, **changes: Any) -> str:
    """Return a logout token as a good provider writes it, changed by the test."""
    now = int(clock.now().timestamp())
    claims = {
        "iss": provider.issuer,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": secrets.token_hex(8),
        "events": {EVENT: {}},
        **changes,
    }
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not ...},
        provider.signing_key,
        algorithm="RS256",
        headers={"kid": "key-1", "typ": "logout+jwt"},
    )


def _message(
    connection: Connection, idp: Forge, name: str, attributes: str, content: str, *, sign: bool
) -> str:
    root = etree.fromstring(
        f'<samlp:{name} {_NAMESPACES} ID="_{secrets.token_hex(16)}" Version="2.0"'
        f' IssueInstant="{instant(clock.now())}" Destination="{conf.saml_slo_url(connection.id)}" {attributes}>'
        f"<saml:Issuer>{idp.entity_id}</saml:Issuer>{content}</samlp:{name}>"
    )
    if sign:
        idp.sign(root)
    return post(root)
