import pytest
from lxml import etree

from sso.saml import documents, keys
from sso.saml.metadata import MetadataRefused, read_idp_metadata, write_sp_metadata
from sso.saml.names import MD, PREFIXES
from sso.saml.parties import SAMLOptions
from tests.sso.saml.identity_provider import key_pair

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


def key_descriptor(name: str, use: str | None = "signing") -> str:
    body = keys.bare_base64(key_pair(name)[1])
    use_attribute = f' use="{use}"' if use else ""
    return (
        f'<md:KeyDescriptor{use_attribute}><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>\n{body[:64]}\n{body[64:]}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        "</md:KeyDescriptor>"
    )


def metadata(inside: str = "", *, entity_id: str = "https://idp.example.com", more: str = "") -> str:
    inside = inside or (
        f"{key_descriptor('idp.example.com')}{key_descriptor('next.example.com', None)}"
        f"{key_descriptor('encrypting.example.com', 'encryption')}"
        f'<md:SingleLogoutService Binding="{POST}" Location="https://idp.example.com/slo-post"/>'
        f'<md:SingleLogoutService Binding="{REDIRECT}" Location="https://idp.example.com/slo"/>'
        f'<md:SingleSignOnService Binding="{POST}" Location="https://idp.example.com/sso-post"/>'
        f'<md:SingleSignOnService Binding="{REDIRECT}" Location="https://idp.example.com/sso"/>'
    )
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" entityID="{entity_id}"{more}><!-- made by hand -->'
        '<md:IDPSSODescriptor WantAuthnRequestsSigned="true" '
        f'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{inside}</md:IDPSSODescriptor>'
        "</md:EntityDescriptor>"
    )


def test_metadata_says_all_that_a_connection_needs():
    found = read_idp_metadata(metadata().encode())

    assert found.entity_id == "https://idp.example.com"
    assert (found.sso_url, found.sso_binding) == ("https://idp.example.com/sso", "redirect")
    assert found.slo_url == "https://idp.example.com/slo"
    assert found.wants_signed_requests
    assert [certificate.subject for certificate in found.certificates] == [
        "idp.example.com",
        "next.example.com",
    ]


def test_a_byte_order_mark_and_space_in_front_of_a_file_do_no_harm():
    found = read_idp_metadata(b"\xef\xbb\xbf\n" + metadata().encode())

    assert found.entity_id == "https://idp.example.com"


def test_a_provider_that_takes_posts_alone_is_posted_to():
    inside = key_descriptor("idp.example.com") + (
        f'<md:SingleSignOnService Binding="{POST}" Location="https://idp.example.com/sso-post"/>'
    )

    found = read_idp_metadata(metadata(inside).encode())

    assert (found.sso_url, found.sso_binding) == ("https://idp.example.com/sso-post", "post")


def test_one_provider_is_chosen_from_a_file_of_several():
    both = "".join(metadata(entity_id=f"https://{name}.example.com") for name in ("one", "two"))
    file = f'<md:EntitiesDescriptor xmlns:md="{MD}">{both}</md:EntitiesDescriptor>'.encode()

    assert read_idp_metadata(file, "https://two.example.com").entity_id == "https://two.example.com"
    with pytest.raises(MetadataRefused, match=r"https://one\.example\.com, https://two\.example\.com"):
        read_idp_metadata(file)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("<html><body>Sign in</body></html>", "begins with html"),
        ("certainly no XML", "not well-formed"),
        ("", "not well-formed"),
        (metadata() + "<!-- cut", "not well-formed"),
        (f'<!DOCTYPE a [<!ENTITY b "c">]>{metadata()}', "declares XML entities"),
        (f'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>{metadata()}', "external XML entities"),
        (metadata().replace("IDPSSODescriptor", "SPSSODescriptor"), "metadata of a service provider"),
        (metadata().replace("IDPSSODescriptor", "Other"), "describes no SAML 2.0 identity provider"),
        (metadata(more=' validUntil="2020-01-01T00:00:00Z"'), "ended on 2020-01-01"),
        (metadata(more=' validUntil="soon"'), "a time that cannot be read"),
        (metadata("<md:NameIDFormat>x</md:NameIDFormat>"), "no sign-in address"),
        (
            metadata(f'<md:SingleSignOnService Binding="{REDIRECT}" Location="javascript:alert(1)"/>'),
            "no https URL",
        ),
        (
            metadata(f'<md:SingleSignOnService Binding="{REDIRECT}" Location="https://idp.example.com"/>'),
            "no certificate to verify",
        ),
        (metadata(entity_id=""), "names no entity id"),
        ("<a>" * 40 + "</a>" * 40, "more than 32 deep"),
        (f"<a>{'x' * 1024 * 1024}</a>", "1048576 are read"),
        ("<md:EntityDescriptor/>", "not well-formed"),
    ],
)
def test_what_is_no_metadata_is_refused_in_plain_words(document, words):
    with pytest.raises(MetadataRefused, match=words):
        read_idp_metadata(document.encode())


def test_our_metadata_is_valid_and_names_every_address(sp):
    root = etree.fromstring(write_sp_metadata(sp, SAMLOptions(sign_requests=True)))

    documents.check_schema(root, "saml-schema-metadata-2.0.xsd")
    assert root.get("entityID") == sp.entity_id
    descriptor = root.find("md:SPSSODescriptor", PREFIXES)
    assert descriptor is not None
    assert descriptor.get("AuthnRequestsSigned") == "true"
    assert descriptor.get("WantAssertionsSigned") == "true"
    assert [service.get("Location") for service in descriptor.iter(f"{{{MD}}}AssertionConsumerService")] == [
        sp.acs_url
    ]
    assert {service.get("Location") for service in descriptor.iter(f"{{{MD}}}SingleLogoutService")} == {
        sp.slo_url
    }
    assert [key.get("use") for key in descriptor.iter(f"{{{MD}}}KeyDescriptor")] == ["signing", "encryption"]


def test_our_metadata_says_when_requests_are_not_signed(sp):
    root = etree.fromstring(write_sp_metadata(sp, SAMLOptions(sign_requests=False)))

    assert root.find("md:SPSSODescriptor[@AuthnRequestsSigned='false']", PREFIXES) is not None
