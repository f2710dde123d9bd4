"""Whole sign-ins through the test identity provider, in a client that follows every step and fills every form."""

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from foundation.actors import SYSTEM
from sso import services
from sso.errors import ConnectionSettingsInvalid
from sso.failures import ExchangeFailure
from sso.models import Connection, ConnectionState, SSOSession
from sso.test_idp.services import ensure_test_idp
from tests.factories.environments import make_api_key, make_environment, make_operator
from tests.factories.organizations import make_domain, make_organization
from tests.factories.sso import make_saml_connection, make_test_connection
from tests.sso.browser import CALLBACK

ADA = {"email": "ada@acme.com", "first_name": "Ada", "last_name": "Lovelace", "groups": "Engineers"}

# The server that OpenID Connect calls has a database connection of its own, and sees what was committed alone.
IN_THE_OPEN = pytest.mark.django_db(transaction=True)


@pytest.fixture
def organization(environment):
    organization = make_organization(environment, "Acme")
    make_domain(organization, "acme.com", "verified")
    return organization


@pytest.fixture
def saml(organization):
    return make_test_connection(organization)


@pytest.fixture
def oidc(environment, organization, live_server, settings):
    """OpenID Connect calls the provider's endpoints, so that a server has to listen."""
    settings.BASE_URL = live_server.url
    return services.create_connection(
        environment=environment,
        actor=SYSTEM,
        connection_type="GenericOIDC",
        organization=organization,
        changes={"oidc": {"issuer": ensure_test_idp(environment).issuer, "client_id": "acme"}},
    )


class Walker:
    """Goes where pages and redirects lead, within this server."""

    def __init__(self):
        self.client = Client()

    def follow(self, response):
        """Return the page that asks for something, or the address outside to which the browser would go."""
        for _step in range(12):
            if response.status_code in {302, 303}:
                target = response["Location"]
            else:
                page = response.content.decode()
                refresh = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
                form = re.search(r'<form [^>]*action="([^"]+)"[^>]*data-submits-itself', page)
                if form is not None:
                    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page[form.start() :]))
                    response = self.client.post(
                        path_of(html.unescape(form[1])), {k: html.unescape(v) for k, v in fields.items()}
                    )
                    continue
                if refresh is None:
                    return response
                target = html.unescape(refresh[1])
            if target.startswith(CALLBACK):
                return target
            response = self.client.get(path_of(target))
        raise AssertionError("going round in circles")

    def ask(self, connection, **more):
        query = {
            "client_id": connection.environment.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "connection": connection.pk,
            "state": "s-1",
            **more,
        }
        self.page = self.follow(self.client.get("/sso/authorize", query))
        assert "Who signs in?" in self.page.content.decode()
        return self

    def answer(self, **fields):
        return self.follow(self.client.post(self.page.wsgi_request.get_full_path(), fields))


def path_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def query_of(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def profile_at(api, environment, callback):
    assert isinstance(callback, str), callback.content.decode()
    answer = api.post(
        "/sso/token",
        {
            "client_id": environment.client_id,
            "client_secret": make_api_key(environment),
            "grant_type": "authorization_code",
            "code": query_of(callback)["code"],
        },
    )
    assert answer.status_code == 200, answer.content
    return answer.json()["profile"]


@IN_THE_OPEN
@pytest.mark.parametrize("protocol", ["saml", "oidc"])
def test_a_person_who_was_made_up_becomes_a_profile(request, api, environment, protocol):
    connection = request.getfixturevalue(protocol)
    callback = Walker().ask(connection).answer(**ADA)

    profile = profile_at(api, environment, callback)

    assert query_of(callback)["state"] == "s-1"
    assert (profile["email"], profile["first_name"], profile["last_name"]) == (
        "ada@acme.com",
        "Ada",
        "Lovelace",
    )
    assert profile["groups"] == ["Engineers"]
    connection.refresh_from_db()
    assert connection.state == ConnectionState.ACTIVE


@pytest.mark.parametrize(
    ("misbehaviour", "failures"),
    [
        ("cancelled", {"saml": "idp_reported_failure", "oidc": "oidc_cancelled"}),
        ("unsigned", {"saml": "nothing_signed", "oidc": "oidc_algorithm_refused"}),
        ("foreign_key", {"saml": "invalid_signature", "oidc": "oidc_signature_invalid"}),
        ("expired", {"saml": "expired", "oidc": "oidc_expired"}),
        ("wrong_audience", {"saml": "wrong_audience", "oidc": "oidc_audience_differs"}),
        ("no_email", {"saml": "email_missing", "oidc": "email_missing"}),
    ],
)
@IN_THE_OPEN
@pytest.mark.parametrize("protocol", ["saml", "oidc"])
def test_each_misbehaviour_leaves_its_own_failure_in_the_trail(
    request, environment, protocol, misbehaviour, failures
):
    connection = request.getfixturevalue(protocol)

    callback = Walker().ask(connection).answer(**ADA, answer=misbehaviour)

    row = SSOSession.objects.in_environment(environment).get()
    assert row.failure == failures[protocol]
    assert row.sentence
    assert isinstance(callback, str)
    assert "error" in query_of(callback)
    assert "code" not in query_of(callback)


@IN_THE_OPEN
@pytest.mark.parametrize(
    ("protocol", "failure"), [("saml", "authentication_too_old"), ("oidc", "oidc_sign_in_too_old")]
)
def test_an_old_sign_in_is_good_until_a_fresh_one_is_asked_for(request, environment, protocol, failure):
    connection = request.getfixturevalue(protocol)

    accepted = Walker().ask(connection).answer(**ADA, answer="stale")
    refused = Walker().ask(connection, prompt="login").answer(**ADA, answer="stale")
    asked_anew = Walker().ask(connection, prompt="login").answer(**ADA)

    assert "code" in query_of(accepted)
    assert "error" in query_of(refused)
    assert "code" in query_of(asked_anew)
    rows = SSOSession.objects.in_environment(environment).order_by("id")
    assert [row.failure for row in rows] == ["", failure, ""]


def test_an_assertion_is_encrypted_where_the_connection_demands_it(api, environment, saml):
    services.update_connection(
        connection=saml, actor=SYSTEM, changes={"saml": {"require_encrypted_assertions": True}}
    )
    callback = Walker().ask(saml).answer(**ADA)

    assert profile_at(api, environment, callback)["email"] == "ada@acme.com"


def test_a_sign_in_that_begins_there_counts_where_the_connection_allows_it(api, environment, saml):
    start = f"/test-idp/{environment.client_id}/saml/start"
    walker = Walker()
    walker.page = walker.follow(walker.client.get(start, {"connection": saml.pk}))
    refused = walker.answer(**ADA)
    services.update_connection(connection=saml, actor=SYSTEM, changes={"saml": {"allow_idp_initiated": True}})
    walker.page = walker.follow(walker.client.get(start, {"connection": saml.pk}))
    accepted = walker.answer(**ADA)

    assert refused.status_code == 403
    assert profile_at(api, environment, accepted)["email"] == "ada@acme.com"


# --- The wall --------------------------------------------------------------------------------------------------------


@pytest.fixture
def live(db):
    return make_environment("Live", kind="production")


def settings_of_a_test_idp(idp):
    return {
        "idp_entity_id": idp.entity_id,
        "idp_sso_url": idp.sso_url,
        "idp_certificates": [idp.certificate_pem],
    }


@pytest.mark.parametrize("kind", ["TestIdp", "GenericSAML", "GenericOIDC"])
def test_a_production_connection_cannot_be_set_up_with_a_test_identity_provider(
    environment, live, kind, settings
):
    settings.BASE_URL = "https://auth.example"
    idp = ensure_test_idp(environment)
    changes: Any = {"oidc": {"issuer": idp.issuer, "client_id": "acme"}}
    if kind != "GenericOIDC":
        changes = {"saml": settings_of_a_test_idp(idp)} if kind == "GenericSAML" else {}

    with pytest.raises(ConnectionSettingsInvalid):
        services.create_connection(
            environment=live,
            actor=SYSTEM,
            connection_type=kind,
            organization=make_organization(live, "Acme"),
            changes=changes,
        )
    assert not Connection.objects.in_environment(live).exists()


def test_nobody_gets_in_even_if_the_settings_stand_in_the_row(environment, live):
    """As after a change of the row by hand, or of an environment's kind."""
    idp = ensure_test_idp(environment)
    connection = make_saml_connection(make_organization(live, "Acme"))
    row = connection.saml_settings
    row.idp_entity_id, row.idp_sso_url = idp.entity_id, idp.sso_url
    row.save()
    handle = services.open_exchange(
        connection=connection, purpose={"for": "test", "url": "https://x.example"}
    )

    with pytest.raises(services.ExchangeFailed):
        services.begin_exchange(handle)
    with pytest.raises(services.ExchangeFailed):
        services.finish_unasked(
            connection=services.require_connection(live, connection.pk),
            purpose={"for": "test", "url": "https://x.example"},
            parameters={"SAMLResponse": "PHg+"},
            ip_address=None,
            user_agent=None,
        )
    failures = SSOSession.objects.in_environment(live).values_list("failure", flat=True)
    assert set(failures) == {ExchangeFailure.TEST_IDP_IN_PRODUCTION}


# --- The test of a connection ----------------------------------------------------------------------------------------


@pytest.fixture
def staff(environment):
    walker = Walker()
    walker.client.force_login(make_operator())
    return walker


def begin_test(walker, connection):
    tool = f"/admin/sso/connection/{connection.pk}/tool/try-connection/"
    walker.page = walker.follow(walker.client.post(tool))
    assert "Who signs in?" in walker.page.content.decode()
    return walker


@IN_THE_OPEN
@pytest.mark.parametrize("protocol", ["saml", "oidc"])
def test_staff_test_a_connection_and_see_the_profile_and_nobody_is_signed_in(
    request, staff, environment, emitted, protocol
):
    connection = request.getfixturevalue(protocol)

    shown = begin_test(staff, connection).answer(**ADA).content.decode()

    row = SSOSession.objects.in_environment(environment).get()
    assert (row.kind, row.state) == ("test", "succeeded")
    assert "The mapped profile" in shown
    assert "ada@acme.com" in shown
    assert "Engineers" in shown
    assert not [name for name in emitted() if name.startswith(("user.", "session.", "authentication."))]


def test_staff_see_which_check_failed_and_what_to_do(staff, saml):
    shown = begin_test(staff, saml).answer(**ADA, answer="wrong_audience").content.decode()

    assert "wrong_audience" in shown
    assert "Correct the audience" in html.unescape(shown)
    assert "another-service-provider.example" in shown
    listed = staff.client.get(f"/admin/sso/connection/{saml.pk}/change/").content.decode()
    assert "Correct the audience" in html.unescape(listed)


def test_the_trail_is_filtered_by_what_failed(staff, saml):
    begin_test(staff, saml).answer(**ADA, answer="expired")
    begin_test(staff, saml).answer(**ADA)

    everything = staff.client.get("/admin/sso/ssosession/").content.decode()
    failed = staff.client.get("/admin/sso/ssosession/", {"failure": "expired"}).content.decode()
    tests = staff.client.get("/admin/sso/ssosession/", {"kind": "sign_in"}).content.decode()

    assert everything.count("<tr") == 3
    assert failed.count("<tr") == 2
    assert "Test of the connection" not in re.sub(r"<details.*?</details>", "", tests, flags=re.DOTALL)
