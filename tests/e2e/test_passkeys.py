"""Passkeys in a real Chromium, with an authenticator that the browser's own debugger provides."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from accounts.models import Passkey
from accounts.services import remove_passkey
from environments.services import add_redirect_uri, update_authentication_settings
from foundation.actors import SYSTEM
from tests.e2e.hosted import relying_application, serious_problems
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_api_key, make_environment


@pytest.fixture
def tenant(transactional_db):
    return make_environment("Lumen")


@pytest.fixture
def here(live_server, settings):
    """The server's address by a name: browsers make no passkeys for a bare IP address."""
    address = str(live_server.url).replace("127.0.0.1", "localhost")
    settings.BASE_URL = address
    return address


@pytest.fixture
def application(tenant, here, monkeypatch):
    with relying_application(here, make_api_key(tenant), tenant.client_id, monkeypatch) as address:
        add_redirect_uri(environment=tenant, uri=f"{address}/callback")
        yield address


@pytest.fixture(autouse=True)
def ada(tenant):
    return make_user(tenant, email="ada@example.com", password=PASSWORD, email_verified=True)


@dataclass
class Visitor:
    """A page in a browser of its own, with its authenticator."""

    page: Page
    debugger: CDPSession
    authenticator: str

    def credentials(self) -> list[dict[str, Any]]:
        answer = self.debugger.send("WebAuthn.getCredentials", {"authenticatorId": self.authenticator})
        found: list[dict[str, Any]] = answer["credentials"]
        return found

    def touch_nothing(self) -> None:
        """Leave the authenticator alone from now on; else it answers whatever a page asks, as soon as it asks."""
        presence = {"authenticatorId": self.authenticator, "enabled": False}
        self.debugger.send("WebAuthn.setAutomaticPresenceSimulation", presence)

    def set(self, **properties: Any) -> None:
        self.debugger.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": self.authenticator, "isUserVerified": properties["verified"]},
        )


def add_authenticator(page: Page) -> Visitor:
    debugger = page.context.new_cdp_session(page)
    debugger.send("WebAuthn.enable", {"enableUI": False})
    answer = debugger.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return Visitor(page, debugger, str(answer["authenticatorId"]))


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """A visitor whose scripts do not fail and who never sees the policy violated."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield add_authenticator(page)
    context.close()
    assert complaints == []


def sign_in_by_password(page: Page) -> None:
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def open_account(page: Page, here: str, tenant: Any, path: str = "/account") -> None:
    page.goto(f"{here}{path}?client_id={tenant.client_id}")


def add_passkey_on_the_account_page(visitor: Visitor, here: str, tenant: Any) -> Passkey:
    page = visitor.page
    open_account(page, here, tenant, "/account/passkeys/add")
    sign_in_by_password(page)
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_text("Your passkey works")).to_be_visible()
    return Passkey.objects.in_environment(tenant).get()


def sign_out(page: Page, here: str, tenant: Any) -> None:
    open_account(page, here, tenant)
    page.get_by_role("button", name="Sign out of this browser").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()


def test_a_passkey_is_added_named_and_signs_in(visitor, here, tenant, application, ada):
    page = visitor.page
    passkey = add_passkey_on_the_account_page(visitor, here, tenant)
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Rename My laptop")).to_be_visible()
    [credential] = visitor.credentials()
    assert credential["isResidentCredential"] is True
    assert credential["rpId"] == "localhost"
    assert ada.email not in credential["userHandle"]
    sign_out(page, here, tenant)

    page.goto(f"{application}/sign-in")

    # The virtual authenticator answers what the field offers without being asked.
    expect(page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()
    passkey.refresh_from_db()
    assert passkey.last_used_at is not None


def test_the_button_signs_in_too(here, tenant, application, visitor):
    add_passkey_on_the_account_page(visitor, here, tenant)
    page = visitor.page
    sign_out(page, here, tenant)
    # As browsers do that fill nothing in.
    page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
    page.goto(f"{application}/sign-in")
    expect(page.get_by_label("Email address")).to_be_visible()

    page.get_by_role("link", name="Sign in with a passkey").click()

    expect(page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()


def test_after_a_password_a_passkey_is_offered(visitor, here, tenant, application):
    page = visitor.page
    page.goto(f"{application}/sign-in")
    sign_in_by_password(page)
    expect(page.get_by_role("heading", name="Sign in faster next time")).to_be_visible()

    page.get_by_role("button", name="Create a passkey").click()

    expect(page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()
    assert Passkey.objects.in_environment(tenant).count() == 1


def test_the_offer_can_be_turned_down(visitor, tenant, application):
    page = visitor.page
    page.goto(f"{application}/sign-in")
    sign_in_by_password(page)

    page.get_by_role("button", name="Not now").click()

    expect(page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()
    assert not Passkey.objects.in_environment(tenant).exists()


def test_a_removed_passkey_that_the_device_still_holds_says_what_to_do(visitor, here, tenant, application):
    passkey = add_passkey_on_the_account_page(visitor, here, tenant)
    page = visitor.page
    sign_out(page, here, tenant)
    remove_passkey(passkey=passkey, actor=SYSTEM)

    page.goto(f"{application}/sign-in")

    expect(page.get_by_text("This passkey is not known here")).to_be_visible()
    visitor.touch_nothing()
    page.get_by_role("link", name="Sign in another way").click()
    expect(page.get_by_label("Email address")).to_be_visible()


def test_somebody_who_is_not_recognized_by_the_device_is_told_in_place(visitor, here, tenant, application):
    add_passkey_on_the_account_page(visitor, here, tenant)
    page = visitor.page
    sign_out(page, here, tenant)
    visitor.set(verified=False)
    page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
    page.goto(f"{application}/sign-in")

    page.get_by_role("link", name="Sign in with a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("No passkey was used")
    sign_in_by_password(page)
    expect(page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()


def test_a_device_makes_no_second_passkey_for_one_account(visitor, here, tenant):
    add_passkey_on_the_account_page(visitor, here, tenant)
    page = visitor.page
    open_account(page, here, tenant, "/account/passkeys/add")

    page.get_by_role("button", name="Create a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("holds a passkey for this account already")
    assert Passkey.objects.in_environment(tenant).count() == 1


def test_a_passkey_of_another_environment_does_not_sign_in(visitor, here, tenant, application):
    other = make_environment("Other")
    make_user(other, email="ada@example.com", password=PASSWORD, email_verified=True)
    add_passkey_on_the_account_page(visitor, here, other)
    page = visitor.page

    page.goto(f"{application}/sign-in")

    expect(page.get_by_text("belongs to another application")).to_be_visible()


def test_a_copy_of_a_passkey_is_noticed(visitor, browser, here, tenant, application):
    add_passkey_on_the_account_page(visitor, here, tenant)
    [copied] = visitor.credentials()
    sign_out(visitor.page, here, tenant)
    visitor.page.goto(f"{application}/sign-in")
    expect(visitor.page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()
    context = browser.new_context()
    thief = add_authenticator(context.new_page())
    thief.debugger.send(
        "WebAuthn.addCredential", {"authenticatorId": thief.authenticator, "credential": copied}
    )

    thief.page.goto(f"{application}/sign-in")

    expect(thief.page.get_by_text("seems to exist twice")).to_be_visible()
    context.close()
    assert Passkey.objects.in_environment(tenant).get().blocked_at is not None


def test_without_javascript_the_pages_say_what_to_do(browser, here, tenant, application):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{application}/sign-in")
    page.get_by_role("link", name="Sign in with a passkey").click()
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()

    page.get_by_role("link", name="Sign in another way").click()
    sign_in_by_password(page)

    expect(page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()
    context.close()


def test_an_environment_without_passkeys_shows_none(visitor, tenant, application):
    update_authentication_settings(environment=tenant, changes={"passkey_enabled": False})
    visitor.page.goto(f"{application}/sign-in")
    expect(visitor.page.get_by_label("Email address")).to_be_visible()
    expect(visitor.page.get_by_text("passkey")).to_have_count(0)

    sign_in_by_password(visitor.page)

    expect(visitor.page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()


@pytest.mark.parametrize("screen", [("light", 360), ("light", 1280), ("dark", 360), ("dark", 1280)])
def test_the_pages_are_accessible_and_never_wider_than_the_screen(browser, here, tenant, application, screen):
    scheme, width = screen
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    page = context.new_page()
    add_authenticator(page)

    def check(heading: str) -> None:
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.goto(f"{application}/sign-in")
    check("Sign in to Lumen")
    sign_in_by_password(page)
    check("Sign in faster next time")
    page.get_by_role("button", name="Create a passkey").click()
    expect(page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()
    for path, heading in (
        ("/account", "Your account"),
        ("/account/profile", "Your profile"),
        ("/account/email", "Change your email address"),
        ("/account/password", "Change your password"),
        ("/account/authenticators/add", "Set up two-step verification"),
        ("/account/passkeys/add", "Add a passkey"),
    ):
        open_account(page, here, tenant, path)
        check(heading)
    passkey = Passkey.objects.in_environment(tenant).get()
    open_account(page, here, tenant, f"/account/passkeys/{passkey.pk}/remove")
    check("Remove this passkey?")
    context.close()
