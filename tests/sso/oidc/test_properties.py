"""Whatever a provider signs or says, the answer is a profile or a refusal with a name: nothing else comes out."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sso.connection_types import ConnectionType
from sso.exchanges import ExchangeRefused
from sso.oidc import keys, tokens
from sso.oidc.failures import OIDCFailure
from sso.oidc.parties import Provider, RelyingParty
from sso.oidc.sign_in import _merge, fits
from tests.oidc_provider import public_jwk, rsa_key

PARTY = RelyingParty(
    connection_type=ConnectionType.GENERIC_OIDC, issuer="https://op.example", client_id="app", max_age=60
)
PROVIDER = Provider(
    issuer="https://op.example",
    authorization_endpoint="https://op.example/a",
    token_endpoint="https://op.example/t",
    jwks_uri="https://op.example/j",
)
NAMES = [
    "iss",
    "aud",
    "azp",
    "exp",
    "nbf",
    "iat",
    "nonce",
    "sub",
    "at_hash",
    "c_hash",
    "auth_time",
    "tid",
    "hd",
]
RIGHT = {"iss": "https://op.example", "aud": "app", "sub": "person-1", "nonce": "n", "azp": "app"}

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
claim_sets = st.builds(
    lambda wrong, right: {**right, **wrong},
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), anything, max_size=6),
    st.sampled_from([{}, RIGHT, {**RIGHT, "exp": 4_102_444_800, "iat": 1_000_000_000}]),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "alg": st.sampled_from([*keys.ALGORITHMS, "none", "HS256"]) | anything,
        "kid": st.just("key-1") | anything,
        "typ": st.sampled_from(["JWT", "at+jwt", ""]) | anything,
        "crit": anything,
        "b64": anything,
    },
)
jwks = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "sig", "RS256", "AQAB"]) | anything
            for name in ("kty", "crv", "use", "alg", "kid", "n", "e", "x", "y", "key_ops")
        },
    ),
    max_size=3,
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def part(content: Any) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def read(monkeypatch: Any, token: str, published: list[Any]) -> None:
    """Read a token against a key set; a refusal has a name, and a sentence that can be shown and stored."""
    monkeypatch.setattr(keys, "_fetch", lambda _uri: published)
    monkeypatch.setattr(keys, "_may_look_again", lambda _uri, _interval: True)
    refused = None
    try:
        tokens.read_id_token(PARTY, PROVIDER, token, nonce="n", access_token="a", code="c")
    except ExchangeRefused as refusal:
        refused = refusal
    assert refused is None or (
        refused.failure in set(OIDCFailure)
        and refused.sentence.isprintable()
        and len(refused.sentence) < 1500
    )


@MANY
@given(claims=claim_sets)
def test_claims_of_any_shape(monkeypatch, claims):
    payload = json.dumps(claims).encode("utf-8", "surrogatepass")
    token = jwt.PyJWS().encode(payload, rsa_key(), algorithm="RS256", headers={"kid": "key-1"})
    read(monkeypatch, token, [public_jwk(rsa_key(), kid="key-1")])


@MANY
@given(header=headers, claims=claim_sets, published=jwks)
def test_headers_and_keys_of_any_shape(monkeypatch, header, claims, published):
    read(monkeypatch, f"{part(header)}.{part(claims)}.AAAA", [*published, public_jwk(rsa_key(), kid="key-1")])


@MANY
@given(
    text=st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: raw.decode("latin-1")),
    dots=st.integers(0, 5),
)
def test_texts_that_are_no_tokens(monkeypatch, text, dots):
    read(monkeypatch, text + "." * dots + text, [public_jwk(rsa_key(), kid="key-1")])


@MANY
@given(signed=claim_sets, userinfo=claim_sets)
def test_two_sources_of_any_shape_come_together(signed, userinfo):
    merged = _merge(signed, userinfo)
    # By identity: NaN is not equal to itself.
    assert all(merged[name] is signed[name] for name in signed if name != "email_verified")
    assert merged.keys() <= signed.keys() | userinfo.keys()
    assert fits(merged) in {True, False}
