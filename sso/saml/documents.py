"""Reading XML that strangers send: every guard stands before anything of the document is used."""

import base64
import binascii
import codecs
import re
import threading
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lxml import etree
from onelogin.saml2 import xml_utils

from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import XSI, tag

MAXIMUM_BYTES: Final = 256 * 1024
MAXIMUM_METADATA_BYTES: Final = 1024 * 1024
MAXIMUM_DEPTH: Final = 32
MAXIMUM_ELEMENTS: Final = 10_000
# Canonicalization looks through all namespaces in scope for every element.
MAXIMUM_PREFIXES: Final = 64

Element = etree._Element  # noqa: SLF001  # The public name of the class is a factory function.

_DECLARED_ENCODING = re.compile(r"\A\s*<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"']*)[\"']")
_EXTERNAL_ENTITY = re.compile(r"<!ENTITY\s+(?:%\s+)?\S+\s+(?:SYSTEM|PUBLIC)\b")
_PREFIX = re.compile(r"\sxmlns(?::([^\s=]+))?\s*=")
_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


def decode_base64(text: str) -> bytes:
    """Return the octets of a posted message (SAML bindings 3.5.4); raises ExchangeRefused."""
    # Line breaks are allowed by the binding; nothing else outside of the alphabet is.
    packed = "".join(text.split())
    if len(packed) > MAXIMUM_BYTES * 4 // 3 + 4:
        raise refused(SAMLFailure.TOO_LARGE, size=len(packed) * 3 // 4, limit=MAXIMUM_BYTES)
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused(SAMLFailure.NOT_BASE64) from error


def inflate(octets: bytes) -> bytes:
    """Unpack a message of the redirect binding (SAML bindings 3.4.4.1), up to the limit; raises ExchangeRefused."""
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        unpacked = unpacking.decompress(octets, MAXIMUM_BYTES + 1)
    except zlib.error as error:
        raise refused(SAMLFailure.NOT_XML, reason="it is not compressed by DEFLATE") from error
    if len(unpacked) > MAXIMUM_BYTES:
        raise refused(SAMLFailure.TOO_LARGE, size=f"over {MAXIMUM_BYTES}", limit=MAXIMUM_BYTES)
    if not unpacking.eof or unpacking.unused_data:
        raise refused(
            SAMLFailure.NOT_XML, reason="its compressed form is cut off or carries more behind its end"
        )
    return unpacked


def parse(octets: bytes) -> Element:
    """Return the root of a document that passed every guard; raises ExchangeRefused with the guard's name.

    The guards: size, plain UTF-8, no document type or entities, well-formed, depth and number of elements, no
    comments and processing instructions, absolute namespaces, no schema hints, unique IDs. Nothing is loaded from
    anywhere.
    """
    _check_octets(octets, MAXIMUM_BYTES)
    # Comments stay in: what is not wanted must be seen to be refused.
    root = _parsed(octets, drop_comments=False)
    _check_tree(root)
    return root


def parse_again(octets: bytes) -> Element:
    """Return the root of what was written from a tree that passed :func:`parse`."""
    return _parsed(octets, drop_comments=False)


def parse_metadata(octets: bytes) -> Element:
    """Return the root of metadata, which is read leniently: comments are common in it, and nothing in it is signed.

    Raises ExchangeRefused for what is too large, not UTF-8, not well-formed, or declares entities.
    """
    # Files that were saved by an editor may begin with a byte order mark.
    octets = octets.removeprefix(codecs.BOM_UTF8).strip()
    _check_octets(octets, MAXIMUM_METADATA_BYTES)
    root = _parsed(octets, drop_comments=True)
    _check_size(root)
    return root


def _parsed(octets: bytes, *, drop_comments: bool) -> Element:
    # Nothing is expanded, and nothing is loaded from anywhere.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=drop_comments,
        remove_pis=drop_comments,
    )
    try:
        return etree.fromstring(octets, parser)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            raise refused(SAMLFailure.TOO_DEEP, limit=MAXIMUM_DEPTH) from error
        raise refused(SAMLFailure.NOT_XML, reason=error.msg or "it cannot be parsed") from error


def _check_octets(octets: bytes, limit: int) -> None:
    if len(octets) > limit:
        raise refused(SAMLFailure.TOO_LARGE, size=len(octets), limit=limit)
    if octets.startswith(_BYTE_ORDER_MARKS) or b"\0" in octets:
        raise refused(SAMLFailure.WRONG_ENCODING)
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused(SAMLFailure.WRONG_ENCODING) from error
    declared = _DECLARED_ENCODING.match(text)
    if declared and declared[1].lower() not in {"utf-8", "utf8"}:
        raise refused(SAMLFailure.WRONG_ENCODING)
    _check_text(text)


def _check_text(text: str) -> None:
    if not text.lstrip().startswith("<"):
        if _is_base64_of_xml(text):
            raise refused(SAMLFailure.DOUBLE_BASE64)
        raise refused(SAMLFailure.NOT_XML, reason="it does not begin with an element")
    if _EXTERNAL_ENTITY.search(text):
        raise refused(SAMLFailure.EXTERNAL_ENTITY)
    if "<!ENTITY" in text:
        raise refused(SAMLFailure.ENTITY_DECLARED)
    if "<!DOCTYPE" in text:
        raise refused(SAMLFailure.DOCUMENT_TYPE)
    if len(set(_PREFIX.findall(text))) > MAXIMUM_PREFIXES:
        raise refused(SAMLFailure.TOO_DEEP, limit=MAXIMUM_DEPTH)


def _is_base64_of_xml(text: str) -> bool:
    try:
        return base64.b64decode("".join(text.split()), validate=True).lstrip().startswith(b"<")
    except (binascii.Error, ValueError):
        return False


def _check_tree(root: Element) -> None:
    ids: Counter[str] = Counter()
    depth = elements = 0
    for event, node in etree.iterwalk(
        root.getroottree(), events=("start", "end", "start-ns", "comment", "pi")
    ):
        if event == "start":
            depth, elements = depth + 1, elements + 1
            _check_bounds(depth, elements)
            _check_attributes(node, ids)
        elif event == "end":
            depth -= 1
        elif event == "start-ns":
            _check_namespace(node[1])
        else:
            raise refused(SAMLFailure.COMMENT if event == "comment" else SAMLFailure.PROCESSING_INSTRUCTION)
    _check_outside(root)
    for found, times in ids.items():
        if times > 1:
            raise refused(SAMLFailure.DUPLICATE_ID, found=found)


def _check_size(root: Element) -> None:
    depth = elements = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        elements += event == "start"
        _check_bounds(depth, elements)


def _check_bounds(depth: int, elements: int) -> None:
    if depth > MAXIMUM_DEPTH or elements > MAXIMUM_ELEMENTS:
        raise refused(SAMLFailure.TOO_DEEP, limit=MAXIMUM_DEPTH)


def _check_attributes(element: Element, ids: Counter[str]) -> None:
    if not isinstance(element.tag, str):
        # An entity reference; the parser leaves it in the tree instead of its text.
        raise refused(SAMLFailure.ENTITY_DECLARED)
    for name, value in element.attrib.items():
        namespace, _, local = str(name).rpartition("}")
        if local.lower() == "id":
            ids[str(value)] += 1
        elif namespace == f"{{{XSI}" and local.lower().endswith("schemalocation"):
            # libxml2 loads what these name while it validates.
            raise refused(SAMLFailure.SCHEMA_LOCATION)


def _check_namespace(uri: str) -> None:
    # Canonical XML is undefined for relative namespace URIs; libraries that go on regardless sign nothing at all.
    if uri and not urlsplit(uri).scheme:
        raise refused(SAMLFailure.RELATIVE_NAMESPACE, found=uri)


def _check_outside(root: Element) -> None:
    """Refuse comments and instructions before and after the root, where a walk of the tree does not come."""
    for siblings in (root.itersiblings(), root.itersiblings(preceding=True)):
        for sibling in siblings:
            is_comment = isinstance(sibling, etree._Comment)  # noqa: SLF001  # As above.
            raise refused(SAMLFailure.COMMENT if is_comment else SAMLFailure.PROCESSING_INSTRUCTION)


# --- the schema -----------------------------------------------------------------------------------------

_validating = threading.Lock()


@cache
def compiled_schema(name: str) -> etree.XMLSchema:
    """Return one of the OASIS schemas that come with the library; it costs milliseconds to compile, so it is kept."""
    return etree.XMLSchema(etree.parse(Path(xml_utils.__file__).parent / "schemas" / name))


def check_schema(root: Element, name: str = "saml-schema-protocol-2.0.xsd") -> None:
    """Raise ExchangeRefused where a document breaks the schema."""
    reason = schema_violation(root, name)
    if reason is not None:
        raise refused(SAMLFailure.SCHEMA_VIOLATED, reason=reason)


def schema_violation(root: Element, name: str) -> str | None:
    """Return the first violation in words, or None for a valid document."""
    # A compiled schema keeps the errors of its last run.
    with _validating:
        schema = compiled_schema(name)
        if schema.validate(root):
            return None
        return str(schema.error_log.last_error.message)  # type: ignore[attr-defined]  # The stubs know no more.


# --- reading --------------------------------------------------------------------------------------------


def children(element: Element, namespace: str, name: str) -> list[Element]:
    """Return the direct children of a name."""
    return list(element.iterchildren(tag(namespace, name)))


def child(element: Element, namespace: str, name: str) -> Element | None:
    """Return the first direct child of a name, or None."""
    return next(iter(element.iterchildren(tag(namespace, name))), None)


def text_of(element: Element | None) -> str:
    """Return the text of an element without surrounding space; the guards left nothing that could cut it short."""
    return "" if element is None else "".join(str(part) for part in element.itertext()).strip()


def ids_of(root: Element) -> set[str]:
    """Return the IDs in a tree, in any spelling of the attribute."""
    return {
        str(value)
        for element in root.iter()
        for name, value in element.attrib.items()
        if etree.QName(name).localname.lower() == "id"
    }
