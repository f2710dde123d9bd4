import pytest

from tests.factories.organizations import make_membership, make_organization, set_policy
from tests.factories.sso import make_saml_connection


@pytest.fixture
def organization(environment, ada):
    row = make_organization(environment, name="Foo Corp")
    make_membership(row, ada)
    return row


def test_whoever_has_to_use_single_sign_on_is_led_to_the_connection(browser, environment, organization):
    connection = make_saml_connection(organization, name="Okta of Foo")
    set_policy(organization, sso_required=True)
    browser.authorize(state="s-1")

    browser.sign_in()

    assert browser.path == "/sign-in/another-way"
    assert "<strong>Foo Corp</strong> asks you to sign in through" in browser.text
    assert "Email me" not in browser.text
    assert "Continue with Okta of Foo" in browser.text

    browser.submit(connection_id=connection.id)
    assert "/sso/start" in browser.target


def test_the_page_leads_to_no_other_organizations_connection(browser, environment, organization):
    stranger = make_organization(environment, name="Stranger")
    foreign = make_saml_connection(stranger)
    make_saml_connection(organization)
    set_policy(organization, sso_required=True)
    browser.authorize()
    browser.sign_in()

    browser.submit(connection_id=foreign.id)

    assert browser.path == "/sign-in/another-way"


def test_whoever_used_a_method_that_is_closed_can_use_one_that_is_open(browser, organization):
    set_policy(organization, password_allowed=False)
    browser.authorize()

    browser.sign_in()

    assert browser.path == "/sign-in/another-way"
    assert "Email me a sign-in code" in browser.text
    assert "Use your password" not in browser.text


def test_a_company_without_a_way_in_is_told_whom_to_ask(browser, organization):
    set_policy(organization, sso_required=True)
    browser.authorize()

    browser.sign_in()

    assert "No such way is set up yet." in browser.text


def test_a_browser_that_is_signed_in_is_no_way_around_the_policy(browser, organization):
    browser.authorize()
    browser.sign_in()
    set_policy(organization, sso_required=True)

    browser.authorize()

    assert browser.path == "/sign-in/another-way"


def test_the_page_lets_nobody_stay_whose_way_is_open_by_now(browser, organization):
    set_policy(organization, password_allowed=False)
    browser.authorize()
    browser.sign_in()
    set_policy(organization, password_allowed=True)

    browser.open(browser.url)

    assert browser.path == "/sign-in/continue"
