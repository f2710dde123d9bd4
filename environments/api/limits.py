"""The rate limits of the reference's table (workos-behaviour (k)), and their headers."""

from django.conf import settings
from django.http.response import HttpResponseBase

from foundation import rate_limits
from foundation.errors import RateLimited
from foundation.rate_limits import Limit, Verdict

PER_IP = Limit("all", 6000, 60)
USER_MANAGEMENT_READS = Limit("user_management_reads", 1000, 10)
USER_MANAGEMENT_WRITES = Limit("user_management_writes", 500, 10)
# Stands between a guesser and a password or code: refuses when it cannot count.
AUTHENTICATE = Limit("authenticate", 10, 60, fail_closed=True)
# Where the product says where its people come from, the one above counts by that too, and this one by e-mail alone.
AUTHENTICATE_FROM_EVERYWHERE = Limit("authenticate_everywhere", 100, 900, fail_closed=True)
EMAIL_VERIFICATION_SENDS = Limit("email_verification_sends", 3, 60)
MAGIC_AUTH_SENDS = Limit("magic_auth_sends", 3, 60)
PASSWORD_RESET_SENDS = Limit("password_reset_sends", 3, 60)
EMAIL_CHANGE_SENDS = Limit("email_change_sends", 3, 60)
# Messages cost money, and whoever owns the number did not ask for them.
SMS_SENDS = Limit("sms_sends", 3, 60)
SSO_AUTHORIZE = Limit("sso_authorize", 1000, 60)
SSO_TOKEN = Limit("sso_token", 1000, 60)
PASSWORDLESS_SENDS = Limit("passwordless_sends", 3, 60)
ORGANIZATION_DELETIONS = Limit("organization_deletions", 50, 60)


def enforce(limit: Limit, *key_parts: str) -> Verdict | None:
    """Count one hit; raises RateLimited when it is one too many. None while limits are switched off."""
    if not settings.RATE_LIMITS_ENABLED:
        return None
    verdict = rate_limits.hit(limit, *key_parts)
    if not verdict.allowed:
        raise TooManyRequests(verdict)
    return verdict


class TooManyRequests(RateLimited):
    """A limit of the table is used up."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(retry_after=verdict.retry_after_seconds)
        self.verdict = verdict


def write_headers(response: HttpResponseBase, verdict: Verdict) -> None:
    """Tell the client how much is left of the limit that is nearest to being used up."""
    response.headers["X-RateLimit-Limit"] = str(verdict.limit)
    response.headers["X-RateLimit-Remaining"] = str(verdict.remaining)
    response.headers["X-RateLimit-Reset"] = str(verdict.reset_seconds)
