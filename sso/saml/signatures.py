"""XML signatures: what shape they must have, and how one is verified over the octets that are then read."""

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import xmlsec
from lxml import etree

from sso.saml import keys
from sso.saml.documents import Element, child, children, parse_again, text_of
from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import DIGESTS, DS, ENVELOPED, EXCLUSIVE_C14N, SIGNATURES, tag

_REFERENCE_TRANSFORMS: Final = (
    xmlsec.constants.TransformEnveloped,
    xmlsec.constants.TransformExclC14N,
    xmlsec.constants.TransformSha256,
    xmlsec.constants.TransformSha384,
    xmlsec.constants.TransformSha512,
)
_SIGNATURE_TRANSFORMS: Final = (
    xmlsec.constants.TransformExclC14N,
    xmlsec.constants.TransformRsaSha256,
    xmlsec.constants.TransformRsaSha384,
    xmlsec.constants.TransformRsaSha512,
    xmlsec.constants.TransformEcdsaSha256,
    xmlsec.constants.TransformEcdsaSha384,
    xmlsec.constants.TransformEcdsaSha512,
)


class GuardedSignatureContext(xmlsec.SignatureContext):
    """Knows the listed transforms alone, so that an XSLT or XPath in a signature is an error and never runs.

    xmlsec runs the transforms of a reference before it looks at the signature's value, so that a stranger's
    stylesheet would keep a processor busy for minutes (python3-saml, issue 447).
    """

    def __init__(self, manager: xmlsec.KeysManager | None = None) -> None:
        super().__init__(manager)  # type: ignore[call-arg]  # The stubs do not know the argument.
        for transform in _REFERENCE_TRANSFORMS:
            self.enable_reference_transform(transform)
        for transform in _SIGNATURE_TRANSFORMS:
            self.enable_signature_transform(transform)


def check_signatures(root: Element, places: Sequence[Element]) -> dict[Element, Element]:
    """Check where signatures stand and what shape they have; return those of ``places`` by the element they sign.

    Each must be a direct child of what it signs, and refer to nothing else: this is what ends signature wrapping.
    """
    found: dict[Element, Element] = {}
    for signature in root.iter(tag(DS, "Signature")):
        parent = signature.getparent()
        if parent is None or parent not in places or parent in found:
            raise refused(
                SAMLFailure.SIGNATURE_MISPLACED,
                found="nothing" if parent is None else etree.QName(parent).localname,
            )
        _check_shape(signature, parent)
        found[parent] = signature
    return found


def _check_shape(signature: Element, signed: Element) -> None:
    for part in signature:
        if part.tag not in {tag(DS, "SignedInfo"), tag(DS, "SignatureValue"), tag(DS, "KeyInfo")}:
            raise refused(SAMLFailure.SIGNATURE_CARRIES_OBJECT, found=etree.QName(part).localname)
    signed_info = child(signature, DS, "SignedInfo")
    if signed_info is None:
        raise refused(SAMLFailure.NOT_ONE_REFERENCE, found=0)
    references = children(signed_info, DS, "Reference")
    if len(references) != 1:
        raise refused(SAMLFailure.NOT_ONE_REFERENCE, found=len(references))
    uri = references[0].get("URI", "")
    if not signed.get("ID") or uri != f"#{signed.get('ID')}":
        raise refused(SAMLFailure.SIGNATURE_OF_ANOTHER_ELEMENT, found=uri or "the whole document")
    _check_methods(signed_info, references[0])


def _check_methods(signed_info: Element, reference: Element) -> None:
    canonicalization = child(signed_info, DS, "CanonicalizationMethod")
    algorithm = _algorithm(canonicalization)
    if algorithm != EXCLUSIVE_C14N:
        raise refused(SAMLFailure.CANONICALIZATION_REFUSED, found=algorithm)
    method = child(signed_info, DS, "SignatureMethod")
    algorithm = _algorithm(method)
    if "hmac" in algorithm.lower():
        raise refused(SAMLFailure.SYMMETRIC_SIGNATURE, found=algorithm)
    # A child of the method is HMACOutputLength, or a parameter that is not understood.
    if algorithm not in SIGNATURES or (method is not None and len(method)):
        raise refused(SAMLFailure.SIGNATURE_METHOD_REFUSED, found=algorithm)
    algorithm = _algorithm(child(reference, DS, "DigestMethod"))
    if algorithm not in DIGESTS:
        raise refused(SAMLFailure.DIGEST_REFUSED, found=algorithm)
    transforms = [
        transform for group in children(reference, DS, "Transforms") for transform in group.iterchildren()
    ]
    for transform, expected in zip(transforms, (ENVELOPED, EXCLUSIVE_C14N), strict=False):
        if _algorithm(transform) != expected or not _has_prefixes_alone(transform):
            raise refused(SAMLFailure.TRANSFORM_REFUSED, found=_algorithm(transform))
    if len(transforms) != 2:
        raise refused(SAMLFailure.TRANSFORM_REFUSED, found=f"list of {len(transforms)}")


def _has_prefixes_alone(transform: Element) -> bool:
    """True for a transform that carries nothing, or the prefix list of exclusive canonicalization."""
    inside = list(transform)
    if not inside:
        return True
    return (
        len(inside) == 1
        and inside[0].tag == tag(EXCLUSIVE_C14N, "InclusiveNamespaces")
        and _algorithm(transform) == EXCLUSIVE_C14N
        and not len(inside[0])
    )


def _algorithm(element: Element | None) -> str:
    return "" if element is None else str(element.get("Algorithm", ""))


# --- verifying ------------------------------------------------------------------------------------------


def verify(signed: Element, certificates_pem: Sequence[str], what: str) -> tuple[Element, str]:
    """Verify the signature that an element carries; return its content and the fingerprint of the certificate.

    The content is a new tree, parsed from the very octets that were digested; whatever is read from it was signed.
    Only the given certificates count; those in KeyInfo are for words alone. Raises ExchangeRefused.
    """
    # On its own, nothing of the surrounding document can be mistaken for the signed element.
    alone = parse_again(etree.tostring(signed, with_tail=False, encoding="utf-8"))
    signature = child(alone, DS, "Signature")
    if signature is None:
        raise ValueError("Only a signed element can be verified.")
    _check_shape(signature, alone)
    for pem in certificates_pem:
        if _matches(alone, signature, pem):
            break
    else:
        _refuse_signature(signature, certificates_pem, what)
    octets = _digested_octets(alone, signature)
    if octets is None:
        raise refused(SAMLFailure.INVALID_SIGNATURE, what=what, known=keys.describe_all(certificates_pem))
    return parse_again(octets), _fingerprint_of(pem)


def _matches(alone: Element, signature: Element, certificate_pem: str) -> bool:
    context = GuardedSignatureContext()
    context.key = _verification_key(certificate_pem)
    context.register_id(alone, "ID")
    context.set_enabled_key_data([xmlsec.constants.KeyDataX509])
    try:
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True


@lru_cache(maxsize=256)
def _verification_key(certificate_pem: str) -> xmlsec.Key:
    keys.public_key_of(certificate_pem)  # Refuses what is too weak to count.
    return xmlsec.Key.from_memory(certificate_pem, xmlsec.constants.KeyDataFormatCertPem)


@lru_cache(maxsize=256)
def _fingerprint_of(certificate_pem: str) -> str:
    return keys.read_certificates(certificate_pem)[0].fingerprint


def _digested_octets(alone: Element, signature: Element) -> bytes | None:
    """Return the canonical form of an element without its signature, or None where that is not what was signed."""
    reference = next(signature.iter(tag(DS, "Reference")))
    prefixes = [
        prefix
        for listed in reference.iter(tag(EXCLUSIVE_C14N, "InclusiveNamespaces"))
        for prefix in (listed.get("PrefixList") or "").split()
    ]
    _remove(signature)
    octets = etree.tostring(
        alone, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes or None
    )
    digest = hashlib.new(DIGESTS[_algorithm(child(reference, DS, "DigestMethod"))], octets).digest()
    try:
        expected = keys.octets_of(text_of(child(reference, DS, "DigestValue")))
    except ValueError:
        return None
    return octets if hmac.compare_digest(digest, expected) else None


def _remove(element: Element) -> None:
    """Take an element out; the text behind it stays, as it was signed too."""
    parent, previous = element.getparent(), element.getprevious()
    if parent is None:
        return
    if previous is not None:
        previous.tail = (previous.tail or "") + (element.tail or "")
    else:
        parent.text = (parent.text or "") + (element.tail or "")
    parent.remove(element)


def _refuse_signature(signature: Element, certificates_pem: Sequence[str], what: str) -> None:
    known = keys.describe_all(certificates_pem)
    fingerprints = {_fingerprint_of(pem) for pem in certificates_pem}
    named = _certificate_named_in(signature)
    if named is not None and named.fingerprint not in fingerprints:
        raise refused(SAMLFailure.UNKNOWN_CERTIFICATE, found=named, known=known)
    raise refused(SAMLFailure.INVALID_SIGNATURE, what=what, known=known)


def _certificate_named_in(signature: Element) -> keys.Certificate | None:
    for element in signature.iter(tag(DS, "X509Certificate")):
        try:
            return keys.read_certificate(text_of(element))
        except keys.CertificateRefused:
            continue
    return None
