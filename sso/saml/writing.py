"""Writing SAML messages of our own, and signing them for either binding."""

import base64
import secrets
import zlib
from collections.abc import Mapping
from urllib.parse import quote

import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from foundation import clock
from sso.saml import keys
from sso.saml.documents import Element, child
from sso.saml.names import PREFIXES, RSA_SHA256, SAML, SAMLP, tag
from sso.saml.parties import ServiceProvider
from sso.saml.signatures import GuardedSignatureContext


def new_message(name: str, sp: ServiceProvider, destination: str) -> Element:
    """Return a message with what every message has: a random ID, its time, its destination and its issuer."""
    message = etree.Element(
        tag(SAMLP, name), nsmap={prefix: PREFIXES[prefix] for prefix in ("samlp", "saml")}
    )
    # SAML core 1.3.4: at least 128 random bits; an XML name does not begin with a digit.
    message.set("ID", f"_{secrets.token_hex(20)}")
    message.set("Version", "2.0")
    message.set("IssueInstant", f"{clock.now():%Y-%m-%dT%H:%M:%SZ}")
    message.set("Destination", destination)
    add(message, SAML, "Issuer", sp.entity_id)
    return message


def add(parent: Element, namespace: str, name: str, text: str | None = None, **attributes: str) -> Element:
    """Append an element; text and attributes are escaped by the writer."""
    element = etree.SubElement(parent, tag(namespace, name), attributes)
    element.text = text
    return element


def redirect_url(
    url: str, parameter: str, message: Element, relay_state: str | None, sp: ServiceProvider, *, sign: bool
) -> str:
    """Return the URL that carries a message by the redirect binding (SAML bindings 3.4.4).

    ``parameter`` is SAMLRequest or SAMLResponse. The signature covers the query exactly as it is sent.
    """
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packing.compress(etree.tostring(message)) + packing.flush()
    fields = {parameter: base64.b64encode(packed).decode()}
    if relay_state:
        fields["RelayState"] = relay_state
    if sign:
        fields["SigAlg"] = RSA_SHA256
    query = encode_query(fields)
    if sign:
        signature = keys.private_key_of(sp.private_key_pem).sign(
            query.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        query += "&" + encode_query({"Signature": base64.b64encode(signature).decode()})
    return with_query(url, query)


def encode_query(fields: Mapping[str, str]) -> str:
    """Write query parameters in the given order."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def with_query(url: str, query: str) -> str:
    """Append parameters to a URL that may have some; a fragment never reaches a server and is dropped."""
    url = url.partition("#")[0]
    return f"{url}{'&' if '?' in url else '?'}{query}"


def post_form(
    parameter: str, message: Element, relay_state: str | None, sp: ServiceProvider, *, sign: bool
) -> dict[str, str]:
    """Return the fields that carry a message by the POST binding (SAML bindings 3.5.4)."""
    if sign:
        sign_message(message, sp)
    fields = {parameter: base64.b64encode(etree.tostring(message)).decode()}
    if relay_state:
        fields["RelayState"] = relay_state
    return fields


def sign_message(message: Element, sp: ServiceProvider) -> None:
    """Put an enveloped signature behind the issuer, where the schema wants it; the certificate comes with it."""
    signature = xmlsec.template.create(
        message, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256, ns="ds"
    )
    issuer = child(message, SAML, "Issuer")
    if issuer is None:
        message.insert(0, signature)
    else:
        issuer.addnext(signature)
    reference = xmlsec.template.add_reference(
        signature, xmlsec.constants.TransformSha256, uri=f"#{message.get('ID')}"
    )
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformEnveloped)
    xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    key_info = xmlsec.template.ensure_key_info(signature)
    xmlsec.template.add_x509_data(key_info)
    context = GuardedSignatureContext()
    key = xmlsec.Key.from_memory(sp.private_key_pem, xmlsec.constants.KeyDataFormatPem)
    key.load_cert_from_memory(sp.certificate_pem, xmlsec.constants.KeyDataFormatCertPem)
    context.key = key
    context.register_id(message, "ID")
    context.sign(signature)
