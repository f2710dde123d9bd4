"""Proof Key for Code Exchange (RFC 7636), with the one method that hides the verifier: S256."""

import base64
import hashlib
import re

from foundation.encryption import digests_equal

METHOD = "S256"

# RFC 7636 §4.2: what an S256 challenge is made of. The contract takes up to 128 characters.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43,128}")


def is_challenge(text: str) -> bool:
    """Tell whether a text has the form of a challenge."""
    return _CHALLENGE.fullmatch(text) is not None


def verifies(code_verifier: str, code_challenge: str) -> bool:
    """Tell whether a verifier is the one behind a challenge (RFC 7636 §4.6)."""
    digest = hashlib.sha256(code_verifier.encode("utf-8", "surrogatepass")).digest()
    return digests_equal(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), code_challenge)
