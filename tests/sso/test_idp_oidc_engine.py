"""The OIDC side of the test identity provider: requests, codes, tokens; read by PyJWT as relying parties do."""

import base64
import hashlib

import jwt
import pytest

from sso.test_idp import oidc, services
from sso.test_idp.oidc import AskedAuthorization, CodeRedemption, OIDCRefused, UnusableRequest
from sso.test_idp.people import Misbehaviour, Person
from tests.factories.environments import make_environment

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CALLBACK = "https://app.example/callback"
ASKED = AskedAuthorization(client_id="app", redirect_uri=CALLBACK, nonce="n-1", code_challenge=CHALLENGE)
ADA = Person(
    email="ada@acme.test",
    first_name="Ada",
    last_name="Lovelace",
    groups=("Engineers",),
    role="admin",
    attributes={"department": ("R&D",), "floors": ("1", "2"), "iss": ("https://evil.example",)},
)


@pytest.fixture
def idp(environment):
    return services.ensure_test_idp(environment)


def id_token_claims(idp, misbehaviour=None, asked=ASKED):
    token = oidc.issue_tokens(idp, asked, ADA, misbehaviour)["id_token"]
    key = jwt.PyJWKSet.from_dict({"keys": [dict(idp.public_jwk)]})[idp.key_id]
    return jwt.decode(token, key, algorithms=["RS256"], audience="app", issuer=idp.issuer)


def test_the_id_token_says_who_it_is_and_the_key_set_verifies_it(idp):
    claims = id_token_claims(idp)

    assert claims["sub"] == ADA.subject
    assert claims["nonce"] == "n-1"
    assert (claims["email"], claims["email_verified"]) == ("ada@acme.test", True)
    assert (claims["given_name"], claims["family_name"], claims["name"]) == (
        "Ada",
        "Lovelace",
        "Ada Lovelace",
    )
    assert (claims["groups"], claims["role"]) == (["Engineers"], "admin")
    assert (claims["department"], claims["floors"]) == ("R&D", ["1", "2"])


def test_a_typed_attribute_cannot_take_the_place_of_a_claim_of_the_protocol(idp):
    assert id_token_claims(idp)["iss"] == idp.issuer


def test_the_access_token_fetches_the_same_person_and_the_id_token_fetches_nobody(idp):
    tokens = oidc.issue_tokens(idp, ASKED, ADA)

    assert oidc.read_userinfo(idp, tokens["access_token"])["sub"] == ADA.subject
    with pytest.raises(OIDCRefused):
        oidc.read_userinfo(idp, tokens["id_token"])
    digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    at_hash = jwt.decode(tokens["id_token"], options={"verify_signature": False})["at_hash"]
    assert at_hash == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("misbehaviour", "error"),
    [
        (Misbehaviour.UNSIGNED, jwt.InvalidAlgorithmError),
        (Misbehaviour.FOREIGN_KEY, jwt.InvalidSignatureError),
        (Misbehaviour.EXPIRED, jwt.ExpiredSignatureError),
        (Misbehaviour.WRONG_AUDIENCE, jwt.InvalidAudienceError),
    ],
)
def test_each_misbehaviour_fails_its_own_check(idp, misbehaviour, error):
    with pytest.raises(error):
        id_token_claims(idp, misbehaviour)


def test_without_an_email_address_neither_token_has_one(idp):
    tokens = oidc.issue_tokens(idp, ASKED, ADA, Misbehaviour.NO_EMAIL)

    assert "email" not in id_token_claims(idp, Misbehaviour.NO_EMAIL)
    assert "email" not in oidc.read_userinfo(idp, tokens["access_token"])


def test_an_access_token_of_another_sandbox_opens_nothing(idp, other_environment):
    other = services.ensure_test_idp(other_environment)

    with pytest.raises(OIDCRefused):
        oidc.read_userinfo(idp, oidc.issue_tokens(other, ASKED, ADA)["access_token"])


# --- Requests ----------------------------------------------------------------------------------------------------

GOOD = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": CALLBACK,
    "scope": "openid email",
    "state": "s-1",
    "nonce": "n-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "login_hint": "ada@acme.test",
}


def test_an_authorization_request_is_read():
    asked = oidc.read_authorization(GOOD)

    assert (asked.client_id, asked.redirect_uri, asked.state, asked.nonce) == ("app", CALLBACK, "s-1", "n-1")
    assert (asked.code_challenge, asked.login_hint) == (CHALLENGE, "ada@acme.test")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "email"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"state": "s" * 3000}, "invalid_request"),
    ],
)
def test_what_cannot_be_granted_is_refused_in_the_words_of_the_standard(changes, error):
    with pytest.raises(OIDCRefused) as refusal:
        oidc.read_authorization(GOOD | changes)

    assert refusal.value.error == error


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": ""},
        {"client_id": "c" * 300},
        {"redirect_uri": ""},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "https://app.example/#fragment"},
        {"redirect_uri": "https://[broken"},
        {"redirect_uri": "https://app.example/\n"},
    ],
)
def test_without_a_place_to_answer_to_there_is_no_redirect(changes):
    with pytest.raises(UnusableRequest):
        oidc.read_authorization(GOOD | changes)


# --- Codes -------------------------------------------------------------------------------------------------------


def presented(**changes):
    fields = {"client_id": "app", "client_secret": "", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return CodeRedemption(**(fields | changes))


def redeem(environment, idp, code, **changes):
    return services.redeem_code(environment=environment, idp=idp, code=code, presented=presented(**changes))


def test_a_code_is_redeemed_once(environment, idp):
    code = services.issue_code(
        environment=environment, asked=ASKED, person=ADA, misbehaviour=Misbehaviour.EXPIRED
    )

    redeemed = redeem(environment, idp, code)

    assert (redeemed.asked, redeemed.person) == (ASKED, ADA)
    assert redeemed.misbehaviour is Misbehaviour.EXPIRED
    with pytest.raises(OIDCRefused, match="used before"):
        redeem(environment, idp, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "https://app.example/other"},
        {"client_id": "another"},
        {"client_secret": "guess"},
    ],
)
def test_a_code_is_worth_nothing_to_anybody_else_and_gone_after_the_attempt(environment, idp, changes):
    code = services.issue_code(environment=environment, asked=ASKED, person=ADA)

    with pytest.raises(OIDCRefused):
        redeem(environment, idp, code, **changes)
    with pytest.raises(OIDCRefused, match="unknown"):
        redeem(environment, idp, code)


def test_a_code_lives_for_a_minute(environment, idp, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    code = services.issue_code(environment=environment, asked=ASKED, person=ADA)
    time_machine.shift(61)

    with pytest.raises(OIDCRefused, match="expired"):
        redeem(environment, idp, code)


def test_a_code_of_another_sandbox_is_unknown(environment, idp, other_environment):
    code = services.issue_code(environment=other_environment, asked=ASKED, person=ADA)

    with pytest.raises(OIDCRefused, match="unknown"):
        redeem(environment, idp, code)


def test_a_client_without_pkce_needs_the_secret(environment, idp):
    asked = AskedAuthorization(client_id="app", redirect_uri=CALLBACK)
    issue = lambda: services.issue_code(environment=environment, asked=asked, person=ADA)

    redeemed = redeem(environment, idp, issue(), client_secret=idp.oidc_client_secret, code_verifier="")
    assert redeemed.person == ADA
    with pytest.raises(OIDCRefused, match="PKCE"):
        redeem(environment, idp, issue(), code_verifier="")


# --- The key -----------------------------------------------------------------------------------------------------


def test_the_key_is_drawn_once_and_sealed(environment, idp):
    assert services.ensure_test_idp(environment) == idp


def test_a_production_environment_has_no_test_identity_provider(db):
    with pytest.raises(services.NoTestIdentityProvider):
        services.ensure_test_idp(make_environment("Live", kind="production"))
