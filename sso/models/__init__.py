"""Tables of single sign-on: connections with their settings, profiles, the trail, codes and tokens."""

from sso.models.connections import (
    Connection,
    ConnectionDomain,
    ConnectionState,
)
from sso.models.exchanges import (
    ExchangeKind,
    ExchangeState,
    PasswordlessSession,
    SeenAssertion,
    SSOAccessToken,
    SSOAuthorizationCode,
    SSOSession,
)
from sso.models.keys import (
    IdPCertificate,
    KeyPairUse,
    SPKeyPair,
)
from sso.models.profiles import (
    Profile,
    ProviderSession,
)
from sso.models.settings import (
    OAuthProvider,
    OIDCSettings,
    SAMLBinding,
    SAMLSettings,
    TokenAuthenticationMethod,
)
from sso.models.test_idp import (
    SandboxIdentityProvider,
    SandboxIdPCode,
)

__all__ = [
    "Connection",
    "ConnectionDomain",
    "ConnectionState",
    "ExchangeKind",
    "ExchangeState",
    "IdPCertificate",
    "KeyPairUse",
    "OAuthProvider",
    "OIDCSettings",
    "PasswordlessSession",
    "Profile",
    "ProviderSession",
    "SAMLBinding",
    "SAMLSettings",
    "SPKeyPair",
    "SSOAccessToken",
    "SSOAuthorizationCode",
    "SSOSession",
    "SandboxIdPCode",
    "SandboxIdentityProvider",
    "SeenAssertion",
    "TokenAuthenticationMethod",
]
