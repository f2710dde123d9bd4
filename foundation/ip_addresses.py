"""IP addresses in one form."""

import ipaddress


def normalize_ip_address(text: str) -> str | None:
    """Return an address in its canonical form, or None for what is none.

    The zone of a scoped IPv6 address (RFC 4007 §11) is dropped: it means something on its own machine alone, may be
    any text, and no database stores it.
    """
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None
