import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.dns_names import to_ascii_domain


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("example.com.", "example.com"),
        ("sub-domain.example.co.uk", "sub-domain.example.co.uk"),
        ("123.example", "123.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("例え。jp", "xn--r8jz45g.jp"),
        ("XN--R8JZ45G.jp", "xn--r8jz45g.jp"),
        ("\uff41cme.com", "acme.com"),
        ("\u212a.com", "k.com"),
        ("a" * 63 + ".com", "a" * 63 + ".com"),
    ],
)
def test_a_domain_has_one_stored_form(text, stored):
    assert to_ascii_domain(text) == stored
    assert to_ascii_domain(stored) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "localhost",
        "com.",
        ".example.com",
        "example..com",
        "example.com..",
        "-example.com",
        "example-.com",
        "exa_mple.com",
        "exa mple.com",
        "example.com\n",
        "example.com\x00.evil.com",
        "example.com/path",
        "example.com:443",
        "user@example.com",
        "*.example.com",
        "192.0.2.1",
        "1.2.3.0x4",
        "0x7f.1",
        "[::1]",
        "::1",
        "a" * 64 + ".com",
        ".".join(["a" * 60] * 5),
        "☃.net",
        "foo\u200dbar.com",
        "foo\u202ebar.com",
        "\ud800.com",
        "xn--a.com",
        "xn--.com",
        "xn--example-.com",
        "x" * 100_000,
        "例" * 100_000,
    ],
)
def test_what_is_no_domain_is_refused(text):
    with pytest.raises(ValueError, match=r"(domain|Domain)"):
        to_ascii_domain(text)


def test_a_look_alike_stays_another_domain():
    assert to_ascii_domain("ex\u0430mple.com") == "xn--exmple-4nf.com"


@given(st.text(max_size=60))
def test_every_stored_form_is_stable_lower_case_ascii(text):
    try:
        stored = to_ascii_domain(text)
    except ValueError:
        return
    assert stored.isascii()
    assert stored == stored.lower() == to_ascii_domain(stored)
