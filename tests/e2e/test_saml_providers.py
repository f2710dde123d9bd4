"""Whole sign-ins at identity providers that share no code with us, in a real browser: pysaml2's and samlify's.

Each side is set up from the address of the other one's metadata, as an IT admin does it.
"""

import base64
import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from environments.services import add_redirect_uri
from foundation.actors import SYSTEM
from organizations.models import DomainState, Organization, OrganizationMembership
from organizations.services import DomainClaim, create_organization
from sso import conf, services
from sso.models import Connection, ConnectionState, SSOSession
from tests.e2e.hosted import claims_of_visitor, relying_example
from tests.factories.environments import make_api_key, make_environment
from tests.saml_providers import NAME_ID, PASSWORD, USER_NAME, run_pysaml2, run_samlify

pytestmark = [
    pytest.mark.node,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:saml2"),
    # pysaml2 leaves a temporary file open where a signature is wrong (tests/saml_providers.py).
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PROVIDERS: dict[str, Callable[..., Any]] = {"pysaml2": run_pysaml2, "samlify": run_samlify}


@dataclass
class World:
    """An application, its customer, and the customer's connection, which has no settings yet."""

    address: str
    example: ModuleType
    company: Organization
    connection: Connection

    @contextmanager
    def provider(
        self, name: str, folder: Any, *, by_post: bool = False, encrypts: bool = False
    ) -> Iterator[str]:
        """Run a provider that knows us, and let the connection know it: by addresses of metadata alone."""
        ours = conf.saml_metadata_url(self.connection.pk)
        with PROVIDERS[name](folder, ours, by_post=by_post, encrypts=encrypts) as base:
            services.update_connection(
                connection=self.connection,
                actor=SYSTEM,
                changes={
                    "saml": {"metadata_url": f"{base}/metadata", "require_encrypted_assertions": encrypts}
                },
            )
            # What the worker does, which these tests have none of.
            services.refresh_metadata(self.company.environment_id, self.connection.pk)
            present = services.require_connection(self.company.environment_id, self.connection.pk)
            assert present.saml_settings.metadata_failure == ""
            assert present.saml_settings.idp_entity_id == f"{base}/metadata"
            assert present.saml_settings.idp_sso_binding == ("post" if by_post else "redirect")
            yield base


@pytest.fixture
def world(transactional_db, live_server, settings, monkeypatch):
    settings.BASE_URL = live_server.url
    # One person signs in again and again.
    settings.RATE_LIMITS_ENABLED = False
    tenant = make_environment("Lumen")
    with relying_example(live_server.url, make_api_key(tenant), tenant.client_id, monkeypatch) as (
        address,
        example,
    ):
        add_redirect_uri(environment=tenant, uri=f"{address}/callback")
        company = create_organization(
            environment=tenant,
            actor=SYSTEM,
            name="Example",
            domains=[DomainClaim("example.com", DomainState.VERIFIED)],
        )
        connection = services.create_connection(
            environment=tenant,
            actor=SYSTEM,
            connection_type="GenericSAML",
            organization=company,
            changes={},
        )
        yield World(address, example, company, connection)


def come_to_the_provider(page: Page, world: World, name: str) -> None:
    page.goto(world.address)
    page.get_by_role("link", name="Sign in", exact=True).click()
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name=f"{name} asks who is there")).to_be_visible()


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(USER_NAME)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def trail_of(world: World) -> SSOSession:
    return SSOSession.objects.in_environment(world.company.environment).get()


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("by_post", [False, True], ids=["redirect-plain", "post-encrypted"])
def test_a_person_of_the_company_comes_back_signed_in(page: Page, world, tmp_path, name, by_post):
    with world.provider(name, tmp_path, by_post=by_post, encrypts=by_post):
        come_to_the_provider(page, world, name)
        log_in(page, "wrong")
        expect(page.get_by_text("This is not your password.")).to_be_visible()
        log_in(page)
        expect(page.get_by_role("heading", name="Hello ada@example.com")).to_be_visible()

    trail = trail_of(world)
    assert (trail.state, trail.sent["binding"]) == ("succeeded", "post" if by_post else "redirect")
    assert trail.profile is not None
    assert trail.profile.idp_id == NAME_ID
    tenant = world.company.environment
    user = User.objects.in_environment(tenant).get()
    assert (user.email, user.first_name, user.last_name) == ("ada@example.com", "Ada", "Lovelace")
    membership = OrganizationMembership.objects.in_environment(tenant).get()
    assert (membership.user_id, membership.organization_id) == (user.pk, world.company.pk)
    claims = claims_of_visitor(world.example)
    assert (claims["sub"], claims["org_id"]) == (user.pk, world.company.pk)
    present = Connection.objects.in_environment(tenant).get()
    assert present.state == ConnectionState.ACTIVE


@pytest.mark.parametrize("name", PROVIDERS)
def test_who_turns_back_reads_so_and_may_begin_again(page: Page, world, tmp_path, name):
    with world.provider(name, tmp_path):
        come_to_the_provider(page, world, name)
        page.get_by_role("button", name="Turn back").click()
        expect(page.get_by_role("heading", name="You could not be signed in")).to_be_visible()

        trail = trail_of(world)
        assert trail.failure == "idp_reported_failure"
        assert "The person turned back." in trail.sentence
        page.get_by_role("link", name="Back to the sign-in page").click()
        expect(page.get_by_label("Email address")).to_be_visible()


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("by_post", [False, True], ids=["redirect", "post"])
def test_a_request_that_was_changed_on_its_way_is_refused_there(world, tmp_path, name, by_post):
    with world.provider(name, tmp_path, by_post=by_post) as base:
        url, form = departure(world)
        assert "asks who is there" in httpx.request("POST" if by_post else "GET", url, data=form).text

        if form is None:
            changed = httpx.get(url.replace("RelayState=", "RelayState=x"))
        else:
            document = base64.b64decode(form["SAMLRequest"]).decode()
            other = document.replace(f"{base}/sso", f"{base}/sso?x").encode()
            changed = httpx.post(url, data={**form, "SAMLRequest": base64.b64encode(other).decode()})

    assert changed.status_code == 400
    assert "The request is refused" in changed.text


def departure(world: World) -> tuple[str, dict[str, str] | None]:
    """Return how a browser is sent to the provider: an address, and the form where it is posted."""
    started = httpx.get(
        urljoin(conf.start_page(""), "/sso/authorize"),
        params={
            "client_id": world.company.environment.client_id,
            "response_type": "code",
            "redirect_uri": f"{world.address}/callback",
            "connection": world.connection.pk,
        },
    )
    left = httpx.get(started.headers["Location"])
    if left.status_code == 302:
        return left.headers["Location"], None
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', left.text))
    (action,) = re.findall(r'<form method="post" action="([^"]+)"', left.text)
    return html.unescape(action), {name: html.unescape(value) for name, value in fields.items()}
