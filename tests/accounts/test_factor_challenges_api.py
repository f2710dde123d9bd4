import logging
from datetime import timedelta

import pytest
import time_machine
from django.core import mail as outgoing
from django.db import connection

from accounts import services
from accounts.errors import SMSSenderNotConfigured, TOTPCodeIncorrect
from accounts.models import AuthenticationChallenge, AuthenticationFactor
from accounts.tasks import purge_authentication_challenges
from events.models import Mail
from events.services import deliver_mail, sweep
from foundation import clock, rate_limits
from tests.authenticator import code_of, wrong_code
from tests.factories.accounts import make_sms_factor, make_totp_factor, make_user


@pytest.fixture
def totp(api):
    fields = {"type": "totp", "totp_issuer": "Foo Corp", "totp_user": "alan.turing@example.com"}
    return api.post("/auth/factors/enroll", fields).json()


@pytest.fixture
def sms(api):
    return api.post("/auth/factors/enroll", {"type": "sms", "phone_number": "+15005550006"}).json()


@pytest.fixture
def generic(api):
    return api.post("/auth/factors/enroll", {"type": "generic_otp"}).json()


def challenge(api, factor, **fields):
    answer = api.post(f"/auth/factors/{factor['id']}/challenge", fields)
    assert answer.status_code == 201, answer.content
    return answer.json()


def verify(api, asked, code):
    return api.post(f"/auth/challenges/{asked['id']}/verify", {"code": code})


def other(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def text_messages(environment):
    return Mail.objects.in_environment(environment).filter(kind="sms").order_by("id")


def sent_code(environment):
    return text_messages(environment).latest("id").text.rstrip(".").split()[-1]


def test_a_challenge_is_answered_by_the_code_that_the_app_shows(api, totp):
    asked = challenge(api, totp)

    assert asked.keys() == {
        "object",
        "id",
        "authentication_factor_id",
        "expires_at",
        "created_at",
        "updated_at",
    }
    assert asked["object"] == "authentication_challenge"
    assert asked["id"].startswith("auth_challenge_")
    assert asked["authentication_factor_id"] == totp["id"]
    lifetime = clock.parse_iso(asked["expires_at"]) - clock.parse_iso(asked["created_at"])
    assert lifetime == timedelta(minutes=10)

    answer = verify(api, asked, code_of(totp["totp"]["secret"]))

    assert answer.status_code == 201
    assert answer.json()["valid"] is True
    assert answer.json()["challenge"]["id"] == asked["id"]


def test_a_body_of_older_sdks_is_understood(api, totp):
    asked = challenge(api, totp)
    fields = {
        "code": code_of(totp["totp"]["secret"]),
        "authentication_challenge_id": asked["id"],
        "authentication_factor_id": totp["id"],
    }

    assert api.post(f"/auth/challenges/{asked['id']}/verify", fields).json()["valid"] is True


def test_the_oldest_sdks_name_the_challenge_in_the_body(api, totp):
    asked = challenge(api, totp)
    fields = {"code": code_of(totp["totp"]["secret"]), "authentication_challenge_id": asked["id"]}

    answer = api.post("/auth/factors/verify", fields)

    assert (answer.status_code, answer.json()["valid"]) == (201, True)
    assert api.post("/auth/factors/verify", {"code": "123456"}).status_code == 422


def test_a_code_in_two_halves_counts(api, totp):
    code = code_of(totp["totp"]["secret"])

    assert verify(api, challenge(api, totp), f"{code[:3]} {code[3:]}").json()["valid"] is True


@pytest.mark.parametrize(("steps", "valid"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(api, totp, steps, valid):
    with time_machine.travel(clock.now(), tick=False):
        code = code_of(totp["totp"]["secret"], steps_ahead=steps)
        assert verify(api, challenge(api, totp), code).json()["valid"] is valid


def test_a_wrong_code_is_an_answer_and_not_an_error(api, totp):
    secret = totp["totp"]["secret"]
    asked = challenge(api, totp)

    refused = verify(api, asked, wrong_code(secret))

    assert (refused.status_code, refused.json()["valid"]) == (201, False)
    assert verify(api, asked, code_of(secret)).json()["valid"] is True


@pytest.mark.parametrize(
    "code",
    ["12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "ABCDE-FGHJK", "-00001", "1e5"],
)
def test_what_is_no_code_is_merely_wrong(api, totp, code):
    assert verify(api, challenge(api, totp), code).json()["valid"] is False


def test_a_missing_code_is_a_field_error(api, totp):
    asked = challenge(api, totp)

    answer = api.post(f"/auth/challenges/{asked['id']}/verify")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "code must be a string"


def test_a_code_counts_once_even_for_another_challenge(api, totp):
    with time_machine.travel(clock.now(), tick=False):
        code = code_of(totp["totp"]["secret"])
        first, second = challenge(api, totp), challenge(api, totp)
        assert verify(api, first, code).json()["valid"] is True

        assert verify(api, second, code).json()["valid"] is False


def test_an_earlier_code_does_not_count_after_a_later_one(api, totp):
    secret = totp["totp"]["secret"]
    with time_machine.travel(clock.now(), tick=False):
        assert verify(api, challenge(api, totp), code_of(secret, steps_ahead=1)).json()["valid"] is True

        assert verify(api, challenge(api, totp), code_of(secret)).json()["valid"] is False


def test_a_challenge_is_verified_once(api, totp):
    asked = challenge(api, totp)
    verify(api, asked, code_of(totp["totp"]["secret"]))

    again = verify(api, asked, code_of(totp["totp"]["secret"], steps_ahead=1))

    assert again.status_code == 422
    assert again.json() == {
        "code": "authentication_challenge_previously_verified",
        "message": f"The authentication challenge '{asked['id']}' has already been verified.",
    }


def test_a_challenge_lives_ten_minutes(api, totp):
    asked = challenge(api, totp)

    with time_machine.travel(clock.now() + timedelta(seconds=601), tick=False):
        answer = verify(api, asked, code_of(totp["totp"]["secret"]))

    assert answer.status_code == 422
    assert answer.json() == {
        "code": "authentication_challenge_expired",
        "message": f"The authentication challenge '{asked['id']}' has expired.",
    }


def test_after_five_wrong_codes_the_right_one_opens_nothing(api, totp):
    secret = totp["totp"]["secret"]
    asked = challenge(api, totp)
    for _ in range(5):
        assert verify(api, asked, wrong_code(secret)).json()["valid"] is False

    refused = verify(api, asked, code_of(secret))

    assert refused.status_code == 400
    assert refused.json()["code"] == "one_time_code_too_many_attempts"
    assert verify(api, challenge(api, totp), code_of(secret)).json()["valid"] is True


def test_new_challenges_buy_no_unlimited_guesses(api, totp):
    secret = totp["totp"]["secret"]
    for _ in range(4):
        asked = challenge(api, totp)
        for _ in range(5):
            assert verify(api, asked, wrong_code(secret)).status_code == 201

    refused = verify(api, challenge(api, totp), code_of(secret))

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0


def test_guesses_count_over_all_factors_of_a_user_and_leave_others_alone(api, environment):
    user, bystander = make_user(environment), make_user(environment)
    factors = [make_totp_factor(user) for _ in range(4)]
    for factor in factors:
        asked = challenge(api, {"id": factor.id})
        for _ in range(5):
            verify(api, asked, wrong_code(factor.totp_secret))

    fresh = make_totp_factor(user)
    assert verify(api, challenge(api, {"id": fresh.id}), code_of(fresh.totp_secret)).status_code == 429
    theirs = make_totp_factor(bystander)
    answer = verify(api, challenge(api, {"id": theirs.id}), code_of(theirs.totp_secret))
    assert answer.json()["valid"] is True


def test_a_limit_that_cannot_be_counted_refuses(api, totp, settings):
    asked = challenge(api, totp)
    # Nobody listens there.
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    rate_limits._backend_at.cache_clear()

    answer = verify(api, asked, code_of(totp["totp"]["secret"]))

    assert answer.status_code == 429
    row = AuthenticationChallenge.objects.in_environment(asked_environment(asked)).get()
    assert row.verified_at is None


def asked_environment(asked):
    return AuthenticationChallenge.unscoped.get(pk=asked["id"]).environment


def test_a_text_message_carries_the_code(api, environment, sms):
    asked = challenge(api, sms)

    assert "code" not in asked
    message = text_messages(environment).get()
    assert message.recipient == "+15005550006"
    code = sent_code(environment)
    assert message.text == f"Your Acme sandbox verification code is {code}."
    assert verify(api, asked, other(code)).json()["valid"] is False
    assert verify(api, asked, code).json()["valid"] is True


def test_a_sent_code_answers_its_own_challenge_alone(api, environment, sms):
    first = challenge(api, sms)
    code = sent_code(environment)
    second = challenge(api, sms)

    if sent_code(environment) != code:
        assert verify(api, second, code).json()["valid"] is False
    assert verify(api, first, code).json()["valid"] is True


def test_a_template_words_the_message(api, environment, sms):
    asked = challenge(api, sms, sms_template="{{ code }} opens Foo Corp. {{code}}!")

    text = text_messages(environment).get().text
    code = text[:6]
    assert text == f"{code} opens Foo Corp. {code}!"
    assert verify(api, asked, code).json()["valid"] is True


@pytest.mark.parametrize(
    "template",
    [
        "No code at all",
        "Your code is {code}",
        "{{code}} at https://evil.example",
        "{{code}}, or see evil.example",
        "{{code}}" + "x" * 300,
    ],
)
def test_a_template_without_a_code_or_with_a_link_is_refused(api, environment, sms, template):
    answer = api.post(f"/auth/factors/{sms['id']}/challenge", {"sms_template": template})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_sms_template"
    assert not text_messages(environment).exists()


def test_messages_to_one_number_are_limited(api, environment, sms):
    for _ in range(3):
        challenge(api, sms)

    assert api.post(f"/auth/factors/{sms['id']}/challenge").status_code == 429
    assert text_messages(environment).count() == 3


def test_a_text_message_never_leaves_by_mail(api, environment, sms, settings):
    settings.MAIL_IS_DELIVERED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    challenge(api, sms)
    message = text_messages(environment).get()

    deliver_mail(message.id)
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        sweep()

    message.refresh_from_db()
    assert outgoing.outbox == []
    assert (message.sent_at, message.failed_at, message.attempts) == (None, None, 0)


def test_a_message_is_encrypted_at_rest(api, environment, sms):
    challenge(api, sms)
    code = sent_code(environment)

    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM events_mail")
        assert code not in cursor.fetchone()[0]
        cursor.execute("SELECT code FROM accounts_authenticationchallenge")
        assert code not in cursor.fetchone()[0]


def test_a_code_that_the_product_delivers_is_told_to_the_product(api, generic):
    assert generic["type"] == "generic_otp"
    assert "totp" not in generic
    assert "sms" not in generic
    asked = challenge(api, generic)

    assert len(asked["code"]) == 6
    assert verify(api, asked, other(asked["code"])).json()["valid"] is False
    assert verify(api, asked, asked["code"]).json()["valid"] is True


def test_no_secret_and_no_code_reaches_the_logs(api, environment, sms, totp, caplog):
    with caplog.at_level(logging.DEBUG):
        verify(api, challenge(api, sms), code := sent_code(environment))
        shown = code_of(totp["totp"]["secret"])
        verify(api, challenge(api, totp), shown)

    text = "\n".join(f"{record.getMessage()} {record.__dict__.get('extra', '')}" for record in caplog.records)
    assert totp["totp"]["secret"] not in text
    for word in (code, shown):
        assert f'"{word}"' not in text


def test_a_recovery_code_is_no_answer_to_a_challenge_of_the_product(api, environment):
    user = make_user(environment)
    enrolled = api.post(f"/user_management/users/{user.id}/auth_factors", {"type": "totp"}).json()

    answer = verify(api, enrolled["authentication_challenge"], enrolled["recovery_codes"][0])

    assert answer.json()["valid"] is False


def test_a_removed_factor_takes_its_challenges_along(api, totp):
    asked = challenge(api, totp)
    api.delete(f"/auth/factors/{totp['id']}")

    assert verify(api, asked, code_of(totp["totp"]["secret"])).status_code == 404


def test_a_repeated_request_with_an_idempotency_key_is_one_guess(api, totp):
    asked = challenge(api, totp)
    fields = {"code": wrong_code(totp["totp"]["secret"])}
    path = f"/auth/challenges/{asked['id']}/verify"

    first = api.post(path, fields, headers={"Idempotency-Key": "one"})
    again = api.post(path, fields, headers={"Idempotency-Key": "one"})

    assert first.content == again.content
    assert AuthenticationChallenge.unscoped.get(pk=asked["id"]).failed_attempts == 1


def test_old_challenges_are_purged_and_their_factors_stay(api, totp):
    challenge(api, totp)
    with time_machine.travel(clock.now() + timedelta(days=8)):
        recent = challenge(api, totp)
        purge_authentication_challenges()

    assert [row.id for row in AuthenticationChallenge.unscoped.all()] == [recent["id"]]
    assert api.get(f"/auth/factors/{totp['id']}").status_code == 200


def test_an_app_can_be_made_to_show_its_first_code_before_it_is_kept(environment):
    user = make_user(environment)
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

    with pytest.raises(TOTPCodeIncorrect):
        services.enroll_totp_factor(
            environment=environment, user=user, secret=secret, first_code=wrong_code(secret)
        )
    assert not AuthenticationFactor.objects.in_environment(environment).exists()

    with time_machine.travel(clock.now(), tick=False):
        code = code_of(secret)
        factor = services.enroll_totp_factor(
            environment=environment, user=user, secret=secret, first_code=code
        ).factor
        asked = services.challenge_factor(factor=factor)
        assert services.verify_challenge(challenge=asked, one_time_code=code).valid is False


def test_a_challenge_of_a_phone_is_refused_once_nobody_carries_messages(environment):
    factor = make_sms_factor(make_user(environment))
    environment.kind = "production"
    environment.save(update_fields=["kind"])

    with pytest.raises(SMSSenderNotConfigured):
        services.challenge_factor(factor=factor)
