"""Attacks on signatures: where they stand, and how they were made."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import xmlsec
from lxml import etree

from foundation import clock
from sso.saml.failures import SAMLFailure
from sso.saml.names import DS, SAML, SAMLP, tag
from sso.saml.parties import ServiceProvider
from tests.sso.saml.attacks.corpus import (
    EVIL,
    Element,
    Made,
    attack,
    drop,
    evil_assertion,
    evil_response,
    signed_text,
    without_signature,
)
from tests.sso.saml.identity_provider import Forge, instant, one

# --- where signatures stand -----------------------------------------------------------------------------


@attack(SAMLFailure.NOTHING_SIGNED)
def unsigned(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, sign=())


@attack(SAMLFailure.ASSERTION_NOT_SIGNED)
def unsigned_assertion_in_signed_response(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, sign=("Response",))


@attack(SAMLFailure.RESPONSE_NOT_SIGNED, require_signed_responses=True)
def unsigned_response_around_signed_assertion(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, sign=("Assertion",))


@attack(SAMLFailure.INVALID_SIGNATURE)
def broken_response_signature_around_signed_assertion(
    idp: Forge, sp: ServiceProvider, request_id: str
) -> Made:
    root = idp.response(sp, request_id, sign=("Assertion", "Response"))
    root.set("IssueInstant", instant(clock.now() - timedelta(seconds=30)))
    return root


@attack(SAMLFailure.SIGNATURE_CARRIES_OBJECT)
def wrapping_1_response_inside_its_signature(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id, sign=("Assertion", "Response"))
    evil = evil_response(root)
    found = evil.find(tag(DS, "Signature"))
    assert found is not None
    found.append(without_signature(root))
    return evil


@attack(SAMLFailure.SIGNATURE_MISPLACED)
def wrapping_2_response_before_its_signature(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id, sign=("Assertion", "Response"))
    evil = evil_response(root)
    found = evil.find(tag(DS, "Signature"))
    assert found is not None
    found.addprevious(without_signature(root))
    return evil


@attack(SAMLFailure.WRONG_NUMBER_OF_ASSERTIONS)
def wrapping_3_evil_assertion_first(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "Assertion").addprevious(evil_assertion(root))
    return root


@attack(SAMLFailure.SIGNATURE_MISPLACED)
def wrapping_4_assertion_inside_the_evil_one(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    evil = evil_assertion(root)
    original = one(root, "Assertion")
    root.replace(original, evil)
    evil.append(original)
    return root


@attack(SAMLFailure.SIGNATURE_OF_ANOTHER_ELEMENT)
def wrapping_5_evil_assertion_with_the_signature(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    evil = evil_assertion(root, keep_signature=True)
    original = one(root, "Assertion")
    root.replace(original, evil)
    root.append(without_signature(original))
    return root


@attack(SAMLFailure.SIGNATURE_CARRIES_OBJECT)
def wrapping_6_assertion_inside_the_signature(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    evil = evil_assertion(root, keep_signature=True)
    original = one(root, "Assertion")
    root.replace(original, evil)
    one(evil, "Signature").append(without_signature(original))
    return root


@attack(SAMLFailure.WRONG_NUMBER_OF_ASSERTIONS)
def wrapping_7_evil_assertion_in_extensions(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    extensions = etree.Element(tag(SAMLP, "Extensions"))
    extensions.append(evil_assertion(root))
    one(root, "Issuer").addnext(extensions)
    return root


@attack(SAMLFailure.SIGNATURE_CARRIES_OBJECT)
def wrapping_8_assertion_in_an_object(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    evil = evil_assertion(root, keep_signature=True)
    original = one(root, "Assertion")
    root.replace(original, evil)
    etree.SubElement(one(evil, "Signature"), tag(DS, "Object")).append(without_signature(original))
    return root


@attack(SAMLFailure.SIGNATURE_MISPLACED)
def original_assertion_in_extensions(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    original = one(root, "Assertion")
    root.replace(original, evil_assertion(root))
    extensions = etree.Element(tag(SAMLP, "Extensions"))
    extensions.append(original)
    one(root, "Issuer").addnext(extensions)
    return root


@attack(SAMLFailure.SIGNATURE_MISPLACED)
def signature_inside_the_subject(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "Subject").append(one(root, "Signature"))
    return root


@attack(SAMLFailure.SIGNATURE_MISPLACED)
def second_signature_on_one_element(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    signature = one(root, "Signature")
    signature.addnext(deepcopy(signature))
    return root


@attack(SAMLFailure.WRONG_NUMBER_OF_ASSERTIONS)
def two_signed_assertions(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id, lambda root: root.append(evil_assertion(root)))
    idp.sign(root[-1])
    return root


@attack(SAMLFailure.WRONG_NUMBER_OF_ASSERTIONS)
def no_assertion(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, drop("Assertion"), sign=("Response",))


@attack(SAMLFailure.WRONG_NUMBER_OF_ASSERTIONS)
def assertion_in_advice(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    def change(root: Element) -> None:
        advice = etree.Element(tag(SAML, "Advice"))
        advice.append(evil_assertion(root))
        one(root, "Conditions").addnext(advice)

    return idp.response(sp, request_id, change)


@attack(SAMLFailure.SIGNATURE_OF_ANOTHER_ELEMENT)
def signature_of_the_whole_document(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id, sign=())
    idp.sign(one(root, "Assertion"), uri="")
    return root


def with_reference_to(idp: Forge, sp: ServiceProvider, request_id: str, uri: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "Reference").set("URI", uri)
    return root


@attack(SAMLFailure.SIGNATURE_OF_ANOTHER_ELEMENT)
def reference_to_a_file(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_reference_to(idp, sp, request_id, "file:///etc/passwd")


@attack(SAMLFailure.SIGNATURE_OF_ANOTHER_ELEMENT)
def reference_to_an_address(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_reference_to(idp, sp, request_id, "http://127.0.0.1:1/")


@attack(SAMLFailure.SIGNATURE_OF_ANOTHER_ELEMENT)
def reference_by_xpointer(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_reference_to(idp, sp, request_id, "#xpointer(/)")


@attack(SAMLFailure.NOT_ONE_REFERENCE)
def two_references(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    reference = one(root, "Reference")
    reference.addnext(deepcopy(reference))
    return root


@attack(SAMLFailure.NOT_ONE_REFERENCE)
def signature_without_signed_info(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "Signature").remove(one(root, "SignedInfo"))
    return root


# --- how they were made ---------------------------------------------------------------------------------

BOMB = """\
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><xsl:call-template
name="t"><xsl:with-param name="n" select="30"/></xsl:call-template></xsl:template><xsl:template name="t"><xsl:param
name="n"/><xsl:if test="$n &gt; 0"><xsl:call-template name="t"><xsl:with-param name="n" select="$n - 1"/>
</xsl:call-template><xsl:call-template name="t"><xsl:with-param name="n" select="$n - 1"/></xsl:call-template></xsl:if>
</xsl:template></xsl:stylesheet>"""


def with_transform(
    idp: Forge, sp: ServiceProvider, request_id: str, algorithm: str, inside: str = ""
) -> Element:
    root = idp.response(sp, request_id)
    transform = etree.Element(tag(DS, "Transform"), {"Algorithm": algorithm})
    if inside:
        transform.append(etree.fromstring(inside))
    one(root, "Transforms").insert(0, transform)
    return root


@attack(SAMLFailure.TRANSFORM_REFUSED)
def stylesheet_transform_bomb(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_transform(idp, sp, request_id, "http://www.w3.org/TR/1999/REC-xslt-19991116", BOMB)


@attack(SAMLFailure.TRANSFORM_REFUSED)
def xpath_transform(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    inside = f'<XPath xmlns="{DS}">count(//. | //@* | //namespace::*) &gt; 0</XPath>'
    return with_transform(idp, sp, request_id, "http://www.w3.org/TR/1999/REC-xpath-19991116", inside)


@attack(SAMLFailure.TRANSFORM_REFUSED)
def base64_transform(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_transform(idp, sp, request_id, f"{DS}base64")


@attack(SAMLFailure.TRANSFORM_REFUSED)
def unknown_transform(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_transform(idp, sp, request_id, "urn:example:transform")


@attack(SAMLFailure.TRANSFORM_REFUSED)
def stylesheet_inside_a_known_transform(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "Transform").append(etree.fromstring(BOMB))
    return root


@attack(SAMLFailure.TRANSFORM_REFUSED)
def no_enveloped_transform(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "Transforms").remove(one(root, "Transform"))
    return root


@attack(SAMLFailure.TRANSFORM_REFUSED)
def inclusive_canonicalization_of_the_content(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    transforms = (xmlsec.constants.TransformEnveloped, xmlsec.constants.TransformInclC14N)
    return idp.response(sp, request_id, transforms=transforms)


@attack(SAMLFailure.CANONICALIZATION_REFUSED)
def inclusive_canonicalization_of_the_signature(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, canonicalization=xmlsec.constants.TransformInclC14N)


@attack(SAMLFailure.CANONICALIZATION_REFUSED)
def canonicalization_with_comments(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, canonicalization=xmlsec.constants.TransformExclC14NWithComments)


@attack(SAMLFailure.DIGEST_REFUSED)
def sha_1_digest(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, digest=xmlsec.constants.TransformSha1)


@attack(SAMLFailure.SIGNATURE_METHOD_REFUSED)
def sha_1_signature(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, method=xmlsec.constants.TransformRsaSha1)


@attack(SAMLFailure.SIGNATURE_METHOD_REFUSED)
def unknown_signature_method(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "SignatureMethod").set("Algorithm", "http://www.w3.org/2000/09/xmldsig#dsa-sha1")
    return root


@attack(SAMLFailure.SYMMETRIC_SIGNATURE)
def hmac_with_the_public_key(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    key = xmlsec.Key.from_binary_data(xmlsec.constants.KeyDataHmac, idp.certificate_pem.encode())
    return idp.response(
        sp, request_id, method=xmlsec.constants.TransformHmacSha256, key=key, with_certificate=False
    )


@attack(SAMLFailure.SYMMETRIC_SIGNATURE)
def truncated_hmac(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    method = one(root, "SignatureMethod")
    method.set("Algorithm", f"{DS}hmac-sha1")
    etree.SubElement(method, tag(DS, "HMACOutputLength")).text = "1"
    return root


@attack(SAMLFailure.UNKNOWN_CERTIFICATE)
def key_info_substitution(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    # Signed by somebody else, whose certificate comes along.
    return replace(idp, name="eve.example.com").response(sp, request_id)


@attack(SAMLFailure.INVALID_SIGNATURE)
def key_info_with_the_right_certificate(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    key = xmlsec.Key.from_memory(
        replace(idp, name="eve.example.com").private_key_pem, xmlsec.constants.KeyDataFormatPem
    )
    key.load_cert_from_memory(idp.certificate_pem, xmlsec.constants.KeyDataFormatCertPem)
    return idp.response(sp, request_id, key=key)


@attack(SAMLFailure.INVALID_SIGNATURE)
def key_info_with_a_bare_key(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id, sign=())
    assertion = one(root, "Assertion")
    eve = replace(idp, name="eve.example.com")
    key = xmlsec.Key.from_memory(eve.private_key_pem, xmlsec.constants.KeyDataFormatPem)
    signature = eve.sign(assertion, key=key, with_certificate=False)
    key_info = etree.SubElement(signature, tag(DS, "KeyInfo"))
    etree.SubElement(key_info, tag(DS, "KeyName")).text = "idp.example.com"
    return root


@attack(SAMLFailure.INVALID_SIGNATURE)
def changed_after_signing(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "NameID").text = EVIL
    return root


@attack(SAMLFailure.INVALID_SIGNATURE)
def signed_under_other_prefixes(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    renamed = signed_text(idp, sp, request_id).replace("<saml:", "<a:").replace("</saml:", "</a:")
    return renamed.replace("xmlns:saml=", "xmlns:a=").encode()


@attack(SAMLFailure.SCHEMA_VIOLATED)
def signature_in_a_namespace_of_another_name(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    # The prefix is the usual one, the namespace is not.
    return signed_text(idp, sp, request_id).replace(f'xmlns:ds="{DS}"', 'xmlns:ds="urn:x"').encode()


@attack(SAMLFailure.SCHEMA_VIOLATED)
def id_in_a_namespace(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    # One reader finds samlp:ID, the other ID.
    root = idp.response(sp, request_id)
    one(root, "Assertion").set(tag(SAML, "ID"), "_other")
    return root


@attack(SAMLFailure.INVALID_SIGNATURE)
def empty_signature_value(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "SignatureValue").text = ""
    return root


@attack(SAMLFailure.INVALID_SIGNATURE)
def signature_of_another_response(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root, other = idp.response(sp, request_id), idp.response(sp, request_id)
    signature = one(other, "Signature")
    one(root, "Assertion").replace(one(root, "Signature"), signature)
    one(root, "Reference").set("URI", f"#{one(root, 'Assertion').get('ID')}")
    return root
