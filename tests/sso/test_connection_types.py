"""Every connection type of the contract's list: made over the API, it behaves as its protocol."""

import pytest

from sso.connection_types import ConnectionType, Protocol, protocol_of
from sso.models import Connection
from sso.oauth.catalogue import PROVIDERS, unsupported_types
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, run_provider
from tests.sso.browser import local, query_of
from tests.sso.oauth.test_providers import HOSTS, apple_key

# These ask for more than a standard provider gives: a tenant, a Workspace, a key in the place of the secret.
WITH_RULES_OF_THEIR_OWN = {
    ConnectionType.ENTRA_ID_OIDC,
    ConnectionType.GOOGLE_OIDC,
    ConnectionType.LOGIN_GOV_OIDC,
}


def types_of(protocol):
    return [kind for kind in ConnectionType if protocol_of(kind) is protocol]


@pytest.fixture
def create(api, company):
    """Make a connection of a type over the API, as an organization's or the environment's own."""

    def run(kind, **options):
        owner = {} if protocol_of(kind) is Protocol.OAUTH else {"organization_id": company.id}
        answer = api.post("/connections", {**owner, "connection_type": kind.value, **options})
        assert answer.status_code == 201, answer.content
        body = answer.json()
        assert (body["connection_type"], body["state"]) == (kind.value, "validating")
        return Connection.unscoped.get(pk=body["id"])

    return run


@pytest.fixture
def profile_of(api, environment):
    """Exchange the code that a browser came back with for the profile."""

    def fetch(back):
        fields = {
            "client_id": environment.client_id,
            "client_secret": api.api_key,
            "grant_type": "authorization_code",
            "code": query_of(back["Location"])["code"],
        }
        answer = api.post("/sso/token", fields)
        assert answer.status_code == 200, answer.content
        return answer.json()["profile"]

    return fetch


@pytest.mark.parametrize("kind", types_of(Protocol.SAML), ids=str)
def test_a_saml_type_signs_somebody_in(create, browser, company_idp, profile_of, kind):
    connection = create(
        kind,
        saml_options={
            "idp_entity_id": company_idp.entity_id,
            "idp_sso_url": company_idp.sso_url,
            "idp_signing_certs": [company_idp.certificate_pem],
        },
    )

    profile = profile_of(browser.sign_in_by_saml(connection, company_idp))

    assert (profile["connection_type"], profile["email"]) == (kind.value, "ada@example.com")
    connection.refresh_from_db()
    assert connection.state == "active"


def test_openid_types_sign_somebody_in(create, browser, company, profile_of, api):
    signed_in = {}
    with run_provider() as provider:
        provider.claims["email"] = "grace@example.com"
        for kind in types_of(Protocol.OIDC):
            if kind in WITH_RULES_OF_THEIR_OWN:
                continue
            connection = create(
                kind,
                oidc_options={
                    "discovery_endpoint": provider.issuer,
                    "client_id": CLIENT_ID,
                    "client_secret": CLIENT_SECRET,
                },
            )
            sent = query_of(browser.leave(connection=connection.id)["Location"])
            # The provider of the tests writes what the code says into the nonce.
            answer = {"code": sent["nonce"], "state": sent["state"]}
            profile = profile_of(browser.client.get(local(sent["redirect_uri"]), answer))
            signed_in[profile["connection_type"]] = profile["email"]

    assert set(signed_in) == {kind.value for kind in types_of(Protocol.OIDC)} - WITH_RULES_OF_THEIR_OWN
    assert set(signed_in.values()) == {"grace@example.com"}


@pytest.mark.parametrize("kind", sorted(WITH_RULES_OF_THEIR_OWN), ids=str)
def test_an_openid_type_with_rules_of_its_own_is_made_all_the_same(create, kind):
    create(
        kind,
        oidc_options={
            "discovery_endpoint": "https://op.example",
            "client_id": "client",
            "client_secret": "a secret",
        },
    )


def social_options(kind):
    options = {
        "client_id": "the-environments-own",
        "client_secret": "a secret",
        "provider_settings": dict.fromkeys(PROVIDERS[kind].needs, "NEEDED"),
    }
    return {**options, "key": apple_key()} if kind is ConnectionType.APPLE_OAUTH else options


@pytest.mark.parametrize("kind", HOSTS, ids=str)
def test_a_social_type_leaves_for_its_provider_with_the_credentials_of_the_environment(create, browser, kind):
    create(kind, oauth_options=social_options(kind))

    left = browser.leave(provider=kind.value)

    assert left["Location"].startswith(HOSTS[kind])
    assert query_of(left["Location"])["client_id"] == "the-environments-own"


# Their addresses stand in a document of their own, which no test can reach.
@pytest.mark.parametrize("kind", sorted(set(PROVIDERS) - set(HOSTS)), ids=str)
def test_a_social_type_with_a_document_is_made_all_the_same(create, kind):
    create(kind, oauth_options=social_options(kind))


@pytest.mark.parametrize("kind", unsupported_types(), ids=str)
def test_a_social_type_that_nobody_can_sign_in_with_is_refused_by_name(api, kind):
    options = {"client_id": "the-environments-own", "client_secret": "a secret"}

    refused = api.post("/connections", {"connection_type": kind.value, "oauth_options": options})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "connection_type"
    assert Connection.unscoped.count() == 0
