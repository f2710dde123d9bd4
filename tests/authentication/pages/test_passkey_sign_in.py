"""Signing in with a passkey, and every answer that is none; tests/e2e/test_passkeys.py does it in a real browser."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec

from accounts import passkeys
from accounts.models import EmailVerification, Passkey, PasskeyChallenge
from accounts.services import (
    begin_passkey_registration,
    purge_passkey_challenges,
    remove_passkey,
    update_user,
)
from authentication.models import Session
from environments.models import MFAPolicy
from environments.services import update_authentication_settings
from events.models import Mail
from foundation import clock
from foundation.actors import SYSTEM
from tests.authentication.pages.conftest import PageBrowser
from tests.factories.accounts import make_passkey, make_totp_factor, make_user
from tests.factories.organizations import make_invitation, make_organization
from tests.software_authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    USER_PRESENT,
    SoftwareAuthenticator,
    to_text,
)


@pytest.fixture(autouse=True)
def passkeys_on(environment):
    change(environment, passkey_enabled=True)


@pytest.fixture
def authenticator():
    return SoftwareAuthenticator()


@pytest.fixture
def passkey(ada, authenticator):
    return make_passkey(ada, authenticator)


@pytest.fixture
def asked(browser, passkey):
    browser.authorize()
    return browser


def change(environment, **changes):
    update_authentication_settings(environment=environment, changes=changes)


def question(browser):
    """Ask for the options as the page's script does; the path of the page stays where it was."""
    answer = browser.http.post(
        re.sub(r"/sign-in(/passkey)?[?]", "/sign-in/passkey/options?", browser.url),
        headers={"X-CSRFToken": browser.http.cookies["csrftoken"].value},
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def send(browser, answer):
    """Send an answer as the page's form does."""
    browser.url = browser.url.replace("/sign-in?", "/sign-in/passkey?")
    return browser.submit(answer=answer)


def sign_in(browser, authenticator, **lies):
    return send(browser, authenticator.get(question(browser), **lies))


def refused(browser):
    return browser.path == "/sign-in/passkey" and browser.answer.status_code == 422


# --- The way it goes ---------------------------------------------------------------------------------------------


def test_a_passkey_signs_its_person_in_without_address_or_password(
    asked, authenticator, client, ada, last_event
):
    sign_in(asked, authenticator)

    assert asked.path == "/sign-in/continue"
    body = client.authenticate("authorization_code", code=asked.code).json()
    assert body["user"]["id"] == ada.pk
    assert body["authentication_method"] == "Passkey"
    session = Session.objects.in_environment(client.environment).get()
    assert last_event("session.created")["data"]["auth_method"] == "passkey"
    event = last_event("authentication.passkey_succeeded")["data"]
    assert (event["type"], event["status"], event["user_id"]) == ("passkey", "succeeded", ada.pk)
    assert session.ip_address == event["ip_address"] == "203.0.113.7"
    assert Passkey.objects.in_environment(client.environment).get().last_used_at is not None


def test_the_question_asks_for_any_passkey_of_ours_and_for_user_verification(asked):
    options = question(asked)

    assert options["rpId"] == "localhost"
    assert options["userVerification"] == "required"
    assert options["allowCredentials"] == []
    assert len(options["challenge"]) >= 43


def test_the_page_offers_passkeys_in_the_field_and_by_a_button(asked):
    assert 'autocomplete="username webauthn"' in asked.text
    assert "Sign in with a passkey" in asked.text

    asked.open(asked.url.replace("/sign-in?", "/sign-in/passkey?"))

    assert "Passkeys need JavaScript and a recent browser" in asked.text


def test_a_passkey_is_both_factors(asked, authenticator, environment, ada):
    make_totp_factor(ada)
    change(environment, mfa_policy=MFAPolicy.REQUIRED)

    sign_in(asked, authenticator)

    assert asked.path == "/sign-in/continue"


def test_a_passkey_says_nothing_of_a_mailbox(asked, authenticator, environment, ada):
    update_user(user=ada, actor=SYSTEM, email_verified=False)

    sign_in(asked, authenticator)

    assert asked.path == "/sign-in/verify-email"
    asked.submit(code=EmailVerification.objects.in_environment(environment).latest("id").code)
    assert asked.path == "/sign-in/continue"
    # It came with the proof, so it is its owner's.
    assert Passkey.objects.in_environment(environment).count() == 1


def test_an_authenticator_that_does_not_count_works_every_time(browser, ada):
    authenticator = SoftwareAuthenticator(counts=False)
    make_passkey(ada, authenticator)
    for _time in range(2):
        browser.authorize(prompt="login")
        sign_in(browser, authenticator)
        assert browser.path == "/sign-in/continue"


def test_a_passkey_that_was_copied_to_a_cloud_since_is_shown_so(browser, ada, environment):
    authenticator = SoftwareAuthenticator(flags=0x05 | BACKUP_ELIGIBLE)
    make_passkey(ada, authenticator)
    authenticator.flags |= BACKED_UP
    browser.authorize()

    sign_in(browser, authenticator)

    assert browser.path == "/sign-in/continue"
    assert Passkey.objects.in_environment(environment).get().is_backed_up is True


def test_where_nothing_but_passkeys_is_allowed_an_address_leads_to_them(asked, authenticator, environment):
    change(environment, password_enabled=False, magic_auth_enabled=False)
    asked.authorize()
    asked.submit(email="ada@example.com")
    assert asked.path == "/sign-in/passkey"

    sign_in(asked, authenticator)

    assert asked.path == "/sign-in/continue"


# --- Where passkeys are off --------------------------------------------------------------------------------------


def test_where_they_are_off_nothing_is_offered_asked_or_taken(asked, authenticator, environment):
    answer = authenticator.get(question(asked))
    change(environment, passkey_enabled=False)

    send(asked, answer)
    assert asked.path == "/sign-in"
    assert "passkey" not in asked.text
    csrf = {"X-CSRFToken": asked.http.cookies["csrftoken"].value}
    options = asked.http.post(asked.url.replace("/sign-in?", "/sign-in/passkey/options?"), headers=csrf)
    assert options.status_code == 303


@pytest.mark.parametrize(
    "address", ["http://192.0.2.1:8000", "http://[::1]:8000", "http://gatehouse.example"]
)
def test_an_address_for_which_browsers_make_no_passkeys_offers_none(asked, settings, address):
    settings.BASE_URL = address

    asked.open(asked.url)

    assert "passkey" not in asked.text


# --- Attacks -----------------------------------------------------------------------------------------------------


def test_an_answer_that_another_key_signed_is_refused(asked, authenticator, last_event, ada):
    sign_in(asked, authenticator, key=ec.generate_private_key(ec.SECP256R1()))

    assert refused(asked)
    event = last_event("authentication.passkey_failed")["data"]
    assert event["error"]["code"] == "passkey_invalid"
    assert (event["user_id"], event["email"]) == (ada.pk, "ada@example.com")


def test_an_answer_is_worth_something_once(asked, authenticator):
    answer = authenticator.get(question(asked))
    send(asked, answer)
    assert asked.path == "/sign-in/continue"

    asked.authorize(prompt="login")
    send(asked, answer)

    assert refused(asked)
    assert "sent twice" in asked.text


def test_a_refused_answer_has_used_its_challenge_up(asked, authenticator):
    options = question(asked)
    send(asked, authenticator.get(options, key=ec.generate_private_key(ec.SECP256R1())))

    send(asked, authenticator.get(options))

    assert refused(asked)


def test_a_challenge_that_was_never_given_is_refused(asked, authenticator):
    options = question(asked)

    send(asked, authenticator.get({**options, "challenge": "A" * 43}))

    assert refused(asked)


def test_a_challenge_of_another_browser_is_refused(asked, other_browser, authenticator):
    other_browser.authorize()
    theirs = question(other_browser)
    question(asked)

    send(asked, authenticator.get(theirs))

    assert refused(asked)
    sign_in(asked, authenticator)
    assert asked.path == "/sign-in/continue"


def test_a_challenge_lives_five_minutes_and_is_removed_later(asked, authenticator):
    with time_machine.travel(clock.now(), tick=False) as now:
        answer = authenticator.get(question(asked))
        now.shift(timedelta(minutes=5, seconds=1))
        send(asked, answer)
        assert refused(asked)
        question(asked)
        now.shift(timedelta(minutes=6))
        assert purge_passkey_challenges() >= 1
    assert not PasskeyChallenge.objects.in_environment(asked.environment).exists()


def test_a_challenge_for_adding_a_passkey_signs_nobody_in(asked, authenticator, ada):
    question(asked)
    options = begin_passkey_registration(
        user=ada, product_name="Acme", browser_secret=asked.http.cookies["gatehouse_passkey"].value
    )

    send(asked, authenticator.get(options))

    assert refused(asked)


@pytest.mark.parametrize(
    ("field", "lie"),
    [
        ("origin", "https://localhost.evil.example"),
        ("origin", "http://localhost:8001"),
        ("origin", "https://localhost:8000"),
        ("rp_id", "evil.example"),
        ("flags", USER_PRESENT),
        ("flags", 0x04),
        ("flags", 0x05 | BACKUP_ELIGIBLE),
        ("cross_origin", True),
        ("user_handle", None),
        ("user_handle", b""),
        ("user_handle", b"ada@example.com"),
    ],
)
def test_an_answer_for_another_site_or_without_its_proofs_is_refused(asked, authenticator, field, lie):
    setattr(authenticator, field, lie)

    sign_in(asked, authenticator)

    assert refused(asked)


def test_an_answer_of_another_ceremony_is_refused(asked, authenticator):
    sign_in(asked, authenticator, type="webauthn.create")

    assert refused(asked)


def test_another_persons_handle_is_refused(asked, authenticator, environment):
    eve = make_user(environment, email="eve@example.com", email_verified=True)
    authenticator.user_handle = passkeys.user_handle(eve.pk)

    sign_in(asked, authenticator)

    assert refused(asked)


def test_the_handle_tells_neither_address_nor_id(ada):
    handle = passkeys.user_handle(ada.pk)

    assert b"ada" not in handle
    assert ada.pk.encode() not in handle
    assert len(handle) == 32


def test_a_passkey_of_another_environment_is_not_known_here(asked, other_environment):
    change(other_environment, passkey_enabled=True)
    stranger = SoftwareAuthenticator()
    make_passkey(make_user(other_environment, email="ada@example.com", email_verified=True), stranger)

    sign_in(asked, stranger)

    assert refused(asked)
    assert "belongs to another application" in asked.text


def test_a_challenge_of_another_environment_is_refused(asked, authenticator, other_environment):
    change(other_environment, passkey_enabled=True)
    there = PageBrowser(other_environment)
    there.http.cookies = asked.http.cookies
    there.authorize()
    theirs = question(there)
    asked.open(asked.url)

    send(asked, authenticator.get(theirs))

    assert refused(asked)


def test_a_passkey_that_was_removed_opens_nothing(asked, authenticator, passkey):
    remove_passkey(passkey=passkey, actor=SYSTEM)

    sign_in(asked, authenticator)

    assert refused(asked)


def test_a_copy_is_noticed_and_neither_of_the_two_opens_anything_any_more(asked, authenticator, environment):
    sign_in(asked, authenticator)
    sign_in_again(asked, authenticator)
    assert asked.path == "/sign-in/continue"
    authenticator.sign_count = 0

    sign_in_again(asked, authenticator)

    assert refused(asked)
    assert "seems to exist twice" in asked.text
    mail = Mail.objects.in_environment(environment).latest("id")
    assert "was blocked" in mail.subject
    assert mail.recipient == "ada@example.com"
    authenticator.sign_count = 1000
    sign_in_again(asked, authenticator)
    assert refused(asked)


def test_a_counter_that_nobody_signed_blocks_nothing(asked, authenticator):
    sign_in(asked, authenticator)
    forger = SoftwareAuthenticator(credential_id=authenticator.credential_id, counts=False)
    forger.user_handle = authenticator.user_handle

    sign_in_again(asked, forger)
    assert refused(asked)
    sign_in_again(asked, authenticator)

    assert asked.path == "/sign-in/continue"


def sign_in_again(browser, authenticator):
    browser.authorize(prompt="login")
    return sign_in(browser, authenticator)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 60_000,
        "x" * 70_000,
        json.dumps({"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}),
        json.dumps(
            {
                "id": "AA",
                "rawId": "AA",
                "type": "public-key",
                "response": {
                    "clientDataJSON": "e30",
                    "authenticatorData": "AA",
                    "signature": "AA",
                    "userHandle": 7,
                },
            }
        ),
        json.dumps(
            {
                "id": "\udcff",
                "rawId": "ä",
                "type": "public-key",
                "response": {"clientDataJSON": "_w", "authenticatorData": "", "signature": ""},
            }
        ),
    ],
)
def test_what_is_no_answer_is_refused(asked, answer):
    send(asked, answer)

    assert refused(asked)


@pytest.mark.parametrize(
    "client_data",
    [
        b"\xff\xfe",
        b"[]",
        b'{"type": 7, "challenge": 7, "origin": 7}',
        b'{"type": "webauthn.get", "challenge": "!", "origin": []}',
        b'{"type": "webauthn.get", "challenge": "A", "origin": null}',
        b"[" * 20_000,
    ],
)
def test_a_hostile_browser_is_refused_and_breaks_nothing(asked, authenticator, client_data):
    answer = json.loads(authenticator.get(question(asked)))
    answer["response"]["clientDataJSON"] = to_text(client_data)

    send(asked, json.dumps(answer))

    assert refused(asked)


@pytest.mark.parametrize("length", [0, 36, 38])
def test_authenticator_data_of_a_wrong_length_is_refused(asked, authenticator, length):
    answer = json.loads(authenticator.get(question(asked)))
    answer["response"]["authenticatorData"] = "A" * (length * 4 // 3)

    send(asked, json.dumps(answer))

    assert refused(asked)


def test_answers_are_counted(asked, authenticator):
    codes = [send(asked, "{}").status_code for _number in range(21)]

    assert codes[:20] == [422] * 20
    assert codes[20] == 429


def test_a_passkey_accepts_the_invitation_that_its_owner_came_with(
    browser, passkey, authenticator, environment, client
):
    organization = make_organization(environment, "Foo Corp")
    browser.authorize(invitation_token=make_invitation(environment, "ada@example.com", organization).token)

    sign_in(browser, authenticator)

    answer = client.authenticate("authorization_code", code=browser.code).json()
    assert answer["organization_id"] == organization.id


def test_a_passkey_of_somebody_else_does_not_accept_the_invitation(
    browser, passkey, authenticator, environment
):
    organization = make_organization(environment, "Foo Corp")
    browser.authorize(invitation_token=make_invitation(environment, "eve@evil.test", organization).token)

    answer = sign_in(browser, authenticator)

    assert answer.status_code == 403
    assert "This invitation is for somebody else" in browser.text
