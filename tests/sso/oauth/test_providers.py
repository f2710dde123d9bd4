"""Each social provider: where the browser goes, what its answer becomes, and whether its word on the address counts."""

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sso.connection_types import ConnectionType
from sso.oauth.catalogue import PROVIDERS, unsupported_types
from sso.oauth.clients import OAuthClient
from sso.oauth.failures import OAuthFailure
from sso.oidc.sign_in import code_challenge
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, as_json, curve_key
from tests.sso.oauth.conftest import REDIRECT_URI, client_of, leave, refusal, sign_in

HOSTS = {
    ConnectionType.APPLE_OAUTH: "https://appleid.apple.com/auth/authorize?",
    ConnectionType.BITBUCKET_OAUTH: "https://bitbucket.org/site/oauth2/authorize?",
    ConnectionType.DISCORD_OAUTH: "https://discord.com/api/oauth2/authorize?",
    ConnectionType.GITHUB_OAUTH: "https://github.com/login/oauth/authorize?",
    ConnectionType.GITLAB_OAUTH: "https://gitlab.com/oauth/authorize?",
    ConnectionType.GOOGLE_OAUTH: "https://accounts.google.com/o/oauth2/v2/auth?",
    ConnectionType.INTUIT_OAUTH: "https://appcenter.intuit.com/connect/oauth2?",
    ConnectionType.MICROSOFT_OAUTH: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?",
    ConnectionType.SALESFORCE_OAUTH: "https://login.salesforce.com/services/oauth2/authorize?",
    ConnectionType.SLACK_OAUTH: "https://slack.com//openid/connect/authorize?",
    ConnectionType.X_OAUTH: "https://x.com/i/oauth2/authorize?",
}


def apple_key() -> str:
    return curve_key("P-256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def plain_client(kind: ConnectionType) -> OAuthClient:
    return OAuthClient(
        connection_type=kind,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        key=apple_key(),
        settings={"team_id": "TEAM", "key_id": "KEY"},
    )


@pytest.mark.parametrize(("kind", "begins"), HOSTS.items())
def test_the_browser_leaves_for_the_provider_itself(kind, begins):
    departure, sent = leave(plain_client(kind), provider_scopes=["more"])
    assert departure.url.startswith(begins)
    assert sent["client_id"] == CLIENT_ID
    assert sent["redirect_uri"] == REDIRECT_URI
    assert sent["response_type"] == "code"
    assert sent["state"] == "state-1"
    assert "more" in sent["scope"].split(" ")
    assert sent["code_challenge"] == code_challenge(departure.memory["code_verifier"])
    assert sent["code_challenge_method"] == "S256"
    assert CLIENT_SECRET not in departure.url


def test_every_oauth_type_has_provider_code_or_is_refused_by_name():
    assert set(HOSTS) | {kind for kind, provider in PROVIDERS.items() if provider.issuer} == set(PROVIDERS)
    assert set(unsupported_types()) == {
        ConnectionType.GROK_OAUTH,
        ConnectionType.VERCEL_MARKETPLACE_OAUTH,
    }
    for kind in unsupported_types():
        assert refusal(plain_client(kind)).failure == OAuthFailure.PROVIDER_UNSUPPORTED


def test_apple_posts_its_answer():
    _, sent = leave(plain_client(ConnectionType.APPLE_OAUTH))
    assert sent["response_mode"] == "form_post"
    assert set(sent["scope"].split()) == {"name", "email"}
    assert sent["nonce"]


def test_hints_are_handed_on():
    _, sent = leave(
        plain_client(ConnectionType.GOOGLE_OAUTH),
        login_hint="ada@acme.example",
        domain_hint="acme.example",
        prompt="consent",
        provider_query_params={"access_type": "offline"},
    )
    assert (sent["login_hint"], sent["hd"], sent["prompt"]) == ("ada@acme.example", "acme.example", "consent")
    assert sent["access_type"] == "offline"


@pytest.mark.parametrize("kind", HOSTS)
def test_an_application_overrides_none_of_our_parameters(kind):
    names = [
        "client_id",
        "redirect_uri",
        "state",
        "response_type",
        "response_mode",
        "nonce",
        "scope",
        "code_challenge",
        "code_challenge_method",
        "request",
        "request_uri",
        "client_secret",
    ]
    _, sent = leave(plain_client(kind), provider_query_params=dict.fromkeys(names, "theirs"))
    assert "theirs" not in sent.values()


# --- what the answers become --------------------------------------------------------------------------------------


def test_github_reads_the_list_of_addresses(provider):
    provider.answers["/profile"] = as_json(
        {"id": 583231, "login": "ada", "name": "Ada Lovelace", "email": "public@evil.example"}
    )
    provider.answers["/emails"] = as_json(
        [
            {"email": "old@acme.example", "primary": False, "verified": True},
            {"email": "Ada@acme.example", "primary": True, "verified": True},
        ]
    )
    profile = sign_in(client_of(ConnectionType.GITHUB_OAUTH, provider))
    assert (profile.idp_id, profile.email, profile.email_verified) == ("583231", "ada@acme.example", True)
    assert (profile.first_name, profile.last_name) == ("Ada", "Lovelace")
    assert profile.oauth_tokens is not None
    assert profile.oauth_tokens == {
        "provider": "GitHubOAuth",
        "access_token": "access-1",
        "refresh_token": "",
        "expires_at": profile.oauth_tokens["expires_at"],
        "scopes": ["read:user", "user:email"],
    }
    assert provider.last("/profile").headers["authorization"] == "token access-1"
    token = provider.last("/token").form
    assert (token["client_secret"], token["redirect_uri"]) == (CLIENT_SECRET, REDIRECT_URI)
    assert len(token["code_verifier"]) >= 43


def test_githubs_public_address_alone_is_not_verified(provider):
    provider.answers["/profile"] = as_json({"id": 1, "login": "eve", "email": "ceo@acme.example"})
    provider.answers["/emails"] = as_json([], 404)
    profile = sign_in(client_of(ConnectionType.GITHUB_OAUTH, provider))
    assert (profile.email, profile.email_verified) == ("ceo@acme.example", False)


def test_an_unverified_primary_address_gives_way_to_a_verified_one(provider):
    provider.answers["/profile"] = as_json({"id": 1, "login": "eve"})
    provider.answers["/emails"] = as_json(
        [
            {"email": "ceo@acme.example", "primary": True, "verified": False},
            {"email": "eve@evil.example", "primary": False, "verified": True},
        ]
    )
    profile = sign_in(client_of(ConnectionType.GITHUB_OAUTH, provider))
    assert (profile.email, profile.email_verified) == ("eve@evil.example", True)


@pytest.mark.parametrize("word", [False, "true", 1, None, "yes"])
def test_only_a_plain_yes_of_github_counts(provider, word):
    provider.answers["/profile"] = as_json({"id": 1, "login": "eve"})
    provider.answers["/emails"] = as_json([{"email": "ceo@acme.example", "primary": True, "verified": word}])
    assert sign_in(client_of(ConnectionType.GITHUB_OAUTH, provider)).email_verified is False


def test_a_server_of_ones_own_is_not_believed_unless_staff_say_so(provider):
    provider.answers["/profile"] = as_json({"id": 1, "login": "eve"})
    provider.answers["/emails"] = as_json([{"email": "ceo@acme.example", "primary": True, "verified": True}])
    for trusts in (None, False, "yes", 1):
        client = client_of(ConnectionType.GITHUB_OAUTH, provider, trusts_emails=trusts)
        assert sign_in(client).email_verified is False


def google_claims(provider, **claims):
    provider.claims = {"iss": "https://accounts.google.com", **claims}


def test_google_is_read_from_its_signed_id_token(provider):
    google_claims(provider, sub="10769150350006150715113082367")
    profile = sign_in(client_of(ConnectionType.GOOGLE_OAUTH, provider))
    assert profile.idp_id == "10769150350006150715113082367"
    assert (profile.email, profile.email_verified) == ("ada@acme.example", True)
    assert (profile.first_name, profile.last_name) == ("Ada", "Lovelace")


def test_googles_unverified_address_stays_unverified(provider):
    google_claims(provider, email_verified=False)
    assert sign_in(client_of(ConnectionType.GOOGLE_OAUTH, provider)).email_verified is False


def apple_client(provider):
    client = client_of(ConnectionType.APPLE_OAUTH, provider, team_id="TEAM", key_id="KEY")
    return OAuthClient(
        connection_type=client.connection_type,
        client_id=client.client_id,
        key=apple_key(),
        settings=client.settings,
    )


def test_apple_is_read_from_its_signed_id_token_and_the_name_from_the_form(provider):
    provider.claims = {"iss": "https://appleid.apple.com", "email_verified": "true"}
    form = '{"name": {"firstName": "Ada", "lastName": "King"}, "email": "ceo@acme.example", "sub": "another"}'
    profile = sign_in(apple_client(provider), user=form)
    assert (profile.idp_id, profile.email, profile.email_verified) == ("person-1", "ada@acme.example", True)
    assert (profile.first_name, profile.last_name) == ("Ada", "King")
    secret = jwt.decode(
        provider.last("/token").form["client_secret"],
        curve_key("P-256").public_key(),
        algorithms=["ES256"],
        audience="https://appleid.apple.com",
    )
    assert (secret["iss"], secret["sub"]) == ("TEAM", CLIENT_ID)


def test_the_browser_cannot_put_an_address_beside_apples_word(provider):
    provider.claims = {"iss": "https://appleid.apple.com", "email": ..., "email_verified": ...}
    form = '{"email": "ceo@acme.example", "email_verified": true, "name": {"firstName": 7}}'
    profile = sign_in(apple_client(provider), user=form)
    assert (profile.email, profile.email_verified, profile.first_name) == (None, False, None)


@pytest.mark.parametrize("form", ["", "[]", "{", '{"name": "x"}', "null", "x" * 10_000])
def test_a_name_that_cannot_be_read_is_no_obstacle(provider, form):
    provider.claims = {"iss": "https://appleid.apple.com"}
    assert sign_in(apple_client(provider), user=form).idp_id == "person-1"


def microsoft_client(provider):
    return client_of(
        ConnectionType.MICROSOFT_OAUTH,
        provider,
        endpoints={},
        login_url=provider.base,
        graph_url=provider.base,
    )


TENANT = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"


def microsoft_answers(provider, **claims):
    provider.answers["/common/oauth2/v2.0/token"] = lambda request: as_json(
        {
            "access_token": "access-1",
            "token_type": "Bearer",
            "id_token": provider.id_token(request.form["code"]),
        }
    )
    provider.answers["/v1.0/me"] = as_json(
        {"id": "object-1", "mail": "ada@acme.example", "givenName": "Ada", "surname": "Lovelace"}
    )
    provider.answers["/common/discovery/v2.0/keys"] = as_json({"keys": provider.keys})
    provider.claims = {
        "iss": f"{provider.base}/{TENANT}/v2.0",
        "tid": TENANT,
        "oid": "object-1",
        "email_verified": ...,
        **claims,
    }


def test_microsofts_address_is_not_verified(provider):
    microsoft_answers(provider)
    profile = sign_in(microsoft_client(provider))
    assert (profile.idp_id, profile.email, profile.email_verified) == ("object-1", "ada@acme.example", False)
    assert (profile.first_name, profile.last_name) == ("Ada", "Lovelace")


@pytest.mark.parametrize("word", [True, 1, "1", "true"])
def test_microsofts_address_is_verified_where_the_tenant_owns_its_domain(provider, word):
    microsoft_answers(provider, xms_edov=word)
    assert sign_in(microsoft_client(provider)).email_verified is True


@pytest.mark.parametrize(
    "claims",
    [
        {"xms_edov": False},
        {"xms_edov": "false"},
        {"xms_edov": ["1"]},
        {"xms_edov": True, "email": "other@acme.example"},
        {"xms_edov": True, "email": ...},
        {"xms_edov": True, "oid": "object-2"},
        {"email_verified": True},
    ],
)
def test_no_other_word_of_microsoft_counts(provider, claims):
    microsoft_answers(provider, **claims)
    assert sign_in(microsoft_client(provider)).email_verified is False


def test_discord_says_whether_it_verified(provider):
    client = client_of(ConnectionType.DISCORD_OAUTH, provider)
    for word in (True, False):
        provider.answers["/profile"] = as_json(
            {"id": "80351110224678912", "username": "ada", "email": "ada@acme.example", "verified": word}
        )
        profile = sign_in(client)
        assert (profile.idp_id, profile.email) == ("80351110224678912", "ada@acme.example")
        assert profile.email_verified is word


def test_bitbucket_says_which_addresses_are_confirmed(provider):
    provider.answers["/profile"] = as_json({"account_id": "557058:ada", "display_name": "Ada Lovelace"})
    provider.answers["/emails"] = as_json(
        {
            "values": [
                {"email": "ceo@acme.example", "is_primary": True, "is_confirmed": False},
                {"email": "Ada@acme.example", "is_primary": False, "is_confirmed": True},
            ]
        }
    )
    profile = sign_in(client_of(ConnectionType.BITBUCKET_OAUTH, provider))
    assert (profile.idp_id, profile.email, profile.email_verified) == (
        "557058:ada",
        "ada@acme.example",
        True,
    )


def test_gitlab_counts_once_it_has_confirmed(provider):
    client = client_of(ConnectionType.GITLAB_OAUTH, provider, endpoints={}, gitlab_url=provider.base)
    for confirmed in (None, "2026-01-01T00:00:00.000Z"):
        provider.answers["/oauth/token"] = as_json({"access_token": "access-1"})
        provider.answers["/api/v4/user"] = as_json(
            {"id": 7, "email": "ada@acme.example", "name": "Ada Lovelace", "confirmed_at": confirmed}
        )
        profile = sign_in(client)
        assert (profile.idp_id, profile.email, profile.email_verified) == (
            "7",
            "ada@acme.example",
            bool(confirmed),
        )


def test_x_names_confirmed_addresses_alone(provider):
    client = client_of(ConnectionType.X_OAUTH, provider)
    for extra, expected in (
        ({}, (None, False)),
        ({"confirmed_email": "Ada@acme.example"}, ("ada@acme.example", True)),
    ):
        provider.answers["/profile"] = as_json(
            {"data": {"id": "2244994945", "name": "Ada Lovelace", "username": "ada", **extra}}
        )
        profile = sign_in(client)
        assert (profile.idp_id, profile.email, profile.email_verified) == ("2244994945", *expected)
    assert "confirmed_email" in provider.last("/profile").query["user.fields"]


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (
            ConnectionType.SLACK_OAUTH,
            {
                "ok": True,
                "sub": "U1",
                "https://slack.com/team_id": "T1",
                "https://slack.com/user_id": "U1",
                "email": "ada@acme.example",
                "email_verified": True,
            },
        ),
    ],
)
def test_where_a_company_writes_the_addresses_nobody_is_believed(provider, kind, answer):
    provider.answers["/profile"] = as_json(answer)
    profile = sign_in(client_of(kind, provider))
    assert (profile.email, profile.email_verified) == ("ada@acme.example", False)


def test_salesforce_is_not_believed(provider):
    client = client_of(ConnectionType.SALESFORCE_OAUTH, provider, endpoints={}, salesforce_url=provider.base)
    provider.answers["/services/oauth2/token"] = as_json({"access_token": "access-1"})
    provider.answers["/services/oauth2/userinfo"] = as_json(
        {"user_id": "005", "email": "ada@acme.example", "email_verified": True, "given_name": "Ada"}
    )
    profile = sign_in(client)
    assert (profile.idp_id, profile.email, profile.email_verified) == ("005", "ada@acme.example", False)


def test_intuit_says_whether_it_verified(provider):
    for word in (True, False):
        provider.answers["/profile"] = as_json(
            {"sub": "i-1", "email": "ada@acme.example", "emailVerified": word, "givenName": "Ada"}
        )
        profile = sign_in(client_of(ConnectionType.INTUIT_OAUTH, provider))
        assert (profile.idp_id, profile.email_verified) == ("i-1", word)


@pytest.mark.parametrize(
    ("kind", "is_verified"),
    [
        (ConnectionType.LINKEDIN_OAUTH, True),
        (ConnectionType.VERCEL_OAUTH, True),
        (ConnectionType.XERO_OAUTH, False),
    ],
)
def test_providers_of_openid_connect_are_held_to_its_checks(provider, kind, is_verified):
    client = client_of(kind, provider, issuer=provider.base)
    profile = sign_in(client)
    assert (profile.idp_id, profile.email, profile.email_verified) == (
        "person-1",
        "ada@acme.example",
        is_verified,
    )
    provider.claims["nonce"] = "another"
    assert refusal(client).failure == "oidc_nonce_differs"
