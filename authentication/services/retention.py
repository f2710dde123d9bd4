"""Removing what nobody asks for any more, and wiping what must not lie about."""

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from authentication import conf
from authentication.models import (
    AuthorizationRequest,
    DeviceAuthorization,
    HostedSession,
    KnownDevice,
    Session,
    SignInAttempt,
)
from foundation import clock
from foundation.retention import BATCH, delete_in_batches
from sso.conf import PROVIDER_SESSION_RETENTION
from sso.models import ProviderSession

# A repeat that began within the grace may still be waiting for the session's lock.
_GRACE_MARGIN = timedelta(seconds=50)


def purge_sign_ins() -> int:
    """Delete what ran out, and sessions that ended long ago, in batches; return how many rows went.

    Attempts stay a while longer, and their codes with them: a code that comes again is recognized.
    """
    moment = clock.now()
    oldest = moment - conf.SESSION_RETENTION
    requests = AuthorizationRequest.unscoped.filter(expires_at__lt=moment)
    devices = DeviceAuthorization.unscoped.filter(expires_at__lt=moment - conf.ATTEMPT_RETENTION)
    attempts = SignInAttempt.unscoped.filter(expires_at__lt=moment - conf.ATTEMPT_RETENTION)
    sessions = Session.unscoped.filter(Q(ended_at__lt=oldest) | Q(expires_at__lt=oldest))
    hosted = HostedSession.unscoped.filter(Q(ended_at__lt=oldest) | Q(expires_at__lt=oldest))
    known = KnownDevice.unscoped.filter(last_seen_at__lt=moment - conf.KNOWN_DEVICE_RETENTION)
    expired = (requests, devices, attempts, sessions, hosted, known, _unused_provider_sessions())
    return sum(delete_in_batches(rows) for rows in expired)


def _unused_provider_sessions() -> "QuerySet[ProviderSession]":
    """Return the sessions at providers that began long ago, and that nothing of ours has begun by any more."""
    rows = ProviderSession.unscoped.filter(created_at__lt=clock.now() - PROVIDER_SESSION_RETENTION)
    for kind in (Session, HostedSession, SignInAttempt):
        rows = rows.exclude(Exists(kind.unscoped.filter(provider_session=OuterRef("pk"))))
    return rows


def wipe_sealed_refresh_tokens() -> int:
    """Forget refresh tokens that were kept for the grace after a refresh, in batches; return how many."""
    over = clock.now() - conf.REFRESH_GRACE - _GRACE_MARGIN
    kept = Session.unscoped.filter(sealed_refresh_token__isnull=False, refreshed_at__lt=over)
    total = 0
    while True:
        ids = list(kept.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return total
        # The condition again: a session that was refreshed meanwhile keeps what it has now.
        total += kept.filter(pk__in=ids).update(sealed_refresh_token=None)
