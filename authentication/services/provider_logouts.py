"""An identity provider signs somebody out here: what began by its session ends."""

from collections.abc import Mapping

from django.db import transaction

from authentication.services.sessions import end_by_provider_sessions
from sso.actors import connection_actor
from sso.exchanges import Departure, ExchangeRefused
from sso.models import Connection
from sso.services import (
    ProviderLogout,
    accept_logout,
    read_backchannel_logout,
    read_saml_logout,
    record_refused_logout,
)


def obey_backchannel_logout(*, connection: Connection, logout_token: str) -> None:
    """End what an OpenID provider has ended; each token counts once. A refusal leaves its trail.

    Raises ExchangeRefused. May fetch the provider's keys.
    """
    try:
        _obey(read_backchannel_logout(connection, logout_token))
    except ExchangeRefused as refusal:
        record_refused_logout(connection, refusal)
        raise


def obey_saml_logout(
    *, connection: Connection, query_string: str, form: Mapping[str, str] | None
) -> Departure | None:
    """End what a SAML provider asks to end, and return the way back to it with our answer, None where it takes none.

    Each request counts once. A refusal leaves its trail. Raises ExchangeRefused.
    """
    try:
        return _obey(read_saml_logout(connection, query_string=query_string, form=form))
    except ExchangeRefused as refusal:
        record_refused_logout(connection, refusal)
        raise


@transaction.atomic
def _obey(logout: ProviderLogout) -> Departure | None:
    accepted = accept_logout(logout)
    end_by_provider_sessions(accepted.provider_sessions, connection_actor(logout.connection))
    return accepted.departure
