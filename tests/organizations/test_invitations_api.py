"""Sending, reading and listing invitations over HTTP."""

import re
from datetime import timedelta

import pytest
from django.db import connection

from foundation import clock
from foundation.actors import SYSTEM
from organizations import services
from organizations.models import Invitation, OrganizationMembership
from tests.factories.accounts import make_user
from tests.factories.authorization import make_role
from tests.factories.organizations import make_invitation, make_membership, make_organization

PATH = "/user_management/invitations"
EMAIL = "marcelina.davis@foo-corp.com"
EVENT_KEYS = {
    "object",
    "id",
    "email",
    "state",
    "accepted_at",
    "revoked_at",
    "expires_at",
    "organization_id",
    "inviter_user_id",
    "accepted_user_id",
    "role_slug",
    "created_at",
    "updated_at",
}
KEYS = EVENT_KEYS | {"token", "accept_invitation_url"}


@pytest.fixture
def organization(environment):
    return make_organization(environment)


def refusal(answer, status=400):
    assert answer.status_code == status, answer.content
    return answer.json()["code"]


# --- sending ----------------------------------------------------------------------------------------------


def test_an_invitation_has_every_key_of_the_contract(api, environment, emitted, last_event):
    answer = api.post(PATH, form=f"email={EMAIL}")

    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == KEYS
    assert body["object"] == "invitation"
    assert body["id"].startswith("invitation_")
    assert (body["email"], body["state"]) == (EMAIL, "pending")
    assert re.fullmatch(r"[A-Za-z0-9]{25}", body["token"])
    assert body["accept_invitation_url"].endswith(f"?invitation_token={body['token']}")
    assert body["created_at"] == body["updated_at"]
    for key in (
        "accepted_at",
        "revoked_at",
        "organization_id",
        "inviter_user_id",
        "accepted_user_id",
        "role_slug",
    ):
        assert body[key] is None
    days = clock.parse_iso(body["expires_at"]) - clock.parse_iso(body["created_at"])
    assert days == timedelta(days=7)
    assert emitted() == ["invitation.created"]
    event = last_event("invitation.created")
    assert event["data"] == {key: body[key] for key in EVENT_KEYS}
    assert event["actor"][0] == "api_key"


def test_an_invitation_into_an_organization_names_role_inviter_and_expiry(api, environment, organization):
    inviter = make_user(environment)

    body = api.post(
        PATH,
        {
            "email": EMAIL,
            "organization_id": organization.id,
            "role_slug": "admin",
            "inviter_user_id": inviter.id,
            "expires_in_days": 30,
            "locale": "de",
        },
    ).json()

    assert body["organization_id"] == organization.id
    assert body["inviter_user_id"] == inviter.id
    assert body["role_slug"] == "admin"
    assert clock.parse_iso(body["expires_at"]) > clock.now() + timedelta(days=29)


def test_without_a_role_the_invitation_is_for_the_default_one(api, organization):
    body = api.post(PATH, {"email": EMAIL, "organization_id": organization.id}).json()
    assert body["role_slug"] == "member"


def test_an_organizations_own_role_can_be_given_and_another_organizations_cannot(
    api, environment, organization
):
    other = make_organization(environment, "Bar Corp")
    make_role(environment, "org-auditor", organization=other)
    make_role(environment, "org-editor", organization=organization)
    fields = {"email": EMAIL, "organization_id": organization.id}

    assert refusal(api.post(PATH, {**fields, "role_slug": "org-auditor"})) == "invalid_role"
    assert api.post(PATH, {**fields, "role_slug": "org-editor"}).json()["role_slug"] == "org-editor"


def test_an_invitee_who_is_a_user_gets_a_pending_membership(api, environment, organization, emitted):
    user = make_user(environment, email=EMAIL)
    before = len(emitted())

    api.post(PATH, {"email": EMAIL.upper(), "organization_id": organization.id, "role_slug": "admin"})

    (membership,) = api.get(
        "/user_management/organization_memberships", {"user_id": user.id, "statuses": "pending"}
    ).json()["data"]
    assert membership["status"] == "pending"
    assert membership["role"] == {"slug": "admin"}
    assert emitted()[before:] == ["organization_membership.created", "invitation.created"]


def test_an_invitee_who_is_no_user_yet_gets_no_membership(api, environment, organization):
    api.post(PATH, {"email": EMAIL, "organization_id": organization.id})
    assert not OrganizationMembership.objects.in_environment(environment).exists()


def test_the_role_shown_is_the_present_one_of_the_pending_membership(api, environment, organization):
    make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, organization, role_slug="admin")

    membership = OrganizationMembership.objects.in_environment(environment).get()
    services.update_membership(membership=membership, actor=SYSTEM, role_slugs=["member"])

    assert api.get(f"{PATH}/{invitation.id}").json()["role_slug"] == "member"


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (0, "expires_in_days_too_short"),
        (-1, "expires_in_days_too_short"),
        (31, "expires_in_days_too_long"),
        (10**9, "expires_in_days_too_long"),
    ],
)
def test_an_expiry_outside_one_to_thirty_days_is_refused(api, environment, days, code):
    assert refusal(api.post(PATH, {"email": EMAIL, "expires_in_days": days})) == code
    assert not Invitation.objects.in_environment(environment).exists()


@pytest.mark.parametrize("days", [1, 30, "7"])
def test_an_expiry_of_one_to_thirty_days_is_taken(api, days):
    body = api.post(PATH, {"email": EMAIL, "expires_in_days": days}).json()
    lifetime = clock.parse_iso(body["expires_at"]) - clock.parse_iso(body["created_at"])
    assert lifetime == timedelta(days=int(days))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "email_string_required"),
        ({"email": ""}, "email_string_required"),
        ({"email": 7}, "email_string_required"),
        ({"email": "nobody"}, "email_invalid"),
        ({"email": "a@b.example, c@d.example"}, "email_invalid"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "email_invalid"),
        ({"email": EMAIL, "expires_in_days": "soon"}, "expires_in_days_invalid"),
        ({"email": EMAIL, "locale": "xx"}, "locale_invalid"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_sent(api, environment, body, code):
    answer = api.post(PATH, body)

    assert refusal(answer, 422) == "invalid_request_parameters"
    assert [error["code"] for error in answer.json()["errors"]] == [code]
    assert not Invitation.objects.in_environment(environment).exists()


def test_unset_options_may_come_as_null(api):
    unset = dict.fromkeys(("organization_id", "role_slug", "expires_in_days", "inviter_user_id", "locale"))
    assert api.post(PATH, {"email": EMAIL, **unset}).status_code == 201


def test_unknown_and_foreign_organizations_and_inviters_are_not_found(api, other_environment):
    foreign_organization = make_organization(other_environment)
    foreign_user = make_user(other_environment)

    for field, entity, foreign in (
        ("organization_id", "Organization", foreign_organization.id),
        ("inviter_user_id", "User", foreign_user.id),
    ):
        for object_id in (foreign, f"{foreign[:-3]}000"):
            answer = api.post(PATH, {"email": EMAIL, field: object_id})
            assert answer.status_code == 404
            assert answer.json() == {
                "message": f"{entity} not found: '{object_id}'.",
                "code": "entity_not_found",
                "entity_id": object_id,
            }


def test_a_role_without_an_organization_is_refused(api):
    assert refusal(api.post(PATH, {"email": EMAIL, "role_slug": "admin"})) == "invalid_role"


def test_an_unknown_role_is_refused_and_leaves_nothing_behind(api, environment, organization, emitted):
    make_user(environment, email=EMAIL)
    before = emitted()
    answer = api.post(PATH, {"email": EMAIL, "organization_id": organization.id, "role_slug": "king"})
    assert refusal(answer) == "invalid_role"
    assert emitted() == before
    assert not OrganizationMembership.objects.in_environment(environment).exists()


# --- whom not to invite -----------------------------------------------------------------------------------


def test_somebody_who_has_an_account_is_not_invited_to_the_product(api, environment):
    make_user(environment, email=EMAIL)
    assert refusal(api.post(PATH, {"email": EMAIL.title()})) == "user_already_exists"


def test_nobody_is_invited_twice_to_the_product(api):
    api.post(PATH, {"email": EMAIL})
    assert refusal(api.post(PATH, {"email": EMAIL.upper()})) == "email_already_invited"


def test_nobody_is_invited_twice_into_an_organization(api, environment, organization):
    fields = {"email": EMAIL, "organization_id": organization.id}
    api.post(PATH, fields)
    assert refusal(api.post(PATH, fields)) == "email_already_invited_to_organization"

    elsewhere = make_organization(environment, "Bar Corp")
    assert api.post(PATH, {"email": EMAIL, "organization_id": elsewhere.id}).status_code == 201
    assert api.post(PATH, {"email": EMAIL}).status_code == 201


@pytest.mark.parametrize("deactivated", [False, True])
def test_a_member_is_not_invited_even_when_deactivated(api, environment, organization, deactivated):
    membership = make_membership(organization, make_user(environment, email=EMAIL))
    if deactivated:
        services.deactivate_membership(membership=membership, actor=SYSTEM)
    answer = api.post(PATH, {"email": EMAIL, "organization_id": organization.id})
    assert refusal(answer) == "user_already_organization_member"


def test_who_let_an_invitation_expire_or_had_it_revoked_can_be_invited_again(
    api, environment, organization, time_machine
):
    user = make_user(environment, email=EMAIL)
    fields = {"email": EMAIL, "organization_id": organization.id}
    first = api.post(PATH, {**fields, "expires_in_days": 1, "role_slug": "admin"}).json()
    time_machine.move_to(clock.now() + timedelta(days=1))
    assert api.get(f"{PATH}/{first['id']}").json()["state"] == "expired"

    second = api.post(PATH, fields)
    assert second.status_code == 201
    assert second.json()["role_slug"] == "member"
    # The pending membership of the first is used again, with the role that is offered now.
    assert user.memberships.count() == 1

    api.post(f"{PATH}/{second.json()['id']}/revoke")
    assert api.post(PATH, fields).status_code == 201


def test_tenants_do_not_see_each_others_invitations_when_inviting(api, other_api):
    assert api.post(PATH, {"email": EMAIL}).status_code == 201
    assert other_api.post(PATH, {"email": EMAIL}).status_code == 201


# --- reading ----------------------------------------------------------------------------------------------


def test_an_invitation_is_found_by_id_and_by_token(api):
    sent = api.post(PATH, {"email": EMAIL}).json()
    assert api.get(f"{PATH}/{sent['id']}").json() == sent
    assert api.get(f"{PATH}/by_token/{sent['token']}").json() == sent


@pytest.mark.parametrize(
    "change", [str.lower, str.upper, lambda token: token[:-1], lambda token: token + "A"]
)
def test_a_token_that_is_nearly_right_finds_nothing(api, change):
    token = api.post(PATH, {"email": EMAIL}).json()["token"]
    guess = change(token)
    answer = api.get(f"{PATH}/by_token/{guess}")
    assert answer.status_code == 404
    assert answer.json() == {
        "message": f"Invitation not found: '{guess}'.",
        "code": "entity_not_found",
        "entity_id": guess,
    }


@pytest.mark.parametrize("guess", ["%00", "%20", "'%20or%20''='", "a" * 5000, "%F0%9F%94%91"])
def test_a_token_of_any_shape_is_answered_as_unknown(api, guess):
    api.post(PATH, {"email": EMAIL})
    assert api.get(f"{PATH}/by_token/{guess}").status_code == 404


def test_another_tenants_invitation_is_found_neither_by_id_nor_by_token(api, other_environment):
    foreign = make_invitation(other_environment)
    assert api.get(f"{PATH}/{foreign.id}").status_code == 404
    assert api.get(f"{PATH}/by_token/{foreign.token}").status_code == 404
    for verb in ("accept", "resend", "revoke"):
        answer = api.post(f"{PATH}/{foreign.id}/{verb}")
        assert answer.status_code == 404
        assert answer.json()["entity_id"] == foreign.id
    foreign.refresh_from_db()
    assert foreign.state == "pending"


def test_the_token_lies_encrypted_in_the_database(environment):
    invitation = make_invitation(environment)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM organizations_invitation")
        row = cursor.fetchone()
    assert invitation.token not in " ".join(str(column) for column in row)


# --- the link ---------------------------------------------------------------------------------------------


def link_of(api, environment, **settings):
    row = environment.authentication_settings
    for name, value in settings.items():
        setattr(row, name, value)
    row.save()
    body = api.post(PATH, {"email": EMAIL}).json()
    return body["accept_invitation_url"].replace(body["token"], "TOKEN")


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("https://app.example/invite", "https://app.example/invite?invitation_token=TOKEN"),
        ("https://app.example/invite?a=b", "https://app.example/invite?a=b&invitation_token=TOKEN"),
        ("https://app.example/#/invite", "https://app.example/?invitation_token=TOKEN#/invite"),
        ("https://app.example", "https://app.example/?invitation_token=TOKEN"),
    ],
)
def test_the_link_leads_to_the_configured_page(api, environment, page, link):
    assert link_of(api, environment, invitation_url=page, homepage_url="https://other.example") == link


def test_without_a_page_of_the_application_the_link_leads_to_ours(api, environment, settings):
    link = link_of(api, environment, homepage_url="https://app.example/start")
    assert link == f"{settings.BASE_URL}/invite?invitation_token=TOKEN"


def test_the_link_does_not_follow_the_host_header(api):
    body = api.post(PATH, {"email": EMAIL}, headers={"X-Forwarded-Host": "evil.example"}).json()
    assert "evil" not in body["accept_invitation_url"]


# --- lists ------------------------------------------------------------------------------------------------


def test_invitations_are_listed_newest_first_and_narrowed(api, environment, organization):
    alone = make_invitation(environment, EMAIL)
    joining = make_invitation(environment, EMAIL, organization)
    other = make_invitation(environment, "other@foo-corp.com", organization)

    def ids(**query):
        body = api.get(PATH, query).json()
        assert body["object"] == "list"
        return [row["id"] for row in body["data"]]

    assert ids() == [other.id, joining.id, alone.id]
    assert ids(order="asc") == [alone.id, joining.id, other.id]
    assert ids(email=EMAIL.upper()) == [joining.id, alone.id]
    assert ids(organization_id=organization.id) == [other.id, joining.id]
    assert ids(organization_id=organization.id, email=EMAIL) == [joining.id]
    assert ids(organization_id="org_unknown") == []
    assert ids(email="nobody") == []


def test_the_list_is_walked_by_cursors(api, environment):
    sent = [make_invitation(environment).id for _ in range(5)]
    seen, after = [], None
    while True:
        query = {"limit": 2, "order": "asc"} | ({"after": after} if after else {})
        body = api.get(PATH, query).json()
        seen += [row["id"] for row in body["data"]]
        after = body["list_metadata"]["after"]
        if after is None:
            break
    assert seen == sent
    back = api.get(PATH, {"limit": 2, "order": "asc", "before": sent[3]}).json()
    assert [row["id"] for row in back["data"]] == sent[1:3]
    assert back["list_metadata"] == {"before": sent[1], "after": sent[2]}


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"order": "up"}, {"after": "!"}])
def test_a_bad_cursor_limit_or_order_is_refused(api, query):
    assert refusal(api.get(PATH, query), 422) == "invalid_request_parameters"


def test_a_page_costs_the_same_for_one_and_for_thirty(
    api, environment, organization, django_assert_num_queries
):
    for number in range(30):
        make_user(environment, email=f"person{number}@foo-corp.com")
        make_invitation(environment, f"person{number}@foo-corp.com", organization)
    api.get(PATH)  # the key's last use is noted once a minute
    # The key, the page's settings, the invitations, the roles of their memberships.
    for limit in (1, 30):
        with django_assert_num_queries(4):
            body = api.get(PATH, {"limit": limit}).json()
        assert len(body["data"]) == limit
        assert {row["role_slug"] for row in body["data"]} == {"member"}
