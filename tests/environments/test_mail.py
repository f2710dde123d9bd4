"""Mail as it arrives: in whose looks, from whom, in which language, and whether at all."""

import re
from pathlib import Path

import pytest

from accounts.services import (
    create_magic_auth,
    create_password_reset,
    enroll_totp_factor,
    send_email_change,
    send_password_changed_mail,
    send_unknown_account_mail,
)
from environments.errors import MailSettingsInvalid
from environments.models import MailKind
from environments.services import update_branding, update_mail_settings
from events.models import Mail
from foundation import clock
from foundation.actors import SYSTEM
from organizations.services import update_organization_branding
from tests.factories.accounts import make_user
from tests.factories.organizations import make_invitation, make_organization
from tests.mail_server import parts_of

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def ada(environment):
    return make_user(environment, email="ada@example.com", locale="de-AT", email_verified=True)


@pytest.fixture
def branded(environment):
    update_branding(
        environment=environment,
        changes={
            "product_name": "Analytical & Co",
            "accent_color": "#ffd43b",
            "logo": PNG,
            "support_url": "https://help.example.com/",
            "privacy_url": "https://example.com/privacy",
        },
    )
    return environment


def send_each_kind(user):
    environment = user.environment
    create_magic_auth(user=user, actor=SYSTEM)
    create_password_reset(user=user, actor=SYSTEM, page_url="https://auth.example.com/reset-password")
    send_email_change(user=user, new_email="ada@new.example.com")
    enroll_totp_factor(environment=environment, user=user)
    user.password_changed_at = clock.now()
    send_password_changed_mail(user)
    send_unknown_account_mail(environment=environment, email="nobody@example.com")
    make_invitation(environment, "invited@example.com", make_organization(environment, "Foo Corp"))


def test_every_kind_of_mail_bears_the_products_name_logo_colour_and_links_in_both_parts(
    branded, ada, post, settings
):
    settings.BASE_URL = "https://auth.example.com"
    send_each_kind(ada)

    messages = post.messages()
    assert len(messages) == 7
    for message in messages:
        text, html = parts_of(message)
        assert "Analytical & Co" in text
        assert "https://help.example.com/" in text
        assert f'src="https://auth.example.com/branding/{branded.client_id}/logo?v=' in html
        assert 'alt="Analytical &amp; Co"' in html
        assert 'href="https://help.example.com/"' in html
        assert 'href="https://example.com/privacy"' in html
        assert "#ffd43b" in html
        assert "<style" in html.split("</head>")[0]
        assert "<script" not in html


def test_the_text_on_a_button_can_be_read_on_whatever_colour_was_chosen(branded, ada, post):
    create_password_reset(user=ada, actor=SYSTEM, page_url="https://auth.example.com/reset-password")

    _text, html = parts_of(post.newest())
    button = html.split('href="https://auth.example.com/reset-password')[1].split(">")[0]
    assert "background-color:#ffd43b" in button
    assert "color:#000000" in button


def test_a_mail_is_in_the_recipients_language_before_the_environments(environment, ada, post):
    update_mail_settings(environment=environment, changes={"default_language": "fr"})
    eve = make_user(environment, email="eve@example.com")
    tlh = make_user(environment, email="worf@example.com", locale="tlh")
    for user in (ada, eve, tlh):
        create_magic_auth(user=user, actor=SYSTEM)

    german, french, klingon = post.messages()
    assert 'lang="de"' in parts_of(german)[1]
    assert 'lang="fr"' in parts_of(french)[1]
    assert 'lang="fr"' in parts_of(klingon)[1]


@pytest.mark.parametrize(
    ("language", "subject", "sentence"),
    [
        ("en", "Your sign-in code for Acme sandbox", "It works once, for 10 minutes."),
        ("de", "Ihr Anmeldecode für Acme sandbox", "Er gilt einmal, 10 Minuten lang."),
        ("es", "Su código de inicio de sesión para Acme sandbox", "Vale una sola vez, durante 10 minutos."),
        (
            "fr",
            "Votre code de connexion pour Acme sandbox",
            "Il est valable une seule fois, pendant 10 minutes.",
        ),
        ("ja", "Acme sandbox のサインインコード", "10 分間、1 回だけ使えます。"),
    ],
)
def test_both_parts_and_the_subject_arrive_in_each_language(environment, post, language, subject, sentence):
    create_magic_auth(user=make_user(environment, locale=language), actor=SYSTEM)

    message = post.newest()
    text, html = parts_of(message)
    assert str(message["Subject"]) == subject
    assert sentence in text
    assert sentence in html
    assert f'<html lang="{language}" dir="ltr">' in html


@pytest.mark.parametrize("language", ["de", "es", "fr", "ja"])
def test_no_mail_of_any_kind_falls_back_to_english(environment, post, language):
    update_mail_settings(environment=environment, changes={"default_language": language})
    send_each_kind(make_user(environment, email="ada@example.com", email_verified=True))

    english = re.compile(r"\b(the|your|you|this|code|and|is)\b")
    for message in post.messages():
        text, _html = parts_of(message)
        left = text.replace("no-reply", "").replace("reset-password", "").replace("invitation_token", "")
        words = english.findall(re.sub(r"https?://\S+", "", left).lower())
        # "code" is French and German too.
        assert [word for word in words if word != "code"] == [], (message["Subject"], text)


def test_without_any_settings_mail_comes_from_the_installation_in_its_language(environment, post, settings):
    settings.MAIL_FROM = "Example Auth <no-reply@auth.example.com>"
    create_magic_auth(user=make_user(environment), actor=SYSTEM)

    message = post.newest()
    assert message["From"] == "Example Auth <no-reply@auth.example.com>"
    assert "Your sign-in code" in str(message["Subject"])


@pytest.mark.parametrize(
    ("changes", "sender"),
    [
        (
            {"sender_name": "Ada, Inc.", "sender_address": "login@ada.example"},
            '"Ada, Inc." <login@ada.example>',
        ),
        ({"sender_name": "Überprüfung"}, "Überprüfung <no-reply@auth.example.com>"),
        ({"sender_address": "login@ada.example"}, "Analytical & Co <login@ada.example>"),
    ],
)
def test_each_environment_writes_from_its_own_address(branded, post, settings, changes, sender):
    settings.MAIL_FROM = "Installation <no-reply@auth.example.com>"
    update_mail_settings(environment=branded, changes=changes)
    create_magic_auth(user=make_user(branded), actor=SYSTEM)

    message = post.newest()
    assert str(message["From"]) == sender
    assert post.server.envelopes[0].mail_from == sender.rpartition("<")[2].strip(">")


@pytest.mark.parametrize(
    "address",
    [
        "login@ada.example\r\nBcc: eve@evil.test",
        "login@ada.example, eve@evil.test",
        "Ada <login@ada.example>",
        "login@ada.example>\nX: y <a@b.test",
        "not an address",
        "login@" + "a" * 300 + ".test",
        "lögin@ada.example",
    ],
)
def test_a_sender_that_is_no_single_address_is_refused(environment, address):
    with pytest.raises(MailSettingsInvalid):
        update_mail_settings(environment=environment, changes={"sender_address": address})


@pytest.mark.parametrize("name", ["A\x00B", "A\x08B", "A\u202eB", "x" * 101])
def test_a_senders_name_of_unseen_characters_is_refused(environment, name):
    with pytest.raises(MailSettingsInvalid):
        update_mail_settings(environment=environment, changes={"sender_name": name})


@pytest.mark.parametrize(
    "attack", ["X\r\nBcc: eve@evil.test", "X\nBcc: eve@evil.test\n\nbody", "X\u2028Bcc: eve@evil.test"]
)
def test_no_name_that_somebody_typed_begins_a_header(environment, post, attack):
    update_mail_settings(environment=environment, changes={"sender_name": attack})
    update_branding(environment=environment, changes={"product_name": attack})
    organization = make_organization(environment, attack.replace("\u2028", " "))
    make_invitation(environment, "invited@example.com", organization)
    create_magic_auth(user=make_user(environment), actor=SYSTEM)

    messages = post.messages()
    assert len(messages) == 2
    for message, envelope in zip(messages, post.server.envelopes, strict=True):
        assert message["Bcc"] is None
        assert "eve@evil.test" not in envelope.rcpt_tos
        assert message.get_content_type() == "multipart/alternative"


def test_mail_about_an_organization_wears_its_looks(branded, post, settings):
    settings.BASE_URL = "https://auth.example.com"
    organization = make_organization(branded, "Foo Corp")
    update_organization_branding(
        organization=organization,
        changes={"product_name": "Foo Portal", "accent_color": "#0b7285", "logo": PNG},
    )
    make_invitation(branded, "invited@example.com", organization)
    make_invitation(branded, "other@example.com", make_organization(branded, "Bar Corp"))

    special, plain = post.messages()
    text, html = parts_of(special)
    assert "Foo Portal" in text
    assert f"https://auth.example.com/branding/{branded.client_id}/{organization.id}/logo?v=" in html
    assert "#0b7285" in html
    # What the organization leaves open is the environment's.
    assert "https://help.example.com/" in text
    text, html = parts_of(plain)
    assert "Analytical & Co" in text
    assert organization.id not in html
    assert "#ffd43b" in html


def test_an_application_that_sends_its_own_mail_reads_the_codes_and_hears_the_news(environment, api, emitted):
    update_mail_settings(environment=environment, changes={"is_sent_by_gatehouse": False})
    user = make_user(environment, email="ada@example.com", password="correct horse 9 battery staple")

    magic_auth = api.post("/user_management/magic_auth", {"email": user.email}).json()
    reset = api.post("/user_management/password_reset", {"email": user.email}).json()
    invitation = api.post("/user_management/invitations", {"email": "new@example.com"}).json()
    api.post(f"/user_management/users/{user.id}/email_verification/send", {})
    enroll_totp_factor(environment=environment, user=user)
    send_unknown_account_mail(environment=environment, email="nobody@example.com")

    assert not Mail.objects.in_environment(environment).exists()
    assert len(magic_auth["code"]) == 6
    assert reset["password_reset_token"] in reset["password_reset_url"]
    assert invitation["token"]
    names = emitted()
    for name in (
        "magic_auth.created",
        "password_reset.created",
        "invitation.created",
        "email_verification.created",
    ):
        assert name in names


def test_single_kinds_of_mail_can_be_left_to_the_application(environment):
    update_mail_settings(
        environment=environment, changes={"kinds_left_to_application": [MailKind.INVITATION]}
    )
    make_invitation(environment, "new@example.com")
    create_magic_auth(user=make_user(environment), actor=SYSTEM)

    assert [mail.kind for mail in Mail.objects.in_environment(environment)] == ["magic_auth"]


@pytest.mark.parametrize(
    "changes",
    [
        {"kinds_left_to_application": ["no_such_mail"]},
        {"default_language": "tlh"},
        {"is_sent_by_gatehouse": "no"},
    ],
)
def test_settings_that_cannot_be_are_refused(environment, changes):
    with pytest.raises(MailSettingsInvalid):
        update_mail_settings(environment=environment, changes=changes)


def test_another_environment_keeps_its_own_mail(environment, other_environment, post):
    update_mail_settings(
        environment=other_environment,
        changes={"sender_address": "login@other.example", "default_language": "de"},
    )
    create_magic_auth(user=make_user(environment), actor=SYSTEM)

    message = post.newest()
    assert "other.example" not in str(message["From"])
    assert 'lang="en"' in parts_of(message)[1]


def test_every_kind_of_mail_has_its_texts_and_its_place_in_the_documentation():
    root = Path(__file__).parents[2]
    page = (root / "docs" / "branding.md").read_text()
    for kind in MailKind:
        html = (root / "templates" / "mail" / f"{kind}.html").read_text()
        assert '{% extends "mail/base.html" %}' in html
        assert (root / "templates" / "mail" / f"{kind}.txt").exists()
        assert (root / "templates" / "mail" / f"{kind}.subject.txt").exists()
        assert f"`{kind}`" in page
