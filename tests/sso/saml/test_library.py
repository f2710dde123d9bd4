"""The second judge, and the guards under it, without the checks that come before them."""

import base64

import pytest
import xmlsec
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from sso.exchanges import ExchangeRefused
from sso.saml import documents, library, signatures
from sso.saml.signatures import GuardedSignatureContext
from tests.sso.saml.attacks import ATTACKS
from tests.sso.saml.conftest import REQUEST_ID
from tests.sso.saml.identity_provider import one, post

# What the library is relied on to see by itself, with the settings that it is given.
SEEN_BY_THE_LIBRARY = (
    "unsigned",
    "unsigned_assertion_in_signed_response",
    "wrapping_3_evil_assertion_first",
    "wrapping_4_assertion_inside_the_evil_one",
    "wrapping_5_evil_assertion_with_the_signature",
    "wrapping_7_evil_assertion_in_extensions",
    "two_signed_assertions",
    "stylesheet_transform_bomb",
    "sha_1_signature",
    "sha_1_digest",
    "hmac_with_the_public_key",
    "key_info_substitution",
    "changed_after_signing",
    "another_audience",
    "another_destination",
    "another_issuer",
    "another_recipient",
    "in_response_to_of_another_session",
    "no_conditions",
    "no_authentication_statement",
    "status_is_no_success",
)


@pytest.mark.parametrize("name", SEEN_BY_THE_LIBRARY)
def test_the_library_refuses_by_itself(sp, idp, options, name):
    response = ATTACKS[name].make(idp, sp, REQUEST_ID)

    with pytest.raises(ExchangeRefused) as refused:
        library.judge(sp, idp.party, options, response, REQUEST_ID, None)

    assert refused.value.failure == "refused_by_library"


def test_the_library_accepts_a_good_response(sp, idp, options):
    library.judge(sp, idp.party, options, post(idp.response(sp, REQUEST_ID)), REQUEST_ID, None)


@pytest.mark.parametrize("name", ["stylesheet_transform_bomb", "xpath_transform", "base64_transform"])
def test_a_transform_of_a_stranger_never_runs(sp, idp, name):
    # Thirty doublings: without the guard the stylesheet would still run tomorrow.
    root = etree.fromstring(base64.b64decode(ATTACKS[name].make(idp, sp, REQUEST_ID)))
    context = GuardedSignatureContext()
    context.key = xmlsec.Key.from_memory(idp.certificate_pem, xmlsec.constants.KeyDataFormatCertPem)
    context.register_id(one(root, "Assertion"), "ID")

    with pytest.raises(xmlsec.Error):
        context.verify(one(root, "Signature"))


def test_the_library_cannot_be_reached_around_the_guard(sp, idp):
    root = etree.fromstring(base64.b64decode(ATTACKS["stylesheet_transform_bomb"].make(idp, sp, REQUEST_ID)))

    assert not OneLogin_Saml2_Utils.validate_sign(
        root, cert=idp.certificate_pem, xpath="/samlp:Response/saml:Assertion/ds:Signature"
    )


def test_every_check_that_the_library_has_is_named(sp, idp, options):
    settings = library.settings_of(sp, idp.party, options)

    assert settings["strict"] is True
    security = settings["security"]
    assert security["wantAssertionsSigned"] is True
    assert security["rejectDeprecatedAlgorithm"] is True
    assert security["allowRepeatAttributeName"] is False
    assert security["failOnAuthnContextMismatch"] is True


def test_what_was_not_digested_is_not_read(sp, idp):
    # As if xmlsec had verified another element than the one at hand.
    signed = one(idp.response(sp, REQUEST_ID), "Assertion")
    alone = documents.parse_again(etree.tostring(signed, with_tail=False))
    signature = one(alone, "Signature")
    one(alone, "NameID").text = "eve"

    assert signatures._digested_octets(alone, signature) is None


def test_what_was_digested_is_read(sp, idp):
    signed = one(idp.response(sp, REQUEST_ID), "Assertion")
    alone = documents.parse_again(etree.tostring(signed, with_tail=False))

    octets = signatures._digested_octets(alone, one(alone, "Signature"))

    assert octets is not None
    assert b"ada-1" in octets
    assert b"Signature" not in octets
