"""What staff do by hand, through the same services as the API: the rows, the events, and who did it."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.contrib.sessions.models import Session as BrowserSession

from accounts.models import AuthenticationFactor, Passkey, User
from accounts.services import verify_user_password
from authentication.models import JWTTemplate, Session
from authorization.models import Permission, Role
from environments.models import APIKey, AuthenticationSettings, CORSOrigin, RedirectURI, SigningKey
from events.models import Event, Mail
from foundation import clock
from organizations.models import (
    CustomerAPIKey,
    Group,
    Organization,
    OrganizationDomain,
    OrganizationMembership,
    OrganizationPolicy,
)
from tests.api_client import ApiClient
from tests.factories.accounts import make_passkey, make_totp_factor, make_user
from tests.factories.organizations import make_membership, make_organization
from tests.factories.staff import one_of_everything


@pytest.fixture
def world(environment):
    return one_of_everything(environment, "here")


@pytest.fixture
def page(owners_browser):
    """Return the words of a page after posting a form to it."""

    def post(path, **form):
        answer = owners_browser.post(f"/admin/{path}", form, follow=True)
        assert answer.status_code == 200, answer.content.decode()
        return answer.content.decode()

    return post


def tool(model, row, name):
    return f"{model}/{row.pk}/tool/{name}/"


# --- Users -----------------------------------------------------------------------------------------------------


def test_a_user_is_created_with_the_operator_as_actor(page, environment, owner, last_event):
    shown = page(
        "accounts/user/add/",
        email=" Ada@Example.COM",
        email_verified="on",
        new_password="correct horse 9 battery staple",
        first_name="Ada",
        metadata='{"plan": "gold"}',
    )

    user = User.objects.in_environment(environment).get()
    event = last_event("user.created")
    assert "ada@example.com" in shown
    assert (user.email, user.email_verified, user.first_name, user.metadata) == (
        "ada@example.com",
        True,
        "Ada",
        {"plan": "gold"},
    )
    assert verify_user_password(user, "correct horse 9 battery staple")
    assert event["actor"] == ("operator", owner.pk)
    assert event["context"]["actor"] == {"id": owner.pk, "source": "dashboard", "name": owner.email}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "not an address"}, "Enter a valid email address"),
        ({"email": "TAKEN@example.com"}, "error"),
        ({"email": "a@example.com", "new_password": "password"}, "error"),
        ({"email": "a@example.com", "metadata": "[1]"}, "error"),
        ({"email": "a@example.com", "metadata": "{broken"}, "Enter a valid JSON"),
    ],
)
def test_what_the_service_refuses_is_said_in_the_form_and_nothing_is_created(page, environment, form, words):
    make_user(environment, email="taken@example.com")

    shown = page("accounts/user/add/", **form)

    assert words in shown
    assert "New user" in shown
    assert User.objects.in_environment(environment).count() == 1


def test_a_user_is_changed_and_only_what_changed_is_told(page, environment, last_event):
    user = make_user(environment, email="ada@example.com", metadata={"plan": "gold", "old": "x"})

    page(
        f"accounts/user/{user.pk}/change/",
        email="ada@example.com",
        first_name="Ada",
        metadata='{"plan": "silver"}',
    )

    user.refresh_from_db()
    event = last_event("user.updated")
    assert user.metadata == {"plan": "silver"}
    assert event["context"]["previous_attributes"].keys() >= {"first_name", "metadata"}


def test_saving_a_form_without_changes_tells_nobody(page, environment, emitted):
    user = make_user(environment, email="ada@example.com")
    before = emitted()

    page(f"accounts/user/{user.pk}/change/", email="ada@example.com", metadata="{}")

    assert emitted() == before


def test_a_password_is_set_and_an_address_marked_verified(page, environment):
    user = make_user(environment, email="ada@example.com")

    weak = page(tool("accounts/user", user, "set-password"), password="password")
    page(tool("accounts/user", user, "set-password"), password="correct horse 9 battery staple")
    page(tool("accounts/user", user, "mark-verified"))

    user.refresh_from_db()
    assert "errorlist" in weak or "callout-bad" in weak
    assert verify_user_password(user, "correct horse 9 battery staple")
    assert user.email_verified


def test_a_dangerous_tool_asks_before_it_acts(owners_browser, world, emitted):
    session, before = world["authentication/session"], emitted()

    asked = owners_browser.get(f"/admin/authentication/session/{session.pk}/tool/revoke/").content.decode()

    session.refresh_from_db()
    assert "Cancel" in asked
    assert session.ended_at is None
    assert emitted() == before


def test_a_user_is_deleted_after_a_question_with_everything_that_hangs_on_it(
    owners_browser, page, environment, world, last_event
):
    user = world["accounts/user"]

    asked = owners_browser.get(f"/admin/accounts/user/{user.pk}/delete/").content.decode()
    still_there = User.objects.in_environment(environment).filter(pk=user.pk).exists()
    page(f"accounts/user/{user.pk}/delete/")

    assert "signed out everywhere" in asked
    assert still_there
    assert not User.objects.in_environment(environment).exists()
    assert not Session.objects.in_environment(environment).exists()
    assert last_event("user.deleted")["actor"][0] == "operator"


def test_a_session_is_revoked(page, world, owner, last_event):
    page(tool("authentication/session", world["authentication/session"], "revoke"))

    world["authentication/session"].refresh_from_db()
    assert world["authentication/session"].ended_at is not None
    assert last_event("session.revoked")["actor"] == ("operator", owner.pk)


def test_a_lost_second_factor_is_removed_and_its_user_told(page, environment):
    factor = make_totp_factor(make_user(environment, email="ada@example.com"))

    page(f"accounts/authenticationfactor/{factor.pk}/delete/", post="yes")

    assert not AuthenticationFactor.objects.in_environment(environment).exists()
    told = Mail.objects.in_environment(environment).latest("id")
    assert (told.kind, told.recipient) == ("mfa_changed", "ada@example.com")
    assert "removed" in told.subject


def test_a_passkey_of_a_lost_device_is_removed_and_its_user_told(page, environment, owner, last_event):
    passkey = make_passkey(make_user(environment, email="ada@example.com"))

    page(f"accounts/passkey/{passkey.pk}/delete/", post="yes")

    assert not Passkey.objects.in_environment(environment).exists()
    assert last_event("user.updated")["actor"] == ("operator", owner.pk)
    told = Mail.objects.in_environment(environment).latest("id")
    assert (told.kind, told.recipient) == ("account_changed", "ada@example.com")


# --- Organizations ---------------------------------------------------------------------------------------------


def test_an_organization_with_its_domain_member_and_group(page, environment, emitted):
    user = make_user(environment, email="ada@example.com")
    page("organizations/organization/add/", name="Acme", external_id="acme-1", metadata="{}")
    organization = Organization.objects.in_environment(environment).get()
    page(
        "organizations/organizationdomain/add/",
        organization=organization.pk,
        domain="Acme.example",
        state="verified",
    )
    page(
        "organizations/organizationmembership/add/",
        user=user.pk,
        organization=organization.pk,
        role_slugs=["admin"],
    )
    membership = OrganizationMembership.objects.in_environment(environment).get()
    page("organizations/group/add/", organization=organization.pk, name="Engineering")
    group = Group.objects.in_environment(environment).get()
    page(tool("organizations/group", group, "add-member"), email="ADA@example.com")
    shown = page(
        tool("organizations/organizationmembership", membership, "change-roles"), role_slugs=["member"]
    )

    domain = OrganizationDomain.objects.in_environment(environment).get()
    assert (domain.domain, domain.state) == ("acme.example", "verified")
    assert list(group.memberships.all()) == [membership]
    assert [role.slug for role in membership.roles.all()] == ["member"]
    assert "The roles were changed" in shown
    assert {"organization.created", "organization_membership.created", "group.member_added"} <= set(emitted())


def test_an_organization_is_changed_and_deleted(page, environment, last_event):
    organization = make_organization(environment, "Acme")

    page(f"organizations/organization/{organization.pk}/change/", name="Acme Inc", metadata='{"tier": "1"}')
    organization.refresh_from_db()
    page(f"organizations/organization/{organization.pk}/delete/")

    assert (organization.name, organization.metadata) == ("Acme Inc", {"tier": "1"})
    assert not Organization.objects.in_environment(environment).exists()
    assert last_event("organization.deleted")["data"]["name"] == "Acme Inc"


def test_a_taken_external_id_is_refused_beside_the_form(page, environment):
    make_organization(environment, "First", external_id="one")

    shown = page("organizations/organization/add/", name="Second", external_id="one", metadata="{}")

    assert "callout-bad" in shown
    assert Organization.objects.in_environment(environment).count() == 1


def test_a_membership_is_deactivated_and_reactivated(page, environment):
    membership = make_membership(make_organization(environment), make_user(environment))
    statuses = []
    for name in ("deactivate", "reactivate"):
        page(tool("organizations/organizationmembership", membership, name))
        membership.refresh_from_db()
        statuses.append(membership.status)

    assert statuses == ["inactive", "active"]


def test_a_stranger_is_not_put_into_a_group(page, world, environment):
    make_user(environment, email="stranger@example.com")

    shown = page(
        tool("organizations/group", world["organizations/group"], "add-member"), email="stranger@example.com"
    )

    assert "Nobody with this e-mail belongs to the organization" in shown


def test_a_customers_key_is_shown_once_and_expires_by_hand(page, owners_browser, environment, world):
    organization = world["organizations/organization"]
    shown = page(
        "organizations/customerapikey/add/",
        organization=organization.pk,
        name="CI",
        permissions=["here:read"],
    )
    key = CustomerAPIKey.objects.in_environment(environment).get(name="CI")
    value = shown.split('class="secret"')[1].split('value="')[1].split('"')[0]
    again = owners_browser.get(f"/admin/organizations/customerapikey/{key.pk}/change/").content.decode()
    page(tool("organizations/customerapikey", key, "expire"))

    key.refresh_from_db()
    assert value.startswith("sk_")
    assert value not in again
    assert key.has_expired(clock.now())


# --- Roles and permissions -------------------------------------------------------------------------------------


def test_roles_are_created_granted_ordered_and_made_the_default(page, environment):
    page("authorization/permission/add/", slug="reports:read", name="Read reports")
    permission = Permission.objects.in_environment(environment).get()
    page("authorization/role/add/", name="Auditor", slug="auditor")
    role = Role.objects.in_environment(environment).get(slug="auditor")
    page(f"authorization/role/{role.pk}/change/", name="Auditor", description="", permissions=[permission.pk])
    page(tool("authorization/role", role, "change-priority"), place="1")
    page(tool("authorization/role", role, "make-default"))

    role.refresh_from_db()
    rows = Role.objects.in_environment(environment).order_by("priority")
    assert [row.slug for row in rows] == ["auditor", "admin", "member"]
    assert list(role.permissions.all()) == [permission]
    assert role.is_default


def test_a_role_that_somebody_holds_is_not_deleted(page, world, environment):
    role = world["organizations/organizationmembership"].roles.get()

    shown = page(f"authorization/role/{role.pk}/delete/")

    assert "callout-bad" in shown
    assert Role.objects.in_environment(environment).filter(pk=role.pk).exists()


# --- The environment -------------------------------------------------------------------------------------------


def test_an_api_key_is_shown_once_and_opens_the_api(owners_browser, environment):
    answer = owners_browser.post("/admin/environments/apikey/add/", {"name": "Server"})
    shown = answer.content.decode()
    secret = shown.split('class="secret"')[1].split('value="')[1].split('"')[0]
    key = APIKey.objects.in_environment(environment).get()
    later = owners_browser.get(f"/admin/environments/apikey/{key.pk}/change/").content.decode()
    history = owners_browser.get(f"/admin/environments/apikey/{key.pk}/history/").content.decode()
    stored = [session.get_decoded() for session in BrowserSession.objects.all()]

    assert ApiClient(secret).get("/events", {"events": "user.created"}).status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert secret not in later + history + json.dumps(stored) + str(answer.cookies)
    assert [str(message) for message in get_messages(answer.wsgi_request) if secret in str(message)] == []
    assert not LogEntry.objects.filter(change_message__contains=secret).exists()


def test_a_revoked_api_key_opens_nothing(owners_browser, page, environment):
    shown = page("environments/apikey/add/", name="Server")
    secret = shown.split('class="secret"')[1].split('value="')[1].split('"')[0]
    key = APIKey.objects.in_environment(environment).get()

    page(tool("environments/apikey", key, "revoke"))

    assert ApiClient(secret).get("/events", {"events": "user.created"}).status_code == 401
    assert owners_browser.post(f"/admin/environments/apikey/{key.pk}/tool/revoke/").status_code == 404


def test_the_signing_key_is_rotated_after_a_question(owners_browser, page, environment):
    asked = owners_browser.get("/admin/environments/signingkey/tool/rotate/").content.decode()
    page("environments/signingkey/tool/rotate/")

    assert "The old key stays in the JWK set" in asked
    assert SigningKey.objects.in_environment(environment).count() == 2
    assert LogEntry.objects.filter(change_message="Rotated the signing key.").count() == 1


def test_redirect_uris_and_cors_origins(page, environment):
    page("environments/redirecturi/add/", uri="https://app.example.com/callback", purpose="sign_in")
    row = RedirectURI.objects.in_environment(environment).get(uri="https://app.example.com/callback")
    page(tool("environments/redirecturi", row, "make-default"))
    refused = page("environments/redirecturi/add/", uri="javascript:alert(1)", purpose="sign_in")
    kept = page(f"environments/redirecturi/{row.pk}/delete/")
    page("environments/corsorigin/add/", origin="https://App.example.com:443")
    origin = CORSOrigin.objects.in_environment(environment).get()
    page(f"environments/corsorigin/{origin.pk}/delete/")

    row.refresh_from_db()
    assert row.is_default
    assert "errorlist" in refused
    assert "The default redirect URI cannot be deleted" in kept
    assert origin.origin == "https://app.example.com"
    assert not CORSOrigin.objects.in_environment(environment).exists()


SETTINGS = {
    "password_enabled": "on",
    "email_verification_required": "on",
    "mfa_policy": "required",
    "access_token_seconds": "300",
    "session_maximum_seconds": "86400",
    "session_inactivity_seconds": "",
    "password_minimum_length": "12",
    "password_minimum_strength": "3",
    "password_breached_rejected": "on",
    "password_history_depth": "0",
    "homepage_url": "",
}


def test_the_authentication_settings_are_changed_within_their_bounds(page, environment):
    path = f"environments/authenticationsettings/{environment.pk}/change/"

    page(path, **SETTINGS)
    refused = page(path, **{**SETTINGS, "access_token_seconds": "1"})

    row = AuthenticationSettings.objects.in_environment(environment).get()
    assert (row.password_minimum_length, row.access_token_seconds) == (12, 300)
    assert row.mfa_policy == "required"
    assert "callout-bad" in refused or "errorlist" in refused


def test_the_bot_check_takes_both_keys_and_shows_neither_secret(page, environment):
    row = environment.authentication_settings
    path = tool("environments/authenticationsettings", row, "set-up-bot-check")

    refused = page(path, site_key="0x4AAA", secret="")
    page(path, site_key="0x4AAA", secret="the turnstile secret")

    assert "Give both keys" in refused
    row = AuthenticationSettings.objects.in_environment(environment).get()
    assert (row.turnstile_site_key, row.turnstile_secret) == ("0x4AAA", "the turnstile secret")
    shown = page(f"environments/authenticationsettings/{row.pk}/change/", **SETTINGS)
    assert "0x4AAA" in shown
    assert "the turnstile secret" not in shown
    page(path, site_key="", secret="")
    row = AuthenticationSettings.objects.in_environment(environment).get()
    assert (row.turnstile_site_key, row.turnstile_secret) == ("", None)


def test_an_organization_gets_a_policy_and_contradictions_are_refused(page, environment):
    organization = make_organization(environment, "Strict")
    allowed = dict.fromkeys(
        ("password_allowed", "magic_auth_allowed", "passkey_allowed", "social_allowed", "sso_allowed"), "on"
    )

    page(
        "organizations/organizationpolicy/add/",
        organization=organization.pk,
        sso_required="on",
        guests="invited",
        **allowed,
    )
    path = f"organizations/organizationpolicy/{organization.pk}/change/"
    refused = page(path, sso_required="on", guests="anyone")

    row = OrganizationPolicy.objects.in_environment(environment).get()
    assert (row.sso_required, row.sso_allowed, row.guests) == (True, True, "invited")
    assert "callout-bad" in refused or "errorlist" in refused
    page(f"organizations/organizationpolicy/{organization.pk}/delete/")
    assert not OrganizationPolicy.objects.in_environment(environment).exists()


def test_a_person_is_signed_out_everywhere(page, world, environment, last_event, owner):
    user = world["accounts/user"]

    page(tool("accounts/user", user, "sign-out-everywhere"))

    assert {session.status for session in Session.objects.in_environment(environment)} == {"revoked"}
    assert last_event("session.revoked")["actor"] == ("operator", owner.pk)


def test_the_jwt_template_is_written_and_a_broken_one_refused(page, owners_browser, environment):
    first = owners_browser.get("/admin/authentication/jwttemplate/")
    page("authentication/jwttemplate/add/", content='{"plan": "{{ organization.metadata.plan }}"}')
    refused = page(f"authentication/jwttemplate/{environment.pk}/change/", content='{"sub": "somebody else"}')

    assert first.headers["Location"] == "/admin/authentication/jwttemplate/add/"
    assert "callout-bad" in refused or "errorlist" in refused
    assert JWTTemplate.objects.in_environment(environment).get().content.startswith('{"plan"')


def test_mail_is_sent_again(page, world):
    mail = world["events/mail"]
    Mail.unscoped.filter(pk=mail.pk).update(failed_at=clock.now(), attempts=8, last_error="gone")

    page(tool("events/mail", mail, "send-again"))

    mail.refresh_from_db()
    assert (mail.failed_at, mail.attempts, mail.last_error) == (None, 0, "")


def test_everything_done_here_stands_in_the_staff_log_and_in_the_history(
    page, owners_browser, environment, owner
):
    user = make_user(environment, email="ada@example.com")
    page(tool("accounts/user", user, "mark-verified"))

    log = owners_browser.get("/admin/admin/logentry/").content.decode()
    history = owners_browser.get(f"/admin/accounts/user/{user.pk}/history/").content.decode()

    assert "Mark e-mail verified." in log
    assert "Mark e-mail verified." in history
    assert "user.updated" in history
    assert owner.email in history


def test_the_first_page_has_the_figures_of_the_environment(owners_browser, environment, world):
    mail = world["events/mail"]
    Mail.unscoped.filter(pk=mail.pk).update(failed_at=clock.now(), last_error="SMTPServerDisconnected")
    Event.objects.create(
        environment=environment,
        name="authentication.password_failed",
        data={},
        actor_kind="system",
        actor_id="system",
    )

    shown = owners_browser.get("/admin/").content.decode()

    figures = {
        part.split("</span>")[0]: part.split('figure-value">')[1].split("<")[0]
        for part in shown.split('figure-label">')[1:]
    }
    assert figures == {
        "Sign-ins": "1",
        "Users": "1",
        "Active sessions": "1",
        "Organizations": "1",
        "Mail that failed": "1",
        "Failed sign-ins": "1",
    }
    assert "1 sign-ins from" in shown or "1 sign-in from" in shown
    assert "SMTPServerDisconnected" in shown
    assert "<desc id=" in shown
    assert 'style="' not in shown


def test_the_first_page_stays_cheap(owners_browser, world, django_assert_max_num_queries):
    with django_assert_max_num_queries(18):
        owners_browser.get("/admin/")
