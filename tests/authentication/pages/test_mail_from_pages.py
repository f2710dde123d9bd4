"""Mail that somebody asked for on a page: in the page's language, in its looks, with links to us alone."""

import re

import pytest

from environments.services import update_branding, update_mail_settings
from organizations.services import update_organization_branding
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.organizations import make_invitation, make_membership, make_organization
from tests.mail_server import parts_of


def ask_for_a_code(browser):
    browser.submit(email="ada@example.com")
    browser.url = browser.url.replace("/password", "/code")
    browser.submit(send="1")


def test_the_mail_speaks_the_language_of_the_page_where_it_was_asked_for(browser, ada, environment, post):
    update_mail_settings(environment=environment, changes={"default_language": "fr"})
    browser.authorize()
    browser.open(browser.url + "&lang=de")
    ask_for_a_code(browser)

    assert 'lang="de"' in parts_of(post.newest())[1]


def test_the_recipients_own_language_comes_before_that_of_the_page(browser, environment, post):
    make_user(environment, email="ada@example.com", password=PASSWORD, email_verified=True, locale="fr")
    browser.authorize()
    browser.open(browser.url + "&ui_locales=de")
    ask_for_a_code(browser)

    assert 'lang="fr"' in parts_of(post.newest())[1]


def test_an_english_page_asks_for_english_mail_where_others_are_german(browser, ada, environment, post):
    update_mail_settings(environment=environment, changes={"default_language": "de"})
    browser.authorize()
    ask_for_a_code(browser)

    assert 'lang="en"' in parts_of(post.newest())[1]


def test_a_poisoned_host_header_reaches_no_link(browser, ada, environment, post, settings):
    settings.ALLOWED_HOSTS = ["*"]
    update_branding(environment=environment, changes={"logo": b"\x89PNG\r\n\x1a\n" + b"\0" * 20})
    browser.authorize()
    settings.BASE_URL = "https://auth.example.com"
    browser.submit(email="ada@example.com")
    browser.url = browser.url.replace("/password", "/forgot-password")
    browser.http.defaults |= {"HTTP_HOST": "evil.test", "HTTP_X_FORWARDED_HOST": "evil.test"}
    browser.open(browser.url)
    browser.submit(email="ada@example.com")

    text, html = parts_of(post.newest())
    assert "evil.test" not in text + html
    addresses = re.findall(r"https?://[^\s\"'<>]+", text + html)
    assert addresses
    assert all(address.startswith("https://auth.example.com/") for address in addresses)


def test_pages_and_mail_look_as_the_organization_that_was_asked_for(browser, ada, environment, post):
    organization = make_organization(environment, "Foo Corp")
    make_membership(organization, ada)
    update_branding(environment=environment, changes={"product_name": "Acme", "accent_color": "#862e9c"})
    update_organization_branding(
        organization=organization, changes={"product_name": "Foo Portal", "accent_color": "#0b7285"}
    )

    browser.authorize()
    assert "Acme" in browser.text
    assert "Foo Portal" not in browser.text
    browser.authorize(organization_id=organization.id)
    assert "Foo Portal" in browser.text
    [sheet] = re.findall(r'href="(/branding/[^"]+\.css[^"]*)"', browser.text)
    assert organization.id in sheet
    answer = browser.http.get(sheet)
    assert b"#0b7285" in answer.content
    assert "immutable" in answer.headers["Cache-Control"]
    ask_for_a_code(browser)

    text, html = parts_of(post.newest())
    assert "Foo Portal" in text
    assert "#0b7285" in html


def test_a_page_wears_the_looks_of_the_organization_that_was_chosen(browser, ada, environment, client):
    organizations = [make_organization(environment, name) for name in ("Foo Corp", "Bar Corp")]
    for organization in organizations:
        make_membership(organization, ada)
    update_organization_branding(organization=organizations[0], changes={"product_name": "Foo Portal"})
    browser.authorize()
    browser.sign_in()
    assert browser.path == "/sign-in/organization"
    assert "Foo Portal" not in browser.text

    browser.submit(organization_id=organizations[0].id)

    assert "Foo Portal" in browser.text


def test_an_invitation_brings_the_looks_of_its_organization(browser, environment):
    organization = make_organization(environment, "Foo Corp")
    update_organization_branding(organization=organization, changes={"product_name": "Foo Portal"})
    invitation = make_invitation(environment, "new@example.com", organization)

    browser.authorize(invitation_token=invitation.token)
    assert "Foo Portal" in browser.text


def test_another_environments_organization_lends_nobody_its_looks(browser, environment, other_environment):
    stranger = make_organization(other_environment, "Foo Corp")
    update_organization_branding(
        organization=stranger,
        changes={"product_name": "Foo Portal", "accent_color": "#0b7285", "logo": b"GIF89a" + b"\0" * 20},
    )
    path = f"/branding/{environment.client_id}/{stranger.id}"

    assert browser.http.get(f"{path}.css").content == b""
    assert browser.http.get(f"{path}/logo").status_code == 404
    assert browser.http.get(f"/branding/{other_environment.client_id}/{stranger.id}/logo").status_code == 200


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", "Willkommen. Geben Sie"),
        ("es", "Le damos la bienvenida."),
        ("fr", "Bienvenue."),
        ("ja", "ようこそ。"),
    ],
)
@pytest.mark.parametrize("way", ["ui_locales", "lang", "cookie", "header"])
def test_a_page_is_in_the_language_that_is_asked_for_in_each_way(browser, environment, language, words, way):
    browser.authorize()
    if way == "header":
        browser.http.defaults["HTTP_ACCEPT_LANGUAGE"] = f"tlh, {language}-XX;q=0.9, en;q=0.1"
        browser.open(browser.url)
    elif way == "cookie":
        browser.http.cookies["gatehouse_language"] = language
        browser.open(browser.url)
    else:
        browser.open(f"{browser.url}&{way}={language}")

    assert words in browser.text
    assert f'<html lang="{language}"' in browser.text
    assert browser.answer.headers["Content-Language"] == language
