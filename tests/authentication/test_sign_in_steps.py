import pytest
import time_machine

from accounts.models import EmailVerification, User
from accounts.services import update_user
from authentication.models import Session, SignInAttempt
from environments.services import update_authentication_settings
from events.models import Mail
from foundation import clock
from foundation.actors import SYSTEM
from foundation.encryption import token_digest
from organizations.models import MembershipStatus
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.organizations import make_membership, make_organization


@pytest.fixture
def unverified(environment):
    return make_user(environment, email="grace@example.com", password=PASSWORD)


@pytest.fixture
def organizations(environment, user):
    rows = [make_organization(environment, name=name) for name in ("Foo Corp", "Bar Inc")]
    for row in rows:
        make_membership(row, user)
    return rows


def code_of(user):
    return EmailVerification.objects.in_environment(user.environment_id).filter(user=user).latest("id").code


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_an_unproven_mailbox_is_asked_for_and_its_code_signs_in(client, unverified, emitted):
    asked = client.password("grace@example.com")

    assert asked.status_code == 403
    body = asked.json()
    assert body["code"] == "email_verification_required"
    assert body["message"] == "Email ownership must be verified before authentication."
    assert body["email"] == "grace@example.com"
    assert emitted()[-2:] == ["authentication.password_succeeded", "email_verification.created"]
    verification = EmailVerification.objects.in_environment(client.environment).get()
    assert body["email_verification_id"] == verification.id
    assert Mail.objects.in_environment(client.environment).get().recipient == "grace@example.com"
    assert not Session.objects.in_environment(client.environment).exists()

    done = client.verify_email(body["pending_authentication_token"], verification.code)

    assert done.status_code == 200
    assert done.json()["user"]["email_verified"] is True
    assert done.json()["authentication_method"] == "Password"
    assert client.claims(done.json()["access_token"])["sub"] == unverified.id
    assert emitted()[-3:] == [
        "user.updated",
        "authentication.email_verification_succeeded",
        "session.created",
    ]


def test_a_pending_token_is_kept_as_a_digest_alone(client, unverified):
    token = client.password("grace@example.com").json()["pending_authentication_token"]

    assert len(token) == 25
    attempt = SignInAttempt.objects.in_environment(client.environment).get()
    assert attempt.token_digest == token_digest(token)
    assert token not in str(vars(attempt))


def test_an_environment_that_asks_for_no_verification_signs_in_at_once(client, unverified):
    update_authentication_settings(
        environment=client.environment, changes={"email_verification_required": False}
    )

    assert client.password("grace@example.com").json()["user"]["email_verified"] is False


def test_signing_in_again_at_once_sends_no_second_mail_and_later_does(client, unverified):
    first = client.password("grace@example.com").json()
    again = client.password("grace@example.com").json()
    assert again["email_verification_id"] == first["email_verification_id"]
    assert again["pending_authentication_token"] != first["pending_authentication_token"]

    with time_machine.travel(clock.now().timestamp() + 120):
        later = client.password("grace@example.com").json()

    assert later["email_verification_id"] != first["email_verification_id"]


def test_a_wrong_code_is_refused_counted_and_told(client, unverified, last_event):
    token = client.password("grace@example.com").json()["pending_authentication_token"]
    code = code_of(unverified)

    answer = client.verify_email(token, wrong(code))

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_one_time_code"
    failed = last_event("authentication.email_verification_failed")["data"]
    assert failed["user_id"] == unverified.id
    assert failed["error"]["code"] == "invalid_one_time_code"
    assert SignInAttempt.objects.in_environment(client.environment).get().failures == 1
    assert client.verify_email(token, code).status_code == 200


def test_after_five_wrong_codes_the_right_one_opens_nothing(client, unverified):
    token = client.password("grace@example.com").json()["pending_authentication_token"]
    code = code_of(unverified)
    for _ in range(5):
        assert client.verify_email(token, wrong(code)).json()["code"] == "invalid_one_time_code"

    refused = client.verify_email(token, code)

    assert refused.json()["code"] == "one_time_code_too_many_attempts"
    assert User.objects.in_environment(client.environment).get(pk=unverified.pk).email_verified is False


def test_an_expired_code_says_so(client, unverified):
    token = client.password("grace@example.com").json()["pending_authentication_token"]
    code = code_of(unverified)
    EmailVerification.objects.in_environment(client.environment).update(expires_at=clock.now())

    assert client.verify_email(token, code).json()["code"] == "one_time_code_expired"


def test_several_organizations_are_offered_and_the_chosen_one_is_signed_in_to(client, user, organizations):
    asked = client.password("ada@example.com", user_agent="Firefox")

    assert asked.status_code == 403
    body = asked.json()
    assert body["code"] == "organization_selection_required"
    assert body["organizations"] == [{"id": row.id, "name": row.name} for row in organizations]
    assert body["user"]["id"] == user.id
    assert "metadata" not in body["user"]

    done = client.select(body["pending_authentication_token"], organizations[1].id)

    assert done.status_code == 200
    assert done.json()["organization_id"] == organizations[1].id
    assert client.claims(done.json()["access_token"])["org_id"] == organizations[1].id
    assert Session.objects.in_environment(client.environment).get().user_agent == "Firefox"


def test_one_token_goes_through_all_steps_in_the_order_of_the_contract(client, unverified):
    chosen = make_organization(client.environment)
    for organization in (chosen, make_organization(client.environment, name="Bar Inc")):
        make_membership(organization, unverified)
    first = client.password("grace@example.com").json()
    token = first["pending_authentication_token"]
    assert first["code"] == "email_verification_required"

    # A choice that comes early is remembered, and is no way around the mailbox.
    early = client.select(token, chosen.id)
    assert early.json()["code"] == "email_verification_required"
    assert early.json()["pending_authentication_token"] == token
    done = client.verify_email(token, code_of(unverified))

    assert done.json()["organization_id"] == chosen.id


def test_the_second_step_comes_with_the_same_token(client, unverified):
    for name in ("Foo Corp", "Bar Inc"):
        make_membership(make_organization(client.environment, name=name), unverified)
    token = client.password("grace@example.com").json()["pending_authentication_token"]

    second = client.verify_email(token, code_of(unverified))

    assert second.status_code == 403
    assert second.json()["code"] == "organization_selection_required"
    assert second.json()["pending_authentication_token"] == token


def test_a_pending_token_succeeds_once(client, organizations):
    token = client.password("ada@example.com").json()["pending_authentication_token"]
    assert client.select(token, organizations[0].id).status_code == 200

    again = client.select(token, organizations[0].id)

    assert again.status_code == 400
    assert again.json() == {
        "code": "invalid_pending_authentication_token",
        "message": f"The pending_authentication_token '{token}' has expired or is invalid.",
    }
    assert Session.objects.in_environment(client.environment).count() == 1


def test_a_pending_token_lives_ten_minutes(client, organizations):
    token = client.password("ada@example.com").json()["pending_authentication_token"]

    with time_machine.travel(clock.now().timestamp() + 601):
        answer = client.select(token, organizations[0].id)

    assert answer.json()["code"] == "invalid_pending_authentication_token"


def test_a_pending_token_opens_nothing_in_another_environment(client, other_client, organizations):
    token = client.password("ada@example.com").json()["pending_authentication_token"]

    answer = other_client.select(token, organizations[0].id)

    assert answer.json()["code"] == "invalid_pending_authentication_token"


def test_a_new_password_makes_a_pending_sign_in_void(client, user, organizations):
    token = client.password("ada@example.com").json()["pending_authentication_token"]
    update_user(user=user, actor=SYSTEM, password="another battery staple horse 43")

    answer = client.select(token, organizations[0].id)

    assert answer.json()["code"] == "invalid_pending_authentication_token"


@pytest.mark.parametrize("which", ["no member", "unknown", "another environment's", "inactive"])
def test_only_an_offered_organization_can_be_chosen(client, other_environment, user, organizations, which):
    token = client.password("ada@example.com").json()["pending_authentication_token"]
    inactive = make_organization(client.environment, name="Former employer")
    make_membership(inactive, user, status=MembershipStatus.INACTIVE)
    chosen = {
        "no member": make_organization(client.environment, name="Strangers").id,
        "unknown": "org_unknown",
        "another environment's": make_organization(other_environment).id,
        "inactive": inactive.id,
    }[which]

    answer = client.select(token, chosen)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_organization_id"
    assert client.select(token, organizations[0].id).status_code == 200


def test_ten_refused_answers_end_a_pending_sign_in(client, organizations, settings):
    settings.RATE_LIMITS_ENABLED = False
    token = client.password("ada@example.com").json()["pending_authentication_token"]
    for _ in range(10):
        assert client.select(token, "org_unknown").json()["code"] == "invalid_organization_id"

    assert client.select(token, organizations[0].id).json()["code"] == "invalid_pending_authentication_token"


def test_answers_to_a_pending_sign_in_are_limited_by_the_minute(client, organizations):
    token = client.password("ada@example.com").json()["pending_authentication_token"]
    statuses = [client.select(token, "org_unknown").status_code for _ in range(11)]

    assert statuses == [400] * 10 + [429]


def test_a_membership_that_ends_between_two_steps_no_longer_counts(client, unverified):
    organization = make_organization(client.environment)
    membership = make_membership(organization, unverified)
    make_membership(make_organization(client.environment, name="Bar Inc"), unverified)
    token = client.password("grace@example.com").json()["pending_authentication_token"]
    client.select(token, organization.id)
    membership.delete()

    done = client.verify_email(token, code_of(unverified))

    # What was chosen is gone, so it is asked for again and not replaced by another one.
    assert done.json()["code"] == "organization_selection_required"


def test_a_code_of_another_user_does_not_verify_this_one(client, unverified):
    other = make_user(client.environment, email="eve@example.com", password=PASSWORD)
    token = client.password("grace@example.com").json()["pending_authentication_token"]
    client.password("eve@example.com")
    code = code_of(other)
    if code == code_of(unverified):
        code = wrong(code)

    assert client.verify_email(token, code).json()["code"] == "invalid_one_time_code"


def test_an_unsupported_grant_type_is_named(client):
    answer = client.authenticate("urn:example:unknown")

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "The grant type is not supported: urn:example:unknown",
    }
