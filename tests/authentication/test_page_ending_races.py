"""Two browsers, or one that is in a hurry, at the last page of a sign-in. Real row locks show what they do."""

import pytest

from authentication import services
from authentication.errors import UserCodeInvalid
from authentication.models import DeviceAuthorization, HostedSession
from authentication.services import Authenticated, Origin
from events.models import Event
from foundation.actors import SYSTEM
from foundation.errors import DomainError, RateLimited
from organizations.models import OrganizationMembership
from tests.api_client import ApiClient, new_address
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_environment
from tests.factories.organizations import make_invitation, make_organization
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

EMAIL = "ada@foo-corp.com"


@pytest.fixture
def environment(transactional_db):
    environment = make_environment()
    for email in (EMAIL, "bob@foo-corp.com"):
        make_user(environment, email=email, password=PASSWORD, email_verified=True)
    return environment


@pytest.fixture
def user_code(environment):
    answer = ApiClient().post("/user_management/authorize/device", {"client_id": environment.client_id})
    return answer.json()["user_code"]


def sign_in(request, email=EMAIL):
    """Sign in on the pages; return the token with which the last page is answered."""
    outcome = services.sign_in_with_password(
        environment=request.environment,
        actor=SYSTEM,
        origin=Origin.of_page("203.0.113.7", "Mozilla/5.0", request),
        email=email,
        password=PASSWORD,
    )
    assert isinstance(outcome, Authenticated)
    return outcome.pending_authentication_token


def ask_for_device(user_code):
    device = services.require_waiting_device(user_code=user_code, ip_address=new_address())
    handle = services.open_device_request(device=device, user_code=user_code)
    return services.require_authorization_request(handle)


def outcome_of(call):
    try:
        call()
    except DomainError as refusal:
        return refusal.code
    return "done"


def allow(request, token):
    return outcome_of(
        lambda: services.allow_device(request=request, pending_authentication_token=token, former_secret=None)
    )


def test_of_two_people_who_allow_a_device_at_once_one_is_signed_in_on_it(environment, user_code):
    request = ask_for_device(user_code)
    tokens = [sign_in(request, email) for email in (EMAIL, "bob@foo-corp.com")]

    outcomes = in_parallel(2, lambda number: allow(request, tokens[number]))

    assert sorted(outcomes) == ["done", UserCodeInvalid.code]
    # Whoever came too late is not signed in by the way.
    assert HostedSession.objects.in_environment(environment).count() == 1


def test_allowed_and_denied_at_once_is_one_of_them(environment, user_code):
    request = ask_for_device(user_code)
    tokens = [sign_in(request), sign_in(request)]

    def answer(number):
        if number:
            return allow(request, tokens[1])
        return outcome_of(
            lambda: services.refuse_device(request=request, pending_authentication_token=tokens[0])
        )

    assert sorted(in_parallel(2, answer)) == ["done", UserCodeInvalid.code]
    device = DeviceAuthorization.objects.in_environment(environment).get()
    assert (device.attempt_id is None) != (device.denied_at is None)


def test_a_yes_that_is_pressed_many_times_at_once_is_one(environment, user_code):
    request = ask_for_device(user_code)
    token = sign_in(request)

    assert in_parallel(4, lambda _number: allow(request, token)) == ["done"] * 4
    assert HostedSession.objects.in_environment(environment).count() == 1


def test_colleagues_who_accept_at_once_are_one_member(environment):
    invitation = make_invitation(environment, EMAIL, make_organization(environment))
    requests = [
        services.require_authorization_request(services.open_invitation_request(invitation=invitation))
        for _person in range(2)
    ]
    tokens = [
        sign_in(request, email) for request, email in zip(requests, (EMAIL, "bob@foo-corp.com"), strict=True)
    ]

    def join(number):
        return outcome_of(
            lambda: services.join_by_invitation(
                request=requests[number], pending_authentication_token=tokens[number], former_secret=None
            )
        )

    assert sorted(in_parallel(2, join)) == ["done", "invitation_invalid"]
    memberships = OrganizationMembership.objects.in_environment(environment)
    assert [row.status for row in memberships] == ["active"]
    accepted = Event.objects.in_environment(environment).filter(name="invitation.accepted")
    assert accepted.count() == 1


def test_of_many_user_codes_that_are_guessed_at_once_few_are_looked_up(environment, user_code):
    address = new_address()

    def guess(code):
        try:
            services.require_waiting_device(user_code=code, ip_address=address)
        except RateLimited:
            return "refused"
        except UserCodeInvalid:
            return "wrong"
        return "right"

    answers = in_parallel(40, lambda _number: guess("BBBB-BBBB"))

    assert answers.count("wrong") <= 30
    assert answers.count("refused") >= 10
    assert guess(user_code) == "refused"
