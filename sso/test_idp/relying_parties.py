"""Who an answer of the test identity provider goes to: a connection of its own sandbox, or a stranger.

Strangers are welcome, as they are what the developer is building. A connection of another environment is not: there,
a person who was made up here would be somebody real.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from django.conf import settings
from django.http.request import validate_host

from accounts.models import User
from environments.models import Environment
from sso.models import Connection, SAMLSettings
from sso.test_idp.saml_messages import AskedSignIn

_OWN_ADDRESS = re.compile(r"/sso/(?:saml|oidc)/(?P<connection_id>conn_[A-Za-z0-9]{1,40})/(?:acs|callback)")
_OWN_ENTITY = re.compile(r"/sso/saml/(?P<connection_id>conn_[A-Za-z0-9]{1,40})/metadata")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_MEMBERS_SHOWN = 5


class AddressRefused(Exception):
    """The answer would go to a connection of another environment, or to where no connection listens."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whoever believes the answer. ``connection`` is None for an application outside."""

    name: str
    connection: Connection | None = None


def relying_party_at(environment: Environment, address: str) -> RelyingParty:
    """Return whose address this is; raises AddressRefused."""
    parts = urlsplit(address)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise AddressRefused
    if not _is_here(parts):
        forwards = SAMLSettings.objects.in_environment(environment).filter(acs_url=address)
        forwarded = forwards.select_related("connection__organization").order_by("connection_id").first()
        if forwarded is not None:
            return RelyingParty(forwarded.connection.name, forwarded.connection)
        return RelyingParty(parts.netloc.rpartition("@")[2])
    # As the server will read it: with its escapes undone, and without detours.
    found = _OWN_ADDRESS.fullmatch(posixpath.normpath(unquote(parts.path)))
    connection = find_connection(environment, found["connection_id"]) if found else None
    if connection is None:
        raise AddressRefused
    return RelyingParty(connection.name, connection)


def find_connection(environment: Environment, connection_id: str) -> Connection | None:
    """Return a connection of the environment."""
    rows = Connection.objects.in_environment(environment).select_related("organization", "saml_settings")
    return rows.filter(pk=connection_id).first()


def find_connection_by_entity_id(environment: Environment, entity_id: str) -> Connection | None:
    """Return the connection of the environment that goes by this name in SAML."""
    found = _OWN_ENTITY.fullmatch(entity_id.removeprefix(settings.BASE_URL))
    if found and entity_id.startswith(settings.BASE_URL):
        return find_connection(environment, found["connection_id"])
    rows = SAMLSettings.objects.in_environment(environment).filter(sp_entity_id=entity_id)
    named = rows.select_related("connection").order_by("connection_id").first()
    return named.connection if named else None


def sign_in_of_connection(connection: Connection) -> AskedSignIn:
    """Return what a connection would have asked for, for a sign-in that begins at the identity provider."""
    base = f"{settings.BASE_URL}/sso/saml/{connection.pk}"
    return AskedSignIn(
        request_id="",
        sp_entity_id=connection.saml_settings.sp_entity_id or f"{base}/metadata",
        acs_url=connection.saml_settings.acs_url or f"{base}/acs",
    )


def logout_url_of(connection: Connection) -> str:
    """Return where a connection takes logout messages."""
    return f"{settings.BASE_URL}/sso/saml/{connection.pk}/slo"


def members_of(relying_party: RelyingParty) -> Sequence[User]:
    """Return the newest members of the organization behind a connection, whom a developer may want to be."""
    connection = relying_party.connection
    if connection is None or connection.organization is None:
        return ()
    rows = User.objects.in_environment(connection.environment_id)
    members = rows.filter(memberships__organization=connection.organization)
    return list(members.distinct().order_by("-id")[:_MEMBERS_SHOWN])


def _is_here(parts: SplitResult) -> bool:
    """Tell whether an address leads to this server, by any of its names."""
    base = urlsplit(settings.BASE_URL)
    if (parts.port or _DEFAULT_PORTS[parts.scheme]) != (base.port or _DEFAULT_PORTS[base.scheme]):
        return False
    host, own = parts.hostname or "", base.hostname or ""
    if host.rstrip(".") == own or (host in _LOOPBACK and own in _LOOPBACK):
        return True
    return settings.ALLOWED_HOSTS != ["*"] and validate_host(host, settings.ALLOWED_HOSTS)
