"""What people change of their account: each needs a recent proof, tells them by mail, and leaves an event."""

import re
from datetime import timedelta

import pytest
import time_machine

from accounts.models import (
    AuthenticationFactor,
    EmailChange,
    Identity,
    MagicAuth,
    Passkey,
    RecoveryCode,
    User,
)
from accounts.services import update_user
from authentication.models import HostedSession
from environments.models import MFAPolicy
from environments.services import update_authentication_settings
from events.models import Event, Mail
from foundation import clock
from foundation.actors import SYSTEM
from tests.authentication.pages.conftest import PageBrowser
from tests.authenticator import code_of, wrong_code
from tests.factories.accounts import (
    PASSWORD,
    make_identity,
    make_passkey,
    make_totp_factor,
    make_user,
)
from tests.software_authenticator import SoftwareAuthenticator

NEW_PASSWORD = "another horse staples 43 batteries"


def change(environment, **changes):
    update_authentication_settings(environment=environment, changes=changes)


def mails(environment, kind):
    return Mail.objects.in_environment(environment).filter(kind=kind).order_by("id")


def told(environment, user):
    """The newest change of the user that an event tells of, and who did it."""
    event = Event.objects.in_environment(environment).filter(name="user.updated").latest("id")
    return (event.object_id, event.actor_id)


@pytest.fixture
def eve(environment):
    return make_user(environment, email="eve@example.com", password=PASSWORD, email_verified=True)


# --- An open browser is not enough -------------------------------------------------------------------------------

SENSITIVE = [
    "/account/email",
    "/account/email/code",
    "/account/password",
    "/account/authenticators/add",
    "/account/authenticators/{factor}/remove",
    "/account/recovery-codes",
    "/account/passkeys/add",
    "/account/passkeys/{passkey}/remove",
    "/account/linked/{identity}/unlink",
]


@pytest.fixture
def rows(ada):
    return {
        "factor": make_totp_factor(ada).pk,
        "passkey": make_passkey(ada).pk,
        "identity": make_identity(ada).pk,
    }


@pytest.mark.parametrize("page", SENSITIVE)
def test_whoever_was_away_for_ten_minutes_signs_in_once_more_with_both_factors(browser, ada, rows, page):
    factor = AuthenticationFactor.objects.in_environment(ada.environment).get()
    page = page.format(**rows)
    with time_machine.travel(clock.now(), tick=False) as now:
        browser.open_account()
        browser.sign_in()
        browser.submit(code=code_of(factor.totp_secret))
        browser.go_on()
        before = HostedSession.objects.in_environment(ada.environment).get()
        now.shift(timedelta(minutes=10, seconds=1))

        browser.open_account(page)
        assert browser.path == "/sign-in"
        assert "Confirm that it is you" in browser.text
        browser.open_account()
        assert browser.post(page).status_code == 303
        assert (
            before.authenticated_at
            == HostedSession.objects.in_environment(ada.environment).get().authenticated_at
        )

        browser.open_account(page)
        browser.sign_in()
        assert browser.path == "/sign-in/second-factor"
        browser.submit(code=code_of(factor.totp_secret))
        browser.go_on()

    # Without a change that waits for its code, the page of the code leads to that of the address.
    assert browser.path == page.removesuffix("/code")
    # The same place as before, under a new secret.
    after = HostedSession.objects.in_environment(ada.environment).get()
    assert after.pk == before.pk
    assert after.secret_digest != before.secret_digest
    assert (
        Event.objects.in_environment(ada.environment)
        .filter(name="authentication.reauthentication_succeeded")
        .exists()
    )


def test_nothing_is_changed_by_a_form_that_comes_too_late(browser, ada, rows, environment):
    factor = AuthenticationFactor.objects.in_environment(environment).get()
    with time_machine.travel(clock.now(), tick=False) as now:
        browser.open_account()
        browser.sign_in()
        browser.submit(code=code_of(factor.totp_secret))
        browser.go_on()
        now.shift(timedelta(minutes=11))
        for page in SENSITIVE:
            fields = {"new_password": NEW_PASSWORD, "present_password": PASSWORD, "email": "x@example.com"}
            assert browser.post(page.format(**rows), **fields).status_code == 303
        assert browser.post("/account/passkeys/options").status_code == 303

    fresh = User.objects.in_environment(environment).get(pk=ada.pk)
    assert fresh.password == ada.password
    for model in (AuthenticationFactor, Passkey, Identity):
        assert model.objects.in_environment(environment).count() == 1
    assert not EmailChange.objects.in_environment(environment).exists()
    assert not mails(environment, "account_changed").exclude(subject__contains="was added").exists()


def test_turning_back_from_the_second_sign_in_ends_at_the_account(account, environment):
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        account.open_account("/account/password")
        answer = account.http.get(account.url.replace("/sign-in", "/sign-in/cancel"))

    assert answer.headers["Location"].endswith(f"/account?client_id={environment.client_id}")


@pytest.mark.parametrize(
    "page",
    [
        "/account/authenticators/{factor}/remove",
        "/account/passkeys/{passkey}",
        "/account/passkeys/{passkey}/remove",
        "/account/linked/{identity}/unlink",
    ],
)
def test_what_is_somebody_elses_is_not_there(account, eve, environment, page):
    theirs = {
        "factor": make_totp_factor(eve).pk,
        "passkey": make_passkey(eve).pk,
        "identity": make_identity(eve).pk,
    }

    assert account.open_account(page.format(**theirs)).status_code == 404
    account.open_account()
    assert account.post(page.format(**theirs), name="Mine").status_code == 404

    for model in (AuthenticationFactor, Passkey, Identity):
        assert model.objects.in_environment(environment).count() == 1
    assert Passkey.objects.in_environment(environment).get().name != "Mine"


# --- Password ----------------------------------------------------------------------------------------------------


def test_a_password_is_changed_by_whoever_knows_it_and_signs_out_everywhere_else(account, ada, environment):
    other = PageBrowser(environment, "198.51.100.20")
    other.open_account()
    other.sign_in()
    other.go_on()
    account.open_account("/account/password")

    account.submit(present_password=PASSWORD, new_password=NEW_PASSWORD)

    assert account.path == "/account"
    assert "Your password is changed" in account.text
    assert told(environment, ada) == (ada.pk, ada.pk)
    assert mails(environment, "password_changed").get().recipient == "ada@example.com"
    other.open_account()
    assert other.path == "/sign-in"
    account.open_account()
    assert account.path == "/account"
    other.sign_in(password=NEW_PASSWORD)
    assert other.path == "/sign-in/continue"


def test_a_wrong_present_password_changes_nothing_and_is_told_of(account, ada, last_event):
    account.open_account("/account/password")

    answer = account.submit(present_password="wrong", new_password=NEW_PASSWORD)

    assert answer.status_code == 422
    assert "This is not your present password" in account.text
    before = ada.password
    ada.refresh_from_db()
    assert ada.password == before
    assert last_event("authentication.password_failed")["data"]["user_id"] == ada.pk


def test_the_present_password_is_not_guessed_at_for_long(account):
    account.open_account("/account/password")
    codes = [
        account.post("/account/password", present_password="wrong", new_password=NEW_PASSWORD).status_code
        for _number in range(11)
    ]

    assert codes[-1] == 429


def test_a_password_that_is_too_easy_is_refused_beside_its_field(account):
    account.open_account("/account/password")

    answer = account.submit(present_password=PASSWORD, new_password="password1")

    assert answer.status_code == 422
    assert 'aria-describedby="id_new_password_helptext id_new_password_error"' in account.text or (
        "id_new_password_error" in account.text
    )


def test_whoever_has_no_password_sets_one(browser, environment, mailbox_sign_in):
    user = make_user(environment, email="new@example.com", email_verified=True)
    mailbox_sign_in(browser, user)
    browser.open_account("/account/password")
    assert "Set a password" in browser.text
    assert "present_password" not in browser.text

    browser.submit(new_password=NEW_PASSWORD)

    assert browser.path == "/account"
    stranger = PageBrowser(environment, "198.51.100.20")
    stranger.authorize()
    stranger.sign_in("new@example.com", NEW_PASSWORD)
    assert stranger.path == "/sign-in/continue"


def test_a_password_that_was_set_meanwhile_has_to_be_shown(browser, environment, mailbox_sign_in):
    user = make_user(environment, email="new@example.com", email_verified=True)
    mailbox_sign_in(browser, user)
    browser.open_account("/account/password")
    with time_machine.travel(clock.now() - timedelta(minutes=1)):
        # Set before the browser's sign-in, so that it is not signed out by it.
        update_user(user=user, actor=SYSTEM, password=PASSWORD)

    browser.submit(new_password=NEW_PASSWORD)

    assert browser.path == "/account/password"
    assert "present_password" in browser.text


def test_where_passwords_are_off_there_is_none_to_change(account, environment):
    change(environment, password_enabled=False)

    account.open_account("/account/password")

    assert account.path == "/account"
    assert ">Password<" not in account.text


@pytest.fixture
def mailbox_sign_in(environment):
    def sign_in(browser, user):
        browser.open_account()
        browser.submit(email=user.email)
        browser.url = browser.url.replace("/sign-in/password", "/sign-in/code")
        browser.submit(send="1")
        browser.submit(code=MagicAuth.objects.in_environment(environment).latest("id").code)
        browser.go_on()
        assert browser.path == "/account"

    return sign_in


# --- E-mail address ----------------------------------------------------------------------------------------------


def test_an_address_is_changed_by_the_code_that_went_to_it_and_the_old_mailbox_hears_of_it(
    account, ada, environment
):
    account.open_account("/account/email")
    account.submit(email="ada@new.example.com")
    assert account.path == "/account/email/code"
    assert mails(environment, "email_change").get().recipient == "ada@new.example.com"
    assert account.submit(code="not it").status_code == 422

    account.submit(code=EmailChange.objects.in_environment(environment).get().code)

    assert account.path == "/account"
    ada.refresh_from_db()
    assert (ada.email, ada.email_verified) == ("ada@new.example.com", True)
    notice = mails(environment, "account_changed").get()
    assert notice.recipient == "ada@example.com"
    assert "ada@new.example.com" not in notice.text
    assert told(environment, ada) == (ada.pk, ada.pk)


def test_an_address_that_somebody_has_reads_like_a_free_one_and_cannot_be_had(account, ada, eve, environment):
    pages = []
    for email in ("free@example.com", "eve@example.com"):
        account.open_account("/account/email")
        account.submit(email=email)
        asked = account.text
        assert account.submit(code="000000").status_code == 422
        pages.append(
            [re.sub(r'value="\w{64}"', "", page.replace(email, "X")) for page in (asked, account.text)]
        )

    assert pages[0] == pages[1]
    notice = mails(environment, "address_taken").get()
    assert notice.recipient == "eve@example.com"
    assert EmailChange.objects.in_environment(environment).get().code not in notice.text
    account.submit(code=EmailChange.objects.in_environment(environment).get().code)
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


@pytest.mark.parametrize(
    ("email", "words"),
    [("ADA@example.com", "This is your address already"), ("ada", "in the form"), ("", "Enter your email")],
)
def test_an_address_that_will_not_do_is_refused_beside_its_field(account, email, words):
    account.open_account("/account/email")

    assert account.submit(email=email).status_code == 422
    assert words in account.text


def test_a_new_code_replaces_the_one_before(account, environment):
    account.open_account("/account/email")
    account.submit(email="ada@new.example.com")
    first = EmailChange.objects.in_environment(environment).get().code
    account.submit(resend="1")
    assert "We sent you a new code" in account.text
    second = EmailChange.objects.in_environment(environment).get().code
    if first != second:
        assert account.submit(code=first).status_code == 422

    account.submit(code=second)

    assert account.path == "/account"


def test_without_a_change_there_is_no_code_to_enter(account):
    account.open_account("/account/email/code")

    assert account.path == "/account/email"


# --- Second steps ------------------------------------------------------------------------------------------------


def shown_secret(browser):
    found = re.search(r'<code class="key">([^<]+)<', browser.text)
    assert found, browser.text
    return found[1].replace(" ", "")


def enroll(browser, code=None):
    browser.open_account("/account/authenticators/add")
    secret = shown_secret(browser)
    sealed = re.search(r'name="sealed_secret" value="([^"]+)"', browser.text)
    assert sealed
    browser.submit(sealed_secret=sealed[1], code=code or code_of(secret))
    return secret


def test_an_authenticator_is_set_up_by_its_first_code_and_asked_for_from_then_on(account, ada, environment):
    enroll(account)

    codes = re.findall(r"<li><code>([^<]+)</code>", account.text)
    assert len(codes) == RecoveryCode.objects.in_environment(environment).count() == 10
    assert mails(environment, "mfa_changed").count() == 1
    assert told(environment, ada) == (ada.pk, ada.pk)
    account.open_account()
    assert account.path == "/account"
    assert "10 are left" in account.text
    other = PageBrowser(environment, "198.51.100.20")
    other.open_account()
    other.sign_in()
    assert other.path == "/sign-in/second-factor"


def test_a_code_that_the_app_does_not_show_enrols_nothing(account, environment):
    account.open_account("/account/authenticators/add")
    enroll(account, wrong_code(shown_secret(account)))

    assert account.answer.status_code == 422
    assert not AuthenticationFactor.objects.in_environment(environment).exists()


def test_a_secret_that_was_sealed_for_another_browser_enrols_nothing(account, eve, environment):
    other = PageBrowser(environment, "198.51.100.20")
    other.open_account()
    other.sign_in("eve@example.com")
    other.go_on()
    other.open_account("/account/authenticators/add")
    sealed = re.search(r'name="sealed_secret" value="([^"]+)"', other.text)
    assert sealed
    account.open_account("/account/authenticators/add")

    account.submit(sealed_secret=sealed[1], code=code_of(shown_secret(other)))

    assert account.path == "/account/authenticators/add"
    assert not AuthenticationFactor.objects.in_environment(environment).exists()


def test_a_second_step_is_removed_and_its_recovery_codes_with_it(account, ada, environment):
    enroll(account)
    factor = AuthenticationFactor.objects.in_environment(environment).get()
    account.open_account(f"/account/authenticators/{factor.pk}/remove")

    account.submit()

    assert account.path == "/account"
    assert "That second step is removed" in account.text
    assert not AuthenticationFactor.objects.in_environment(environment).exists()
    assert not RecoveryCode.objects.in_environment(environment).exists()
    assert mails(environment, "mfa_changed").count() == 2
    assert told(environment, ada) == (ada.pk, ada.pk)


def test_where_everybody_needs_a_second_step_its_removal_asks_for_a_new_one(account, environment):
    enroll(account)
    change(environment, mfa_policy=MFAPolicy.REQUIRED)
    factor = AuthenticationFactor.objects.in_environment(environment).get()
    account.open_account(f"/account/authenticators/{factor.pk}/remove")
    account.submit()

    other = PageBrowser(environment, "198.51.100.20")
    other.open_account()
    other.sign_in()

    assert other.path == "/sign-in/enroll"


def test_recovery_codes_are_replaced_and_the_person_is_told(account, environment):
    enroll(account)
    before = set(RecoveryCode.objects.in_environment(environment).values_list("digest", flat=True))
    account.open_account("/account/recovery-codes")

    account.submit()

    assert len(re.findall(r"<li><code>([^<]+)</code>", account.text)) == 10
    after = set(RecoveryCode.objects.in_environment(environment).values_list("digest", flat=True))
    assert not before & after
    assert "recovery codes" in mails(environment, "account_changed").get().subject


def test_without_a_second_step_there_are_no_recovery_codes(account, environment):
    account.open_account("/account/recovery-codes")
    account.submit()

    assert account.path == "/account"
    assert not RecoveryCode.objects.in_environment(environment).exists()


# --- Passkeys ----------------------------------------------------------------------------------------------------


def options(browser):
    query = f"?client_id={browser.environment.client_id}"
    answer = browser.http.post(
        f"/account/passkeys/options{query}",
        headers={"X-CSRFToken": browser.http.cookies["csrftoken"].value},
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def add_passkey(browser, authenticator=None, **lies):
    browser.open_account("/account/passkeys/add")
    return browser.submit(answer=(authenticator or SoftwareAuthenticator()).create(options(browser), **lies))


def test_a_passkey_is_added_named_and_told_of(account, ada, environment):
    authenticator = SoftwareAuthenticator(aaguid=bytes.fromhex("bada5566a7aa401fbd9645619a55120d"))

    add_passkey(account, authenticator)

    passkey = Passkey.objects.in_environment(environment).get()
    assert account.path == f"/account/passkeys/{passkey.pk}"
    assert "Your passkey works" in account.text
    assert (passkey.name, passkey.user_id) == ("1Password", ada.pk)
    assert passkey.transports == ["hybrid", "internal"]
    notice = mails(environment, "account_changed").get()
    assert notice.recipient == "ada@example.com"
    assert "passkey was added" in notice.subject
    assert told(environment, ada) == (ada.pk, ada.pk)

    account.submit(name="My <b>key</b>")

    assert account.path == "/account"
    assert "My &lt;b&gt;key&lt;/b&gt;" in account.text


def test_a_browser_that_is_not_known_names_the_passkey_by_its_device(account, environment):
    add_passkey(account)

    assert Passkey.objects.in_environment(environment).get().name


def test_the_question_for_a_passkey_demands_a_discoverable_one_and_excludes_those_there_are(account, ada):
    make_passkey(ada)

    asked = options(account)

    selection = asked["authenticatorSelection"]
    assert selection["residentKey"] == selection["userVerification"] == "required"
    assert selection["requireResidentKey"] is True
    assert [one["id"] for one in asked["excludeCredentials"]] == [
        Passkey.objects.in_environment(ada.environment).get().credential_id
    ]
    assert asked["attestation"] == "none"
    assert asked["user"]["name"] == "ada@example.com"
    assert "ada" not in asked["user"]["id"]
    assert asked["rp"] == {"name": "Acme sandbox", "id": "localhost"}


@pytest.mark.parametrize(
    ("field", "lie"),
    [
        ("origin", "https://evil.example"),
        ("rp_id", "evil.example"),
        ("flags", 0x01),
        ("flags", 0x04),
        ("cross_origin", True),
        ("credential_id", b""),
        ("credential_id", bytes(1024)),
    ],
)
def test_a_passkey_for_another_site_or_without_its_proofs_is_not_kept(account, environment, field, lie):
    answer = add_passkey(account, SoftwareAuthenticator(**{field: lie}))

    assert answer.status_code == 422
    assert not Passkey.objects.in_environment(environment).exists()


def test_an_algorithm_that_was_not_asked_for_is_not_kept(account, environment):
    assert add_passkey(account, algorithm=-65535).status_code == 422
    assert not Passkey.objects.in_environment(environment).exists()


def test_an_answer_adds_one_passkey(account, environment):
    account.open_account("/account/passkeys/add")
    asked = options(account)
    account.submit(answer=SoftwareAuthenticator().create(asked))
    account.open_account("/account/passkeys/add")

    assert account.submit(answer=SoftwareAuthenticator().create(asked)).status_code == 422
    assert Passkey.objects.in_environment(environment).count() == 1


def test_a_passkey_belongs_to_one_person(account, ada, eve, environment):
    authenticator = SoftwareAuthenticator()
    make_passkey(eve, authenticator)

    answer = add_passkey(account, authenticator)

    assert answer.status_code == 422
    assert Passkey.objects.in_environment(environment).get().user_id == eve.pk


def test_somebody_elses_question_adds_nothing(account, eve, environment):
    other = PageBrowser(environment, "198.51.100.20")
    other.open_account()
    other.sign_in("eve@example.com")
    other.go_on()
    theirs = options(other)
    account.open_account("/account/passkeys/add")
    account.http.cookies["gatehouse_passkey"] = other.http.cookies["gatehouse_passkey"].value

    assert account.submit(answer=SoftwareAuthenticator().create(theirs)).status_code == 422
    assert not Passkey.objects.in_environment(environment).exists()


def test_a_twentieth_passkey_is_the_last(account, ada, environment):
    for _number in range(20):
        make_passkey(ada)
    account.open_account("/account/passkeys/add")
    answer = account.http.post(
        f"/account/passkeys/options?client_id={environment.client_id}",
        headers={"X-CSRFToken": account.http.cookies["csrftoken"].value},
    )

    assert answer.status_code == 409


def test_a_passkey_is_removed_and_told_of(account, ada, environment):
    passkey = make_passkey(ada)
    account.open_account(f"/account/passkeys/{passkey.pk}/remove")

    account.submit()

    assert account.path == "/account"
    assert not Passkey.objects.in_environment(environment).exists()
    assert "passkey was removed" in mails(environment, "account_changed").latest("id").subject
    assert told(environment, ada) == (ada.pk, ada.pk)


def test_the_only_way_in_is_not_removed(account, ada, environment):
    passkey = make_passkey(ada)
    change(environment, password_enabled=False, magic_auth_enabled=False)
    account.open_account(f"/account/passkeys/{passkey.pk}/remove")
    assert account.submit().status_code == 422
    assert "only way to sign in that you have left" in account.text

    make_passkey(ada)
    account.submit()

    assert Passkey.objects.in_environment(environment).count() == 1


def test_where_passkeys_are_off_none_is_added(account, environment):
    change(environment, passkey_enabled=False)

    account.open_account("/account/passkeys/add")

    assert account.path == "/account"
    assert "asskey" not in account.text


# --- Linked accounts ---------------------------------------------------------------------------------------------


def test_a_linked_account_is_listed_and_unlinked(account, ada, environment):
    identity = make_identity(ada, provider="GitHubOAuth")
    account.open_account()
    assert "GitHub" in account.text
    account.open_account(f"/account/linked/{identity.pk}/unlink")

    account.submit()

    assert not Identity.objects.in_environment(environment).exists()
    assert "linked account was removed" in mails(environment, "account_changed").get().subject
    assert told(environment, ada) == (ada.pk, ada.pk)


def test_the_only_linked_account_stays_where_it_is_the_only_way_in(account, ada, environment):
    identity = make_identity(ada)
    make_identity(ada)
    change(environment, password_enabled=False, magic_auth_enabled=False)
    account.open_account(f"/account/linked/{identity.pk}/unlink")
    account.submit()
    [other] = Identity.objects.in_environment(environment)

    account.open_account(f"/account/linked/{other.pk}/unlink")

    assert account.submit().status_code == 422
    assert Identity.objects.in_environment(environment).get() == other
