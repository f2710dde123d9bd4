"""Which social providers there are, and how each of them is spoken to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sso.connection_types import ConnectionType, Protocol, protocol_of
from sso.oauth import emails
from sso.oauth.clients import OAuthClient
from sso.oauth.emails import Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialProvider:
    """How a provider is spoken to: by the library's code under ``library_id``, or by OpenID Connect at ``issuer``.

    ``scopes`` are asked for unless the environment chose its own; empty for the library's. ``trust`` tells whose word on
    a mail address counts; ``confirmed_email_in`` names a field that the library does not read, in which confirmed
    addresses alone stand. ``needs`` are the settings that must be there, ``choices`` those that may, and ``moves`` those
    that lead to a server of the customer's own, whose word counts only if staff say so (``trusts_emails``).
    """

    label: str
    library_id: str = ""
    issuer: str = ""
    scopes: tuple[str, ...] = ()
    trust: Trust = emails.nobody
    uses_pkce: bool = True
    parameters: Mapping[str, str] = field(default_factory=dict)
    confirmed_email_in: str = ""
    uses_nonce: bool = False
    needs: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    moves: tuple[str, ...] = ("endpoints", "issuer")

    def trust_of(self, client: OAuthClient) -> Trust:
        """Return whose word counts for this client."""
        is_moved = any(client.settings.get(name) for name in self.moves)
        return emails.nobody if is_moved and client.settings.get("trusts_emails") is not True else self.trust


_OPENID = ("openid", "email", "profile")

# Settings that lead somewhere, and all settings that an environment may choose for a provider.
PROVIDER_ADDRESSES = ("gitlab_url", "graph_url", "issuer", "login_url", "salesforce_url")
PROVIDER_SETTINGS = frozenset(
    {*PROVIDER_ADDRESSES, "endpoints", "key_id", "pkce", "team_id", "tenant", "trusts_emails"}
)

PROVIDERS: Mapping[ConnectionType, SocialProvider] = {
    ConnectionType.APPLE_OAUTH: SocialProvider(
        label="Apple",
        library_id="apple",
        trust=emails.provider_says,
        # The library asks for an ID token in the browser too, where nobody needs it.
        parameters={"response_type": "code"},
        uses_nonce=True,
        needs=("team_id", "key_id"),
    ),
    ConnectionType.BITBUCKET_OAUTH: SocialProvider(
        label="Bitbucket",
        library_id="bitbucket_oauth2",
        scopes=("account", "email"),
        trust=emails.provider_says,
    ),
    ConnectionType.DISCORD_OAUTH: SocialProvider(
        label="Discord", library_id="discord", trust=emails.provider_says
    ),
    ConnectionType.GITHUB_OAUTH: SocialProvider(
        label="GitHub",
        library_id="github",
        scopes=("read:user", "user:email"),
        trust=emails.provider_says,
    ),
    ConnectionType.GITLAB_OAUTH: SocialProvider(
        label="GitLab",
        library_id="gitlab",
        trust=emails.confirmed_at_gitlab,
        choices=("gitlab_url",),
        moves=("endpoints", "gitlab_url"),
    ),
    ConnectionType.GOOGLE_OAUTH: SocialProvider(
        label="Google", library_id="google", scopes=_OPENID, trust=emails.provider_says, uses_nonce=True
    ),
    ConnectionType.INTUIT_OAUTH: SocialProvider(
        label="Intuit",
        library_id="quickbooks",
        scopes=_OPENID,
        trust=emails.says_in("emailVerified"),
    ),
    ConnectionType.LINKEDIN_OAUTH: SocialProvider(
        label="LinkedIn",
        issuer="https://www.linkedin.com/oauth",
        scopes=_OPENID,
        trust=emails.provider_says,
        # It knows PKCE at another endpoint alone, for native applications.
        uses_pkce=False,
    ),
    ConnectionType.MICROSOFT_OAUTH: SocialProvider(
        label="Microsoft",
        library_id="microsoft",
        scopes=(*_OPENID, "User.Read"),
        uses_nonce=True,
        choices=("tenant",),
        # sso.oauth.microsoft marks the one address that counts.
        trust=emails.provider_says,
        moves=("endpoints", "login_url", "graph_url"),
    ),
    ConnectionType.SALESFORCE_OAUTH: SocialProvider(
        label="Salesforce", library_id="salesforce", scopes=("id", *_OPENID), choices=("salesforce_url",)
    ),
    ConnectionType.SLACK_OAUTH: SocialProvider(label="Slack", library_id="slack"),
    ConnectionType.VERCEL_OAUTH: SocialProvider(
        label="Vercel", issuer="https://vercel.com", scopes=_OPENID, trust=emails.provider_says
    ),
    ConnectionType.X_OAUTH: SocialProvider(
        label="X",
        library_id="twitter_oauth2",
        scopes=("users.read", "tweet.read", "users.email"),
        trust=emails.provider_says,
        confirmed_email_in="confirmed_email",
    ),
    ConnectionType.XERO_OAUTH: SocialProvider(
        label="Xero", issuer="https://identity.xero.com", scopes=_OPENID
    ),
}


def find_social_provider(connection_type: str) -> SocialProvider | None:
    """Return how a provider is spoken to; None for a type that is no social provider, or has no code here."""
    return PROVIDERS.get(ConnectionType(connection_type))


def missing_settings(client: OAuthClient) -> list[str]:
    """Return what has still to be filled in before a provider can be used, by the names of the form's fields.

    Raises ValueError for a type without provider code.
    """
    provider = find_social_provider(client.connection_type)
    if provider is None:
        raise ValueError(client.connection_type)
    missing = [name for name in provider.needs if not client.settings.get(name)]
    if not client.client_id:
        missing.insert(0, "client_id")
    if client.connection_type is ConnectionType.APPLE_OAUTH:
        return missing if client.key else [*missing, "key"]
    return missing if client.client_secret else [*missing, "client_secret"]


def unsupported_types() -> tuple[ConnectionType, ...]:
    """Return the OAuth types of the wire that nobody can be signed in with: no provider code exists for them."""
    return tuple(
        kind for kind in ConnectionType if protocol_of(kind) is Protocol.OAUTH and kind not in PROVIDERS
    )
