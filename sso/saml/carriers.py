"""How a logout message arrives: in a query whose signature stands beside it, or in a form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from sso.saml import keys
from sso.saml.documents import Element, decode_base64, inflate, parse
from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import SIGNATURES

_DEFLATE: Final = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
_DIGESTS: Final[Mapping[str, type[hashes.HashAlgorithm]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A message and what came with it. ``signed_query`` is None for a form, whose document is signed inside."""

    root: Element
    relay_state: str
    signed_query: bytes | None = None
    algorithm: str = ""
    signature: str = ""

    def verify_query(self, certificates_pem: Sequence[str], what: str) -> None:
        """Raise ExchangeRefused unless one of the certificates made the signature of the query."""
        if not self.signature:
            raise refused(SAMLFailure.MESSAGE_NOT_SIGNED, what=what)
        if "hmac" in self.algorithm.lower():
            raise refused(SAMLFailure.SYMMETRIC_SIGNATURE, found=self.algorithm)
        if self.algorithm not in SIGNATURES:
            raise refused(
                SAMLFailure.SIGNATURE_METHOD_REFUSED, found=self.algorithm or "a method without a name"
            )
        try:
            signature = keys.octets_of(self.signature)
        except ValueError as error:
            raise refused(SAMLFailure.NOT_BASE64) from error
        octets = self.signed_query or b""
        if not any(_matches(octets, signature, self.algorithm, pem) for pem in certificates_pem):
            raise refused(SAMLFailure.INVALID_SIGNATURE, what=what, known=keys.describe_all(certificates_pem))


def carried_by_query(query_string: str, parameter: str) -> Carried:
    """Read a raw query (SAML bindings 3.4.4); raises ExchangeRefused.

    What was signed is put together from the parameters as they were sent, not as they decode: two spellings of one
    value are two signatures.
    """
    sent: dict[str, str] = {}
    for part in query_string.split("&"):
        name, _, value = part.partition("=")
        if name in sent:
            # A signature over one and a reader of the other would be two messages.
            raise refused(SAMLFailure.PARAMETER_TWICE, found=name)
        sent[name] = value
    if not sent.get(parameter):
        raise refused(SAMLFailure.NOT_A_RESPONSE, expected="logout message", found="a query without one")
    if unquote(sent.get("SAMLEncoding", _DEFLATE)) != _DEFLATE:
        raise refused(SAMLFailure.NOT_XML, reason="its encoding is not DEFLATE")
    root = parse(inflate(decode_base64(unquote(sent[parameter]))))
    signed = "&".join(f"{name}={sent[name]}" for name in (parameter, "RelayState", "SigAlg") if name in sent)
    return Carried(
        root=root,
        relay_state=unquote_plus(sent.get("RelayState", "")),
        signed_query=signed.encode(),
        algorithm=unquote(sent.get("SigAlg", "")),
        signature=unquote(sent.get("Signature", "")),
    )


def carried_by_form(form: Mapping[str, str], parameter: str) -> Carried:
    """Read a posted form (SAML bindings 3.5.4); raises ExchangeRefused."""
    if not form.get(parameter):
        raise refused(SAMLFailure.NOT_A_RESPONSE, expected="logout message", found="a form without one")
    return Carried(root=parse(decode_base64(form[parameter])), relay_state=form.get("RelayState", ""))


def _matches(octets: bytes, signature: bytes, algorithm: str, certificate_pem: str) -> bool:
    family, digest_name = SIGNATURES[algorithm]
    digest = _DIGESTS[digest_name]()
    key = keys.public_key_of(certificate_pem)
    try:
        if isinstance(key, rsa.RSAPublicKey) and family == "rsa":
            key.verify(signature, octets, padding.PKCS1v15(), digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and family == "ecdsa":
            key.verify(_as_der(signature), octets, ec.ECDSA(digest))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _as_der(signature: bytes) -> bytes:
    """XML Signature 1.1 §6.4.3 writes the two numbers of ECDSA one behind the other; the library wants ASN.1."""
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
