"""From a profile to a user: signing in to an application by ``/user_management``, through an identity provider."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from django.test import Client

from accounts.models import EmailVerification, User
from accounts.services import create_user, update_user
from foundation.actors import SYSTEM
from organizations.models import Organization, OrganizationMembership
from sso.models import Connection, Profile
from tests.api_client import ApiClient
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.organizations import make_domain, make_invitation, make_membership, make_organization
from tests.factories.sso import make_oauth_connection, make_saml_connection
from tests.sso.browser import CALLBACK, SSOBrowser, local, query_of, saml_answer
from tests.sso.saml.identity_provider import Forge


@pytest.fixture
def company(environment):
    organization = make_organization(environment)
    make_domain(organization, "example.com", "verified")
    return organization


@pytest.fixture
def idp() -> Forge:
    return Forge()


def connect(organization, idp, **changes):
    return make_saml_connection(
        organization,
        saml={
            "idp_entity_id": idp.entity_id,
            "idp_sso_url": idp.sso_url,
            "idp_certificates": [idp.certificate_pem],
        },
        **changes,
    )


@pytest.fixture
def connection(company, idp):
    return connect(company, idp)


@dataclass
class Application(SSOBrowser):
    """An application that sends its people to ``/user_management/authorize``, and a company that is its customer."""

    api: ApiClient = field(kw_only=True)
    company: Organization = field(kw_only=True)
    connection: Connection = field(kw_only=True)
    idp: Forge = field(kw_only=True)

    def elsewhere(self) -> "Application":
        """Return the same in another browser."""
        return replace(self, client=Client())

    def authorize(self, **parameters: Any) -> Any:
        query = {
            "client_id": self.environment.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "the application's state",
            **parameters,
        }
        return self.client.get("/user_management/authorize", {k: v for k, v in query.items() if v})

    def come_back(self, left: Any) -> Any:
        """Return the answer to what the provider posts."""
        relay_state = query_of(left["Location"])["RelayState"]
        return self.post_answer(self.connection, saml_answer(self.connection, self.idp), relay_state)

    def sign_in(self, **parameters: Any) -> Any:
        left = self.leave(**(parameters or {"connection_id": self.connection.id}))
        assert left.status_code == 302, left.content
        return self.come_back(left)

    def tokens(self, response: Any) -> Any:
        """Return the reply for the code that a browser came back with."""
        assert response.status_code == 302, response.content
        query = query_of(response["Location"])
        assert "code" in query, query
        assert query["state"] == "the application's state"
        answer = self.api.post(
            "/user_management/authenticate",
            {
                "client_id": self.environment.client_id,
                "client_secret": self.api.api_key,
                "grant_type": "authorization_code",
                "code": query["code"],
            },
        )
        assert answer.status_code == 200, answer.content
        return answer.json()


@pytest.fixture
def application(environment, api, company, connection, idp) -> Application:
    return Application(environment, api=api, company=company, connection=connection, idp=idp)


def refusal_of(response):
    assert response.status_code == 302, response.content
    query = query_of(response["Location"])
    assert response["Location"].startswith(CALLBACK)
    assert query["state"] == "the application's state"
    return query["error"]


# --- the first sign-in ------------------------------------------------------------------------------------------


def test_whoever_comes_for_the_first_time_becomes_a_user_and_a_member(application):
    body = application.tokens(application.sign_in())

    assert body["authentication_method"] == "SSO"
    assert body["organization_id"] == application.company.id
    user = body["user"]
    assert (user["email"], user["email_verified"]) == ("ada@example.com", True)
    assert (user["first_name"], user["last_name"]) == ("Ada", "Lovelace")
    membership = OrganizationMembership.unscoped.get()
    assert (membership.user_id, membership.organization_id) == (user["id"], application.company.id)
    assert [role.slug for role in membership.roles.all()] == ["member"]


def test_events_tell_of_it(application, emitted, last_event):
    application.tokens(application.sign_in())

    assert {"user.created", "organization_membership.created", "session.created"} <= set(emitted())
    data = last_event("authentication.sso_succeeded")["data"]
    assert data["type"] == "sso"
    assert data["sso"] == {
        "organization_id": application.company.id,
        "connection_id": application.connection.id,
        "session_id": application.connection.sso_sessions.get().id,
    }
    assert last_event("session.created")["data"]["auth_method"] == "sso"


def test_an_organization_leads_to_its_connection(application):
    body = application.tokens(application.sign_in(organization_id=application.company.id))
    assert body["organization_id"] == application.company.id


def test_selectors_that_lead_nowhere_are_told_to_the_application(application, api):
    other = make_organization(application.environment, "Other")
    assert refusal_of(application.authorize(connection_id="conn_unknown")) == "connection_invalid"
    assert refusal_of(application.authorize(organization_id=other.id)) == "organization_invalid"
    assert refusal_of(application.authorize(organization_id="org_unknown")) == "organization_invalid"
    assert refusal_of(application.authorize(provider="GoogleOAuth")) == "connection_invalid"
    connect(application.company, Forge())
    assert (
        refusal_of(application.authorize(organization_id=application.company.id))
        == "ambiguous_connection_selector"
    )
    api.put(f"/connections/{application.connection.id}", {"state": "inactive"})
    assert refusal_of(application.authorize(connection_id=application.connection.id)) == "connection_unlinked"


def test_an_environment_may_take_nobody_who_comes_through_a_provider(application):
    settings = application.environment.authentication_settings
    settings.sso_enabled = False
    settings.save(update_fields=["sso_enabled"])
    assert refusal_of(application.authorize(connection_id=application.connection.id)) == "connection_invalid"


def test_the_hints_of_the_application_reach_the_provider(application):
    application.leave(connection_id=application.connection.id, login_hint="ada@example.com", prompt="login")
    sent = application.connection.sso_sessions.get().sent
    assert 'ForceAuthn="true"' in sent["document"]


# --- who it is --------------------------------------------------------------------------------------------------


def test_who_comes_again_is_the_same_user(application):
    first = application.tokens(application.sign_in())
    again = application.tokens(application.elsewhere().sign_in())
    assert again["user"]["id"] == first["user"]["id"]
    assert User.unscoped.count() == 1


def test_an_account_with_an_address_of_the_companys_domain_is_taken_over(application):
    user = make_user(application.environment, email="ada@example.com", email_verified=True, password=PASSWORD)
    body = application.tokens(application.sign_in())
    assert body["user"]["id"] == user.id
    user.refresh_from_db()
    assert user.password != ""


def test_what_somebody_prepared_for_an_unproven_address_is_taken_away(application, api):
    """A squatter signs up with the address and a password, and waits for its owner to come by."""
    squatted = make_user(application.environment, email="ada@example.com", password=PASSWORD)

    body = application.tokens(application.sign_in())

    assert body["user"]["id"] == squatted.id
    refused = api.post(
        "/user_management/authenticate",
        {
            "client_id": application.environment.client_id,
            "client_secret": api.api_key,
            "grant_type": "password",
            "email": "ada@example.com",
            "password": PASSWORD,
        },
    )
    assert refused.status_code == 400


def test_a_provider_says_nothing_about_an_account_whose_domain_it_does_not_own(application, api, last_event):
    """Otherwise any customer could sign in as any other customer's people."""
    victim = make_user(application.environment, email="ceo@bigcorp.example", email_verified=True)
    api.put(f"/organizations/{application.company.id}", {"allow_profiles_outside_organization": True})
    application.idp.attributes = {"email": ["ceo@bigcorp.example"]}

    assert refusal_of(application.sign_in()) == "access_denied"

    assert not OrganizationMembership.unscoped.filter(user=victim).exists()
    assert Profile.unscoped.get().user_id is None
    data = last_event("authentication.sso_failed")["data"]
    assert data["sso"]["connection_id"] == application.connection.id
    assert data["email"] == "ceo@bigcorp.example"


def test_a_connection_that_names_its_domains_speaks_for_no_other_of_its_organization(application, api):
    """The provider of a subsidiary says nothing of the people of the one beside it."""
    make_domain(application.company, "subsidiary.example", "verified")
    victim = make_user(application.environment, email="ceo@example.com", email_verified=True)
    api.put(f"/connections/{application.connection.id}", {"domains": ["subsidiary.example"]})
    application.idp.attributes = {"email": [victim.email]}

    assert refusal_of(application.sign_in()) == "profile_not_allowed_outside_organization"
    api.put(f"/organizations/{application.company.id}", {"allow_profiles_outside_organization": True})
    assert refusal_of(application.elsewhere().sign_in()) == "access_denied"

    assert not OrganizationMembership.unscoped.filter(user=victim).exists()
    application.idp.attributes = {"email": ["grace@subsidiary.example"]}
    assert (
        application.tokens(application.elsewhere().sign_in())["user"]["email"] == "grace@subsidiary.example"
    )


def test_a_domain_that_is_lost_takes_the_word_of_the_provider_with_it(application, api):
    application.tokens(application.sign_in())
    api.put(
        f"/organizations/{application.company.id}",
        {"domain_data": [], "allow_profiles_outside_organization": True},
    )
    Profile.unscoped.update(user=None)
    assert refusal_of(application.elsewhere().sign_in()) == "access_denied"


def test_whoever_comes_from_outside_the_domains_proves_the_mailbox_first(application, api, client):
    api.put(f"/organizations/{application.company.id}", {"allow_profiles_outside_organization": True})
    application.idp.attributes = {"email": ["guest@elsewhere.example"]}

    answer = application.sign_in()

    assert answer.status_code == 303
    assert "/sign-in/verify-email" in answer["Location"]
    user = User.unscoped.get()
    assert user.email_verified is False
    assert Profile.unscoped.get().user_id is None
    # Proven elsewhere meanwhile, as by the mailbox's owner: this sign-in still waits for its own proof.
    update_user(user=user, actor=SYSTEM, email_verified=True)
    page = application.client.get(answer["Location"])
    assert page.status_code == 200
    refused = application.client.get(answer["Location"].replace("verify-email", "continue"))
    assert "verify-email" in refused["Location"]


def test_a_proven_mailbox_links_the_profile_for_good(application, api):
    api.put(f"/organizations/{application.company.id}", {"allow_profiles_outside_organization": True})
    application.idp.attributes = {"email": ["guest@elsewhere.example"]}
    answer = application.sign_in()
    user = User.unscoped.get()
    code = EmailVerification.unscoped.get().code

    page = application.client.post(answer["Location"], {"code": code}, follow=True)

    assert b"code=" in page.content
    assert Profile.unscoped.get().user_id == user.id
    again = application.tokens(application.elsewhere().sign_in())
    assert again["user"]["id"] == user.id


def test_a_new_address_at_the_provider_becomes_the_users_if_both_domains_are_the_companys(application):
    make_domain(application.company, "example.org", "verified")
    first = application.tokens(application.sign_in())
    application.idp.attributes = {"email": ["ada.king@example.org"]}

    again = application.tokens(application.elsewhere().sign_in())

    assert again["user"]["id"] == first["user"]["id"]
    assert again["user"]["email"] == "ada.king@example.org"
    assert again["user"]["email_verified"] is True


def test_an_account_that_moved_to_an_address_elsewhere_is_none_of_the_providers_business(application):
    first = application.tokens(application.sign_in())
    user = User.unscoped.get(pk=first["user"]["id"])
    update_user(user=user, actor=SYSTEM, email="ada@private.example", email_verified=True)

    again = application.tokens(application.elsewhere().sign_in())

    assert again["user"]["id"] != user.id
    assert again["user"]["email"] == "ada@example.com"


def test_a_person_with_two_connections_is_one_user(application):
    second_idp = Forge(entity_id="https://second.example.com/metadata", name="second.example.com")
    second = connect(application.company, second_idp)

    first = application.tokens(application.sign_in())
    elsewhere = replace(application.elsewhere(), connection=second, idp=second_idp)
    other = application.tokens(elsewhere.sign_in())

    assert first["user"]["id"] == other["user"]["id"]
    assert Profile.unscoped.filter(user_id=first["user"]["id"]).count() == 2


# --- what they may do -------------------------------------------------------------------------------------------


def test_roles_follow_the_groups_at_each_sign_in(application, api):
    api.put(f"/connections/{application.connection.id}", {"role_map": {"admins": "admin"}})
    application.tokens(application.sign_in())
    membership = OrganizationMembership.unscoped.get()
    assert [role.slug for role in membership.roles.all()] == ["admin"]

    application.idp.attributes = {**application.idp.attributes, "groups": ["engineers"]}
    application.tokens(application.elsewhere().sign_in())

    assert [role.slug for role in membership.roles.all()] == ["member"]


def test_without_a_role_map_the_roles_are_the_applications(application):
    user = make_user(application.environment, email="ada@example.com", email_verified=True)
    membership = make_membership(application.company, user, roles=("admin",))
    application.tokens(application.sign_in())
    assert [role.slug for role in membership.roles.all()] == ["admin"]


def test_whom_somebody_suspended_is_not_let_in_by_the_provider(application, api):
    user = make_user(application.environment, email="ada@example.com", email_verified=True)
    membership = make_membership(application.company, user)
    api.put(f"/user_management/organization_memberships/{membership.id}/deactivate")

    assert refusal_of(application.sign_in()) == "access_denied"

    membership.refresh_from_db()
    assert membership.status == "inactive"


def test_an_invitation_that_waits_is_accepted(application):
    create_user(
        environment=application.environment, actor=SYSTEM, email="ada@example.com", email_verified=True
    )
    invitation = make_invitation(
        application.environment, "ada@example.com", application.company, role_slug="admin"
    )

    application.tokens(application.sign_in())

    invitation.refresh_from_db()
    assert invitation.accepted_at is not None
    membership = OrganizationMembership.unscoped.get()
    assert (membership.status, [role.slug for role in membership.roles.all()]) == ("active", ["admin"])


def test_the_invitation_token_of_the_application_is_carried_along(application):
    invitation = make_invitation(
        application.environment, "ada@example.com", application.company, role_slug="admin"
    )
    response = application.sign_in(connection_id=application.connection.id, invitation_token=invitation.token)
    application.tokens(response)
    invitation.refresh_from_db()
    assert invitation.accepted_at is not None


# --- on our own pages -------------------------------------------------------------------------------------------


def open_sign_in_page(application, **parameters):
    return local(application.authorize(provider="authkit", **parameters)["Location"])


def target_of(page):
    match = re.search(r'content="0; url=([^"]+)"', page.content.decode())
    assert match is not None, page.content
    return local(match[1].replace("&amp;", "&"))


def test_an_address_of_a_proven_domain_leads_to_the_companys_provider(application):
    page = application.client.post(open_sign_in_page(application), {"email": "Ada@Example.com"})
    left = application.client.get(target_of(page))
    assert left["Location"].startswith(application.idp.sso_url)

    back = application.come_back(left)

    assert back["Location"].startswith(CALLBACK)
    assert "code=" in back["Location"]


def test_an_address_of_a_domain_that_is_only_claimed_leads_nowhere(application):
    claimer = make_organization(application.environment, "Claimer")
    make_domain(claimer, "claimed.example")
    connect(claimer, application.idp)
    answer = application.client.post(open_sign_in_page(application), {"email": "ada@claimed.example"})
    assert "/sign-in/password" in answer["Location"]


def test_a_refusal_on_our_pages_is_shown_to_the_person(application):
    page = application.client.post(open_sign_in_page(application), {"email": "ada@example.com"})
    left = application.client.get(target_of(page))
    application.idp.name = "somebody else's key"

    refused = application.come_back(left)

    assert refused.status_code == 403
    assert "answer was not accepted" in refused.content.decode()
    assert "/sign-in?request=" in refused.content.decode()


def test_a_provider_may_be_chosen_on_the_page_of_a_sign_in(application, other_environment):
    handle = query_of(application.authorize(provider="authkit")["Location"])["request"]
    page = application.client.get(f"/sign-in/through/{application.connection.id}?request={handle}")
    assert application.client.get(target_of(page))["Location"].startswith(application.idp.sso_url)

    foreign = connect(make_organization(other_environment), Forge())
    closed = application.client.get(f"/sign-in/through/{foreign.id}?request={handle}")
    assert closed.status_code == 403


def test_an_answer_in_another_browser_gives_that_browser_no_sign_in(application):
    left = application.leave(connection_id=application.connection.id)
    relay_state = query_of(left["Location"])["RelayState"]
    victim = application.elsewhere()
    refused = victim.post_answer(
        application.connection,
        saml_answer(application.connection, application.idp),
        relay_state,
        sent_once_more="1",
    )
    assert b"error=server_error" in refused.content
    assert not [
        name for name in victim.client.cookies if "session" in name and victim.client.cookies[name].value
    ]
    assert User.unscoped.count() == 0


# --- social providers -------------------------------------------------------------------------------------------


def test_a_social_provider_is_asked_for_by_name(application):
    make_oauth_connection(application.environment, "GoogleOAuth")
    left = application.leave(provider="GoogleOAuth")
    assert left["Location"].startswith("https://accounts.google.com/")
    assert "%2Fsso%2Foauth%2Fconn_" in left["Location"]
