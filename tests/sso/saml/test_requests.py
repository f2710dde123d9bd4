import base64
import zlib
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from sso.saml import documents, keys, signatures
from sso.saml.names import SAML, SAMLP, tag
from sso.saml.parties import IdentityProvider, SAMLOptions
from sso.saml.requests import begin_sign_in
from tests.sso.saml.identity_provider import Forge, one


def request_in(url: str) -> etree._Element:
    packed = base64.b64decode(parse_qs(urlsplit(url).query)["SAMLRequest"][0])
    return etree.fromstring(zlib.decompress(packed, -15))


def test_a_redirect_carries_a_valid_request(sp, idp, options):
    departure = begin_sign_in(sp, idp.party, options, "handle")

    request = request_in(departure.url)
    documents.check_schema(request)
    assert departure.form is None
    assert request.get("ID") == departure.memory["request_id"]
    assert request.get("Destination") == idp.sso_url
    assert request.get("AssertionConsumerServiceURL") == sp.acs_url
    assert one(request, "Issuer").text == sp.entity_id
    assert parse_qs(urlsplit(departure.url).query)["RelayState"] == ["handle"]


def test_the_signature_of_a_redirect_covers_the_query_as_it_is_sent(sp, idp, options):
    query = urlsplit(begin_sign_in(sp, idp.party, options, "a b/ü&c").url).query
    signed, _, signature = query.partition("&Signature=")

    public_key = keys.public_key_of(sp.certificate_pem)
    assert isinstance(public_key, rsa.RSAPublicKey)
    public_key.verify(
        base64.b64decode(parse_qs(f"s={signature}")["s"][0]),
        signed.encode(),
        padding.PKCS1v15(),
        hashes.SHA256(),
    )
    assert [part.partition("=")[0] for part in signed.split("&")] == ["SAMLRequest", "RelayState", "SigAlg"]


def test_a_request_is_left_unsigned_where_the_provider_wants_it_so(sp, idp):
    query = parse_qs(
        urlsplit(begin_sign_in(sp, idp.party, SAMLOptions(sign_requests=False), "handle").url).query
    )

    assert query.keys() == {"SAMLRequest", "RelayState"}


def test_parameters_of_the_sign_in_address_stay(sp, options):
    party = IdentityProvider(
        entity_id="https://idp.example.com", sso_url="https://idp.example.com/sso?tenant=1#top"
    )

    departure = begin_sign_in(sp, party, options, "handle", login_hint="ada@example.com")

    query = parse_qs(urlsplit(departure.url).query)
    assert query["tenant"] == ["1"]
    assert query["login_hint"] == ["ada@example.com"]
    assert urlsplit(departure.url).fragment == ""


def test_a_posted_request_carries_its_signature_inside(sp, options):
    idp = Forge()
    party = IdentityProvider(entity_id=idp.entity_id, sso_url=idp.sso_url, sso_binding="post")

    departure = begin_sign_in(sp, party, options, "handle")

    assert departure.url == idp.sso_url
    assert departure.form is not None
    request = etree.fromstring(base64.b64decode(departure.form["SAMLRequest"]))
    documents.check_schema(request)
    content, _ = signatures.verify(request, [sp.certificate_pem], "request")
    assert content.get("ID") == departure.memory["request_id"]
    assert departure.form["RelayState"] == "handle"


def test_a_fresh_sign_in_and_a_context_are_asked_for_where_the_connection_says_so(sp, idp):
    options = SAMLOptions(force_authn=True, requested_authn_context="urn:example:mfa&<more>")

    request = request_in(begin_sign_in(sp, idp.party, options, "handle").url)

    documents.check_schema(request)
    assert request.get("ForceAuthn") == "true"
    assert request.find(f"{tag(SAMLP, 'RequestedAuthnContext')}[@Comparison='exact']") is not None
    assert next(request.iter(tag(SAML, "AuthnContextClassRef"))).text == "urn:example:mfa&<more>"


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_each_request_has_an_id_of_its_own_and_the_trail_holds_no_secret(sp, idp, options, binding):
    party = IdentityProvider(entity_id=idp.entity_id, sso_url=idp.sso_url, sso_binding=binding)

    first, second = (begin_sign_in(sp, party, options, "the-handle") for _ in range(2))

    assert first.memory["request_id"] != second.memory["request_id"]
    assert "the-handle" not in str(first.sent)
    assert sp.private_key_pem not in str(first.sent)
