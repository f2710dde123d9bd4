"""A password from before the mailbox was proven may be that of whoever made the account to wait for its owner."""

import pytest

from accounts.models import EmailVerification, Passkey
from accounts.services import update_user
from authentication.models import Session
from environments.services import update_authentication_settings
from foundation.actors import SYSTEM
from tests.authentication.conftest import GRANT
from tests.factories.accounts import PASSWORD, make_passkey, make_user

EMAIL = "ada@example.com"


@pytest.fixture
def planted(environment):
    """An account that somebody has made for the mailbox of somebody else, with a password of their own."""
    return make_user(environment, email=EMAIL, password=PASSWORD, email_verified=False)


@pytest.fixture
def come_by_mail(api, client):
    """Sign in as the owner of the mailbox."""

    def come():
        code = api.post("/user_management/magic_auth", {"email": EMAIL}).json()["code"]
        answer = client.authenticate(GRANT + "magic-auth:code", code=code, email=EMAIL)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return come


def newest_code(user):
    return EmailVerification.objects.in_environment(user.environment).filter(user=user).latest("id").code


@pytest.mark.parametrize("asks_for_verification", [True, False])
def test_a_planted_password_does_not_open_the_account_that_its_owner_fills(
    client, environment, planted, come_by_mail, asks_for_verification
):
    update_authentication_settings(
        environment=environment, changes={"email_verification_required": asks_for_verification}
    )
    come_by_mail()

    answer = client.password(EMAIL)

    assert answer.status_code == 403
    assert answer.json()["code"] == "email_verification_required"
    assert planted.environment_id == environment.id


def test_whoever_has_both_shows_it_once(client, planted, come_by_mail, emitted):
    come_by_mail()
    pending = client.password(EMAIL).json()["pending_authentication_token"]

    signed_in = client.verify_email(pending, newest_code(planted))

    assert signed_in.status_code == 200, signed_in.content
    client.sign_in(EMAIL)
    # Of the address alone; that a password is believed is nobody's event.
    assert emitted().count("user.updated") == 1


def test_guesses_at_the_mailbox_do_not_help_a_planted_password(client, planted, come_by_mail):
    come_by_mail()
    pending = client.password(EMAIL).json()["pending_authentication_token"]
    wrong = f"{(int(newest_code(planted)) + 1) % 1_000_000:06d}"

    assert client.verify_email(pending, wrong).status_code == 400
    assert client.password(EMAIL).json()["code"] == "email_verification_required"


def test_a_new_password_is_believed(api, client, planted, come_by_mail):
    come_by_mail()
    planted.refresh_from_db()
    update_user(user=planted, actor=SYSTEM, password="another long enough 1!")

    client.sign_in(EMAIL, "another long enough 1!")


def test_a_password_that_came_with_its_proof_stays_believed(client, planted, come_by_mail):
    pending = client.password(EMAIL).json()["pending_authentication_token"]
    assert client.verify_email(pending, newest_code(planted)).status_code == 200
    come_by_mail()

    client.sign_in(EMAIL)


def test_a_password_of_a_proven_mailbox_is_believed(environment, client, come_by_mail):
    make_user(environment, email=EMAIL, password=PASSWORD, email_verified=True)
    come_by_mail()

    client.sign_in(EMAIL)


# --- what else whoever made the account may have kept -----------------------------------------------------------


@pytest.fixture
def taken(environment, client, planted):
    """The same account, in an environment that asks for no proof of the mailbox: they are signed in, with a passkey."""
    update_authentication_settings(environment=environment, changes={"email_verification_required": False})
    make_passkey(planted)
    return client.sign_in(EMAIL)


def test_whoever_made_the_account_is_signed_out_when_its_owner_comes(
    environment, client, taken, come_by_mail
):
    come_by_mail()
    assert client.authenticate("refresh_token", refresh_token=taken["refresh_token"]).status_code == 400
    # The owner alone is in.
    assert Session.objects.in_environment(environment).filter(ended_at__isnull=True).count() == 1


def test_a_planted_passkey_is_forgotten_when_the_owner_comes(environment, taken, come_by_mail):
    come_by_mail()
    assert not Passkey.objects.in_environment(environment).exists()


def test_a_sign_in_by_mail_of_whom_is_known_leaves_passkeys_and_sessions(environment, client, come_by_mail):
    ada = make_user(environment, email=EMAIL, password=PASSWORD, email_verified=True)
    make_passkey(ada)
    client.sign_in(EMAIL)
    come_by_mail()
    come_by_mail()
    assert Passkey.objects.in_environment(environment).count() == 1
    assert Session.objects.in_environment(environment).filter(ended_at__isnull=True).count() == 3


def test_whoever_shows_password_and_mailbox_keeps_the_passkey(environment, client, planted):
    make_passkey(planted)
    pending = client.password(EMAIL).json()["pending_authentication_token"]
    assert client.verify_email(pending, newest_code(planted)).status_code == 200
    assert Passkey.objects.in_environment(environment).count() == 1
