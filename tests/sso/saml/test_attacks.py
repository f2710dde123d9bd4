import pytest

from sso.exchanges import ExchangeRefused
from sso.saml.parties import SAMLOptions
from sso.saml.responses import read_response
from tests.sso.saml.attacks import ATTACKS
from tests.sso.saml.conftest import REQUEST_ID
from tests.sso.saml.identity_provider import post


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_by_its_own_name(sp, idp, name):
    attack = ATTACKS[name]

    with pytest.raises(ExchangeRefused) as refused:
        read_response(
            sp, idp.party, SAMLOptions(**attack.options), attack.make(idp, sp, REQUEST_ID), REQUEST_ID
        )

    assert refused.value.failure == attack.failure, refused.value.sentence


@pytest.mark.parametrize("sign", [("Assertion",), ("Assertion", "Response")])
def test_the_response_that_attacks_begin_with_is_good(sp, idp, options, sign):
    document = post(idp.response(sp, REQUEST_ID, sign=sign))

    assert read_response(sp, idp.party, options, document, REQUEST_ID).name_id == "ada-1"
