"""Changing an address with the consent of the new mailbox, over HTTP."""

import pytest
import time_machine

from accounts.models import EmailChange, User
from events.models import Mail
from tests.factories.accounts import make_email_verification, make_identity, make_user

USERS = "/user_management/users"


@pytest.fixture
def ada(environment):
    return make_user(environment, email="ada@example.com", email_verified=True)


def send(api, user, new_email="new@example.com"):
    return api.post(f"{USERS}/{user.id}/email_change/send", {"new_email": new_email})


def confirm(api, user, code):
    return api.post(f"{USERS}/{user.id}/email_change/confirm", {"code": code})


def code_of(user):
    return EmailChange.unscoped.get(user=user).code


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def outcome(answer):
    return answer.status_code, answer.json().get("code")


def test_an_address_changes_with_the_code_that_went_to_the_new_one(api, environment, ada, emitted):
    make_identity(ada)
    sent = send(api, ada, "New@Example.com")
    assert sent.status_code == 200
    assert sent.json().keys() == {"object", "user", "new_email", "expires_at", "created_at"}
    assert sent.json()["object"] == "email_change"
    assert sent.json()["new_email"] == "new@example.com"
    assert sent.json()["user"]["email"] == "ada@example.com"
    mail = Mail.objects.in_environment(environment).get()
    assert mail.recipient == "new@example.com"
    assert code_of(ada) in mail.text
    assert code_of(ada) not in sent.content.decode() + mail.subject
    assert api.get(f"{USERS}/{ada.id}").json()["email"] == "ada@example.com"

    done = confirm(api, ada, code_of(ada))
    assert done.status_code == 200
    assert done.json()["object"] == "email_change_confirmation"
    assert done.json()["user"]["email"] == "new@example.com"
    assert done.json()["user"]["email_verified"] is True
    assert api.get(f"{USERS}/{ada.id}/identities").json() == []
    assert emitted() == ["user.created", "user.updated"]

    assert outcome(confirm(api, ada, code_of(ada))) == (409, "email_change_code_previously_used")


def test_an_unverified_address_becomes_a_verified_one(api, environment):
    user = make_user(environment)
    make_email_verification(user)
    send(api, user)
    assert confirm(api, user, code_of(user)).json()["user"]["email_verified"] is True


def test_a_change_to_ones_own_address_is_not_needed(api, ada):
    assert outcome(send(api, ada, "ADA@example.com")) == (409, "email_change_not_needed")


def test_an_address_of_somebody_else_is_not_available(api, environment, ada):
    make_user(environment, email="eve@example.com")
    assert outcome(send(api, ada, "EVE@example.com")) == (409, "email_not_available")
    assert Mail.objects.in_environment(environment).count() == 0


def test_an_address_taken_while_the_code_was_on_its_way_is_not_available(api, environment, ada):
    send(api, ada)
    make_identity(ada)
    make_user(environment, email="new@example.com")
    assert outcome(confirm(api, ada, code_of(ada))) == (409, "email_not_available")
    assert User.objects.in_environment(environment).get(pk=ada.id).email == "ada@example.com"
    assert len(api.get(f"{USERS}/{ada.id}/identities").json()) == 1


@pytest.mark.parametrize("new_email", ["ada", "a" * 10_000, "a@b.example\r\nBcc: c@d.example"])
def test_what_is_no_address_is_refused(api, environment, ada, new_email):
    assert outcome(send(api, ada, new_email)) == (422, "invalid_email")
    assert Mail.objects.in_environment(environment).count() == 0


def test_a_missing_address_is_refused_by_name(api, ada):
    answer = api.post(f"{USERS}/{ada.id}/email_change/send", {})
    assert answer.json()["errors"][0]["code"] == "new_email_string_required"


def test_nothing_to_confirm_is_said(api, ada):
    assert outcome(confirm(api, ada, "123456")) == (409, "no_pending_email_change")


def test_a_code_ends_after_ten_minutes(api, ada):
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        send(api, ada)
        traveller.shift(10 * 60)
        assert outcome(confirm(api, ada, code_of(ada))) == (400, "email_change_code_expired")


def test_five_wrong_guesses_lock_a_code(api, ada):
    send(api, ada)
    code = code_of(ada)
    for _ in range(5):
        assert outcome(confirm(api, ada, wrong(code))) == (400, "email_change_code_incorrect")
    locked = confirm(api, ada, code)
    assert outcome(locked) == (429, "email_change_too_many_attempts")
    assert locked.headers["Retry-After"] == "600"


def test_a_second_request_replaces_the_first(api, ada):
    send(api, ada, "first@example.com")
    first = code_of(ada)
    send(api, ada, "second@example.com")
    second = code_of(ada)
    if first != second:
        assert outcome(confirm(api, ada, first)) == (400, "email_change_code_incorrect")
    assert confirm(api, ada, second).json()["user"]["email"] == "second@example.com"


def test_a_change_by_the_product_ends_the_one_that_waits(api, ada):
    send(api, ada)
    code = code_of(ada)
    api.put(f"{USERS}/{ada.id}", {"email": "other@example.com"})
    assert outcome(confirm(api, ada, code)) == (409, "no_pending_email_change")


def test_three_codes_a_minute_are_sent_and_no_more(api, ada):
    assert [send(api, ada, f"n{n}@example.com").status_code for n in range(4)] == [200, 200, 200, 429]
