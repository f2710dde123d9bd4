"""Exchanges with identity providers: opened, begun, answered, refused; each leaves its trail.

An answer is matched in three ways at once: by the handle that travelled with the browser (RelayState, ``state``), by
the connection whose callback it came to, and by what was remembered of the request (request id, nonce). Besides, the
browser that comes back must be the one that left (login CSRF, RFC 9700 §4.7).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from foundation import clock
from foundation.encryption import digests_equal, token_digest
from foundation.ids import new_secret
from foundation.ip_addresses import normalize_ip_address
from sso import conf
from sso.actors import connection_actor
from sso.connection_types import Protocol
from sso.errors import (
    AccessDenied,
    ConnectionUnlinked,
    ExchangeNotFound,
    OAuthFailed,
    ProfileNotAllowedOutsideOrganization,
    ServerError,
    SSORefused,
)
from sso.exchanges import Departure, ExchangeRefused, ReceivedProfile
from sso.failures import EXCHANGE_SENTENCES, ExchangeFailure
from sso.models import (
    Connection,
    ExchangeKind,
    ExchangeState,
    Profile,
    ProviderSession,
    SeenAssertion,
    SSOSession,
)
from sso.representations import LINKED_STATES
from sso.services import protocols
from sso.services.connections import activate_connection, require_connection
from sso.services.exchange_events import tell_failed, tell_started, tell_succeeded, tell_timed_out
from sso.services.profiles import is_vouched_for, normalized, record_profile
from sso.services.protocols import Hints, Received
from sso.services.provider_sessions import note_provider_session

# What an exchange is opened with that signs somebody out.
LOGOUT_PURPOSE = "logout"

_SECRET_LENGTH = 43
_LARGEST_TRAIL = 256 * 1024
_CLOSED_AT_ONCE = 100

# What the provider itself says when the person goes no further.
CANCELLED_FAILURES = frozenset({"oidc_cancelled", "oauth_cancelled"})


@dataclass(frozen=True, slots=True)
class Begun:
    """A browser is to leave, with a secret in a cookie that it has to bring back."""

    departure: Departure
    browser_secret: str
    sso_session: SSOSession


@dataclass(frozen=True, slots=True)
class Finished:
    """An answer was good. ``purpose`` is what the exchange was opened with."""

    sso_session: SSOSession
    profile: Profile
    purpose: Mapping[str, Any]
    oauth_tokens: Mapping[str, Any] | None
    provider_session: ProviderSession | None = None


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The provider has signed the person out too. ``purpose`` is what the exchange was opened with."""

    sso_session: SSOSession
    purpose: Mapping[str, Any]


class ExchangeFailed(Exception):
    """An exchange was refused, and its trail says why; ``refusal`` is what the application is told."""

    def __init__(self, sso_session: SSOSession, purpose: Mapping[str, Any], refusal: SSORefused) -> None:
        super().__init__(refusal.code)
        self.sso_session = sso_session
        self.purpose = purpose
        self.refusal = refusal


def open_exchange(
    *,
    connection: Connection,
    purpose: Mapping[str, Any],
    hints: Hints | None = None,
    kind: ExchangeKind = ExchangeKind.SIGN_IN,
    ip_address: str | None = None,
    user_agent: str | None = None,
) -> str:
    """Open an exchange and return its handle; ``conf.start_page(handle)`` is where the browser leaves.

    ``purpose`` is whatever the caller wants back when the answer is there. It is kept sealed.
    """
    handle = new_secret(_SECRET_LENGTH)
    moment = clock.now()
    SSOSession.objects.create(
        environment_id=connection.environment_id,
        connection=connection,
        kind=kind,
        handle_digest=token_digest(handle),
        purpose=json.dumps({"purpose": dict(purpose), "hints": (hints or Hints()).as_json()}),
        ip_address=normalize_ip_address(ip_address) if ip_address else None,
        user_agent=(user_agent or "")[:500] or None,
        created_at=moment,
        expires_at=moment + conf.EXCHANGE_LIFETIME,
    )
    return handle


def begin_exchange(handle: str) -> Begun:
    """Return how the browser leaves. Asked again before the answer came, it leaves anew, and the former way is void.

    It leaves to sign in, or, where the exchange was opened by :func:`open_logout`, to sign out. Raises
    ExchangeNotFound, ExchangeFailed.
    """
    sso_session = _require_pending(handle)
    connection = require_connection(sso_session.environment_id, sso_session.connection_id)
    purpose, hints = _opened_with(sso_session)
    if connection.state not in LINKED_STATES:
        refusal = _own_refusal(ExchangeFailure.CONNECTION_UNLINKED)
        raise _fail(sso_session, purpose, refusal, ConnectionUnlinked())
    try:
        if sso_session.kind == ExchangeKind.LOGOUT:
            departure = protocols.begin_logout(connection, handle, _memory_of(sso_session, purpose))
        else:
            departure = protocols.begin(connection, handle, hints)
    except ExchangeRefused as refusal:
        raise _fail(sso_session, purpose, refusal, _told(connection, refusal)) from refusal
    browser_secret = new_secret(_SECRET_LENGTH)
    _depart(sso_session, departure, browser_secret, hints)
    return Begun(departure, browser_secret, sso_session)


def finish_exchange(
    *,
    connection_id: str,
    handle: str,
    browser_secret: str | None,
    parameters: Mapping[str, str],
) -> Finished:
    """Read an answer that came to a connection's callback, once.

    The protocol may call the provider, so it runs outside of any transaction; then, in one, the answer is marked as
    seen, the profile kept, the trail closed and the connection activated. Raises ExchangeNotFound, ExchangeFailed.
    """
    sso_session = _require_pending(handle)
    if sso_session.kind == ExchangeKind.LOGOUT:
        # An answer to a sign-in, under the handle of a logout.
        raise ExchangeNotFound
    connection = require_connection(sso_session.environment_id, sso_session.connection_id)
    purpose, _hints = _opened_with(sso_session)
    try:
        _check_who_answers(sso_session, connection_id, browser_secret)
        memory: Mapping[str, str] = json.loads(sso_session.memory)
        received = protocols.finish(connection, parameters, memory)
        return _accept(sso_session, connection, purpose, received)
    except ExchangeRefused as refusal:
        raise _fail(sso_session, purpose, refusal, _told(connection, refusal)) from refusal


def finish_unasked(
    *,
    connection: Connection,
    purpose: Mapping[str, Any],
    parameters: Mapping[str, str],
    ip_address: str | None,
    user_agent: str | None,
) -> Finished:
    """Read an answer that nobody asked for: a sign-in that begins at the identity provider, where that is allowed.

    Raises ExchangeFailed.
    """
    moment = clock.now()
    sso_session = SSOSession.objects.create(
        environment_id=connection.environment_id,
        connection=connection,
        kind=ExchangeKind.IDP_INITIATED,
        ip_address=normalize_ip_address(ip_address) if ip_address else None,
        user_agent=(user_agent or "")[:500] or None,
        created_at=moment,
        expires_at=moment + conf.EXCHANGE_LIFETIME,
    )
    try:
        if connection.state not in LINKED_STATES:
            raise _own_refusal(ExchangeFailure.CONNECTION_UNLINKED)
        received = protocols.finish(connection, parameters, {})
        return _accept(sso_session, connection, purpose, received)
    except ExchangeRefused as refusal:
        raise _fail(sso_session, purpose, refusal, _told(connection, refusal)) from refusal


def refuse_unasked(
    *,
    connection: Connection,
    purpose: Mapping[str, Any],
    refusal: ExchangeRefused,
    ip_address: str | None,
    user_agent: str | None,
) -> ExchangeFailed:
    """Leave the trail of a sign-in that a provider wanted to begin, and that did not; return what the door raises."""
    handle = open_exchange(
        connection=connection,
        purpose=purpose,
        kind=ExchangeKind.IDP_INITIATED,
        ip_address=ip_address,
        user_agent=user_agent,
    )
    return _fail(_require_pending(handle), purpose, refusal, _told(connection, refusal))


def open_logout(
    *, provider_session: ProviderSession, url: str, ip_address: str | None, user_agent: str | None
) -> str:
    """Return the address of ours at which the browser leaves to sign out at the provider, and ``url`` awaits it after.

    ``url`` was allowed before, or is empty for wherever whoever signed out goes by default.
    """
    handle = open_exchange(
        connection=provider_session.connection,
        purpose={"for": LOGOUT_PURPOSE, "url": url, "provider_session": provider_session.id},
        kind=ExchangeKind.LOGOUT,
        ip_address=ip_address,
        user_agent=user_agent,
    )
    return conf.start_page(handle)


def finish_logout(
    *,
    connection_id: str,
    handle: str,
    browser_secret: str | None,
    query_string: str,
    form: Mapping[str, str] | None,
) -> LoggedOut:
    """Read what a provider answers to a logout that began here, once. Raises ExchangeNotFound, ExchangeFailed."""
    sso_session = _require_pending(handle)
    if sso_session.kind != ExchangeKind.LOGOUT:
        raise ExchangeNotFound
    connection = require_connection(sso_session.environment_id, sso_session.connection_id)
    purpose, _hints = _opened_with(sso_session)
    try:
        _check_who_answers(sso_session, connection_id, browser_secret)
        memory: Mapping[str, str] = json.loads(sso_session.memory)
        received = protocols.finish_logout(connection, query_string, form, memory)
    except ExchangeRefused as refusal:
        raise _fail(sso_session, purpose, refusal, _told(connection, refusal)) from refusal
    with transaction.atomic():
        _lock_pending(sso_session)
        sso_session.received = _bounded(received)
        sso_session.state = ExchangeState.SUCCEEDED
        sso_session.completed_at = clock.now()
        _forget_secrets(sso_session)
        sso_session.save(
            update_fields=["received", "state", "completed_at", "handle_digest", "memory", "purpose"]
        )
    return LoggedOut(sso_session, purpose)


def record_logout(
    connection: Connection,
    *,
    received: Mapping[str, Any],
    sent: Mapping[str, Any],
    refusal: ExchangeRefused | None = None,
) -> SSOSession:
    """Leave the trail of a logout that a provider asked for: what it said, and what it was answered, or why not believed."""
    moment = clock.now()
    return SSOSession.objects.create(
        environment_id=connection.environment_id,
        connection=connection,
        kind=ExchangeKind.LOGOUT,
        state=ExchangeState.SUCCEEDED if refusal is None else ExchangeState.FAILED,
        failure="" if refusal is None else str(refusal.failure)[:60],
        sentence="" if refusal is None else refusal.sentence,
        received=_bounded(received),
        sent=_bounded(sent),
        created_at=moment,
        expires_at=moment,
        completed_at=moment,
    )


def close_unanswered() -> int:
    """Close the exchanges to which no answer came in time; return how many.

    In small batches: each commits with its events.
    """
    closed = 0
    while True:
        with transaction.atomic():
            rows = SSOSession.unscoped.select_related("environment", "connection")
            overdue = rows.filter(state=ExchangeState.PENDING, expires_at__lte=clock.now())
            # Another process may be at the same: what it has locked is its own to close.
            batch = list(overdue.select_for_update(of=("self",), skip_locked=True)[:_CLOSED_AT_ONCE])
            for sso_session in batch:
                _close_unanswered(sso_session)
        closed += len(batch)
        if len(batch) < _CLOSED_AT_ONCE:
            return closed


def _close_unanswered(sso_session: SSOSession) -> None:
    has_left = bool(sso_session.browser_digest)
    failure = ExchangeFailure.UNANSWERED if has_left else ExchangeFailure.NEVER_LEFT
    sso_session.state = ExchangeState.FAILED
    sso_session.failure, sso_session.sentence = failure.value, EXCHANGE_SENTENCES[failure]
    sso_session.completed_at = clock.now()
    # The handle stays: whoever comes back late is told that the time is over, not that nobody had asked.
    sso_session.memory = sso_session.purpose = ""
    sso_session.save(update_fields=["state", "failure", "sentence", "completed_at", "memory", "purpose"])
    if has_left:
        tell_timed_out(sso_session)


def find_waiting_connection_id(handle: str) -> str | None:
    """Return the id of the connection whose answer is awaited under a handle, or None; for routing alone."""
    if not handle:
        return None
    rows = SSOSession.unscoped.filter(handle_digest=token_digest(handle))
    return rows.values_list("connection_id", flat=True).first()


def _require_pending(handle: str) -> SSOSession:
    # Nobody is authenticated here: the handle is the browser's own, and tells of the environment.
    rows = SSOSession.unscoped.select_related("environment")
    row = rows.filter(handle_digest=token_digest(handle), state=ExchangeState.PENDING).first()
    if row is None or row.expires_at <= clock.now():
        raise ExchangeNotFound
    return row


@transaction.atomic
def _depart(sso_session: SSOSession, departure: Departure, browser_secret: str, hints: Hints) -> None:
    # As it stands now: the provider may have been asked for long, and the exchange be over, or begun by another window.
    waiting = _lock_pending(sso_session)
    if not waiting.browser_digest:
        tell_started(sso_session, hints.login_hint)
    sso_session.memory = json.dumps(dict(departure.memory))
    sso_session.browser_digest = token_digest(browser_secret)
    sso_session.sent = _bounded(departure.sent)
    sso_session.save(update_fields=["memory", "browser_digest", "sent"])


def _opened_with(sso_session: SSOSession) -> tuple[dict[str, Any], Hints]:
    kept = json.loads(sso_session.purpose)
    return kept["purpose"], Hints.from_json(kept["hints"])


def _check_who_answers(sso_session: SSOSession, connection_id: str, browser_secret: str | None) -> None:
    if not sso_session.browser_digest:
        raise _own_refusal(ExchangeFailure.NOT_BEGUN)
    if sso_session.connection_id != connection_id:
        # Mix-up (RFC 9700 §4.4): one provider's answer was sent to the callback of another one's.
        raise _own_refusal(ExchangeFailure.OTHER_CONNECTION)
    if not digests_equal(token_digest(browser_secret or ""), sso_session.browser_digest):
        raise _own_refusal(ExchangeFailure.OTHER_BROWSER)


@transaction.atomic
def _accept(
    sso_session: SSOSession,
    connection: Connection,
    purpose: Mapping[str, Any],
    received: Received,
) -> Finished:
    _lock_pending(sso_session)
    sso_session.received = _bounded(received.profile.received)
    _note_seen(connection, received)
    _check_profile(connection, received.profile)
    profile = record_profile(connection, received.profile, received.roles)
    _check_belongs(profile)
    provider_session = note_provider_session(profile, received.profile.memory)
    sso_session.profile = profile
    sso_session.state = ExchangeState.SUCCEEDED
    sso_session.completed_at = clock.now()
    _forget_secrets(sso_session)
    sso_session.save(
        update_fields=["received", "profile", "state", "completed_at", "handle_digest", "memory", "purpose"]
    )
    activate_connection(connection=connection, actor=connection_actor(connection))
    tell_succeeded(sso_session, profile, purpose)
    return Finished(sso_session, profile, purpose, received.profile.oauth_tokens, provider_session)


def _lock_pending(sso_session: SSOSession) -> SSOSession:
    rows = SSOSession.objects.in_environment(sso_session.environment_id)
    waiting = (
        rows.select_for_update(of=("self",)).filter(pk=sso_session.pk, state=ExchangeState.PENDING).first()
    )
    if waiting is None:
        # The same answer in two requests at once: the other one was first. Or the time was over just now.
        raise ExchangeNotFound
    return waiting


def _memory_of(sso_session: SSOSession, purpose: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what the provider's logout needs to know of the session that ends; nothing where that is gone."""
    rows = ProviderSession.objects.in_environment(sso_session.environment_id)
    row = rows.filter(pk=purpose["provider_session"]).first()
    memory: Mapping[str, str] = json.loads(row.memory) if row is not None and row.memory else {}
    return memory


def _note_seen(connection: Connection, received: Received) -> None:
    for digest, expires_at in received.seen:
        try:
            with transaction.atomic():
                SeenAssertion.objects.create(
                    environment_id=connection.environment_id,
                    connection=connection,
                    digest=digest,
                    expires_at=expires_at,
                )
        except IntegrityError as error:
            raise _own_refusal(ExchangeFailure.REPLAYED, received.profile.received) from error


def _check_profile(connection: Connection, profile: ReceivedProfile) -> None:
    if not profile.idp_id:
        raise _own_refusal(ExchangeFailure.SUBJECT_MISSING, profile.received)
    if len(profile.idp_id) > 512:
        raise _own_refusal(ExchangeFailure.SUBJECT_TOO_LONG, profile.received)
    # Some social providers know people without an address; a company's provider without one is set up wrong.
    if connection.organization_id is not None and not normalized(profile.email):
        raise _own_refusal(ExchangeFailure.EMAIL_MISSING, profile.received)


def _check_belongs(profile: Profile) -> None:
    organization = profile.connection.organization
    if organization is None or organization.allow_profiles_outside_organization or is_vouched_for(profile):
        return
    raise ExchangeRefused(
        ExchangeFailure.OUTSIDE_ORGANIZATION,
        EXCHANGE_SENTENCES[ExchangeFailure.OUTSIDE_ORGANIZATION].format(
            email=profile.email, organization=organization.name
        ),
        profile.raw_attributes,
    )


@transaction.atomic
def _fail(
    sso_session: SSOSession, purpose: Mapping[str, Any], refusal: ExchangeRefused, told: SSORefused
) -> ExchangeFailed:
    """Close the trail of an exchange with what was wrong; return what the door raises on."""
    rows = SSOSession.objects.in_environment(sso_session.environment_id)
    locked = (
        rows.select_for_update(of=("self",)).filter(pk=sso_session.pk, state=ExchangeState.PENDING).first()
    )
    if locked is not None:
        sso_session.state = ExchangeState.FAILED
        sso_session.failure = str(refusal.failure)[:60]
        sso_session.sentence = refusal.sentence
        sso_session.received = _bounded(refusal.received)
        sso_session.completed_at = clock.now()
        _forget_secrets(sso_session)
        sso_session.profile = None
        sso_session.save(
            update_fields=[
                "state", "failure", "sentence", "received", "completed_at", "handle_digest", "memory", "purpose",
                "profile",
            ]
        )  # fmt: skip
        tell_failed(sso_session, purpose, told)
    return ExchangeFailed(sso_session, purpose, told)


def _forget_secrets(sso_session: SSOSession) -> None:
    """An exchange that is over can be answered no more, and what it was checked against is of no use."""
    sso_session.handle_digest = None
    sso_session.memory = ""
    sso_session.purpose = ""


def _own_refusal(failure: ExchangeFailure, received: Mapping[str, Any] | None = None) -> ExchangeRefused:
    return ExchangeRefused(failure, EXCHANGE_SENTENCES[failure], received)


def _told(connection: Connection, refusal: ExchangeRefused) -> SSORefused:
    """Return what an application is told; what is wrong in detail is the trail's alone."""
    if refusal.failure in CANCELLED_FAILURES:
        return AccessDenied()
    if refusal.failure == ExchangeFailure.OUTSIDE_ORGANIZATION:
        return ProfileNotAllowedOutsideOrganization()
    if refusal.failure == ExchangeFailure.CONNECTION_UNLINKED:
        return ConnectionUnlinked()
    return OAuthFailed() if connection.protocol is Protocol.OAUTH else ServerError()


def _bounded(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the trail shows, if it is of a size that a page can show, and can be stored at all."""
    try:
        text = json.dumps(dict(shown), default=str)
    except (TypeError, ValueError, RecursionError):
        return {"note": "What came cannot be shown."}
    if len(text) > _LARGEST_TRAIL:
        return {"note": f"What came was too large to be kept: {len(text)} characters."}
    # PostgreSQL stores no U+0000 in text, and no half of a surrogate pair.
    clean = text.replace("\\u0000", "\\ufffd")
    kept: dict[str, Any] = json.loads(clean.encode("utf-8", "replace"))
    return kept
