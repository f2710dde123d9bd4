import re

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from accounts.models import MagicAuth
from authentication.models import DeviceAuthorization
from events.models import Mail
from foundation.actors import SYSTEM
from organizations.models import OrganizationMembership
from organizations.services import revoke_invitation
from tests.e2e.hosted import serious_problems
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_environment
from tests.factories.organizations import make_invitation, make_organization

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def tenant(transactional_db, live_server, settings):
    settings.BASE_URL = live_server.url
    return make_environment("Lumen")


@pytest.fixture
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


class Television:
    """A device with a screen and no browser."""

    def __init__(self, tenant):
        self.client_id = tenant.client_id
        self.http = Client(HTTP_USER_AGENT="lumen-tv/3.2")
        self.codes = self._post("/user_management/authorize/device", client_id=self.client_id)

    def poll(self):
        return self._post(
            "/user_management/authenticate",
            client_id=self.client_id,
            grant_type=DEVICE_GRANT,
            device_code=self.codes["device_code"],
        )

    def _post(self, path, **fields):
        return self.http.post(path, fields, content_type="application/json").json()


def sign_in(page: Page, email: str = "ada@example.com") -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def type_code(page: Page, television: Television) -> None:
    page.goto(television.codes["verification_uri"])
    expect(page.get_by_label("Code on your device")).to_be_focused()
    page.get_by_label("Code on your device").fill(television.codes["user_code"].lower())
    page.get_by_role("button", name="Continue").click()


def invitation_link(tenant) -> str:
    text = Mail.objects.in_environment(tenant).filter(kind="invitation").latest("id").text
    return next(word for word in text.split() if "invitation_token=" in word)


def test_a_person_types_the_code_of_a_device_and_it_is_signed_in(visitor, tenant, ada):
    television = Television(tenant)
    type_code(visitor, television)
    sign_in(visitor)
    expect(visitor.get_by_role("heading", name="Allow this device?")).to_be_visible()
    expect(visitor.get_by_text(television.codes["user_code"])).to_be_visible()
    expect(visitor.get_by_text("lumen-tv/3.2")).to_be_visible()
    assert television.poll()["error"] == "authorization_pending"

    question = visitor.url
    # Twice, as people press who are in a hurry.
    visitor.get_by_role("button", name="Allow").dblclick(no_wait_after=True)

    expect(visitor.get_by_role("heading", name="Your device is allowed")).to_be_visible()
    # As if its interval had passed.
    DeviceAuthorization.objects.in_environment(tenant).update(polled_at=None)
    assert television.poll()["user"]["id"] == ada.id

    visitor.goto(question)
    expect(visitor.get_by_text("It was answered already")).to_be_visible()


def test_a_browser_that_is_signed_in_says_no_by_two_presses(visitor, tenant, ada):
    type_code(visitor, Television(tenant))
    sign_in(visitor)
    visitor.get_by_role("button", name="Allow").click()
    expect(visitor.get_by_role("heading", name="Your device is allowed")).to_be_visible()
    television = Television(tenant)

    visitor.goto(television.codes["verification_uri_complete"])
    visitor.get_by_role("button", name="Continue").click()
    visitor.get_by_role("button", name="Deny").click()

    expect(visitor.get_by_role("heading", name="The device was not allowed")).to_be_visible()
    assert television.poll()["error"] == "access_denied"


def test_somebody_new_comes_by_the_mailed_link_and_joins(visitor, tenant):
    organization = make_organization(tenant, "Northwind")
    inviter = make_user(tenant, email="grace@example.com", first_name="Grace", last_name="Hopper")
    make_invitation(tenant, "new@northwind.test", organization, inviter=inviter)
    visitor.goto(invitation_link(tenant))
    expect(visitor.get_by_text("Grace Hopper invited you to join Northwind on Lumen.")).to_be_visible()
    visitor.get_by_role("button", name="Accept the invitation").click()
    expect(visitor.get_by_label("Email address")).to_have_value("new@northwind.test")
    visitor.get_by_label("Email address").fill("other@elsewhere.test")
    visitor.get_by_role("button", name="Continue").click()
    expect(visitor.get_by_text("This invitation is for new@northwind.test.")).to_be_visible()
    visitor.get_by_label("Email address").fill("new@northwind.test")
    visitor.get_by_role("button", name="Continue").click()
    visitor.get_by_label("Six-digit code").fill(MagicAuth.objects.in_environment(tenant).latest("id").code)
    visitor.get_by_role("button", name="Continue").click()

    expect(visitor.get_by_role("heading", name="You have joined Northwind")).to_be_visible()
    expect(visitor.get_by_role("link", name="Go to Lumen")).to_have_attribute("href", re.compile("localhost"))
    membership = OrganizationMembership.objects.in_environment(tenant).get()
    assert (membership.status, membership.user.email) == ("active", "new@northwind.test")

    visitor.goto(invitation_link(tenant))
    expect(visitor.get_by_role("heading", name="This invitation was accepted already")).to_be_visible()


def test_two_tabs_and_a_withdrawal_between_them(browser: Browser, tenant, ada):
    organization = make_organization(tenant, "Northwind")
    invitation = make_invitation(tenant, "ada@example.com", organization)
    with browser.new_context() as context:
        first, second = context.new_page(), context.new_page()
        for tab in (first, second):
            tab.goto(invitation_link(tenant))
            tab.get_by_role("button", name="Accept the invitation").click()
        sign_in(first)
        expect(first.get_by_role("heading", name="You have joined Northwind")).to_be_visible()
        second.reload()
        expect(second.get_by_role("heading", name="You have joined Northwind")).to_be_visible()
        assert OrganizationMembership.objects.in_environment(tenant).count() == 1

        other = make_invitation(tenant, "bob@example.com", organization)
        first.goto(invitation_link(tenant))
        revoke_invitation(invitation=other, actor=SYSTEM)
        first.get_by_role("button", name="Accept the invitation").click()
        expect(first.get_by_role("heading", name="This invitation was withdrawn")).to_be_visible()
    assert invitation.pk != other.pk


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_are_accessible_and_never_wider_than_the_screen(
    browser: Browser, tenant, ada, scheme, width
):
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    page = context.new_page()

    def check(heading: str) -> None:
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    type_code(page, Television(tenant))
    sign_in(page)
    check("Allow this device?")
    page.get_by_role("button", name="Allow").click()
    check("Your device is allowed")
    page.goto(f"{page.url.partition('/device')[0]}/device")
    page.get_by_label("Code on your device").fill("BBBB-BBBB")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("This code is not right")).to_be_visible()
    check("Connect a device")
    make_invitation(tenant, "grace@example.com", make_organization(tenant, "Northwind"))
    page.goto(invitation_link(tenant))
    check("Join Northwind")
    page.goto(
        f"{page.url.partition('/invite')[0]}/user_management/authorize?client_id={tenant.client_id}"
        "&response_type=code&provider=authkit&redirect_uri=https://evil.example/"
    )
    check("You cannot sign in from there")
    context.close()
