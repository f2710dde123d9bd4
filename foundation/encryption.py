"""Encryption of what must be shown or used again, and digests of what must only be recognized.

``seal``/``unseal``: AES-256-GCM (NIST SP 800-38D) under an installation key. The sealed form is
``v1.<key id>.<base64url(nonce + ciphertext)>``; the associated data names the row and column, so a ciphertext
that is copied elsewhere does not open. Keys come from ``GATEHOUSE_ENCRYPTION_KEYS``: the first one seals, all of
them open, which is how a key is rotated.

``lookup_digest``: HMAC-SHA-256 under a key of its own, for finding a row by a short secret (a six-digit code
would be guessed from a plain hash). ``token_digest``: plain SHA-256, for secrets that carry over 128 bits.
"""

import base64
import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_NONCE_BYTES = 12
_VERSION = "v1"


class UnsealError(Exception):
    """A sealed text cannot be opened: unknown key, other row, or tampered with."""


def seal(plaintext: str, associated_data: str) -> str:
    """Encrypt a text, bound to ``associated_data`` (such as ``table.column:row id``)."""
    key_id, cipher = next(iter(_ciphers(settings.ENCRYPTION_KEYS).items()))
    nonce = os.urandom(_NONCE_BYTES)
    sealed = cipher.encrypt(nonce, plaintext.encode(), _associated(key_id, associated_data))
    return f"{_VERSION}.{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, associated_data: str) -> str:
    """Decrypt what :func:`seal` made with the same ``associated_data``; raises UnsealError."""
    try:
        version, key_id, encoded = sealed.split(".")
        cipher = _ciphers(settings.ENCRYPTION_KEYS)[key_id]
        raw = base64.urlsafe_b64decode(encoded)
    except (ValueError, KeyError) as error:
        message = "The sealed text is malformed, or its key is not among ENCRYPTION_KEYS."
        raise UnsealError(message) from error
    if version != _VERSION:
        message = f"The sealed text has the unknown version {version!r}."
        raise UnsealError(message)
    try:
        plaintext = cipher.decrypt(
            raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _associated(key_id, associated_data)
        )
    except (InvalidTag, ValueError) as error:
        message = "The sealed text was altered, or belongs to another row."
        raise UnsealError(message) from error
    return plaintext.decode()


def is_sealed_with_current_key(sealed: str) -> bool:
    """Tell whether the key that seals today has sealed this text."""
    return sealed.startswith(f"{_VERSION}.{next(iter(settings.ENCRYPTION_KEYS))}.")


def token_digest(token: str) -> str:
    """Return the SHA-256 of a high-entropy secret, in hex; the form in which it is stored and found."""
    return hashlib.sha256(token.encode()).hexdigest()


def lookup_digest(purpose: str, text: str) -> str:
    """Return the keyed digest of a secret for one purpose, in hex (HMAC-SHA-256)."""
    return keyed_digest(purpose, text.encode())


def keyed_digest(purpose: str, content: bytes) -> str:
    """Return the keyed digest of some bytes for one purpose, in hex (HMAC-SHA-256)."""
    key = _derived_key(settings.SECRET_KEY, f"lookup:{purpose}")
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def digests_equal(first: str, second: str) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(first.encode(), second.encode())


def _associated(key_id: str, associated_data: str) -> bytes:
    return f"{_VERSION}.{key_id}.{associated_data}".encode()


def _ciphers(keys: dict[str, bytes]) -> dict[str, AESGCM]:
    return _ciphers_of(tuple(keys.items()))


@lru_cache(maxsize=8)
def _ciphers_of(keys: tuple[tuple[str, bytes], ...]) -> dict[str, AESGCM]:
    return {key_id: AESGCM(key) for key_id, key in keys}


@lru_cache(maxsize=64)
def _derived_key(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"gatehouse", info=purpose.encode()).derive(
        secret.encode()
    )
