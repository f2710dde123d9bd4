"""Sessions at identity providers: noted at each sign-in, found by what their provider calls them, and ended."""

import json
from collections.abc import Collection, Mapping, Sequence

from django.db import transaction
from django.db.models import Q

from foundation import clock
from foundation.encryption import lookup_digest
from foundation.scoping import EnvironmentQuerySet
from sso.connection_types import Protocol
from sso.models import Connection, Profile, ProviderSession, SSOAccessToken

# Where a protocol's memory names the subject and the session.
_NAMES: Mapping[Protocol, tuple[str, str]] = {
    Protocol.SAML: ("name_id", "session_index"),
    Protocol.OIDC: ("sub", "sid"),
}


def note_provider_session(profile: Profile, memory: Mapping[str, str]) -> ProviderSession | None:
    """Note the session at the provider that a sign-in told of; None where its provider has no logout to speak of."""
    names = _NAMES.get(profile.connection.protocol)
    if names is None or not memory:
        return None
    subject, session = (memory.get(name, "") for name in names)
    return ProviderSession.objects.create(
        environment_id=profile.environment_id,
        connection=profile.connection,
        profile=profile,
        subject_digest=_digest("subject", profile.connection_id, subject),
        session_digest=_digest("session", profile.connection_id, session),
        memory=json.dumps(dict(memory)),
    )


def provider_sessions_named(
    connection: Connection, *, subject: str, sessions: Collection[str]
) -> EnvironmentQuerySet[ProviderSession]:
    """Return the sessions that a provider means: all of a subject's, or those of them that it names.

    A sign-in that was told no name of its session may be any of its subject's, so it counts as meant.
    """
    rows = ProviderSession.objects.in_environment(connection.environment_id).filter(connection=connection)
    if subject:
        rows = rows.filter(subject_digest=_digest("subject", connection.id, subject))
    if sessions:
        named = Q(session_digest__in=[_digest("session", connection.id, name) for name in sessions])
        rows = rows.filter(named | Q(session_digest="") if subject else named)
    return rows if subject or sessions else rows.none()


@transaction.atomic
def end_provider_sessions(provider_sessions: Sequence[ProviderSession]) -> None:
    """Note that sessions at a provider are over: no code of theirs opens anything, and no token reads their profile.

    What else began by them is for the caller to end, in the same transaction. Their rows stay locked till then.
    """
    if not provider_sessions:
        return
    ids = [row.id for row in provider_sessions]
    rows = ProviderSession.objects.in_environment(provider_sessions[0].environment_id).filter(pk__in=ids)
    # In one order everywhere, or two logouts of one person wait for each other.
    list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
    rows.filter(ended_at__isnull=True).update(ended_at=clock.now())
    tokens = SSOAccessToken.objects.in_environment(provider_sessions[0].environment_id)
    tokens.filter(code__provider_session__in=ids).delete()


def is_over(provider_session_id: str | None, environment_id: str) -> bool:
    """Tell whether a session at a provider has ended, and keep it as it is until the transaction ends."""
    if provider_session_id is None:
        return False
    rows = ProviderSession.objects.in_environment(environment_id).filter(pk=provider_session_id)
    row = rows.select_for_update().first()
    return row is None or row.ended_at is not None


def _digest(kind: str, connection_id: str, name: str) -> str:
    return lookup_digest(f"provider_{kind}", f"{connection_id}:{name}") if name else ""
