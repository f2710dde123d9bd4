import html
from datetime import timedelta

import pytest
import time_machine

from accounts.models import MagicAuth, User
from authentication.models import AuthorizationCode, HostedSession
from environments.services import update_authentication_settings
from events.models import Mail
from foundation import clock
from foundation.actors import SYSTEM
from organizations.models import Invitation, OrganizationMembership
from organizations.services import revoke_invitation, update_organization_branding
from tests.factories.accounts import PASSWORD, make_totp_factor, make_user
from tests.factories.organizations import make_invitation, make_membership, make_organization


@pytest.fixture
def organization(environment):
    return make_organization(environment, "Foo Corp")


@pytest.fixture
def invitation(environment, organization):
    inviter = make_user(environment, email="grace@example.com", first_name="Grace", last_name="Hopper")
    return make_invitation(environment, "ada@example.com", organization, inviter=inviter, role_slug="admin")


def link_in_mail(environment):
    mail = Mail.objects.in_environment(environment).filter(kind="invitation").latest("id")
    return next(word for word in mail.text.split() if "invitation_token=" in word)


def newest_code(environment):
    return MagicAuth.objects.in_environment(environment).latest("id").code


def membership(environment, email="ada@example.com"):
    return OrganizationMembership.objects.in_environment(environment).filter(user__email=email).first()


def accept(browser, invitation):
    browser.open("/invite", {"invitation_token": invitation.token})
    return browser.submit()


def test_the_link_in_the_mail_says_who_invites_into_what_and_nothing_happens_by_opening_it(
    browser, invitation, environment
):
    browser.open(link_in_mail(environment))

    assert browser.path == "/invite"
    for fact in ("Join Foo Corp", "Grace Hopper", "Acme sandbox", "ada@example.com"):
        assert fact in browser.text
    invitation.refresh_from_db()
    assert invitation.state == "pending"


def test_somebody_new_signs_up_with_the_address_and_belongs_to_the_organization(
    browser, invitation, environment
):
    update_authentication_settings(environment=environment, changes={"sign_up_enabled": False})
    accept(browser, invitation)
    assert 'value="ada@example.com"' in browser.text
    browser.submit(email="ada@example.com")
    assert browser.path == "/sign-in/code"
    assert membership(environment) is None

    browser.submit(code=newest_code(environment))

    assert browser.path == "/invite/joined"
    assert "You have joined Foo Corp" in browser.text
    assert 'href="http://localhost:3000/"' in browser.text
    row = membership(environment)
    assert (row.status, [role.slug for role in row.roles.all()]) == ("active", ["admin"])
    assert row.user.email_verified
    invitation.refresh_from_db()
    assert invitation.accepted_user_id == row.user_id


def test_whoever_has_an_account_signs_in_with_it(browser, environment, organization, ada):
    invitation = make_invitation(environment, "ada@example.com", organization)
    assert membership(environment).status == "pending"
    accept(browser, invitation)

    browser.sign_in()

    assert browser.path == "/invite/joined"
    assert membership(environment).status == "active"
    assert User.objects.in_environment(environment).count() == 1


def test_the_browser_is_signed_in_then_and_the_application_does_not_ask_again(
    browser, environment, organization, ada, client
):
    accept(browser, make_invitation(environment, "ada@example.com", organization))
    browser.sign_in()

    browser.authorize()

    answer = client.authenticate("authorization_code", code=browser.code).json()
    assert (answer["user"]["id"], answer["organization_id"]) == (ada.id, organization.id)


def test_a_browser_that_is_signed_in_with_the_address_joins_by_one_press(
    browser, environment, organization, ada
):
    browser.authorize()
    browser.sign_in()

    accept(browser, make_invitation(environment, "ada@example.com", organization))

    assert browser.path == "/invite/joined"
    assert membership(environment).status == "active"


def test_a_browser_that_is_signed_in_with_another_address_is_told_and_joins_nothing(
    browser, environment, organization, ada
):
    make_user(environment, email="eve@example.com", password=PASSWORD, email_verified=True)
    browser.authorize()
    browser.sign_in("eve@example.com")
    invitation = make_invitation(environment, "ada@example.com", organization)
    browser.open("/invite", {"invitation_token": invitation.token})
    assert "You are signed in as eve@example.com" in browser.text

    browser.submit()

    assert browser.path == "/sign-in"
    assert membership(environment, "eve@example.com") is None


@pytest.mark.parametrize("email", ["eve@example.com", "eve@evil.example"])
def test_the_link_is_of_no_use_to_another_address(browser, environment, invitation, email):
    # example.com is a domain of its own here, but people of gmail.com are no colleagues.
    invitation.email = "ada@gmail.com"
    invitation.save()
    email = email.replace("example.com", "gmail.com")
    make_user(environment, email=email, password=PASSWORD, email_verified=True)
    accept(browser, invitation)

    assert browser.submit(email=email).status_code == 422

    assert "This invitation is for ada@gmail.com" in browser.text
    assert membership(environment, email) is None


def test_not_even_to_whoever_comes_past_the_first_page(browser, environment, invitation):
    make_user(environment, email="eve@evil.example", password=PASSWORD, email_verified=True)
    Invitation.objects.in_environment(environment).update(email="eve@evil.example")
    accept(browser, invitation)
    browser.submit(email="eve@evil.example")
    assert browser.path == "/sign-in/password"
    Invitation.objects.in_environment(environment).update(email="ada@example.com")

    answer = browser.submit(password=PASSWORD)

    assert answer.status_code == 403
    assert "This invitation is for somebody else" in browser.text
    assert membership(environment, "eve@evil.example") is None


def test_a_colleague_may_accept_who_says_so(browser, environment, organization):
    colleague = make_user(environment, email="bob@foo-corp.com", password=PASSWORD, email_verified=True)
    invitation = make_invitation(environment, "ada@foo-corp.com", organization)
    browser.authorize()
    browser.sign_in("bob@foo-corp.com")
    accept(browser, invitation)
    # Being signed in is not enough: it was not him who was asked.
    assert browser.path == "/sign-in"

    browser.sign_in("bob@foo-corp.com")

    assert browser.path == "/invite/joined"
    assert membership(environment, colleague.email).status == "active"


def test_an_expired_link_names_whom_to_ask(browser, invitation):
    with time_machine.travel(clock.now() + timedelta(days=8)):
        answer = browser.open("/invite", {"invitation_token": invitation.token})

    assert answer.status_code == 410
    assert "This invitation has expired" in browser.text
    assert "Ask Grace Hopper for a new one." in browser.text
    assert "<form" not in browser.text


def test_a_withdrawn_a_used_and_an_unknown_link_say_what_became_of_them(browser, environment, organization):
    withdrawn = make_invitation(environment, "one@example.com", organization)
    revoke_invitation(invitation=withdrawn, actor=SYSTEM)
    browser.open("/invite", {"invitation_token": withdrawn.token})
    assert (browser.answer.status_code, "was withdrawn" in browser.text) == (410, True)

    used = make_invitation(environment, "two@example.com", organization)
    make_user(environment, email="two@example.com", password=PASSWORD, email_verified=True)
    accept(browser, used)
    browser.sign_in("two@example.com")
    browser.open("/invite", {"invitation_token": used.token})
    assert (browser.answer.status_code, "was accepted already" in browser.text) == (410, True)
    assert 'href="http://localhost:3000/"' in browser.text

    for token in ("nonsense", ""):
        browser.open("/invite", {"invitation_token": token})
        assert (browser.answer.status_code, "does not work" in browser.text) == (404, True)


def test_an_invitation_that_is_withdrawn_on_the_way_lets_nobody_in(browser, environment, organization, ada):
    invitation = make_invitation(environment, "ada@example.com", organization)
    accept(browser, invitation)
    browser.submit(email="ada@example.com")
    revoke_invitation(invitation=invitation, actor=SYSTEM)

    answer = browser.submit(password=PASSWORD)

    assert answer.status_code == 410
    assert "This invitation does not work any more" in browser.text
    assert membership(environment) is None


def test_accepting_in_two_tabs_is_accepting_once(browser, environment, organization, ada):
    invitation = make_invitation(environment, "ada@example.com", organization)
    accept(browser, invitation)
    first_tab = browser.url
    accept(browser, invitation)
    browser.sign_in()
    assert browser.path == "/invite/joined"

    browser.open(first_tab)

    assert browser.path == "/invite/joined"
    assert OrganizationMembership.objects.in_environment(environment).count() == 1


def test_what_another_accepted_is_not_told_as_ones_own(browser, other_browser, environment, organization):
    for email in ("ada@foo-corp.com", "bob@foo-corp.com"):
        make_user(environment, email=email, password=PASSWORD, email_verified=True)
    invitation = make_invitation(environment, "ada@foo-corp.com", organization)
    accept(browser, invitation)
    browser.submit(email="ada@foo-corp.com")
    accept(other_browser, invitation)
    other_browser.sign_in("bob@foo-corp.com")

    answer = browser.submit(password=PASSWORD)

    assert answer.status_code == 410
    assert membership(environment, "ada@foo-corp.com") is None


def test_accepting_takes_the_second_factor_too(browser, environment, organization, ada):
    make_totp_factor(ada)
    accept(browser, make_invitation(environment, "ada@example.com", organization))
    browser.sign_in()
    assert browser.path == "/sign-in/second-factor"

    browser.open(browser.url.replace("/sign-in/second-factor", "/sign-in/continue"))

    assert browser.path == "/sign-in/second-factor"
    assert membership(environment).status == "pending"
    assert not HostedSession.objects.in_environment(environment).exists()


def test_the_page_is_framed_by_nobody_and_another_site_cannot_accept(browser, environment, organization, ada):
    invitation = make_invitation(environment, "ada@example.com", organization)
    browser.authorize()
    browser.sign_in()
    browser.open("/invite", {"invitation_token": invitation.token})
    assert browser.answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in browser.answer.headers["Content-Security-Policy"]

    assert browser.http.post(browser.url, {}).status_code == 403

    assert membership(environment).status == "pending"


# --- with an application's own invitation page --------------------------------------------------------------


def exchange(client, code):
    return client.authenticate("authorization_code", code=code)


@pytest.mark.parametrize("method", ["password", "code", "sign-up"])
def test_the_token_that_an_application_passes_on_is_accepted_by_every_method(
    browser, environment, organization, client, method
):
    if method != "sign-up":
        make_user(environment, email="ada@example.com", password=PASSWORD, email_verified=True)
    invitation = make_invitation(environment, "ada@example.com", organization, role_slug="admin")
    browser.authorize(invitation_token=invitation.token)
    assert "Join Foo Corp" in browser.text
    browser.submit(email="ada@example.com")
    if method == "code":
        browser.url = browser.url.replace("/password", "/code")
        browser.submit(send="1")
    browser.submit(**{"password": PASSWORD} if method == "password" else {"code": newest_code(environment)})

    answer = exchange(client, browser.code).json()

    assert answer["organization_id"] == organization.id
    assert membership(environment).status == "active"
    assert client.claims(answer["access_token"])["role"] == "admin"


def test_the_token_is_accepted_for_a_browser_that_is_signed_in(
    browser, environment, organization, client, ada
):
    browser.authorize()
    browser.sign_in()
    invitation = make_invitation(environment, "ada@example.com", organization)

    browser.authorize(invitation_token=invitation.token)

    assert exchange(client, browser.code).json()["organization_id"] == organization.id


def test_a_browser_that_is_signed_in_as_a_colleague_accepts_nothing_in_passing(
    browser, environment, organization
):
    make_user(environment, email="bob@foo-corp.com", password=PASSWORD, email_verified=True)
    browser.authorize()
    browser.sign_in("bob@foo-corp.com")
    invitation = make_invitation(environment, "ada@foo-corp.com", organization)

    browser.authorize(invitation_token=invitation.token)

    assert browser.path == "/sign-in"


def test_a_dead_token_is_said_before_anybody_signs_in(browser, environment, organization):
    invitation = make_invitation(environment, "ada@example.com", organization)
    revoke_invitation(invitation=invitation, actor=SYSTEM)

    for token in (invitation.token, "nonsense"):
        assert browser.authorize(invitation_token=token).status_code == 410
        assert "This invitation does not work any more" in browser.text


def test_a_token_that_was_accepted_keeps_its_owner_from_nothing(
    browser, environment, organization, client, ada
):
    invitation = make_invitation(environment, "ada@example.com", organization)
    for _time in range(2):
        browser.authorize(invitation_token=invitation.token, prompt="login")
        browser.sign_in()
        assert exchange(client, browser.code).status_code == 200


def test_the_token_of_another_environment_is_nothing_here(browser, other_environment, environment, ada):
    foreign = make_invitation(
        other_environment, "ada@example.com", make_organization(other_environment, "Foreign")
    )

    assert browser.authorize(invitation_token=foreign.token).status_code == 410
    assert not AuthorizationCode.objects.in_environment(environment).exists()


def test_the_names_on_the_page_are_text(browser, environment):
    organization = make_organization(environment, "<img src=x> & Co")
    invitation = make_invitation(environment, "ada@example.com", organization)

    browser.open("/invite", {"invitation_token": invitation.token})

    assert "<img src=x>" not in browser.text
    assert "<img src=x> & Co" in html.unescape(browser.text)


def test_a_member_by_now_is_told_that_the_invitation_is_accepted(browser, environment, organization, ada):
    invitation = make_invitation(environment, "ada@example.com", organization)
    make_membership(make_organization(environment, "Bar Corp"), ada)
    accept(browser, invitation)

    browser.sign_in()

    # The invitation says itself where to: nobody is asked to choose between organizations.
    assert browser.path == "/invite/joined"


def test_where_no_codes_are_mailed_the_invitee_sets_a_password_by_a_link_and_joins(
    browser, environment, invitation
):
    update_authentication_settings(
        environment=environment, changes={"magic_auth_enabled": False, "sign_up_enabled": False}
    )
    accept(browser, invitation)
    browser.submit(email="ada@example.com")
    assert "Check your email" in browser.text
    mail = Mail.objects.in_environment(environment).filter(recipient="ada@example.com").latest("id")

    browser.open(next(word for word in mail.text.split() if "/reset-password?" in word))
    browser.submit(new_password="a quite different passphrase 9")
    browser.open(browser.find(r'class="button" href="([^"]+)"'))
    browser.sign_in(password="a quite different passphrase 9")

    assert browser.path == "/invite/joined"
    assert membership(environment).status == "active"


def test_the_page_looks_as_the_organization_that_invites(browser, environment, organization, invitation):
    update_organization_branding(organization=organization, changes={"product_name": "Foo Portal"})

    browser.open("/invite", {"invitation_token": invitation.token})

    assert "on Foo Portal" in browser.text
    assert "Acme sandbox" not in browser.text
