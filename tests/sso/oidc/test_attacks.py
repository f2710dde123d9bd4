"""What a hostile provider, or somebody between, may send; each is refused under its own name."""

import dataclasses
import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from datetime import timedelta

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from foundation import clock
from sso.connection_types import ConnectionType
from sso.exchanges import ExchangeRefused
from sso.oidc import discovery, token_endpoint
from sso.oidc.failures import OIDCFailure
from tests.caches import forget_what_is_cached
from tests.oidc_provider import (
    CLIENT_ID,
    as_json,
    curve_key,
    public_jwk,
    rsa_key,
    run_provider,
    unsigned,
)
from tests.sso.oidc.conftest import arrive, leave

# --- signatures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None])
def test_a_token_without_a_signature_is_refused(provider, refusal, name):
    provider.make_token = lambda claims, _header: unsigned(claims, {"alg": name, "kid": "key-1"})
    assert refusal().failure in {OIDCFailure.ALGORITHM_REFUSED, OIDCFailure.ID_TOKEN_UNREADABLE}


@pytest.mark.parametrize("name", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_the_public_key_is_no_shared_secret(provider, refusal, name, encoding):
    secret = rsa_key().public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)

    def make(claims, header):
        signed = unsigned(claims, {"alg": name, "kid": "key-1", "typ": "JWT"})[:-1]
        digest = hmac.new(secret, signed.encode(), f"sha{name[2:]}").digest()
        return f"{signed}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"

    provider.make_token = make
    assert refusal().failure == OIDCFailure.ALGORITHM_REFUSED


def test_the_client_secret_signs_nothing(provider, party, refusal):
    long_secret = "s" * 64
    provider.make_token = lambda claims, header: jwt.encode(
        claims, long_secret, algorithm="HS256", headers=header
    )
    assert (
        refusal(dataclasses.replace(party, client_secret=long_secret)).failure
        == OIDCFailure.ALGORITHM_REFUSED
    )


def test_a_symmetric_key_among_the_published_ones_is_not_used(provider, refusal):
    secret = urlsafe_b64encode(b"s" * 64).decode()
    provider.keys = [{"kty": "oct", "k": secret, "kid": "key-1", "alg": "RS256"}]
    assert refusal().failure == OIDCFailure.KEY_UNKNOWN


def test_a_token_signed_by_another_key_under_the_known_id_is_refused(provider, refusal):
    provider.signing_key = rsa_key("attacker")
    assert refusal().failure == OIDCFailure.SIGNATURE_INVALID


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_was_changed_is_refused(provider, refusal, part):
    def make(claims, header):
        parts = jwt.encode(claims, rsa_key(), algorithm="RS256", headers=header).split(".")
        if part == 1:
            changed = json.dumps({**claims, "email": "ceo@acme.example"}).encode()
        elif part == 0:
            changed = json.dumps({"alg": "RS384", "kid": "key-1"}).encode()
        else:
            changed = b"\0" * 256
        parts[part] = urlsafe_b64encode(changed).rstrip(b"=").decode()
        return ".".join(parts)

    provider.keys = [public_jwk(rsa_key(), kid="key-1")]
    provider.make_token = make
    assert refusal().failure == OIDCFailure.SIGNATURE_INVALID


def test_a_key_that_the_token_brings_along_is_not_looked_at(provider, refusal):
    attacker = rsa_key("attacker")
    provider.signing_key = attacker
    provider.answers["/evil-jwks"] = as_json({"keys": [public_jwk(attacker, kid="key-1")]})
    for header in (
        {"jku": f"{provider.issuer}/evil-jwks"},
        {"x5u": f"{provider.issuer}/evil-jwks"},
        {"jwk": public_jwk(attacker, kid="key-1")},
        {"x5c": ["MIIB"]},
    ):
        provider.header = {"kid": "key-1", **header}
        assert refusal().failure == OIDCFailure.SIGNATURE_INVALID
        provider.header = {"kid": "evil", **header}
        assert refusal().failure == OIDCFailure.KEY_UNKNOWN
    assert provider.asked_for("/evil-jwks") == 0


def test_a_key_is_used_for_its_own_algorithm_alone(provider, refusal):
    provider.keys = [public_jwk(rsa_key(), kid="key-1", alg="RS512")]
    assert refusal().failure == OIDCFailure.KEY_UNKNOWN


def test_a_key_for_encryption_verifies_nothing(provider, refusal):
    provider.keys = [public_jwk(rsa_key(), kid="key-1") | {"use": "enc"}]
    assert refusal().failure == OIDCFailure.KEY_UNKNOWN


def test_the_type_of_the_key_has_to_fit_the_algorithm(provider, refusal):
    provider.algorithm, provider.signing_key = "ES256", curve_key("P-256")
    provider.keys = [public_jwk(rsa_key(), kid="key-1")]
    assert refusal().failure == OIDCFailure.KEY_UNKNOWN
    provider.keys = [public_jwk(curve_key("P-384"), kid="key-1")]
    assert refusal().failure == OIDCFailure.KEY_UNKNOWN


def test_two_keys_of_one_id_are_not_tried_one_after_the_other(provider, refusal):
    provider.keys = [public_jwk(rsa_key("attacker"), kid="key-1"), public_jwk(rsa_key(), kid="key-1")]
    assert refusal().failure == OIDCFailure.KEY_AMBIGUOUS


def test_a_token_without_a_key_id_is_read_while_there_is_one_key(provider, sign_in, refusal):
    provider.header = {}
    assert sign_in().idp_id == "person-1"
    provider.keys.append(public_jwk(rsa_key("second"), kid="key-2"))
    with time_machine.travel(clock.now() + timedelta(hours=2), tick=False):
        forget_what_is_cached()
        assert refusal().failure == OIDCFailure.KEY_AMBIGUOUS


def test_a_short_key_is_refused(provider, refusal):
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    provider.keys = [public_jwk(short, kid="key-1")]
    provider.make_token = lambda claims, header: jwt.encode(
        claims, rsa_key(), algorithm="RS256", headers=header
    )
    assert refusal().failure == OIDCFailure.KEYS_UNREADABLE


@pytest.mark.parametrize("kind", ["logout+jwt", "at+jwt", "application/logout+jwt", 7])
def test_a_token_of_another_kind_is_no_id_token(provider, refusal, kind):
    provider.header = {"kid": "key-1", "typ": kind}
    assert refusal().failure == OIDCFailure.ID_TOKEN_UNREADABLE


def test_a_token_with_demands_that_nobody_knows_is_refused(provider, refusal):
    provider.header = {"kid": "key-1", "crit": ["exp"], "exp": 1}
    assert refusal().failure == OIDCFailure.ID_TOKEN_UNREADABLE


@pytest.mark.parametrize(
    ("token", "failure"),
    [
        ("", OIDCFailure.ID_TOKEN_MISSING),
        (12, OIDCFailure.ID_TOKEN_MISSING),
        ({"a": 1}, OIDCFailure.ID_TOKEN_MISSING),
        ("a.b.c", OIDCFailure.ID_TOKEN_UNREADABLE),
        ("not a token", OIDCFailure.ID_TOKEN_UNREADABLE),
        ("é.é.é", OIDCFailure.ID_TOKEN_UNREADABLE),
        ("....", OIDCFailure.ID_TOKEN_ENCRYPTED),
        ("a" * 100_000, OIDCFailure.CLAIMS_TOO_LARGE),
    ],
    ids=range(8),
)
def test_what_is_no_token_is_refused(provider, refusal, token, failure):
    provider.token_answer["id_token"] = token
    assert refusal().failure == failure


def test_claims_that_are_nested_without_end_are_refused(provider, refusal):
    def make(claims, header):
        head = urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": "key-1"}).encode()).rstrip(b"=")
        deep = urlsafe_b64encode(b'{"a":' * 9_000 + b"1" + b"}" * 9_000).rstrip(b"=")
        signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(
            head + b"." + deep, rsa_key()
        )
        return b".".join((head, deep, urlsafe_b64encode(signature).rstrip(b"="))).decode()

    provider.make_token = make
    assert refusal().failure in {OIDCFailure.ID_TOKEN_UNREADABLE, OIDCFailure.CLAIMS_TOO_LARGE}


@pytest.mark.parametrize("crv", [[], {}, None, 7, "P-256 "])
def test_a_key_that_makes_no_sense_is_passed_over(provider, refusal, crv):
    provider.algorithm, provider.signing_key = "ES256", curve_key("P-256")
    provider.keys = [public_jwk(curve_key("P-256"), kid="key-1") | {"crv": crv}]
    assert refusal().failure == OIDCFailure.KEY_UNKNOWN


@pytest.mark.parametrize(
    "members",
    [{"n": 5}, {"n": []}, {"n": "!"}, {"n": ""}, {"e": "AQ"}, {"e": "AA"}, {"n": "f" * 20_000}, {"n": None}],
)
def test_a_key_that_cannot_be_one_is_refused_by_its_name(provider, refusal, members):
    provider.keys = [public_jwk(rsa_key(), kid="key-1") | members]
    assert refusal().failure == OIDCFailure.KEYS_UNREADABLE


def test_a_header_that_is_nested_without_end_is_refused(provider, refusal):
    deep = '{"alg":"RS256","kid":"key-1","x":' + "[" * 20_000 + "]" * 20_000 + "}"
    head = urlsafe_b64encode(deep.encode()).rstrip(b"=").decode()
    provider.make_token = lambda _claims, _header: f"{head}.e30.AAAA"
    assert refusal().failure == OIDCFailure.ID_TOKEN_UNREADABLE


def test_a_refusal_shows_what_is_nested_as_deep_as_a_reader_goes(provider, refusal):
    nested: list = []
    for _ in range(900):
        nested = [nested]
    provider.claims["aud"] = nested
    assert refusal().failure == OIDCFailure.AUDIENCE_DIFFERS


# --- claims -------------------------------------------------------------------------------------------------------


def wrong_claims():
    now = int(clock.now().timestamp())
    return [
        ("iss", "https://evil.example", OIDCFailure.ISSUER_DIFFERS),
        ("iss", ..., OIDCFailure.ISSUER_DIFFERS),
        ("aud", "another-client", OIDCFailure.AUDIENCE_DIFFERS),
        ("aud", ["another-client"], OIDCFailure.AUDIENCE_DIFFERS),
        ("aud", [], OIDCFailure.AUDIENCE_DIFFERS),
        ("aud", ..., OIDCFailure.AUDIENCE_DIFFERS),
        ("aud", {CLIENT_ID: True}, OIDCFailure.AUDIENCE_DIFFERS),
        ("aud", f"{CLIENT_ID}-2", OIDCFailure.AUDIENCE_DIFFERS),
        ("aud", [CLIENT_ID, "another-client"], OIDCFailure.AUTHORIZED_PARTY_DIFFERS),
        ("azp", "another-client", OIDCFailure.AUTHORIZED_PARTY_DIFFERS),
        ("azp", "", OIDCFailure.AUTHORIZED_PARTY_DIFFERS),
        ("exp", now - 3600, OIDCFailure.EXPIRED),
        ("exp", ..., OIDCFailure.CLAIM_MISSING),
        ("exp", "soon", OIDCFailure.CLAIM_MISSING),
        ("exp", True, OIDCFailure.CLAIM_MISSING),
        ("exp", float("nan"), OIDCFailure.ID_TOKEN_UNREADABLE),
        ("exp", float("inf"), OIDCFailure.ID_TOKEN_UNREADABLE),
        ("exp", 10**400, OIDCFailure.ID_TOKEN_UNREADABLE),
        ("nonce", "\ud800", OIDCFailure.ID_TOKEN_UNREADABLE),
        ("title", float("nan"), OIDCFailure.ID_TOKEN_UNREADABLE),
        ("c_hash", "AAAAAAAAAAAAAAAAAAAAAA", OIDCFailure.CODE_DIFFERS),
        ("c_hash", ["x"], OIDCFailure.CODE_DIFFERS),
        ("iat", now + 3600, OIDCFailure.NOT_YET_VALID),
        ("iat", ..., OIDCFailure.CLAIM_MISSING),
        ("nbf", now + 3600, OIDCFailure.NOT_YET_VALID),
        ("nbf", "x", OIDCFailure.CLAIM_MISSING),
        ("nonce", "another", OIDCFailure.NONCE_DIFFERS),
        ("nonce", ..., OIDCFailure.NONCE_DIFFERS),
        ("nonce", ["another"], OIDCFailure.NONCE_DIFFERS),
        ("sub", ..., OIDCFailure.CLAIM_MISSING),
        ("sub", "", OIDCFailure.CLAIM_MISSING),
        ("sub", 7, OIDCFailure.CLAIM_MISSING),
        ("sub", "x" * 300, OIDCFailure.CLAIM_MISSING),
        ("at_hash", "AAAAAAAAAAAAAAAAAAAAAA", OIDCFailure.ACCESS_TOKEN_DIFFERS),
        ("at_hash", 1, OIDCFailure.ACCESS_TOKEN_DIFFERS),
    ]


# Named by number: the values hold the present moment, and every worker has to call a test the same.
CLAIM_NAMES = [f"{name}-{number}" for number, (name, *_rest) in enumerate(wrong_claims())]


@pytest.mark.parametrize(("name", "value", "failure"), wrong_claims(), ids=CLAIM_NAMES)
def test_a_claim_that_does_not_fit_refuses_the_token(provider, refusal, name, value, failure):
    provider.claims[name] = value
    assert refusal().failure == failure


def test_several_audiences_are_good_where_we_are_the_authorized_party(provider, sign_in):
    provider.claims |= {"aud": ["another", CLIENT_ID], "azp": CLIENT_ID}
    assert sign_in().idp_id == "person-1"


@pytest.mark.parametrize(("off", "is_good"), [(-30, True), (-90, False)])
def test_the_clock_skew_is_allowed_and_no_more(provider, sign_in, refusal, off, is_good):
    now = int(clock.now().timestamp())
    provider.claims["exp"] = now + off
    if is_good:
        assert sign_in().idp_id == "person-1"
    else:
        assert refusal().failure == OIDCFailure.EXPIRED


def test_a_sign_in_at_the_provider_that_is_too_long_ago_is_refused(provider, party, sign_in, refusal):
    strict = dataclasses.replace(party, max_age=600)
    assert leave(strict)[1]["max_age"] == "600"
    assert refusal(strict).failure == OIDCFailure.CLAIM_MISSING
    provider.claims["auth_time"] = int(clock.now().timestamp()) - 700
    assert refusal(strict).failure == OIDCFailure.SIGN_IN_TOO_OLD
    provider.claims["auth_time"] = int(clock.now().timestamp()) - 500
    assert sign_in(strict).idp_id == "person-1"


def test_claims_without_measure_are_refused(provider, refusal):
    provider.userinfo |= {f"claim_{number}": 1 for number in range(300)}
    assert refusal().failure == OIDCFailure.CLAIMS_TOO_LARGE
    provider.userinfo = {"sub": "person-1", "groups": ["x" * 1000] * 100}
    assert refusal().failure == OIDCFailure.CLAIMS_TOO_LARGE
    for text in ("\x00", "a\ud800"):
        provider.userinfo = {"sub": "person-1", "title": {"deep": [text]}}
        assert refusal().failure in {OIDCFailure.CLAIMS_TOO_LARGE, OIDCFailure.USERINFO_FAILED}
    provider.userinfo = {"sub": "person-1"}
    provider.claims["title"] = "\x00"
    assert refusal().failure == OIDCFailure.CLAIMS_TOO_LARGE
    del provider.claims["title"]
    provider.claims["picture"] = "x" * 70_000
    assert refusal().failure == OIDCFailure.CLAIMS_TOO_LARGE


# --- the answer in the browser ------------------------------------------------------------------------------------


def test_an_answer_that_names_another_issuer_is_refused(refusal):
    assert refusal(iss="https://evil.example").failure == OIDCFailure.RESPONSE_ISSUER_DIFFERS


def test_an_answer_that_names_the_right_issuer_is_good(party, sign_in):
    assert sign_in(iss=party.issuer).idp_id == "person-1"


def test_an_issuer_that_was_promised_has_to_come(provider, refusal, sign_in, party):
    provider.document["authorization_response_iss_parameter_supported"] = True
    assert refusal().failure == OIDCFailure.RESPONSE_ISSUER_MISSING
    assert provider.asked_for("/token") == 0
    assert sign_in(iss=party.issuer).idp_id == "person-1"


def test_an_error_of_the_provider_is_told_in_a_sentence(refusal, provider):
    refused = refusal(
        error="access_denied", error_description="User is not assigned to the client application."
    )
    assert refused.failure == OIDCFailure.CANCELLED
    assert "User is not assigned to the client application." in refused.sentence
    refused = refusal(error="invalid_scope", error_description="<script>\x00\n" + "x" * 5000)
    assert refused.failure == OIDCFailure.PROVIDER_REFUSED
    assert "invalid_scope" in refused.sentence
    assert "\x00" not in refused.sentence
    assert len(refused.sentence) < 600
    assert provider.asked_for("/token") == 0


def test_an_answer_without_a_code_is_refused(refusal):
    assert refusal(code="").failure == OIDCFailure.CODE_MISSING


def test_the_code_of_another_sign_in_does_not_pass(party, provider):
    """Code injection: the attacker's code in the victim's answer. Its ID token has the nonce of the attacker's sign-in."""
    attackers, _ = leave(party)
    victims, _ = leave(party)
    with pytest.raises(ExchangeRefused) as caught:
        arrive(party, victims, code=attackers.memory["nonce"])
    assert caught.value.failure == OIDCFailure.NONCE_DIFFERS
    assert provider.last("/token").form["code_verifier"] == victims.memory["code_verifier"]


def test_a_provider_cannot_pass_off_the_token_of_another_one(party, provider):
    """Mix-up: the token of an honest provider arrives at a connection of a hostile one, which relayed everything."""
    with run_provider() as hostile:
        theirs = dataclasses.replace(party, issuer=hostile.issuer)
        departure, _ = leave(theirs)
        hostile.token_answer["id_token"] = provider.id_token(departure.memory["nonce"])
        with pytest.raises(ExchangeRefused) as caught:
            arrive(theirs, departure)
        assert caught.value.failure == OIDCFailure.ISSUER_DIFFERS


# --- the endpoints ------------------------------------------------------------------------------------------------


def test_userinfo_of_another_person_is_refused(provider, refusal):
    for subject in ("person-2", "", None, ["person-1"]):
        provider.userinfo = {"sub": subject, "email": "ceo@acme.example"}
        assert refusal().failure == OIDCFailure.USERINFO_SUBJECT_DIFFERS
    provider.userinfo = {"email": "ceo@acme.example"}
    assert refusal().failure == OIDCFailure.USERINFO_SUBJECT_DIFFERS


def test_signed_userinfo_is_not_read_and_the_refusal_says_so(provider, refusal):
    token = jwt.encode({"sub": "person-1"}, rsa_key(), algorithm="RS256")
    provider.answers["/userinfo"] = (200, {"Content-Type": "application/jwt; charset=utf-8"}, token.encode())
    refused = refusal()
    assert refused.failure == OIDCFailure.USERINFO_FAILED
    assert "signing of userinfo" in refused.sentence


def test_the_word_in_the_token_does_not_count_for_the_address_of_userinfo(provider, sign_in):
    provider.claims |= {"email": ..., "email_verified": True}
    provider.userinfo = {"sub": "person-1", "email": "ceo@acme.example"}
    profile = sign_in()
    assert (profile.email, profile.email_verified) == ("ceo@acme.example", False)


def test_userinfo_does_not_override_what_was_signed(provider, sign_in):
    provider.userinfo = {"sub": "person-1", "email": "ceo@acme.example", "title": "Countess"}
    profile = sign_in()
    assert profile.email == "ada@acme.example"
    assert profile.raw_attributes["title"] == "Countess"


def test_the_word_on_one_address_does_not_count_for_another(provider, sign_in):
    provider.claims |= {"email": "ceo@acme.example", "email_verified": ...}
    provider.userinfo = {"sub": "person-1", "email": "me@evil.example", "email_verified": True}
    profile = sign_in()
    assert (profile.email, profile.email_verified) == ("ceo@acme.example", False)


@pytest.mark.parametrize("word", [1, "yes", "True", [True], None, "1"])
def test_only_a_plain_yes_verifies_an_address(provider, sign_in, word):
    provider.claims["email_verified"] = word
    assert sign_in().email_verified is False


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("/.well-known/openid-configuration", OIDCFailure.PROVIDER_UNREACHABLE),
        ("/jwks", OIDCFailure.PROVIDER_UNREACHABLE),
        ("/token", OIDCFailure.PROVIDER_UNREACHABLE),
        ("/userinfo", OIDCFailure.USERINFO_FAILED),
    ],
)
def test_redirects_and_endless_answers_are_refused_at_every_endpoint(provider, refusal, path, failure):
    provider.answers[path] = (302, {"Location": f"{provider.issuer}/elsewhere"}, b"")
    assert refusal().failure == failure
    assert provider.asked_for("/elsewhere") == 0
    forget_what_is_cached()
    provider.answers[path] = (200, {"Content-Type": "application/json"}, b" " * 2_000_000)
    assert refusal().failure == failure


@pytest.mark.parametrize(
    ("path", "failure"),
    [
        ("/.well-known/openid-configuration", OIDCFailure.DISCOVERY_INVALID),
        ("/jwks", OIDCFailure.KEYS_UNREADABLE),
        ("/token", OIDCFailure.TOKEN_RESPONSE_INVALID),
        ("/userinfo", OIDCFailure.USERINFO_FAILED),
    ],
)
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"keys": 1, "error": "x"}', b"\xff\xfe"])
def test_what_is_no_document_is_refused_at_every_endpoint(provider, refusal, path, failure, body):
    provider.answers[path] = (500, {}, body)
    assert refusal().failure == failure
    forget_what_is_cached()
    if b"keys" not in body:
        provider.answers[path] = (200, {}, body)
        assert refusal().failure == failure


def test_a_provider_that_does_not_answer_is_given_up(provider, refusal, monkeypatch):
    monkeypatch.setattr(token_endpoint, "_TIMEOUT_SECONDS", 0.2)
    release = threading.Event()

    def wait(_request):
        release.wait(10)
        return as_json({})

    provider.answers["/token"] = wait
    began = time.monotonic()
    try:
        assert refusal().failure == OIDCFailure.PROVIDER_UNREACHABLE
    finally:
        release.set()
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"error": "invalid_client"}, OIDCFailure.CLIENT_REFUSED),
        ({"error": "invalid_grant", "error_description": "expired"}, OIDCFailure.CODE_REFUSED),
        ({"error": "server_error"}, OIDCFailure.TOKEN_RESPONSE_INVALID),
        ({"error": ["invalid_client"]}, OIDCFailure.TOKEN_RESPONSE_INVALID),
        ({"error": {}, "error_description": [1]}, OIDCFailure.TOKEN_RESPONSE_INVALID),
        ({"access_token": ...}, OIDCFailure.TOKEN_RESPONSE_INVALID),
        ({"access_token": ""}, OIDCFailure.TOKEN_RESPONSE_INVALID),
        ({"access_token": "x" * 40_000}, OIDCFailure.TOKEN_RESPONSE_INVALID),
        ({"token_type": "MAC"}, OIDCFailure.TOKEN_RESPONSE_INVALID),
        ({"id_token": ...}, OIDCFailure.ID_TOKEN_MISSING),
    ],
)
def test_an_answer_of_the_token_endpoint_that_does_not_fit_is_refused(provider, refusal, answer, failure):
    provider.token_answer |= answer
    assert refusal().failure == failure


def test_the_secret_of_the_client_stands_in_no_refusal(provider, party, refusal):
    provider.token_answer["error"] = "invalid_client"
    refused = refusal()
    assert party.client_secret not in f"{refused} {refused.received} {party!r}"


# --- discovery ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["/", "/other", "?x", ""])
def test_the_document_of_another_issuer_is_refused(provider, refusal, change):
    provider.document["issuer"] = f"{provider.issuer}{change}" if change else "https://accounts.google.com"
    assert refusal().failure == OIDCFailure.DISCOVERY_ISSUER_DIFFERS


def test_a_document_that_changes_its_issuer_is_refused(provider, sign_in, refusal):
    sign_in()
    provider.document["issuer"] = "https://evil.example"
    assert sign_in().idp_id == "person-1"  # It is remembered for an hour.
    forget_what_is_cached()
    assert refusal().failure == OIDCFailure.DISCOVERY_ISSUER_DIFFERS


def test_a_document_that_is_remembered_serves_its_own_issuer_alone(provider, party, sign_in, refusal):
    """The issuer with a slash at its end has its document at the same address."""
    sign_in()
    assert (
        refusal(dataclasses.replace(party, issuer=f"{party.issuer}/")).failure
        == OIDCFailure.DISCOVERY_ISSUER_DIFFERS
    )


def test_an_issuer_inside_the_network_is_refused_where_none_was_named(provider, refusal, settings, party):
    settings.OUTBOUND_NETWORKS = ()
    for issuer in (
        party.issuer,
        "https://127.0.0.1:1",
        "https://localhost:1",
        "https://169.254.169.254",
        "https://[::1]:1",
        "https://10.0.0.1",
    ):
        refused = refusal(dataclasses.replace(party, issuer=issuer))
        assert refused.failure == OIDCFailure.PROVIDER_UNREACHABLE
    assert provider.requests == []


def test_a_document_that_points_inside_the_network_does_not_lead_there(provider, refusal, settings, party):
    settings.OUTBOUND_NETWORKS = ("127.0.0.1/32",)
    with run_provider() as inside:
        port = inside.issuer.rpartition(":")[2]
        provider.document["token_endpoint"] = f"http://127.0.0.2:{port}/token"
        assert refusal().failure == OIDCFailure.PROVIDER_UNREACHABLE
        assert inside.requests == []


@pytest.mark.parametrize(
    "name",
    ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"],
)
def test_an_encrypted_issuer_has_encrypted_endpoints(provider, party, name):
    document = {
        "issuer": "https://idp.example",
        "authorization_endpoint": "https://idp.example/a",
        "token_endpoint": "https://idp.example/t",
        "jwks_uri": "https://idp.example/j",
    }
    encrypted = dataclasses.replace(party, issuer="https://idp.example")
    discovery._check_endpoints(encrypted, discovery._read_document(document, "https://idp.example"))
    for url in ("http://idp.example/x", "javascript:alert(1)", "https://user@idp.example/", "//idp.example"):
        with pytest.raises(ExchangeRefused) as caught:
            discovery._check_endpoints(
                encrypted, discovery._read_document({**document, name: url}, "https://idp.example")
            )
        assert caught.value.failure in {OIDCFailure.ENDPOINT_NOT_ENCRYPTED, OIDCFailure.DISCOVERY_INVALID}


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_a_document_without_an_endpoint_is_refused(provider, refusal, name):
    provider.document[name] = 7
    assert refusal().failure == OIDCFailure.SETTINGS_INCOMPLETE


# --- the peculiarities of single providers ------------------------------------------------------------------------


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers"])
def test_a_company_names_its_own_entra_tenant(party, refusal, tenant):
    everybody = dataclasses.replace(
        party,
        connection_type=ConnectionType.ENTRA_ID_OIDC,
        issuer=f"https://login.microsoftonline.com/{tenant}/v2.0",
    )
    assert refusal(everybody).failure == OIDCFailure.ISSUER_OF_MANY_TENANTS


def test_a_person_of_another_entra_tenant_is_refused(party, provider, refusal, sign_in):
    provider.issuer = f"{provider.issuer}/tenant-1/v2.0"
    entra = dataclasses.replace(party, connection_type=ConnectionType.ENTRA_ID_OIDC, issuer=provider.issuer)
    for tenant in ("another", ..., ["tenant-1"], "", "v2.0", "http:"):
        provider.claims["tid"] = tenant
        assert refusal(entra).failure == OIDCFailure.TENANT_DIFFERS
    provider.claims["tid"] = "tenant-1"
    assert sign_in(entra).idp_id == "person-1"


def test_a_private_google_account_is_no_workspace_account(party, provider, refusal, sign_in):
    google = dataclasses.replace(party, connection_type=ConnectionType.GOOGLE_OIDC)
    assert leave(google, domain_hint="acme.example")[1]["hd"] == "acme.example"
    assert refusal(google).failure == OIDCFailure.NOT_A_WORKSPACE_ACCOUNT
    provider.claims["hd"] = "acme.example"
    assert sign_in(google).idp_id == "person-1"
