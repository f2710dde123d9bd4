"""Mail from templates."""

import pytest
from django.template import TemplateDoesNotExist

from events.rendering import render_mail

CONTEXT = {
    "product_name": "Acme",
    "email": "ada@example.com",
    "one_time_code": "012345",
    "minutes": 10,
    "accent": "#4f46e5",
    "accent_ink": "#ffffff",
}
KINDS = ["email_verification", "email_change"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_mail_says_its_code_in_both_bodies_and_not_in_its_subject(kind):
    mail = render_mail(kind, CONTEXT, language="en")
    assert "012345" in mail.text
    assert "012345" in mail.html
    assert "10 minutes" in mail.text
    # The subject is what a locked phone shows, and what the outbox keeps in clear.
    assert "012345" not in mail.subject
    assert "Acme" in mail.subject
    assert "{" not in mail.subject + mail.text


@pytest.mark.parametrize("kind", KINDS)
def test_markup_in_a_value_is_shown_and_not_obeyed(kind):
    mail = render_mail(kind, {**CONTEXT, "product_name": "<img src=x onerror=alert(1)>&"}, language="en")
    assert "<img" not in mail.html
    assert "&lt;img" in mail.html
    assert "<img src=x onerror=alert(1)>&" in mail.text
    assert "<img src=x onerror=alert(1)>&" in mail.subject


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_break_in_a_value_begins_no_header(kind):
    mail = render_mail(
        kind, {**CONTEXT, "product_name": "Acme\r\nBcc: everybody@example.com\u2028X"}, language="en"
    )
    assert len(mail.subject.splitlines()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_loads_nothing_from_elsewhere(kind):
    html = render_mail(kind, CONTEXT, language="en").html
    assert "http:" not in html
    assert "https:" not in html
    assert "<script" not in html


def test_an_unknown_kind_is_a_bug():
    with pytest.raises(TemplateDoesNotExist):
        render_mail("no_such_mail", CONTEXT, language="en")
