import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from django.core.exceptions import ImproperlyConfigured

from organizations import conf
from organizations import dns as txt_lookup
from organizations.dns import DnsLookupFailed, find_txt_records
from tests.name_server import FakeNameServer, with_records


@pytest.fixture
def name_server(settings):
    servers = []

    def start(answer):
        server = FakeNameServer(answer)
        servers.append(server)
        settings.DNS_SERVER = f"127.0.0.1:{server.port}"
        return server

    yield start
    for server in servers:
        server.close()


def with_code(code):
    def answer(query):
        response = dns.message.make_response(query)
        response.set_rcode(code)
        return response.to_wire()

    return answer


def test_the_text_records_of_a_domain_are_found_with_their_strings_joined(name_server):
    server = name_server(with_records(("TXT", '"gatehouse-verify=abc"', '"v=spf1 " "-all"')))

    assert sorted(find_txt_records("acme.test")) == ["gatehouse-verify=abc", "v=spf1 -all"]
    assert server.questions == ["acme.test."]


def test_an_alias_is_followed(name_server):
    def answer(query):
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text("acme.test.", 60, "IN", "CNAME", "other.test."))
        response.answer.append(dns.rrset.from_text("other.test.", 60, "IN", "TXT", '"token"'))
        return response.to_wire()

    name_server(answer)

    assert find_txt_records("acme.test") == ["token"]


def test_a_domain_without_text_records_has_none(name_server):
    name_server(with_records())

    assert find_txt_records("acme.test") == []


def test_an_absent_domain_has_none(name_server):
    server = name_server(with_code(dns.rcode.NXDOMAIN))

    assert find_txt_records("acme.test") == []
    assert set(server.questions) == {"acme.test."}


@pytest.mark.parametrize("code", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_failing_server_is_told_apart_from_an_absent_record(name_server, code):
    name_server(with_code(code))

    with pytest.raises(DnsLookupFailed, match=r"acme\.test.*error"):
        find_txt_records("acme.test")


def test_a_silent_server_is_waited_for_only_so_long(name_server, monkeypatch):
    monkeypatch.setattr(txt_lookup, "TIMEOUT_SECONDS", 0.3)
    name_server(lambda _query: None)

    began = time.monotonic()
    with pytest.raises(DnsLookupFailed, match="in time"):
        find_txt_records("acme.test")
    assert time.monotonic() - began < 4


def test_an_answer_to_another_question_is_not_believed(name_server, monkeypatch):
    monkeypatch.setattr(txt_lookup, "TIMEOUT_SECONDS", 0.3)

    def forged(query):
        response = dns.message.make_response(query)
        response.id = (query.id + 1) % 65536
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", '"forged"'))
        return response.to_wire()

    name_server(forged)

    with pytest.raises(DnsLookupFailed):
        find_txt_records("acme.test")


def test_records_for_another_name_are_not_taken(name_server):
    name_server(with_records(("TXT", '"token"'), name="evil.test."))

    assert find_txt_records("acme.test") == []


def test_rubbish_is_a_failed_lookup_and_nothing_worse(name_server, monkeypatch):
    monkeypatch.setattr(txt_lookup, "TIMEOUT_SECONDS", 0.3)
    name_server(lambda query: query.to_wire()[:2] + b"\xff" * 40)

    with pytest.raises(DnsLookupFailed):
        find_txt_records("acme.test")


def test_too_many_records_are_a_failed_lookup(name_server):
    name_server(with_records(("TXT", *(f'"{number}"' for number in range(201)))))

    with pytest.raises(DnsLookupFailed, match="more than 200"):
        find_txt_records("acme.test")


def test_a_record_beyond_the_bound_is_left_out(name_server):
    long = " ".join(['"' + "x" * 255 + '"'] * 17)
    name_server(with_records(("TXT", long, '"token"')))

    assert find_txt_records("acme.test") == ["token"]


def test_bytes_that_are_no_text_are_replaced(name_server):
    name_server(with_records(("TXT", '"\\255\\254token"')))

    [record] = find_txt_records("acme.test")
    assert record.endswith("token")


@pytest.mark.parametrize("domain", ["", "a..b", "x" * 64 + ".com", ".".join(["label"] * 60)])
def test_a_malformed_name_is_a_failed_lookup(name_server, domain):
    server = name_server(with_records())

    with pytest.raises(DnsLookupFailed):
        find_txt_records(domain)
    assert server.questions == []


@pytest.mark.parametrize(
    ("value", "server"),
    [
        ("", None),
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("localhost:5353", ("127.0.0.1", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
        ("[2001:db8::53]", ("2001:db8::53", 53)),
    ],
)
def test_the_name_server_is_an_address_and_a_port(settings, value, server):
    settings.DNS_SERVER = value

    assert conf.dns_server() == server


@pytest.mark.parametrize(
    "value", ["dns.example.com", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:x", "[::1", ":53"]
)
def test_a_name_server_that_is_no_address_is_refused_in_plain_words(settings, value):
    settings.DNS_SERVER = value

    with pytest.raises(ImproperlyConfigured, match="GATEHOUSE_DNS_SERVER"):
        conf.dns_server()
