"""Requests at once about one session or one sign-in. Real row locks are needed to show what they do."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from authentication.models import Session
from tests.authentication.conftest import TokenClient
from tests.authenticator import code_of, wrong_code
from tests.factories.accounts import PASSWORD, make_totp_factor, make_user
from tests.factories.environments import make_api_key, make_environment
from tests.factories.organizations import make_membership, make_organization

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(count: int, action: Callable[[], Any]) -> list[Any]:
    """Run an action in threads that start together; return their answers."""
    answers: list[Any] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait(timeout=10)
        try:
            answers.append(action())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(answers) == count
    return answers


@pytest.fixture
def racer():
    environment = make_environment()
    make_user(environment, email="ada@example.com", password=PASSWORD, email_verified=True)
    return TokenClient(environment, make_api_key(environment))


def test_refreshes_at_once_with_one_token_get_one_successor(racer):
    token = racer.sign_in("ada@example.com")["refresh_token"]

    answers = at_once(6, lambda: racer.refresh(token))

    assert {answer.status_code for answer in answers} == {200}
    (successor,) = {answer.json()["refresh_token"] for answer in answers}
    assert racer.refresh(successor).status_code == 200
    assert racer.refresh(token).json()["error"] == "invalid_grant"
    assert racer.refresh(successor).json()["error"] == "invalid_grant"


def test_refreshes_at_once_with_a_spent_token_end_the_session_once(racer):
    first = racer.sign_in("ada@example.com")["refresh_token"]
    racer.refresh(racer.refresh(first).json()["refresh_token"])

    answers = at_once(6, lambda: racer.refresh(first))

    assert {answer.json()["error"] for answer in answers} == {"invalid_grant"}
    assert Session.objects.in_environment(racer.environment).get().status == "revoked"


def test_a_pending_sign_in_succeeds_once_however_often_it_is_answered_at_once(racer, settings):
    settings.RATE_LIMITS_ENABLED = False
    user = make_user(racer.environment, email="grace@example.com", password=PASSWORD, email_verified=True)
    organizations = [make_organization(racer.environment, name=name) for name in ("Foo Corp", "Bar Inc")]
    for organization in organizations:
        make_membership(organization, user)
    token = racer.password("grace@example.com").json()["pending_authentication_token"]

    answers = at_once(6, lambda: racer.select(token, organizations[0].id))

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400, 400]
    assert Session.objects.in_environment(racer.environment).count() == 1


def test_wrong_answers_at_once_are_all_counted(racer, settings):
    settings.RATE_LIMITS_ENABLED = False
    user = make_user(racer.environment, email="grace@example.com", password=PASSWORD, email_verified=True)
    organizations = [make_organization(racer.environment, name=name) for name in ("Foo Corp", "Bar Inc")]
    for organization in organizations:
        make_membership(organization, user)
    token = racer.password("grace@example.com").json()["pending_authentication_token"]

    at_once(6, lambda: racer.select(token, "org_unknown"))
    at_once(4, lambda: racer.select(token, "org_unknown"))

    refused = racer.select(token, organizations[0].id)
    assert refused.json()["code"] == "invalid_pending_authentication_token"


def test_sign_ins_at_once_are_each_a_session_of_their_own(racer):
    answers = at_once(5, lambda: racer.password("ada@example.com"))

    assert {answer.status_code for answer in answers} == {200}
    assert Session.objects.in_environment(racer.environment).count() == 5


def test_one_request_sent_twice_at_once_is_one_sign_in(racer):
    answers = at_once(4, lambda: racer.password("ada@example.com", headers={"Idempotency-Key": "once"}))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert Session.objects.in_environment(racer.environment).count() == 1


def test_one_code_at_once_for_many_sign_ins_signs_in_once(racer, settings):
    settings.RATE_LIMITS_ENABLED = False
    factor = make_totp_factor(User.objects.in_environment(racer.environment).get())
    waiting = [
        (racer.password("ada@example.com").json()["pending_authentication_token"], racer.challenge(factor.id))
        for _ in range(6)
    ]
    code = code_of(factor.totp_secret)

    answers = at_once(6, lambda: racer.second_factor(*waiting.pop(), code))

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400, 400]
    assert Session.objects.in_environment(racer.environment).count() == 1


def test_guesses_at_once_are_all_counted(racer):
    factor = make_totp_factor(User.objects.in_environment(racer.environment).get())
    waiting = [
        (racer.password("ada@example.com").json()["pending_authentication_token"], racer.challenge(factor.id))
        for _ in range(8)
    ]
    code = wrong_code(factor.totp_secret)

    def guess_five_times():
        token, challenge_id = waiting.pop()
        return [racer.second_factor(token, challenge_id, code).status_code for _ in range(5)]

    statuses = [status for answers in at_once(8, guess_five_times) for status in answers]

    assert statuses.count(400) == 20
    assert statuses.count(429) == 20


def test_switches_at_once_that_need_a_factor_spend_nothing(racer):
    user = User.objects.in_environment(racer.environment).get()
    organization = make_organization(racer.environment)
    signed_in = racer.sign_in("ada@example.com")
    make_membership(organization, user)
    make_totp_factor(user)

    answers = at_once(6, lambda: racer.refresh(signed_in["refresh_token"], organization_id=organization.id))

    assert {answer.json()["code"] for answer in answers} == {"mfa_challenge"}
    assert racer.refresh(signed_in["refresh_token"]).status_code == 200
