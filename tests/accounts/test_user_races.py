"""Two requests at once about one user. Real row locks are needed to show what they do."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts import services
from accounts.errors import (
    EmailPreviouslyVerified,
    EmailVerificationCodeIncorrect,
    EmailVerificationCodeLocked,
    NewUserEmailNotAvailable,
)
from accounts.models import EmailVerification, User
from events.models import Event
from tests.factories.accounts import make_email_verification, make_user
from tests.factories.environments import make_environment

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Run the actions in threads that start together; return what each returned or raised."""
    outcomes: list[Any] = [None] * len(actions)
    barrier = threading.Barrier(len(actions))

    def run(place: int, action: Callable[[], Any]) -> None:
        barrier.wait(timeout=10)
        try:
            outcomes[place] = action()
        except Exception as error:  # noqa: BLE001 -- whatever was raised is the outcome
            outcomes[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes


def test_one_of_two_users_gets_an_address(actor):
    environment = make_environment()
    outcomes = at_once(
        *[
            lambda: services.create_user(environment=environment, actor=actor, email="ada@example.com")
            for _ in range(6)
        ]
    )
    assert sum(isinstance(outcome, User) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NewUserEmailNotAvailable) for outcome in outcomes) == 5
    assert Event.objects.in_environment(environment).count() == 1


def test_a_code_verifies_once_however_often_it_comes_at_once(actor):
    environment = make_environment()
    user = make_user(environment)
    code = make_email_verification(user).code
    outcomes = at_once(
        *[
            lambda: services.use_email_verification_code(user=user, one_time_code=code, actor=actor)
            for _ in range(6)
        ]
    )
    assert sum(isinstance(outcome, User) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, EmailPreviouslyVerified) for outcome in outcomes) == 5
    assert Event.objects.in_environment(environment).filter(name="user.updated").count() == 1


def test_guesses_that_come_at_once_are_all_counted(actor):
    user = make_user(make_environment())
    code = make_email_verification(user).code
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    outcomes = at_once(
        *[
            lambda: services.use_email_verification_code(user=user, one_time_code=wrong, actor=actor)
            for _ in range(8)
        ]
    )
    assert sum(isinstance(outcome, EmailVerificationCodeIncorrect) for outcome in outcomes) == 5
    assert sum(isinstance(outcome, EmailVerificationCodeLocked) for outcome in outcomes) == 3
    assert EmailVerification.unscoped.get(user=user).failed_attempts == 5


def test_metadata_that_is_merged_at_once_is_all_kept(actor):
    user = make_user(make_environment())
    at_once(
        *[
            lambda key=key: services.update_user(user=user, actor=actor, metadata={key: "x"})
            for key in "abcdef"
        ]
    )
    assert set(User.unscoped.get(pk=user.pk).metadata) == set("abcdef")


def test_one_of_two_deletions_deletes(actor):
    environment = make_environment()
    user = make_user(environment)
    at_once(*[lambda: services.remove_user(user, actor) for _ in range(4)])
    assert Event.objects.in_environment(environment).filter(name="user.deleted").count() == 1
