"""The typed settings of this app."""

import ipaddress

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def dns_server() -> tuple[str, int] | None:
    """``DNS_SERVER`` (from ``GATEHOUSE_DNS_SERVER``) as address and port, or None for the system's resolvers.

    ``192.0.2.53``, ``127.0.0.1:5353``, ``[2001:db8::53]:53``. Raises ImproperlyConfigured for anything but an
    address: a name would need a resolver to be resolved.
    """
    value = (getattr(settings, "DNS_SERVER", None) or "").strip()
    if not value:
        return None
    if value.startswith("[") and "]" in value:
        host, _, port = value[1:].partition("]")
        port = port.removeprefix(":")
    elif value.count(":") > 1:
        host, port = value, ""
    else:
        host, _, port = value.partition(":")
    try:
        address = str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
        number = int(port or 53)
    except ValueError as error:
        raise _not_an_address(value) from error
    if not 1 <= number <= 65535:
        raise _not_an_address(value)
    return address, number


def _not_an_address(value: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"GATEHOUSE_DNS_SERVER must be an IP address and a port; it is {value!r}.")
