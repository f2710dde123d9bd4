"""Every write of single sign-on, and the look-ups that more than one door needs."""

from sso.services.certificates import add_idp_certificate, delete_idp_certificate
from sso.services.connections import (
    ConnectionChanges,
    activate_connection,
    connections_with_relations,
    connections_with_settings,
    create_connection,
    delete_connection,
    require_connection,
    update_connection,
)
from sso.services.selection import connections_of_domain, usable_connections

__all__ = [
    "ConnectionChanges",
    "activate_connection",
    "add_idp_certificate",
    "connections_of_domain",
    "connections_with_relations",
    "connections_with_settings",
    "create_connection",
    "delete_connection",
    "delete_idp_certificate",
    "require_connection",
    "update_connection",
    "usable_connections",
]
