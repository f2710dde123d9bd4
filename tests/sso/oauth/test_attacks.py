"""What a hostile social provider, or somebody between, may send."""

import pytest

from sso.connection_types import ConnectionType
from sso.exchanges import ExchangeRefused
from sso.oauth.clients import OAuthClient
from sso.oauth.failures import OAuthFailure
from sso.oidc.failures import OIDCFailure
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, as_json, rsa_key, unsigned
from tests.sso.oauth.conftest import arrive, client_of, leave, refusal, sign_in
from tests.sso.oauth.test_providers import TENANT, apple_client, microsoft_answers, microsoft_client


@pytest.fixture
def github(provider):
    provider.answers["/profile"] = as_json({"id": 1, "login": "ada", "name": "Ada"})
    provider.answers["/emails"] = as_json([{"email": "ada@acme.example", "primary": True, "verified": True}])
    return client_of(ConnectionType.GITHUB_OAUTH, provider)


@pytest.mark.parametrize("path", ["/token", "/profile", "/emails"])
def test_redirects_and_endless_answers_are_not_followed(provider, github, path):
    provider.answers[path] = (302, {"Location": f"{provider.base}/elsewhere"}, b"")
    assert refusal(github).failure in {OAuthFailure.PROVIDER_UNREACHABLE, OAuthFailure.ANSWER_INVALID}
    assert provider.asked_for("/elsewhere") == 0
    provider.answers[path] = (200, {"Content-Type": "application/json"}, b" " * 2_000_000)
    assert refusal(github).failure in {OAuthFailure.PROVIDER_UNREACHABLE, OAuthFailure.ANSWER_INVALID}


@pytest.mark.parametrize("path", ["/token", "/profile", "/emails"])
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'"x"',
        b"{}",
        b"<html>",
        b"\xff",
        b'{"id": null}',
        b"[7]",
        b'[{"email": 7}]',
    ],
)
def test_an_answer_that_nobody_expects_signs_nobody_in_with_a_verified_address(
    provider, github, path, status, body
):
    provider.answers[path] = (status, {"Content-Type": "application/json"}, body)
    failure: str | None
    try:
        profile = sign_in(github)
    except ExchangeRefused as refused:
        failure = refused.failure
    else:
        # A person without a list of addresses is a person, of whom no address is known to be theirs.
        failure = None if path == "/emails" and not profile.email_verified else "signed in"
    assert failure is None or failure in set(OAuthFailure)


@pytest.mark.parametrize("subject", [None, "", "x" * 300, [], {}, True])
def test_a_person_without_a_usable_subject_is_refused(provider, subject):
    provider.answers["/profile"] = as_json({"data": {"id": subject, "name": "Ada", "username": "ada"}})
    assert refusal(client_of(ConnectionType.X_OAUTH, provider)).failure in {
        OAuthFailure.SUBJECT_MISSING,
        OAuthFailure.ANSWER_INVALID,
    }


def test_claims_without_measure_are_refused(provider, github):
    for person in (
        {"id": 1, "login": "ada", "bio": "x" * 100_000},
        {"id": 1, "login": "ada", **{f"claim_{number}": 1 for number in range(300)}},
    ):
        provider.answers["/profile"] = as_json(person)
        assert refusal(github).failure == OAuthFailure.CLAIMS_TOO_LARGE


def test_a_field_without_a_name_confirms_no_address(provider, github):
    provider.answers["/profile"] = as_json({"id": 1, "login": "eve", "": "ceo@acme.example"})
    provider.answers["/emails"] = as_json([], 404)
    profile = sign_in(github)
    assert (profile.email, profile.email_verified) == (None, False)


def test_no_secret_stands_in_a_refusal(provider, github):
    provider.token_answer |= {
        "access_token": ...,
        "error": "incorrect_client_credentials",
        "id_token": "leak-1",
    }
    refused = refusal(github)
    assert refused.failure == OAuthFailure.CLIENT_REFUSED
    shown = f"{refused} {refused.received} {github!r}"
    assert "leak-1" not in shown
    assert CLIENT_SECRET not in shown


def test_the_errors_of_the_provider_are_told(provider, github):
    assert refusal(github, error="access_denied").failure == OAuthFailure.CANCELLED
    assert refusal(github, error="user_cancelled_authorize").failure == OAuthFailure.CANCELLED
    refused = refusal(github, error="application_suspended", error_description="Contact support")
    assert refused.failure == OAuthFailure.PROVIDER_REFUSED
    assert "Contact support" in refused.sentence
    assert refusal(github, code="").failure == OAuthFailure.CODE_MISSING
    assert provider.asked_for("/token") == 0
    provider.token_answer |= {"access_token": ..., "error": "bad_verification_code"}
    assert refusal(github).failure == OAuthFailure.CODE_REFUSED


def test_addresses_inside_the_network_are_refused_where_none_was_named(provider, github, settings):
    departure, _ = leave(github)
    settings.OUTBOUND_NETWORKS = ()
    with pytest.raises(ExchangeRefused) as caught:
        arrive(github, departure)
    assert caught.value.failure == OAuthFailure.PROVIDER_UNREACHABLE
    assert provider.requests == []


@pytest.mark.parametrize(
    ("claims", "failure"),
    [
        ({"iss": "https://evil.example"}, OIDCFailure.ISSUER_DIFFERS),
        ({"aud": "another-client"}, OIDCFailure.AUDIENCE_DIFFERS),
        ({"azp": "another-client"}, OIDCFailure.AUTHORIZED_PARTY_DIFFERS),
        ({"exp": 1}, OIDCFailure.EXPIRED),
        ({"nonce": "another"}, OIDCFailure.NONCE_DIFFERS),
        ({"nonce": ...}, OIDCFailure.NONCE_DIFFERS),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, OIDCFailure.ACCESS_TOKEN_DIFFERS),
    ],
)
def test_the_id_tokens_of_google_and_apple_are_checked_whole(provider, claims, failure):
    google = client_of(ConnectionType.GOOGLE_OAUTH, provider)
    for issuer, client in (
        ("https://accounts.google.com", google),
        ("https://appleid.apple.com", apple_client(provider)),
    ):
        provider.claims = {"iss": issuer, **claims}
        assert refusal(client).failure == failure


def test_an_id_token_of_google_or_apple_that_somebody_else_signed_is_refused(provider):
    google = client_of(ConnectionType.GOOGLE_OAUTH, provider)
    for issuer, client in (
        ("https://accounts.google.com", google),
        ("https://appleid.apple.com", apple_client(provider)),
    ):
        provider.claims = {"iss": issuer}
        provider.signing_key = rsa_key("attacker")
        assert refusal(client).failure == OIDCFailure.SIGNATURE_INVALID
        provider.make_token = lambda claims, _header: unsigned(claims, {"alg": "none"})
        assert refusal(client).failure == OIDCFailure.ALGORITHM_REFUSED
        provider.make_token = None


def test_google_and_apple_without_an_id_token_name_nobody(provider):
    provider.token_answer["id_token"] = ...
    provider.answers["/profile"] = as_json(
        {"id": "1", "sub": "1", "email": "ceo@acme.example", "email_verified": True}
    )
    for client in (client_of(ConnectionType.GOOGLE_OAUTH, provider), apple_client(provider)):
        assert refusal(client).failure == OAuthFailure.ANSWER_INVALID
    assert provider.asked_for("/profile") == 0


@pytest.mark.parametrize(
    ("claims", "failure"),
    [
        ({"tid": "9188040d-6c67-4c5b-b112-36a304b66dad"}, OIDCFailure.ISSUER_DIFFERS),
        ({"tid": "../evil"}, OIDCFailure.ISSUER_DIFFERS),
        ({"iss": "https://evil.example/v2.0"}, OIDCFailure.ISSUER_DIFFERS),
        ({"aud": "another-client"}, OIDCFailure.AUDIENCE_DIFFERS),
        ({"nonce": "another"}, OIDCFailure.NONCE_DIFFERS),
        ({"exp": 1}, OIDCFailure.EXPIRED),
    ],
)
def test_microsofts_word_on_an_address_is_checked_whole(provider, claims, failure):
    microsoft_answers(provider, xms_edov=True, **claims)
    assert refusal(microsoft_client(provider)).failure == failure
    assert TENANT


def test_the_code_of_another_sign_in_does_not_pass(provider):
    """Code injection at Google: the ID token has the nonce of the attacker's own sign-in."""
    provider.claims = {"iss": "https://accounts.google.com"}
    google = client_of(ConnectionType.GOOGLE_OAUTH, provider)
    attackers, victims = leave(google)[0], leave(google)[0]
    with pytest.raises(ExchangeRefused) as caught:
        arrive(google, victims, code=attackers.memory["nonce"])
    assert caught.value.failure == OIDCFailure.NONCE_DIFFERS
    assert provider.last("/token").form["code_verifier"] == victims.memory["code_verifier"]


@pytest.mark.parametrize("kind", [ConnectionType.GITHUB_OAUTH, ConnectionType.APPLE_OAUTH])
def test_incomplete_credentials_are_named(kind):
    with pytest.raises(ExchangeRefused) as caught:
        leave(OAuthClient(connection_type=kind, client_id=CLIENT_ID))
    assert caught.value.failure == OAuthFailure.SETTINGS_INCOMPLETE
    assert ("key_id" if kind is ConnectionType.APPLE_OAUTH else "client_secret") in caught.value.sentence
