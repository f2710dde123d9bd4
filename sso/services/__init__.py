"""Every write of single sign-on, and the look-ups that more than one door needs."""

from sso.services.authorize import (
    Authorization,
    answer_authorization,
    choose_connection,
    find_connection,
    refusal_url,
    start_authorization,
)
from sso.services.certificates import add_idp_certificate, delete_idp_certificate
from sso.services.codes import IssuedToken, exchange_code, issue_code, require_profile
from sso.services.connections import (
    ConnectionChanges,
    activate_connection,
    connections_with_relations,
    connections_with_settings,
    create_connection,
    delete_connection,
    require_connection,
    require_connection_of_anybody,
    update_connection,
)
from sso.services.exchanges import (
    Begun,
    ExchangeFailed,
    Finished,
    begin_exchange,
    find_waiting_connection_id,
    finish_exchange,
    finish_unasked,
    open_exchange,
)
from sso.services.profiles import is_vouched_for, link_profile, owns_domain, record_profile
from sso.services.protocols import Hints, saml_options_of, service_provider_of
from sso.services.selection import connections_of_domain, usable_connections
from sso.services.test_idp import test_idp_settings

__all__ = [
    "Authorization",
    "Begun",
    "ConnectionChanges",
    "ExchangeFailed",
    "Finished",
    "Hints",
    "IssuedToken",
    "activate_connection",
    "add_idp_certificate",
    "answer_authorization",
    "begin_exchange",
    "choose_connection",
    "connections_of_domain",
    "connections_with_relations",
    "connections_with_settings",
    "create_connection",
    "delete_connection",
    "delete_idp_certificate",
    "exchange_code",
    "find_connection",
    "find_waiting_connection_id",
    "finish_exchange",
    "finish_unasked",
    "is_vouched_for",
    "issue_code",
    "link_profile",
    "open_exchange",
    "owns_domain",
    "record_profile",
    "refusal_url",
    "require_connection",
    "require_connection_of_anybody",
    "require_profile",
    "saml_options_of",
    "service_provider_of",
    "start_authorization",
    "test_idp_settings",
    "update_connection",
    "usable_connections",
]
