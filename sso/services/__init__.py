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
    close_unanswered,
    find_waiting_connection_id,
    finish_exchange,
    finish_unasked,
    open_exchange,
    record_refused_logout,
)
from sso.services.logout import (
    ProviderLogout,
    authorize_logout,
    logout_url_of,
    read_backchannel_logout,
    read_saml_logout,
)
from sso.services.passwordless import (
    confirm_passwordless_session,
    create_passwordless_session,
    require_passwordless_session,
    send_passwordless_session,
)
from sso.services.passwordless import is_open as is_open_link
from sso.services.profiles import is_vouched_for, link_profile, owns_domain, record_profile
from sso.services.protocols import Hints, saml_options_of, service_provider_of
from sso.services.renewal_mail import fingerprint_in_pairs
from sso.services.selection import connections_of_domain, usable_connections
from sso.services.test_idp import test_idp_settings
from sso.services.upkeep import (
    announce_renewals,
    changes_by,
    due_metadata,
    fetch_metadata,
    purge_sso,
    refresh_metadata,
)

__all__ = [
    "Authorization",
    "Begun",
    "ConnectionChanges",
    "ExchangeFailed",
    "Finished",
    "Hints",
    "IssuedToken",
    "ProviderLogout",
    "activate_connection",
    "add_idp_certificate",
    "announce_renewals",
    "answer_authorization",
    "authorize_logout",
    "begin_exchange",
    "changes_by",
    "choose_connection",
    "close_unanswered",
    "confirm_passwordless_session",
    "connections_of_domain",
    "connections_with_relations",
    "connections_with_settings",
    "create_connection",
    "create_passwordless_session",
    "delete_connection",
    "delete_idp_certificate",
    "due_metadata",
    "exchange_code",
    "fetch_metadata",
    "find_connection",
    "find_waiting_connection_id",
    "fingerprint_in_pairs",
    "finish_exchange",
    "finish_unasked",
    "is_open_link",
    "is_vouched_for",
    "issue_code",
    "link_profile",
    "logout_url_of",
    "open_exchange",
    "owns_domain",
    "purge_sso",
    "read_backchannel_logout",
    "read_saml_logout",
    "record_profile",
    "record_refused_logout",
    "refresh_metadata",
    "refusal_url",
    "require_connection",
    "require_connection_of_anybody",
    "require_passwordless_session",
    "require_profile",
    "saml_options_of",
    "send_passwordless_session",
    "service_provider_of",
    "start_authorization",
    "test_idp_settings",
    "update_connection",
    "usable_connections",
]
