"""What an environment is at a social provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sso.connection_types import ConnectionType
from sso.models import OAuthProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """The credentials of an environment; empty ``scopes`` mean the provider's usual ones.

    ``settings`` are those of the provider: ``tenant`` for Microsoft, ``team_id`` and ``key_id`` for Apple (whose private
    key is ``key``), ``gitlab_url``, ``salesforce_url``, ``endpoints`` for a GitHub Enterprise Server.
    """

    connection_type: ConnectionType
    client_id: str
    client_secret: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()


def oauth_client_of(row: OAuthProvider) -> OAuthClient:
    """Read the row of an environment's connection."""
    return OAuthClient(
        connection_type=ConnectionType(row.connection.connection_type),
        client_id=row.client_id,
        client_secret=row.client_secret,
        key=row.key,
        settings=row.provider_settings,
        scopes=tuple(row.scopes.replace(",", " ").split()),
    )
