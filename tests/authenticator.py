"""An authenticator app for tests: TOTP by the letter of RFC 6238, sharing no code with the server."""

import base64
import hashlib
import hmac
import struct

from foundation import clock


def code_of(secret: str, *, steps_ahead: int = 0) -> str:
    """Return the code that an app shows for a Base32 secret, now or some steps of thirty seconds away."""
    step = int(clock.now().timestamp()) // 30 + steps_ahead
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def wrong_code(secret: str) -> str:
    """Return a code that the app shows at no moment near this one."""
    shown = {code_of(secret, steps_ahead=steps) for steps in range(-3, 4)}
    return next(code for code in map("{:06d}".format, range(1_000_000)) if code not in shown)
