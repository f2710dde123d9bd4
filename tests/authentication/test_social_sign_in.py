"""Whose account a social provider's word opens, and what has to be proven first."""

import json

import pytest

from accounts.models import AuthenticationFactor, EmailVerification, Identity, MagicAuth, User
from accounts.services import enroll_totp_factor, ensure_identity, update_user
from authentication import services
from authentication.errors import (
    AuthenticationMethodNotAllowed,
    ProfileWithoutEmail,
    SignUpNotAllowed,
)
from authentication.models import AuthenticationMethod, Session, SignInAttempt
from authentication.services import Authenticated, Origin, StepRequired
from environments.services import update_authentication_settings
from foundation.actors import SYSTEM
from sso.models import Profile
from sso.oauth.catalogue import PROVIDERS, unsupported_types
from tests.authentication.browser import Browser, query_of
from tests.authentication.conftest import GRANT
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.organizations import make_membership, make_organization
from tests.factories.sso import make_oauth_connection

EMAIL = "ada@example.com"
HOSTED = Origin(ip_address="203.0.113.7", user_agent="Mozilla/5.0", is_hosted=True)
TOKENS = {
    "provider": "GitHubOAuth",
    "access_token": "gho_1",
    "refresh_token": "",
    "expires_at": 0,
    "scopes": ["repo"],
}


@pytest.fixture
def github(environment):
    return make_oauth_connection(environment, "GitHubOAuth")


@pytest.fixture
def come(github):
    """Come back from the provider as it describes the person."""

    def do(idp_id="subject-1", email=EMAIL, verified=True, connection=github, **options):
        profile, _ = Profile.objects.in_environment(connection.environment).update_or_create(
            connection=connection,
            idp_id=idp_id,
            defaults={"environment": connection.environment, "email": email, "email_verified": verified},
        )
        profile.connection = connection
        return services.sign_in_with_social_profile(profile=profile, origin=HOSTED, **options)

    return do


@pytest.fixture
def browser(environment):
    return Browser(environment)


@pytest.fixture
def exchange(browser, client):
    """Bring an attempt's code to the application, which exchanges it; returns the answer and the code."""

    def do(outcome):
        request = browser.open_request()
        url = services.issue_authorization_code(
            request=request, pending_authentication_token=outcome.pending_authentication_token
        )
        code = query_of(url)["code"]
        return client.authenticate("authorization_code", code=code), code

    return do


def identities(user):
    rows = Identity.objects.in_environment(user.environment)
    return sorted(rows.filter(user=user).values_list("provider", "idp_id"))


def verification_code(user):
    return EmailVerification.objects.in_environment(user.environment).filter(user=user).latest("id").code


def magic_code(client, user):
    client.http.__class__(client.client_secret).post("/user_management/magic_auth", {"email": user.email})
    return MagicAuth.objects.in_environment(user.environment).filter(user=user).latest("id").code


# --- a provider that vouches --------------------------------------------------------------------------------------


def test_somebody_new_becomes_a_user_with_an_identity(come, exchange, environment, emitted, api):
    answer, _ = exchange(come(oauth_tokens=TOKENS))
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["authentication_method"] == "GitHubOAuth"
    assert body["user"]["email_verified"] is True
    assert body["oauth_tokens"] == TOKENS
    session = Session.objects.in_environment(environment).get()
    sessions = api.get(f"/user_management/users/{body['user']['id']}/sessions").json()["data"]
    assert sessions[0]["auth_method"] == "oauth"
    assert session.connection_id is not None
    shown = api.get(f"/user_management/users/{body['user']['id']}/identities").json()
    assert shown == [{"idp_id": "subject-1", "type": "OAuth", "provider": "GithubOAuth"}]
    assert emitted()[-3:] == ["user.created", "authentication.oauth_succeeded", "session.created"]


def test_the_providers_tokens_are_handed_on_once_and_kept_nowhere(come, exchange, environment):
    answer, _ = exchange(come(oauth_tokens=TOKENS))
    assert answer.json()["oauth_tokens"]["access_token"] == "gho_1"
    attempt = SignInAttempt.objects.in_environment(environment).get()
    assert attempt.oauth_tokens is None
    assert "oauth_tokens" not in exchange(come())[0].json()


def test_the_identity_finds_its_user_whatever_the_address_says(come, user, exchange):
    ensure_identity(user=user, provider="GithubOAuth", idp_id="subject-1", email=EMAIL)
    answer, _ = exchange(come(email="moved@elsewhere.example"))
    assert answer.json()["user"]["id"] == user.id
    answer, _ = exchange(come(email="", verified=False))
    assert answer.json()["user"]["id"] == user.id


def test_a_verified_address_finds_the_account_that_was_proven(come, user, exchange):
    answer, _ = exchange(come())
    assert answer.json()["user"]["id"] == user.id
    assert identities(user) == [("GithubOAuth", "subject-1")]
    user.refresh_from_db()
    assert user.password, "what its owner had set stays"


def test_whoever_made_an_account_for_a_strangers_mailbox_loses_it_to_its_owner(come, environment, client):
    """Pre-hijacking: the attacker signs up with the victim's address and waits."""
    planted = make_user(environment, email=EMAIL, password=PASSWORD, email_verified=False)
    update_authentication_settings(environment=environment, changes={"email_verification_required": False})
    attackers = client.sign_in(EMAIL)
    ensure_identity(user=planted, provider="GoogleOAuth", idp_id="attacker", email=EMAIL)
    enroll_totp_factor(environment=environment, user=planted)
    assert isinstance(come(), Authenticated)
    planted.refresh_from_db()
    assert planted.email_verified
    assert identities(planted) == [("GithubOAuth", "subject-1")]
    assert client.password(EMAIL).status_code == 400
    assert client.refresh(attackers["refresh_token"]).json()["error"] == "invalid_grant"
    assert not AuthenticationFactor.objects.in_environment(environment).filter(user=planted).exists()


def test_an_identity_of_another_environment_opens_nothing_here(come, other_environment, environment):
    theirs = make_user(other_environment, email=EMAIL, email_verified=True)
    ensure_identity(user=theirs, provider="GithubOAuth", idp_id="subject-1", email=EMAIL)
    come()
    assert User.objects.in_environment(environment).get().id != theirs.id


# --- a provider that does not vouch -------------------------------------------------------------------------------


def test_an_unverified_address_opens_nobodys_account(come, user, exchange, client):
    answer, _ = exchange(come(verified=False))
    assert answer.status_code == 403
    body = answer.json()
    assert body["code"] == "email_verification_required"
    assert body["email"] == EMAIL
    assert body["email_verification_id"].startswith("email_verification_")
    assert identities(user) == []
    assert not Session.objects.in_environment(user.environment).exists()


def test_the_mailbox_proves_what_the_provider_did_not(come, user, exchange, client, emitted):
    refused = exchange(come(verified=False))[0].json()
    answer = client.verify_email(refused["pending_authentication_token"], verification_code(user))
    assert answer.status_code == 200, answer.content
    assert answer.json()["authentication_method"] == "GitHubOAuth"
    assert identities(user) == [("GithubOAuth", "subject-1")]
    assert "authentication.oauth_succeeded" in emitted()
    again, _ = exchange(come(verified=False))
    assert again.status_code == 200, "the identity is known by now"


def test_until_then_no_success_is_told_of_somebody_elses_account(come, user, emitted):
    come(verified=False)
    assert "authentication.oauth_succeeded" not in emitted()


def test_a_wrong_code_links_nothing(come, user, exchange, client):
    refused = exchange(come(verified=False))[0].json()
    wrong = f"{(int(verification_code(user)) + 1) % 1_000_000:06d}"
    assert client.verify_email(refused["pending_authentication_token"], wrong).status_code == 400
    assert identities(user) == []


def test_somebody_new_proves_the_mailbox_before_the_identity_is_linked(come, exchange, client, environment):
    """Else an attacker's identity would lie in the account that the mailbox's owner opens later."""
    refused = exchange(come(verified=False))[0].json()
    made = User.objects.in_environment(environment).get()
    assert (made.email, made.email_verified) == (EMAIL, False)
    assert identities(made) == []
    assert refused["code"] == "email_verification_required"
    # The attacker comes again, and is asked again.
    assert isinstance(come(verified=False), StepRequired)
    assert (
        client.verify_email(refused["pending_authentication_token"], verification_code(made)).status_code
        == 200
    )
    assert identities(made) == [("GithubOAuth", "subject-1")]


def test_verification_is_asked_for_even_where_the_environment_asks_nobody(come, user):
    update_authentication_settings(
        environment=user.environment, changes={"email_verification_required": False}
    )
    assert isinstance(come(verified=False), StepRequired)


def test_another_subject_under_a_known_address_proves_the_mailbox(come, user, exchange):
    """A domain that was sold: its new owner opens the accounts of the former one's people at the provider anew."""
    ensure_identity(user=user, provider="GithubOAuth", idp_id="subject-1", email=EMAIL)
    answer, _ = exchange(come(idp_id="subject-2", verified=True))
    assert answer.json()["code"] == "email_verification_required"
    assert identities(user) == [("GithubOAuth", "subject-1")]


def test_an_account_that_moved_to_another_address_meanwhile_is_not_linked(come, user, exchange, client):
    refused = exchange(come(verified=False))[0].json()
    code = verification_code(user)
    update_user(user=user, actor=SYSTEM, email="moved@example.com", email_verified=True)
    assert client.verify_email(refused["pending_authentication_token"], code).status_code == 400
    assert identities(user) == []


def test_a_second_factor_does_not_go_around_the_mailbox(come, user, exchange, client):
    factor = enroll_totp_factor(environment=user.environment, user=user).factor
    refused = exchange(come(verified=False))[0].json()
    assert refused["code"] == "email_verification_required"
    assert factor.id not in json.dumps(refused)


def test_choosing_an_organization_does_not_go_around_the_mailbox(come, user, exchange, client):
    for name in ("Acme", "Globex"):
        make_membership(make_organization(user.environment, name=name), user)
    refused = exchange(come(verified=False))[0].json()
    organization = user.memberships.first().organization_id
    answer = client.select(refused["pending_authentication_token"], organization)
    assert answer.json()["code"] == "email_verification_required"


# --- link_authorization_code --------------------------------------------------------------------------------------


def redeem(client, code, **fields):
    return client.authenticate(GRANT + "magic-auth:code", code=code, email=EMAIL, **fields)


def test_a_code_by_mail_links_the_identity_of_the_refused_exchange(come, user, exchange, client):
    refused, code = exchange(come(verified=False))
    answer = redeem(client, magic_code(client, user), link_authorization_code=code)
    assert answer.status_code == 200, answer.content
    assert answer.json()["authentication_method"] == "MagicAuth"
    assert identities(user) == [("GithubOAuth", "subject-1")]
    pending = refused.json()["pending_authentication_token"]
    assert client.verify_email(pending, "123456").json()["code"] == "invalid_pending_authentication_token"
    again = redeem(client, magic_code(client, user), link_authorization_code=code)
    assert again.json()["error"] == "invalid_link_authorization_code"


def test_the_code_of_somebody_elses_exchange_links_nothing(come, user, exchange, client, environment):
    make_user(environment, email="eve@example.com", email_verified=True)
    _, code = exchange(come(email="eve@example.com", idp_id="eve", verified=False))
    mailed = magic_code(client, user)
    answer = redeem(client, mailed, link_authorization_code=code)
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_link_authorization_code"
    assert identities(user) == []
    assert redeem(client, mailed).status_code == 200, "the refusal gave the code back"


@pytest.mark.parametrize("code", ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", "é" * 500])
def test_a_code_that_never_was_links_nothing(user, client, code):
    answer = redeem(client, magic_code(client, user), link_authorization_code=code)
    assert answer.json()["error"] == "invalid_link_authorization_code"
    assert not Session.objects.in_environment(user.environment).exists()


def test_a_code_that_was_exchanged_for_tokens_links_nothing(come, user, exchange, client):
    _, code = exchange(come())
    answer = redeem(client, magic_code(client, user), link_authorization_code=code)
    assert answer.json()["error"] == "invalid_link_authorization_code"


def test_a_code_that_nobody_has_exchanged_yet_links_nothing(come, user, browser, client):
    outcome = come(verified=False)
    url = services.issue_authorization_code(
        request=browser.open_request(), pending_authentication_token=outcome.pending_authentication_token
    )
    answer = redeem(client, magic_code(client, user), link_authorization_code=query_of(url)["code"])
    assert answer.json()["error"] == "invalid_link_authorization_code"
    assert identities(user) == []


def test_a_code_of_another_environment_links_nothing(come, user, exchange, other_client, other_environment):
    _, code = exchange(come(verified=False))
    theirs = make_user(other_environment, email=EMAIL, email_verified=True)
    answer = redeem(other_client, magic_code(other_client, theirs), link_authorization_code=code)
    assert answer.json()["error"] == "invalid_link_authorization_code"


# --- what is refused ----------------------------------------------------------------------------------------------


def test_a_provider_that_names_no_address_makes_no_account(come, environment):
    for email in ("", "not an address"):
        with pytest.raises(ProfileWithoutEmail):
            come(email=email)
    assert not User.objects.in_environment(environment).exists()


def test_where_sign_up_is_closed_nobody_new_comes_in(come, user, environment):
    update_authentication_settings(environment=environment, changes={"sign_up_enabled": False})
    assert isinstance(come(), Authenticated)
    for verified in (True, False):
        with pytest.raises(SignUpNotAllowed):
            come(email="new@example.com", idp_id="new", verified=verified)
    assert User.objects.in_environment(environment).count() == 1


def test_an_environment_can_do_without_social_providers(come, environment):
    update_authentication_settings(environment=environment, changes={"social_enabled": False})
    with pytest.raises(AuthenticationMethodNotAllowed):
        come()


def test_every_social_type_is_a_method():
    for kind in (*PROVIDERS, *unsupported_types()):
        assert AuthenticationMethod(kind.value)
