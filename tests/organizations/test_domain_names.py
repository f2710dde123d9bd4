import pytest

from foundation.dns_names import to_ascii_domain
from foundation.errors import Invalid
from organizations import domain_names
from organizations.domain_names import is_public_mail_domain, is_reserved_domain, normalize_domain
from organizations.errors import InvalidDomain


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("acme.com", "acme.com"),
        (" ACME.Com.\n", "acme.com"),
        ("mail.acme.co.uk", "mail.acme.co.uk"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("acme.test", "acme.test"),
        ("acme.github.io", "acme.github.io"),
        ("city.kobe.jp", "city.kobe.jp"),
    ],
)
def test_a_domain_that_can_be_owned_has_one_stored_form(text, stored):
    assert normalize_domain(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "com",
        "localhost",
        "co.uk",
        "CO.UK.",
        "kobe.jp",
        "foo.kobe.jp",
        "github.io",
        "xn--55qx5d.cn",
        "公司.cn",
        "192.0.2.1",
        "[::1]",
        "https://acme.com",
        "acme.com/path",
        "user@acme.com",
        "acme.com,evil.com",
        "acme.com evil.com",
        "acme.com\r\nevil.com",
        "*.acme.com",
        "_dmarc.acme.com",
        "a" * 1_000_000,
    ],
)
def test_what_no_organization_can_own_is_refused(text):
    with pytest.raises(InvalidDomain) as refused:
        normalize_domain(text)

    assert isinstance(refused.value, Invalid)
    assert refused.value.code == "invalid_request_parameters"
    [error] = refused.value.details["errors"]
    assert error["field"] == "domain"
    assert error["code"] == "domain_invalid"
    assert error["message"]


@pytest.mark.parametrize(
    "domain",
    ["gmail.com", "outlook.com", "yahoo.co.uk", "qq.com", "web.de", "icloud.com", "proton.me", "gmx.de"],
)
def test_a_consumer_mail_domain_is_known(domain):
    assert is_public_mail_domain(domain)


@pytest.mark.parametrize(
    "domain", ["acme.com", "google.com", "microsoft.com", "mail.gmail.com", "notgmail.com", ""]
)
def test_a_company_domain_is_not_taken_for_a_consumer_mail_domain(domain):
    assert not is_public_mail_domain(domain)


def test_the_shipped_list_holds_stored_forms_each_once():
    lines = domain_names._CONSUMER_MAIL_DOMAINS.read_text().splitlines()
    domains = [line for line in lines if line and not line.startswith("#")]

    assert len(domains) > 150
    assert len(domains) == len(set(domains))
    assert all(to_ascii_domain(domain) == domain for domain in domains)


@pytest.mark.parametrize(
    "domain",
    [
        "acme.test",
        "example.com",
        "mail.example.com",
        "acme.example",
        "foo.invalid",
        "printer.local",
        "a.onion",
        "1.0.0.127.in-addr.arpa",
        "home.arpa",
        "app.localhost",
        "corp.internal",
    ],
)
def test_a_special_use_domain_is_reserved(domain):
    assert is_reserved_domain(domain)


@pytest.mark.parametrize(
    "domain", ["acme.com", "notexample.com", "example.com.au", "test.com", "example.co", "testing"]
)
def test_a_domain_that_only_resembles_one_is_not_reserved(domain):
    assert not is_reserved_domain(domain)
