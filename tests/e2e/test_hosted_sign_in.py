import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import EmailVerification
from environments.services import add_redirect_uri
from tests.e2e.hosted import relying_application, serious_problems
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_api_key, make_environment
from tests.factories.organizations import make_membership, make_organization


@pytest.fixture
def tenant(transactional_db):
    return make_environment("Lumen")


@pytest.fixture
def application(tenant, live_server, settings, monkeypatch):
    settings.BASE_URL = live_server.url
    with relying_application(live_server.url, make_api_key(tenant), tenant.client_id, monkeypatch) as address:
        add_redirect_uri(environment=tenant, uri=f"{address}/callback")
        yield address


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


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_person_signs_in_to_an_application_and_is_known_the_second_time(visitor, application, tenant):
    make_user(tenant, email="ada@example.com", password=PASSWORD, email_verified=True)
    visitor.goto(application)
    visitor.get_by_role("link", name="Sign in", exact=True).click()
    expect(visitor.get_by_role("heading", name="Sign in to Lumen")).to_be_visible()
    expect(visitor.get_by_label("Email address")).to_be_focused()

    sign_in(visitor, "ada@example.com")
    expect(visitor.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()

    visitor.context.clear_cookies(name="visit")
    visitor.goto(application)
    visitor.get_by_role("link", name="Sign in", exact=True).click()
    expect(visitor.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()


def test_a_wrong_password_is_told_beside_its_field_and_can_be_corrected(visitor, application, tenant):
    make_user(tenant, email="ada@example.com", password=PASSWORD, email_verified=True)
    visitor.goto(f"{application}/sign-in")
    sign_in(visitor, "ada@example.com", "wrong")

    field = visitor.get_by_label("Password", exact=True)
    expect(field).to_have_accessible_description("The email address or the password is not right. Try again.")
    expect(field).to_be_focused()
    field.fill(PASSWORD)
    visitor.get_by_role("button", name="Sign in").click()

    expect(visitor.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()


def test_every_step_on_the_way_and_the_back_button(visitor, application, tenant):
    user = make_user(tenant, email="new@example.com", password=PASSWORD)
    make_membership(make_organization(tenant, "Foo Corp"), user)
    make_membership(make_organization(tenant, "Bar Corp"), user)
    visitor.goto(f"{application}/sign-in")
    sign_in(visitor, "new@example.com")
    expect(visitor.get_by_role("heading", name="Check your email")).to_be_visible()

    visitor.get_by_role("button", name="Send a new code").click()
    expect(visitor.get_by_role("status")).to_contain_text("We sent you a new code")
    one_time_code = EmailVerification.objects.in_environment(tenant).latest("id").code
    visitor.get_by_label("Six-digit code").fill(one_time_code)
    visitor.get_by_role("button", name="Continue").click()
    expect(visitor.get_by_role("heading", name="Choose an organization")).to_be_visible()

    visitor.go_back()
    expect(visitor.get_by_role("heading", name="Choose an organization")).to_be_visible()
    visitor.get_by_role("button", name="Bar Corp").click()

    expect(visitor.get_by_role("heading", name="Hello new@example.com")).to_be_visible()


def test_turning_back_ends_at_the_application(visitor, application):
    visitor.goto(f"{application}/sign-in")
    visitor.get_by_role("link", name="Back to the application").click()

    expect(visitor.get_by_text("Not signed in: access_denied")).to_be_visible()


def test_the_password_can_be_looked_at(page: Page, application, tenant):
    page.goto(f"{application}/sign-in")
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Password", exact=True).fill("swordfish")

    page.get_by_role("button", name="Show password").click()

    expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_pages_are_accessible_and_never_wider_than_the_screen(
    browser: Browser, application, tenant, scheme, width
):
    user = make_user(tenant, email="new@example.com", password=PASSWORD)
    make_membership(make_organization(tenant, "Foo Corp"), user)
    make_membership(make_organization(tenant, "Bar Corp"), user)
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    page = context.new_page()

    def check(heading: str) -> None:
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert serious_problems(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.goto(f"{application}/sign-in")
    check("Sign in to Lumen")
    page.get_by_label("Email address").fill("not an address")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Enter an email address in the form")).to_be_visible()
    check("Sign in to Lumen")
    page.get_by_label("Email address").fill("new@example.com")
    page.get_by_role("button", name="Continue").click()
    check("Enter your password")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    check("Check your email")
    page.get_by_label("Six-digit code").fill(
        EmailVerification.objects.in_environment(tenant).latest("id").code
    )
    page.get_by_role("button", name="Continue").click()
    check("Choose an organization")
    context.close()
