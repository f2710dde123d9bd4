"""What the protocols have in common: leaving for an identity provider, coming back, and being refused.

Each protocol room (``saml``, ``oidc``, ``oauth``) has a function that begins an exchange and returns a
:class:`Departure`, and one that reads the answer and returns a :class:`ReceivedProfile` or raises
:class:`ExchangeRefused`. They know nothing of tables; ``services`` keep what has to be remembered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Departure:
    """How the browser leaves for the identity provider.

    ``form`` is None for a redirect to ``url``, and holds the fields of a form that is posted there otherwise.
    ``memory`` is what the answer is checked against (request id, nonce, PKCE verifier): kept sealed, never sent.
    ``sent`` is what the trail shows of the request, without secrets.
    """

    url: str
    form: Mapping[str, str] | None = None
    memory: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedProfile:
    """What an identity provider says of a person, after every check of the protocol.

    ``idp_id`` is the subject, stable and unique within the connection. ``email`` is as it was sent, None where
    there was none. ``email_verified`` is the provider's own word. ``raw_attributes`` are whatever it sent, bounded.
    ``memory`` is what a later logout needs (session index, ID token); kept sealed.
    """

    idp_id: str
    email: str | None
    email_verified: bool = False
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    groups: tuple[str, ...] = ()
    raw_attributes: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, str] = field(default_factory=dict)
    received: Mapping[str, Any] = field(default_factory=dict)
    oauth_tokens: Mapping[str, Any] | None = None


class ExchangeRefused(Exception):
    """An answer failed a check. Nobody is signed in by it.

    ``failure`` is the stable name of the check. ``sentence`` is plain English for an IT admin: what was found, what was
    expected, what to change. ``received`` is the answer as far as it could be read, for the trail; no secrets.
    """

    def __init__(self, failure: str, sentence: str, received: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{failure}: {sentence}")
        self.failure = failure
        self.sentence = sentence
        self.received: Mapping[str, Any] = received or {}
