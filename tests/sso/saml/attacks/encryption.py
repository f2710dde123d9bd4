"""Attacks on encryption."""

import base64
from dataclasses import replace

import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from sso.saml import keys
from sso.saml.failures import SAMLFailure
from sso.saml.names import XENC, tag
from sso.saml.parties import ServiceProvider
from tests.sso.saml.attacks.corpus import Element, Made, attack, evil_assertion
from tests.sso.saml.identity_provider import Forge, encrypt_element, encryption_certificate, one


@attack(SAMLFailure.NOT_ENCRYPTED, require_encrypted_assertions=True)
def plain_where_encryption_is_demanded(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id)


@attack(SAMLFailure.KEY_TRANSPORT_REFUSED)
def rsa_1_5(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return encrypt_element(
        idp.response(sp, request_id), encryption_certificate(sp), transport=xmlsec.constants.TransformRsaPkcs1
    )


@attack(SAMLFailure.CIPHER_REFUSED)
def cipher_block_chaining(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return encrypt_element(
        idp.response(sp, request_id), encryption_certificate(sp), cipher=xmlsec.constants.TransformAes128Cbc
    )


@attack(SAMLFailure.CIPHER_REFUSED)
def longer_cipher_block_chaining(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return encrypt_element(
        idp.response(sp, request_id), encryption_certificate(sp), cipher=xmlsec.constants.TransformAes256Cbc
    )


@attack(SAMLFailure.CIPHER_REFUSED)
def cipher_block_chaining_by_another_cipher(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return by_cbc(idp, sp, request_id, padded(b"<a/>"), cipher=f"{XENC}tripledes-cbc")


@attack(SAMLFailure.KEY_TRANSPORT_REFUSED)
def rsa_1_5_in_signed_response(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = encrypt_element(
        idp.response(sp, request_id),
        encryption_certificate(sp),
        cipher=xmlsec.constants.TransformAes256Cbc,
        transport=xmlsec.constants.TransformRsaPkcs1,
    )
    idp.sign(root)
    return root


@attack(SAMLFailure.INVALID_SIGNATURE)
def changed_cipher_block_chaining(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    # One bit of the vector flips one bit of the text: the step of every padding oracle.
    root = by_cbc(idp, sp, request_id, padded(signed_assertion(idp, sp, request_id)))
    value = list(root.iter(tag(XENC, "CipherValue")))[-1]
    octets = bytearray(base64.b64decode(value.text or ""))
    octets[0] ^= 1
    value.text = base64.b64encode(octets).decode()
    return root


@attack(SAMLFailure.UNKNOWN_CERTIFICATE)
def cipher_block_chaining_signed_by_somebody_else(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    eve = replace(idp, name="eve.example.com")
    return by_cbc(eve, sp, request_id, padded(signed_assertion(idp, sp, request_id)))


@attack(SAMLFailure.ASSERTION_NOT_SIGNED)
def unsigned_under_cipher_block_chaining(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    unsigned = etree.tostring(one(idp.response(sp, request_id, sign=()), "Assertion"))
    return by_cbc(idp, sp, request_id, padded(unsigned))


@attack(SAMLFailure.DECRYPTION_FAILED)
def wrong_padding(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    text = signed_assertion(idp, sp, request_id)
    return by_cbc(idp, sp, request_id, text + b" " * (-len(text) % 16))


@attack(SAMLFailure.DECRYPTION_FAILED)
def padding_without_end(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return by_cbc(idp, sp, request_id, padded(signed_assertion(idp, sp, request_id))[:-1] + b"\0")


@attack(SAMLFailure.DECRYPTION_FAILED)
def broken_text_under_cipher_block_chaining(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return by_cbc(idp, sp, request_id, padded(b"\xff<"))


@attack(SAMLFailure.DECRYPTION_FAILED)
def comment_under_cipher_block_chaining(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return by_cbc(idp, sp, request_id, padded(b"<!-- -->" + signed_assertion(idp, sp, request_id)))


@attack(SAMLFailure.DECRYPTION_FAILED)
def half_a_block(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return by_cbc(idp, sp, request_id, padded(signed_assertion(idp, sp, request_id)), kept=-8)


def signed_assertion(idp: Forge, sp: ServiceProvider, request_id: str) -> bytes:
    return etree.tostring(one(idp.response(sp, request_id), "Assertion"), with_tail=False)


def padded(octets: bytes) -> bytes:
    # Any octets may stand before the last one, which counts.
    count = 16 - len(octets) % 16
    return octets + b"\xa5" * (count - 1) + bytes([count])


def by_cbc(
    idp: Forge,
    sp: ServiceProvider,
    request_id: str,
    octets: bytes,
    *,
    cipher: str = f"{XENC}aes256-cbc",
    kept: int | None = None,
) -> Element:
    """Return a signed response whose ciphertext was made by hand, of octets that have their padding already."""
    root = idp.response(sp, request_id, encrypt=True)
    key, vector = b"k" * 32, b"v" * 16
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    ciphertext = (vector + encryptor.update(octets) + encryptor.finalize())[:kept]
    public_key = keys.public_key_of(encryption_certificate(sp))
    assert isinstance(public_key, rsa.RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), label=None)
    # The first is that of the data, the second that of its key.
    next(root.iter(tag(XENC, "EncryptionMethod"))).set("Algorithm", cipher)
    wrapped, data = root.iter(tag(XENC, "CipherValue"))
    wrapped.text = base64.b64encode(public_key.encrypt(key, oaep)).decode()
    data.text = base64.b64encode(ciphertext).decode()
    idp.sign(root)
    return root


@attack(SAMLFailure.NOTHING_SIGNED)
def unsigned_under_encryption(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    # Anybody has our public key.
    return idp.response(sp, request_id, sign=(), encrypt=True)


@attack(SAMLFailure.ASSERTION_NOT_SIGNED)
def unsigned_under_encryption_in_signed_response(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id, sign=("Response",), encrypt=True)


@attack(SAMLFailure.UNKNOWN_CERTIFICATE)
def foreign_key_under_encryption(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return replace(idp, name="eve.example.com").response(sp, request_id, encrypt=True)


@attack(SAMLFailure.DECRYPTION_FAILED)
def encrypted_for_somebody_else(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return encrypt_element(idp.response(sp, request_id), replace(idp, name="eve.example.com").certificate_pem)


@attack(SAMLFailure.DECRYPTION_FAILED)
def changed_ciphertext(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id, encrypt=True)
    value = list(root.iter(tag(XENC, "CipherValue")))[-1]
    octets = bytearray(base64.b64decode(value.text or ""))
    octets[40] ^= 1
    value.text = base64.b64encode(octets).decode()
    return root


@attack(SAMLFailure.DECRYPTION_FAILED)
def cipher_reference(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    # It would be fetched, and run through transforms.
    root = idp.response(sp, request_id, encrypt=True)
    data = list(root.iter(tag(XENC, "CipherData")))[-1]
    data.clear()
    etree.SubElement(data, tag(XENC, "CipherReference"), {"URI": "http://127.0.0.1:1/"})
    return root


def with_octets(idp: Forge, sp: ServiceProvider, request_id: str, between: bytes, kept: bytes = b"") -> Made:
    """Encrypt the signed assertion and an evil one by hand, with something between them."""
    root = idp.response(sp, request_id, encrypt=True)
    plain = idp.response(sp, request_id)
    octets = kept + etree.tostring(evil_assertion(plain)) + between + etree.tostring(one(plain, "Assertion"))
    key = AESGCM.generate_key(256)
    public_key = keys.public_key_of(encryption_certificate(sp))
    assert isinstance(public_key, rsa.RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), label=None)
    nonce = b"\0" * 12
    wrapped, data = root.iter(tag(XENC, "CipherValue"))
    wrapped.text = base64.b64encode(public_key.encrypt(key, oaep)).decode()
    data.text = base64.b64encode(nonce + AESGCM(key).encrypt(nonce, octets, None)).decode()
    return root


@attack(SAMLFailure.DECRYPTION_FAILED)
def two_assertions_in_one_ciphertext(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_octets(idp, sp, request_id, b"")


@attack(SAMLFailure.NOT_XML)
def ciphertext_that_closes_its_frame(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_octets(idp, sp, request_id, b"</frame><frame>")


@attack(SAMLFailure.ENTITY_DECLARED)
def entities_in_a_ciphertext(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return with_octets(idp, sp, request_id, b"", b"<!DOCTYPE x [<!ENTITY y 'z'>]>")


@attack(SAMLFailure.COMMENT)
def comment_under_encryption(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    one(root, "NameID").append(etree.Comment("cut"))
    return encrypt_element(root, encryption_certificate(sp))


@attack(SAMLFailure.SIGNATURE_MISPLACED)
def wrapping_under_encryption(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    evil = evil_assertion(root)
    original = one(root, "Assertion")
    root.replace(original, evil)
    evil.append(original)
    return encrypt_element(root, encryption_certificate(sp))


@attack(SAMLFailure.DUPLICATE_ID)
def id_of_the_response_under_encryption(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id, encrypt=True)
    opened = idp.response(
        sp, request_id, lambda root: one(root, "Assertion").set("ID", "_same"), encrypt=True
    )
    root.replace(one(root, "EncryptedAssertion"), one(opened, "EncryptedAssertion"))
    root.set("ID", "_same")
    return root
