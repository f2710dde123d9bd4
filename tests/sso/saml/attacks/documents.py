"""Attacks on the reading of documents."""

import base64
from dataclasses import replace

from lxml import etree

from sso.saml.documents import MAXIMUM_BYTES
from sso.saml.failures import SAMLFailure
from sso.saml.names import SAMLP, XSI, tag
from sso.saml.parties import ServiceProvider
from tests.sso.saml.attacks.corpus import (
    Element,
    Made,
    attack,
    changed,
    evil_assertion,
    signed_text,
)
from tests.sso.saml.identity_provider import Forge, one, post


@attack(SAMLFailure.NOT_BASE64)
def no_base64(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return "<samlp:Response/>"


@attack(SAMLFailure.DOUBLE_BASE64)
def second_base64_layer(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return base64.b64encode(post(idp.response(sp, request_id)).encode()).decode()


@attack(SAMLFailure.TOO_LARGE)
def oversized_document(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return etree.tostring(idp.response(sp, request_id)) + b" " * MAXIMUM_BYTES


@attack(SAMLFailure.TOO_LARGE)
def oversized_encoding(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return "A" * (2 * MAXIMUM_BYTES)


def nested(idp: Forge, sp: ServiceProvider, request_id: str, depth: int) -> Made:
    inside = "<x xmlns='urn:x'>" * depth + "</x>" * depth
    return (
        signed_text(idp, sp, request_id)
        .replace("<samlp:Status>", f"<samlp:Extensions>{inside}</samlp:Extensions><samlp:Status>")
        .encode()
    )


@attack(SAMLFailure.TOO_DEEP)
def deep_nesting(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return nested(idp, sp, request_id, 40)


@attack(SAMLFailure.TOO_DEEP)
def nesting_beyond_the_parser(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return nested(idp, sp, request_id, 5_000)


@attack(SAMLFailure.TOO_DEEP)
def flood_of_elements(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return (
        signed_text(idp, sp, request_id)
        .replace("<samlp:Status>", f"<samlp:Extensions>{'<x/>' * 12_000}</samlp:Extensions><samlp:Status>")
        .encode()
    )


@attack(SAMLFailure.TOO_DEEP)
def flood_of_namespaces(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    declared = " ".join(f'xmlns:n{number}="urn:{number}"' for number in range(5_000))
    return (
        signed_text(idp, sp, request_id).replace("<samlp:Response", f"<samlp:Response {declared}", 1).encode()
    )


@attack(SAMLFailure.WRONG_ENCODING)
def utf_16(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return signed_text(idp, sp, request_id).encode("utf-16")


@attack(SAMLFailure.WRONG_ENCODING)
def utf_16_without_a_mark(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return signed_text(idp, sp, request_id).encode("utf-16-be")


@attack(SAMLFailure.WRONG_ENCODING)
def byte_order_mark(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return signed_text(idp, sp, request_id).encode("utf-8-sig")


@attack(SAMLFailure.WRONG_ENCODING)
def utf_7_declared(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return b'<?xml version="1.0" encoding="UTF-7"?>' + signed_text(idp, sp, request_id).encode()


@attack(SAMLFailure.WRONG_ENCODING)
def latin_1(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return signed_text(idp, sp, request_id).replace("Ada", "Ad\u00e9").encode("latin-1")


@attack(SAMLFailure.NOT_XML)
def cut_off(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return signed_text(idp, sp, request_id)[:-20].encode()


@attack(SAMLFailure.NOT_XML)
def attribute_written_twice(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return (
        signed_text(idp, sp, request_id).replace("<saml:Assertion ", '<saml:Assertion ID="_evil" ').encode()
    )


@attack(SAMLFailure.DOCUMENT_TYPE)
def document_type(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return b"<!DOCTYPE Response>" + signed_text(idp, sp, request_id).encode()


@attack(SAMLFailure.DOCUMENT_TYPE)
def external_document_type(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return b'<!DOCTYPE r SYSTEM "http://169.254.169.254/">' + signed_text(idp, sp, request_id).encode()


@attack(SAMLFailure.ENTITY_DECLARED)
def entity_expansion(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    entities = '<!ENTITY l0 "ha">' + "".join(
        f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10)
    )
    text = signed_text(idp, sp, request_id).replace("ada-1", "&l9;")
    return f"<!DOCTYPE r [{entities}]>{text}".encode()


@attack(SAMLFailure.EXTERNAL_ENTITY)
def external_entity(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    text = signed_text(idp, sp, request_id).replace("ada-1", "&secret;")
    return f'<!DOCTYPE r [<!ENTITY secret SYSTEM "file:///etc/passwd">]>{text}'.encode()


@attack(SAMLFailure.EXTERNAL_ENTITY)
def external_parameter_entity(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    text = signed_text(idp, sp, request_id)
    return f'<!DOCTYPE r [<!ENTITY % more PUBLIC "x" "http://127.0.0.1/"> %more;]>{text}'.encode()


def cut(idp: Forge, sp: ServiceProvider, request_id: str, value: str, by: str) -> Made:
    """Sign somebody's whole name, then cut it by something that canonicalization leaves out or keeps."""
    idp = replace(idp, attributes={"email": ["admin@example.com.eve.example"]})
    root = idp.response(sp, request_id, lambda root: setattr(one(root, "NameID"), "text", "admin.eve"))
    return etree.tostring(root, encoding="unicode").replace(value, f"{value}{by}").encode()


@attack(SAMLFailure.COMMENT)
def comment_in_name_id(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return cut(idp, sp, request_id, ">admin", "<!-- cut -->")


@attack(SAMLFailure.COMMENT)
def comment_in_attribute(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return cut(idp, sp, request_id, "admin@example.com", "<!---->")


@attack(SAMLFailure.COMMENT)
def comment_behind_the_response(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return signed_text(idp, sp, request_id).encode() + b"<!-- more -->"


@attack(SAMLFailure.PROCESSING_INSTRUCTION)
def instruction_in_name_id(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return cut(idp, sp, request_id, ">admin", "<?cut here?>")


@attack(SAMLFailure.PROCESSING_INSTRUCTION)
def instruction_in_attribute(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return cut(idp, sp, request_id, "admin@example.com", "<?cut?>")


@attack(SAMLFailure.PROCESSING_INSTRUCTION)
def stylesheet_instruction(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    text = signed_text(idp, sp, request_id)
    return f'<?xml-stylesheet href="http://127.0.0.1/x.xsl" type="text/xsl"?>{text}'.encode()


@attack(SAMLFailure.RELATIVE_NAMESPACE)
def void_canonicalization(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    # libxml2 refuses to canonicalize it, and callers that ignore its error sign, and verify, the empty text.
    return (
        signed_text(idp, sp, request_id).replace("<saml:Assertion ", '<saml:Assertion xmlns:x="1" ').encode()
    )


@attack(SAMLFailure.SCHEMA_LOCATION)
def schema_location(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    def change(root: Element) -> None:
        root.set(tag(XSI, "schemaLocation"), "urn:x http://127.0.0.1/x.xsd")

    return idp.response(sp, request_id, change)


@attack(SAMLFailure.DUPLICATE_ID)
def duplicate_ids(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    evil = evil_assertion(root)
    evil.set("ID", str(one(root, "Assertion").get("ID")))
    root.insert(0, evil)
    return root


@attack(SAMLFailure.DUPLICATE_ID)
def duplicate_id_in_another_spelling(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    extensions = etree.Element(tag(SAMLP, "Extensions"))
    etree.SubElement(extensions, "{urn:x}y", {"{urn:x}Id": str(one(root, "Assertion").get("ID"))})
    one(root, "Issuer").addnext(extensions)
    return root


@attack(SAMLFailure.NOT_A_RESPONSE)
def another_message(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return one(idp.response(sp, request_id), "Assertion")


changed("version_1_1", SAMLFailure.NOT_A_RESPONSE, lambda root: root.set("Version", "1.1"))


@attack(SAMLFailure.NOT_A_RESPONSE)
def response_without_an_id(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    del root.attrib["ID"]
    return root


def fail(root: Element) -> None:
    one(root, "StatusCode").set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")


changed("status_is_no_success", SAMLFailure.IDP_REPORTED_FAILURE, fail)
changed("no_status", SAMLFailure.IDP_REPORTED_FAILURE, lambda root: root.remove(one(root, "Status")))
changed(
    "unknown_element",
    SAMLFailure.SCHEMA_VIOLATED,
    lambda root: etree.SubElement(one(root, "Assertion"), "{urn:x}y"),
)
