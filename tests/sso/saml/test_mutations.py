"""Whatever is done to a good message, it is refused by name or says what it said: nothing in between, and no crash."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sso.exchanges import ExchangeRefused
from sso.saml.metadata import MetadataRefused, read_idp_metadata, write_sp_metadata
from sso.saml.parties import KeyPair, SAMLOptions, ServiceProvider
from sso.saml.responses import peek, read_response
from tests.sso.saml.conftest import REQUEST_ID
from tests.sso.saml.identity_provider import Forge, key_pair, post

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def party() -> ServiceProvider:
    private_key_pem, certificate_pem = key_pair("sp.example.com")
    return ServiceProvider(
        entity_id="https://auth.example.com/metadata",
        acs_url="https://auth.example.com/acs",
        private_key_pem=private_key_pem,
        certificate_pem=certificate_pem,
        encryption_pairs=(KeyPair(private_key_pem=private_key_pem, certificate_pem=certificate_pem),),
    )


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "encrypted"])
def good(request) -> bytes:
    document = Forge().response(party(), REQUEST_ID, sign=("Assertion", "Response"), encrypt=request.param)
    return base64.b64decode(post(document))


def edits(octets: bytes) -> st.SearchStrategy[bytes]:
    places = st.integers(0, len(octets))
    tokens = st.sampled_from(
        [
            b"<",
            b">",
            b"&",
            b'"',
            b"<!--x-->",
            b"<?x?>",
            b"</saml:Assertion>",
            b"&#0;",
            b"\xff",
            b"ID=",
            b"saml:",
            b" ",
        ]
    )
    cut = st.builds(
        lambda start, length: octets[:start] + octets[start + length :], places, st.integers(1, 200)
    )
    put = st.builds(lambda start, token: octets[:start] + token + octets[start:], places, tokens)
    move = st.builds(
        lambda start, length, to: octets[:to] + octets[start : start + length] + octets[to:],
        places,
        st.integers(1, 2_000),
        places,
    )
    return st.one_of(cut, put, move)


def outcome_of(read: Callable[[], str]) -> str:
    try:
        return read()
    except (ExchangeRefused, MetadataRefused):
        return "refused"


@QUICK
@given(data=st.data())
def test_a_response_that_was_edited_is_refused_or_says_the_same(good, data):
    edited = post(data.draw(edits(good)))

    said = outcome_of(
        lambda: read_response(party(), Forge().party, SAMLOptions(), edited, REQUEST_ID).name_id
    )

    assert said in {"refused", "ada-1"}
    outcome_of(lambda: str(peek(edited)))


@QUICK
@given(octets=st.binary(max_size=300))
def test_any_octets_at_all_are_refused(octets):
    assert outcome_of(lambda: str(peek(post(octets)))) == "refused"
    assert outcome_of(lambda: read_idp_metadata(octets).entity_id) == "refused"


@QUICK
@given(text=st.text(max_size=300))
def test_any_text_at_all_is_refused(text):
    assert outcome_of(lambda: str(peek(text))) == "refused"


@QUICK
@given(data=st.data())
def test_metadata_that_was_edited_is_read_or_refused(data):
    edited = data.draw(edits(write_sp_metadata(party(), SAMLOptions())))

    outcome_of(lambda: read_idp_metadata(edited).entity_id)
