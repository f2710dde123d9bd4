import base64
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import pytest
import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from foundation import clock
from sso.exchanges import ExchangeRefused
from sso.saml import documents, keys
from sso.saml.logout import answer_logout, begin_logout, read_logout_request, read_logout_response
from sso.saml.names import RSA_SHA256
from sso.saml.parties import ServiceProvider
from tests.sso.saml.identity_provider import (
    Forge,
    encrypt_element,
    encryption_certificate,
    instant,
    one,
    post,
)

MEMORY = {
    "name_id": "ada-1",
    "name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "session_index": "_session1",
}

REQUEST = """\
<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
  xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_logout1" Version="2.0" IssueInstant="{now}"
  Destination="{slo}"><saml:Issuer>{idp}</saml:Issuer><saml:NameID>ada-1</saml:NameID>
  <samlp:SessionIndex>_session1</samlp:SessionIndex><samlp:SessionIndex>_session2</samlp:SessionIndex>
</samlp:LogoutRequest>"""

RESPONSE = """\
<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
  xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_answer1" Version="2.0" IssueInstant="{now}"
  Destination="{slo}" InResponseTo="_asked1"><saml:Issuer>{idp}</saml:Issuer>
  <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></samlp:Status>
</samlp:LogoutResponse>"""


def request(idp: Forge, sp: ServiceProvider) -> etree._Element:
    return etree.fromstring(REQUEST.format(now=instant(clock.now()), slo=sp.slo_url, idp=idp.entity_id))


def response(idp: Forge, sp: ServiceProvider, status: str = "Success") -> etree._Element:
    text = RESPONSE.format(now=instant(clock.now()), slo=sp.slo_url, idp=idp.entity_id, status=status)
    return etree.fromstring(text)


def query(
    idp: Forge,
    root: etree._Element,
    *,
    parameter: str = "SAMLRequest",
    relay_state: str | None = "back here",
    algorithm: str | None = RSA_SHA256,
    write: Any = quote_plus,
    digest: hashes.HashAlgorithm | None = None,
) -> str:
    packing = zlib.compressobj(wbits=-15)
    packed = base64.b64encode(packing.compress(etree.tostring(root)) + packing.flush()).decode()
    parts = [f"{parameter}={write(packed)}"]
    if relay_state is not None:
        parts.append(f"RelayState={write(relay_state)}")
    if algorithm is None:
        return "&".join(parts)
    parts.append(f"SigAlg={write(algorithm)}")
    signature = keys.private_key_of(idp.private_key_pem).sign(
        "&".join(parts).encode(), padding.PKCS1v15(), digest or hashes.SHA256()
    )
    parts.append(f"Signature={write(base64.b64encode(signature).decode())}")
    return "&".join(parts)


def refusal_of(sp, idp, options, **message: Any) -> str:
    with pytest.raises(ExchangeRefused) as refused:
        read_logout_request(sp, idp.party, options, **message)
    return refused.value.failure


def lower_case(text: str) -> str:
    # AD FS writes its escapes so.
    return "".join(
        f"%{part[:2].lower()}{part[2:]}" if index else part
        for index, part in enumerate(quote(text, safe="").split("%"))
    )


# --- what we ask ----------------------------------------------------------------------------------------


def test_our_request_names_the_person_and_the_session(sp, idp):
    departure = begin_logout(sp, idp.party, MEMORY, "handle")

    sent = parse_qs(urlsplit(departure.url).query)
    root = etree.fromstring(zlib.decompress(base64.b64decode(sent["SAMLRequest"][0]), -15))
    documents.check_schema(root)
    assert root.get("ID") == departure.memory["request_id"]
    assert one(root, "NameID").text == "ada-1"
    assert one(root, "NameID").get("Format") == MEMORY["name_id_format"]
    assert one(root, "SessionIndex").text == "_session1"
    assert sent["SigAlg"] == [RSA_SHA256]
    assert sent["RelayState"] == ["handle"]


def test_a_provider_without_a_logout_address_cannot_be_asked(sp, idp):
    with pytest.raises(ValueError, match="address"):
        begin_logout(sp, replace(idp.party, slo_url=""), MEMORY, "handle")


@pytest.mark.parametrize(
    ("status", "is_complete"), [("Success", True), ("PartialLogout", False), ("Responder", False)]
)
def test_the_answer_of_a_provider_says_whether_all_sessions_ended(sp, idp, options, status, is_complete):
    sent = query(idp, response(idp, sp, status), parameter="SAMLResponse")

    answer = read_logout_response(sp, idp.party, options, "_asked1", query_string=sent)

    assert (answer.is_complete, answer.status) == (is_complete, status)


def test_the_answer_to_another_request_is_refused(sp, idp, options):
    sent = query(idp, response(idp, sp), parameter="SAMLResponse")

    with pytest.raises(ExchangeRefused) as refused:
        read_logout_response(sp, idp.party, options, "_asked2", query_string=sent)

    assert refused.value.failure == "wrong_in_response_to"


# --- what we are asked ----------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [quote_plus, lower_case], ids=["upper-case", "lower-case"])
def test_a_request_by_redirect_is_verified_over_the_query_as_it_was_sent(sp, idp, options, write):
    found = read_logout_request(
        sp, idp.party, options, query_string=query(idp, request(idp, sp), write=write)
    )

    assert found.name_id == "ada-1"
    assert found.session_indexes == ("_session1", "_session2")
    assert found.relay_state == "back here"


def test_a_posted_request_is_verified_by_the_signature_inside(sp, idp, options):
    root = request(idp, sp)
    idp.sign(root)

    found = read_logout_request(sp, idp.party, options, form={"SAMLRequest": post(root), "RelayState": "x"})

    assert (found.request_id, found.name_id, found.relay_state) == ("_logout1", "ada-1", "x")


def test_an_encrypted_name_id_is_opened(sp, idp, options):
    root = encrypt_element(request(idp, sp), encryption_certificate(sp), name="NameID", wrapper="EncryptedID")

    found = read_logout_request(sp, idp.party, options, query_string=query(idp, root))

    assert found.name_id == "ada-1"


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_the_provider_hears_whether_the_session_ended(sp, idp, options, binding):
    asked = read_logout_request(sp, idp.party, options, query_string=query(idp, request(idp, sp)))
    party = replace(idp.party, slo_binding=binding, slo_response_url="https://idp.example.com/slo/done")

    departure = answer_logout(sp, party, asked, has_ended=True)

    assert departure.url.startswith("https://idp.example.com/slo/done")
    if departure.form is None:
        sent = parse_qs(urlsplit(departure.url).query)
        root = etree.fromstring(zlib.decompress(base64.b64decode(sent["SAMLResponse"][0]), -15))
        assert sent["RelayState"] == ["back here"]
    else:
        root = etree.fromstring(base64.b64decode(departure.form["SAMLResponse"]))
    documents.check_schema(root)
    assert root.get("InResponseTo") == "_logout1"
    assert one(root, "StatusCode").get("Value") == "urn:oasis:names:tc:SAML:2.0:status:Success"


def test_an_unknown_session_is_answered_with_a_failure(sp, idp, options):
    asked = read_logout_request(sp, idp.party, options, query_string=query(idp, request(idp, sp)))

    departure = answer_logout(sp, idp.party, asked, has_ended=False)

    assert "status:Requester" in departure.sent["document"]


# --- attacks --------------------------------------------------------------------------------------------


def test_a_request_without_a_signature_is_refused(sp, idp, options):
    root = request(idp, sp)

    assert refusal_of(sp, idp, options, query_string=query(idp, root, algorithm=None)) == "message_not_signed"
    assert refusal_of(sp, idp, options, form={"SAMLRequest": post(root)}) == "message_not_signed"


def test_another_key_is_refused(sp, idp, options):
    eve = Forge(name="eve.example.com")
    root = request(idp, sp)

    assert refusal_of(sp, idp, options, query_string=query(eve, root)) == "invalid_signature"
    eve.sign(root)
    assert refusal_of(sp, idp, options, form={"SAMLRequest": post(root)}) == "unknown_certificate"


@pytest.mark.parametrize("changed", ["RelayState", "SAMLRequest"])
def test_a_parameter_that_was_changed_breaks_the_signature(sp, idp, options, changed):
    root = request(idp, sp)
    one(root, "NameID").text = "eve-1"
    changes = {"RelayState": "RelayState=elsewhere", "SAMLRequest": query(idp, root).split("&")[0]}
    sent = query(idp, request(idp, sp)).split("&")
    sent = [changes[changed] if part.startswith(changed) else part for part in sent]

    assert refusal_of(sp, idp, options, query_string="&".join(sent)) == "invalid_signature"


def test_a_parameter_that_stands_twice_is_refused(sp, idp, options):
    sent = query(idp, request(idp, sp))
    root = request(idp, sp)
    one(root, "NameID").text = "eve-1"
    evil = query(idp, root, algorithm=None).split("&")[0]

    assert refusal_of(sp, idp, options, query_string=f"{evil}&{sent}") == "parameter_twice"
    assert refusal_of(sp, idp, options, query_string=f"{sent}&{evil}") == "parameter_twice"


@pytest.mark.parametrize(
    ("algorithm", "failure"),
    [
        ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "signature_method_refused"),
        ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "symmetric_signature"),
        ("", "signature_method_refused"),
        ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", "invalid_signature"),
    ],
)
def test_a_weak_or_unfitting_algorithm_is_refused(sp, idp, options, algorithm, failure):
    assert (
        refusal_of(sp, idp, options, query_string=query(idp, request(idp, sp), algorithm=algorithm))
        == failure
    )


def test_a_signature_by_sha1_is_refused_whatever_its_name(sp, idp, options):
    sent = query(idp, request(idp, sp), digest=hashes.SHA1())

    assert refusal_of(sp, idp, options, query_string=sent) == "invalid_signature"


def set_issuer(root: etree._Element) -> None:
    one(root, "Issuer").text = "https://eve.example.com"


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (set_issuer, "wrong_issuer"),
        (
            lambda root: root.set("Destination", "https://auth.example.com/sso/saml/conn_2/slo"),
            "wrong_destination",
        ),
        (lambda root: root.attrib.pop("Destination"), "wrong_destination"),
        (lambda root: root.set("IssueInstant", instant(clock.now() - timedelta(hours=1))), "expired"),
        (lambda root: root.set("IssueInstant", instant(clock.now() + timedelta(hours=1))), "not_yet_valid"),
        (lambda root: root.set("NotOnOrAfter", instant(clock.now() - timedelta(minutes=5))), "expired"),
        (lambda root: root.set("Version", "1.1"), "not_a_response"),
        (lambda root: root.set("Strange", "1"), "schema_violated"),
        (lambda root: setattr(one(root, "NameID"), "text", ""), "subject_missing"),
        (lambda root: one(root, "NameID").append(etree.Comment("x")), "comment"),
    ],
)
def test_a_request_that_says_something_wrong_is_refused_though_it_is_signed(
    sp, idp, options, change, failure
):
    root = request(idp, sp)
    change(root)

    assert refusal_of(sp, idp, options, query_string=query(idp, root)) == failure


def test_a_response_is_no_request(sp, idp, options):
    sent = query(idp, response(idp, sp), parameter="SAMLRequest")

    assert refusal_of(sp, idp, options, query_string=sent) == "not_a_response"
    assert refusal_of(sp, idp, options, query_string="RelayState=x") == "not_a_response"
    assert refusal_of(sp, idp, options, form={}) == "not_a_response"


def test_a_signature_in_the_document_does_not_stand_for_the_one_of_the_query(sp, idp, options):
    root = request(idp, sp)
    idp.sign(root)

    assert refusal_of(sp, idp, options, query_string=query(idp, root)) == "signature_misplaced"


def test_a_message_that_unpacks_to_a_flood_is_refused(sp, idp, options):
    packing = zlib.compressobj(9, wbits=-15)
    packed = packing.compress(b"<a>" + b" " * 50_000_000) + packing.flush()
    sent = f"SAMLRequest={quote_plus(base64.b64encode(packed).decode())}"

    assert refusal_of(sp, idp, options, query_string=sent) == "too_large"


def test_a_message_with_more_behind_its_end_is_refused(sp, idp, options):
    packing = zlib.compressobj(wbits=-15)
    packed = packing.compress(etree.tostring(request(idp, sp))) + packing.flush() + b"more"
    sent = f"SAMLRequest={quote_plus(base64.b64encode(packed).decode())}"

    assert refusal_of(sp, idp, options, query_string=sent) == "not_xml"


def test_a_wrapped_request_is_refused(sp, idp, options):
    signed = request(idp, sp)
    idp.sign(signed)
    evil = request(idp, sp)
    evil.set("ID", "_evil")
    one(evil, "NameID").text = "eve-1"
    signature = one(signed, "Signature")
    one(evil, "Issuer").addnext(signature)
    holder = etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object")
    holder.append(signed)

    assert refusal_of(sp, idp, options, form={"SAMLRequest": post(evil)}) == "signature_carries_object"


def test_an_elliptic_signature_counts(sp, idp, options):
    ecdsa = Forge(name="curve.example.com", curve=True)
    root = request(idp, sp)
    ecdsa.sign(root, method=xmlsec.constants.TransformEcdsaSha256)

    found = read_logout_request(
        sp, replace(ecdsa.party, entity_id=idp.entity_id), options, form={"SAMLRequest": post(root)}
    )

    assert found.name_id == "ada-1"
