from datetime import timedelta

import pytest
import time_machine

from accounts import services as accounts
from accounts.models import EmailVerification
from authentication.engine import Completed, Required, Situation, Step, advance
from authentication.models import AuthenticationMethod, Session, SignInAttempt
from environments.models import AuthenticationSettings
from environments.services import update_authentication_settings
from events.models import Mail
from foundation import clock
from tests.api_client import ApiClient
from tests.authenticator import code_of, wrong_code
from tests.factories.accounts import PASSWORD, make_sms_factor, make_totp_factor, make_user
from tests.factories.organizations import make_membership, make_organization

GRANT = "urn:workos:oauth:grant-type:mfa-totp"


@pytest.fixture
def factor(user):
    return make_totp_factor(user)


@pytest.fixture
def pending(client, factor):
    return client.password("ada@example.com").json()["pending_authentication_token"]


def set_policy(environment, policy):
    update_authentication_settings(environment=environment, changes={"mfa_policy": policy})


def sessions(client):
    return Session.objects.in_environment(client.environment)


def test_a_user_with_a_factor_is_asked_for_it(client, user, factor, emitted):
    answer = client.password("ada@example.com")

    assert answer.status_code == 403
    body = answer.json()
    assert body["code"] == "mfa_challenge"
    assert body["message"] == "The user must complete an MFA challenge to finish authenticating."
    assert body["authentication_factors"] == [{"id": factor.id, "type": "totp"}]
    assert body["user"]["id"] == user.id
    assert "metadata" not in body["user"]
    assert len(body["pending_authentication_token"]) == 25
    assert factor.totp_secret not in answer.content.decode()
    assert emitted()[-1] == "authentication.password_succeeded"
    assert not sessions(client).exists()


def test_the_code_of_the_app_signs_in(client, factor, pending, emitted, last_event):
    user = factor.user
    challenge_id = client.challenge(factor.id)

    answer = client.second_factor(
        pending, challenge_id, code_of(factor.totp_secret), ip_address="192.0.2.1", user_agent="Firefox"
    )

    assert answer.status_code == 200
    assert answer.json()["user"]["id"] == user.id
    # The method that began the sign-in, not its last step.
    assert answer.json()["authentication_method"] == "Password"
    assert client.claims(answer.json()["access_token"])["sub"] == user.id
    assert emitted()[-2:] == ["authentication.mfa_succeeded", "session.created"]
    assert last_event("authentication.mfa_succeeded")["data"] == {
        "type": "mfa",
        "status": "succeeded",
        "ip_address": "192.0.2.1",
        "user_agent": "Firefox",
        "user_id": user.id,
        "email": "ada@example.com",
    }
    assert sessions(client).get().mfa_verified_at is not None


def test_the_challenge_may_be_spelled_as_in_the_reference(client, factor, pending):
    answer = client.authenticate(
        GRANT,
        code=code_of(factor.totp_secret),
        pending_authentication_token=pending,
        authenticationChallengeId=client.challenge(factor.id),
    )

    assert answer.status_code == 200


def test_a_request_without_a_challenge_is_a_field_error(client, pending):
    answer = client.authenticate(GRANT, code="123456", pending_authentication_token=pending)

    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == [
        "authentication_challenge_id_string_required"
    ]


def test_a_public_client_cannot_answer_a_challenge(client, public_client, factor, pending):
    answer = public_client.second_factor(pending, client.challenge(factor.id), code_of(factor.totp_secret))

    assert answer.json()["error"] == "invalid_client"
    assert not sessions(client).exists()


def test_a_wrong_code_is_refused_counted_and_told(client, user, factor, pending, last_event):
    challenge_id = client.challenge(factor.id)

    answer = client.second_factor(pending, challenge_id, wrong_code(factor.totp_secret))

    assert answer.status_code == 400
    assert answer.json() == {"code": "invalid_one_time_code", "message": "The code is incorrect."}
    failed = last_event("authentication.mfa_failed")["data"]
    assert (failed["user_id"], failed["error"]["code"]) == (user.id, "invalid_one_time_code")
    assert SignInAttempt.objects.in_environment(client.environment).get().failures == 1
    assert client.second_factor(pending, challenge_id, code_of(factor.totp_secret)).status_code == 200


def test_after_five_wrong_codes_the_right_one_opens_nothing(client, factor, pending):
    challenge_id = client.challenge(factor.id)
    for _ in range(5):
        client.second_factor(pending, challenge_id, wrong_code(factor.totp_secret))

    answer = client.second_factor(pending, challenge_id, code_of(factor.totp_secret))

    assert answer.status_code == 400
    assert answer.json()["code"] == "one_time_code_too_many_attempts"
    assert not sessions(client).exists()


def test_new_sign_ins_and_new_challenges_buy_no_more_guesses(client, factor, settings):
    other = make_totp_factor(factor.user)
    for round_ in range(4):
        token = client.password("ada@example.com").json()["pending_authentication_token"]
        guessed = (factor, other)[round_ % 2]
        challenge_id = client.challenge(guessed.id)
        for _ in range(5):
            client.second_factor(token, challenge_id, wrong_code(guessed.totp_secret))
    token = client.password("ada@example.com").json()["pending_authentication_token"]

    answer = client.second_factor(token, client.challenge(factor.id), code_of(factor.totp_secret))

    assert answer.status_code == 429
    assert answer.json()["error"] == "too_many_requests"
    assert int(answer.headers["Retry-After"]) > 0
    assert not sessions(client).exists()


def test_ten_refused_answers_end_the_pending_sign_in(client, factor, pending, settings):
    settings.RATE_LIMITS_ENABLED = False
    for _ in range(2):
        challenge_id = client.challenge(factor.id)
        for _ in range(5):
            client.second_factor(pending, challenge_id, wrong_code(factor.totp_secret))

    answer = client.second_factor(pending, client.challenge(factor.id), code_of(factor.totp_secret))

    assert answer.json()["code"] == "invalid_pending_authentication_token"


def test_a_code_is_of_no_use_for_a_second_sign_in(client, factor):
    with time_machine.travel(clock.now(), tick=False):
        code = code_of(factor.totp_secret)
        tokens = [client.password("ada@example.com").json()["pending_authentication_token"] for _ in range(2)]
        assert client.second_factor(tokens[0], client.challenge(factor.id), code).status_code == 200

        replayed = client.second_factor(tokens[1], client.challenge(factor.id), code)

    assert replayed.json()["code"] == "invalid_one_time_code"
    assert sessions(client).count() == 1


def test_an_answered_challenge_and_an_expired_one_open_nothing(client, factor, pending):
    challenge_id = client.challenge(factor.id)
    ApiClient(client.client_secret).post(
        f"/auth/challenges/{challenge_id}/verify", {"code": code_of(factor.totp_secret)}
    )
    answered = client.second_factor(pending, challenge_id, code_of(factor.totp_secret, steps_ahead=1))
    assert answered.json()["code"] == "one_time_code_previously_used"

    early = client.challenge(factor.id)
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        token = client.password("ada@example.com").json()["pending_authentication_token"]
        late = client.second_factor(token, early, code_of(factor.totp_secret))
    assert late.json()["code"] == "one_time_code_expired"


def test_another_users_challenge_opens_nothing(client, factor, pending, last_event):
    mallory = make_totp_factor(make_user(client.environment, email="mallory@example.com"))
    challenge_id = client.challenge(mallory.id)

    answer = client.second_factor(pending, challenge_id, code_of(mallory.totp_secret))

    assert answer.status_code == 400
    assert answer.json()["code"] == "user_mismatch"
    assert not sessions(client).exists()
    assert last_event("authentication.mfa_failed")["data"]["error"]["code"] == "user_mismatch"
    assert SignInAttempt.objects.in_environment(client.environment).get().failures == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "totp", "totp_issuer": "Foo", "totp_user": "ada"},
        {"type": "generic_otp"},
    ],
)
def test_a_factor_of_nobody_opens_nothing(client, factor, pending, fields):
    api = ApiClient(client.client_secret)
    nobodys = api.post("/auth/factors/enroll", fields).json()
    challenge = api.post(f"/auth/factors/{nobodys['id']}/challenge").json()
    code = challenge.get("code") or code_of(nobodys["totp"]["secret"])

    assert client.second_factor(pending, challenge["id"], code).json()["code"] == "user_mismatch"


def test_another_environments_challenge_is_not_found(client, other_client, factor, pending):
    stranger = make_totp_factor(make_user(other_client.environment, email="ada@example.com"))
    challenge_id = other_client.challenge(stranger.id)

    for unknown in (challenge_id, "auth_challenge_unknown"):
        answer = client.second_factor(pending, unknown, code_of(stranger.totp_secret))
        assert answer.status_code == 404
        assert answer.json()["message"] == f"Authentication Challenge not found: '{unknown}'."
    assert not sessions(client).exists()


def test_a_pending_token_of_another_environment_opens_nothing(client, other_client, factor, pending):
    stranger = make_totp_factor(make_user(other_client.environment))

    answer = other_client.second_factor(
        pending, other_client.challenge(stranger.id), code_of(stranger.totp_secret)
    )

    assert answer.json()["code"] == "invalid_pending_authentication_token"


def test_a_pending_token_succeeds_once(client, factor, pending):
    client.second_factor(pending, client.challenge(factor.id), code_of(factor.totp_secret))

    again = client.second_factor(
        pending, client.challenge(factor.id), code_of(factor.totp_secret, steps_ahead=1)
    )

    assert again.json()["code"] == "invalid_pending_authentication_token"
    assert sessions(client).count() == 1


def test_a_code_sent_to_the_phone_signs_in(client, user):
    phone = make_sms_factor(user)
    body = client.password("ada@example.com").json()
    assert body["authentication_factors"] == [{"id": phone.id, "type": "sms"}]
    challenge_id = client.challenge(phone.id)
    text = Mail.objects.in_environment(client.environment).get(kind="sms").text

    answer = client.second_factor(
        body["pending_authentication_token"], challenge_id, text.rstrip(".").split()[-1]
    )

    assert answer.status_code == 200


def test_a_recovery_code_stands_in_for_the_factor_once(client, user):
    enrollment = accounts.enroll_totp_factor(environment=client.environment, user=user)
    factor, code = enrollment.factor, enrollment.recovery_codes[3]

    def answer():
        token = client.password("ada@example.com").json()["pending_authentication_token"]
        # As somebody types it from paper.
        return client.second_factor(token, client.challenge(factor.id), f" {code.lower().replace('-', ' ')} ")

    assert answer().status_code == 200
    assert answer().json()["code"] == "invalid_one_time_code"


def test_another_users_recovery_code_and_a_replaced_one_open_nothing(client, user, factor, pending):
    others = accounts.enroll_totp_factor(
        environment=client.environment, user=make_user(client.environment)
    ).recovery_codes
    former = accounts.regenerate_recovery_codes(user=user)
    accounts.regenerate_recovery_codes(user=user)

    for code in (others[0], former[0]):
        answer = client.second_factor(pending, client.challenge(factor.id), code)
        assert answer.json()["code"] == "invalid_one_time_code"


def test_guessed_recovery_codes_count_like_any_guess(client, factor, pending):
    challenge_id = client.challenge(factor.id)
    for number in range(5):
        client.second_factor(pending, challenge_id, f"AAAAA-AAAA{number + 2}")

    answer = client.second_factor(pending, challenge_id, code_of(factor.totp_secret))

    assert answer.json()["code"] == "one_time_code_too_many_attempts"


# --- the policy -----------------------------------------------------------------------------------------------


def test_a_new_environment_asks_users_who_enrolled_a_factor(client, user):
    settings = AuthenticationSettings.objects.in_environment(client.environment).get()

    assert settings.mfa_policy == "optional"
    assert client.password("ada@example.com").status_code == 200


def test_an_environment_without_mfa_asks_nobody(client, factor):
    set_policy(client.environment, "off")

    assert client.password("ada@example.com").status_code == 200


def test_where_mfa_is_required_a_user_enrolls_and_signs_in_with_the_same_token(client, user):
    set_policy(client.environment, "required")

    asked = client.password("ada@example.com")

    assert asked.status_code == 403
    body = asked.json()
    assert body["code"] == "mfa_enrollment"
    assert body["message"] == "The user must enroll in MFA to finish authenticating."
    assert body["user"]["id"] == user.id
    enrolled = ApiClient(client.client_secret).post(
        f"/user_management/users/{user.id}/auth_factors", {"type": "totp"}
    )
    factor = enrolled.json()["authentication_factor"]

    answer = client.second_factor(
        body["pending_authentication_token"],
        enrolled.json()["authentication_challenge"]["id"],
        code_of(factor["totp"]["secret"]),
    )

    assert answer.status_code == 200
    assert client.password("ada@example.com").json()["code"] == "mfa_challenge"


def test_a_factor_whose_codes_the_product_delivers_is_none_for_signing_in(client, user):
    accounts.enroll_generic_otp_factor(environment=client.environment, user=user)
    assert client.password("ada@example.com").status_code == 200

    set_policy(client.environment, "required")
    assert client.password("ada@example.com").json()["code"] == "mfa_enrollment"


def test_a_company_that_signs_its_people_in_is_left_to_ask_them_itself(environment, user, factor):
    set_policy(environment, "required")
    settings = AuthenticationSettings.objects.in_environment(environment).get()

    def outcome(method):
        attempt = SignInAttempt(environment=environment, user=user, authentication_method=method)
        return advance(Situation(attempt, settings))

    assert outcome(AuthenticationMethod.SSO) == Completed(None)
    assert outcome(AuthenticationMethod.PASSWORD) == Required(Step.MFA_CHALLENGE)


# --- the order of the steps, and the ways around them ---------------------------------------------------------


def test_the_second_factor_comes_after_mailbox_and_organization(client):
    grace = make_user(client.environment, email="grace@example.com", password=PASSWORD)
    factor = make_totp_factor(grace)
    chosen = make_organization(client.environment)
    for organization in (chosen, make_organization(client.environment, name="Bar Inc")):
        make_membership(organization, grace)

    first = client.password("grace@example.com").json()
    assert first["code"] == "email_verification_required"
    token = first["pending_authentication_token"]
    code = EmailVerification.objects.in_environment(client.environment).get().code
    assert client.verify_email(token, code).json()["code"] == "organization_selection_required"
    assert client.select(token, chosen.id).json()["code"] == "mfa_challenge"
    done = client.second_factor(token, client.challenge(factor.id), code_of(factor.totp_secret))

    assert done.status_code == 200
    assert done.json()["organization_id"] == chosen.id


def test_a_second_factor_that_comes_early_is_remembered_and_skips_nothing(client):
    grace = make_user(client.environment, email="grace@example.com", password=PASSWORD)
    factor = make_totp_factor(grace)
    token = client.password("grace@example.com").json()["pending_authentication_token"]

    early = client.second_factor(token, client.challenge(factor.id), code_of(factor.totp_secret))
    assert early.json()["code"] == "email_verification_required"
    assert early.json()["pending_authentication_token"] == token
    code = EmailVerification.objects.in_environment(client.environment).latest("id").code
    assert client.verify_email(token, code).status_code == 200


def test_verifying_a_challenge_by_the_products_api_does_not_complete_a_sign_in(client, user, factor):
    organization = make_organization(client.environment)
    make_membership(organization, user)
    token = client.password("ada@example.com").json()["pending_authentication_token"]
    ApiClient(client.client_secret).post(
        f"/auth/challenges/{client.challenge(factor.id)}/verify", {"code": code_of(factor.totp_secret)}
    )

    assert client.select(token, organization.id).json()["code"] == "mfa_challenge"


def test_choosing_an_organization_is_no_way_around(client, user, factor):
    organizations = [make_organization(client.environment, name=name) for name in ("Foo", "Bar")]
    for organization in organizations:
        make_membership(organization, user)
    asked = client.password("ada@example.com").json()
    assert asked["code"] == "organization_selection_required"

    answer = client.select(asked["pending_authentication_token"], organizations[0].id)

    assert answer.json()["code"] == "mfa_challenge"
    assert not sessions(client).exists()


def test_proving_the_mailbox_is_no_way_around(client):
    grace = make_user(client.environment, email="grace@example.com", password=PASSWORD)
    make_totp_factor(grace)
    token = client.password("grace@example.com").json()["pending_authentication_token"]
    code = EmailVerification.objects.in_environment(client.environment).latest("id").code

    assert client.verify_email(token, code).json()["code"] == "mfa_challenge"
    assert not sessions(client).exists()


@pytest.fixture
def two_organizations(client, user):
    rows = [make_organization(client.environment, name=name) for name in ("Foo Corp", "Bar Inc")]
    for row in rows:
        make_membership(row, user)
    return rows


@pytest.fixture
def signed_in_before(client, two_organizations):
    token = client.password("ada@example.com").json()["pending_authentication_token"]
    return client.select(token, two_organizations[0].id).json()


def test_switching_organizations_is_no_way_around(client, user, two_organizations, signed_in_before):
    factor = make_totp_factor(user)
    refresh_token = signed_in_before["refresh_token"]

    switched = client.refresh(refresh_token, organization_id=two_organizations[1].id)

    assert switched.status_code == 403
    assert switched.json()["code"] == "mfa_challenge"
    assert switched.json()["authentication_factors"] == [{"id": factor.id, "type": "totp"}]
    # The token is unspent, and the session stays where it was.
    refreshed = client.refresh(refresh_token)
    assert refreshed.status_code == 200
    assert refreshed.json()["organization_id"] == two_organizations[0].id
    done = client.second_factor(
        switched.json()["pending_authentication_token"],
        client.challenge(factor.id),
        code_of(factor.totp_secret),
    )
    assert done.json()["organization_id"] == two_organizations[1].id


def test_a_switch_where_mfa_became_required_asks_to_enroll(client, two_organizations, signed_in_before):
    set_policy(client.environment, "required")

    switched = client.refresh(signed_in_before["refresh_token"], organization_id=two_organizations[1].id)

    assert switched.status_code == 403
    assert switched.json()["code"] == "mfa_enrollment"


def test_a_session_that_proved_a_second_factor_switches_freely(client, factor, two_organizations):
    token = client.password("ada@example.com").json()["pending_authentication_token"]
    client.select(token, two_organizations[0].id)
    done = client.second_factor(token, client.challenge(factor.id), code_of(factor.totp_secret)).json()

    switched = client.refresh(done["refresh_token"], organization_id=two_organizations[1].id)

    assert switched.status_code == 200
    assert switched.json()["organization_id"] == two_organizations[1].id


def test_a_public_client_is_asked_at_a_switch_too(
    client, public_client, user, two_organizations, signed_in_before
):
    make_totp_factor(user)

    switched = public_client.refresh(
        signed_in_before["refresh_token"], organization_id=two_organizations[1].id
    )

    assert switched.json()["code"] == "mfa_challenge"
    assert sessions(client).count() == 1


def test_a_replayed_refresh_token_still_ends_the_session_at_a_switch(
    client, user, two_organizations, signed_in_before
):
    make_totp_factor(user)
    token = signed_in_before["refresh_token"]
    client.refresh(token)

    with time_machine.travel(clock.now() + timedelta(seconds=11)):
        answer = client.refresh(token, organization_id=two_organizations[1].id)

    assert answer.json()["error"] == "invalid_grant"
    assert sessions(client).get().ended_at is not None


def test_a_removed_factor_is_not_asked_for_any_more(client, factor, pending):
    ApiClient(client.client_secret).delete(f"/auth/factors/{factor.id}")

    assert client.password("ada@example.com").status_code == 200


def test_no_secret_and_no_code_is_in_the_events(client, user):
    enrollment = accounts.enroll_totp_factor(environment=client.environment, user=user)
    secret, recovery_code = enrollment.factor.totp_secret, enrollment.recovery_codes[0]
    for code in (wrong_code(secret), code_of(secret), recovery_code):
        token = client.password("ada@example.com").json()["pending_authentication_token"]
        client.second_factor(token, client.challenge(enrollment.factor.id), code)

    listed = ApiClient(client.client_secret).get("/events", {"limit": 100}).content.decode()
    for word in (secret, recovery_code, code_of(secret), wrong_code(secret)):
        assert f'"{word}"' not in listed
        assert f" {word}" not in listed
