"""The public JSON of the tenant's objects."""

from typing import Any, Literal, TypedDict

from environments.models import CORSOrigin, RedirectURI, SigningKey
from foundation import clock


class RedirectURIObject(TypedDict):
    """An allowed redirect URI."""

    object: Literal["redirect_uri"]
    id: str
    uri: str
    default: bool
    created_at: str
    updated_at: str


class CORSOriginObject(TypedDict):
    """An allowed browser origin."""

    object: Literal["cors_origin"]
    id: str
    origin: str
    created_at: str
    updated_at: str


class JWKSetObject(TypedDict):
    """A JWK set (RFC 7517 §5)."""

    keys: list[dict[str, Any]]


def represent_redirect_uri(row: RedirectURI) -> RedirectURIObject:
    """Return the public JSON of a redirect URI."""
    return {
        "object": "redirect_uri",
        "id": row.id,
        "uri": row.uri,
        "default": row.is_default,
        "created_at": clock.iso(row.created_at),
        "updated_at": clock.iso(row.updated_at),
    }


def represent_cors_origin(row: CORSOrigin) -> CORSOriginObject:
    """Return the public JSON of a CORS origin."""
    return {
        "object": "cors_origin",
        "id": row.id,
        "origin": row.origin,
        "created_at": clock.iso(row.created_at),
        "updated_at": clock.iso(row.updated_at),
    }


def represent_jwk_set(keys: list[SigningKey]) -> JWKSetObject:
    """Return the JWK set of an environment."""
    return {"keys": [key.public_jwk for key in keys]}
