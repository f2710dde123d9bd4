"""An identity provider signs somebody out here: what began by its session ends, and nothing else does."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from authentication import services
from authentication.models import HostedSession, Session, SignInAttempt
from foundation import clock
from sso.models import Connection, Profile, ProviderSession, SSOSession
from sso.services.provider_sessions import note_provider_session
from tests.api_client import ApiClient
from tests.factories.organizations import make_domain, make_organization
from tests.factories.sso import make_oidc_connection, make_saml_connection
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, rsa_key, run_provider
from tests.sso.browser import (
    SSOBrowser,
    leave_as_user,
    local,
    profile_of,
    query_of,
    said_of,
    saml_answer,
    sign_in_user,
    tokens_of,
)
from tests.sso.logout_messages import logout_request, logout_token
from tests.sso.saml.identity_provider import Forge


def is_open(session: Session) -> bool:
    session.refresh_from_db()
    return session.ended_at is None


def post_request(connection: Connection, message: str, relay_state: str = "theirs"):
    return Client().post(
        f"/sso/saml/{connection.id}/slo", {"SAMLRequest": message, "RelayState": relay_state}
    )


# --- SAML -------------------------------------------------------------------------------------------------------


def test_a_request_for_a_person_ends_all_that_they_began_through_the_connection(
    api, saml_connection, company_idp, last_event
):
    at_home = sign_in_user(api, saml_connection, company_idp, session_index="_home")
    at_work = sign_in_user(api, saml_connection, company_idp, session_index="_work")

    answer = post_request(saml_connection, logout_request(saml_connection, company_idp))

    assert not is_open(at_home)
    assert not is_open(at_work)
    assert answer.status_code == 302
    assert answer["Location"].startswith(company_idp.slo_url)
    assert query_of(answer["Location"])["RelayState"] == "theirs"
    # The event says that the provider did it.
    assert last_event("session.revoked")["actor"] == ("system", saml_connection.id)


def test_a_request_for_a_session_leaves_the_persons_others(api, saml_connection, company_idp):
    at_home = sign_in_user(api, saml_connection, company_idp, session_index="_home")
    at_work = sign_in_user(api, saml_connection, company_idp, session_index="_work")

    post_request(saml_connection, logout_request(saml_connection, company_idp, sessions=["_work", "_other"]))

    assert is_open(at_home)
    assert not is_open(at_work)


def test_a_sign_in_that_was_told_no_session_is_meant_by_any_of_its_person(api, saml_connection, company_idp):
    unnamed = sign_in_user(api, saml_connection, company_idp, session_index="")
    post_request(saml_connection, logout_request(saml_connection, company_idp, sessions=["_any"]))
    assert not is_open(unnamed)


def test_the_browser_is_signed_out_of_our_pages_too(api, environment, saml_connection, company_idp):
    sign_in_user(api, saml_connection, company_idp)
    post_request(saml_connection, logout_request(saml_connection, company_idp))
    assert HostedSession.objects.in_environment(environment).get().ended_at is not None


def test_what_other_people_began_stays_though_a_session_of_theirs_has_the_same_name(
    api, saml_connection, company_idp
):
    ada = sign_in_user(api, saml_connection, company_idp, session_index="_1")
    grace = sign_in_user(
        api, saml_connection, company_idp, subject="grace-1", email="grace@example.com", session_index="_1"
    )

    post_request(saml_connection, logout_request(saml_connection, company_idp, sessions=["_1"]))

    assert not is_open(ada)
    assert is_open(grace)


def test_another_connections_provider_ends_nothing_of_this_one(
    api, environment, company, saml_connection, company_idp
):
    """A customer's provider signs another customer's person out, by their name there."""
    ada = sign_in_user(api, saml_connection, company_idp)
    other = make_organization(environment, "Other")
    make_domain(other, "other.example", "verified")
    evil = Forge(entity_id="https://evil.example/metadata", name="evil.example")
    theirs = make_saml_connection(
        other,
        saml={
            "idp_entity_id": evil.entity_id,
            "idp_sso_url": evil.sso_url,
            "idp_slo_url": evil.slo_url,
            "idp_certificates": [evil.certificate_pem],
        },
    )

    at_theirs = post_request(theirs, logout_request(theirs, evil, sessions=["_session1"]))
    at_ours = post_request(saml_connection, logout_request(saml_connection, evil))

    assert at_theirs.status_code == 302
    assert at_ours.status_code == 403
    assert is_open(ada)


def test_a_request_that_nobody_signed_ends_nothing_and_leaves_its_trail(api, saml_connection, company_idp):
    ada = sign_in_user(api, saml_connection, company_idp)

    refused = post_request(saml_connection, logout_request(saml_connection, company_idp, sign=False))

    assert refused.status_code == 403
    assert is_open(ada)
    row = SSOSession.unscoped.get(kind="logout")
    assert (row.state, row.failure) == ("failed", "message_not_signed")


def test_a_request_counts_once(api, saml_connection, company_idp):
    sign_in_user(api, saml_connection, company_idp)
    message = logout_request(saml_connection, company_idp)
    post_request(saml_connection, message)
    again = sign_in_user(api, saml_connection, company_idp)

    refused = post_request(saml_connection, message)

    assert refused.status_code == 403
    assert is_open(again)
    assert SSOSession.unscoped.filter(kind="logout", failure="answer_replayed").exists()


def test_a_request_that_counted_leaves_its_trail(api, saml_connection, company_idp):
    sign_in_user(api, saml_connection, company_idp)
    post_request(saml_connection, logout_request(saml_connection, company_idp))
    row = SSOSession.unscoped.get(kind="logout")
    assert row.state == "succeeded"
    assert "ada-1" in row.received["document"]
    assert "LogoutResponse" in row.sent["document"]


def test_whom_the_provider_signs_out_cannot_finish_a_sign_in_that_is_under_way(
    api, environment, saml_connection, company_idp
):
    browser = SSOBrowser(environment)
    left = leave_as_user(browser.client, saml_connection)
    back = browser.post_answer(
        saml_connection, saml_answer(saml_connection, company_idp), query_of(left["Location"])["RelayState"]
    )

    post_request(saml_connection, logout_request(saml_connection, company_idp))

    refused = tokens_of(api, environment, query_of(back["Location"])["code"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert not Session.objects.in_environment(environment).exists()


def test_the_token_of_a_profile_ends_and_a_code_opens_none(
    api, environment, browser, saml_connection, company_idp
):
    first = query_of(browser.sign_in_by_saml(saml_connection, company_idp)["Location"])["code"]
    token = profile_of(api, environment, first).json()["access_token"]
    second = query_of(browser.sign_in_by_saml(saml_connection, company_idp)["Location"])["code"]
    assert ApiClient(token).get("/sso/profile").status_code == 200

    post_request(saml_connection, logout_request(saml_connection, company_idp))

    assert ApiClient(token).get("/sso/profile").status_code == 401
    refused = profile_of(api, environment, second)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_the_token_of_somebody_else_stays(api, environment, browser, saml_connection, company_idp):
    back = browser.sign_in_by_saml(
        saml_connection, company_idp, change=said_of("grace-1", "grace@example.com", "_session1")
    )
    token = profile_of(api, environment, query_of(back["Location"])["code"]).json()["access_token"]
    post_request(saml_connection, logout_request(saml_connection, company_idp))
    assert ApiClient(token).get("/sso/profile").status_code == 200


def test_finding_a_persons_sessions_takes_as_many_queries_among_many_as_among_few(
    saml_connection, company_idp, api
):
    sign_in_user(api, saml_connection, company_idp)
    profile = Profile.unscoped.get()

    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            post_request(saml_connection, logout_request(saml_connection, company_idp, subject="nobody"))
        return len(captured)

    before = queries()
    for number in range(50):
        note_provider_session(profile, {"name_id": f"somebody-{number}", "session_index": f"_{number}"})
    assert queries() == before


# --- OpenID Connect ---------------------------------------------------------------------------------------------


@pytest.fixture
def provider():
    with run_provider() as running:
        running.claims |= {"email": "ada@example.com", "sid": "session-1"}
        yield running


@pytest.fixture
def oidc_connection(company, provider):
    return make_oidc_connection(
        company,
        oidc={"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    )


def sign_in_by_oidc(api, connection: Connection, provider, **claims: object) -> Session:
    provider.claims |= claims
    provider.userinfo["sub"] = provider.claims.get("sub", "person-1")
    client = Client()
    sent = query_of(leave_as_user(client, connection)["Location"])
    back = client.get(local(sent["redirect_uri"]), {"code": sent["nonce"], "state": sent["state"]})
    answer = tokens_of(api, connection.environment, query_of(back["Location"])["code"])
    assert answer.status_code == 200, answer.content
    newest = Session.objects.in_environment(connection.environment).order_by("-id").first()
    assert newest is not None
    return newest


def post_token(connection: Connection, token: str):
    return Client().post(f"/sso/oidc/{connection.id}/backchannel-logout", {"logout_token": token})


@pytest.mark.parametrize("named", [{"sid": "session-2"}, {"sid": "session-2", "sub": "person-1"}])
def test_a_logout_token_with_a_session_ends_that_one_alone(api, oidc_connection, provider, last_event, named):
    first = sign_in_by_oidc(api, oidc_connection, provider)
    second = sign_in_by_oidc(api, oidc_connection, provider, sid="session-2")

    answer = post_token(oidc_connection, logout_token(provider, **named))

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Cache-Control"] == "no-store"
    assert is_open(first)
    assert not is_open(second)
    assert last_event("session.revoked")["actor"] == ("system", oidc_connection.id)


def test_a_logout_token_with_a_person_alone_ends_all_of_theirs_and_nobody_elses(
    api, oidc_connection, provider
):
    first = sign_in_by_oidc(api, oidc_connection, provider)
    second = sign_in_by_oidc(api, oidc_connection, provider, sid="session-2")
    grace = sign_in_by_oidc(
        api, oidc_connection, provider, sub="person-2", sid="session-3", email="grace@example.com"
    )

    assert post_token(oidc_connection, logout_token(provider, sub="person-1")).status_code == 200

    assert not is_open(first)
    assert not is_open(second)
    assert is_open(grace)


def test_a_session_of_one_person_is_not_ended_in_the_name_of_another(api, oidc_connection, provider):
    ada = sign_in_by_oidc(api, oidc_connection, provider)
    post_token(oidc_connection, logout_token(provider, sid="session-1", sub="person-2"))
    assert is_open(ada)


def test_another_connections_session_of_the_same_name_stays(
    api, environment, oidc_connection, provider, company
):
    ada = sign_in_by_oidc(api, oidc_connection, provider)
    twin = make_oidc_connection(
        company,
        oidc={"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
    )

    token = logout_token(provider, sid="session-1", sub="person-1")
    assert post_token(twin, token).status_code == 200

    assert is_open(ada)


def test_a_logout_token_counts_once(api, oidc_connection, provider):
    sign_in_by_oidc(api, oidc_connection, provider)
    token = logout_token(provider, sub="person-1")
    assert post_token(oidc_connection, token).status_code == 200
    again = sign_in_by_oidc(api, oidc_connection, provider)

    refused = post_token(oidc_connection, token)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert is_open(again)
    assert SSOSession.unscoped.filter(kind="logout", failure="answer_replayed").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"events": ...},
        {"nonce": "n"},
        {"jti": ...},
        {"iat": ...},
        {"exp": 1},
        {"exp": 10**18},
        {"aud": "another-client"},
        {"iss": "https://evil.example"},
        {"sub": ...},
    ],
)
def test_a_logout_token_that_does_not_hold_ends_nothing_and_leaves_its_trail(
    api, oidc_connection, provider, changes
):
    ada = sign_in_by_oidc(api, oidc_connection, provider)

    refused = post_token(oidc_connection, logout_token(provider, **{"sub": "person-1", **changes}))

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert is_open(ada)
    row = SSOSession.unscoped.get(kind="logout")
    assert (row.state, row.failure) == ("failed", "oidc_logout_token_invalid")


def test_a_logout_token_of_another_key_ends_nothing(api, oidc_connection, provider):
    ada = sign_in_by_oidc(api, oidc_connection, provider)
    provider.signing_key = rsa_key("attacker")
    assert post_token(oidc_connection, logout_token(provider, sub="person-1")).status_code == 400
    assert is_open(ada)


def test_no_id_token_passes_for_a_logout_token(api, oidc_connection, provider):
    ada = sign_in_by_oidc(api, oidc_connection, provider)
    assert post_token(oidc_connection, provider.id_token("n")).status_code == 400
    assert is_open(ada)


def test_a_connection_that_is_none_is_not_found(client, saml_connection):
    for connection_id in ("conn_unknown", saml_connection.id):
        answer = client.post(f"/sso/oidc/{connection_id}/backchannel-logout", {"logout_token": "e30.e30."})
        assert answer.status_code == 404


def test_the_mapped_id_of_one_person_is_not_taken_for_the_subject_of_another(api, oidc_connection, provider):
    """Where another claim is the id, somebody's id may be somebody else's subject."""
    api.put(
        f"/connections/{oidc_connection.id}",
        {"attribute_maps": {"standard_attributes": {"idp_id": "number"}}},
    )
    ada = sign_in_by_oidc(api, oidc_connection, provider, number="person-2")
    assert Profile.unscoped.get().idp_id == "person-2"

    post_token(oidc_connection, logout_token(provider, sub="person-2"))
    assert is_open(ada)
    post_token(oidc_connection, logout_token(provider, sub="person-1"))
    assert not is_open(ada)


# --- what is kept -----------------------------------------------------------------------------------------------


def test_a_session_at_a_provider_is_kept_in_digests_and_sealed(api, saml_connection, company_idp):
    sign_in_user(api, saml_connection, company_idp, session_index="_a-secret-index")
    row = ProviderSession.unscoped.get()
    with database.cursor() as cursor:
        cursor.execute("SELECT * FROM sso_providersession")
        stored = repr(cursor.fetchall())
    assert row.session_digest
    assert row.subject_digest
    assert "ada-1" not in stored
    assert "_a-secret-index" not in stored


def test_it_is_removed_when_nothing_of_ours_began_by_it_any_more(api, saml_connection, company_idp, browser):
    kept = sign_in_user(api, saml_connection, company_idp)
    browser.sign_in_by_saml(saml_connection, company_idp)
    ProviderSession.unscoped.update(created_at=clock.now() - timedelta(days=89))
    services.purge_sign_ins()
    assert ProviderSession.unscoped.count() == 2

    ProviderSession.unscoped.update(created_at=clock.now() - timedelta(days=91))
    services.purge_sign_ins()

    assert ProviderSession.unscoped.get().id == kept.provider_session_id
    Session.unscoped.all().delete()
    HostedSession.unscoped.all().delete()
    SignInAttempt.unscoped.all().delete()
    services.purge_sign_ins()
    assert not ProviderSession.unscoped.exists()
