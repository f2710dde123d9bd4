import base64
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django_otp.oath import TOTP

from environments import services
from environments.models import OperatorRecoveryCode, OperatorTOTP
from tests.factories.environments import OPERATOR_PASSWORD, make_operator

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def code_at(secret, moment):
    totp = TOTP(base64.b32decode(secret))
    totp.time = moment.timestamp()
    return f"{totp.token():06d}"


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
def enrolled(owner, clock):
    """Return the owner with an authenticator app, its secret and the recovery codes."""
    secret = services.begin_two_step_enrollment(owner).secret
    _device, codes = services.confirm_two_step_enrollment(owner, code_at(secret, START))
    clock.shift(timedelta(minutes=1))
    return owner, secret, codes


def give_password(client, operator, password=OPERATOR_PASSWORD, **more):
    return client.post("/admin/login/", {"username": operator.email, "password": password, **more})


def now():
    return datetime.now(tz=UTC)


# --- E-mail and password ---------------------------------------------------------------------------------------


def test_an_operator_signs_in_and_sees_the_first_page(owners_browser):
    page = owners_browser.get("/admin/")

    assert page.status_code == 200
    assert "Sign-ins per day" in page.content.decode()


def test_the_case_of_the_e_mail_does_not_matter(owner, browser):
    answer = browser().post(
        "/admin/login/", {"username": " Owner@Gatehouse.TEST ", "password": OPERATOR_PASSWORD}
    )

    assert answer.status_code == 302


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("owner@gatehouse.test", "wrong password"),
        ("nobody@gatehouse.test", OPERATOR_PASSWORD),
        ("owner@gatehouse.test", ""),
    ],
)
def test_a_refusal_does_not_say_whether_the_account_exists(owner, browser, email, password):
    answer = browser().post("/admin/login/", {"username": email, "password": password or "x"})

    assert answer.status_code == 200
    assert "This e-mail and password do not match an operator" in answer.content.decode()


def test_a_disabled_operator_cannot_sign_in_and_loses_the_open_session(owner, signed_in):
    second = make_operator("second@gatehouse.test")
    client = signed_in(second)

    services.update_operator(second, {"is_active": False})

    assert client.get("/admin/").status_code == 302
    assert give_password(client, second).status_code == 200


def test_the_session_id_changes_at_sign_in(owner, browser):
    client = browser()
    client.get("/admin/login/")
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = session.session_key
    client.cookies["gatehouse_staff"] = before

    give_password(client, owner)

    assert client.cookies["gatehouse_staff"].value != before
    assert not Session.objects.filter(session_key=before).exists()


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test",
        "javascript:alert(1)",
        "http:///evil.test",
        "\thttps://evil.test",
    ],
)
def test_sign_in_never_sends_the_browser_to_another_host(owner, browser, target):
    answer = give_password(browser(), owner, next=target)

    assert answer.headers["Location"] == "/admin/"


def test_sign_in_goes_on_to_the_page_that_was_asked_for(owner, browser):
    client = browser()
    asked = client.get("/admin/events/event/?topic=user")
    answer = give_password(client, owner, next="/admin/events/event/?topic=user")

    assert asked.headers["Location"] == "/admin/login/?next=/admin/events/event/%3Ftopic%3Duser"
    assert answer.headers["Location"] == "/admin/events/event/?topic=user"


@pytest.mark.parametrize(
    "path", ["/admin/login/", "/admin/environment/", "/admin/logout/", "/admin/two-step/"]
)
def test_a_form_without_its_token_is_refused(owner, path):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    answer = client.post(path, {"username": owner.email, "password": OPERATOR_PASSWORD})

    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()


def test_guessing_at_one_account_is_stopped_and_a_stranger_shuts_out_only_himself(owner, browser):
    guesser, colleague = browser(), browser()
    for attempt in range(10):
        give_password(guesser, owner, f"guess number {attempt}")

    refused = give_password(guesser, owner)

    assert refused.status_code == 200
    assert "Too many attempts" in refused.content.decode()
    assert give_password(colleague, owner).status_code == 302


def test_guessing_ends_no_later_than_some_minutes(owner, browser, clock):
    guesser = browser()
    for attempt in range(11):
        give_password(guesser, owner, f"guess number {attempt}")

    clock.shift(timedelta(minutes=10))

    assert give_password(guesser, owner).status_code == 302


def test_trying_many_accounts_from_one_address_is_stopped(owner, browser):
    guesser = browser()
    for number in range(50):
        guesser.post("/admin/login/", {"username": f"person{number}@gatehouse.test", "password": "x"})

    assert "Too many attempts" in give_password(guesser, owner).content.decode()


# --- The second step -------------------------------------------------------------------------------------------


def test_enrolling_shows_a_picture_asks_for_a_code_and_shows_recovery_codes_once(owner, signed_in, clock):
    client = signed_in(owner)
    begun = client.post("/admin/two-step/", {"step": "begin", "password": OPERATOR_PASSWORD}).content.decode()
    secret = OperatorTOTP.objects.get(user=owner).secret

    done = client.post(
        "/admin/two-step/", {"step": "confirm", "code": code_at(secret, START)}
    ).content.decode()

    assert '<svg xmlns="http://www.w3.org/2000/svg"' in begun
    assert "style=" not in begun
    assert done.count("<li><code>") == 10
    assert "<li><code>" not in client.get("/admin/two-step/").content.decode()
    assert client.get("/admin/").status_code == 200


def test_enrolling_asks_for_the_password(owner, signed_in):
    client = signed_in(owner)

    answer = client.post("/admin/two-step/", {"step": "begin", "password": "not the password"})

    assert "This is not your password" in answer.content.decode()
    assert not OperatorTOTP.objects.exists()


def test_a_wrong_code_does_not_turn_two_step_sign_in_on(owner, signed_in, clock):
    client = signed_in(owner)
    client.post("/admin/two-step/", {"step": "begin", "password": OPERATOR_PASSWORD})

    client.post("/admin/two-step/", {"step": "confirm", "code": "000000"})

    assert services.find_authenticator(owner) is None


def test_the_secret_of_the_app_is_not_in_the_database_in_clear(enrolled):
    _owner, secret, _codes = enrolled
    stored = OperatorTOTP.objects.values_list("secret", flat=True).get()

    assert secret not in stored.ciphertext


def test_with_an_app_the_password_alone_shows_nothing(enrolled, browser):
    owner, _secret, _codes = enrolled
    client = browser()

    answer = give_password(client, owner)

    assert answer.headers["Location"] == "/admin/login/code/"
    for path in [
        "/admin/",
        "/admin/events/event/",
        "/admin/two-step/",
        "/admin/password_change/",
        "/admin/environment/",
    ]:
        assert client.get(path).headers["Location"].startswith("/admin/login/"), path
    assert "_auth_user_id" not in client.session


def test_enrolling_in_one_browser_shuts_the_door_on_the_others(owner, signed_in, clock):
    elsewhere = signed_in(owner)
    secret = services.begin_two_step_enrollment(owner).secret
    services.confirm_two_step_enrollment(owner, code_at(secret, START))

    answer = elsewhere.get("/admin/environments/apikey/")

    assert answer.headers["Location"].startswith("/admin/login/")


def test_the_code_completes_the_sign_in_and_keeps_the_way(enrolled, browser):
    owner, secret, _codes = enrolled
    client = browser()
    answer = give_password(client, owner, next="/admin/events/mail/")
    pending = client.cookies["gatehouse_staff"].value

    done = client.post("/admin/login/code/", {"code": code_at(secret, now()), "next": "/admin/events/mail/"})

    assert answer.headers["Location"] == "/admin/login/code/?next=%2Fadmin%2Fevents%2Fmail%2F"
    assert done.headers["Location"] == "/admin/events/mail/"
    assert client.cookies["gatehouse_staff"].value != pending
    assert client.get("/admin/events/mail/").status_code == 200


def test_the_second_step_never_sends_the_browser_to_another_host(enrolled, browser):
    owner, secret, _codes = enrolled
    client = browser()
    give_password(client, owner)

    answer = client.post("/admin/login/code/", {"code": code_at(secret, now()), "next": "//evil.test"})

    assert answer.headers["Location"] == "/admin/"


def test_the_second_step_cannot_be_reached_without_the_password(enrolled, browser):
    _owner, secret, _codes = enrolled

    answer = browser().post("/admin/login/code/", {"code": code_at(secret, now())})

    assert answer.headers["Location"] == "/admin/login/"


def test_a_code_works_once(enrolled, browser):
    owner, secret, _codes = enrolled
    code = code_at(secret, now())
    first, second = browser(), browser()
    for client in (first, second):
        give_password(client, owner)

    accepted = first.post("/admin/login/code/", {"code": code})
    replayed = second.post("/admin/login/code/", {"code": code})

    assert accepted.status_code == 302
    assert replayed.status_code == 200
    assert "_auth_user_id" not in second.session


def test_guessing_codes_slows_down_and_says_how_long(enrolled, browser, clock):
    owner, secret, _codes = enrolled
    client = browser()
    give_password(client, owner)
    for _ in range(4):
        client.post("/admin/login/code/", {"code": "000000"})
        clock.shift(timedelta(seconds=8))

    client.post("/admin/login/code/", {"code": "000000"})
    refused = client.post("/admin/login/code/", {"code": code_at(secret, now())})
    clock.shift(timedelta(minutes=3))
    accepted = client.post("/admin/login/code/", {"code": code_at(secret, now())})

    assert "Wait" in refused.content.decode()
    assert accepted.status_code == 302


def test_many_wrong_codes_lock_nobody_out_for_long(enrolled):
    owner, _secret, _codes = enrolled
    device = OperatorTOTP.objects.get(user=owner)
    for _ in range(40):
        device.throttle_increment()

    assert device.verify_is_allowed()[1]["locked_until"] - now() <= timedelta(seconds=128)


def test_the_first_step_is_forgotten_after_five_minutes(enrolled, browser, clock):
    owner, secret, _codes = enrolled
    client = browser()
    give_password(client, owner)
    clock.shift(timedelta(minutes=6))

    answer = client.post("/admin/login/code/", {"code": code_at(secret, now())})

    assert answer.headers["Location"] == "/admin/login/"


def test_a_new_password_ends_a_sign_in_that_is_between_its_steps(enrolled, browser):
    owner, secret, _codes = enrolled
    client = browser()
    give_password(client, owner)
    services.set_operator_password(owner, "another long password")

    answer = client.post("/admin/login/code/", {"code": code_at(secret, now())})

    assert answer.headers["Location"] == "/admin/login/"


def test_a_recovery_code_signs_in_once(enrolled, browser):
    owner, _secret, codes = enrolled
    first, second = browser(), browser()
    for client in (first, second):
        give_password(client, owner)

    accepted = first.post("/admin/login/code/", {"code": codes[0].lower()})
    again = second.post("/admin/login/code/", {"code": codes[0]})

    assert accepted.status_code == 302
    assert first.get("/admin/").status_code == 200
    assert again.status_code == 200
    assert OperatorRecoveryCode.objects.filter(used_at__isnull=False).count() == 1
    assert codes[0].replace("-", "") not in str(list(OperatorRecoveryCode.objects.values()))


def test_turning_two_step_sign_in_off_asks_for_the_password(enrolled, browser):
    owner, secret, _codes = enrolled
    client = browser()
    give_password(client, owner)
    client.post("/admin/login/code/", {"code": code_at(secret, now())})

    client.post("/admin/two-step/", {"step": "remove", "password": "wrong"})
    still_on = services.find_authenticator(owner) is not None
    client.post("/admin/two-step/", {"step": "remove", "password": OPERATOR_PASSWORD})

    assert still_on
    assert services.find_authenticator(owner) is None
    assert not OperatorRecoveryCode.objects.exists()


def test_an_owner_resets_the_second_factor_of_a_colleague(owners_browser, viewer, clock):
    secret = services.begin_two_step_enrollment(viewer).secret
    services.confirm_two_step_enrollment(viewer, code_at(secret, START))

    answer = owners_browser.post(f"/admin/environments/operator/{viewer.pk}/tool/reset-two-step/")

    assert answer.status_code == 302
    assert services.find_authenticator(viewer) is None


def test_nobody_but_an_owner_resets_a_second_factor(admin, owner, signed_in, clock):
    secret = services.begin_two_step_enrollment(owner).secret
    services.confirm_two_step_enrollment(owner, code_at(secret, START))

    answer = signed_in(admin).post(f"/admin/environments/operator/{owner.pk}/tool/reset-two-step/")

    assert answer.status_code in {403, 404}
    assert services.find_authenticator(owner) is not None


def test_a_password_change_ends_the_other_sessions(owner, signed_in):
    here, elsewhere = signed_in(owner), signed_in(owner)

    here.post(
        "/admin/password_change/",
        {
            "old_password": OPERATOR_PASSWORD,
            "new_password1": "a brand new long password",
            "new_password2": "a brand new long password",
        },
    )

    assert here.get("/admin/").status_code == 200
    assert elsewhere.get("/admin/").status_code == 302


def test_signing_out_ends_the_session(owners_browser):
    before = owners_browser.cookies["gatehouse_staff"].value

    answer = owners_browser.post("/admin/logout/")

    assert answer.headers["Location"] == "/admin/login/"
    assert not Session.objects.filter(session_key=before).exists()
    assert owners_browser.get("/admin/").status_code == 302
