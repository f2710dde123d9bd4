"""Attacks on encryption."""

import base64
from dataclasses import replace

import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from sso.saml import keys
from sso.saml.failures import SAMLFailure
from sso.saml.names import XENC, tag
from sso.saml.parties import ServiceProvider
from tests.sso.saml.attacks.corpus import (
    Made,
    attack,
    evil_assertion,
)
from tests.sso.saml.identity_provider import Forge, encrypt_element, one


@attack(SAMLFailure.NOT_ENCRYPTED, require_encrypted_assertions=True)
def plain_where_encryption_is_demanded(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return idp.response(sp, request_id)


@attack(SAMLFailure.KEY_TRANSPORT_REFUSED)
def rsa_1_5(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return encrypt_element(
        idp.response(sp, request_id), sp.certificate_pem, transport=xmlsec.constants.TransformRsaPkcs1
    )


@attack(SAMLFailure.CIPHER_REFUSED)
def cipher_block_chaining(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    return encrypt_element(
        idp.response(sp, request_id), sp.certificate_pem, cipher=xmlsec.constants.TransformAes128Cbc
    )


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
    public_key = keys.public_key_of(sp.certificate_pem)
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
    return encrypt_element(root, sp.certificate_pem)


@attack(SAMLFailure.SIGNATURE_MISPLACED)
def wrapping_under_encryption(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id)
    evil = evil_assertion(root)
    original = one(root, "Assertion")
    root.replace(original, evil)
    evil.append(original)
    return encrypt_element(root, sp.certificate_pem)


@attack(SAMLFailure.DUPLICATE_ID)
def id_of_the_response_under_encryption(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
    root = idp.response(sp, request_id, encrypt=True)
    opened = idp.response(
        sp, request_id, lambda root: one(root, "Assertion").set("ID", "_same"), encrypt=True
    )
    root.replace(one(root, "EncryptedAssertion"), one(opened, "EncryptedAssertion"))
    root.set("ID", "_same")
    return root
