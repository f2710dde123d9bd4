"""Staff set how an environment, and an organization, appear to people."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from environments.models import Branding, MailSettings
from organizations.models import OrganizationBranding
from tests.factories.organizations import make_organization

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def page(owners_browser):
    def post(path, **form):
        answer = owners_browser.post(f"/admin/{path}", form, follow=True)
        assert answer.status_code == 200, answer.content.decode()
        return answer.content.decode()

    return post


def test_staff_upload_a_logo_and_choose_colours_and_see_how_they_read(page, owners_browser, environment):
    logo = SimpleUploadedFile("logo.png", PNG, "image/png")
    shown = page(
        f"environments/branding/{environment.pk}/change/",
        product_name="Analytical",
        accent_color="#FFD43B",
        new_logo=logo,
        support_url="https://help.example.com/",
    )

    row = Branding.objects.in_environment(environment).get()
    assert (row.product_name, row.accent_color, bytes(row.logo or b"")) == ("Analytical", "#ffd43b", PNG)
    # Links in yellow would not be read on white: another colour is shown instead.
    assert "instead of" in shown
    [source] = re.findall(r'class="branding-logo" src="([^"]+)"', shown)
    answer = owners_browser.get(source)
    assert answer.content == PNG
    assert "immutable" in answer.headers["Cache-Control"]


def test_staff_take_the_logo_away(page, environment):
    path = f"environments/branding/{environment.pk}/change/"
    page(path, new_logo=SimpleUploadedFile("logo.png", PNG, "image/png"))
    page(path, remove_logo="on")

    row = Branding.objects.in_environment(environment).get()
    assert (row.logo, row.logo_content_type) == (None, "")


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<html><script>alert(1)</script></html>",
        PNG + b"\0" * 262_144,
        b"%PDF-1.7",
    ],
)
def test_a_file_that_is_no_picture_of_ours_is_refused_whatever_it_calls_itself(page, environment, content):
    shown = page(
        f"environments/branding/{environment.pk}/change/",
        new_logo=SimpleUploadedFile("logo.png", content, "image/png"),
    )

    assert "A logo " in shown
    assert Branding.objects.in_environment(environment).get().logo is None


def test_the_list_of_one_row_leads_to_it(owners_browser, environment):
    for model in ("branding", "mailsettings"):
        answer = owners_browser.get(f"/admin/environments/{model}/")
        assert answer.headers["Location"] == f"/admin/environments/{model}/{environment.pk}/change/"


def test_staff_set_the_sender_and_leave_mail_to_the_application(page, environment):
    shown = page(
        f"environments/mailsettings/{environment.pk}/change/",
        sender_name="Analytical",
        sender_address="login@analytical.example",
        default_language="de",
        is_sent_by_gatehouse="on",
        kinds_left_to_application=["invitation", "new_device"],
    )

    assert "Analytical &lt;login@analytical.example&gt;" in shown
    row = MailSettings.objects.in_environment(environment).get()
    assert row.default_language == "de"
    assert row.leaves_to_application("new_device")
    assert not row.leaves_to_application("magic_auth")

    page(f"environments/mailsettings/{environment.pk}/change/")
    row = MailSettings.objects.in_environment(environment).get()
    assert row.leaves_to_application("magic_auth")


def test_a_sender_that_would_begin_a_header_is_refused_in_the_form(page, environment):
    shown = page(
        f"environments/mailsettings/{environment.pk}/change/",
        sender_address="login@a.example\r\nBcc: eve@evil.test",
        is_sent_by_gatehouse="on",
    )

    assert "This is no e-mail address." in shown
    assert MailSettings.objects.in_environment(environment).get().sender_address == ""


def test_an_organization_gets_looks_of_its_own_and_loses_them(page, environment):
    organization = make_organization(environment, "Foo Corp")
    page(
        "organizations/organizationbranding/add/",
        organization=organization.pk,
        product_name="Foo Portal",
        new_logo=SimpleUploadedFile("logo.png", PNG, "image/png"),
    )
    row = OrganizationBranding.objects.in_environment(environment).get()
    assert (row.product_name, row.organization_id) == ("Foo Portal", organization.pk)
    assert row.logo_content_type == "image/png"

    page(f"organizations/organizationbranding/{row.pk}/change/", product_name="", accent_color="#0b7285")
    row.refresh_from_db()
    assert (row.product_name, row.accent_color, row.logo_content_type) == ("", "#0b7285", "image/png")

    page(f"organizations/organizationbranding/{row.pk}/delete/", post="yes")
    assert not OrganizationBranding.objects.in_environment(environment).exists()


def test_an_organization_of_another_environment_gets_no_looks_here(page, environment, other_environment):
    stranger = make_organization(other_environment, "Foo Corp")
    page("organizations/organizationbranding/add/", organization=stranger.pk, product_name="Stolen")

    assert not OrganizationBranding.unscoped.exists()
