"""What is encrypted to us: by which of our keys, by which cipher, and what a failure tells."""

import base64
from copy import deepcopy
from dataclasses import replace

import pytest
import xmlsec

from sso.exchanges import ExchangeRefused
from sso.saml import encryption, keys
from sso.saml.logout import begin_logout, read_logout_request
from sso.saml.parties import KeyPair
from sso.saml.responses import read_response
from tests.sso.saml.attacks import ATTACKS
from tests.sso.saml.attacks.encryption import by_cbc, padded, signed_assertion
from tests.sso.saml.conftest import REQUEST_ID
from tests.sso.saml.identity_provider import encrypt_element, encryption_certificate, key_pair, one, post
from tests.sso.saml.test_logout import MEMORY, query, request

CBC = (xmlsec.constants.TransformAes128Cbc, xmlsec.constants.TransformAes256Cbc)


def pair(name: str) -> KeyPair:
    private_key_pem, certificate_pem = key_pair(name)
    return KeyPair(private_key_pem=private_key_pem, certificate_pem=certificate_pem)


def refusal_of(sp, idp, options, document) -> ExchangeRefused:
    with pytest.raises(ExchangeRefused) as refused:
        read_response(sp, idp.party, options, post(document), REQUEST_ID)
    return refused.value


@pytest.mark.parametrize("cipher", CBC, ids=("128", "256"))
def test_cbc_is_read_in_a_response_that_is_signed_as_a_whole(sp, idp, options, cipher):
    document = idp.response(sp, REQUEST_ID, sign=("Assertion", "Response"), encrypt=True, cipher=cipher)

    answer = read_response(sp, idp.party, options, post(document), REQUEST_ID)

    assert answer.name_id == "ada-1"
    assert answer.attributes["email"] == ("ada@example.com",)


def test_cbc_with_padding_of_any_octets_is_read(sp, idp, options):
    document = by_cbc(idp, sp, REQUEST_ID, padded(signed_assertion(idp, sp, REQUEST_ID)))

    assert read_response(sp, idp.party, options, post(document), REQUEST_ID).name_id == "ada-1"


def test_cbc_in_an_unsigned_response_says_what_to_change(sp, idp, options):
    document = idp.response(sp, REQUEST_ID, encrypt=True, cipher=CBC[1])

    refusal = refusal_of(sp, idp, options, document)

    assert refusal.failure == "cipher_refused"
    assert "sign the response too, or encrypt by AES-GCM" in refusal.sentence


@pytest.mark.parametrize(
    "name",
    [
        "cipher_block_chaining",
        "longer_cipher_block_chaining",
        "changed_cipher_block_chaining",
        "cipher_block_chaining_signed_by_somebody_else",
    ],
)
def test_no_key_is_touched_before_the_signature_over_the_ciphertext_is_verified(
    sp, idp, options, name, monkeypatch
):
    document = ATTACKS[name].make(idp, sp, REQUEST_ID)
    monkeypatch.setattr(keys, "private_key_of", lambda _pem: pytest.fail("It was decrypted."))

    with pytest.raises(ExchangeRefused) as refused:
        read_response(sp, idp.party, options, document, REQUEST_ID)

    assert refused.value.failure == ATTACKS[name].failure


def test_whatever_is_wrong_with_a_cbc_ciphertext_is_told_alike(sp, idp, options):
    text = signed_assertion(idp, sp, REQUEST_ID)
    bad = [
        text + b" " * (-len(text) % 16),
        padded(text)[:-1] + b"\0",
        padded(text)[:-1] + b"\x11",
        padded(b""),
        padded(b"\xff<"),
        padded(b"</frame><frame>"),
        padded(b"<!DOCTYPE x [<!ENTITY y 'z'>]>"),
        padded(b"<!-- -->" + text),
        padded(text + text),
        padded(b"<a/>"),
    ]
    documents = [by_cbc(idp, sp, REQUEST_ID, octets) for octets in bad]
    # And a key that was wrapped for somebody else.
    stranger = replace(sp, encryption_pairs=(pair("stranger.example.com"),))
    documents.append(by_cbc(idp, stranger, REQUEST_ID, padded(text)))

    told = {
        (refusal.failure, refusal.sentence, "decrypted" in refusal.received)
        for refusal in (refusal_of(sp, idp, options, document) for document in documents)
    }

    assert len(told) == 1
    ((failure, _, shows_text),) = told
    assert failure == "decryption_failed"
    assert not shows_text


def test_a_name_id_by_cbc_is_read_out_of_a_signed_assertion(sp, idp, options):
    def hide(root):
        encrypt_element(root, encryption_certificate(sp), cipher=CBC[1], name="NameID", wrapper="EncryptedID")

    document = post(idp.response(sp, REQUEST_ID, hide))

    assert read_response(sp, idp.party, options, document, REQUEST_ID).name_id == "ada-1"


# --- several keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sign", [("Assertion",), ("Assertion", "Response")])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_of_our_keys_is_tried(sp, idp, options, place, sign):
    pairs = tuple(pair(f"{name}.example.com") for name in ("first", "second", "third"))
    encrypted_to = replace(sp, encryption_pairs=(pairs[place],))
    document = post(idp.response(encrypted_to, REQUEST_ID, sign=sign, encrypt=True))

    both = replace(sp, encryption_pairs=pairs)

    assert read_response(both, idp.party, options, document, REQUEST_ID).name_id == "ada-1"


def test_a_key_that_was_deleted_opens_nothing(sp, idp, options):
    document = idp.response(sp, REQUEST_ID, encrypt=True)
    others = replace(sp, encryption_pairs=(pair("second.example.com"),))
    none = replace(sp, encryption_pairs=())

    assert refusal_of(others, idp, options, document).failure == "decryption_failed"
    assert refusal_of(none, idp, options, document).failure == "decryption_failed"


def test_the_key_that_signs_opens_nothing(sp, idp, options):
    signing = pair("sp.example.com")
    separate = replace(sp, encryption_pairs=(pair("second.example.com"),))
    document = idp.response(replace(sp, encryption_pairs=(signing,)), REQUEST_ID, encrypt=True)

    assert refusal_of(separate, idp, options, document).failure == "decryption_failed"


def test_the_work_on_one_message_is_bounded(sp, idp, options, monkeypatch):
    document = idp.response(
        replace(sp, encryption_pairs=(pair("stranger.example.com"),)), REQUEST_ID, encrypt=True
    )
    key_info = one(document, "EncryptedKey").getparent()
    assert key_info is not None
    for _ in range(50):
        key_info.append(deepcopy(one(document, "EncryptedKey")))
    tried = []
    real = encryption._unwrapped

    def counting(wrapped, private_key):
        tried.append(wrapped)
        return real(wrapped, private_key)

    monkeypatch.setattr(encryption, "_unwrapped", counting)

    assert refusal_of(sp, idp, options, document).failure == "decryption_failed"
    assert len(tried) == 4 * len(sp.encryption_pairs)


def test_a_response_is_read_where_nothing_of_ours_signs(sp, idp, options):
    silent = replace(sp, private_key_pem="", certificate_pem="")
    without_any = replace(silent, encryption_pairs=())
    unsigned = replace(options, sign_requests=False)

    for party in (silent, without_any):
        document = post(idp.response(party, REQUEST_ID))
        assert read_response(party, idp.party, unsigned, document, REQUEST_ID).name_id == "ada-1"


def test_a_logout_that_names_its_person_by_cbc_is_read_once_its_signature_holds(sp, idp, options):
    root = encrypt_element(
        request(idp, sp), encryption_certificate(sp), cipher=CBC[1], name="NameID", wrapper="EncryptedID"
    )

    found = read_logout_request(sp, idp.party, options, query_string=query(idp, root))

    assert found.name_id == "ada-1"


def test_a_logout_goes_unsigned_where_nothing_of_ours_signs(sp, idp):
    silent = replace(sp, private_key_pem="", certificate_pem="")
    for binding in ("redirect", "post"):
        departure = begin_logout(silent, replace(idp.party, slo_binding=binding), MEMORY, "handle")
        assert "Signature" not in departure.url
        sent = base64.b64decode((departure.form or {}).get("SAMLRequest", ""))
        assert b"Signature" not in sent
