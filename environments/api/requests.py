"""Facts of a request that doors need: where it comes from and with what."""

from django.conf import settings
from django.http import HttpRequest

from foundation.ip_addresses import normalize_ip_address


def client_ip(request: HttpRequest) -> str:
    """Return the client's address: the peer, or what the nearest trusted proxies say of it.

    Only the last ``GATEHOUSE_TRUSTED_PROXIES`` entries of X-Forwarded-For were written by proxies of ours; what
    stands before them is whatever the client sent.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
        if len(hops) >= settings.TRUSTED_PROXIES:
            peer = hops[-settings.TRUSTED_PROXIES]
    return normalize_ip_address(peer) or "0.0.0.0"  # noqa: S104 -- an address that is none, not one to bind to


def user_agent(request: HttpRequest) -> str:
    """Return the User-Agent, cut to what a column holds."""
    return request.headers.get("User-Agent", "")[:500]
