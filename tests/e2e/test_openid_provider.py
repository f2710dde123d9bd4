"""A person signs in with an independent OpenID provider (npm's oidc-provider), in a real browser."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from environments.services import add_redirect_uri
from foundation.actors import SYSTEM
from organizations.models import DomainState
from sso import conf, services
from sso.models import Connection, ConnectionState, SSOSession
from tests.api_client import ApiClient
from tests.authentication.browser import query_of
from tests.e2e.hosted import claims_of_visitor, relying_example
from tests.factories.environments import make_api_key, make_environment
from tests.factories.organizations import make_domain, make_organization
from tests.factories.sso import make_oidc_connection
from tests.live import ROOT, free_port

pytestmark = pytest.mark.node

CALLBACK = "http://localhost:3000/callback"


@contextmanager
def openid_provider(port: int, redirect_uri: str, method: str) -> Iterator[str]:
    process = subprocess.Popen(
        ["node", "tests/node/openid_provider.mjs", str(port), redirect_uri, method],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        lines = iter(process.stdout.readline, "")
        assert any(line.strip() == "ready" for line in lines), "the provider did not start"
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def tenant(transactional_db, live_server, settings):
    settings.BASE_URL = live_server.url
    return make_environment("Lumen")


def sign_in_at_the_provider(page: Page, login: str) -> None:
    page.get_by_placeholder("Enter any login").fill(login)
    page.get_by_placeholder("and password").fill("anything")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


@contextmanager
def connected(tenant, method: str = "client_secret_basic") -> Iterator[Connection]:
    """A company with the provider behind its connection."""
    organization = make_organization(tenant, "Acme")
    make_domain(organization, "acme.test", state=DomainState.VERIFIED)
    connection = make_oidc_connection(organization)
    with openid_provider(free_port(), conf.oidc_callback_url(connection.pk), method) as issuer:
        services.update_connection(
            connection=connection,
            actor=SYSTEM,
            changes={
                "oidc": {
                    "issuer": issuer,
                    "client_id": "gatehouse",
                    "client_secret": "a secret of the tests: with a colon",
                }
            },
        )
        yield connection


def leave(page: Page, tenant, connection: Connection) -> None:
    page.route("http://localhost:3000/**", lambda route: route.fulfill(body="The application"))
    page.goto(
        f"{urljoin(conf.start_page(''), '/sso/authorize')}?client_id={tenant.client_id}&response_type=code"
        f"&redirect_uri={CALLBACK}&connection={connection.pk}&state=s-1"
    )


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_person_comes_back_with_a_profile(page: Page, tenant, method):
    with connected(tenant, method) as connection:
        leave(page, tenant, connection)
        sign_in_at_the_provider(page, "ada")
        page.wait_for_url(f"{CALLBACK}**")
    back = query_of(page.url)
    trail = SSOSession.objects.in_environment(tenant).get()
    assert trail.failure == "", trail.sentence
    assert back["state"] == "s-1"
    answer = ApiClient().post(
        "/sso/token",
        {
            "client_id": tenant.client_id,
            "client_secret": make_api_key(tenant),
            "grant_type": "authorization_code",
            "code": back["code"],
        },
    )
    profile = answer.json()["profile"]
    assert (profile["idp_id"], profile["email"]) == ("ada", "ada@acme.test")
    assert (profile["first_name"], profile["groups"]) == ("Ada", ["Engineering"])
    present = Connection.objects.in_environment(tenant).get(pk=connection.pk)
    assert present.state == ConnectionState.ACTIVE


def test_a_person_of_the_company_is_signed_in_to_the_application(
    page: Page, tenant, live_server, monkeypatch
):
    api_key = make_api_key(tenant)
    with (
        connected(tenant) as connection,
        relying_example(live_server.url, api_key, tenant.client_id, monkeypatch) as (address, example),
    ):
        add_redirect_uri(environment=tenant, uri=f"{address}/callback")
        page.goto(address)
        page.get_by_role("link", name="Sign in", exact=True).click()
        page.get_by_label("Email address").fill("ada@acme.test")
        page.get_by_role("button", name="Continue").click()
        sign_in_at_the_provider(page, "ada")
        expect(page.get_by_role("heading", name="Hello ada@acme.test")).to_be_visible()
        claims = claims_of_visitor(example)

    user = User.objects.in_environment(tenant).get()
    assert (claims["sub"], claims["org_id"]) == (user.pk, connection.organization_id)
    assert (user.email, user.first_name) == ("ada@acme.test", "Ada")


def test_whoever_cancels_is_sent_back_with_that(page: Page, tenant):
    with connected(tenant) as connection:
        leave(page, tenant, connection)
        page.get_by_text("[ Cancel ]").click()
        page.wait_for_url(f"{CALLBACK}**")
    assert query_of(page.url)["error"] == "access_denied"
    assert SSOSession.objects.in_environment(tenant).get().failure == "oidc_cancelled"
