"""Signing in at ``/sso`` by SAML and OpenID Connect, from the application's link to the profile."""

from datetime import timedelta

import pytest
from django.test import Client

from environments.api import limits
from foundation import clock
from foundation.errors import Unauthenticated
from sso import services
from sso.models import ExchangeState, Profile, SSOSession
from tests.api_client import ApiClient
from tests.authentication.browser import VERIFIER, challenge_of
from tests.factories.environments import make_api_key
from tests.factories.organizations import make_organization
from tests.factories.sso import make_oauth_connection, make_oidc_connection, make_saml_connection
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, run_provider
from tests.sso.browser import CALLBACK, SSOBrowser, local, pending_request_id, query_of, saml_answer


def token_request(environment, api, code, **fields):
    return {
        "client_id": environment.client_id,
        "client_secret": api.api_key,
        "grant_type": "authorization_code",
        "code": code,
        **fields,
    }


def code_of(response):
    assert response.status_code == 302, response.content
    assert response["Location"].startswith(CALLBACK), response["Location"]
    query = query_of(response["Location"])
    assert query["state"] == "the application's state"
    return query["code"]


def last_exchange(connection) -> SSOSession:
    return connection.sso_sessions.order_by("-id").first()


# --- the whole way ----------------------------------------------------------------------------------------------


def test_somebody_signs_in_by_saml_and_the_application_gets_the_profile(
    api, browser, saml_connection, company_idp, emitted
):
    code = code_of(browser.sign_in_by_saml(saml_connection, company_idp))

    answer = api.post("/sso/token", token_request(browser.environment, api, code))

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    profile = body["profile"]
    assert profile["idp_id"] == "ada-1"
    assert profile["email"] == "ada@example.com"
    assert (profile["first_name"], profile["last_name"]) == ("Ada", "Lovelace")
    assert profile["groups"] == ["engineers", "admins"]
    assert profile["raw_attributes"]["firstName"] == "Ada"
    assert profile["connection_id"] == saml_connection.id
    assert profile["connection_type"] == "OktaSAML"
    assert profile["organization_id"] == saml_connection.organization_id
    read_again = ApiClient(body["access_token"]).get("/sso/profile")
    assert read_again.json() == profile
    assert api.get(f"/connections/{saml_connection.id}").json()["state"] == "active"
    assert "connection.activated" in emitted()


def test_each_sign_in_leaves_its_trail(browser, saml_connection, company_idp):
    browser.sign_in_by_saml(saml_connection, company_idp)

    row = last_exchange(saml_connection)

    assert row.state == ExchangeState.SUCCEEDED
    assert row.profile is not None
    assert row.profile.email == "ada@example.com"
    assert "AuthnRequest" in row.sent["document"]
    assert "ada@example.com" in row.received["document"]
    assert (row.memory, row.purpose, row.handle_digest) == ("", "", None)


def test_somebody_signs_in_by_openid_connect(environment, api, company, browser, settings):
    with run_provider() as provider:
        provider.claims["email"] = "grace@example.com"
        connection = make_oidc_connection(
            company,
            oidc={"issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
        )
        left = browser.leave(organization=company.id, login_hint="grace@example.com")
        sent = query_of(left["Location"])
        assert sent["login_hint"] == "grace@example.com"
        assert sent["redirect_uri"].endswith(f"/sso/oidc/{connection.id}/callback")
        # The provider of the tests writes what the code says into the nonce.
        back = browser.client.get(
            local(sent["redirect_uri"]), {"code": sent["nonce"], "state": sent["state"]}
        )

    body = api.post("/sso/token", token_request(environment, api, code_of(back))).json()

    assert body["profile"]["email"] == "grace@example.com"
    assert body["profile"]["idp_id"] == "person-1"
    assert body["profile"]["groups"] == ["Engineering"]


def test_who_comes_again_keeps_the_profile_and_brings_it_up_to_date(
    environment, browser, saml_connection, company_idp
):
    browser.sign_in_by_saml(saml_connection, company_idp)
    first = Profile.objects.in_environment(environment).get()
    company_idp.attributes = {"email": ["ada@example.com"], "lastName": ["King"], "groups": []}

    browser.sign_in_by_saml(saml_connection, company_idp)

    again = Profile.objects.in_environment(environment).get()
    assert again.id == first.id
    assert (again.first_name, again.last_name, again.groups) == (None, "King", [])
    assert again.updated_at > first.updated_at


def test_groups_bring_roles_in_the_order_of_their_priority(api, browser, saml_connection, company_idp):
    api.put(f"/connections/{saml_connection.id}", {"role_map": {"engineers": "member", "admins": "admin"}})

    code = code_of(browser.sign_in_by_saml(saml_connection, company_idp))

    profile = api.post("/sso/token", token_request(browser.environment, api, code)).json()["profile"]
    assert [role["slug"] for role in profile["roles"]] == ["admin", "member"]
    assert profile["role"] == {"slug": "admin"}


def test_a_provider_that_wants_a_form_is_posted_one(api, browser, saml_connection):
    api.put(f"/connections/{saml_connection.id}", {"saml_options": {"idp_sso_binding": "post"}})

    page = browser.leave(connection=saml_connection.id)

    assert page.status_code == 200
    html = page.content.decode()
    assert 'action="https://idp.example.com/sso"' in html
    assert 'name="SAMLRequest"' in html
    assert "form-action 'self' https: http:" in page["Content-Security-Policy"]


def test_prompt_login_asks_the_provider_for_a_fresh_sign_in(browser, saml_connection):
    browser.leave(connection=saml_connection.id, prompt="login")
    assert 'ForceAuthn="true"' in last_exchange(saml_connection).sent["document"]


def test_a_script_that_asks_for_json_is_told_the_address(environment, anonymous, saml_connection):
    query = {
        "client_id": environment.client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "connection": saml_connection.id,
    }
    answer = anonymous.get("/sso/authorize", query, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert "/sso/start?exchange=" in answer.json()["url"]


# --- selectors and their refusals -------------------------------------------------------------------------------


def refusal_of(response):
    assert response.status_code == 302, response.content
    query = query_of(response["Location"])
    assert response["Location"].startswith(CALLBACK)
    assert query["state"] == "the application's state"
    assert query["error_description"]
    return query["error"]


def test_an_organization_leads_to_its_one_connection(browser, company, saml_connection):
    assert browser.leave(organization=company.id)["Location"].startswith("https://idp.example.com/sso?")


def test_two_connections_of_an_organization_are_ambiguous(browser, company, saml_connection):
    make_saml_connection(company)
    assert refusal_of(browser.authorize(organization=company.id)) == "ambiguous_connection_selector"
    assert browser.leave(connection=saml_connection.id).status_code == 302


def test_selectors_that_lead_nowhere_are_told_to_the_application(
    api, other_environment, browser, company, saml_connection
):
    empty = make_organization(browser.environment, "Empty")
    foreign = make_organization(other_environment, "Foreign")
    foreign_connection = make_saml_connection(foreign)

    assert refusal_of(browser.authorize()) == "invalid_connection_selector"
    both = browser.authorize(connection=saml_connection.id, organization=company.id)
    assert refusal_of(both) == "invalid_connection_selector"
    assert refusal_of(browser.authorize(domain="example.com")) == "domain_connection_selector_not_allowed"
    assert refusal_of(browser.authorize(connection="conn_unknown")) == "connection_invalid"
    assert refusal_of(browser.authorize(connection=foreign_connection.id)) == "connection_invalid"
    assert refusal_of(browser.authorize(organization="org_unknown")) == "organization_invalid"
    assert refusal_of(browser.authorize(organization=foreign.id)) == "organization_invalid"
    assert refusal_of(browser.authorize(organization=empty.id)) == "organization_invalid"
    assert refusal_of(browser.authorize(provider="GoogleOAuth")) == "connection_invalid"
    assert refusal_of(browser.authorize(provider="SmokeSignals")) == "invalid_connection_selector"
    assert refusal_of(browser.authorize(connection=saml_connection.id, response_type="token")) == (
        "unsupported_response_type"
    )
    api.put(f"/connections/{saml_connection.id}", {"state": "inactive"})
    assert refusal_of(browser.authorize(connection=saml_connection.id)) == "connection_unlinked"
    assert refusal_of(browser.authorize(organization=company.id)) == "connection_unlinked"


def test_an_organization_without_a_connection_is_told_in_the_words_of_the_reference(environment, browser):
    empty = make_organization(environment, "Empty")
    description = query_of(browser.authorize(organization=empty.id)["Location"])["error_description"]
    assert description == "No connection associated with organization"


def test_an_address_that_is_not_configured_gets_no_redirect(browser, saml_connection):
    answer = browser.authorize(connection=saml_connection.id, redirect_uri="https://evil.example/callback")
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_redirect_uri"
    assert "Location" not in answer


def test_an_unknown_client_is_not_found(browser, saml_connection):
    answer = browser.authorize(client_id="client_unknown", connection=saml_connection.id)
    assert answer.status_code == 404
    assert SSOSession.unscoped.count() == 0


def test_a_connection_switched_off_meanwhile_lets_nobody_leave(api, browser, saml_connection):
    start = browser.authorize(connection=saml_connection.id)["Location"]
    api.put(f"/connections/{saml_connection.id}", {"state": "inactive"})
    assert refusal_of(browser.client.get(local(start))) == "connection_unlinked"


# --- answers that are refused -----------------------------------------------------------------------------------


def test_a_refused_answer_is_told_in_short_to_the_application_and_at_length_in_the_trail(
    browser, saml_connection, company_idp
):
    company_idp.name = "somebody else's key"

    refused = browser.sign_in_by_saml(saml_connection, company_idp)

    assert refusal_of(refused) == "server_error"
    row = last_exchange(saml_connection)
    assert row.state == ExchangeState.FAILED
    assert row.failure == "unknown_certificate"
    assert "certificate" in row.sentence
    assert row.profile is None
    assert "ada@example.com" in row.received["document"]


def test_an_answer_counts_once(browser, saml_connection, company_idp):
    left = browser.leave(connection=saml_connection.id)
    relay_state = query_of(left["Location"])["RelayState"]
    response = saml_answer(saml_connection, company_idp)
    code_of(browser.post_answer(saml_connection, response, relay_state))

    again = browser.post_answer(saml_connection, response, relay_state)

    assert again.status_code == 403
    assert Profile.unscoped.count() == 1


def test_an_assertion_that_was_accepted_is_refused_under_another_exchange(
    browser, saml_connection, company_idp, monkeypatch
):
    """Were the request id guessed, or the provider careless, the assertion's own id still counts once."""
    left = browser.leave(connection=saml_connection.id)
    response = saml_answer(saml_connection, company_idp)
    request_id = pending_request_id(saml_connection)
    code_of(browser.post_answer(saml_connection, response, query_of(left["Location"])["RelayState"]))

    left = browser.leave(connection=saml_connection.id)
    row = last_exchange(saml_connection)
    row.memory = f'{{"request_id": "{request_id}"}}'
    row.save(update_fields=["memory"])
    refused = browser.post_answer(saml_connection, response, query_of(left["Location"])["RelayState"])

    assert refusal_of(refused) == "server_error"
    assert last_exchange(saml_connection).failure == "answer_replayed"


def test_the_answer_to_somebody_elses_request_is_refused(environment, browser, saml_connection, company_idp):
    other = SSOBrowser(environment)
    other.leave(connection=saml_connection.id)
    theirs = saml_answer(saml_connection, company_idp)
    left = browser.leave(connection=saml_connection.id)

    refused = browser.post_answer(saml_connection, theirs, query_of(left["Location"])["RelayState"])

    assert refusal_of(refused) == "server_error"
    assert "request" in last_exchange(saml_connection).sentence


def test_an_answer_planted_in_another_browser_signs_nobody_in(
    environment, browser, saml_connection, company_idp
):
    """Login CSRF: the attacker's own answer, posted by the victim's browser."""
    left = browser.leave(connection=saml_connection.id)
    response = saml_answer(saml_connection, company_idp)
    relay_state = query_of(left["Location"])["RelayState"]
    victim = SSOBrowser(environment)

    bounced = victim.post_answer(saml_connection, response, relay_state)
    refused = victim.post_answer(saml_connection, response, relay_state, sent_once_more="1")

    assert bounced.status_code == 200  # Only asked to come once more, from a page of ours.
    assert b"code=" not in refused.content
    row = last_exchange(saml_connection)
    assert (row.state, row.failure) == ("failed", "answer_in_another_browser")
    assert Profile.unscoped.count() == 0


def test_a_browser_that_sends_no_cookie_across_sites_comes_once_more_from_our_page(
    browser, saml_connection, company_idp
):
    left = browser.leave(connection=saml_connection.id)
    response = saml_answer(saml_connection, company_idp)
    relay_state = query_of(left["Location"])["RelayState"]

    page = Client().post(
        f"/sso/saml/{saml_connection.id}/acs", {"SAMLResponse": response, "RelayState": relay_state}
    )
    html = page.content.decode()
    assert f'action="/sso/saml/{saml_connection.id}/acs"' in html
    assert 'name="sent_once_more"' in html

    finished = browser.post_answer(saml_connection, response, relay_state, sent_once_more="1")
    # Not a redirect: the page's form-action would hold for it.
    assert finished.status_code == 200
    assert "code=" in finished.content.decode()


@pytest.mark.parametrize("base_url_is_https", [True, False])
def test_the_cookie_comes_along_with_a_post_of_another_site_where_browsers_allow_it(
    browser, saml_connection, settings, base_url_is_https
):
    settings.CSRF_COOKIE_SECURE = base_url_is_https
    left = browser.leave(connection=saml_connection.id)
    ((name, cookie),) = [item for item in left.cookies.items() if "sso_" in item[0]]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == ("None" if base_url_is_https else "Lax")
    assert bool(cookie["secure"]) is base_url_is_https
    assert name.startswith("__Host-") is base_url_is_https


def test_the_answer_at_another_connections_callback_is_a_mix_up(
    browser, company, saml_connection, company_idp
):
    other = make_saml_connection(company)
    left = browser.leave(connection=saml_connection.id)
    response = saml_answer(saml_connection, company_idp)

    refused = browser.post_answer(other, response, query_of(left["Location"])["RelayState"])

    assert refusal_of(refused) == "server_error"
    assert last_exchange(saml_connection).failure == "answer_of_another_connection"


def test_an_exchange_runs_out(browser, saml_connection, company_idp, monkeypatch):
    left = browser.leave(connection=saml_connection.id)
    SSOSession.unscoped.update(expires_at=clock.now() - timedelta(seconds=1))
    response = saml_answer(saml_connection, company_idp)

    late = browser.post_answer(saml_connection, response, query_of(left["Location"])["RelayState"])

    assert late.status_code == 404
    assert b"expired" in late.content
    assert browser.client.get("/sso/start?exchange=nothing").status_code == 404


def test_leaving_once_more_makes_the_former_way_void(browser, saml_connection, company_idp):
    start = local(browser.authorize(connection=saml_connection.id)["Location"])
    browser.client.get(start)
    first = saml_answer(saml_connection, company_idp)
    relay_state = query_of(browser.client.get(start)["Location"])["RelayState"]

    assert refusal_of(browser.post_answer(saml_connection, first, relay_state)) == "server_error"


def test_whoever_cancels_at_the_provider_is_sent_back_with_access_denied(company, browser):
    with run_provider() as provider:
        make_oidc_connection(company, oidc={"issuer": provider.issuer, "client_id": CLIENT_ID})
        sent = query_of(browser.leave(organization=company.id)["Location"])
        back = browser.client.get(
            local(sent["redirect_uri"]), {"error": "access_denied", "state": sent["state"]}
        )

    assert refusal_of(back) == "access_denied"


def test_a_parameter_that_comes_twice_is_no_answer(company, browser):
    with run_provider() as provider:
        make_oidc_connection(company, oidc={"issuer": provider.issuer, "client_id": CLIENT_ID})
        sent = query_of(browser.leave(organization=company.id)["Location"])
        twice = f"{local(sent['redirect_uri'])}?code=a&code=b&state={sent['state']}"
        assert browser.client.get(twice).status_code == 404


def test_a_provider_that_cannot_be_reached_is_told_before_anybody_leaves(company, browser):
    connection = make_oidc_connection(company, oidc={"issuer": "http://127.0.0.1:9", "client_id": "x"})
    assert refusal_of(browser.leave(connection=connection.id)) == "server_error"
    assert last_exchange(connection).failure.startswith("oidc_")


# --- whom an organization lets in -------------------------------------------------------------------------------


def test_a_profile_from_outside_the_organizations_domains_is_refused_unless_it_allows_them(
    api, browser, company, saml_connection, company_idp
):
    company_idp.attributes = {"email": ["guest@elsewhere.example"]}

    refused = browser.sign_in_by_saml(saml_connection, company_idp)
    assert refusal_of(refused) == "profile_not_allowed_outside_organization"
    assert "guest@elsewhere.example" in last_exchange(saml_connection).sentence
    assert Profile.unscoped.count() == 0

    api.put(f"/organizations/{company.id}", {"allow_profiles_outside_organization": True})
    code_of(browser.sign_in_by_saml(saml_connection, company_idp))


def test_a_domain_that_is_only_claimed_lets_nobody_in(api, browser, environment, company_idp):
    claimer = make_organization(environment, "Claimer")
    api.post("/organization_domains", {"organization_id": claimer.id, "domain": "example.com"})
    connection = make_saml_connection(
        claimer,
        saml={
            "idp_entity_id": company_idp.entity_id,
            "idp_sso_url": company_idp.sso_url,
            "idp_certificates": [company_idp.certificate_pem],
        },
    )
    refused = browser.sign_in_by_saml(connection, company_idp)
    assert refusal_of(refused) == "profile_not_allowed_outside_organization"


def test_an_answer_without_an_address_is_refused_with_what_to_do(browser, saml_connection, company_idp):
    company_idp.attributes = {"firstName": ["Ada"]}
    assert refusal_of(browser.sign_in_by_saml(saml_connection, company_idp)) == "server_error"
    row = last_exchange(saml_connection)
    assert row.failure == "email_missing"
    assert "attribute mapping" in row.sentence


# --- the token endpoint -----------------------------------------------------------------------------------------


@pytest.fixture
def code(browser, saml_connection, company_idp):
    return code_of(browser.sign_in_by_saml(saml_connection, company_idp))


def test_the_token_endpoint_takes_form_json_and_query(api, anonymous, browser, saml_connection, company_idp):
    def fresh():
        return code_of(browser.sign_in_by_saml(saml_connection, company_idp))

    fields = token_request(browser.environment, api, fresh())
    assert anonymous.post("/sso/token", fields).status_code == 200

    fields = token_request(browser.environment, api, fresh())
    form = "&".join(f"{name}={value}" for name, value in fields.items())
    assert anonymous.post("/sso/token", form=form).status_code == 200

    fields = token_request(browser.environment, api, fresh())
    assert anonymous.request("POST", "/sso/token", query=fields).status_code == 200

    fields = token_request(browser.environment, api, fresh())
    secret = {"client_secret": fields.pop("client_secret")}
    # What stands in both counts as the body has it.
    mixed = anonymous.request("POST", "/sso/token", fields, query={**secret, "code": "another one"})
    assert mixed.status_code == 200


def test_a_code_that_comes_again_was_stolen_so_the_token_that_it_made_is_void(environment, api, code):
    first = api.post("/sso/token", token_request(environment, api, code)).json()

    again = api.post("/sso/token", token_request(environment, api, code))

    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"
    assert ApiClient(first["access_token"]).get("/sso/profile").status_code == 401


def test_a_code_is_for_the_client_that_it_was_made_for(environment, other_environment, api, other_api, code):
    swapped = other_api.post("/sso/token", token_request(other_environment, other_api, code))
    assert (swapped.status_code, swapped.json()["error"]) == (400, "invalid_grant")

    foreign_secret = api.post("/sso/token", token_request(environment, other_api, code))
    assert (foreign_secret.status_code, foreign_secret.json()["error"]) == (400, "invalid_client")

    # Neither attempt has spent it.
    assert api.post("/sso/token", token_request(environment, api, code)).status_code == 200


def test_a_code_runs_out(environment, api, code, monkeypatch):
    later = clock.now() + timedelta(minutes=10, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    answer = api.post("/sso/token", token_request(environment, api, code))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_token_reads_the_profile_for_ten_minutes(environment, api, code, monkeypatch):
    token = api.post("/sso/token", token_request(environment, api, code)).json()["access_token"]
    later = clock.now() + timedelta(minutes=10, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    answer = ApiClient(token).get("/sso/profile")
    assert answer.status_code == 401
    assert answer.json() == {"error": "Unauthorized", "message": "Unauthorized"}


def test_wrong_clients_and_grants_are_refused_in_oauths_words(environment, api, code):
    def refused(**fields):
        answer = api.post("/sso/token", token_request(environment, api, code, **fields))
        return answer.status_code, answer.json()["error"]

    assert refused(client_secret="sk_wrong") == (400, "invalid_client")
    assert refused(client_id="client_unknown") == (400, "invalid_client")
    assert refused(grant_type="password") == (400, "unsupported_grant_type")
    assert refused(redirect_uri="https://elsewhere.example/") == (400, "invalid_grant")
    assert api.post("/sso/token", {"code": code}).status_code == 422
    revoked = make_api_key(environment)
    assert refused(client_secret=revoked[:-1]) == (400, "invalid_client")


def test_a_challenge_asks_for_its_verifier_and_then_for_no_secret(
    api, anonymous, browser, saml_connection, company_idp
):
    left = browser.leave(
        connection=saml_connection.id,
        code_challenge=challenge_of(VERIFIER),
        code_challenge_method="S256",
    )
    response = saml_answer(saml_connection, company_idp)
    code = code_of(browser.post_answer(saml_connection, response, query_of(left["Location"])["RelayState"]))
    fields = token_request(browser.environment, api, code)

    assert api.post("/sso/token", fields).json()["error"] == "invalid_grant"
    assert api.post("/sso/token", {**fields, "code_verifier": "x" * 43}).json()["error"] == "invalid_grant"
    public = {name: value for name, value in fields.items() if name != "client_secret"}
    assert anonymous.post("/sso/token", public).json()["error"] == "invalid_client"
    assert anonymous.post("/sso/token", {**public, "code_verifier": VERIFIER}).status_code == 200


def test_a_public_client_gets_nothing_for_a_code_without_a_challenge(environment, anonymous, code):
    fields = {
        "client_id": environment.client_id,
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": VERIFIER,
    }
    assert anonymous.post("/sso/token", fields).json()["error"] == "invalid_client"


def test_a_plain_challenge_is_refused(browser, saml_connection):
    refused = browser.authorize(
        connection=saml_connection.id, code_challenge=VERIFIER, code_challenge_method="plain"
    )
    assert refusal_of(refused) == "invalid_request"


def test_no_token_opens_a_profile_that_is_none(anonymous, api):
    assert anonymous.get("/sso/profile").status_code == 401
    # Not the API key: the token of one profile.
    assert api.get("/sso/profile").status_code == 401
    with pytest.raises(Unauthenticated):
        services.require_profile("")


# --- our own metadata -------------------------------------------------------------------------------------------


def test_a_connection_shows_its_metadata_to_its_identity_provider(client, saml_connection, environment):
    answer = client.get(f"/sso/saml/{saml_connection.id}/metadata")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/samlmetadata+xml"
    assert f"/sso/saml/{saml_connection.id}/acs" in answer.content.decode()
    assert client.get("/sso/saml/conn_unknown/metadata").status_code == 404
    oauth = make_oauth_connection(environment)
    assert client.get(f"/sso/saml/{oauth.id}/metadata").status_code == 404


# --- limits -----------------------------------------------------------------------------------------------------


def test_a_connection_takes_a_thousand_sign_ins_a_minute(browser, saml_connection, company):
    other = make_saml_connection(company)
    for _ in range(1000):
        limits.enforce(limits.SSO_AUTHORIZE, saml_connection.id)

    refused = browser.authorize(connection=saml_connection.id)
    assert refused.status_code == 429
    assert refused["Retry-After"]
    assert browser.authorize(connection=other.id).status_code == 302
