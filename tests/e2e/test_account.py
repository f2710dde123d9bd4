"""The account page in a real Chromium, with JavaScript and without."""

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import AuthenticationFactor, EmailChange
from authentication.models import HostedSession
from tests.authenticator import code_of
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_environment

NEW_PASSWORD = "another horse staples 43 batteries"


@pytest.fixture
def tenant(transactional_db):
    return make_environment("Lumen")


@pytest.fixture(autouse=True)
def ada(tenant):
    return make_user(tenant, email="ada@example.com", password=PASSWORD, email_verified=True)


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def visitor(browser: Browser, request):
    """A page whose policy is never violated and whose scripts do not fail."""
    context = browser.new_context(java_script_enabled=request.param, viewport={"width": 1280, "height": 860})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield page
    context.close()
    assert complaints == []


@pytest.fixture
def account(visitor: Page, live_server, settings, tenant):
    settings.BASE_URL = live_server.url
    visitor.goto(f"{live_server.url}/account?client_id={tenant.client_id}")
    sign_in(visitor)
    expect(visitor.get_by_role("heading", name="Your account")).to_be_visible()
    return visitor


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_person_looks_after_the_account(account, tenant, ada):
    account.get_by_role("link", name="Change name and language").click()
    account.get_by_label("First name").fill("Ada")
    account.get_by_role("button", name="Save").click()
    expect(account.get_by_role("status")).to_contain_text("Your profile is saved.")

    account.get_by_role("link", name="Change the email address").click()
    account.get_by_label("New email address").fill("ada@new.example.com")
    account.get_by_role("button", name="Send the code").click()
    expect(account.get_by_role("heading", name="Check your email")).to_be_visible()
    account.get_by_label("Six-digit code").fill(EmailChange.objects.in_environment(tenant).get().code)
    account.get_by_role("button", name="Continue").click()
    expect(account.get_by_role("status")).to_contain_text("Your email address is changed.")

    account.get_by_role("link", name="Change the password").click()
    account.get_by_label("Present password").fill(PASSWORD)
    account.get_by_label("New password").fill(NEW_PASSWORD)
    account.get_by_role("button", name="Save").click()
    expect(account.get_by_role("status")).to_contain_text("Your password is changed.")

    account.get_by_role("link", name="Add an authenticator app").click()
    account.get_by_text("Cannot scan it?").click()
    secret = account.locator("code.key").inner_text().replace(" ", "")
    account.get_by_label("Six-digit code").fill(code_of(secret))
    account.get_by_role("button", name="Continue").click()
    expect(account.get_by_role("heading", name="Keep your recovery codes")).to_be_visible()
    account.get_by_role("link", name="I have kept them").click()
    expect(account.get_by_text("10 are left")).to_be_visible()

    account.get_by_role("button", name="Sign out of this browser").click()
    expect(account.get_by_role("heading", name="You are signed out")).to_be_visible()
    ada.refresh_from_db()
    assert (ada.email, ada.first_name) == ("ada@new.example.com", "Ada")
    assert AuthenticationFactor.objects.in_environment(tenant).count() == 1


def test_another_browser_is_signed_out_from_here(account, browser, live_server, tenant):
    context = browser.new_context()
    elsewhere = context.new_page()
    elsewhere.goto(f"{live_server.url}/account?client_id={tenant.client_id}")
    sign_in(elsewhere)
    expect(elsewhere.get_by_role("heading", name="Your account")).to_be_visible()

    account.reload()
    account.get_by_role("button", name="Sign out Chrome on Linux").click()

    expect(account.get_by_role("status")).to_contain_text("That place is signed out.")
    elsewhere.reload()
    expect(elsewhere.get_by_role("heading", name="Sign in to Lumen")).to_be_visible()
    context.close()
    assert HostedSession.objects.in_environment(tenant).filter(ended_at__isnull=True).count() == 1
