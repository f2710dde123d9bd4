"""Signing out with the identity provider: on our word, and on its own."""

import json
from dataclasses import dataclass
from datetime import datetime

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
from sso.models import Connection, Profile, SeenAssertion
from sso.oidc.logout import end_session_url, read_logout_token
from sso.oidc.parties import relying_party_of
from sso.saml import logout as saml
from sso.services.connections import require_connection
from sso.services.protocols import identity_provider_of, saml_options_of, service_provider_of

_SALT = "sso.services.logout"


@dataclass(frozen=True, slots=True)
class ProviderLogout:
    """Whom a provider has signed out, and how the browser goes back to it; None where no browser is there."""

    profiles: tuple[Profile, ...]
    departure: Departure | None = None


def authorize_logout(profile: Profile) -> str:
    """Return a token with which a browser begins a logout at the profile's provider, for five minutes.

    Raises LogoutNotSupported.
    """
    memory, protocol = _memory(profile), profile.connection.protocol
    is_possible = {
        Protocol.OIDC: bool(memory.get("id_token")),
        Protocol.SAML: saml_logout_of(profile) is not None,
    }
    if not is_possible.get(protocol, False):
        raise LogoutNotSupported
    return signing.dumps({"profile": profile.id}, salt=_SALT)


def logout_url_of(token: str) -> str:
    """Return the provider's logout page for a token's profile; may call the provider.

    Raises NotFound, LogoutNotSupported.
    """
    try:
        lifetime = conf.LOGOUT_TOKEN_LIFETIME
        profile_id = signing.loads(token, salt=_SALT, max_age=lifetime)["profile"]
    except signing.BadSignature as error:
        raise NotFound.of("Logout token", "expired or invalid") from error
    profile = Profile.unscoped.select_related("connection__oidc_settings").filter(pk=profile_id).first()
    if profile is None:
        raise NotFound.of("Profile", str(profile_id))
    if profile.connection.protocol is Protocol.SAML:
        departure = saml_logout_of(profile)
        if departure is None:
            raise LogoutNotSupported
        return departure.url
    party = relying_party_of(profile.connection.oidc_settings)
    try:
        url = end_session_url(party, id_token=_memory(profile).get("id_token", ""))
    except ExchangeRefused as refusal:
        raise LogoutNotSupported(refusal.sentence) from refusal
    if url is None:
        raise LogoutNotSupported
    return url


def read_backchannel_logout(connection: Connection, logout_token: str) -> ProviderLogout:
    """Return whom an OpenID provider has signed out (Back-Channel Logout 1.0); each token counts once.

    Raises ExchangeRefused. May fetch the provider's keys.
    """
    order = read_logout_token(relying_party_of(connection.oidc_settings), logout_token)
    note_seen(connection, order.digest, order.expires_at)
    rows = Profile.objects.in_environment(connection.environment_id).filter(connection=connection)
    if order.subject:
        found = list(rows.filter(idp_id=order.subject))
    else:
        # A provider that names its session alone: the profile remembers which one it came from.
        recent = rows.filter(last_seen_at__gt=clock.now() - conf.TRAIL_RETENTION).order_by("-last_seen_at")
        found = [row for row in recent[:1000] if _memory(row).get("sid") == order.provider_session_id]
    return ProviderLogout(tuple(found))


def read_saml_logout(
    connection: Connection, *, query_string: str, form: dict[str, str] | None
) -> ProviderLogout:
    """Return whom a SAML provider signs out, and our answer to it; each request counts once. Raises ExchangeRefused."""
    sp, idp = service_provider_of(connection), identity_provider_of(connection)
    request = saml.read_logout_request(
        sp, idp, saml_options_of(connection), query_string=query_string, form=form
    )
    note_seen(connection, token_digest(f"logout:{request.request_id}"), clock.now() + 2 * saml.FRESH)
    rows = Profile.objects.in_environment(connection.environment_id).filter(connection=connection)
    by_subject = list(rows.filter(idp_id=request.name_id))
    found = by_subject or [
        row for row in rows.order_by("-last_seen_at")[:1000] if _memory(row).get("name_id") == request.name_id
    ]
    can_answer = bool(idp.slo_url)
    departure = saml.answer_logout(sp, idp, request, has_ended=bool(found)) if can_answer else None
    return ProviderLogout(tuple(found), departure)


def saml_logout_of(profile: Profile) -> Departure | None:
    """Return the redirect to a SAML provider's logout for a person who signs out here, None where it has none."""
    connection = require_connection(profile.environment_id, profile.connection_id)
    if connection.protocol is not Protocol.SAML:
        return None
    try:
        return saml.begin_logout(
            service_provider_of(connection), identity_provider_of(connection), _memory(profile), ""
        )
    except ValueError:
        return None


def note_seen(connection: Connection, digest: str, expires_at: datetime) -> None:
    """Remember a message that counts once; raises ExchangeRefused where it came before."""
    try:
        with transaction.atomic():
            SeenAssertion.objects.create(
                environment_id=connection.environment_id,
                connection=connection,
                digest=digest,
                expires_at=expires_at,
            )
    except IntegrityError as error:
        failure = ExchangeFailure.REPLAYED
        raise ExchangeRefused(failure, EXCHANGE_SENTENCES[failure]) from error


def _memory(profile: Profile) -> dict[str, str]:
    return json.loads(profile.logout_memory) if profile.logout_memory else {}
