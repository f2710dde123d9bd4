from datetime import timedelta

import pytest
import time_machine

from accounts.models import MagicAuth, User
from accounts.services import purge_mailbox_proofs, update_user
from authentication import services
from authentication.errors import AuthenticationMethodNotAllowed
from authentication.models import Session
from environments.services import update_authentication_settings
from events.models import Mail
from foundation import clock
from foundation.actors import SYSTEM
from organizations.models import Invitation, MembershipStatus, OrganizationMembership
from organizations.services import send_invitation
from tests.authentication.conftest import GRANT
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.organizations import make_membership, make_organization

PATH = "/user_management/magic_auth"
EMAIL = "ada@example.com"


def ask(api, email=EMAIL, **fields):
    answer = api.post(PATH, {"email": email, **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def redeem(client, code, email=EMAIL, **fields):
    return client.authenticate(GRANT + "magic-auth:code", code=code, email=email, **fields)


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def settings_of(environment, **changes):
    update_authentication_settings(environment=environment, changes=changes)


def mails(environment):
    return list(Mail.objects.in_environment(environment).order_by("id"))


def test_a_code_is_made_shown_and_mailed(api, environment, user, emitted, last_event):
    body = ask(api)

    row = MagicAuth.objects.in_environment(environment).get()
    assert body == {
        "object": "magic_auth",
        "id": row.id,
        "user_id": user.id,
        "email": EMAIL,
        "expires_at": clock.iso(row.expires_at),
        "code": row.code,
        "created_at": clock.iso(row.created_at),
        "updated_at": clock.iso(row.updated_at),
    }
    assert row.id.startswith("magic_auth_")
    assert len(body["code"]) == 6
    assert body["code"].isdigit()
    assert row.expires_at - row.created_at == timedelta(minutes=10)
    assert emitted()[-1] == "magic_auth.created"
    data = last_event("magic_auth.created")["data"]
    assert data == {name: value for name, value in body.items() if name != "code"}
    (mail,) = mails(environment)
    assert (mail.recipient, mail.kind) == (EMAIL, "magic_auth")
    assert body["code"] in mail.text
    assert body["code"] in mail.html
    assert "http" not in mail.text


def test_a_code_is_shown_to_its_environment_alone(api, other_api, user):
    body = ask(api)

    assert api.get(f"{PATH}/{body['id']}").json() == body
    refused = other_api.get(f"{PATH}/{body['id']}")
    assert refused.status_code == 404
    assert refused.json()["message"] == f"MagicAuth not found: '{body['id']}'."


def test_a_code_signs_in_once(api, client, user, emitted):
    code = ask(api)["code"]

    answer = redeem(client, code, ip_address="192.0.2.1", user_agent="Mozilla/5.0")

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["user"]["id"] == user.id
    assert body["authentication_method"] == "MagicAuth"
    assert client.claims(body["access_token"])["sub"] == user.id
    sessions = api.get(f"/user_management/users/{user.id}/sessions").json()["data"]
    assert sessions[0]["auth_method"] == "magic_code"
    assert emitted()[-2:] == ["authentication.magic_auth_succeeded", "session.created"]

    again = redeem(client, code)
    assert (again.status_code, again.json()["code"]) == (400, "one_time_code_previously_used")
    assert Session.objects.in_environment(client.environment).count() == 1


def test_spaces_in_a_code_do_not_count(api, client, user):
    code = ask(api)["code"]

    assert redeem(client, f" {code[:3]} {code[3:]} ").status_code == 200


def test_an_address_is_found_in_whatever_case(api, client, user):
    code = ask(api, email="Ada@Example.COM")["code"]

    assert redeem(client, code, email=" ADA@example.com ").status_code == 200


def test_signing_in_proves_the_mailbox_and_tells_of_it_once(api, client, environment, emitted):
    make_user(environment, email="grace@example.com", password=PASSWORD)

    first = redeem(client, ask(api, "grace@example.com")["code"], email="grace@example.com")
    assert first.json()["user"]["email_verified"] is True
    assert emitted()[-3:] == ["user.updated", "authentication.magic_auth_succeeded", "session.created"]

    redeem(client, ask(api, "grace@example.com")["code"], email="grace@example.com")
    assert emitted().count("user.updated") == 1


def test_somebody_new_signs_up_by_a_code(api, client, environment, emitted):
    body = ask(api, "new@example.com")

    user = User.objects.in_environment(environment).get(email="new@example.com")
    assert body["user_id"] == user.id
    assert user.email_verified is False
    assert emitted() == ["user.created", "magic_auth.created"]

    answer = redeem(client, body["code"], email="new@example.com")

    assert answer.json()["user"]["email_verified"] is True


def test_where_sign_up_is_closed_nobody_new_is_made(api, environment, user):
    settings_of(environment, sign_up_enabled=False)

    answer = api.post(PATH, {"email": "new@example.com"})

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "sign_up_not_allowed",
        "error_description": "Sign-up is not allowed.",
    }
    assert User.objects.in_environment(environment).count() == 1
    assert mails(environment) == []
    assert ask(api)["user_id"] == user.id


def test_where_codes_are_not_taken_none_is_made_and_none_signs_in(api, client, environment, user):
    code = ask(api)["code"]
    settings_of(environment, magic_auth_enabled=False)

    for answer in (api.post(PATH, {"email": EMAIL}), redeem(client, code)):
        assert answer.status_code == 400
        assert answer.json()["error"] == "authentication_method_not_allowed"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "email_string_required"),
        ({"email": 1}, "email_string_required"),
        ({"email": "x"}, "email_invalid"),
    ],
)
def test_an_address_must_be_one(api, body, code):
    answer = api.post(PATH, body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == code


def test_the_older_form_mails_the_code_and_shows_nothing(api, client, environment, user):
    answer = api.post(f"{PATH}/send", {"email": EMAIL})

    assert (answer.status_code, answer.content) == (200, b"")
    assert "Content-Type" not in answer.headers
    assert mails(environment)[0].kind == "magic_auth"
    assert redeem(client, MagicAuth.objects.in_environment(environment).get().code).status_code == 200


def test_a_new_code_replaces_the_old_one(api, client, user):
    old = ask(api)["code"]
    new = ask(api)["code"]
    if old == new:
        new = ask(api)["code"]

    assert redeem(client, old).json()["code"] == "invalid_one_time_code"
    assert redeem(client, new).status_code == 200


def test_a_code_lives_ten_minutes(api, client, user):
    code = ask(api)["code"]
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=1)):
        answer = redeem(client, code)

    assert (answer.status_code, answer.json()["code"]) == (400, "one_time_code_expired")


def test_five_wrong_tries_lock_a_code(api, client, user, last_event):
    code = ask(api)["code"]
    for _ in range(5):
        answer = redeem(client, wrong(code))
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_one_time_code")

    assert redeem(client, code).json()["code"] == "one_time_code_too_many_attempts"
    failed = last_event("authentication.magic_auth_failed")["data"]
    assert (failed["user_id"], failed["email"]) == (user.id, EMAIL)
    assert failed["error"]["code"] == "one_time_code_too_many_attempts"
    assert redeem(client, ask(api)["code"]).status_code == 200


def test_new_codes_do_not_buy_guesses_without_end(api, client, user, settings):
    # Limits in process follow the frozen clock; Redis has a clock of its own.
    settings.REDIS_URL = ""
    refused = 0
    with time_machine.travel(clock.now(), tick=False) as time:
        for _ in range(8):
            time.shift(61)
            code = ask(api)["code"]
            refused += sum(redeem(client, wrong(code)).status_code == 429 for _ in range(5))
        assert refused > 0
        assert redeem(client, code).status_code == 429


def test_guesses_are_limited_by_the_minute_however_the_address_is_written(client, user):
    spellings = ["ada@example.com", "ADA@example.com", "Ada@Example.com "]
    statuses = [redeem(client, "000000", email=spellings[n % 3]).status_code for n in range(11)]

    assert statuses == [400] * 10 + [429]


@pytest.mark.parametrize("email", ["nobody@example.com", "no address"])
def test_an_unknown_address_is_answered_like_a_wrong_code(client, user, email, last_event):
    known = redeem(client, "000000")
    unknown = redeem(client, "000000", email=email)

    assert unknown.status_code == known.status_code
    assert unknown.json() == known.json()
    assert last_event("authentication.magic_auth_failed")["data"]["user_id"] is None


def test_sends_are_limited_over_both_forms(api, user):
    statuses = [
        api.post(PATH, {"email": EMAIL}).status_code,
        api.post(f"{PATH}/send", {"email": " ADA@example.com"}).status_code,
        api.post(PATH, {"email": EMAIL}).status_code,
        api.post(f"{PATH}/send", {"email": EMAIL}).status_code,
    ]

    assert statuses == [201, 200, 201, 429]
    assert api.post(PATH, {"email": "grace@example.com"}).status_code == 201


def test_a_code_of_another_user_or_environment_signs_nobody_in(
    api, client, environment, other_environment, user
):
    make_user(other_environment, email=EMAIL)
    make_user(environment, email="eve@example.com")
    code = ask(api, "eve@example.com")["code"]
    ask(api)
    own = MagicAuth.objects.in_environment(environment).filter(user=user).latest("id").code
    if code != own:
        assert redeem(client, code).json()["code"] == "invalid_one_time_code"
    assert redeem(client, own).status_code == 200


def test_a_code_for_a_former_address_opens_nothing(api, client, user):
    code = ask(api)["code"]
    update_user(user=user, actor=SYSTEM, email="lovelace@example.com", email_verified=True)

    answer = redeem(client, code, email="lovelace@example.com")

    assert answer.json()["code"] == "invalid_one_time_code"


def test_an_organization_is_chosen_after_the_code(api, client, user):
    organizations = [make_organization(client.environment, name=name) for name in ("Foo", "Bar")]
    for organization in organizations:
        make_membership(organization, user)

    asked = redeem(client, ask(api)["code"])

    assert asked.json()["code"] == "organization_selection_required"
    done = client.select(asked.json()["pending_authentication_token"], organizations[0].id)
    assert done.json()["authentication_method"] == "MagicAuth"


def test_an_invitation_is_accepted_by_signing_up(api, client, environment, emitted):
    settings_of(environment, sign_up_enabled=False)
    organization = make_organization(environment)
    invitation = send_invitation(
        environment=environment, actor=SYSTEM, email="new@example.com", organization=organization
    )

    code = ask(api, "new@example.com", invitation_token=invitation.token)["code"]
    answer = redeem(client, code, email="new@example.com")

    assert answer.status_code == 200, answer.content
    assert answer.json()["organization_id"] == organization.id
    membership = OrganizationMembership.objects.in_environment(environment).get()
    assert membership.status == MembershipStatus.ACTIVE
    assert emitted()[-2:] == ["invitation.accepted", "session.created"]


def test_an_invitation_may_come_with_the_grant(api, client, environment, user):
    for name in ("Foo", "Bar"):
        make_membership(make_organization(environment, name=name), user)
    organization = make_organization(environment, name="Inviting")
    invitation = send_invitation(
        environment=environment, actor=SYSTEM, email=EMAIL, organization=organization
    )

    answer = redeem(client, ask(api)["code"], invitation_token=invitation.token)

    # The invitation says where to, so nothing is to be chosen.
    assert answer.json()["organization_id"] == organization.id
    assert client.claims(answer.json()["access_token"])["org_id"] == organization.id


def test_an_invitation_of_somebody_else_lets_nobody_in(api, client, environment, user):
    invitation = send_invitation(
        environment=environment,
        actor=SYSTEM,
        email="eve@elsewhere.example",
        organization=make_organization(environment),
    )
    code = ask(api)["code"]

    for answer in (
        api.post(PATH, {"email": "new@example.com", "invitation_token": invitation.token}),
        redeem(client, code, invitation_token=invitation.token),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"] == "invitation_cannot_be_used_for_email"
    assert not OrganizationMembership.objects.in_environment(environment).exists()
    assert not Session.objects.in_environment(environment).exists()


@pytest.mark.parametrize("token", ["unknown", "é"])
def test_an_unknown_invitation_is_refused(api, client, user, token):
    code = ask(api)["code"]

    for answer in (
        api.post(PATH, {"email": "new@example.com", "invitation_token": token}),
        redeem(client, code, invitation_token=token),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"] == "invitation_invalid"
    # The code was right and nothing was granted for it: it still opens.
    assert redeem(client, code).status_code == 200


def test_an_invitation_that_was_revoked_since_lets_nobody_in(api, client, environment):
    settings_of(environment, sign_up_enabled=False)
    invitation = send_invitation(environment=environment, actor=SYSTEM, email="new@example.com")
    code = ask(api, "new@example.com", invitation_token=invitation.token)["code"]
    assert api.post(f"/user_management/invitations/{invitation.id}/revoke").status_code == 200

    answer = redeem(client, code, email="new@example.com")

    assert answer.json()["error"] == "invitation_invalid"


def test_an_invitation_waits_through_the_steps_of_a_sign_in(client, environment):
    grace = make_user(environment, email="grace@example.com", password=PASSWORD)
    organization = make_organization(environment)
    invitation = send_invitation(
        environment=environment, actor=SYSTEM, email=grace.email, organization=organization
    )
    asked = client.password(grace.email, invitation_token=invitation.token)
    assert asked.json()["code"] == "email_verification_required"
    assert Invitation.objects.in_environment(environment).get().accepted_at is None

    code = grace.email_verifications.get().code
    done = client.verify_email(asked.json()["pending_authentication_token"], code)

    assert done.json()["organization_id"] == organization.id
    assert Invitation.objects.in_environment(environment).get().accepted_user_id == grace.id


def test_a_page_does_not_tell_who_has_an_account(environment, user):
    settings_of(environment, sign_up_enabled=False)

    for email in (EMAIL, "nobody@example.com"):
        assert services.request_magic_auth_on_page(environment=environment, email=email) is None

    assert [(mail.kind, mail.recipient) for mail in mails(environment)] == [
        ("magic_auth", EMAIL),
        ("unknown_account", "nobody@example.com"),
    ]
    assert User.objects.in_environment(environment).count() == 1


def test_a_page_refuses_where_codes_are_not_taken(environment, user):
    settings_of(environment, magic_auth_enabled=False)

    for email in (EMAIL, "nobody@example.com"):
        with pytest.raises(AuthenticationMethodNotAllowed):
            services.request_magic_auth_on_page(environment=environment, email=email)


def test_codes_are_kept_encrypted_and_purged_after_a_month(api, environment, user):
    code = ask(api)["code"]
    stored = MagicAuth.objects.in_environment(environment).values_list("code", flat=True).get()
    assert code not in str(getattr(stored, "ciphertext", stored))

    with time_machine.travel(clock.now() + timedelta(days=29)):
        assert purge_mailbox_proofs() == 0
    with time_machine.travel(clock.now() + timedelta(days=31)):
        assert purge_mailbox_proofs() == 1
