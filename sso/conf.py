"""Typed settings of single sign-on: lifetimes, and our own addresses as identity providers are told them."""

import unicodedata
from datetime import timedelta
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

from django.conf import settings

# Signing in at an identity provider may mean a second factor, or a password that has to be looked up.
EXCHANGE_LIFETIME = timedelta(minutes=30)

# workos-behaviour (l).
CODE_LIFETIME = timedelta(minutes=10)
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)

# How long a spent code is kept, to recognize one that comes again.
CODE_RETENTION = timedelta(days=1)

# How long staff and IT admins can look up how a sign-in went.
TRAIL_RETENTION = timedelta(days=30)

# An application that keeps its people longer than this by ``/sso/token`` signs them out of itself alone. What began by
# ``/user_management`` keeps its provider's session for as long as it lives itself.
PROVIDER_SESSION_RETENTION = timedelta(days=90)

# workos-legacy 2: seconds.
PASSWORDLESS_SHORTEST = 900
PASSWORDLESS_LONGEST = 86_400
PASSWORDLESS_RETENTION = timedelta(days=1)

# A link to the identity provider's logout is opened at once.
LOGOUT_TOKEN_LIFETIME = timedelta(minutes=5)

# workos-behaviour (i): asked for within this time before the end, and every week from then on.
RENEWAL_NOTICE = timedelta(days=30)
RENEWAL_REPEAT = timedelta(days=7)

METADATA_MAXIMUM_BYTES = 2 * 1024 * 1024
METADATA_REFRESH = timedelta(hours=23)


def start_page(handle: str) -> str:
    """Return the address at which a browser leaves for the identity provider of an exchange."""
    return f"{settings.BASE_URL}/sso/start?{urlencode({'exchange': handle})}"


def saml_metadata_url(connection_id: str) -> str:
    """Return the address of a connection's own metadata, which is also its entity id unless it has another."""
    return f"{settings.BASE_URL}/sso/saml/{connection_id}/metadata"


def saml_acs_url(connection_id: str) -> str:
    """Return where an identity provider posts its responses: the Assertion Consumer Service."""
    return f"{settings.BASE_URL}/sso/saml/{connection_id}/acs"


def is_own_address(url: str) -> bool:
    """Tell whether a URL leads to this server, however it is spelled; it is one that check_url lets pass."""
    given, own = urlsplit(url), urlsplit(settings.BASE_URL)
    inside = f"{given.path}/".startswith(f"{own.path.rstrip('/')}/")
    return inside and _server_of(given) == _server_of(own)


def _server_of(parts: SplitResult) -> tuple[str, int | None]:
    """Return name and port as a browser understands them; the usual ports are one, as http leads on to https."""
    name = unicodedata.normalize("NFKC", unquote(parts.hostname or "")).lower().rstrip(".")
    return name, None if parts.port in {80, 443} else parts.port


def saml_slo_url(connection_id: str) -> str:
    """Return where an identity provider sends logout messages."""
    return f"{settings.BASE_URL}/sso/saml/{connection_id}/slo"


def oidc_callback_url(connection_id: str) -> str:
    """Return the redirect URI of an OIDC connection."""
    return f"{settings.BASE_URL}/sso/oidc/{connection_id}/callback"


def oidc_initiate_login_url(connection_id: str) -> str:
    """Return where an OIDC provider sends people who begin to sign in there (OIDC Core 4)."""
    return f"{settings.BASE_URL}/sso/oidc/{connection_id}/initiate"


def oidc_post_logout_url(connection_id: str) -> str:
    """Return where an OIDC provider sends a browser back that signed out there (RP-Initiated Logout 1.0)."""
    return f"{settings.BASE_URL}/sso/oidc/{connection_id}/logout-callback"


def oidc_backchannel_logout_url(connection_id: str) -> str:
    """Return where an OIDC provider says that somebody has logged out (OIDC Back-Channel Logout 1.0)."""
    return f"{settings.BASE_URL}/sso/oidc/{connection_id}/backchannel-logout"


def oauth_callback_url(connection_id: str) -> str:
    """Return the redirect URI of a social provider's connection."""
    return f"{settings.BASE_URL}/sso/oauth/{connection_id}/callback"


def passwordless_link(token: str) -> str:
    """Return the link that a passwordless session mails."""
    return f"{settings.BASE_URL}/passwordless/{token}/confirm"


def logout_page(token: str) -> str:
    """Return the address that begins a logout at the identity provider."""
    return f"{settings.BASE_URL}/sso/logout?{urlencode({'token': token})}"
