import pytest

from sso.saml.parties import SAMLOptions
from sso.saml.responses import peek, read_response
from tests.sso.saml.conftest import REQUEST_ID
from tests.sso.saml.identity_provider import post


@pytest.mark.parametrize("sign", [("Assertion",), ("Assertion", "Response")], ids=["assertion", "both"])
@pytest.mark.parametrize("encrypt", [False, True], ids=["plain", "encrypted"])
def test_a_good_response_says_who_signed_in(sp, idp, options, sign, encrypt):
    document = idp.response(sp, REQUEST_ID, sign=sign, encrypt=encrypt)

    answer = read_response(sp, idp.party, options, post(document), REQUEST_ID)

    assert answer.name_id == "ada-1"
    assert answer.attributes["email"] == ("ada@example.com",)
    assert answer.attributes["groups"] == ("engineers", "admins")
    assert answer.session_index == "_session1"
    assert answer.in_response_to == REQUEST_ID
    assert answer.response_id == document.get("ID")


def test_a_response_can_be_routed_before_it_is_verified(sp, idp):
    document = idp.response(sp, REQUEST_ID, sign=())

    assert peek(post(document)).in_response_to == REQUEST_ID
    assert peek(post(document)).issuer == idp.entity_id


def test_a_sign_in_that_began_at_the_provider_is_read_where_it_is_allowed(sp, idp):
    document = idp.response(sp, None)

    answer = read_response(sp, idp.party, SAMLOptions(allow_idp_initiated=True), post(document), None)

    assert answer.in_response_to is None
