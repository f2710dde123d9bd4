"""Requests at once about one code, link or device. Real row locks are needed to show what they do."""

import pytest

from accounts.models import MagicAuth
from authentication.models import Session
from tests.api_client import ApiClient
from tests.authentication.browser import Browser
from tests.authentication.conftest import GRANT, TokenClient
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_api_key, make_environment
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def environment():
    return make_environment()


@pytest.fixture
def client(environment):
    make_user(environment, email="ada@example.com", password=PASSWORD, email_verified=True)
    return TokenClient(environment, make_api_key(environment))


@pytest.fixture
def api(client):
    return ApiClient(client.client_secret)


def test_parallel_guesses_get_no_more_tries_than_five(client, api, environment, settings):
    settings.RATE_LIMITS_ENABLED = False
    code = api.post("/user_management/magic_auth", {"email": "ada@example.com"}).json()["code"]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    def guess(_number):
        answer = client.authenticate(GRANT + "magic-auth:code", code=wrong, email="ada@example.com")
        return answer.json()["code"]

    answers = in_parallel(12, guess)

    assert answers.count("invalid_one_time_code") == 5
    assert answers.count("one_time_code_too_many_attempts") == 7
    assert MagicAuth.objects.in_environment(environment).get().failed_attempts == 5
    right = client.authenticate(GRANT + "magic-auth:code", code=code, email="ada@example.com")
    assert right.json()["code"] == "one_time_code_too_many_attempts"


def test_a_code_from_the_mailbox_signs_in_once_however_often_it_comes(client, api, environment):
    code = api.post("/user_management/magic_auth", {"email": "ada@example.com"}).json()["code"]

    statuses = in_parallel(
        6,
        lambda _number: (
            client.authenticate(GRANT + "magic-auth:code", code=code, email="ada@example.com").status_code
        ),
    )

    assert sorted(statuses) == [200] + [400] * 5
    assert Session.objects.in_environment(environment).count() == 1


def test_an_authorization_code_is_exchanged_once_and_the_session_of_a_replayed_one_ends(client, environment):
    code = Browser(environment).fetch_code()

    statuses = in_parallel(
        6, lambda _number: client.authenticate("authorization_code", code=code).status_code
    )

    assert sorted(statuses) == [200] + [400] * 5
    assert Session.objects.in_environment(environment).get().ended_at is not None


def test_of_two_new_passwords_by_one_link_one_is_set(client, api):
    token = api.post("/user_management/password_reset", {"email": "ada@example.com"}).json()
    passwords = [f"a quite different passphrase {number}" for number in range(4)]

    statuses = in_parallel(
        4,
        lambda number: (
            api.post(
                "/user_management/password_reset/confirm",
                {"token": token["password_reset_token"], "new_password": passwords[number]},
            ).status_code
        ),
    )

    assert sorted(statuses) == [200, 404, 404, 404]
    opened = [client.password("ada@example.com", password).status_code for password in passwords]
    assert [status == 200 for status in opened] == [status == 200 for status in statuses]
