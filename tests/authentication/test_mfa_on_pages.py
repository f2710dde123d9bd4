import pytest

from authentication import services
from authentication.engine import Step
from authentication.models import Session
from authentication.services import Origin, StepRequired
from foundation.actors import SYSTEM
from tests.authentication.browser import Browser, query_of
from tests.authenticator import code_of
from tests.factories.accounts import make_totp_factor


@pytest.fixture
def browser(environment, user):
    return Browser(environment)


@pytest.fixture
def factor(user):
    return make_totp_factor(user)


def answer_on_the_page(client, request, outcome, factor):
    return services.sign_in_with_second_factor(
        environment=request.environment,
        actor=SYSTEM,
        origin=Origin.of_page("203.0.113.7", "Mozilla/5.0", request),
        one_time_code=code_of(factor.totp_secret),
        authentication_challenge_id=client.challenge(factor.id),
        pending_authentication_token=outcome.pending_authentication_token,
    )


def test_a_factor_proven_on_the_pages_counts_when_the_code_is_exchanged(browser, client, factor):
    request = browser.open_request()
    asked = browser.sign_in(request)
    assert isinstance(asked, StepRequired)
    assert asked.step is Step.MFA_CHALLENGE

    done = answer_on_the_page(client, request, asked, factor)
    code = query_of(browser.finish(request, done))["code"]
    answer = client.authenticate("authorization_code", code=code)

    assert answer.status_code == 200, answer.content
    session = Session.objects.in_environment(client.environment).get()
    assert session.mfa_verified_at is not None


def test_a_code_that_was_earned_without_a_factor_is_no_way_around_a_later_one(browser, client, user):
    code = browser.fetch_code()
    factor = make_totp_factor(user)

    answer = client.authenticate("authorization_code", code=code)

    assert answer.status_code == 403
    assert answer.json()["code"] == "mfa_challenge"
    done = client.second_factor(
        answer.json()["pending_authentication_token"],
        client.challenge(factor.id),
        code_of(factor.totp_secret),
    )
    assert done.status_code == 200


def test_a_sign_in_of_the_pages_is_not_finished_by_the_api(browser, client, factor):
    asked = browser.sign_in(browser.open_request())

    answer = client.second_factor(
        asked.pending_authentication_token, client.challenge(factor.id), code_of(factor.totp_secret)
    )

    assert answer.json()["code"] == "invalid_pending_authentication_token"
    assert not Session.objects.in_environment(client.environment).exists()
