from datetime import timedelta

import pytest
import time_machine

from authentication.models import Session
from authentication.services import wipe_sealed_refresh_tokens
from authorization.services import set_role_permissions
from environments.services import update_authentication_settings
from foundation import clock
from foundation.actors import SYSTEM
from organizations.services import deactivate_membership, delete_membership
from tests.factories.authorization import make_permission, make_role
from tests.factories.organizations import make_membership, make_organization

INVALID = {"error": "invalid_grant", "error_description": "Invalid refresh token."}
EXPIRED = {"error": "invalid_grant", "error_description": "Refresh token has expired."}


@pytest.fixture
def signed_in(client, user):
    return client.sign_in("ada@example.com")


def later(**delta):
    return time_machine.travel(clock.now() + timedelta(**delta))


def session_of(client):
    return Session.objects.in_environment(client.environment).get()


def test_a_refresh_gives_new_tokens_of_the_same_session_and_no_event(client, signed_in, emitted):
    before = emitted()

    answer = client.refresh(signed_in["refresh_token"])

    assert answer.status_code == 200
    body = answer.json()
    assert body["refresh_token"] != signed_in["refresh_token"]
    assert body["user"]["id"] == signed_in["user"]["id"]
    assert body["authentication_method"] == "Password"
    old, new = client.claims(signed_in["access_token"]), client.claims(body["access_token"])
    assert new["sid"] == old["sid"]
    assert new["auth_time"] == old["auth_time"]
    assert new["jti"] != old["jti"]
    assert emitted() == before


def test_a_browser_application_refreshes_without_a_secret(public_client, signed_in):
    assert public_client.refresh(signed_in["refresh_token"]).status_code == 200


def test_no_refresh_token_lies_in_the_database_in_clear(client, signed_in):
    token = client.refresh(signed_in["refresh_token"]).json()["refresh_token"]
    row = Session.objects.in_environment(client.environment).values().get()

    stored = " ".join(
        value.ciphertext if hasattr(value, "ciphertext") else str(value) for value in row.values()
    )

    assert token not in stored
    assert token[:12] not in stored


def test_a_repeat_within_the_grace_gets_the_same_successor(client, signed_in):
    first = client.refresh(signed_in["refresh_token"]).json()
    with later(seconds=9):
        second = client.refresh(signed_in["refresh_token"])

        assert second.status_code == 200
        assert second.json()["refresh_token"] == first["refresh_token"]
        assert client.refresh(first["refresh_token"]).status_code == 200


def test_a_repeat_after_the_grace_ends_the_session(client, signed_in, last_event):
    successor = client.refresh(signed_in["refresh_token"]).json()["refresh_token"]
    with later(seconds=11):
        replay = client.refresh(signed_in["refresh_token"])

    assert replay.status_code == 400
    assert replay.json() == INVALID
    assert client.refresh(successor).json() == INVALID
    assert session_of(client).status == "revoked"
    revoked = last_event("session.revoked")
    assert revoked["actor"] == ("system", "system")
    assert revoked["data"]["status"] == "revoked"
    assert revoked["data"]["ended_at"]


def test_once_the_successor_was_used_its_predecessor_ends_the_session_at_once(client, signed_in):
    second = client.refresh(signed_in["refresh_token"]).json()["refresh_token"]
    third = client.refresh(second).json()["refresh_token"]

    assert client.refresh(signed_in["refresh_token"]).json() == INVALID

    assert client.refresh(third).json() == INVALID


def test_a_thief_who_refreshes_first_is_stopped_when_the_owner_comes(client, signed_in):
    stolen = client.refresh(signed_in["refresh_token"]).json()["refresh_token"]
    with later(minutes=4):
        assert client.refresh(signed_in["refresh_token"]).json() == INVALID
        assert client.refresh(stolen).json() == INVALID


def test_a_token_forged_onto_a_known_beginning_ends_the_session_it_was_forged_for(client, signed_in):
    forged = signed_in["refresh_token"][:12] + "A" * 13

    assert client.refresh(forged).json() == INVALID

    assert session_of(client).status == "revoked"


def test_after_the_grace_nothing_is_left_of_the_token_that_was_kept_for_it(client, signed_in):
    client.refresh(signed_in["refresh_token"])
    assert wipe_sealed_refresh_tokens() == 0
    with later(minutes=2):
        assert wipe_sealed_refresh_tokens() == 1
    assert session_of(client).sealed_refresh_token is None


@pytest.mark.parametrize("token", ["x" * 25, "short", "ü" * 25, "a" * 5000])
def test_a_token_of_nobody_is_refused(client, signed_in, token):
    answer = client.refresh(token)

    assert answer.status_code == 400
    assert answer.json() == INVALID
    assert session_of(client).status == "active"


def test_a_token_is_bound_to_its_environment_and_a_try_elsewhere_does_it_no_harm(
    client, other_client, signed_in
):
    assert other_client.refresh(signed_in["refresh_token"]).json() == INVALID

    assert client.refresh(signed_in["refresh_token"]).status_code == 200


def test_claims_are_computed_anew_at_each_refresh(client, user):
    role = make_role(client.environment, "editor", permissions=["posts:read"])
    make_membership(make_organization(client.environment), user, roles=("editor",))
    body = client.sign_in("ada@example.com")
    assert client.claims(body["access_token"])["permissions"] == ["posts:read"]
    make_permission(client.environment, "posts:write")
    set_role_permissions(role=role, actor=SYSTEM, slugs=["posts:read", "posts:write"])

    refreshed = client.refresh(body["refresh_token"]).json()

    assert client.claims(refreshed["access_token"])["permissions"] == ["posts:read", "posts:write"]


def test_a_session_switches_to_another_organization_of_its_user(client, user):
    first, second = (make_organization(client.environment, name=name) for name in ("Foo Corp", "Bar Inc"))
    make_membership(first, user)
    body = client.sign_in("ada@example.com")
    make_membership(second, user)

    switched = client.refresh(body["refresh_token"], organization_id=second.id).json()

    assert switched["organization_id"] == second.id
    assert client.claims(switched["access_token"])["org_id"] == second.id
    stays = client.refresh(switched["refresh_token"]).json()
    assert stays["organization_id"] == second.id


@pytest.mark.parametrize("which", ["no member", "unknown", "another environment's", "inactive"])
def test_a_session_does_not_switch_to_where_its_user_is_no_active_member(
    client, other_environment, user, signed_in, which
):
    inactive = make_organization(client.environment, name="Former employer")
    deactivate_membership(membership=make_membership(inactive, user), actor=SYSTEM)
    wanted = {
        "no member": make_organization(client.environment, name="Strangers").id,
        "unknown": "org_unknown",
        "another environment's": make_organization(other_environment).id,
        "inactive": inactive.id,
    }[which]

    answer = client.refresh(signed_in["refresh_token"], organization_id=wanted)

    assert answer.status_code == 400
    assert answer.json()["error"] == "organization_membership_not_found"
    # The token was not spent.
    assert client.refresh(signed_in["refresh_token"]).status_code == 200


@pytest.mark.parametrize("ending", ["deactivated", "deleted"])
def test_who_leaves_the_organization_has_no_session_there_any_more(client, user, ending, last_event):
    membership = make_membership(make_organization(client.environment), user)
    body = client.sign_in("ada@example.com")
    if ending == "deactivated":
        deactivate_membership(membership=membership, actor=SYSTEM)
    else:
        delete_membership(membership=membership, actor=SYSTEM)

    assert client.refresh(body["refresh_token"]).json() == INVALID

    assert session_of(client).status == "revoked"
    assert last_event("session.revoked")["data"]["user_id"] == user.id


def test_a_session_ends_at_its_maximum_age_however_often_it_is_refreshed(client, signed_in):
    update_authentication_settings(environment=client.environment, changes={"session_maximum_seconds": 3600})
    fresh = client.sign_in("ada@example.com")["refresh_token"]
    with later(minutes=59):
        fresh = client.refresh(fresh).json()["refresh_token"]
    with later(minutes=61):
        answer = client.refresh(fresh)

        assert answer.status_code == 400
        assert answer.json() == EXPIRED
        # The policy of now counts for the session that began before it was made stricter, too.
        assert client.refresh(signed_in["refresh_token"]).json() == EXPIRED


def test_a_session_ends_when_it_is_not_used_for_too_long(client, user):
    update_authentication_settings(
        environment=client.environment, changes={"session_inactivity_seconds": 600}
    )
    token = client.sign_in("ada@example.com")["refresh_token"]
    with later(minutes=9):
        token = client.refresh(token).json()["refresh_token"]
    with later(minutes=18):
        token = client.refresh(token).json()["refresh_token"]
    with later(minutes=29):
        assert client.refresh(token).json() == EXPIRED


def test_access_tokens_live_as_long_as_the_environment_says(client, user):
    update_authentication_settings(environment=client.environment, changes={"access_token_seconds": 900})

    claims = client.claims(client.sign_in("ada@example.com")["access_token"])

    assert claims["exp"] - claims["iat"] == 900


def test_a_refresh_takes_seven_queries(client, user, django_assert_num_queries):
    make_membership(make_organization(client.environment), user)
    token = client.sign_in("ada@example.com")["refresh_token"]

    # Client with its environment; then in the transaction: session locked, with its user and the policy,
    # membership, session written, roles with permissions, signing key. And its two savepoints.
    with django_assert_num_queries(7 + 2):
        client.refresh(token)


def test_roles_stand_in_the_order_of_their_priority(client, user):
    organization = make_organization(client.environment)
    own = make_role(client.environment, "org-auditor", organization=organization, permissions=["logs:read"])
    make_membership(organization, user, roles=("member", own.slug, "admin"))

    claims = client.claims(client.sign_in("ada@example.com")["access_token"])

    assert claims["role"] == "admin"
    assert claims["roles"] == ["admin", "member", "org-auditor"]
    assert claims["permissions"] == ["logs:read"]
