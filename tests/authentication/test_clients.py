import jwt
import pytest
import time_machine

from authentication.models import Session
from environments.models import APIKey, SigningKey
from environments.services import revoke_api_key, rotate_signing_key
from events.models import Event
from foundation import clock
from tests.factories.accounts import PASSWORD

INVALID_CLIENT = {"error": "invalid_client", "error_description": "Invalid client ID or client secret."}
GRANTS_THAT_NEED_A_SECRET = [
    "password",
    "urn:workos:oauth:grant-type:email-verification:code",
    "urn:workos:oauth:grant-type:organization-selection",
]


def ask(client, **fields):
    request = {
        "client_id": client.environment.client_id,
        "client_secret": client.client_secret,
        "grant_type": "password",
        "email": "ada@example.com",
        "password": PASSWORD,
    }
    given = {name: value for name, value in {**request, **fields}.items() if value is not None}
    return client.http.post("/user_management/authenticate", given)


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "client_unknown"},
        {"client_secret": "sk_test_wrong"},
        {"client_secret": "wrong"},
        {"client_secret": None},
        {"client_secret": ""},
        {"client_id": "client_unknown", "client_secret": None},
    ],
)
def test_a_client_that_is_not_who_it_says_is_refused_in_one_way(client, user, fields):
    answer = ask(client, **fields)

    assert answer.status_code == 400
    assert answer.json() == INVALID_CLIENT
    assert not Event.objects.in_environment(client.environment).filter(name__startswith="auth").exists()


def test_the_secret_of_one_environment_opens_no_other(client, other_client, user):
    assert ask(client, client_secret=other_client.client_secret).json() == INVALID_CLIENT
    assert ask(client, client_id=other_client.environment.client_id).json() == INVALID_CLIENT


def test_a_revoked_api_key_is_no_client_secret(client, user):
    revoke_api_key(APIKey.objects.in_environment(client.environment).get())

    assert ask(client).json() == INVALID_CLIENT


@pytest.mark.parametrize("grant_type", GRANTS_THAT_NEED_A_SECRET)
def test_a_public_client_may_only_refresh(client, public_client, user, grant_type):
    fields = {"email": "ada@example.com", "password": PASSWORD, "code": "123456"}

    assert public_client.authenticate(grant_type, **fields).json() == INVALID_CLIENT


def test_an_api_key_in_the_header_is_no_client_secret(client, user):
    client.http.api_key = client.client_secret

    assert ask(client, client_secret=None).json() == INVALID_CLIENT


@pytest.mark.parametrize("fields", [{"client_secret": 7}, {"password": ["a"]}, {"email": {"a": 1}}])
def test_a_field_of_a_wrong_type_is_refused(client, user, fields):
    answer = ask(client, **fields)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request_parameters"


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"'])
def test_what_is_no_object_is_refused(client, body):
    answer = client.http.request("POST", "/user_management/authenticate", form=body.decode())

    assert answer.status_code in {400, 422}


def test_a_repeated_request_gets_the_very_same_tokens(client, user):
    key = {"Idempotency-Key": "sign-in-1"}

    first = client.password("ada@example.com", headers=key)
    second = client.password("ada@example.com", headers=key)

    assert first.status_code == 200
    assert second.json() == first.json()
    assert Session.objects.in_environment(client.environment).count() == 1


def test_a_repeated_refresh_gets_the_very_same_tokens_however_late(client, public_client, user):
    token = client.sign_in("ada@example.com")["refresh_token"]
    key = {"Idempotency-Key": "refresh-1"}
    first = public_client.refresh(token, headers=key)
    with time_machine.travel(clock.now().timestamp() + 3600):
        assert public_client.refresh(token, headers=key).json() == first.json()


def test_what_a_refused_sign_in_leaves_behind_stays_under_an_idempotency_key_too(client, user, emitted):
    key = {"Idempotency-Key": "sign-in-1"}
    assert client.password("ada@example.com", "wrong", headers=key).status_code == 400

    assert emitted()[-1] == "authentication.password_failed"
    assert client.password("ada@example.com", "wrong", headers=key).status_code == 400
    assert emitted().count("authentication.password_failed") == 1


def test_a_stolen_refresh_token_ends_its_session_under_an_idempotency_key_too(client, user):
    token = client.sign_in("ada@example.com")["refresh_token"]
    client.refresh(client.refresh(token).json()["refresh_token"])

    answer = client.refresh(token, headers={"Idempotency-Key": "replay"})

    assert answer.json()["error"] == "invalid_grant"
    assert Session.objects.in_environment(client.environment).get().status == "revoked"


def test_a_refused_client_is_not_remembered(client, user):
    key = {"Idempotency-Key": "sign-in-1"}
    secret, client.client_secret = client.client_secret, "sk_test_wrong"
    assert client.password("ada@example.com", headers=key).json() == INVALID_CLIENT
    client.client_secret = secret

    assert client.password("ada@example.com", headers=key).status_code == 200


def test_tokens_are_signed_by_the_new_key_after_a_rotation_and_old_ones_still_verify(client, user):
    before = client.sign_in("ada@example.com")["access_token"]
    rotate_signing_key(client.environment)
    after = client.sign_in("ada@example.com")["access_token"]

    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    assert jwt.get_unverified_header(after) == {
        "alg": "RS256",
        "typ": "JWT",
        "kid": SigningKey.objects.in_environment(client.environment).get(retired_at=None).key_id,
    }
    assert client.claims(before)["sub"] == client.claims(after)["sub"] == user.id


def test_a_token_of_another_environment_does_not_verify(client, other_client, user):
    token = client.sign_in("ada@example.com")["access_token"]

    with pytest.raises(KeyError):
        other_client.claims(token)


def test_a_token_does_not_verify_after_its_time(client, user):
    token = client.sign_in("ada@example.com")["access_token"]
    with time_machine.travel(clock.now().timestamp() + 301), pytest.raises(jwt.ExpiredSignatureError):
        client.claims(token)
