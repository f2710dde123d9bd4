"""Domains that organizations claim: their one form, and which of them nobody can own."""

from functools import lru_cache
from pathlib import Path

from publicsuffixlist import PublicSuffixList

from foundation.dns_names import to_ascii_domain
from organizations.errors import InvalidDomain

_CONSUMER_MAIL_DOMAINS = Path(__file__).parent / "data" / "consumer_mail_domains.txt"

# IANA, "Special-Use Domain Names", with the document that reserves each. Whatever ends in one is reserved too.
RESERVED_NAMES = frozenset(
    {
        "test",  # RFC 2606 section 2
        "example",
        "invalid",
        "localhost",
        "example.com",  # RFC 2606 section 3
        "example.net",
        "example.org",
        "local",  # RFC 6762
        "arpa",  # RFC 3172; holds in-addr.arpa, home.arpa (RFC 8375) and the others
        "onion",  # RFC 7686
        "alt",  # RFC 9476
        "internal",  # ICANN resolution 2024.07.29.06
    }
)


def normalize_domain(text: str) -> str:
    """Return the stored form of a domain that can be claimed; raises InvalidDomain.

    Refused: addresses, single labels, and public suffixes (``co.uk``, ``github.io``), under which strangers
    register names and to which no single organization can belong.
    """
    try:
        domain = to_ascii_domain(text.strip(" \t\r\n"))
    except ValueError as error:
        raise InvalidDomain from error
    if _public_suffixes().is_public(domain):
        raise InvalidDomain("Domain is a public suffix and belongs to nobody alone.")
    return domain


def is_public_mail_domain(domain: str) -> bool:
    """True for a stored form under which anybody can get a mailbox, as ``gmail.com``."""
    return domain in _consumer_mail_domains()


def is_reserved_domain(domain: str) -> bool:
    """True for a stored form that stands, or whose end stands, among the special-use names.

    They can never be proven by DNS, and developers use them all day. What that means where is the caller's
    to decide: a sandbox lets them through.
    """
    labels = domain.split(".")
    return any(".".join(labels[start:]) in RESERVED_NAMES for start in range(len(labels)))


@lru_cache(maxsize=1)
def _public_suffixes() -> PublicSuffixList:
    # The list inside the package, both of its parts: domains of registries and of hosters.
    return PublicSuffixList()


@lru_cache(maxsize=1)
def _consumer_mail_domains() -> frozenset[str]:
    lines = _CONSUMER_MAIL_DOMAINS.read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
