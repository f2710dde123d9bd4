from datetime import timedelta

import pytest
import time_machine

from authentication.models import Session
from authentication.services import purge_sign_ins
from environments.models import RedirectURIPurpose
from environments.services import add_redirect_uri, update_authentication_settings
from events.models import Event
from foundation import clock
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.organizations import make_membership, make_organization

LOGOUT = "/user_management/sessions/logout"


@pytest.fixture
def signed_in(client, user):
    return client.sign_in("ada@example.com", ip_address="192.0.2.7", user_agent="Firefox")


def session_id(client):
    return Session.objects.in_environment(client.environment).latest("id").id


def allow_logout(environment, uri, **options):
    add_redirect_uri(environment=environment, uri=uri, purpose=RedirectURIPurpose.LOGOUT, **options)


def test_a_users_active_sessions_are_listed(api, client, user, signed_in):
    listed = api.get(f"/user_management/users/{user.id}/sessions")

    assert listed.status_code == 200
    (row,) = listed.json()["data"]
    session = Session.objects.in_environment(client.environment).get()
    assert row == {
        "object": "session",
        "id": session.id,
        "user_id": user.id,
        "organization_id": None,
        "auth_method": "password",
        "ip_address": "192.0.2.7",
        "user_agent": "Firefox",
        "status": "active",
        "expires_at": clock.iso(session.expires_at),
        "ended_at": None,
        "created_at": clock.iso(session.created_at),
        "updated_at": clock.iso(session.updated_at),
    }
    assert listed.json()["list_metadata"] == {"before": None, "after": None}


def test_sessions_that_are_over_are_not_listed(api, client, user, signed_in):
    client.sign_in("ada@example.com")
    api.post("/user_management/sessions/revoke", {"session_id": session_id(client)})
    path = f"/user_management/users/{user.id}/sessions"
    assert len(api.get(path).json()["data"]) == 1

    with time_machine.travel(clock.now() + timedelta(days=31)):
        assert api.get(path).json()["data"] == []


def test_sessions_of_another_environments_user_are_not_found(other_api, user, signed_in):
    answer = other_api.get(f"/user_management/users/{user.id}/sessions")

    assert answer.status_code == 404
    assert answer.json()["code"] == "entity_not_found"


def test_a_revoked_session_cannot_be_refreshed_and_is_told_of_once(api, client, signed_in, last_event):
    revoked = api.post("/user_management/sessions/revoke", {"session_id": session_id(client)})

    assert revoked.status_code == 200
    assert revoked.content == b""
    assert "Content-Type" not in revoked.headers
    assert client.refresh(signed_in["refresh_token"]).json()["error"] == "invalid_grant"
    assert last_event("session.revoked")["actor"][0] == "api_key"
    assert last_event("session.revoked")["data"]["status"] == "revoked"
    assert api.post("/user_management/sessions/revoke", {"session_id": session_id(client)}).status_code == 200
    assert Event.objects.in_environment(client.environment).filter(name="session.revoked").count() == 1


def test_unknown_and_foreign_sessions_are_not_found(api, other_api, client, signed_in):
    existing = session_id(client)

    for caller, wanted in ((api, "session_unknown"), (other_api, existing)):
        answer = caller.post("/user_management/sessions/revoke", {"session_id": wanted})
        assert answer.status_code == 404
        assert answer.json()["message"] == f"Session not found: '{wanted}'."
    assert Session.objects.in_environment(client.environment).get().status == "active"


def test_revoking_nothing_names_the_field(api):
    answer = api.post("/user_management/sessions/revoke", {})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "session_id_string_required"


def test_a_browser_logs_out_and_comes_to_where_it_asked(anonymous, client, user, signed_in, last_event):
    allow_logout(client.environment, "https://app.example/signed-out")
    query = {"session_id": session_id(client), "return_to": "https://app.example/signed-out"}

    answer = anonymous.get(LOGOUT, query)

    assert answer.status_code == 302
    assert answer.headers["Location"] == "https://app.example/signed-out"
    assert client.refresh(signed_in["refresh_token"]).json()["error"] == "invalid_grant"
    assert last_event("session.revoked")["actor"] == ("user", user.id)
    # The second time there is nothing left to do, and the browser still comes home.
    assert anonymous.get(LOGOUT, query).status_code == 302


@pytest.mark.parametrize(
    "return_to",
    [
        "https://evil.example/",
        "https://app.example/signed-out/../evil",
        "https://app.example/signed-out?next=https://evil.example",
        "https://app.example@evil.example/signed-out",
        "https://app.example\\@evil.example/signed-out",
        "https://app.example.evil.example/signed-out",
        "https://APP.example:444/signed-out",
        "//evil.example",
        "javascript:alert(1)",
        "https://app.example/signed-out#fragment",
        "https://app.example/signed-out\r\nSet-Cookie: a=b",
        # Sign-in redirect URIs are another list.
        "http://localhost:3000/callback",
    ],
)
def test_logout_sends_nobody_elsewhere_and_then_ends_nothing(anonymous, client, signed_in, return_to):
    allow_logout(client.environment, "https://app.example/signed-out")

    answer = anonymous.get(LOGOUT, {"session_id": session_id(client), "return_to": return_to})

    assert answer.status_code == 422
    assert answer.json()["message"]
    assert "Location" not in answer.headers
    assert client.refresh(signed_in["refresh_token"]).status_code == 200


def test_a_logout_uri_of_another_environment_does_not_count(anonymous, client, other_environment, signed_in):
    allow_logout(other_environment, "https://other.example/out")

    query = {"session_id": session_id(client), "return_to": "https://other.example/out"}

    assert anonymous.get(LOGOUT, query).status_code == 422


def test_a_wildcard_of_a_sandbox_counts_for_logout_too(anonymous, client, signed_in):
    allow_logout(client.environment, "https://*.app.example/out")

    query = {"session_id": session_id(client), "return_to": "https://preview.app.example/out"}

    assert anonymous.get(LOGOUT, query).headers["Location"] == "https://preview.app.example/out"


def test_without_return_to_the_default_counts_then_the_homepage_then_our_own_page(
    anonymous, client, signed_in, settings
):
    query = {"session_id": session_id(client)}
    ours = f"{settings.BASE_URL}/signed-out?client_id={client.environment.client_id}"
    assert anonymous.get(LOGOUT, query).headers["Location"] == ours

    update_authentication_settings(
        environment=client.environment, changes={"homepage_url": "https://www.app.example"}
    )
    assert anonymous.get(LOGOUT, query).headers["Location"] == "https://www.app.example"

    allow_logout(client.environment, "https://app.example/signed-out")
    assert anonymous.get(LOGOUT, query).headers["Location"] == "https://app.example/signed-out"


def test_an_unknown_session_is_logged_out_already(anonymous, client, settings):
    allow_logout(client.environment, "https://app.example/signed-out")

    answer = anonymous.get(LOGOUT, {"session_id": "session_unknown"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{settings.BASE_URL}/signed-out?client_id="

    listed = {"session_id": "session_unknown", "return_to": "https://app.example/signed-out"}
    assert anonymous.get(LOGOUT, listed).headers["Location"] == "https://app.example/signed-out"
    assert anonymous.get(LOGOUT, {**listed, "return_to": "https://evil.example"}).status_code == 422


def test_logout_asks_for_a_session(anonymous):
    answer = anonymous.get(LOGOUT)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "session_id_string_required"


def test_a_deleted_user_is_signed_out_everywhere(api, client, user, signed_in, emitted):
    make_membership(make_organization(client.environment), user)
    waiting = make_user(client.environment, email="grace@example.com", password=PASSWORD)
    client.password("grace@example.com")

    for person in (user, waiting):
        assert api.delete(f"/user_management/users/{person.id}").status_code in {200, 202, 204}

    assert client.refresh(signed_in["refresh_token"]).json()["error"] == "invalid_grant"
    assert emitted()[-2:] == ["user.deleted", "user.deleted"]
    assert client.password("ada@example.com").json()["code"] == "invalid_credentials"


def test_a_deleted_organization_takes_its_sessions_and_leaves_its_users(api, client, user, emitted):
    organization = make_organization(client.environment)
    make_membership(organization, user)
    body = client.sign_in("ada@example.com")

    assert api.delete(f"/organizations/{organization.id}").status_code == 202

    assert client.refresh(body["refresh_token"]).json()["error"] == "invalid_grant"
    assert emitted()[-1] == "organization.deleted"
    assert client.sign_in("ada@example.com")["organization_id"] is None


def test_what_is_long_over_is_purged_and_the_rest_stays(client, user, signed_in):
    make_user(client.environment, email="grace@example.com", password=PASSWORD)
    client.password("grace@example.com")
    assert purge_sign_ins() == 0
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        assert purge_sign_ins() == 1
    with time_machine.travel(clock.now() + timedelta(days=59)):
        assert purge_sign_ins() == 0
    with time_machine.travel(clock.now() + timedelta(days=61)):
        assert purge_sign_ins() == 1
