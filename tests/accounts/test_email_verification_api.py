"""Proving that a mailbox is its user's, over HTTP."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection

from accounts import services
from accounts.errors import (
    EmailVerificationCodeExpired,
    EmailVerificationCodeIncorrect,
    EmailVerificationCodeLocked,
)
from accounts.models import EmailVerification
from events.models import Mail
from foundation import clock
from foundation.encryption import UnsealError
from foundation.errors import RateLimited
from tests.factories.accounts import make_email_verification, make_user

USERS = "/user_management/users"
VERIFICATIONS = "/user_management/email_verification"


@pytest.fixture
def ada(environment):
    return make_user(environment, email="ada@example.com", first_name="visit https://evil.example")


def send(api, user):
    return api.post(f"{USERS}/{user.id}/email_verification/send")


def confirm(api, user, code):
    return api.post(f"{USERS}/{user.id}/email_verification/confirm", {"code": code})


def newest_code(user):
    return EmailVerification.unscoped.filter(user=user).order_by("-id")[0].code


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_a_code_goes_to_the_mailbox_and_verifies_it_once(api, environment, ada, emitted, last_event):
    answer = send(api, ada)
    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == ada.id
    assert answer.json()["user"]["email_verified"] is False
    code = newest_code(ada)
    assert len(code) == 6
    assert code.isdigit()

    mail = Mail.objects.in_environment(environment).get()
    assert (mail.kind, mail.recipient) == ("email_verification", "ada@example.com")
    assert code in mail.text
    assert code in mail.html
    assert code not in mail.subject

    verified = confirm(api, ada, code)
    assert verified.status_code == 200
    assert verified.json()["user"]["email_verified"] is True
    assert emitted() == ["user.created", "email_verification.created", "user.updated"]
    assert last_event("user.updated")["context"]["previous_attributes"] == {"email_verified": False}

    again = confirm(api, ada, code)
    assert (again.status_code, again.json()["code"]) == (400, "email_previously_verified")
    assert emitted()[-1] == "user.updated"
    assert emitted().count("user.updated") == 1


def test_the_event_of_a_code_does_not_tell_the_code(api, ada, last_event):
    verification = make_email_verification(ada)
    event = last_event("email_verification.created")
    assert event["data"].keys() == {
        "object",
        "id",
        "user_id",
        "email",
        "expires_at",
        "created_at",
        "updated_at",
    }
    assert verification.code not in str(event)


def test_the_mail_says_nothing_that_whoever_signed_up_could_word(environment, ada):
    make_email_verification(ada)
    mail = Mail.objects.in_environment(environment).get()
    assert "evil" not in mail.subject + mail.text + mail.html


def test_a_verification_is_shown_with_its_code_to_the_holder_of_a_key(api, other_api, ada):
    verification = make_email_verification(ada)
    shown = api.get(f"{VERIFICATIONS}/{verification.id}")
    assert shown.status_code == 200
    assert shown.json() == {
        "object": "email_verification",
        "id": verification.id,
        "user_id": ada.id,
        "email": "ada@example.com",
        "expires_at": clock.iso(verification.created_at + timedelta(minutes=10)),
        "code": verification.code,
        "created_at": clock.iso(verification.created_at),
        "updated_at": clock.iso(verification.created_at),
    }
    foreign = other_api.get(f"{VERIFICATIONS}/{verification.id}")
    assert foreign.status_code == 404
    assert foreign.json()["message"] == f"Email Verification not found: '{verification.id}'."


def test_a_code_lies_encrypted_and_opens_in_its_own_row_alone(ada, environment):
    first, second = make_email_verification(ada), make_email_verification(make_user(environment))
    table = EmailVerification._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT code FROM {table} WHERE id = %s", [first.id])
        sealed = cursor.fetchone()[0]
        assert first.code not in sealed
        cursor.execute(f"UPDATE {table} SET code = %s WHERE id = %s", [sealed, second.id])
    with pytest.raises(UnsealError):
        _ = EmailVerification.unscoped.get(pk=second.id).code


def test_a_verified_address_gets_no_code(api, environment, emitted):
    user = make_user(environment, email_verified=True)
    answer = send(api, user)
    assert (answer.status_code, answer.json()["code"]) == (400, "email_already_verified")
    assert Mail.objects.in_environment(environment).count() == 0
    assert emitted() == ["user.created"]


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": None}, {"code": 123456}, {"code": "1" * 101}])
def test_a_code_of_a_wrong_shape_is_refused_and_counts_for_nothing(api, ada, body):
    verification = make_email_verification(ada)
    answer = api.post(f"{USERS}/{ada.id}/email_verification/confirm", body)
    assert answer.status_code == 422
    verification.refresh_from_db()
    assert verification.failed_attempts == 0


def test_a_code_copied_in_two_halves_works(api, ada):
    code = make_email_verification(ada).code
    assert confirm(api, ada, f" {code[:3]} {code[3:]} ").status_code == 200


def test_digits_of_another_script_are_no_code(api, ada):
    code = make_email_verification(ada).code
    arabic = "".join(chr(0x0660 + int(digit)) for digit in code)
    assert confirm(api, ada, arabic).json()["code"] == "email_verification_code_incorrect"


def test_without_a_code_ever_sent_every_code_is_wrong(api, ada):
    answer = confirm(api, ada, "123456")
    assert (answer.status_code, answer.json()["code"]) == (400, "email_verification_code_incorrect")
    assert answer.json()["message"] == "Email verification code is incorrect."


def test_a_code_ends_after_ten_minutes(api, ada):
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        code = make_email_verification(ada).code
        traveller.shift(10 * 60 - 1)
        assert confirm(api, ada, wrong(code)).json()["code"] == "email_verification_code_incorrect"
        traveller.shift(1)
        answer = confirm(api, ada, code)
        assert (answer.status_code, answer.json()["code"]) == (400, "email_verification_code_expired")


def test_five_wrong_guesses_lock_a_code_even_for_the_right_one(api, ada):
    code = make_email_verification(ada).code
    for _ in range(5):
        assert confirm(api, ada, wrong(code)).json()["code"] == "email_verification_code_incorrect"
    locked = confirm(api, ada, code)
    assert (locked.status_code, locked.json()["code"]) == (400, "email_verification_code_expired")
    assert api.get(f"{USERS}/{ada.id}").json()["email_verified"] is False
    make_email_verification(ada)
    assert confirm(api, ada, newest_code(ada)).status_code == 200


def test_a_wrong_guess_counts_although_its_request_is_keyed(api, ada):
    verification = make_email_verification(ada)
    path = f"{USERS}/{ada.id}/email_verification/confirm"
    for number in range(2):
        for _ in range(2):  # the repetition is answered from memory and costs nothing
            refused = api.post(
                path, {"code": wrong(verification.code)}, headers={"Idempotency-Key": f"key-{number}"}
            )
            assert refused.status_code == 400
    verification.refresh_from_db()
    assert verification.failed_attempts == 2


def test_new_codes_do_not_buy_endless_guesses(environment, actor, ada):
    guesses = 0
    with pytest.raises(RateLimited):  # noqa: PT012 -- which guess is refused is what is asserted below
        for _ in range(10):
            code = make_email_verification(ada).code
            for _ in range(5):
                with pytest.raises(EmailVerificationCodeIncorrect):
                    services.use_email_verification_code(user=ada, one_time_code=wrong(code), actor=actor)
                guesses += 1
    assert guesses == 20
    # Somebody else is not kept from it.
    other = make_user(environment)
    code = make_email_verification(other).code
    assert services.use_email_verification_code(user=other, one_time_code=code, actor=actor).email_verified


def test_a_new_code_replaces_the_old_one(api, ada):
    old = make_email_verification(ada)
    new = make_email_verification(ada)
    shown = api.get(f"{VERIFICATIONS}/{old.id}").json()
    assert shown["expires_at"] <= clock.iso(new.created_at)
    if old.code != new.code:
        assert confirm(api, ada, old.code).json()["code"] == "email_verification_code_incorrect"
    assert confirm(api, ada, new.code).status_code == 200


def test_a_code_that_was_used_for_a_former_address_means_nothing_for_the_present_one(api, ada, actor):
    code = make_email_verification(ada).code
    confirm(api, ada, code)
    services.update_user(user=ada, actor=actor, email="new@example.com")
    assert confirm(api, ada, code).json()["code"] == "email_verification_code_incorrect"


def test_a_used_code_says_so_where_the_address_is_to_be_proven_again(api, ada, actor):
    code = make_email_verification(ada).code
    confirm(api, ada, code)
    services.update_user(user=ada, actor=actor, email_verified=False)
    answer = confirm(api, ada, code)
    assert (answer.status_code, answer.json()["code"]) == (400, "email_verification_code_previously_used")
    assert confirm(api, ada, wrong(code)).json()["code"] == "email_verification_code_incorrect"


def test_a_code_is_of_no_use_to_another_user(api, environment, ada):
    code = make_email_verification(ada).code
    eve = make_user(environment)
    assert confirm(api, eve, code).status_code == 400
    assert api.get(f"{USERS}/{eve.id}").json()["email_verified"] is False
    assert confirm(api, ada, code).status_code == 200


def test_three_codes_a_minute_are_sent_and_no_more(api, environment, ada):
    assert [send(api, ada).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = send(api, ada)
    assert refused.json() == {"message": "Too many requests.", "code": "rate_limit_exceeded"}
    assert int(refused.headers["Retry-After"]) > 0
    assert Mail.objects.in_environment(environment).count() == 3
    assert send(api, make_user(environment)).status_code == 200


def test_a_refusal_tells_the_caller_of_the_service_what_went_wrong(ada, actor):
    code = make_email_verification(ada).code
    for _ in range(5):
        with pytest.raises(EmailVerificationCodeIncorrect):
            services.use_email_verification_code(user=ada, one_time_code=wrong(code), actor=actor)
    with pytest.raises(EmailVerificationCodeLocked):
        services.use_email_verification_code(user=ada, one_time_code=code, actor=actor)
    assert issubclass(EmailVerificationCodeLocked, EmailVerificationCodeExpired)


def test_an_address_proven_by_signing_in_is_told_once(environment, actor, ada, emitted):
    assert services.mark_email_verified(ada, actor).email_verified
    services.mark_email_verified(ada, actor)
    assert emitted().count("user.updated") == 1


def test_codes_that_are_long_dead_are_removed(environment, ada):
    with time_machine.travel(clock.now() - timedelta(days=31), tick=False):
        make_email_verification(ada)
    fresh = make_email_verification(ada)
    assert services.purge_mailbox_proofs() == 1
    assert list(EmailVerification.objects.in_environment(environment)) == [fresh]
