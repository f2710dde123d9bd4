"""The code flow against a provider that behaves."""

import dataclasses
from base64 import b64decode
from datetime import timedelta

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from foundation import clock
from sso.connection_types import ConnectionType
from sso.oidc.failures import OIDCFailure
from sso.oidc.sign_in import code_challenge
from sso.oidc.tokens import half_hash
from tests.oidc_provider import CLIENT_ID, REDIRECT_URI, as_json, curve_key, public_jwk, rsa_key
from tests.sso.oidc.conftest import arrive, leave


def test_the_browser_leaves_with_everything_that_the_provider_needs(party):
    departure, sent = leave(party, login_hint="ada@acme.example", domain_hint="acme.example")
    assert departure.form is None
    assert departure.url.startswith(f"{party.issuer}/authorize?tenant=acme&")
    assert sent == {
        "tenant": "acme",
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": "openid email profile",
        "state": "state-1",
        "nonce": departure.memory["nonce"],
        "code_challenge": code_challenge(departure.memory["code_verifier"]),
        "code_challenge_method": "S256",
        "login_hint": "ada@acme.example",
        "domain_hint": "acme.example",
    }
    assert len(departure.memory["code_verifier"]) >= 43
    assert departure.memory["code_verifier"] not in departure.url


def test_two_departures_share_no_secret(party):
    first, second = leave(party)[0], leave(party)[0]
    assert not set(first.memory.values()) & set(second.memory.values())


def test_the_trail_of_a_departure_has_no_secrets(party):
    departure, sent = leave(party)
    shown = str(departure.sent)
    assert "openid email profile" in shown
    for name in ("state", "nonce", "code_challenge"):
        assert sent[name] not in shown


def test_an_application_adds_scopes_and_parameters_and_overrides_none_of_ours(party):
    departure, sent = leave(
        party,
        provider_scopes=["offline_access", "email"],
        provider_query_params={
            "access_type": "offline",
            "redirect_uri": "https://evil.example/",
            "state": "theirs",
            "nonce": "theirs",
            "client_id": "theirs",
            "response_type": "token",
            "response_mode": "fragment",
            "code_challenge": "theirs",
            "code_challenge_method": "plain",
            "request_uri": "https://evil.example/request",
            "scope": "admin",
        },
    )
    assert sent["access_type"] == "offline"
    assert sent["scope"] == "openid email profile offline_access"
    assert "theirs" not in sent.values()
    assert "evil" not in departure.url
    assert (sent["response_type"], sent["redirect_uri"]) == ("code", REDIRECT_URI)


def test_a_good_answer_names_the_person(sign_in, provider):
    profile = sign_in()
    assert (profile.idp_id, profile.email, profile.email_verified) == ("person-1", "ada@acme.example", True)
    assert (profile.first_name, profile.last_name) == ("Ada", "Lovelace")
    assert profile.groups == ("Engineering",)
    assert profile.raw_attributes["groups"] == ["Engineering"]
    assert profile.oauth_tokens is not None
    assert profile.oauth_tokens["access_token"] == "access-1"
    assert "access-1" not in str(profile.received)
    token = provider.last("/token")
    assert token.form["redirect_uri"] == REDIRECT_URI
    assert provider.last("/userinfo").headers["authorization"] == "Bearer access-1"


def test_the_code_is_spent_with_the_verifier_of_its_challenge(party, provider):
    departure, sent = leave(party)
    arrive(party, departure)
    assert code_challenge(provider.last("/token").form["code_verifier"]) == sent["code_challenge"]


def test_the_client_says_who_it_is_by_basic_authentication_unless_told_otherwise(party, provider, sign_in):
    sign_in()
    request = provider.last("/token")
    pair = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "gatehouse-client:a+secret%3A+with+a+colon"
    assert "client_secret" not in request.form


def test_the_client_sends_its_secret_in_the_form_where_the_provider_wants_that(party, provider, sign_in):
    provider.document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    sign_in()
    request = provider.last("/token")
    assert (request.form["client_id"], request.form["client_secret"]) == (CLIENT_ID, party.client_secret)
    assert "authorization" not in request.headers


def test_a_client_without_a_secret_relies_on_pkce(party, provider, sign_in):
    sign_in(dataclasses.replace(party, client_secret=""))
    request = provider.last("/token")
    assert request.form["client_id"] == CLIENT_ID
    assert "client_secret" not in request.form
    assert "authorization" not in request.headers


@pytest.mark.parametrize("key", [rsa_key(), curve_key("P-256")], ids=["RSA", "P-256"])
def test_a_client_with_a_private_key_signs_who_it_is(party, provider, sign_in, key):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    sign_in(dataclasses.replace(party, client_secret=pem, connection_type=ConnectionType.LOGIN_GOV_OIDC))
    form = provider.last("/token").form
    algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
    claims = jwt.decode(
        form["client_assertion"],
        key.public_key(),
        algorithms=[algorithm],
        audience=f"{provider.issuer}/token",
    )
    assert (claims["iss"], claims["sub"]) == (CLIENT_ID, CLIENT_ID)
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert claims["jti"]
    assert pem not in str(form)


def test_login_gov_is_asked_for_a_level_of_assurance(party):
    _, sent = leave(dataclasses.replace(party, connection_type=ConnectionType.LOGIN_GOV_OIDC))
    assert sent["acr_values"] == "urn:acr.login.gov:auth-only"


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", rsa_key()),
        ("RS512", rsa_key()),
        ("PS256", rsa_key()),
        ("ES256", curve_key("P-256")),
        ("ES384", curve_key("P-384")),
        ("ES512", curve_key("P-521")),
        ("EdDSA", curve_key("Ed25519")),
    ],
)
def test_every_algorithm_of_the_list_is_read(provider, sign_in, algorithm, key):
    provider.algorithm, provider.signing_key = algorithm, key
    provider.keys = [public_jwk(key, kid="key-1")]
    provider.claims["at_hash"] = half_hash(algorithm, "access-1")
    assert sign_in().idp_id == "person-1"


def test_at_hash_is_computed_as_in_the_standard():
    # OpenID Connect Core A.3: the sample of the specification.
    assert half_hash("RS256", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"


def test_discovery_and_keys_are_fetched_once_for_many_sign_ins(provider, sign_in):
    for _ in range(3):
        sign_in()
    assert provider.asked_for("/.well-known/openid-configuration") == 1
    assert provider.asked_for("/jwks") == 1
    assert provider.asked_for("/token") == 3


def test_a_provider_set_up_by_hand_is_not_asked_for_its_document(party, provider, sign_in):
    by_hand = dataclasses.replace(
        party,
        uses_discovery=False,
        authorization_endpoint=f"{provider.issuer}/authorize",
        token_endpoint=f"{provider.issuer}/token",
        jwks_uri=f"{provider.issuer}/jwks",
    )
    profile = sign_in(by_hand)
    assert profile.idp_id == "person-1"
    assert profile.groups == ()
    assert provider.asked_for("/.well-known/openid-configuration") == 0
    assert provider.asked_for("/userinfo") == 0


def test_what_is_set_up_by_hand_goes_before_what_discovery_says(party, provider, sign_in):
    provider.answers["/other-userinfo"] = as_json({"sub": "person-1", "groups": ["By hand"]})
    profile = sign_in(dataclasses.replace(party, userinfo_endpoint=f"{provider.issuer}/other-userinfo"))
    assert profile.groups == ("By hand",)


def test_a_key_that_the_provider_changed_to_is_found(provider, sign_in):
    sign_in()
    provider.signing_key = rsa_key("second")
    provider.header = {"kid": "key-2"}
    provider.keys = [
        public_jwk(rsa_key(), kid="key-1"),
        public_jwk(rsa_key("second"), kid="key-2"),
    ]
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        assert sign_in().idp_id == "person-1"
    assert provider.asked_for("/jwks") == 2


@pytest.mark.parametrize("header", [{"kid": "key-1"}, {}], ids=["the same name", "no name"])
def test_a_key_that_changed_under_its_name_is_found(provider, sign_in, refusal, header):
    provider.header = header
    sign_in()
    provider.signing_key = rsa_key("second")
    provider.keys = [public_jwk(rsa_key("second"), **header)]
    assert refusal().failure == OIDCFailure.SIGNATURE_INVALID
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        assert sign_in().idp_id == "person-1"
        provider.signing_key = rsa_key("attacker")
        for _ in range(5):
            assert refusal().failure == OIDCFailure.SIGNATURE_INVALID
    assert provider.asked_for("/jwks") == 2


def test_a_provider_without_keys_is_not_asked_for_every_token(provider, sign_in, refusal):
    provider.answers["/jwks"] = as_json({"error": "down"}, 500)
    assert refusal().failure == OIDCFailure.KEYS_UNREADABLE
    for _ in range(5):
        assert refusal().failure == OIDCFailure.PROVIDER_UNREACHABLE
    assert provider.asked_for("/jwks") == 1
    del provider.answers["/jwks"]
    with time_machine.travel(clock.now() + timedelta(seconds=6), tick=False):
        assert sign_in().idp_id == "person-1"


def test_a_key_id_that_nobody_knows_brings_one_fetch_a_minute(provider, sign_in, refusal):
    sign_in()
    provider.header = {"kid": "made-up"}
    for _ in range(5):
        assert refusal().failure == OIDCFailure.KEY_UNKNOWN
    assert provider.asked_for("/jwks") == 1
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        for _ in range(5):
            assert refusal().failure == OIDCFailure.KEY_UNKNOWN
    assert provider.asked_for("/jwks") == 2
