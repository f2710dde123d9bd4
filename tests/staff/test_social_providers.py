"""Staff set up the social providers of an environment."""

import pytest

from sso.models import Connection, ConnectionState, OAuthProvider
from tests.factories.sso import make_oauth_connection


def url_of(connection, page="change"):
    return f"/admin/sso/oauthprovider/{connection.pk}/{page}/"


def fields_of(page):
    form = page.context["adminform"].form
    return {name: "" if form[name].value() is None else form[name].value() for name in form.fields}


def save(browser, connection, **changes):
    fields = {**fields_of(browser.get(url_of(connection))), **changes}
    fields = {name: value for name, value in fields.items() if value is not False}
    answer = browser.post(url_of(connection), fields)
    row = OAuthProvider.objects.in_environment(connection.environment).select_related("connection")
    return answer, row.get(pk=connection.pk)


def test_a_provider_begins_with_its_choice_and_shows_the_address_to_register(owners_browser, environment):
    answer = owners_browser.post("/admin/sso/oauthprovider/add/", {"connection_type": "GitHubOAuth"})
    connection = Connection.objects.in_environment(environment).get()
    shown = owners_browser.get(answer["Location"]).content.decode()
    assert connection.state == ConnectionState.DRAFT
    assert f"/sso/oauth/{connection.pk}/callback" in shown
    choices = owners_browser.get("/admin/sso/oauthprovider/add/").content.decode()
    assert 'value="GitHubOAuth"' not in choices, "one of each kind"
    assert 'value="GoogleOAuth"' in choices
    assert "Grok" not in choices, "nobody can sign in with it"


def test_the_secret_is_written_and_never_shown(owners_browser, environment):
    connection = make_oauth_connection(environment, "GitHubOAuth")
    answer, row = save(owners_browser, connection, client_id="Iv1.new", new_client_credential="gh-secret-7")
    assert answer.status_code == 302, answer.content.decode()
    assert (row.client_id, row.client_secret) == ("Iv1.new", "gh-secret-7")
    assert row.connection.state == ConnectionState.VALIDATING
    assert "gh-secret-7" not in owners_browser.get(url_of(connection)).content.decode()
    _, row = save(owners_browser, connection, scopes="read:user user:email read:org")
    assert (row.client_secret, row.scopes) == ("gh-secret-7", "read:user user:email read:org")


def test_apple_is_asked_for_its_key(owners_browser, environment):
    owners_browser.post("/admin/sso/oauthprovider/add/", {"connection_type": "AppleOAuth"})
    connection = Connection.objects.in_environment(environment).get()
    shown = owners_browser.get(url_of(connection)).content.decode()
    assert all(f'name="{name}"' in shown for name in ("team_id", "key_id", "new_private_key"))
    assert 'name="new_client_credential"' not in shown
    _, row = save(owners_browser, connection, client_id="com.acme.web", team_id="TEAM123456")
    assert row.connection.state == ConnectionState.DRAFT
    _, row = save(
        owners_browser, connection, key_id="KEY1234567", new_private_key="-----BEGIN PRIVATE KEY-----"
    )
    assert row.connection.state == ConnectionState.VALIDATING
    assert row.provider_settings == {"team_id": "TEAM123456", "key_id": "KEY1234567"}


def test_a_provider_is_switched_off_and_on(owners_browser, environment):
    connection = make_oauth_connection(environment, "GoogleOAuth")
    _, row = save(owners_browser, connection, is_enabled=False)
    assert row.connection.state == ConnectionState.INACTIVE
    _, row = save(owners_browser, connection, is_enabled="on")
    assert row.connection.state == ConnectionState.VALIDATING


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://user:pass@gitlab.example", "gitlab.example"]
)
def test_an_address_that_is_none_is_refused(owners_browser, environment, address):
    connection = make_oauth_connection(environment, "GitLabOAuth")
    answer, row = save(owners_browser, connection, gitlab_url=address)
    assert answer.status_code == 200
    assert row.provider_settings == {}


def test_a_type_without_provider_code_is_refused_over_the_api(api):
    for kind in ("GrokOAuth", "VercelMarketplaceOAuth"):
        answer = api.post(
            "/connections", {"connection_type": kind, "oauth": {"client_id": "x", "client_secret": "y"}}
        )
        assert answer.status_code == 422, answer.content
        assert "there is no code for it" in answer.content.decode()
