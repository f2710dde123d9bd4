"""How often somebody may do what on the hosted pages (workos-behaviour (k), "hosted login").

What is guessed at is counted by account *and* address, so that a stranger who guesses shuts out himself and not the
person. Behind it stand two wide limits, for the account alone, against guessers with many addresses, and for the
address alone, against one who tries a common password on many accounts. A browser from which the person has signed in
before comes under neither, so that no such flood keeps anybody out of their own account (OWASP, "device cookies").
"""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from accounts.email_addresses import normalize_email
from accounts.errors import InvalidEmail
from authentication.pages.cookies import knows_address
from environments.api import limits
from environments.api.requests import client_ip
from environments.models import Environment
from foundation import rate_limits
from foundation.errors import RateLimited
from foundation.rate_limits import Limit

_READS = Limit("hosted_reads", 1000, 10)
_WRITES = Limit("hosted_writes", 500, 10)
_EMAIL_SIGN_INS = Limit("hosted_email_sign_ins", 10, 60, fail_closed=True)
_ACCOUNT_SIGN_INS = Limit("hosted_account_sign_ins", 100, 900, fail_closed=True)
# Failures alone: an office behind one address signs in many people each morning, and few of them wrongly.
_ADDRESS_FAILURES = Limit("hosted_address_failures", 100, 900, fail_closed=True)
_CODE_ENTRIES = Limit("hosted_code_entries", 10, 60, fail_closed=True)
_PASSKEY_QUESTIONS = Limit("hosted_passkey_questions", 60, 60)
_PASSKEY_ANSWERS = Limit("hosted_passkey_answers", 20, 60, fail_closed=True)
_CODE_SENDS = Limit("hosted_code_sends", 3, 60)
_SSO_SIGN_INS = Limit("hosted_sso_sign_ins", 3, 60)
_SOCIAL_SIGN_INS = Limit("hosted_social_sign_ins", 60, 60)
_UNASKED_ANSWERS = Limit("hosted_unasked_answers", 60, 60)
_REFUSED_LOGOUTS = Limit("hosted_refused_logouts", 60, 60)


def count_page(request: HttpRequest) -> None:
    """Count a request for a page by its address; raises RateLimited."""
    limits.enforce(_READS if request.method in {"GET", "HEAD"} else _WRITES, client_ip(request))


def count_sign_in(request: HttpRequest, environment: Environment, email: str) -> None:
    """Count an attempt with an address; raises RateLimited."""
    account = _account(email)
    limits.enforce(_EMAIL_SIGN_INS, environment.pk, account, _network(request))
    if knows_address(request, environment, email) or not settings.RATE_LIMITS_ENABLED:
        return
    limits.enforce(_ACCOUNT_SIGN_INS, environment.pk, account)
    verdict = rate_limits.peek(_ADDRESS_FAILURES, environment.pk, _network(request))
    if not verdict.allowed:
        raise RateLimited(retry_after=verdict.retry_after_seconds)


def count_failed_sign_in(request: HttpRequest, environment: Environment) -> None:
    """Count a password or code that was wrong by where it came from; refuses nothing by itself."""
    if settings.RATE_LIMITS_ENABLED:
        rate_limits.hit(_ADDRESS_FAILURES, environment.pk, _network(request))


def forget_sign_ins(request: HttpRequest, environment: Environment, email: str) -> None:
    """Begin counting anew after a password that was right."""
    rate_limits.clear(_EMAIL_SIGN_INS, environment.pk, _account(email), _network(request))


def count_code_entry(request: HttpRequest, challenge: str) -> None:
    """Count an attempt at a one-time code; raises RateLimited."""
    limits.enforce(_CODE_ENTRIES, challenge, client_ip(request))


def count_passkey_question(request: HttpRequest, environment: Environment) -> None:
    """Count a challenge that a browser asks for; raises RateLimited."""
    limits.enforce(_PASSKEY_QUESTIONS, environment.pk, client_ip(request))


def count_passkey_answer(request: HttpRequest, environment: Environment) -> None:
    """Count an answer to a challenge; raises RateLimited."""
    limits.enforce(_PASSKEY_ANSWERS, environment.pk, client_ip(request))


def count_code_request(request: HttpRequest, environment: Environment, email: str) -> None:
    """Count a code that is asked for; raises RateLimited."""
    limits.enforce(_CODE_SENDS, environment.pk, _account(email), client_ip(request))


def count_sso_sign_in(request: HttpRequest, email: str) -> None:
    """Count a sign-in by an identity provider; raises RateLimited.

    By address and account: the people of a company often share the address of their office.
    """
    limits.enforce(_SSO_SIGN_INS, client_ip(request), _account(email))


def count_social_sign_in(request: HttpRequest) -> None:
    """Count a sign-in by a social provider, which is begun before anybody has said who they are; raises RateLimited."""
    limits.enforce(_SOCIAL_SIGN_INS, client_ip(request))


def count_unasked_answer(request: HttpRequest, connection_id: str) -> None:
    """Count an identity provider's answer that nobody asked for: each leaves a trail. Raises RateLimited."""
    limits.enforce(_UNASKED_ANSWERS, connection_id, client_ip(request))


def check_refused_logouts(request: HttpRequest, connection_id: str) -> None:
    """Refuse whoever has brought many logout tokens that were not accepted: each leaves a trail. Raises RateLimited.

    A provider that signs out a whole company at once is not held up: its tokens are good.
    """
    if not settings.RATE_LIMITS_ENABLED:
        return
    verdict = rate_limits.peek(_REFUSED_LOGOUTS, connection_id, _network(request))
    if not verdict.allowed:
        raise RateLimited(retry_after=verdict.retry_after_seconds)


def count_refused_logout(request: HttpRequest, connection_id: str) -> None:
    """Count a logout token that was not accepted; refuses nothing by itself."""
    if settings.RATE_LIMITS_ENABLED:
        rate_limits.hit(_REFUSED_LOGOUTS, connection_id, _network(request))


def _network(request: HttpRequest) -> str:
    """Return the address, of IPv6 its first half: whoever has one of those has all that differ in the other."""
    address = ipaddress.ip_address(client_ip(request))
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))


def _account(email: str) -> str:
    # In the form in which it is looked up: another spelling must not buy more tries.
    try:
        return normalize_email(email)
    except InvalidEmail:
        return email.strip().lower()[:320]
