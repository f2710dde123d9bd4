import pytest

from accounts.models import User
from authentication.models import Session, SignInAttempt
from environments.services import update_authentication_settings
from foundation import clock
from organizations.models import MembershipStatus
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.authorization import make_role
from tests.factories.organizations import make_membership, make_organization


def test_a_person_signs_in_and_the_token_says_who_it_is(client, user, settings):
    answer = client.password("ada@example.com")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["user"]["id"] == user.id
    assert "metadata" not in body["user"]
    assert body["organization_id"] is None
    assert body["authentication_method"] == "Password"
    assert "impersonator" not in body
    assert len(body["refresh_token"]) == 25
    assert body["refresh_token"].isalnum()
    claims = client.claims(body["access_token"])
    session = Session.objects.in_environment(user.environment_id).get()
    assert claims["iss"] == settings.BASE_URL
    assert claims["sub"] == user.id
    assert claims["sid"] == session.id
    assert claims["client_id"] == client.environment.client_id
    assert claims["exp"] - claims["iat"] == 300
    assert claims["auth_time"] == int(session.authenticated_at.timestamp())
    assert len(claims["jti"]) == 26
    assert {"org_id", "role", "roles", "permissions", "act", "aud"}.isdisjoint(claims)


def test_signing_in_is_told_by_two_events_and_kept_on_the_user(client, user, emitted, last_event):
    body = client.sign_in("ada@example.com", ip_address="192.0.2.7", user_agent="Mozilla/5.0")

    assert emitted()[-2:] == ["authentication.password_succeeded", "session.created"]
    assert last_event("authentication.password_succeeded")["data"] == {
        "type": "password",
        "status": "succeeded",
        "ip_address": "192.0.2.7",
        "user_agent": "Mozilla/5.0",
        "user_id": user.id,
        "email": "ada@example.com",
    }
    created = last_event("session.created")
    assert created["actor"] == ("user", user.id)
    assert created["data"]["auth_method"] == "password"
    assert created["data"]["ip_address"] == "192.0.2.7"
    assert created["data"]["status"] == "active"
    assert "token" not in str(created["data"])
    user.refresh_from_db()
    assert user.last_sign_in_at is not None
    assert body["user"]["last_sign_in_at"] == clock.iso(user.last_sign_in_at)


def test_the_email_is_found_in_whatever_case_it_is_typed(client, user):
    assert client.password(" Ada@EXAMPLE.com ").status_code == 200


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.com", "wrong"), ("nobody@example.com", PASSWORD)]
)
def test_unknown_email_and_wrong_password_get_the_same_answer(client, user, email, password):
    answer = client.password(email, password)

    assert answer.status_code == 400
    assert answer.json() == {"code": "invalid_credentials", "message": "Invalid credentials."}


@pytest.mark.parametrize(
    "email", ["ada@example.com", "nobody@example.com", "nopassword@example.com", "no address"]
)
def test_every_refused_sign_in_computes_exactly_one_hash(client, user, email, monkeypatch):
    make_user(client.environment, email="nopassword@example.com", email_verified=True)
    spent = []

    def burn(_password):
        spent.append("burned")

    def check(_password, _scheme):
        spent.append("checked")
        return False

    monkeypatch.setattr("accounts.passwords.hashing._hash", burn)
    monkeypatch.setattr("accounts.passwords.hashing._matches", check)

    assert client.password(email, "wrong").json()["code"] == "invalid_credentials"

    assert len(spent) == 1


def test_spaces_around_a_password_count(client, user):
    assert client.password("ada@example.com", f" {PASSWORD}").status_code == 400


def test_a_failed_sign_in_is_told_to_the_product_and_signs_nobody_in(client, user, last_event):
    client.password("ada@example.com", "wrong", ip_address="2001:db8::1", user_agent="x" * 900)

    failed = last_event("authentication.password_failed")
    assert failed["data"]["user_id"] == user.id
    assert failed["data"]["email"] == "ada@example.com"
    assert failed["data"]["ip_address"] == "2001:db8::1"
    assert len(failed["data"]["user_agent"]) == 500
    assert failed["data"]["error"] == {"code": "invalid_credentials", "message": "Invalid credentials."}
    assert failed["actor"][0] == "api_key"
    assert not Session.objects.in_environment(client.environment).exists()
    client.password("nobody@example.com", "wrong", ip_address="not an address")
    unknown = last_event("authentication.password_failed")["data"]
    assert unknown["user_id"] is None
    assert unknown["email"] == "nobody@example.com"
    assert unknown["ip_address"] is None


def test_a_user_of_another_environment_is_a_stranger(client, other_client, user):
    assert other_client.password("ada@example.com").json()["code"] == "invalid_credentials"


def test_the_only_active_membership_is_taken_silently_with_its_roles_and_permissions(client, user):
    make_role(client.environment, "editor", permissions=["posts:write", "posts:read"])
    organization = make_organization(client.environment)
    make_membership(organization, user, roles=("editor", "member"))
    inactive = make_organization(client.environment, name="Former employer")
    make_membership(inactive, user, status=MembershipStatus.INACTIVE)

    body = client.sign_in("ada@example.com")

    assert body["organization_id"] == organization.id
    claims = client.claims(body["access_token"])
    assert claims["org_id"] == organization.id
    assert claims["role"] == claims["roles"][0]
    assert set(claims["roles"]) == {"editor", "member"}
    assert claims["permissions"] == ["posts:read", "posts:write"]


def test_disabled_passwords_are_refused_before_anybody_is_looked_for(client, user, emitted):
    update_authentication_settings(environment=client.environment, changes={"password_enabled": False})

    for password in (PASSWORD, "wrong"):
        answer = client.password("ada@example.com", password)
        assert answer.status_code == 403
        assert answer.json()["code"] == "email_password_auth_disabled"
    assert "authentication.password_failed" not in emitted()


def test_the_eleventh_try_of_a_minute_is_refused_in_oauths_form_and_by_email(client, user):
    make_user(client.environment, email="grace@example.com", password=PASSWORD, email_verified=True)
    for _ in range(10):
        assert client.password("ADA@example.com", "wrong").status_code == 400

    refused = client.password("ada@example.com")

    assert refused.status_code == 429
    assert refused.json()["error"] == "too_many_requests"
    assert refused.json()["error_description"]
    assert int(refused.headers["Retry-After"]) > 0
    assert client.password("grace@example.com").status_code == 200


def test_a_limit_that_cannot_be_counted_refuses(client, user, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    assert client.password("ada@example.com").status_code == 429


@pytest.mark.parametrize("missing", ["email", "password", "client_id", "grant_type"])
def test_a_missing_field_is_named(client, user, missing):
    fields = {
        "client_id": client.environment.client_id,
        "client_secret": client.client_secret,
        "grant_type": "password",
        "email": "ada@example.com",
        "password": PASSWORD,
    }
    del fields[missing]

    answer = client.http.post("/user_management/authenticate", fields)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request_parameters"
    assert [error["code"] for error in answer.json()["errors"]] == [f"{missing}_string_required"]


def test_a_form_works_as_json_does(client, user):
    form = (
        f"client_id={client.environment.client_id}&client_secret={client.client_secret}"
        "&grant_type=password&email=ada%40example.com&password=correct+horse+battery+staple+42"
    )

    assert client.http.post("/user_management/authenticate", form=form).status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_other_verbs_are_not_allowed(client, method):
    assert getattr(client.http, method)("/user_management/authenticate").status_code == 405


def test_a_password_that_changes_while_it_is_checked_signs_nobody_in(client, user, monkeypatch):
    def verify_and_change(_user, _password):
        User.objects.in_environment(client.environment).update(password="$argon2id$another")
        return True

    monkeypatch.setattr("authentication.services.sign_in.verify_user_password", verify_and_change)

    assert client.password("ada@example.com").json()["code"] == "invalid_credentials"
    assert not Session.objects.in_environment(client.environment).exists()


def test_a_user_that_is_deleted_while_its_password_is_checked_is_not_signed_in(client, user, monkeypatch):
    def verify_and_delete(user, _password):
        User.objects.in_environment(client.environment).filter(pk=user.pk).delete()
        return True

    monkeypatch.setattr("authentication.services.sign_in.verify_user_password", verify_and_delete)

    assert client.password("ada@example.com").json()["code"] == "invalid_credentials"


def test_a_sign_in_that_completes_at_once_leaves_no_attempt_and_takes_thirteen_queries(
    client, user, django_assert_num_queries
):
    make_membership(make_organization(client.environment), user)
    client.sign_in("ada@example.com")

    # Client with its environment, policy with its template, user; then in the transaction: user locked, event,
    # memberships, factors, session, last sign-in, event, roles with permissions, signing key. And its two savepoints.
    with django_assert_num_queries(13 + 2):
        client.sign_in("ada@example.com")

    assert not SignInAttempt.objects.in_environment(client.environment).exists()
