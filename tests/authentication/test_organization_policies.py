"""What organizations ask of a sign-in: at the grants, at a switch, and at a refresh."""

import pytest

from accounts.services import update_user
from authentication.access_tokens import policy_of
from authentication.models import AuthenticationMethod, Session
from authentication.services.attempts import begin_attempt
from authentication.services.outcomes import Origin, SignedIn, StepRequired
from environments.services import update_authentication_settings
from foundation.actors import SYSTEM
from organizations.models import OrganizationMembership
from sso.models import Connection, ConnectionState
from tests.authenticator import code_of
from tests.factories.accounts import PASSWORD, make_totp_factor, make_user
from tests.factories.organizations import (
    make_domain,
    make_invitation,
    make_membership,
    make_organization,
    set_policy,
)

SSO_TEXT = "User must authenticate using one of the matching connections."
METHODS_TEXT = "User must authenticate using one of the methods allowed by the organization."


def make_connection(environment, organization=None, connection_type="GenericSAML", state="active"):
    return Connection.objects.create(
        environment=environment,
        organization=organization,
        connection_type=connection_type,
        name=connection_type,
        state=state,
    )


@pytest.fixture
def organization(environment, user):
    row = make_organization(environment, name="Foo Corp")
    make_membership(row, user)
    return row


def test_an_organization_that_requires_sso_refuses_a_password_and_names_its_connections(
    client, environment, organization
):
    connection = make_connection(environment, organization)
    make_connection(environment, organization, state=ConnectionState.INACTIVE)
    make_connection(environment, make_organization(environment, name="Other"))
    set_policy(organization, sso_required=True)

    answer = client.password("ada@example.com")

    assert answer.status_code == 403
    body = answer.json()
    assert len(body.pop("pending_authentication_token")) == 25
    assert body == {
        "error": "sso_required",
        "error_description": SSO_TEXT,
        "code": "sso_required",
        "message": SSO_TEXT,
        "email": "ada@example.com",
        "connection_ids": [connection.id],
    }
    assert not Session.objects.in_environment(environment).exists()


def test_a_wrong_password_is_not_told_that_sso_is_required(client, organization):
    set_policy(organization, sso_required=True)

    assert client.password("ada@example.com", "not the password").json()["code"] == "invalid_credentials"


def test_the_pending_token_of_a_refused_password_opens_no_other_way_in(client, environment, organization):
    set_policy(organization, sso_required=True)
    token = client.password("ada@example.com").json()["pending_authentication_token"]

    answer = client.select(token, organization.id)

    assert answer.json()["error"] == "sso_required"


def test_a_method_that_the_organization_closed_is_refused_with_those_that_are_open(
    client, environment, organization
):
    connection = make_connection(environment, organization)
    make_connection(environment, connection_type="GoogleOAuth")
    set_policy(organization, password_allowed=False)

    answer = client.password("ada@example.com")

    assert answer.status_code == 403
    body = answer.json()
    body.pop("pending_authentication_token")
    assert body == {
        "error": "organization_authentication_methods_required",
        "error_description": METHODS_TEXT,
        "code": "organization_authentication_methods_required",
        "message": METHODS_TEXT,
        "email": "ada@example.com",
        "sso_connection_ids": [connection.id],
        "auth_methods": {
            "apple_oauth": False,
            "github_oauth": False,
            "google_oauth": True,
            "magic_auth": True,
            "microsoft_oauth": False,
            "password": False,
        },
    }


def test_an_organization_opens_nothing_that_its_environment_closed(client, environment, organization):
    update_authentication_settings(environment=environment, changes={"magic_auth_enabled": False})
    set_policy(organization, password_allowed=False, magic_auth_allowed=True)

    assert client.password("ada@example.com").json()["auth_methods"]["magic_auth"] is False


def test_policy_comes_before_the_proof_of_the_mailbox(client, environment, organization):
    grace = make_user(environment, email="grace@example.com", password=PASSWORD)
    make_membership(organization, grace)
    set_policy(organization, sso_required=True)

    assert client.password("grace@example.com").json()["code"] == "sso_required"


def test_the_policy_of_one_of_several_organizations_counts_once_it_is_chosen(
    client, environment, organization, user
):
    other = make_organization(environment, name="Bar Inc")
    make_membership(other, user)
    set_policy(organization, sso_required=True)
    asked = client.password("ada@example.com").json()
    assert asked["code"] == "organization_selection_required"

    refused = client.select(asked["pending_authentication_token"], organization.id)
    assert refused.json()["code"] == "sso_required"
    assert client.select(asked["pending_authentication_token"], other.id).status_code == 200


def test_an_invitation_is_no_way_around_the_policy_of_its_organization(client, environment, organization):
    newcomer = make_user(environment, email="new@example.com", password=PASSWORD, email_verified=True)
    set_policy(organization, sso_required=True)
    invitation = make_invitation(environment, "new@example.com", organization)

    answer = client.password("new@example.com", invitation_token=invitation.token)

    assert answer.json()["code"] == "sso_required"
    memberships = OrganizationMembership.objects.in_environment(environment).filter(user=newcomer)
    assert not memberships.filter(status="active").exists()


# --- Second factors and lifetimes ---------------------------------------------------------------------------------


def test_an_organization_may_ask_for_a_second_factor_that_the_environment_does_not(
    client, environment, organization
):
    update_authentication_settings(environment=environment, changes={"mfa_policy": "off"})
    set_policy(organization, mfa_policy="required")

    assert client.password("ada@example.com").json()["code"] == "mfa_enrollment"


def test_an_organization_cannot_waive_the_environments_second_factor(client, environment, organization):
    update_authentication_settings(environment=environment, changes={"mfa_policy": "required"})
    set_policy(organization, mfa_policy="off")

    assert client.password("ada@example.com").json()["code"] == "mfa_enrollment"


def test_a_session_ends_at_the_shorter_of_both_maximum_ages(
    client, environment, organization, user, time_machine
):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    set_policy(organization, session_maximum_seconds=3600)
    signed_in = client.sign_in("ada@example.com")
    session = Session.objects.in_environment(environment).get()
    assert (session.expires_at - session.created_at).total_seconds() == 3600

    time_machine.shift(1800)
    refreshed = client.refresh(signed_in["refresh_token"])
    assert refreshed.status_code == 200
    time_machine.shift(1801)

    answer = client.refresh(refreshed.json()["refresh_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_policy_that_shortens_sessions_counts_at_the_next_refresh(
    client, environment, organization, time_machine
):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    signed_in = client.sign_in("ada@example.com")
    time_machine.shift(600)

    set_policy(organization, session_inactivity_seconds=300)

    answer = client.refresh(signed_in["refresh_token"])
    assert answer.json() == {
        "error": "invalid_grant",
        "error_description": "Refresh token has expired.",
    }


# --- Refreshing and switching -------------------------------------------------------------------------------------


def test_a_switch_into_an_organization_that_requires_sso_is_refused_and_spends_nothing(
    client, environment, organization, user
):
    strict = make_organization(environment, name="Strict")
    make_membership(strict, user)
    set_policy(strict, sso_required=True)
    asked = client.password("ada@example.com").json()
    signed_in = client.select(asked["pending_authentication_token"], organization.id).json()

    refused = client.refresh(signed_in["refresh_token"], organization_id=strict.id)

    assert (refused.status_code, refused.json()["error"]) == (403, "sso_required")
    assert client.refresh(signed_in["refresh_token"]).json()["organization_id"] == organization.id


def test_a_switch_asks_for_the_second_factor_of_the_other_organization(
    client, environment, organization, user
):
    strict = make_organization(environment, name="Strict")
    make_membership(strict, user)
    set_policy(strict, mfa_policy="required")
    asked = client.password("ada@example.com").json()
    signed_in = client.select(asked["pending_authentication_token"], organization.id).json()
    refused = client.refresh(signed_in["refresh_token"], organization_id=strict.id).json()
    assert refused["code"] == "mfa_enrollment"

    factor = make_totp_factor(user)
    refused = client.refresh(signed_in["refresh_token"], organization_id=strict.id).json()
    assert refused["code"] == "mfa_challenge"
    done = client.second_factor(
        refused["pending_authentication_token"], client.challenge(factor.id), code_of(factor.totp_secret)
    )
    assert done.json()["organization_id"] == strict.id


def test_an_organization_that_begins_to_require_sso_stops_sessions_that_came_otherwise(client, organization):
    signed_in = client.sign_in("ada@example.com")
    set_policy(organization, sso_required=True)

    answer = client.refresh(signed_in["refresh_token"])

    assert (answer.status_code, answer.json()["error"]) == (403, "sso_required")


# --- Domains ------------------------------------------------------------------------------------------------------


@pytest.fixture
def holder(environment):
    """The organization that holds example.com, to which nobody belongs yet."""
    row = make_organization(environment, name="Holder")
    make_domain(row, "example.com", "verified")
    return row


def test_a_domain_policy_counts_for_people_who_belong_to_nobody(client, environment, holder, user):
    connection = make_connection(environment, holder)
    set_policy(holder, governs_domains=True, sso_required=True)

    body = client.password("ada@example.com").json()

    assert (body["code"], body["connection_ids"]) == ("sso_required", [connection.id])


def test_a_domain_policy_does_not_count_for_other_domains_or_subdomains(client, environment, holder):
    set_policy(holder, governs_domains=True, sso_required=True)
    for email in ("eve@example.org", "eve@sub.example.com", "eve@notexample.com"):
        make_user(environment, email=email, password=PASSWORD, email_verified=True)
        assert client.password(email).status_code == 200


def test_a_domain_that_is_merely_claimed_governs_nobody(client, environment, user):
    squatter = make_organization(environment, name="Squatter")
    make_domain(squatter, "example.com", "pending")
    set_policy(squatter, governs_domains=True, sso_required=True)

    assert client.password("ada@example.com").status_code == 200


def test_a_domain_policy_of_another_environment_governs_nobody(client, other_environment, user):
    elsewhere = make_organization(other_environment, name="Elsewhere")
    make_domain(elsewhere, "example.com", "verified")
    set_policy(elsewhere, governs_domains=True, sso_required=True)

    assert client.password("ada@example.com").status_code == 200


def test_a_policy_that_does_not_govern_its_domains_leaves_strangers_alone(client, holder, user):
    set_policy(holder, sso_required=True)

    assert client.password("ada@example.com").status_code == 200


def test_the_mailbox_of_now_decides_and_not_the_one_of_the_sign_in(client, environment, holder, user):
    set_policy(holder, governs_domains=True, password_allowed=False)
    update_user(user=user, actor=SYSTEM, email="ada@elsewhere.test")

    assert client.password("ada@elsewhere.test").json()["code"] == "email_verification_required"


def test_whoever_proved_a_mailbox_at_the_domain_becomes_a_member_by_signing_in(
    client, environment, holder, user, emitted
):
    set_policy(holder, joins_by_domain=True)

    signed_in = client.sign_in("ada@example.com")

    assert signed_in["organization_id"] == holder.id
    assert client.claims(signed_in["access_token"])["role"] == "member"
    assert emitted()[-3:] == [
        "authentication.password_succeeded",
        "organization_membership.created",
        "session.created",
    ]


def test_an_unproven_mailbox_joins_nobody_until_it_is_proven(client, environment, holder):
    set_policy(holder, joins_by_domain=True)
    grace = make_user(environment, email="grace@example.com", password=PASSWORD)
    memberships = OrganizationMembership.objects.in_environment(environment).filter(user=grace)

    asked = client.password("grace@example.com").json()
    assert asked["code"] == "email_verification_required"
    assert not memberships.exists()

    update_authentication_settings(environment=environment, changes={"email_verification_required": False})
    assert client.sign_in("grace@example.com")["organization_id"] is None
    assert not memberships.exists()


def test_a_suspended_member_does_not_come_back_by_domain(client, environment, holder, user):
    membership = make_membership(holder, user)
    OrganizationMembership.objects.in_environment(environment).filter(pk=membership.pk).update(
        status="inactive"
    )
    set_policy(holder, joins_by_domain=True)

    assert client.sign_in("ada@example.com")["organization_id"] is None


def test_nobody_joins_by_a_way_that_the_organization_refuses(client, environment, holder, user):
    set_policy(holder, joins_by_domain=True, governs_domains=True, sso_required=True)

    assert client.password("ada@example.com").json()["code"] == "sso_required"
    assert not OrganizationMembership.objects.in_environment(environment).exists()


# --- Coming through a connection ----------------------------------------------------------------------------------


def come_through(user, connection):
    return begin_attempt(
        user, AuthenticationMethod.SSO, Origin(), policy_of(user.environment), connection=connection
    )


def test_whoever_comes_through_the_organizations_own_connection_is_let_in(environment, organization, user):
    set_policy(organization, sso_required=True, mfa_policy="required")

    outcome = come_through(user, make_connection(environment, organization))

    assert isinstance(outcome, SignedIn)
    assert outcome.session.organization_id == organization.id


@pytest.mark.parametrize("whose", ["another organization's", "the environment's", "nobody's"])
def test_another_connection_does_not_pass_for_the_organizations_own(environment, organization, user, whose):
    set_policy(organization, sso_required=True)
    attacker = make_organization(environment, name="Attacker")
    connections = {
        "another organization's": make_connection(environment, attacker),
        "the environment's": make_connection(environment, connection_type="GoogleOAuth"),
        "nobody's": None,
    }

    outcome = come_through(user, connections[whose])

    assert isinstance(outcome, StepRequired)
    assert outcome.step == "sso_required"


def test_a_customer_cannot_vouch_for_people_of_another_customers_domain(environment, holder, user):
    set_policy(holder, governs_domains=True, sso_required=True)
    attacker = make_organization(environment, name="Attacker")
    make_membership(attacker, user)
    set_policy(attacker, sso_required=True)

    outcome = come_through(user, make_connection(environment, attacker))

    assert isinstance(outcome, StepRequired)
    assert outcome.details["connection_ids"] == []


def test_a_guest_comes_through_the_provider_of_their_own_company(environment, holder, user):
    set_policy(holder, governs_domains=True, sso_required=True)
    host = make_organization(environment, name="Host")
    make_membership(host, user)
    set_policy(host, sso_required=True)

    outcome = come_through(user, make_connection(environment, holder))

    assert isinstance(outcome, SignedIn)
    assert outcome.session.organization_id == host.id


def test_a_session_that_came_through_a_connection_is_refreshed_while_sso_is_required(
    client, environment, organization, user
):
    set_policy(organization, sso_required=True)
    outcome = come_through(user, make_connection(environment, organization))

    assert client.refresh(outcome.refresh_token).status_code == 200


def test_an_organization_may_refuse_sso_and_take_passwords(client, environment, organization, user):
    set_policy(organization, sso_allowed=False)

    outcome = come_through(user, make_connection(environment, organization))

    assert outcome.step == "organization_authentication_methods_required"
    assert outcome.details["sso_connection_ids"] == []
    assert client.password("ada@example.com").status_code == 200
