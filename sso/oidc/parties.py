"""The two parties: what we are at the provider, and what the provider is to us."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sso.connection_types import ConnectionType
from sso.models import OIDCSettings

PRIVATE_KEY_MARK = "-----BEGIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """What a connection knows of itself and of its provider; empty endpoints come from discovery.

    ``token_authentication_method`` is one of OpenID Connect Core 9, or empty for what the provider knows.
    ``signing_key`` is a PEM and signs the requests for tokens by ``private_key_jwt``; ``signing_certificate`` is its
    own. In older rows the key stands in ``client_secret``. ``id_token_signature_algorithm`` is the only one that
    counts, if it is not empty. ``max_age`` is in seconds.
    """

    connection_type: ConnectionType
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    token_authentication_method: str = ""
    signing_key: str = field(default="", repr=False)
    signing_certificate: str = ""
    id_token_signature_algorithm: str = ""
    fetches_userinfo: bool = True
    uses_discovery: bool = True
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    userinfo_endpoint: str = ""
    jwks_uri: str = ""
    end_session_endpoint: str = ""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    max_age: int | None = None
    clock_skew_seconds: int = 60
    # Some providers stumble over PKCE. The nonce is never left out (RFC 9700 2.1.1).
    uses_pkce: bool = True

    @property
    def private_key(self) -> str:
        """The key with which the client signs who it is, or an empty text."""
        return self.signing_key or (self.client_secret if is_private_key(self.client_secret) else "")

    @property
    def sends_challenge(self) -> bool:
        """True where a code is bound to its request by PKCE; a client without any credentials has nothing else."""
        return self.uses_pkce or not (self.client_secret or self.signing_key)


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
    token_endpoint_auth_algorithms: tuple[str, ...] = ()
    # What the connection says of it: the only algorithm that counts, or an empty text.
    signature_algorithm: str = ""
    promises_response_issuer: bool = False


def relying_party_of(settings: OIDCSettings) -> RelyingParty:
    """Read the row of a connection."""
    return RelyingParty(
        connection_type=ConnectionType(settings.connection.connection_type),
        issuer=settings.issuer,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        token_authentication_method=settings.token_authentication_method,
        signing_key=settings.jwt_signing_key or "",
        signing_certificate=settings.jwt_signing_certificate,
        id_token_signature_algorithm=settings.id_token_signature_algorithm,
        fetches_userinfo=settings.fetch_user_info,
        uses_pkce=settings.uses_pkce,
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


def is_private_key(text: str) -> bool:
    """True for a PEM in the place of a client secret."""
    return text.lstrip().startswith(PRIVATE_KEY_MARK)


def is_plain_http(url: str) -> bool:
    """True for an address without TLS."""
    return urlsplit(url).scheme == "http"
