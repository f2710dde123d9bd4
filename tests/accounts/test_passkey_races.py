"""Answers of passkeys that arrive at once. Real row locks are needed to show that each is judged by itself."""

import pytest

from accounts.errors import PasskeyChallengeInvalid, PasskeyCopied
from accounts.models import Passkey
from accounts.services import begin_passkey_sign_in, use_passkey
from authentication.errors import LastWayIn
from authentication.services import remove_own_passkey
from environments.services import update_authentication_settings
from tests.factories.accounts import make_passkey, make_user
from tests.factories.environments import make_environment
from tests.software_authenticator import SoftwareAuthenticator
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def environment():
    return make_environment()


@pytest.fixture
def authenticator(environment):
    authenticator = SoftwareAuthenticator()
    make_passkey(make_user(environment), authenticator)
    return authenticator


def ask(environment):
    return begin_passkey_sign_in(environment=environment, browser_secret="browser")


def judge(environment, answer):
    return use_passkey(environment=environment, browser_secret="browser", answer=answer).refusal


def test_of_one_answer_that_is_sent_many_times_one_counts(environment, authenticator):
    answer = authenticator.get(ask(environment))

    refusals = in_parallel(6, lambda _: judge(environment, answer))

    assert [refusal for refusal in refusals if refusal is None] == [None]
    assert {type(refusal) for refusal in refusals if refusal is not None} == {PasskeyChallengeInvalid}


def test_two_authenticators_with_one_key_are_noticed_even_at_once(environment, authenticator):
    first = authenticator.get(ask(environment))
    authenticator.sign_count -= 1
    second = authenticator.get(ask(environment))

    refusals = in_parallel(2, lambda number: judge(environment, (first, second)[number]))

    assert sorted(type(refusal).__name__ for refusal in refusals) == ["NoneType", PasskeyCopied.__name__]
    assert Passkey.objects.in_environment(environment).get().blocked_at is not None


def test_of_two_ways_in_that_are_removed_at_once_one_stays(environment):
    user = make_user(environment)
    passkeys = [make_passkey(user), make_passkey(user)]
    changes = {"password_enabled": False, "magic_auth_enabled": False}
    update_authentication_settings(environment=environment, changes=changes)

    def remove(number):
        try:
            remove_own_passkey(user=user, passkey_id=passkeys[number].pk)
        except LastWayIn:
            return "refused"
        return "removed"

    assert sorted(in_parallel(2, remove)) == ["refused", "removed"]
    assert Passkey.objects.in_environment(environment).count() == 1
