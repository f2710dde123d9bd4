from dataclasses import replace
from datetime import timedelta

import pytest
import xmlsec
from lxml import etree

from foundation import clock
from sso.exchanges import ExchangeRefused
from sso.saml import keys
from sso.saml.names import DS, EXCLUSIVE_C14N, SAML, SAMLP, XENC, tag
from sso.saml.parties import SAMLOptions
from sso.saml.profiles import received_profile
from sso.saml.responses import peek, read_response
from tests.sso.saml.conftest import REQUEST_ID
from tests.sso.saml.identity_provider import (
    Forge,
    encrypt_element,
    encryption_certificate,
    instant,
    one,
    post,
)

TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


def refusal_of(sp, party, options, document, request_id=REQUEST_ID) -> ExchangeRefused:
    with pytest.raises(ExchangeRefused) as refused:
        read_response(sp, party, options, post(document), request_id)
    return refused.value


# --- what counts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [("Assertion",), ("Assertion", "Response")], ids=["assertion", "both"])
@pytest.mark.parametrize("encrypt", [False, True], ids=["plain", "encrypted"])
def test_a_good_response_says_who_signed_in(sp, idp, options, sign, encrypt):
    document = idp.response(sp, REQUEST_ID, sign=sign, encrypt=encrypt)

    answer = read_response(sp, idp.party, options, post(document), REQUEST_ID)

    assert answer.name_id == "ada-1"
    assert answer.attributes["email"] == ("ada@example.com",)
    assert answer.attributes["groups"] == ("engineers", "admins")
    assert answer.session_index == "_session1"
    assert answer.in_response_to == REQUEST_ID
    assert answer.response_id == document.get("ID")
    assert answer.certificate_fingerprint == keys.read_certificates(idp.certificate_pem)[0].fingerprint


def test_an_answer_is_remembered_until_nobody_could_use_it(sp, idp, options):
    document = idp.response(sp, REQUEST_ID)
    end = one(document, "SubjectConfirmationData").get("NotOnOrAfter")

    answer = read_response(sp, idp.party, options, post(document), REQUEST_ID)

    assert instant(answer.expires_at - timedelta(seconds=options.clock_skew_seconds)) == end
    assert answer.assertion_id == one(document, "Assertion").get("ID")


@pytest.mark.parametrize(
    ("method", "digest"),
    [
        (xmlsec.constants.TransformRsaSha384, xmlsec.constants.TransformSha384),
        (xmlsec.constants.TransformRsaSha512, xmlsec.constants.TransformSha512),
    ],
)
def test_longer_digests_count_too(sp, idp, options, method, digest):
    document = idp.response(sp, REQUEST_ID, method=method, digest=digest)

    assert read_response(sp, idp.party, options, post(document), REQUEST_ID).name_id == "ada-1"


def test_an_elliptic_signature_counts(sp, options):
    idp = Forge(name="curve.example.com", curve=True)
    document = idp.response(sp, REQUEST_ID, method=xmlsec.constants.TransformEcdsaSha256)

    assert read_response(sp, idp.party, options, post(document), REQUEST_ID).name_id == "ada-1"


def test_each_certificate_of_a_connection_counts_while_the_provider_changes_over(sp, idp, options):
    following = replace(idp, name="next.example.com")
    party = replace(idp.party, certificates_pem=(idp.certificate_pem, following.certificate_pem))

    for signer in (idp, following):
        answer = read_response(sp, party, options, post(signer.response(sp, REQUEST_ID)), REQUEST_ID)

        expected = keys.read_certificates(signer.certificate_pem)[0].fingerprint
        assert answer.certificate_fingerprint == expected


def test_a_prefix_list_in_the_signature_is_respected(sp, idp, options):
    # OpenSAML, so Okta and Shibboleth, list the prefix of xsi:type's values; it may be declared on the response.
    text = etree.tostring(idp.document(sp, REQUEST_ID), encoding="unicode")
    declared = ' xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    moved = text.replace(declared, "", 1).replace("<samlp:Response", f"<samlp:Response{declared}", 1)
    document = etree.fromstring(moved)
    assertion = one(document, "Assertion")
    signature = idp.sign(assertion)
    transform = list(signature.iter(tag(DS, "Transform")))[-1]
    etree.SubElement(transform, tag(EXCLUSIVE_C14N, "InclusiveNamespaces"), {"PrefixList": "xs"})
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(idp.private_key_pem, xmlsec.constants.KeyDataFormatPem)
    context.register_id(assertion, "ID")
    context.sign(signature)

    answer = read_response(sp, idp.party, options, post(document), REQUEST_ID)

    assert answer.attributes["email"] == ("ada@example.com",)


def test_text_behind_a_signature_is_part_of_what_was_signed(sp, idp, options):
    document = idp.response(sp, REQUEST_ID)
    assert (one(document, "Signature").tail or "").isspace()
    assert read_response(sp, idp.party, options, post(document), REQUEST_ID).name_id == "ada-1"

    one(document, "Signature").tail = ""

    assert refusal_of(sp, idp.party, options, document).failure == "invalid_signature"


def test_line_breaks_in_the_encoding_do_no_harm(sp, idp, options):
    packed = post(idp.response(sp, REQUEST_ID))
    broken = "\r\n".join(packed[start : start + 76] for start in range(0, len(packed), 76))

    assert read_response(sp, idp.party, options, broken, REQUEST_ID).name_id == "ada-1"


def test_an_encrypted_name_id_is_opened(sp, idp, options):
    def change(root: etree._Element) -> None:
        encrypt_element(root, encryption_certificate(sp), name="NameID", wrapper="EncryptedID")

    answer = read_response(sp, idp.party, options, post(idp.response(sp, REQUEST_ID, change)), REQUEST_ID)

    assert answer.name_id == "ada-1"


def test_a_wrapped_key_beside_the_data_is_found(sp, idp, options):
    document = idp.response(sp, REQUEST_ID, encrypt=True)
    wrapped = next(document.iter(tag(XENC, "EncryptedKey")))
    one(document, "EncryptedAssertion").append(wrapped)
    key_info = one(document, "KeyInfo")
    etree.SubElement(key_info, tag(DS, "RetrievalMethod"), {"Type": f"{XENC}EncryptedKey", "URI": "#key"})

    assert read_response(sp, idp.party, options, post(document), REQUEST_ID).name_id == "ada-1"


def test_a_response_without_a_destination_counts_where_only_the_assertion_is_signed(sp, idp, options):
    def change(root: etree._Element) -> None:
        del root.attrib["Destination"]

    document = idp.response(sp, REQUEST_ID, change)

    assert read_response(sp, idp.party, options, post(document), REQUEST_ID).name_id == "ada-1"


def test_one_good_confirmation_among_several_is_enough(sp, idp, options):
    def change(root: etree._Element) -> None:
        confirmation = one(root, "SubjectConfirmation")
        other = etree.Element(
            tag(SAML, "SubjectConfirmation"), {"Method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}
        )
        confirmation.addprevious(other)

    document = idp.response(sp, REQUEST_ID, change)

    assert read_response(sp, idp.party, options, post(document), REQUEST_ID).name_id == "ada-1"


def test_empty_attributes_are_absent_and_typed_values_are_read(sp, idp, options):
    idp = replace(idp, attributes={"email": ["ada@example.com"], "lastName": [""], "firstName": []})

    answer = read_response(sp, idp.party, options, post(idp.response(sp, REQUEST_ID)), REQUEST_ID)

    assert answer.attributes == {"email": ("ada@example.com",)}


def test_a_response_can_be_routed_before_it_is_verified(sp, idp):
    document = idp.response(sp, REQUEST_ID, sign=())

    assert peek(post(document)).in_response_to == REQUEST_ID
    assert peek(post(document)).issuer == idp.entity_id


# --- the connection's choices ---------------------------------------------------------------------------


def test_a_sign_in_that_began_at_the_provider_is_read_where_it_is_allowed(sp, idp, options):
    document = idp.response(sp, None)

    answer = read_response(sp, idp.party, SAMLOptions(allow_idp_initiated=True), post(document), None)

    assert answer.in_response_to is None
    assert refusal_of(sp, idp.party, options, document, None).failure == "idp_initiated_refused"


def test_an_answer_to_a_request_is_no_sign_in_that_began_at_the_provider(sp, idp):
    # A stolen response, posted without the exchange that it answers.
    options = SAMLOptions(allow_idp_initiated=True)

    assert (
        refusal_of(sp, idp.party, options, idp.response(sp, REQUEST_ID), None).failure
        == "wrong_in_response_to"
    )


@pytest.mark.parametrize("seconds", [0, 60, 300])
def test_the_clock_skew_is_the_connections_own(sp, idp, seconds):
    options = SAMLOptions(clock_skew_seconds=seconds)

    def ends(offset: int):
        def change(root: etree._Element) -> None:
            for name in ("SubjectConfirmationData", "Conditions"):
                one(root, name).set("NotOnOrAfter", instant(clock.now() + timedelta(seconds=offset)))

        return idp.response(sp, REQUEST_ID, change)

    assert read_response(sp, idp.party, options, post(ends(20 - seconds)), REQUEST_ID).name_id == "ada-1"
    assert refusal_of(sp, idp.party, options, ends(-seconds - 20)).failure == "expired"


def test_a_context_that_was_asked_for_counts(sp, idp):
    options = SAMLOptions(
        requested_authn_context="urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
    )

    answer = read_response(sp, idp.party, options, post(idp.response(sp, REQUEST_ID)), REQUEST_ID)

    assert answer.authn_context == options.requested_authn_context


def test_encryption_that_is_demanded_is_enough_when_it_is_there(sp, idp):
    options = SAMLOptions(require_encrypted_assertions=True, require_signed_responses=True)
    document = idp.response(sp, REQUEST_ID, sign=("Assertion", "Response"), encrypt=True)

    assert read_response(sp, idp.party, options, post(document), REQUEST_ID).name_id == "ada-1"


# --- what people are told -------------------------------------------------------------------------------


def test_an_unknown_certificate_is_named_beside_the_known_one(sp, idp, options):
    other = replace(idp, name="rolled-over.example.com")
    refusal = refusal_of(sp, idp.party, options, other.response(sp, REQUEST_ID))

    assert refusal.failure == "unknown_certificate"
    for signer in (idp, other):
        certificate = keys.read_certificates(signer.certificate_pem)[0]
        assert f"“{certificate.subject}”" in refusal.sentence
        assert keys.readable(certificate.fingerprint) in refusal.sentence
        assert f"{certificate.not_after:%Y-%m-%d}" in refusal.sentence


def test_the_word_of_the_provider_reaches_the_admin(sp, idp, options):
    def change(root: etree._Element) -> None:
        code = one(root, "StatusCode")
        code.set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")
        etree.SubElement(
            code, tag(SAMLP, "StatusCode"), {"Value": "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"}
        )
        etree.SubElement(one(root, "Status"), tag(SAMLP, "StatusMessage")).text = "Not assigned <b>here</b>"
        root.remove(one(root, "Assertion"))

    refusal = refusal_of(sp, idp.party, options, idp.response(sp, REQUEST_ID, change, sign=()))

    assert refusal.failure == "idp_reported_failure"
    assert "Responder / AuthnFailed (“Not assigned <b>here</b>”)" in refusal.sentence


def test_the_trail_shows_a_document_that_nobody_can_send_again(sp, idp, options):
    document = idp.response(sp, REQUEST_ID, sign=("Assertion", "Response"), encrypt=True)
    secret_parts = [one(document, name).text for name in ("SignatureValue", "CipherValue")]

    received = read_response(sp, idp.party, options, post(document), REQUEST_ID).received

    assert received["issuer"] == idp.entity_id
    assert "ada@example.com" in received["decrypted"]
    assert all(part and part not in str(received) for part in secret_parts)


def test_a_refusal_carries_what_could_be_read(sp, idp, options):
    refusal = refusal_of(sp, idp.party, options, idp.response(sp, "_other"))

    assert refusal.received["in_response_to"] == "_other"
    assert "ada@example.com" in refusal.received["document"]


def test_a_sentence_cannot_be_flooded_or_broken_by_what_was_sent(sp, idp, options):
    def change(root: etree._Element) -> None:
        one(one(root, "Assertion"), "Issuer").text = "x" * 5_000 + "\n{evil}"

    sentence = refusal_of(sp, idp.party, options, idp.response(sp, REQUEST_ID, change)).sentence

    assert len(sentence) < 1_000


# --- profiles -------------------------------------------------------------------------------------------


def test_an_answer_becomes_a_profile(sp, idp, options):
    answer = read_response(sp, idp.party, options, post(idp.response(sp, REQUEST_ID)), REQUEST_ID)

    profile = received_profile(answer, "OktaSAML", {})

    assert (profile.idp_id, profile.email) == ("ada-1", "ada@example.com")
    assert (profile.first_name, profile.last_name) == ("Ada", "Lovelace")
    assert profile.groups == ("engineers", "admins")
    assert profile.raw_attributes["email"] == "ada@example.com"
    assert profile.memory["session_index"] == "_session1"


def test_a_transient_name_id_is_nobody_unless_an_attribute_says_who(sp, idp, options):
    def change(root: etree._Element) -> None:
        one(root, "NameID").set("Format", TRANSIENT)

    answer = read_response(sp, idp.party, options, post(idp.response(sp, REQUEST_ID, change)), REQUEST_ID)

    with pytest.raises(ExchangeRefused) as refused:
        received_profile(answer, "GenericSAML", {})
    assert refused.value.failure == "subject_not_stable"
    assert received_profile(answer, "GenericSAML", {"idp_id": "email"}).idp_id == "ada@example.com"
