"""What an invitee reads."""

from email import message_from_bytes
from email.policy import default
from html.parser import HTMLParser

import pytest
from django.core import mail as outbox
from django.core.mail import EmailMultiAlternatives

from events.models import Mail
from foundation.actors import SYSTEM
from organizations import services
from organizations.representations import accept_invitation_url
from tests.factories.accounts import make_user
from tests.factories.organizations import make_invitation, make_organization

EMAIL = "marcelina.davis@foo-corp.com"


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.words = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [
            value for name, value in attrs if name in {"href", "src", "action", "style"} and "://" in value
        ]

    def handle_data(self, data):
        self.words.append(data)


def newest_mail(environment):
    return Mail.objects.in_environment(environment).order_by("-id").first()


def link(environment, invitation):
    return accept_invitation_url(services.accept_invitation_page(environment), invitation.token)


def test_the_mail_says_who_invites_into_what_until_when_and_where_to_accept(environment, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    organization = make_organization(environment, "Foo Corp")
    inviter = make_user(environment, first_name="Ada", last_name="Lovelace")

    invitation = make_invitation(environment, EMAIL, organization, inviter=inviter, expires_in_days=3)

    mail = newest_mail(environment)
    assert (mail.kind, mail.recipient) == ("invitation", EMAIL)
    assert mail.subject == "Ada Lovelace invited you to join Foo Corp on Acme sandbox"
    page = Page(mail.html)
    for text in (mail.text, " ".join(page.words)):
        assert "Ada Lovelace invited you to join Foo Corp on Acme sandbox." in text
        assert "4 Jun 2026, 12:00 UTC" in text
        assert EMAIL in text
        assert link(environment, invitation) in text
    assert page.links == [link(environment, invitation)]


@pytest.mark.parametrize(
    ("joins", "invites", "subject", "sentence"),
    [
        (
            True,
            False,
            "You are invited to join Foo Corp on Acme sandbox",
            "You are invited to join Foo Corp on Acme sandbox.",
        ),
        (False, True, "Ada invited you to Acme sandbox", "Ada invited you to Acme sandbox."),
        (False, False, "You are invited to Acme sandbox", "You are invited to Acme sandbox."),
    ],
)
def test_the_mail_leaves_out_what_the_invitation_has_not(environment, joins, invites, subject, sentence):
    make_invitation(
        environment,
        EMAIL,
        make_organization(environment) if joins else None,
        inviter=make_user(environment, first_name="Ada") if invites else None,
    )
    mail = newest_mail(environment)
    assert mail.subject == subject
    assert sentence in mail.text
    assert sentence in mail.html


def test_sending_again_sends_the_same_link(environment):
    invitation = make_invitation(environment, EMAIL)
    first = newest_mail(environment)

    services.resend_invitation(invitation=invitation, actor=SYSTEM)

    second = newest_mail(environment)
    assert second.id != first.id
    assert (second.recipient, second.subject, second.text) == (first.recipient, first.subject, first.text)


def test_a_refused_invitation_mails_nobody(environment, api):
    make_user(environment, email=EMAIL)
    assert api.post("/user_management/invitations", {"email": EMAIL}).status_code == 400
    assert newest_mail(environment) is None


def test_revoking_and_accepting_mail_nobody(environment):
    for end in (services.revoke_invitation, services.accept_invitation_as_invitee):
        invitation = make_invitation(environment, EMAIL)
        sent = newest_mail(environment).id
        end(invitation=invitation, actor=SYSTEM)
        assert newest_mail(environment).id == sent


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "<a href=//evil.example>Click</a>",
        "{{ accept_url }}{% include 'mail/base.html' %}",
        "Foo &amp; Corp",
    ],
)
def test_names_are_text_and_never_markup(environment, name):
    organization = make_organization(environment, name)
    inviter = make_user(environment, name=name)
    plain = make_invitation(environment, "plain@foo-corp.com", make_organization(environment, "Plain"))
    ordinary = Page(newest_mail(environment).html)

    invitation = make_invitation(environment, EMAIL, organization, inviter=inviter)

    page = Page(newest_mail(environment).html)
    assert page.tags == ordinary.tags
    assert page.links == [link(environment, invitation)]
    assert plain.token not in newest_mail(environment).html


@pytest.mark.parametrize(
    "name",
    [
        "Account locked! https://evil.example/unlock",
        "www.evil.example",
        "evil.example/login",
        "evil.example?next=1",
        "https\N{FULLWIDTH COLON}\N{FULLWIDTH SOLIDUS}\N{FULLWIDTH SOLIDUS}evil.example",
        "security@evil.example",
        "ht\u200btps://evil.example",
        "javascript://evil",
    ],
)
def test_names_with_an_address_are_left_out(environment, name):
    organization = make_organization(environment, name)
    inviter = make_user(environment, name=name)

    make_invitation(environment, EMAIL, organization, inviter=inviter)

    mail = newest_mail(environment)
    assert mail.subject == "You are invited to Acme sandbox"
    assert "You are invited to join an organization on Acme sandbox." in mail.text
    for text in (mail.subject, mail.text, mail.html):
        assert "evil" not in text


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_a_name_cannot_begin_a_line_or_a_header(environment, settings, line_break):
    organization = make_organization(
        environment, f"Foo{line_break}Bcc: victim@evil{line_break}{line_break}Dear"
    )
    inviter = make_user(environment, name=f"Ada{line_break}{line_break}Urgent")

    make_invitation(environment, EMAIL, organization, inviter=inviter)

    mail = newest_mail(environment)
    assert len(mail.subject.splitlines()) == 1
    assert "Ada Urgent" in mail.text
    message = message_from_bytes(
        EmailMultiAlternatives(mail.subject, mail.text, mail.sender, [mail.recipient]).message().as_bytes(),
        policy=default,
    )
    assert message["Bcc"] is None
    assert outbox.outbox == []


def test_the_mail_is_written_in_the_language_that_was_asked_for(environment, settings):
    make_invitation(environment, EMAIL, language="de")
    assert '<html lang="de"' in newest_mail(environment).html


def test_otherwise_in_the_invitees_own_language(environment):
    make_user(environment, email=EMAIL, locale="fr-CA")
    make_invitation(environment, EMAIL, make_organization(environment))
    assert '<html lang="fr' in newest_mail(environment).html


@pytest.mark.parametrize("language", ["zu", "en", ""])
def test_a_language_without_translation_gets_the_installations(environment, language):
    make_invitation(environment, EMAIL, language=language)
    assert newest_mail(environment).subject == "You are invited to Acme sandbox"
