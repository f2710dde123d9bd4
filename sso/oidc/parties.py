"""The two parties: what we are at the provider, and what the provider is to us."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sso.connection_types import ConnectionType
from sso.models import OIDCSettings

PRIVATE_KEY_MARK = "-----BEGIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """What a connection knows of itself and of its provider; empty endpoints come from discovery.

    ``client_secret`` may be a private key as PEM: the client then signs its requests for tokens
    (``private_key_jwt``, OpenID Connect Core 9), as Login.gov demands. ``max_age`` is in seconds.
    """

    connection_type: ConnectionType
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    uses_discovery: bool = True
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    userinfo_endpoint: str = ""
    jwks_uri: str = ""
    end_session_endpoint: str = ""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    max_age: int | None = None
    clock_skew_seconds: int = 60
    # Some social providers stumble over PKCE, which is not for tenants to choose.
    uses_pkce: bool = True

    @property
    def has_private_key(self) -> bool:
        """True where the client signs instead of sending a secret."""
        return self.client_secret.lstrip().startswith(PRIVATE_KEY_MARK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What the provider says of itself (OpenID Connect Discovery 3), or what was set up by hand."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods: tuple[str, ...] = ()
    promises_response_issuer: bool = False


def relying_party_of(settings: OIDCSettings) -> RelyingParty:
    """Read the row of a connection."""
    return RelyingParty(
        connection_type=ConnectionType(settings.connection.connection_type),
        issuer=settings.issuer,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        uses_discovery=settings.uses_discovery,
        authorization_endpoint=settings.authorization_endpoint,
        token_endpoint=settings.token_endpoint,
        userinfo_endpoint=settings.userinfo_endpoint,
        jwks_uri=settings.jwks_uri,
        end_session_endpoint=settings.end_session_endpoint,
        scopes=tuple(settings.scopes.split()),
        max_age=settings.max_age,
        clock_skew_seconds=settings.clock_skew_seconds,
    )


def is_plain_http(url: str) -> bool:
    """True for an address without TLS."""
    return urlsplit(url).scheme == "http"
