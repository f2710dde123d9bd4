"""Opening what was encrypted to us: assertions and NameIDs (XML Encryption, the parts of it that SAML uses).

The decryption of xmlsec is not used: it would run the transforms of a CipherReference and fetch what that names.
Anybody can encrypt to a public key, so what comes out is as untrusted as the message around it.

AES-GCM seals its ciphertext; AES-CBC does not, so that whoever may have changed ciphertexts opened would learn the text
from the failures (Jager and Somorovsky, How to Break XML Encryption). CBC is therefore opened only out of what the
provider has verifiably signed as it stands, and everything that goes wrong with it afterwards is one failure.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from sso.exchanges import ExchangeRefused
from sso.saml import keys
from sso.saml.documents import Element, child, parse, text_of
from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import CIPHERS, DS, KEY_TRANSPORTS, UNSEALED_CIPHERS, XENC, XENC11, tag
from sso.saml.parties import KeyPair

# One key for each recipient; more than a few only cost us time.
_MAXIMUM_KEYS: Final = 4
_NONCE_BYTES: Final = 12
_BLOCK_BYTES: Final = 16

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


def decrypt(
    encrypted: Element,
    pairs: Sequence[KeyPair],
    expected: str,
    what: str,
    *,
    verified: Element | None,
) -> Element:
    """Return the one element inside an EncryptedAssertion or EncryptedID; raises ExchangeRefused.

    ``expected`` is its name in Clark's notation. ``verified`` is the same element out of content whose signature has
    been verified, None where it has none: the ciphertext is read from there, and only there may it be AES-CBC. Each of
    our keys is tried. RSA-1.5 never counts: it tells an attacker by its errors what is inside.
    """
    source = encrypted if verified is None else verified
    data = child(source, XENC, "EncryptedData")
    if data is None or data.get("Type", f"{XENC}Element") != f"{XENC}Element":
        raise refused(SAMLFailure.DECRYPTION_FAILED, what=what)
    method = _algorithm(child(data, XENC, "EncryptionMethod"))
    ciphers = CIPHERS if verified is None else {**CIPHERS, **UNSEALED_CIPHERS}
    if method not in ciphers:
        raise _cipher_refused(method, what)
    # In the KeyInfo of the data, or beside the data: providers do either.
    wrapped_keys = list(source.iter(tag(XENC, "EncryptedKey")))[:_MAXIMUM_KEYS]
    for wrapped in wrapped_keys:
        transport = _algorithm(child(wrapped, XENC, "EncryptionMethod"))
        if transport not in KEY_TRANSPORTS:
            raise refused(
                SAMLFailure.KEY_TRANSPORT_REFUSED, found=transport or "a method that it does not name"
            )
    octets = _open(data, wrapped_keys, pairs, method, ciphers)
    if octets is None:
        raise refused(SAMLFailure.DECRYPTION_FAILED, what=what)
    try:
        return _element_in(octets, encrypted, expected, what)
    except ExchangeRefused as refusal:
        if method in CIPHERS:
            raise
        # Nothing says whether the padding or the text was wrong.
        raise refused(SAMLFailure.DECRYPTION_FAILED, what=what) from refusal


def _cipher_refused(method: str, what: str) -> ExchangeRefused:
    advice = (
        "that counts only inside of a signature. Have your IdP sign the response too, or encrypt by AES-GCM"
        if method in UNSEALED_CIPHERS
        else "set your IdP to AES-256-GCM, or turn the encryption of assertions off"
    )
    return refused(
        SAMLFailure.CIPHER_REFUSED,
        what=what,
        found=method or "a method that it does not name",
        advice=advice,
    )


def _open(
    data: Element,
    wrapped_keys: Sequence[Element],
    pairs: Sequence[KeyPair],
    method: str,
    ciphers: Mapping[str, int],
) -> bytes | None:
    """Return the octets in an EncryptedData, or None where no key of ours opens it."""
    opening = _opened_by_cbc if method in UNSEALED_CIPHERS else _opened_by_gcm
    for pair in pairs:
        private_key = keys.private_key_of(pair.private_key_pem)
        for wrapped in wrapped_keys:
            try:
                key = _unwrapped(wrapped, private_key)
                octets = None if len(key) != ciphers[method] else opening(key, _cipher_value(data))
            except (ValueError, InvalidTag):
                continue
            if octets is not None:
                return octets
    return None


def _unwrapped(wrapped: Element, private_key: rsa.RSAPrivateKey) -> bytes:
    """Return the key of the ciphertext; raises ValueError where it was wrapped for somebody else."""
    method = child(wrapped, XENC, "EncryptionMethod")
    digest = _OAEP_DIGESTS.get(_algorithm(None if method is None else child(method, DS, "DigestMethod")))
    mask = _MASKS.get(_algorithm(None if method is None else child(method, XENC11, "MGF")))
    if digest is None or mask is None:
        raise ValueError("This OAEP is not known.")
    oaep = padding.OAEP(padding.MGF1(mask()), digest(), label=None)
    return private_key.decrypt(_cipher_value(wrapped), oaep)


def _opened_by_gcm(key: bytes, octets: bytes) -> bytes | None:
    if len(octets) <= _NONCE_BYTES:
        return None
    return AESGCM(key).decrypt(octets[:_NONCE_BYTES], octets[_NONCE_BYTES:], None)


def _opened_by_cbc(key: bytes, octets: bytes) -> bytes | None:
    if len(octets) < 2 * _BLOCK_BYTES or len(octets) % _BLOCK_BYTES:
        return None
    decryptor = Cipher(algorithms.AES(key), modes.CBC(octets[:_BLOCK_BYTES])).decryptor()
    padded = decryptor.update(octets[_BLOCK_BYTES:]) + decryptor.finalize()
    # XML Encryption 1.1 §5.2: the last octet counts the padding, whose other octets may be anything.
    return padded[: -padded[-1]] if 1 <= padded[-1] <= _BLOCK_BYTES else None


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
