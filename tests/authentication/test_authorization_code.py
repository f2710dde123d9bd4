from datetime import timedelta

import pytest
import time_machine

from authentication import services
from authentication.errors import (
    AuthorizationRequestNotFound,
    InvalidPendingAuthenticationToken,
    ReauthenticationRequired,
)
from authentication.models import AuthorizationCode, AuthorizationRequest, Session, SignInAttempt
from authentication.services import Authenticated, Origin, StepRequired, purge_sign_ins
from foundation import clock
from foundation.actors import SYSTEM
from foundation.encryption import token_digest
from tests.authentication.browser import CALLBACK, VERIFIER, Browser, challenge_of, query_of
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.organizations import make_membership, make_organization

PKCE = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}


@pytest.fixture
def browser(environment, user):
    return Browser(environment)


def exchange(client, code, **fields):
    return client.authenticate("authorization_code", code=code, **fields)


def test_a_sign_in_on_the_pages_ends_in_tokens(browser, client, user, emitted):
    request = browser.open_request(state="a b&c=/?é")
    outcome = browser.sign_in(request)
    url = browser.finish(request, outcome)

    assert url.startswith(CALLBACK + "?code=")
    back = query_of(url)
    assert back["state"] == "a b&c=/?é"
    assert len(back["code"]) == 26
    assert not Session.objects.in_environment(client.environment).exists()

    answer = exchange(client, back["code"])

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["user"]["id"] == user.id
    assert body["authentication_method"] == "Password"
    assert body["organization_id"] is None
    assert client.claims(body["access_token"])["sub"] == user.id
    assert client.refresh(body["refresh_token"]).status_code == 200
    session = Session.objects.in_environment(client.environment).get()
    assert (session.ip_address, session.user_agent) == ("203.0.113.7", "Mozilla/5.0")
    assert emitted()[-2:] == ["authentication.password_succeeded", "session.created"]


def test_a_public_client_proves_itself_by_the_verifier(browser, public_client):
    code = browser.fetch_code(**PKCE)

    answer = exchange(public_client, code, code_verifier=VERIFIER)

    assert answer.status_code == 200, answer.content
    assert public_client.refresh(answer.json()["refresh_token"]).status_code == 200


def test_the_code_and_the_handle_are_kept_as_digests_alone(browser, client):
    answer = browser.authorize()
    handle = query_of(answer.headers["Location"])["request"]
    request = AuthorizationRequest.objects.in_environment(client.environment).get()
    assert request.handle_digest == token_digest(handle)

    code = query_of(browser.finish(request, browser.sign_in(request)))["code"]

    row = AuthorizationCode.objects.in_environment(client.environment).get()
    assert row.code_digest == token_digest(code)
    assert code not in str(vars(row))
    assert handle not in str(vars(request))


def test_a_code_that_comes_again_ends_the_session_that_it_made(browser, client, last_event):
    code = browser.fetch_code()
    first = exchange(client, code).json()

    again = exchange(client, code)

    assert again.status_code == 400
    assert again.json() == {
        "error": "invalid_grant",
        "error_description": f"The code '{code}' has expired or is invalid.",
    }
    assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert last_event("session.revoked")["data"]["user_id"] == first["user"]["id"]


def test_an_old_code_without_its_verifier_signs_nobody_out(browser, client, public_client):
    code = browser.fetch_code(**PKCE)
    first = exchange(client, code, code_verifier=VERIFIER).json()

    for fields in ({}, {"code_verifier": "wrong" * 10}):
        assert exchange(public_client, code, **fields).json()["error"] == "invalid_grant"

    assert client.refresh(first["refresh_token"]).status_code == 200


def test_a_code_lives_ten_minutes(browser, client):
    code = browser.fetch_code()
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=1)):
        assert exchange(client, code).json()["error"] == "invalid_grant"


def test_a_code_of_one_client_is_nothing_to_another(browser, client, other_client):
    code = browser.fetch_code()

    assert exchange(other_client, code).json()["error"] == "invalid_grant"
    assert exchange(client, code).status_code == 200


@pytest.mark.parametrize(
    ("verifier", "error"),
    [
        (None, "invalid_grant"),
        (VERIFIER[:-1] + "x", "invalid_grant"),
        (challenge_of(VERIFIER), "invalid_grant"),
    ],
)
def test_a_code_with_a_challenge_needs_its_verifier_with_a_secret_too(browser, client, verifier, error):
    code = browser.fetch_code(**PKCE)
    fields = {} if verifier is None else {"code_verifier": verifier}

    assert exchange(client, code, **fields).json()["error"] == error
    assert exchange(client, code, code_verifier=VERIFIER).status_code == 200


def test_a_verifier_without_a_challenge_is_refused(browser, client):
    answer = exchange(client, browser.fetch_code(), code_verifier=VERIFIER)

    assert (answer.status_code, answer.json()["code"]) == (400, "code_challenge_not_found")


def test_a_public_client_without_a_challenge_is_refused(browser, public_client, client):
    code = browser.fetch_code()

    assert exchange(public_client, code).json()["error"] == "invalid_client"
    assert exchange(client, code).status_code == 200


@pytest.mark.parametrize("code", ["01E2RJ4C05B52KKZ8FSRDAP23J", "x", "é" * 30])
def test_an_unknown_code_is_named(client, code):
    answer = exchange(client, code)

    assert answer.status_code == 400
    assert answer.json()["error_description"] == f"The code '{code}' has expired or is invalid."


def test_a_redirect_uri_that_is_sent_must_be_the_one_of_the_request(browser, client):
    code = browser.fetch_code()

    wrong = exchange(client, code, redirect_uri="http://localhost:3000/other")
    assert wrong.json()["error"] == "invalid_grant"
    assert exchange(client, code, redirect_uri=CALLBACK).status_code == 200


def test_of_two_codes_of_one_form_sent_twice_one_is_exchanged(browser, client):
    request = browser.open_request()
    outcome = browser.sign_in(request)
    codes = [query_of(browser.finish(request, outcome))["code"] for _ in range(2)]

    assert codes[0] != codes[1]
    assert exchange(client, codes[1]).status_code == 200
    assert exchange(client, codes[0]).json()["error"] == "invalid_grant"
    assert Session.objects.in_environment(client.environment).count() == 1


def test_a_password_that_changes_makes_the_code_void(browser, client, user, api):
    code = browser.fetch_code()
    changed = api.put(f"/user_management/users/{user.id}", {"password": "another long passphrase 7"})
    assert changed.status_code == 200

    assert exchange(client, code).json()["error"] == "invalid_grant"


def test_the_policy_of_the_exchange_counts(browser, client, user):
    code = browser.fetch_code()
    organizations = [make_organization(client.environment, name=name) for name in ("Foo", "Bar")]
    for organization in organizations:
        make_membership(organization, user)

    asked = exchange(client, code)

    assert asked.status_code == 403
    assert asked.json()["code"] == "organization_selection_required"
    done = client.select(asked.json()["pending_authentication_token"], organizations[0].id)
    assert done.json()["organization_id"] == organizations[0].id
    # The session belongs to the code, though a step lay between them.
    assert exchange(client, code).json()["error"] == "invalid_grant"
    assert client.refresh(done.json()["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_code_that_comes_again_ends_the_sign_in_that_waits(browser, client, user):
    code = browser.fetch_code()
    organizations = [make_organization(client.environment, name=name) for name in ("Foo", "Bar")]
    for organization in organizations:
        make_membership(organization, user)
    token = exchange(client, code).json()["pending_authentication_token"]

    exchange(client, code)

    refused = client.select(token, organizations[0].id)
    assert refused.json()["code"] == "invalid_pending_authentication_token"


def test_steps_are_taken_on_the_pages(browser, client, user):
    organizations = [make_organization(client.environment, name=name) for name in ("Foo", "Bar")]
    for organization in organizations:
        make_membership(organization, user)
    request = browser.open_request()
    asked = browser.sign_in(request)
    assert isinstance(asked, StepRequired)

    outcome = services.sign_in_with_organization(
        environment=client.environment,
        organization_id=organizations[1].id,
        pending_authentication_token=asked.pending_authentication_token,
    )
    code = query_of(browser.finish(request, outcome))["code"]

    assert exchange(client, code).json()["organization_id"] == organizations[1].id


def test_the_organization_that_was_asked_for_is_the_one_of_the_session(browser, client, user):
    organizations = [make_organization(client.environment, name=name) for name in ("Foo", "Bar")]
    for organization in organizations:
        make_membership(organization, user)

    code = browser.fetch_code(organization_id=organizations[1].id)

    assert exchange(client, code).json()["organization_id"] == organizations[1].id


def test_who_is_no_member_of_the_organization_is_sent_back(browser, client):
    organization = make_organization(client.environment)
    request = browser.open_request(organization_id=organization.id, state="s")

    url = browser.finish(request, browser.sign_in(request))

    assert query_of(url) == {
        "error": "access_denied",
        "error_description": "The user is not a member of the organization.",
        "state": "s",
    }
    assert not AuthorizationCode.objects.in_environment(client.environment).exists()


def test_turning_back_is_told_to_the_application(browser):
    request = browser.open_request(state="s")

    url = services.decline_authorization_request(request)

    assert query_of(url)["error"] == "access_denied"
    assert query_of(url)["state"] == "s"


def test_a_request_ends_after_an_hour(browser):
    request = browser.open_request()
    with time_machine.travel(clock.now() + timedelta(hours=1, seconds=1)):
        outcome = browser.sign_in(request)
        with pytest.raises(AuthorizationRequestNotFound):
            browser.finish(request, outcome)
        with pytest.raises(AuthorizationRequestNotFound):
            services.require_authorization_request("unknown")


def test_an_attempt_of_the_api_finishes_no_request(browser, client, user):
    for name in ("Foo", "Bar"):
        make_membership(make_organization(client.environment, name=name), user)
    token = client.password("ada@example.com").json()["pending_authentication_token"]

    with pytest.raises(InvalidPendingAuthenticationToken):
        services.issue_authorization_code(request=browser.open_request(), pending_authentication_token=token)


def test_an_attempt_of_the_pages_gives_no_tokens_at_the_api(browser, client, user):
    organizations = [make_organization(client.environment, name=name) for name in ("Foo", "Bar")]
    for organization in organizations:
        make_membership(organization, user)
    token = browser.sign_in(browser.open_request()).pending_authentication_token

    answer = client.select(token, organizations[0].id)

    assert answer.json()["code"] == "invalid_pending_authentication_token"
    assert not Session.objects.in_environment(client.environment).exists()


def test_an_attempt_of_another_environment_finishes_no_request(browser, other_environment):
    make_user(other_environment, email="ada@example.com", password=PASSWORD, email_verified=True)
    outcome = services.sign_in_with_password(
        environment=other_environment,
        actor=SYSTEM,
        origin=Origin.of_page("203.0.113.7", "Mozilla/5.0"),
        email="ada@example.com",
        password=PASSWORD,
    )
    assert isinstance(outcome, Authenticated)

    with pytest.raises(InvalidPendingAuthenticationToken):
        browser.finish(browser.open_request(), outcome)


@pytest.mark.parametrize(
    ("parameters", "age", "fresh_needed"),
    [
        ({"max_age": "60"}, 61, True),
        ({"max_age": "60"}, 59, False),
        ({"max_age": "0"}, 1, True),
        ({"prompt": "login"}, 1, True),
        ({}, 10_000, False),
    ],
)
def test_an_application_may_ask_for_a_fresh_sign_in(browser, parameters, age, fresh_needed):
    early = browser.open_request()
    outcome = browser.sign_in(early)
    # As a browser that was signed in before brings it.
    SignInAttempt.objects.in_environment(early.environment).update(
        authenticated_at=clock.now() - timedelta(seconds=age)
    )
    request = browser.open_request(**parameters)

    if fresh_needed:
        with pytest.raises(ReauthenticationRequired):
            browser.finish(request, outcome)
    else:
        assert "code" in query_of(browser.finish(request, outcome))
    # What was proven after the request is always fresh enough.
    assert "code" in query_of(browser.finish(request, browser.sign_in(request)))


def test_requests_and_codes_are_purged(browser, client):
    browser.fetch_code()
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        purge_sign_ins()
        assert not AuthorizationRequest.objects.in_environment(client.environment).exists()
        assert AuthorizationCode.objects.in_environment(client.environment).exists()
    with time_machine.travel(clock.now() + timedelta(hours=26)):
        purge_sign_ins()
        assert not AuthorizationCode.objects.in_environment(client.environment).exists()
        assert not SignInAttempt.objects.in_environment(client.environment).exists()
