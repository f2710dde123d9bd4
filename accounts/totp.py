"""TOTP (RFC 6238): secrets, codes, and what an authenticator application is shown at enrolment.

SHA-1, six digits, thirty seconds: what every authenticator application takes, and the contract's only parameters
(workos-legacy 5).
"""

import base64
import binascii
import secrets
from datetime import datetime
from urllib.parse import quote

import segno
from django_otp.oath import hotp

from accounts.errors import InvalidTOTPSecret
from foundation.encryption import digests_equal

STEP_SECONDS = 30
_DIGITS = 6
# RFC 6238 §5.2: one step back for the network and slow fingers, one ahead for a clock that is a little fast.
_TOLERANCE_STEPS = 1

# RFC 4226 §4, R6: 160 bits recommended. Imported secrets may be as short as those of common provisioning tools.
_SECRET_BYTES = 20
_SHORTEST_SECRET_BYTES = 10
_LONGEST_SECRET_BYTES = 64

# In percent-encoded characters. A QR code holds 2953 bytes at most, the issuer stands in the URI twice, and an
# authenticator application shows no more than a line of either.
_LONGEST_ISSUER = 400
_LONGEST_ACCOUNT_NAME = 900
_PIXELS_PER_MODULE = 4


def new_totp_secret() -> str:
    """Return a random secret in Base32."""
    return base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def normalize_totp_secret(text: str) -> str:
    """Return a Base32 secret in its one form: capitals, neither spaces nor padding. Raises InvalidTOTPSecret."""
    secret = "".join(text.split()).replace("-", "").rstrip("=").upper()
    try:
        size = len(_key(secret))
    except (binascii.Error, ValueError) as error:
        raise InvalidTOTPSecret from error
    if not _SHORTEST_SECRET_BYTES <= size <= _LONGEST_SECRET_BYTES:
        raise InvalidTOTPSecret
    return secret


def find_time_step(secret: str, code: str, moment: datetime, *, after: int | None) -> int | None:
    """Return the time step whose code this is, or None.

    Steps up to ``after``, the last one that was accepted, do not count: RFC 6238 §5.2, a code is good for one use.
    Every step is computed and compared in constant time, whichever of them matches.
    """
    present = int(moment.timestamp()) // STEP_SECONDS
    key = _key(secret)
    found = None
    for step in range(present - _TOLERANCE_STEPS, present + _TOLERANCE_STEPS + 1):
        matches = digests_equal(f"{hotp(key, step, digits=_DIGITS):0{_DIGITS}d}", code)
        if matches and (after is None or step > after):
            found = step
    return found


def provisioning_uri(*, secret: str, issuer: str, account_name: str) -> str:
    """Return the ``otpauth`` URI that authenticator applications read.

    Both names are percent-encoded whole, so neither can add a parameter. A colon ends the issuer in the label, in
    clear or encoded, so names lose theirs: "Bank:you" must not become an account of the issuer "Bank".
    """
    label_issuer = _fitting(issuer, _LONGEST_ISSUER)
    label = f"{label_issuer}:{_fitting(account_name, _LONGEST_ACCOUNT_NAME)}"
    parameters = (
        f"secret={secret}&issuer={label_issuer}&algorithm=SHA1&digits={_DIGITS}&period={STEP_SECONDS}"
    )
    return f"otpauth://totp/{label}?{parameters}"


def qr_code_data_uri(uri: str) -> str:
    """Return a QR code of the URI as a PNG in a ``data:`` URI."""
    return segno.make_qr(uri, error="L").png_data_uri(scale=_PIXELS_PER_MODULE)


def _key(secret: str) -> bytes:
    return base64.b32decode(secret + "=" * (-len(secret) % 8))


def _fitting(name: str, longest: int) -> str:
    shown = " ".join(name.replace(":", " ").split())
    while len(encoded := quote(shown, safe="@")) > longest:
        shown = shown[:-1]
    return encoded
