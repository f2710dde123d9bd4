"""Staff in a user's place: who may, what the application and the user see of it, and what stays shut."""

import re
from html import unescape

import jwt
import pytest
from workos.user_management.models import AuthenticateResponse

from authentication.models import HostedSession
from environments import services as environments
from environments.models import OperatorRole
from environments.services import update_authentication_settings
from events.models import Mail
from tests.authentication.browser import CALLBACK, query_of
from tests.authentication.conftest import TokenClient
from tests.authentication.pages.conftest import PageBrowser
from tests.authenticator import code_of, wrong_code
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import (
    OPERATOR_PASSWORD,
    make_api_key,
    make_environment,
    make_operator,
)
from tests.factories.organizations import make_invitation, make_membership, make_organization, set_policy

REASON = "Ticket 4711: the invoice page stays empty."


@pytest.fixture
def allowed(environment):
    update_authentication_settings(environment=environment, changes={"impersonation_enabled": True})


@pytest.fixture
def ada(environment, allowed):
    return make_user(environment, email="ada@example.com", password=PASSWORD, email_verified=True)


@pytest.fixture
def client(environment):
    return TokenClient(environment, make_api_key(environment))


def tool_of(user):
    return f"/admin/accounts/user/{user.pk}/tool/impersonate/"


def ask(browser, user, **fields):
    form = {"reason": REASON, "redirect_uri": CALLBACK, "operator_password": OPERATOR_PASSWORD, **fields}
    return browser.post(tool_of(user), form)


def code_in(answer):
    found = re.search(r'href="(http://localhost:3000/callback[^"]+)"', answer.content.decode())
    assert found, answer.content.decode()
    return query_of(unescape(found[1]))["code"]


def exchange(client, code, **fields):
    return client.authenticate("authorization_code", code=code, **fields)


def test_the_application_is_told_who_acts_in_whose_place_and_why(
    owners_browser, owner, ada, client, last_event
):
    answer = exchange(client, code_in(ask(owners_browser, ada))).json()

    assert answer["user"]["id"] == ada.pk
    assert answer["authentication_method"] == "Impersonation"
    assert answer["impersonator"] == {"email": owner.email, "reason": REASON}
    assert client.claims(answer["access_token"])["act"] == {"sub": owner.email}
    parsed = AuthenticateResponse.from_dict(answer)
    assert parsed.impersonator is not None
    assert (parsed.impersonator.email, parsed.impersonator.reason) == (owner.email, REASON)
    event = last_event("session.created")
    assert event["actor"] == ("operator", owner.pk)
    assert event["data"]["auth_method"] == "impersonation"
    assert event["data"]["impersonator"] == {"email": owner.email, "reason": REASON}
    (listed,) = client_sessions(client, ada)
    assert listed["impersonator"]["email"] == owner.email


def client_sessions(client, user):
    from_api = client.http
    from_api.api_key = client.client_secret
    return from_api.get(f"/user_management/users/{user.pk}/sessions").json()["data"]


def test_the_hour_is_over_however_often_it_is_refreshed(owner, signed_in, ada, client, time_machine):
    time_machine.move_to("2027-06-01T12:00:00Z", tick=False)
    tokens = exchange(client, code_in(ask(signed_in(owner), ada))).json()
    for _ in range(3):
        time_machine.shift(1195)
        tokens = client.refresh(tokens["refresh_token"]).json()
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] == 15
    time_machine.shift(16)
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_staff_act_in_the_organization_that_they_chose_and_in_no_other(
    owners_browser, environment, ada, client
):
    chosen, other = (make_organization(environment, name) for name in ("Chosen", "Other"))
    for organization in (chosen, other):
        make_membership(organization, ada)
    # Its policy is for the user; the admin has asked the operator.
    set_policy(chosen, sso_required=True, mfa_policy="required")

    signed_in = exchange(client, code_in(ask(owners_browser, ada, organization=chosen.pk))).json()

    assert signed_in["organization_id"] == chosen.pk
    refused = client.refresh(signed_in["refresh_token"], organization_id=other.pk)
    assert refused.json()["error"] == "organization_membership_not_found"


def test_an_organization_that_the_user_does_not_belong_to_is_no_choice(owners_browser, environment, ada):
    stranger = make_organization(environment, "Stranger")
    make_membership(make_organization(environment, "Own"), ada)

    assert "Select a valid choice" in ask(owners_browser, ada, organization=stranger.pk).content.decode()


@pytest.mark.parametrize("reason", ["", "   "])
def test_no_reason_is_a_refusal(owners_browser, environment, ada, reason):
    ask(owners_browser, ada, reason=reason)

    assert not HostedSession.objects.in_environment(environment).exists()
    assert "code=" not in ask(owners_browser, ada, reason=reason).content.decode()


def test_a_redirect_uri_that_nobody_configured_is_refused(owners_browser, ada):
    shown = ask(owners_browser, ada, redirect_uri="https://attacker.example/callback").content.decode()

    assert "attacker.example/callback?code" not in shown
    assert "Select a valid choice" in shown


def test_the_users_account_page_stays_shut_and_shows_who_was_there(
    owners_browser, environment, owner, ada, client
):
    code = code_in(ask(owners_browser, ada))
    exchange(client, code)
    assert not HostedSession.objects.in_environment(environment).exists()
    account = f"/account?client_id={environment.client_id}"
    assert PageBrowser(environment).open(account).status_code == 200
    assert "/sign-in" in owners_browser.get(account).headers["Location"]

    browser = PageBrowser(environment)
    browser.open(account)
    browser.sign_in()
    browser.open(browser.target if browser.path == "/sign-in/continue" else account)

    assert owner.email in browser.text
    assert "Ticket 4711" in browser.text


def test_nobody_joins_anything_in_a_users_name(owners_browser, environment, ada, client):
    invitation = make_invitation(environment, ada.email, make_organization(environment, "Inviting"))
    code = code_in(ask(owners_browser, ada))

    assert exchange(client, code, invitation_token=invitation.token).json()["error"] == "invitation_invalid"


def test_it_is_no_sign_in_of_the_users(owners_browser, environment, ada, client):
    exchange(client, code_in(ask(owners_browser, ada)))

    ada.refresh_from_db()
    assert ada.last_sign_in_at is None
    assert not Mail.objects.in_environment(environment).exists()


def test_the_user_hears_of_it_where_the_environment_wants_that(owners_browser, environment, owner, ada):
    update_authentication_settings(environment=environment, changes={"impersonation_mail_enabled": True})

    ask(owners_browser, ada)

    mail = Mail.objects.in_environment(environment).get()
    assert mail.recipient == ada.email
    assert owner.email in mail.text
    assert REASON in mail.text


# --- Who may ------------------------------------------------------------------------------------------------------


def test_a_new_production_environment_allows_it_to_nobody(db):
    environment = make_environment("Production", "production")

    assert environment.authentication_settings.impersonation_enabled is False


def test_an_environment_that_forbids_it_is_obeyed(owners_browser, environment, ada):
    update_authentication_settings(environment=environment, changes={"impersonation_enabled": False})

    answer = ask(owners_browser, ada)

    assert "is not allowed here" in answer.content.decode()
    assert (
        "tool/impersonate"
        not in owners_browser.get(f"/admin/accounts/user/{ada.pk}/change/").content.decode()
    )


def test_an_admin_needs_the_right_and_a_viewer_never_has_it(environment, ada, signed_in):
    plain = make_operator("plain@gatehouse.test", OperatorRole.ADMIN, [environment])
    viewer = make_operator("viewer@gatehouse.test", OperatorRole.VIEWER, [environment])
    trusted = make_operator("trusted@gatehouse.test", OperatorRole.ADMIN, [environment])
    for operator in (viewer, trusted):
        operator.may_impersonate = True
        operator.save(update_fields=["may_impersonate"])

    assert "is not allowed here" in ask(signed_in(plain), ada).content.decode()
    assert ask(signed_in(viewer), ada).status_code == 403
    assert code_in(ask(signed_in(trusted), ada))


def test_a_user_of_another_environment_is_not_found(signed_in, other_environment, environment):
    stranger = make_user(other_environment)
    admin = make_operator("admin2@gatehouse.test", OperatorRole.ADMIN, [environment])

    assert ask(signed_in(admin), stranger).status_code == 404


def test_an_open_browser_is_not_enough(owners_browser, ada):
    # Signed in long ago: the session tells of no recent proof.
    session = owners_browser.session
    session["operator_proved_at"] = 0
    session.save()

    page = owners_browser.get(tool_of(ada)).content.decode()
    without = ask(owners_browser, ada, operator_password="")
    wrong = ask(owners_browser, ada, operator_password="not the password")

    assert "Your own password" in page
    assert "code=" not in without.content.decode()
    assert "This is not your password." in wrong.content.decode()
    assert code_in(ask(owners_browser, ada))
    # Shown a moment ago, it is not asked for again.
    assert "Your own password" not in owners_browser.get(tool_of(ada)).content.decode()


def test_guesses_at_the_operators_password_are_counted(owners_browser, ada):
    session = owners_browser.session
    session["operator_proved_at"] = 0
    session.save()

    answers = [ask(owners_browser, ada, operator_password=f"guess {n}").content.decode() for n in range(12)]

    assert "Too many attempts" in answers[-1]
    assert "Too many attempts" in ask(owners_browser, ada).content.decode()


def test_an_operator_with_an_authenticator_app_shows_a_code_too(owner, signed_in, browser, ada, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    secret = environments.begin_two_step_enrollment(owner).secret
    environments.confirm_two_step_enrollment(owner, code_of(secret))
    time_machine.shift(60)
    client = browser()
    client.post("/admin/login/", {"username": owner.email, "password": OPERATOR_PASSWORD})
    client.post("/admin/login/code/", {"code": code_of(secret)})
    time_machine.shift(601)

    without = ask(client, ada).content.decode()
    wrong = ask(client, ada, operator_code=wrong_code(secret)).content.decode()
    time_machine.shift(60)

    assert "code=" not in without
    assert "This code is not valid." in wrong
    assert code_in(ask(client, ada, operator_code=code_of(secret)))
