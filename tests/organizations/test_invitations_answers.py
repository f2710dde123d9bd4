"""What becomes of an invitation: accepted, revoked, sent again, expired."""

import json
import logging
from datetime import timedelta

import pytest

from accounts import services as accounts
from accounts.models import User
from authorization import services as authorization
from events.models import Event
from foundation import clock
from foundation.actors import SYSTEM
from foundation.errors import NotFound
from organizations import services
from organizations.errors import (
    InvalidInvite,
    InvitationCannotBeUsedForEmail,
    InvitationInvalid,
    InviteNotPending,
)
from organizations.models import Invitation, OrganizationMembership
from tests.factories.accounts import make_user
from tests.factories.authorization import make_role
from tests.factories.organizations import make_invitation, make_membership, make_organization

PATH = "/user_management/invitations"
EMAIL = "marcelina.davis@foo-corp.com"


@pytest.fixture
def organization(environment):
    return make_organization(environment)


@pytest.fixture
def later(time_machine):
    """Return a call that lets a week pass, after which an ordinary invitation has expired."""
    return lambda: time_machine.move_to(clock.now() + timedelta(days=7))


@pytest.fixture
def end(api, later):
    """Return a call that ends the invitation at a path: by ``accept``, by ``revoke``, or by ``time``."""
    return lambda path, by: later() if by == "time" else api.post(f"{path}/{by}")


def refusal(answer, status=400):
    assert answer.status_code == status, answer.content
    return answer.json()["code"]


def accept(invitation, user):
    return services.accept_invitation(invitation=invitation, user=user, actor=SYSTEM)


def membership_of(user):
    return OrganizationMembership.objects.in_environment(user.environment).filter(user=user).first()


# --- accepting over HTTP ----------------------------------------------------------------------------------


def test_accepting_activates_the_pending_membership(api, environment, organization, emitted, last_event):
    user = make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, organization, role_slug="admin")
    before = len(emitted())

    body = api.post(f"{PATH}/{invitation.id}/accept").json()

    assert body["state"] == "accepted"
    assert body["accepted_at"] is not None
    assert body["accepted_user_id"] == user.id
    assert body["role_slug"] == "admin"
    assert body["token"] == invitation.token
    membership = membership_of(user)
    assert (membership.id, membership.status) == (invitation.membership_id, "active")
    assert emitted()[before:] == ["organization_membership.updated", "invitation.accepted"]
    updated = last_event("organization_membership.updated")
    assert updated["context"]["previous_attributes"] == {"status": "pending"}
    accepted = last_event("invitation.accepted")["data"]
    assert accepted == {
        key: value for key, value in body.items() if key not in {"token", "accept_invitation_url"}
    }
    assert api.get(f"{PATH}/{invitation.id}").json() == body


def test_accepting_creates_a_user_and_a_membership_where_there_are_none(
    api, environment, organization, emitted
):
    invitation = make_invitation(environment, EMAIL, organization, role_slug="admin")
    before = len(emitted())

    body = api.post(f"{PATH}/{invitation.id}/accept").json()

    user = User.objects.in_environment(environment).get()
    assert body["accepted_user_id"] == user.id
    assert user.email == EMAIL
    assert user.email_verified is False
    membership = membership_of(user)
    assert membership.status == "active"
    assert [role.slug for role in membership.roles_by_priority()] == ["admin"]
    assert emitted()[before:] == [
        "user.created",
        "organization_membership.created",
        "invitation.accepted",
    ]


def test_an_invitation_to_the_product_alone_brings_no_membership(api, environment):
    invitation = make_invitation(environment, EMAIL)
    body = api.post(f"{PATH}/{invitation.id}/accept").json()
    assert (body["state"], body["organization_id"], body["role_slug"]) == ("accepted", None, None)
    assert not OrganizationMembership.objects.in_environment(environment).exists()


@pytest.mark.parametrize("verb", ["accept", "revoke"])
@pytest.mark.parametrize("by", ["accept", "revoke", "time"])
def test_an_invitation_that_is_not_pending_is_neither_accepted_nor_revoked(api, organization, end, verb, by):
    environment = organization.environment
    make_user(environment, email=EMAIL)
    path = f"{PATH}/{make_invitation(environment, EMAIL, organization).id}"
    end(path, by)
    seen, before = api.get(path).json(), Event.objects.in_environment(environment).count()

    answer = api.post(f"{path}/{verb}")

    assert refusal(answer) == "invite_not_pending"
    assert answer.json()["message"] == "Invite is not pending."
    assert Event.objects.in_environment(environment).count() == before
    assert api.get(path).json() == seen


def test_an_expired_invitation_creates_no_user(api, environment, later):
    invitation = make_invitation(environment, EMAIL)
    later()
    api.post(f"{PATH}/{invitation.id}/accept")
    assert not User.objects.in_environment(environment).exists()


# --- who may accept ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("invited", "accepting", "allowed"),
    [
        ("ada@foo-corp.com", "ada@foo-corp.com", True),
        ("ada@foo-corp.com", "bob@foo-corp.com", True),
        ("ada@foo-corp.com", "ada@bar-corp.com", False),
        ("ada@foo-corp.com", "ada@mail.foo-corp.com", False),
        ("ada@mail.foo-corp.com", "ada@foo-corp.com", False),
        ("ada@foo-corp.com", "ada@evilfoo-corp.com", False),
        ("ada@foo-corp.com", "ada@foo-corp.com.evil.example", False),
        ("ada@gmail.com", "ada@gmail.com", True),
        ("ada@gmail.com", "bob@gmail.com", False),
        ("ada@gmail.com", "a.da@gmail.com", False),
        ("ada@gmail.com", "ada+2@gmail.com", False),
        ("ada@outlook.com", "bob@outlook.com", False),
    ],
)
def test_into_an_organization_only_the_invitee_or_a_colleague_is_let(
    environment, organization, invited, accepting, allowed
):
    invitation = make_invitation(environment, invited, organization)
    user = make_user(environment, email=accepting)
    if allowed:
        services.require_invitation_for_email(invitation, user.email)
        assert accept(invitation, user).accepted_user_id == user.id
        return
    with pytest.raises(InvitationCannotBeUsedForEmail) as refused:
        services.require_invitation_for_email(invitation, user.email)
    assert refused.value.code == "invitation_cannot_be_used_for_email"
    assert invited not in str(refused.value)
    with pytest.raises(InvitationCannotBeUsedForEmail):
        accept(invitation, user)
    assert membership_of(user) is None
    invitation.refresh_from_db()
    assert invitation.state == "pending"


def test_to_the_product_alone_anybody_is_let(environment):
    invitation = make_invitation(environment, "ada@gmail.com")
    user = make_user(environment, email="bob@hotmail.com")
    assert accept(invitation, user).accepted_user_id == user.id


def test_where_a_colleague_accepts_the_invitee_is_no_longer_a_pending_member(
    environment, organization, emitted
):
    invitee = make_user(environment, email=EMAIL)
    colleague = make_user(environment, email="bob@foo-corp.com")
    invitation = make_invitation(environment, EMAIL, organization, role_slug="admin")
    before = len(emitted())

    accepted = accept(invitation, colleague)

    assert accepted.state == "accepted"
    assert membership_of(invitee) is None
    membership = membership_of(colleague)
    assert membership.status == "active"
    assert [role.slug for role in membership.roles_by_priority()] == ["admin"]
    assert emitted()[before:] == [
        "organization_membership.created",
        "organization_membership.deleted",
        "invitation.accepted",
    ]


def test_a_user_of_another_environment_cannot_accept(environment, other_environment):
    invitation = make_invitation(environment, EMAIL)
    with pytest.raises(NotFound):
        accept(invitation, make_user(other_environment, email=EMAIL))


def test_a_member_who_accepts_gains_no_further_role(environment, organization):
    member = make_user(environment, email="bob@foo-corp.com")
    make_membership(organization, member)
    invitation = make_invitation(environment, EMAIL, organization, role_slug="admin")

    assert accept(invitation, member).state == "accepted"

    assert [role.slug for role in membership_of(member).roles_by_priority()] == ["member"]


def test_a_deactivated_member_does_not_come_back_by_a_colleagues_invitation(environment, organization):
    leaver = make_user(environment, email="bob@foo-corp.com")
    membership = make_membership(organization, leaver)
    services.deactivate_membership(membership=membership, actor=SYSTEM)
    invitation = make_invitation(environment, EMAIL, organization)

    with pytest.raises(InvalidInvite) as refused:
        accept(invitation, leaver)

    assert refused.value.code == "invalid_invite"
    assert membership_of(leaver).status == "inactive"
    invitation.refresh_from_db()
    assert invitation.state == "pending"


def test_a_role_that_was_deleted_meanwhile_gives_way_to_the_default_one(environment, organization):
    role = make_role(environment, "editor")
    invitation = make_invitation(environment, EMAIL, organization, role_slug="editor")
    authorization.delete_role(role=role, actor=SYSTEM)
    # Whoever makes a role of that name later decides nothing about invitations that are out.
    make_role(environment, "editor", permissions=["everything:write"])

    user = make_user(environment, email=EMAIL)
    accept(Invitation.objects.in_environment(environment).get(pk=invitation.pk), user)

    assert [role.slug for role in membership_of(user).roles_by_priority()] == ["member"]


# --- by token ---------------------------------------------------------------------------------------------


def test_a_pending_invitation_is_usable_by_its_token(environment):
    invitation = make_invitation(environment, EMAIL)
    assert services.find_usable_invitation(environment, invitation.token) == invitation


@pytest.mark.parametrize("ended_by", ["accepted", "revoked", "expired", "foreign", "unknown"])
def test_an_unusable_token_is_refused_in_the_same_words_whatever_the_reason(
    environment, other_environment, later, ended_by
):
    invitation = make_invitation(other_environment if ended_by == "foreign" else environment, EMAIL)
    token = "A" * 25 if ended_by == "unknown" else invitation.token
    if ended_by == "accepted":
        services.accept_invitation_as_invitee(invitation=invitation, actor=SYSTEM)
    elif ended_by == "revoked":
        services.revoke_invitation(invitation=invitation, actor=SYSTEM)
    elif ended_by == "expired":
        later()
    with pytest.raises(InvitationInvalid) as refused:
        services.find_usable_invitation(environment, token)
    assert refused.value.code == "invitation_invalid"
    assert str(refused.value) == InvitationInvalid.message


def test_a_token_found_before_the_invitation_was_revoked_is_of_no_use_after(environment, organization):
    user = make_user(environment, email=EMAIL)
    sent = make_invitation(environment, EMAIL, organization)
    held = services.find_usable_invitation(environment, sent.token)
    services.revoke_invitation(invitation=sent, actor=SYSTEM)
    with pytest.raises(InviteNotPending):
        accept(held, user)
    assert membership_of(user) is None


# --- revoking ---------------------------------------------------------------------------------------------


def test_revoking_takes_the_offer_and_the_pending_membership_back(
    api, environment, organization, emitted, last_event
):
    user = make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, organization, role_slug="admin")
    before = len(emitted())

    answer = api.post(f"{PATH}/{invitation.id}/revoke", form="")

    assert answer.status_code == 200
    body = answer.json()
    assert body["state"] == "revoked"
    assert body["revoked_at"] is not None
    assert body["accepted_at"] is None
    assert body["role_slug"] == "admin"
    assert membership_of(user) is None
    assert emitted()[before:] == ["invitation.revoked", "organization_membership.deleted"]
    assert last_event("invitation.revoked")["data"]["state"] == "revoked"


def test_deleting_the_pending_membership_revokes_the_invitation(api, environment, organization, emitted):
    make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, organization)
    before = len(emitted())

    api.delete(f"/user_management/organization_memberships/{invitation.membership_id}")

    assert emitted()[before:] == ["invitation.revoked", "organization_membership.deleted"]
    assert api.get(f"{PATH}/{invitation.id}").json()["state"] == "revoked"
    with pytest.raises(InvitationInvalid):
        services.find_usable_invitation(environment, invitation.token)


def test_deleting_a_membership_leaves_the_invitation_that_led_to_it(api, environment, organization):
    user = make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, organization)
    accept(invitation, user)

    api.delete(f"/user_management/organization_memberships/{membership_of(user).id}")

    body = api.get(f"{PATH}/{invitation.id}").json()
    assert (body["state"], body["accepted_user_id"], body["role_slug"]) == ("accepted", user.id, "member")


def test_an_organization_takes_its_invitations_along(api, environment, organization):
    invitation = make_invitation(environment, EMAIL, organization)
    assert api.delete(f"/organizations/{organization.id}").status_code == 202
    assert api.get(f"{PATH}/{invitation.id}").status_code == 404
    with pytest.raises(InvitationInvalid):
        services.find_usable_invitation(environment, invitation.token)


def test_a_deleted_inviter_and_a_deleted_acceptor_leave_the_invitation(api, environment):
    inviter = make_user(environment)
    invitation = make_invitation(environment, EMAIL, inviter=inviter)
    acceptor = make_user(environment, email=EMAIL)
    accept(invitation, acceptor)
    for user in (inviter, acceptor):
        accounts.remove_user(user=user, actor=SYSTEM)
    body = api.get(f"{PATH}/{invitation.id}").json()
    assert (body["state"], body["inviter_user_id"], body["accepted_user_id"]) == ("accepted", None, None)


# --- sending again ----------------------------------------------------------------------------------------


def test_sending_again_keeps_the_token_and_the_expiry(api, environment, emitted, last_event):
    sent = api.post(PATH, {"email": EMAIL}).json()

    answer = api.post(f"{PATH}/{sent['id']}/resend")

    assert answer.status_code == 200
    body = answer.json()
    assert {**body, "updated_at": ""} == {**sent, "updated_at": ""}
    assert emitted() == ["invitation.created", "invitation.resent"]
    assert last_event("invitation.resent")["data"]["state"] == "pending"


@pytest.mark.parametrize(
    ("by", "refused"),
    [
        ("accept", {"code": "invite_accepted", "message": "Invite has already been accepted."}),
        ("revoke", {"code": "invite_revoked", "message": "Invite has been revoked."}),
        ("time", {"code": "invite_expired", "message": "Invite has expired."}),
    ],
)
def test_what_is_not_pending_is_not_sent_again(api, environment, end, by, refused):
    path = f"{PATH}/{make_invitation(environment, EMAIL).id}"
    end(path, by)
    answer = api.post(f"{path}/resend")
    assert answer.status_code == 400
    assert answer.json() == refused
    assert not Event.objects.in_environment(environment).filter(name="invitation.resent").exists()


def test_a_request_repeated_under_its_idempotency_key_sends_once(api, environment, emitted):
    headers = {"Idempotency-Key": "retry-1"}
    first = api.post(PATH, {"email": EMAIL}, headers=headers)
    second = api.post(PATH, {"email": EMAIL}, headers=headers)
    assert second.status_code == 201
    assert second.json() == first.json()
    assert emitted() == ["invitation.created"]


# --- secrets ----------------------------------------------------------------------------------------------


def test_the_token_stands_in_no_event_and_in_no_log_line(api, environment, organization, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    make_user(environment, email=EMAIL)
    sent = api.post(PATH, {"email": EMAIL, "organization_id": organization.id}).json()
    path = f"{PATH}/{sent['id']}"
    api.get(f"{PATH}/by_token/{sent['token']}")
    api.post(f"{path}/resend")
    api.post(f"{path}/accept")
    api.post(f"{path}/accept")
    other = api.post(PATH, {"email": "bob@foo-corp.com"}).json()
    api.post(f"{PATH}/{other['id']}/revoke")

    events = Event.objects.in_environment(environment).filter(name__startswith="invitation.")
    assert {event.name for event in events} == {
        "invitation.created",
        "invitation.resent",
        "invitation.accepted",
        "invitation.revoked",
    }
    printed = capfd.readouterr()
    places = [
        *(json.dumps([event.data, event.context]) for event in events),
        *(json.dumps(record.__dict__, default=str) for record in caplog.records),
        printed.out,
        printed.err,
    ]
    for token in (sent["token"], other["token"]):
        assert not any(token in place for place in places)
    assert not any("accept_invitation_url" in place for place in places)


def test_an_event_of_an_invitation_is_filed_under_its_organization(environment, organization):
    make_invitation(environment, EMAIL, organization)
    event = Event.objects.in_environment(environment).get(name="invitation.created")
    assert event.organization_id == organization.id


def test_accepting_costs_a_bounded_number_of_queries(
    api, environment, organization, django_assert_max_num_queries
):
    make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, organization)
    api.get(PATH)
    with django_assert_max_num_queries(27):
        assert api.post(f"{PATH}/{invitation.id}/accept").status_code == 200
