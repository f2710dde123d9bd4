"""Staff at work in a real Chromium, on a whole server; what the browser blocks or trips over fails the test."""

import base64
import re
from collections.abc import Iterator

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.live import LiveGatehouse, run_gatehouse

MARK_OF_THE_POLICY = ("Content Security Policy", "Content-Security-Policy")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGatehouse]:
    """A server of these tests' own: they change its settings and its operators."""
    with run_gatehouse(tmp_path_factory.mktemp("admin")) as running:
        running.manage("create_environment", "--name", "Production", "--kind", "production")
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as opened:
        yield opened


@pytest.fixture
def admin(context: BrowserContext, server: LiveGatehouse) -> Iterator[Page]:
    """A page in which the owner has signed in; nothing may be blocked or thrown in it."""
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda message: (
            troubles.append(message.text)
            if message.type == "error" or any(mark in message.text for mark in MARK_OF_THE_POLICY)
            else None
        ),
    )
    sign_in(page, server)
    expect(page.get_by_role("heading", name="Sandbox")).to_be_visible()
    yield page
    assert troubles == []


def sign_in(page: Page, server: LiveGatehouse) -> None:
    page.goto(f"{server.base_url}/admin/")
    page.get_by_label("E-mail").fill(server.admin_email)
    page.get_by_label("Password").fill(server.admin_password)
    page.get_by_role("button", name="Sign in").click()


def test_an_owner_walks_through_every_list_and_form(admin: Page, server: LiveGatehouse) -> None:
    addresses = admin.locator("nav.navigation a").evaluate_all("links => links.map(link => link.href)")
    assert len(addresses) > 18

    for address in addresses:
        admin.goto(address)
        expect(admin.locator("h1").first).to_be_visible()
        new = admin.locator(".page-tools a.button-primary")
        if new.count():
            new.click()
            expect(admin.get_by_role("button", name="Create")).to_be_visible()


def test_creating_an_api_key_shows_it_once_and_it_opens_the_api(admin: Page, server: LiveGatehouse) -> None:
    admin.get_by_role("link", name="API keys", exact=True).click()
    admin.get_by_role("link", name="New API key").click()
    admin.get_by_label("Name").fill("From the browser")
    admin.get_by_role("button", name="Create").click()
    secret = admin.get_by_label("Copy it now").input_value()
    answer = admin.request.get(
        f"{server.base_url}/organizations", headers={"Authorization": f"Bearer {secret}"}
    )
    admin.get_by_role("link", name="I have copied it").click()

    assert secret.startswith("sk_test_")
    assert answer.status == 200
    expect(admin.get_by_role("heading", name=re.compile("From the browser"))).to_be_visible()
    assert secret not in admin.content()


def test_the_environment_is_switched_in_the_header(admin: Page, server: LiveGatehouse) -> None:
    admin.goto(f"{server.base_url}/admin/environments/redirecturi/")
    expect(admin.get_by_text("http://localhost:3000/callback")).to_be_visible()
    admin.locator(".switcher summary").click()
    admin.get_by_role("button", name=re.compile("Production")).click()

    expect(admin).to_have_url(f"{server.base_url}/admin/environments/redirecturi/")
    expect(admin.locator(".switcher summary")).to_contain_text("production")
    expect(admin.get_by_text("No redirect URIs yet")).to_be_visible()


def test_autocomplete_finds_users_while_one_types(admin: Page, server: LiveGatehouse) -> None:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    email = f"grace.{admin.evaluate('crypto.randomUUID()')[:8]}@example.com"
    admin.request.post(f"{server.base_url}/user_management/users", headers=headers, data={"email": email})
    admin.goto(f"{server.base_url}/admin/organizations/organizationmembership/add/")

    admin.locator(".select2-selection").first.click()
    admin.locator(".select2-search__field").fill(email[:10])

    expect(admin.locator(".select2-results__option", has_text=email)).to_be_visible()


def test_the_theme_is_switched_and_remembered(admin: Page) -> None:
    root = admin.locator("html")
    admin.locator(".theme-toggle").click()
    chosen = root.get_attribute("data-theme")
    admin.reload()

    assert chosen in {"light", "dark"}
    expect(root).to_have_attribute("data-theme", chosen)


def test_on_a_phone_the_menu_opens_without_a_script(browser: Browser, server: LiveGatehouse) -> None:
    with browser.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=False) as phone:
        page = phone.new_page()
        sign_in(page, server)
        expect(page.locator("#navigation")).to_be_hidden()
        page.get_by_role("link", name="Open the menu").click()
        expect(page.locator("#navigation")).to_be_visible()
        page.locator("#navigation").get_by_role("link", name="Users").click()
        expect(page.get_by_role("heading", name="Users")).to_be_visible()
        width = page.locator("body").bounding_box()
        assert width is not None
        assert width["width"] <= 390


def test_two_step_sign_in_is_set_up_and_then_demanded(browser: Browser, server: LiveGatehouse) -> None:
    with browser.new_context() as here, browser.new_context() as elsewhere:
        page, other = here.new_page(), elsewhere.new_page()
        sign_in(page, server)
        sign_in(other, server)
        page.goto(f"{server.base_url}/admin/two-step/")
        page.get_by_label("Your password").fill(server.admin_password)
        page.get_by_role("button", name="Set up an authenticator app").click()
        expect(page.locator("svg.qr-code")).to_be_visible()
        secret = page.locator(".enroll code.copyable").inner_text().replace(" ", "")
        page.get_by_label("Code").fill(code_of(secret))
        page.get_by_role("button", name="Turn on").click()
        recovery_codes = page.locator(".recovery-codes code").all_inner_texts()

        other.goto(f"{server.base_url}/admin/")
        expect(other.get_by_role("button", name="Sign in")).to_be_visible()
        sign_in(other, server)
        expect(other.get_by_role("heading", name="Two-step sign-in")).to_be_visible()
        other.get_by_label("Code").fill("000000")
        other.get_by_role("button", name="Continue").click()
        expect(other.get_by_text(re.compile("not accepted|not valid"))).to_be_visible()
        expect(other.get_by_label("Code")).to_be_visible()

        # Back to how the other tests find the server.
        page.goto(f"{server.base_url}/admin/two-step/")
        page.get_by_label("Your password").fill(server.admin_password)
        page.get_by_role("button", name="Turn off").click()
        expect(page.get_by_text("Two-step sign-in is off.")).to_be_visible()

    assert len(recovery_codes) == 10


def code_of(secret: str) -> str:
    return f"{TOTP(base64.b32decode(secret)).token():06d}"


def test_the_pages_outside_the_admin_are_clean(context: BrowserContext, server: LiveGatehouse) -> None:
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(f"{server.base_url}/")
    page.get_by_role("link", name=re.compile("API reference")).click()
    expect(page.get_by_text("/user_management/users").first).to_be_visible(timeout=15_000)
    page.goto(f"{server.base_url}/dev/mail")
    expect(page.get_by_role("heading", name="Mail")).to_be_visible()

    assert troubles == []
