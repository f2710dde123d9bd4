"""A provider, and what a connection knows of it."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from sso.connection_types import ConnectionType
from sso.exchanges import Departure, ExchangeRefused, ReceivedProfile
from sso.oidc.parties import RelyingParty
from sso.oidc.sign_in import begin_sign_in, finish_sign_in
from tests.caches import forget_what_is_cached
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, OIDCProvider, run_provider


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


@pytest.fixture
def party(provider: OIDCProvider) -> RelyingParty:
    return RelyingParty(
        connection_type=ConnectionType.GENERIC_OIDC,
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
    )


def leave(party: RelyingParty, **options: Any) -> tuple[Departure, dict[str, str]]:
    """Begin a sign-in; returns the departure and the parameters of its address."""
    departure = begin_sign_in(party, redirect_uri=REDIRECT_URI, state="state-1", **options)
    return departure, dict(parse_qsl(urlsplit(departure.url).query, strict_parsing=True))


def arrive(party: RelyingParty, departure: Departure, **parameters: str) -> ReceivedProfile:
    """Come back with a code; the provider of the tests writes what the code says into the nonce."""
    return finish_sign_in(
        party,
        redirect_uri=REDIRECT_URI,
        parameters={"state": "state-1", "code": departure.memory["nonce"]} | parameters,
        memory=departure.memory,
    )


@pytest.fixture
def sign_in(party: RelyingParty) -> Callable[..., ReceivedProfile]:
    """Leave and come back."""

    def do(used: RelyingParty = party, **parameters: str) -> ReceivedProfile:
        departure, _ = leave(used)
        return arrive(used, departure, **parameters)

    return do


@pytest.fixture
def refusal(sign_in: Callable[..., ReceivedProfile], party: RelyingParty) -> Callable[..., ExchangeRefused]:
    """Leave, come back, and return how that was refused."""

    def do(used: RelyingParty = party, **parameters: str) -> ExchangeRefused:
        with pytest.raises(ExchangeRefused) as caught:
            sign_in(used, **parameters)
        assert len(caught.value.sentence) > 20
        return caught.value

    return do
