"""The one question that is put to the DNS: which TXT records does a domain have.

The answer comes from a stranger's name server, so it is bounded in time, in records and in size. It is also
not authenticated: a record found is the proof that the reference asks for, and no more.
"""

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from organizations import conf

# All servers and retries together; a verification that is asked for by hand waits for it.
TIMEOUT_SECONDS = 5.0

# A domain with more TXT records than this exists for nobody's good; those with many services have some thirty.
MOST_RECORDS = 200
LONGEST_RECORD = 4096


class DnsLookupFailed(Exception):
    """The DNS did not answer, or answered with an error. It says nothing about what records there are."""


def find_txt_records(domain: str) -> list[str]:
    """Return the TXT records of a domain, the strings of each joined; an absent name has none.

    Bytes that are not UTF-8 are replaced, and a record beyond 4096 bytes is left out: neither is a token of ours.
    Raises DnsLookupFailed on time-out, server failure, or more than 200 records.
    """
    try:
        name = dns.name.from_text(domain)
        if name == dns.name.root:
            raise dns.name.EmptyLabel
        answer = _resolver().resolve(name, dns.rdatatype.TXT, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return []
    except dns.exception.DNSException as error:
        message = f"The TXT records of {domain} could not be looked up: {_reason(error)}."
        raise DnsLookupFailed(message) from error
    records = [record for record in answer.rrset or () if isinstance(record, TXT)]
    if len(records) > MOST_RECORDS:
        message = f"The domain {domain} has more than {MOST_RECORDS} TXT records."
        raise DnsLookupFailed(message)
    texts = [b"".join(record.strings) for record in records]
    return [text.decode("utf-8", "replace") for text in texts if len(text) <= LONGEST_RECORD]


def _resolver() -> dns.resolver.Resolver:
    server = conf.dns_server()
    try:
        resolver = dns.resolver.Resolver(configure=server is None)
    except dns.resolver.NoResolverConfiguration as error:
        message = "This machine has no DNS server; name one in GATEHOUSE_DNS_SERVER."
        raise DnsLookupFailed(message) from error
    if server is not None:
        address, port = server
        resolver.nameservers = [address]
        resolver.port = port
    # One try is given half of the time, so that a lost packet is asked for again.
    resolver.timeout = TIMEOUT_SECONDS / 2
    resolver.lifetime = TIMEOUT_SECONDS
    return resolver


def _reason(error: dns.exception.DNSException) -> str:
    if isinstance(error, dns.exception.Timeout):
        return "no server answered in time"
    if isinstance(error, dns.resolver.NoNameservers):
        return "the servers answered with an error"
    return "the name or the answer is malformed"
