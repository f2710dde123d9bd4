"""Social providers, played by one server in this process."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from sso.connection_types import ConnectionType
from sso.exchanges import Departure, ExchangeRefused, ReceivedProfile
from sso.oauth.clients import OAuthClient
from sso.oauth.sign_in import begin_sign_in, finish_sign_in
from tests.caches import forget_what_is_cached
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, OIDCProvider, run_provider

REDIRECT_URI = "https://gatehouse.example/sso/oauth/callback"


@pytest.fixture(scope="session")
def running_provider() -> Iterator[OIDCProvider]:
    with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: OIDCProvider) -> Iterator[OIDCProvider]:
    forget_what_is_cached()
    running_provider.reset()
    yield running_provider
    forget_what_is_cached()


def client_of(kind: ConnectionType, provider: OIDCProvider, **settings: Any) -> OAuthClient:
    """An environment's client at a provider whose addresses lead to the tests' server; its word counts."""
    endpoints = {
        "authorize_url": f"{provider.base}/authorize",
        "access_token_url": f"{provider.base}/token",
        "profile_url": f"{provider.base}/profile",
        "emails_url": f"{provider.base}/emails",
        "identity_url": f"{provider.base}/profile",
        "public_key_url": f"{provider.base}/jwks",
    }
    own = {"endpoints": endpoints, "trusts_emails": True, **settings}
    return OAuthClient(connection_type=kind, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, settings=own)


def leave(client: OAuthClient, **options: Any) -> tuple[Departure, dict[str, str]]:
    """Begin a sign-in; returns the departure and the parameters of its address."""
    departure = begin_sign_in(client, redirect_uri=REDIRECT_URI, state="state-1", **options)
    return departure, dict(parse_qsl(urlsplit(departure.url).query, strict_parsing=True))


def arrive(client: OAuthClient, departure: Departure, **parameters: str) -> ReceivedProfile:
    return finish_sign_in(
        client,
        redirect_uri=REDIRECT_URI,
        parameters={"state": "state-1", "code": departure.memory["nonce"]} | parameters,
        memory=departure.memory,
    )


def sign_in(client: OAuthClient, **parameters: str) -> ReceivedProfile:
    return arrive(client, leave(client)[0], **parameters)


def refusal(client: OAuthClient, **parameters: str) -> ExchangeRefused:
    with pytest.raises(ExchangeRefused) as caught:
        sign_in(client, **parameters)
    assert len(caught.value.sentence) > 20
    return caught.value


Refusal = Callable[..., ExchangeRefused]
