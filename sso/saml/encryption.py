"""Opening what was encrypted to us: assertions and NameIDs (XML Encryption, the parts of it that SAML uses).

The decryption of xmlsec is not used: it would run the transforms of a CipherReference and fetch what that names.
Anybody can encrypt to a public key, so what comes out is as untrusted as the message around it.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from sso.saml import keys
from sso.saml.documents import Element, child, parse, text_of
from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import CIPHERS, DS, KEY_TRANSPORTS, XENC, XENC11, tag

# One key for each recipient; more than a few only cost us time.
_MAXIMUM_KEYS: Final = 4
_NONCE_BYTES: Final = 12

# SHA-1 within OAEP needs no resistance against collisions, and providers are set to it (RFC 8017, B.1).
_OAEP_DIGESTS: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "": hashes.SHA1,
    f"{DS}sha1": hashes.SHA1,
    f"{XENC}sha256": hashes.SHA256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384,
    f"{XENC}sha512": hashes.SHA512,
}
_MASKS: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "": hashes.SHA1,
    f"{XENC11}mgf1sha1": hashes.SHA1,
    f"{XENC11}mgf1sha256": hashes.SHA256,
    f"{XENC11}mgf1sha384": hashes.SHA384,
    f"{XENC11}mgf1sha512": hashes.SHA512,
}


def decrypt(encrypted: Element, private_key_pem: str, expected: str, what: str) -> Element:
    """Return the one element inside an EncryptedAssertion or EncryptedID; raises ExchangeRefused.

    ``expected`` is its name in Clark's notation. RSA-OAEP and AES-GCM count; RSA-1.5 and CBC tell an attacker by
    their errors what is inside.
    """
    data = child(encrypted, XENC, "EncryptedData")
    if data is None or data.get("Type", f"{XENC}Element") != f"{XENC}Element":
        raise refused(SAMLFailure.DECRYPTION_FAILED, what=what)
    method = _algorithm(child(data, XENC, "EncryptionMethod"))
    if method not in CIPHERS:
        raise refused(SAMLFailure.CIPHER_REFUSED, found=method or "a method that it does not name")
    # In the KeyInfo of the data, or beside the data: providers do either.
    wrapped_keys = list(encrypted.iter(tag(XENC, "EncryptedKey")))[:_MAXIMUM_KEYS]
    for wrapped in wrapped_keys:
        transport = _algorithm(child(wrapped, XENC, "EncryptionMethod"))
        if transport not in KEY_TRANSPORTS:
            raise refused(
                SAMLFailure.KEY_TRANSPORT_REFUSED, found=transport or "a method that it does not name"
            )
    private_key = keys.private_key_of(private_key_pem)
    for wrapped in wrapped_keys:
        octets = _open(data, wrapped, private_key, CIPHERS[method])
        if octets is not None:
            return _element_in(octets, encrypted, expected, what)
    raise refused(SAMLFailure.DECRYPTION_FAILED, what=what)


def _open(data: Element, wrapped: Element, private_key: rsa.RSAPrivateKey, key_bytes: int) -> bytes | None:
    """Return the octets in an EncryptedData, or None for a key or a ciphertext that is not for us."""
    method = child(wrapped, XENC, "EncryptionMethod")
    digest = _OAEP_DIGESTS.get(_algorithm(None if method is None else child(method, DS, "DigestMethod")))
    mask = _MASKS.get(_algorithm(None if method is None else child(method, XENC11, "MGF")))
    if digest is None or mask is None:
        return None
    try:
        key = private_key.decrypt(
            _cipher_value(wrapped), padding.OAEP(padding.MGF1(mask()), digest(), label=None)
        )
        octets = _cipher_value(data)
        if len(key) != key_bytes or len(octets) <= _NONCE_BYTES:
            return None
        return AESGCM(key).decrypt(octets[:_NONCE_BYTES], octets[_NONCE_BYTES:], None)
    except (ValueError, InvalidTag):
        return None


def _cipher_value(element: Element) -> bytes:
    """Return the octets of a CipherValue; a CipherReference has none here. Raises ValueError."""
    cipher_data = child(element, XENC, "CipherData")
    return keys.octets_of(text_of(None if cipher_data is None else child(cipher_data, XENC, "CipherValue")))


def _element_in(octets: bytes, place: Element, expected: str, what: str) -> Element:
    # Many providers leave out the declarations of namespaces that stand further out, so those are given again.
    # The stubs know no default prefix.
    frame = etree.Element("frame", nsmap=place.nsmap)  # type: ignore[arg-type]
    opening = etree.tostring(frame).removesuffix(b"/>")
    root = parse(opening + b">" + octets + b"</frame>")
    inside = list(root)
    if len(inside) != 1 or inside[0].tag != expected or (root.text or inside[0].tail or "").strip():
        raise refused(SAMLFailure.DECRYPTION_FAILED, what=what)
    return inside[0]


def _algorithm(element: Element | None) -> str:
    return "" if element is None else str(element.get("Algorithm", ""))
