"""``Idempotency-Key``: the first answer to a POST is kept for 24 hours and given again (workos-behaviour (c)).

The record is inserted at the start of the transaction in which the whole request then runs, and completed at its
end: what the request did and the memory of its answer commit together, so a crash leaves neither. A twin that
arrives meanwhile blocks on the unique index, in the database, until the first one is through.

Current SDKs send a fresh key with every POST, so this path is hot: one indexed insert, and one update by primary
key that touches no index.
"""

from collections.abc import Callable

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse

from environments.api.rendering import CONTENT_TYPE, empty_response
from environments.conf import IDEMPOTENCY_LIFETIME
from environments.models import Environment, IdempotentRequest
from foundation import clock, encryption
from foundation.errors import BadRequest, Conflict, Invalid

MAXIMUM_KEY_LENGTH = 255

# Not kept: a refused key may be good a moment later, and SDKs repeat 429 and 5xx under the same key.
_NOT_STORED = {401, 429}
_SERVER_ERROR = 500


class KeyReused(BadRequest):
    """The key came with another request before."""

    code = "idempotency_key_reused"


class TwinInFlight(Conflict):
    """The same request is still being worked on."""

    code = "idempotent_request_in_progress"
    message = "A request with the same idempotency key is still in progress."


def run_once(
    request: HttpRequest, environment: Environment, body: bytes, answer: Callable[[], HttpResponse]
) -> HttpResponse:
    """Run ``answer`` unless this request was answered before; then give the first answer again.

    ``answer`` turns its own refusals into responses. Raises KeyReused, TwinInFlight, Invalid (an overlong key).
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return answer()
    if len(key) > MAXIMUM_KEY_LENGTH or "\x00" in key:
        raise Invalid.field(
            "Idempotency-Key", "idempotency_key_invalid", "The idempotency key is longer than 255 characters."
        )
    fingerprint = _fingerprint(request, body)
    with transaction.atomic():
        record = _claim(environment, key, fingerprint)
        if record is None:
            return _replay(environment, key, fingerprint)
        response = answer()
        if response.status_code in _NOT_STORED or response.status_code >= _SERVER_ERROR:
            transaction.set_rollback(True)
            return response
        record.status = response.status_code
        record.answer = encryption.seal(response.content.decode(), _associated(record))
        record.save(update_fields=["status", "answer"])
        return response


def _claim(environment: Environment, key: str, fingerprint: str) -> IdempotentRequest | None:
    """Insert the record and return it; None when the key is taken by an answer that still counts."""
    moment = clock.now()
    written = connection.ops.adapt_datetimefield_value(moment)
    expired = connection.ops.adapt_datetimefield_value(moment - IDEMPOTENCY_LIFETIME)
    try:
        with connection.cursor() as cursor:
            # An answer past its day is overwritten in place; a living one makes the statement do nothing.
            # A twin in flight holds the index entry: this waits for it, on PostgreSQL for lock_timeout at most.
            cursor.execute(_CLAIM, [environment.pk, key, fingerprint, written, fingerprint, written, expired])
            row = cursor.fetchone()
    except OperationalError as error:
        raise TwinInFlight from error
    if row is None:
        return None
    return IdempotentRequest(
        pk=row[0], environment=environment, idempotency_key=key, fingerprint=fingerprint, created_at=moment
    )


_CLAIM = """
INSERT INTO environments_idempotentrequest
    (environment_id, idempotency_key, fingerprint, status, answer, created_at)
VALUES (%s, %s, %s, 0, '', %s)
ON CONFLICT (environment_id, idempotency_key) DO UPDATE
    SET fingerprint = %s, status = 0, answer = '', created_at = %s
    WHERE environments_idempotentrequest.created_at < %s
RETURNING id
"""


def _replay(environment: Environment, key: str, fingerprint: str) -> HttpResponse:
    record = IdempotentRequest.objects.in_environment(environment).get(idempotency_key=key)
    if not encryption.digests_equal(record.fingerprint, fingerprint):
        message = (
            f"Another idempotency key ({key}) with different request parameters was found. "
            "Please use a different idempotency key."
        )
        raise KeyReused(message)
    body = encryption.unseal(record.answer, _associated(record))
    if not body:
        return empty_response(record.status)
    return HttpResponse(body.encode(), status=record.status, content_type=CONTENT_TYPE)


def _associated(record: IdempotentRequest) -> str:
    return f"idempotent_request:{record.pk}:{record.environment_id}"


def _fingerprint(request: HttpRequest, body: bytes) -> str:
    parts = (request.method or "", request.get_full_path(), request.headers.get("Content-Type", ""))
    # Keyed: a body may hold a password, and a plain hash of it could be searched by whoever reads the table.
    return encryption.keyed_digest("idempotency", b"\x00".join([*map(str.encode, parts), body]))
