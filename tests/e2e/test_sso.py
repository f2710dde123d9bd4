"""Single sign-on in a real browser: the example application, the hosted pages and the test identity provider."""

import pytest
from playwright.sync_api import Browser, Page, expect

from authentication.models import Session
from environments.models import RedirectURI, RedirectURIPurpose
from environments.services import add_redirect_uri, make_default_redirect_uri
from foundation.actors import SYSTEM
from organizations.models import DomainState
from organizations.services import DomainClaim, create_organization
from sso import services
from sso.models import SSOSession
from sso.test_idp.services import ensure_test_idp
from tests.e2e.hosted import relying_application, serious_problems
from tests.factories.environments import OPERATOR_PASSWORD, make_api_key, make_environment, make_operator
from tests.factories.sso import make_test_connection


@pytest.fixture
def tenant(transactional_db):
    return make_environment("Lumen")


@pytest.fixture
def application(tenant, live_server, settings, monkeypatch):
    settings.BASE_URL = live_server.url
    with relying_application(live_server.url, make_api_key(tenant), tenant.client_id, monkeypatch) as address:
        add_redirect_uri(environment=tenant, uri=f"{address}/callback")
        yield address


@pytest.fixture
def company(tenant):
    """The customer whom the application calls the sample."""
    return create_organization(
        environment=tenant,
        actor=SYSTEM,
        name="Globex",
        external_id="sample",
        domains=[DomainClaim("globex.test", DomainState.VERIFIED)],
    )


@pytest.fixture
def by_saml(application, company):
    return make_test_connection(company)


@pytest.fixture
def by_oidc(application, company, tenant):
    return services.create_connection(
        environment=tenant,
        actor=SYSTEM,
        connection_type="GenericOIDC",
        organization=company,
        changes={"oidc": {"issuer": ensure_test_idp(tenant).issuer, "client_id": "acme"}},
    )


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
    page.scripts_run = request.param  # type: ignore[attr-defined]  # read by carry_on
    yield page
    context.close()
    assert complaints == []


def carry_on(page: Page) -> None:
    """Press what a page that only carries an answer shows where no script does it."""
    if not getattr(page, "scripts_run", True):
        page.get_by_role("button", name="Continue").click()


def leave(page: Page, application: str) -> None:
    page.goto(application)
    page.get_by_role("link", name="Sign in with SSO").click()
    expect(page.get_by_role("heading", name="Who signs in?")).to_be_visible()


def test_a_person_signs_in_by_saml(visitor: Page, application, by_saml):
    leave(visitor, application)
    expect(visitor.get_by_label("Email address")).to_have_value("ada@globex.test")
    visitor.get_by_label("Groups").fill("Engineers")
    visitor.get_by_role("button", name="Sign in").click()
    carry_on(visitor)

    expect(visitor.get_by_role("heading", name="Hello ada@globex.test")).to_be_visible()


def test_a_person_signs_in_by_openid_connect(visitor: Page, application, by_oidc):
    leave(visitor, application)
    visitor.get_by_label("Email address").fill("grace@globex.test")
    visitor.get_by_role("button", name="Sign in").click()

    expect(visitor.get_by_role("heading", name="Hello grace@globex.test")).to_be_visible()


def test_a_sign_in_begins_at_the_identity_providers_own_portal(visitor: Page, tenant, application, by_saml):
    services.update_connection(
        connection=by_saml, actor=SYSTEM, changes={"saml": {"allow_idp_initiated": True}}
    )
    make_default_redirect_uri(RedirectURI.objects.in_environment(tenant).get(uri=f"{application}/callback"))
    visitor.goto(f"{ensure_test_idp(tenant).base}/saml/start?connection={by_saml.pk}")
    visitor.get_by_label("Email address").fill("grace@globex.test")
    visitor.get_by_role("button", name="Sign in").click()
    carry_on(visitor)

    # Nobody here asked for it, so the application shows whose account it is before it takes it.
    expect(visitor.get_by_role("heading", name="Continue as grace@globex.test?")).to_be_visible()
    visitor.get_by_role("button", name="Continue").click()
    expect(visitor.get_by_role("heading", name="Hello grace@globex.test")).to_be_visible()


@pytest.mark.parametrize("way", ["by_saml", "by_oidc"])
def test_who_signs_out_does_so_at_the_identity_provider_too(visitor: Page, request, tenant, application, way):
    connection = request.getfixturevalue(way)
    base_url = request.getfixturevalue("live_server").url
    services.update_connection(connection=connection, actor=SYSTEM, changes={"single_logout": True})
    add_redirect_uri(environment=tenant, uri=f"{application}/bye", purpose=RedirectURIPurpose.LOGOUT)
    leave(visitor, application)
    visitor.get_by_role("button", name="Sign in").click()
    if way == "by_saml":
        carry_on(visitor)
    expect(visitor.get_by_role("heading", name="Hello ada@globex.test")).to_be_visible()
    session = Session.objects.in_environment(tenant).get()

    visitor.goto(
        f"{base_url}/user_management/sessions/logout?session_id={session.pk}&return_to={application}/bye"
    )

    visitor.wait_for_url(f"{application}/bye")
    session.refresh_from_db()
    assert session.ended_at is not None
    row = SSOSession.objects.in_environment(tenant).get(kind="logout")
    assert (row.state, row.sentence) == ("succeeded", "")


@pytest.mark.parametrize("way", ["by_saml", "by_oidc"])
def test_who_signs_out_on_the_account_page_does_so_there_too(
    visitor: Page, request, tenant, application, way
):
    connection = request.getfixturevalue(way)
    base_url = request.getfixturevalue("live_server").url
    services.update_connection(connection=connection, actor=SYSTEM, changes={"single_logout": True})
    leave(visitor, application)
    visitor.get_by_role("button", name="Sign in").click()
    if way == "by_saml":
        carry_on(visitor)
    expect(visitor.get_by_role("heading", name="Hello ada@globex.test")).to_be_visible()

    visitor.goto(f"{base_url}/account?client_id={tenant.client_id}")
    visitor.get_by_role("button", name="Sign out of this browser").click()

    visitor.wait_for_url("**/signed-out?**")
    expect(visitor.get_by_role("heading", name="You are signed out")).to_be_visible()
    row = SSOSession.objects.in_environment(tenant).get(kind="logout")
    assert (row.state, row.sentence) == ("succeeded", "")


def test_a_person_who_signs_out_at_the_provider_is_signed_out_here(
    visitor: Page, tenant, application, by_saml
):
    leave(visitor, application)
    visitor.get_by_role("button", name="Sign in").click()
    carry_on(visitor)
    expect(visitor.get_by_role("heading", name="Hello ada@globex.test")).to_be_visible()

    visitor.goto(ensure_test_idp(tenant).base)
    visitor.get_by_role("button", name="Sign out").first.click()

    expect(visitor.get_by_text("The application has ended the session.")).to_be_visible()
    assert Session.objects.in_environment(tenant).get().ended_at is not None


def test_who_cancels_is_back_at_the_application(page: Page, application, by_oidc):
    leave(page, application)
    page.get_by_role("button", name="The person cancels").click()

    expect(page.get_by_text("Not signed in: access_denied")).to_be_visible()


def test_a_failure_is_told_to_staff_in_a_sentence(page: Page, application, by_saml, live_server):
    leave(page, application)
    page.get_by_role("button", name="For another audience").click()
    expect(page.get_by_text("Not signed in:")).to_be_visible()
    sign_in_as_staff(page, live_server.url)
    page.get_by_role("link", name="Exchanges").click()

    row = page.get_by_role("row").filter(has_text="failed")
    expect(row).to_contain_text("The assertion is for https://another-service-provider.example")
    row.get_by_role("link").first.click()
    expect(page.get_by_text("Correct the audience")).to_be_visible()


def test_staff_test_a_connection(page: Page, application, by_saml, live_server):
    sign_in_as_staff(page, live_server.url)
    page.goto(f"{live_server.url}/admin/sso/connection/{by_saml.pk}/change/")
    page.get_by_role("link", name="Test this connection").click()
    page.get_by_role("button", name="Test this connection").click()
    expect(page.get_by_role("heading", name="Who signs in?")).to_be_visible()
    page.get_by_label("First name").fill("Augusta")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="The mapped profile")).to_be_visible()
    expect(page.get_by_text('"first_name": "Augusta"')).to_be_visible()
    expect(page.get_by_text("succeeded")).to_be_visible()


def sign_in_as_staff(page: Page, base_url: str) -> None:
    operator = make_operator()
    page.goto(f"{base_url}/admin/")
    page.get_by_label("E-mail").fill(operator.email)
    page.get_by_label("Password").fill(OPERATOR_PASSWORD)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_test_identity_provider_is_accessible_and_never_wider_than_the_screen(
    browser: Browser, application, by_saml, scheme, width
):
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True
    )
    page = context.new_page()
    leave(page, application)
    for summary in page.locator("summary").all():
        summary.click()
    assert serious_problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.get_by_label("Email address").fill("nobody")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Enter an email address in the form")).to_be_visible()
    assert serious_problems(page) == []
    page.goto(ensure_test_idp(by_saml.environment).base)
    assert serious_problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
