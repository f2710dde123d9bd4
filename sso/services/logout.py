"""Signing out with the identity provider: on our word, and on its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import IntegrityError, transaction

from foundation import clock
from foundation.encryption import token_digest
from foundation.errors import NotFound
from sso import conf
from sso.connection_types import Protocol
from sso.errors import LogoutNotSupported
from sso.exchanges import Departure, ExchangeRefused
from sso.failures import EXCHANGE_SENTENCES, ExchangeFailure
from sso.models import Connection, Profile, ProviderSession, SeenAssertion
from sso.oidc.logout import read_logout_token
from sso.oidc.parties import relying_party_of
from sso.representations import LINKED_STATES
from sso.saml import logout as saml
from sso.services.connections import require_connection
from sso.services.exchanges import open_logout, record_logout
from sso.services.protocols import identity_provider_of, saml_options_of, service_provider_of
from sso.services.provider_sessions import provider_sessions_named

_SALT = "sso.services.logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLogout:
    """A provider's word that a subject, or some of its sessions, are signed out there; it counts once, by its digest."""

    connection: Connection
    subject: str
    sessions: tuple[str, ...]
    digest: str
    expires_at: datetime
    received: Mapping[str, Any]
    saml_request: saml.LogoutRequest | None = None


@dataclass(frozen=True, slots=True)
class AcceptedLogout:
    """What ends by a provider's word, and how the browser goes back to it; None where no browser is there."""

    provider_sessions: tuple[ProviderSession, ...]
    departure: Departure | None


def authorize_logout(profile: Profile) -> str:
    """Return a token with which a browser begins a logout at the profile's provider, for five minutes.

    It ends the session that the profile was last described in. Raises LogoutNotSupported.
    """
    rows = ProviderSession.objects.in_environment(profile.environment_id).filter(profile=profile)
    latest = rows.filter(ended_at__isnull=True).order_by("-id").first()
    if latest is None or not may_have_logout(
        require_connection(profile.environment_id, profile.connection_id)
    ):
        raise LogoutNotSupported
    return signing.dumps({"provider_session": latest.id}, salt=_SALT)


def start_logout(token: str, *, ip_address: str | None, user_agent: str | None) -> str:
    """Return the address of ours at which the browser of a token leaves for its provider's logout. Raises NotFound."""
    try:
        lifetime = conf.LOGOUT_TOKEN_LIFETIME
        row_id = signing.loads(token, salt=_SALT, max_age=lifetime)["provider_session"]
    except (signing.BadSignature, KeyError) as error:
        raise NotFound.of("Logout token", "expired or invalid") from error
    row = ProviderSession.unscoped.select_related("connection").filter(pk=row_id).first()
    if row is None:
        raise NotFound.of("Logout token", "expired or invalid")
    return open_logout(provider_session=row, url="", ip_address=ip_address, user_agent=user_agent)


def find_single_logout(provider_session_id: str | None, environment_id: str) -> ProviderSession | None:
    """Return the session at a provider that whoever signs out here leaves too; None where there is none, or no more.

    The connection chose whether they do.
    """
    if provider_session_id is None:
        return None
    rows = ProviderSession.objects.in_environment(environment_id).select_related("connection")
    row = rows.filter(pk=provider_session_id, ended_at__isnull=True, connection__single_logout=True).first()
    if row is None or row.connection.state not in LINKED_STATES:
        return None
    return row if may_have_logout(require_connection(environment_id, row.connection_id)) else None


def may_have_logout(connection: Connection) -> bool:
    """Tell whether a connection's provider has a logout, as far as that is known without asking it."""
    match connection.protocol:
        case Protocol.SAML:
            return bool(connection.saml_settings.idp_slo_url)
        case Protocol.OIDC:
            row = connection.oidc_settings
            return row.uses_discovery or bool(row.end_session_endpoint)
        case _:
            return False


def read_backchannel_logout(connection: Connection, logout_token: str) -> ProviderLogout:
    """Return what an OpenID provider wants ended (Back-Channel Logout 1.0), after every check of its token.

    Raises ExchangeRefused. May fetch the provider's keys.
    """
    order = read_logout_token(relying_party_of(connection.oidc_settings), logout_token)
    return ProviderLogout(
        connection=connection,
        subject=order.subject,
        sessions=(order.provider_session_id,) if order.provider_session_id else (),
        digest=order.digest,
        expires_at=order.expires_at,
        received=order.received,
    )


def read_saml_logout(
    connection: Connection, *, query_string: str, form: Mapping[str, str] | None
) -> ProviderLogout:
    """Return what a SAML provider wants ended, after every check of its request. Raises ExchangeRefused."""
    request = saml.read_logout_request(
        service_provider_of(connection),
        identity_provider_of(connection),
        saml_options_of(connection),
        query_string=query_string,
        form=form,
    )
    return ProviderLogout(
        connection=connection,
        subject=request.name_id,
        sessions=request.session_indexes,
        digest=token_digest(f"logout:{request.request_id}"),
        expires_at=clock.now() + 2 * saml.FRESH,
        received=request.received,
        saml_request=request,
    )


@transaction.atomic
def accept_logout(logout: ProviderLogout) -> AcceptedLogout:
    """Take a provider at its word, once, and leave the trail; ending the sessions is for the caller, in its transaction.

    Raises ExchangeRefused where the same message came before.
    """
    connection = logout.connection
    _note_seen(logout)
    named = provider_sessions_named(connection, subject=logout.subject, sessions=logout.sessions)
    # Whoever signed out here before is signed out: that the provider is told too.
    departure = _answer_to(logout, is_known=named.exists())
    record_logout(connection, received=logout.received, sent={} if departure is None else departure.sent)
    return AcceptedLogout(tuple(named.filter(ended_at__isnull=True)), departure)


def record_refused_logout(connection: Connection, refusal: ExchangeRefused) -> None:
    """Leave the trail of a logout that a provider asked for and that was not believed."""
    record_logout(connection, received=refusal.received, sent={}, refusal=refusal)


def _answer_to(logout: ProviderLogout, *, is_known: bool) -> Departure | None:
    connection = logout.connection
    if logout.saml_request is None:
        return None
    idp = identity_provider_of(connection)
    if not (idp.slo_response_url or idp.slo_url):
        return None
    return saml.answer_logout(service_provider_of(connection), idp, logout.saml_request, has_ended=is_known)


def _note_seen(logout: ProviderLogout) -> None:
    try:
        with transaction.atomic():
            SeenAssertion.objects.create(
                environment_id=logout.connection.environment_id,
                connection=logout.connection,
                digest=logout.digest,
                expires_at=logout.expires_at,
            )
    except IntegrityError as error:
        failure = ExchangeFailure.REPLAYED
        raise ExchangeRefused(failure, EXCHANGE_SENTENCES[failure], logout.received) from error
