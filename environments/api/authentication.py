"""Who calls: an API key, as a bearer token or as a ``client_secret``."""

from datetime import timedelta

from django.http import HttpRequest

from environments.models import APIKey
from foundation import clock
from foundation.actors import Actor, ActorKind
from foundation.encryption import token_digest
from foundation.errors import Unauthenticated
from foundation.prepared import PreparedQuery

# Last use is kept to the minute: staff ask "is this key still in use", and a write for every read would cost more
# than the read.
_LAST_USE_RESOLUTION = timedelta(minutes=1)
_MAXIMUM_KEY_LENGTH = 200

_LIVE_KEY: PreparedQuery[APIKey] = PreparedQuery(
    lambda digest: APIKey.unscoped.select_related("environment").filter(
        digest=digest, revoked_at__isnull=True
    ),
    arguments=1,
)


def bearer_token(request: HttpRequest) -> str:
    """Return the bearer token of the Authorization header (RFC 6750 §2.1); an empty text where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def find_api_key(secret: str) -> APIKey | None:
    """Return the live key that this secret opens, its environment loaded; one query.

    The digest of a secret of 150 bits is looked up, not compared: how long an index look-up takes says nothing
    about a secret whose digest the caller cannot steer.
    """
    if not secret.startswith("sk_") or len(secret) > _MAXIMUM_KEY_LENGTH:
        return None
    key = _LIVE_KEY.find(token_digest(secret))
    if key is not None:
        _note_use(key)
    return key


def require_api_key(request: HttpRequest) -> APIKey:
    """Return the key of the request's bearer token; raises Unauthenticated."""
    key = find_api_key(bearer_token(request))
    if key is None:
        raise Unauthenticated
    return key


def actor_of(key: APIKey) -> Actor:
    """Return the actor that an API key stands for."""
    return Actor(ActorKind.API_KEY, key.id, key.name)


def _note_use(key: APIKey) -> None:
    moment = clock.now()
    if key.last_used_at is None or key.last_used_at < moment - _LAST_USE_RESOLUTION:
        APIKey.unscoped.filter(pk=key.pk).update(last_used_at=moment)
