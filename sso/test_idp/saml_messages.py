"""Reading what SAML service providers send to the test identity provider: AuthnRequest and LogoutRequest.

Nothing that is read here is trusted: a request says where the answer shall go, and a person looks at that before
sending it. The parser is guarded against what XML can do to a server all the same.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import Any

from lxml import etree

NAMESPACES = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
}
BINDING_POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
BINDING_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
FORMAT_EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
FORMAT_PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"

_LARGEST_MESSAGE = 64 * 1024
_LONGEST_VALUE = 2000


class UnreadableRequest(Exception):
    """A request that makes no sense; the message is for the developer of the service provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSignIn:
    """What an answer has to fit. ``request_id`` is empty for a sign-in that begins here."""

    request_id: str
    sp_entity_id: str
    acs_url: str
    relay_state: str = ""
    name_id_format: str = FORMAT_PERSISTENT
    authn_context: str = ""
    force_authn: bool = False
    is_passive: bool = False
    login_hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLogout:
    """A logout that a service provider asks for."""

    request_id: str
    sp_entity_id: str
    name_id: str
    relay_state: str = ""


def read_sign_in_request(message: str, *, by_redirect: bool, relay_state: str, sso_url: str) -> AskedSignIn:
    """Read an AuthnRequest (SAML core 3.4.1) as it stands in its parameter; raises UnreadableRequest."""
    root = _read(message, "AuthnRequest", by_redirect=by_redirect)
    if root.get("Destination", sso_url) != sso_url:
        raise UnreadableRequest(f"Its Destination is {root.get('Destination')}, and this is {sso_url}.")
    acs_url = root.get("AssertionConsumerServiceURL", "")
    if not acs_url:
        raise UnreadableRequest(
            "It has no AssertionConsumerServiceURL. The test identity provider keeps no metadata of service "
            "providers, so that every request has to say where the answer goes."
        )
    if root.get("ProtocolBinding", BINDING_POST) != BINDING_POST:
        raise UnreadableRequest("It asks for an answer by another binding than HTTP-POST.")
    policy = root.find("samlp:NameIDPolicy", NAMESPACES)
    wanted = "" if policy is None else policy.get("Format", "")
    return AskedSignIn(
        request_id=_required(root, "ID"),
        sp_entity_id=_text_of(root, "saml:Issuer"),
        acs_url=acs_url[:_LONGEST_VALUE],
        relay_state=relay_state[:_LONGEST_VALUE],
        name_id_format=FORMAT_EMAIL if wanted == FORMAT_EMAIL else FORMAT_PERSISTENT,
        authn_context=_text_of(root, "samlp:RequestedAuthnContext/saml:AuthnContextClassRef", optional=True),
        force_authn=_is_true(root.get("ForceAuthn")),
        is_passive=_is_true(root.get("IsPassive")),
        login_hint=_text_of(root, "saml:Subject/saml:NameID", optional=True),
    )


def read_logout_request(message: str, *, by_redirect: bool, relay_state: str) -> AskedLogout:
    """Read a LogoutRequest (SAML core 3.7.1); raises UnreadableRequest."""
    root = _read(message, "LogoutRequest", by_redirect=by_redirect)
    return AskedLogout(
        request_id=_required(root, "ID"),
        sp_entity_id=_text_of(root, "saml:Issuer"),
        name_id=_text_of(root, "saml:NameID", optional=True),
        relay_state=relay_state[:_LONGEST_VALUE],
    )


def deflated(document: bytes) -> str:
    """Return a message as the redirect binding carries it (SAML bindings 3.4.4.1), before URL encoding."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(compressor.compress(document) + compressor.flush()).decode()


def _read(message: str, expected: str, *, by_redirect: bool) -> Any:
    document = _decode(message, by_redirect=by_redirect)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        root: Any = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableRequest("It is not well-formed XML.") from error
    if root.getroottree().docinfo.doctype:
        raise UnreadableRequest("It has a document type declaration, which no SAML message needs.")
    name = etree.QName(root)
    if name.namespace != NAMESPACES["samlp"] or name.localname != expected:
        raise UnreadableRequest(f"It is a {name.localname}, and an {expected} belongs here.")
    if root.get("Version") != "2.0":
        raise UnreadableRequest("It is not of SAML version 2.0.")
    return root


def _decode(message: str, *, by_redirect: bool) -> bytes:
    try:
        raw = base64.b64decode("".join(message.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableRequest("It is not base64.") from error
    if by_redirect:
        inflater = zlib.decompressobj(-15)
        try:
            raw = inflater.decompress(raw, _LARGEST_MESSAGE + 1)
        except zlib.error as error:
            raise UnreadableRequest("It is not deflated, as the redirect binding demands.") from error
    if not raw or len(raw) > _LARGEST_MESSAGE:
        raise UnreadableRequest("It is empty or too large.")
    return raw


def _required(root: Any, name: str) -> str:
    value: str = root.get(name, "")
    if not value or len(value) > 256:
        raise UnreadableRequest(f"Its {name} is missing or too long.")
    return value


def _text_of(root: Any, path: str, *, optional: bool = False) -> str:
    element = root.find(path, NAMESPACES)
    text = "" if element is None else "".join(element.itertext()).strip()[:_LONGEST_VALUE]
    if not text and not optional:
        raise UnreadableRequest(f"It has no {path.rpartition(':')[2]}.")
    return text


def _is_true(text: str | None) -> bool:
    # XML Schema booleans.
    return text in {"true", "1"}
