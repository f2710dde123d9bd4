"""Guesses that arrive at once. Real row locks are needed to show that they are counted one after the other."""

import pytest

from accounts import services
from accounts.errors import AuthenticationChallengeLocked, AuthenticationChallengePreviouslyVerified
from accounts.models import AuthenticationChallenge, RecoveryCode
from accounts.services import Verification
from foundation.errors import DomainError, RateLimited
from tests.authenticator import code_of, wrong_code
from tests.factories.accounts import make_totp_factor, make_user
from tests.factories.environments import make_environment
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def outcome_of(challenge, code, *, accept_recovery_codes=False):
    try:
        return services.verify_challenge(
            challenge=challenge, one_time_code=code, accept_recovery_codes=accept_recovery_codes
        )
    except DomainError as refusal:
        return refusal


def valid(outcomes):
    return [outcome for outcome in outcomes if isinstance(outcome, Verification) and outcome.valid]


def judged_wrong(outcomes):
    return [outcome for outcome in outcomes if isinstance(outcome, Verification) and not outcome.valid]


@pytest.fixture
def user():
    return make_user(make_environment())


def test_twenty_guesses_at_once_are_five_guesses(user):
    factor = make_totp_factor(user)
    challenge = services.challenge_factor(factor=factor)
    code = wrong_code(factor.totp_secret)

    outcomes = in_parallel(8, lambda _: [outcome_of(challenge, code) for _ in range(3)])
    flat = [outcome for each in outcomes for outcome in each]

    assert len(judged_wrong(flat)) == 5
    assert sum(isinstance(outcome, AuthenticationChallengeLocked) for outcome in flat) == 19
    row = AuthenticationChallenge.objects.in_environment(user.environment_id).get()
    assert row.failed_attempts == 5


def test_guesses_at_once_over_many_challenges_and_factors_end_at_the_users_limit(user):
    factors = [make_totp_factor(user) for _ in range(2)]
    challenges = [services.challenge_factor(factor=factors[n % 2]) for n in range(8)]

    outcomes = in_parallel(
        8,
        lambda n: [outcome_of(challenges[n], wrong_code(factors[n % 2].totp_secret)) for _ in range(5)],
    )
    flat = [outcome for each in outcomes for outcome in each]

    assert len(judged_wrong(flat)) == 20
    assert sum(isinstance(outcome, RateLimited) for outcome in flat) == 20


def test_the_right_code_verifies_once_however_often_it_comes_at_once(user):
    factor = make_totp_factor(user)
    challenge = services.challenge_factor(factor=factor)
    code = code_of(factor.totp_secret)

    outcomes = in_parallel(6, lambda _: outcome_of(challenge, code))

    assert len(valid(outcomes)) == 1
    assert sum(isinstance(o, AuthenticationChallengePreviouslyVerified) for o in outcomes) == 5


def test_one_code_answers_one_of_many_challenges(user):
    factor = make_totp_factor(user)
    challenges = [services.challenge_factor(factor=factor) for _ in range(6)]
    code = code_of(factor.totp_secret)

    outcomes = in_parallel(6, lambda n: outcome_of(challenges[n], code))

    assert len(valid(outcomes)) == 1


def test_a_recovery_code_counts_once_however_often_it_comes_at_once(user):
    enrollment = services.enroll_totp_factor(environment=user.environment, user=user)
    challenges = [services.challenge_factor(factor=enrollment.factor) for _ in range(6)]
    code = enrollment.recovery_codes[0]

    outcomes = in_parallel(6, lambda n: outcome_of(challenges[n], code, accept_recovery_codes=True))

    assert len(valid(outcomes)) == 1
    used = RecoveryCode.objects.in_environment(user.environment_id).filter(used_at__isnull=False)
    assert used.count() == 1


def test_enrolling_twice_at_once_makes_one_set_of_recovery_codes(user):
    enrollments = in_parallel(
        4, lambda _: services.enroll_totp_factor(environment=user.environment, user=user)
    )

    assert sorted(len(enrollment.recovery_codes) for enrollment in enrollments) == [0, 0, 0, 10]
    assert RecoveryCode.objects.in_environment(user.environment_id).count() == 10
