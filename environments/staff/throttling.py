"""How often somebody may try to sign in as an operator.

Three sliding windows. The narrow one is per account *and* address, so that a stranger who guesses at an account
shuts out himself and not the operator; the wide ones stop a guesser with many addresses, and one with many accounts.
"""

from django.http import HttpRequest

from environments.api.requests import client_ip
from foundation import rate_limits
from foundation.rate_limits import Limit

_PER_ACCOUNT_AND_ADDRESS = Limit("staff-sign-in-account-address", 10, 300)
_PER_ACCOUNT = Limit("staff-sign-in-account", 100, 900)
_PER_ADDRESS = Limit("staff-sign-in-address", 50, 900)


def seconds_to_wait(request: HttpRequest, account: str) -> int:
    """Count one attempt on an account and return 0, or how long to wait where it is one too many."""
    address = client_ip(request)
    verdicts = (
        rate_limits.hit(_PER_ACCOUNT_AND_ADDRESS, account, address),
        rate_limits.hit(_PER_ADDRESS, address),
        rate_limits.hit(_PER_ACCOUNT, account),
    )
    return max((verdict.retry_after_seconds for verdict in verdicts if not verdict.allowed), default=0)


def forget(request: HttpRequest, account: str) -> None:
    """Start counting anew after a sign-in that went through to the end."""
    rate_limits.clear(_PER_ACCOUNT_AND_ADDRESS, account, client_ip(request))
