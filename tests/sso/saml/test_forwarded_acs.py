"""An address of the customer's own that takes responses and forwards them with a 307."""

import base64
from dataclasses import replace

import pytest
from lxml import etree

from sso import conf, services
from sso.models import Profile
from sso.saml.documents import inflate
from sso.saml.names import MD, tag
from tests.factories.organizations import make_organization
from tests.factories.sso import make_saml_connection
from tests.sso.browser import CALLBACK, local, pending_request_id, query_of, saml_answer
from tests.sso.saml.identity_provider import post

FORWARDER = "https://login.acme.example/saml/consume"
OTHER_SPELLINGS = [
    "https://AUTH.example.com",
    "https://auth.example.com:443",
    "https://auth.example.com.",
    "http://auth.example.com",
    "https://%61uth.example.com",
    "https://\uff41uth.example.com",
]


@pytest.fixture
def forwarded(api, saml_connection):
    answer = api.put(f"/connections/{saml_connection.id}", {"saml_options": {"acs_url": FORWARDER}})
    assert answer.status_code == 200, answer.content
    return services.require_connection(saml_connection.environment_id, saml_connection.id)


def failure_of(connection):
    return connection.sso_sessions.order_by("-id").first().failure


def announced_in(connection, client):
    metadata = etree.fromstring(client.get(local(conf.saml_metadata_url(connection.id))).content)
    return [service.get("Location") for service in metadata.iter(tag(MD, "AssertionConsumerService"))]


def test_a_response_that_is_forwarded_signs_in(environment, browser, forwarded, company_idp):
    left = browser.leave(connection=forwarded.id)
    request = etree.fromstring(inflate(base64.b64decode(query_of(left["Location"])["SAMLRequest"])))

    # What the forwarder answers with its 307 is this very post, at the standard address.
    done = browser.post_answer(
        forwarded, saml_answer(forwarded, company_idp), query_of(left["Location"])["RelayState"]
    )

    assert request.get("AssertionConsumerServiceURL") == FORWARDER
    assert announced_in(forwarded, browser.client) == [FORWARDER]
    assert done["Location"].startswith(CALLBACK)
    assert "code" in query_of(done["Location"])
    assert Profile.objects.in_environment(environment).get().email == "ada@example.com"


@pytest.mark.parametrize("sign", [("Assertion",), ("Assertion", "Response")])
def test_a_response_for_the_standard_address_is_refused_where_there_is_another(
    environment, browser, forwarded, company_idp, sign
):
    left = browser.leave(connection=forwarded.id)
    standard = replace(services.service_provider_of(forwarded), acs_url=conf.saml_acs_url(forwarded.id))
    response = post(company_idp.response(standard, pending_request_id(forwarded), sign=sign))

    browser.post_answer(forwarded, response, query_of(left["Location"])["RelayState"])

    assert failure_of(forwarded) == "wrong_destination"
    assert not Profile.objects.in_environment(environment).exists()


def test_a_recipient_at_the_standard_address_is_refused_where_there_is_another(
    environment, browser, forwarded, company_idp
):
    left = browser.leave(connection=forwarded.id)

    def to_the_standard_address(root):
        for confirmed in root.iter("{*}SubjectConfirmationData"):
            confirmed.set("Recipient", conf.saml_acs_url(forwarded.id))

    response = saml_answer(forwarded, company_idp, change=to_the_standard_address)
    browser.post_answer(forwarded, response, query_of(left["Location"])["RelayState"])

    assert failure_of(forwarded) == "wrong_recipient"
    assert not Profile.objects.in_environment(environment).exists()


def test_a_response_for_a_forwarder_is_refused_where_there_is_none(
    environment, api, browser, forwarded, company_idp
):
    left = browser.leave(connection=forwarded.id)
    response = saml_answer(forwarded, company_idp)
    # Null goes back to the standard address, as the official SDK sends it whenever none is named.
    reverted = api.patch(f"/connections/{forwarded.id}", {"saml_options": {"acs_url": None}}).json()

    browser.post_answer(forwarded, response, query_of(left["Location"])["RelayState"])

    standard = conf.saml_acs_url(forwarded.id)
    assert reverted["saml_options"]["acs_url"] == reverted["saml_options"]["standard_acs_url"] == standard
    assert announced_in(forwarded, browser.client) == [standard]
    assert failure_of(forwarded) == "wrong_destination"
    assert not Profile.objects.in_environment(environment).exists()


def test_the_standard_address_spelled_out_is_no_override(api, forwarded):
    standard = conf.saml_acs_url(forwarded.id)
    api.put(f"/connections/{forwarded.id}", {"saml_options": {"acs_url": standard}})

    row = services.require_connection(forwarded.environment_id, forwarded.id).saml_settings
    assert row.acs_url == ""


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://name:password@login.acme.example/",
        "https://login.acme.example/saml#fragment",
        "login.acme.example/saml",
        "https://login.acme.example/a b",
    ],
)
def test_an_address_that_nobody_can_post_to_is_refused(api, forwarded, url):
    answer = api.put(f"/connections/{forwarded.id}", {"saml_options": {"acs_url": url}})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["acs_url"]
    shown = api.get(f"/connections/{forwarded.id}").json()["saml_options"]
    assert shown["acs_url"] == FORWARDER


def test_the_address_of_another_connection_is_refused(api, environment, forwarded):
    sibling = make_saml_connection(make_organization(environment, "Sibling"))
    url = conf.saml_acs_url(sibling.id)

    answer = api.put(f"/connections/{forwarded.id}", {"saml_options": {"acs_url": url}})

    assert answer.status_code == 422
    assert "address of our own" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("spelling", OTHER_SPELLINGS)
def test_no_spelling_hides_that_an_address_is_ours(api, environment, forwarded, settings, spelling):
    settings.BASE_URL = "https://auth.example.com"
    url = f"{spelling}/sso/saml/{forwarded.id}/acs"

    answer = api.put(f"/connections/{forwarded.id}", {"saml_options": {"acs_url": url}})

    assert answer.status_code == 422, answer.content
    assert "address of our own" in answer.json()["errors"][0]["message"]


def test_another_service_on_our_host_is_not_ours(api, forwarded, settings):
    settings.BASE_URL = "https://auth.example.com/identity"
    for url in ("https://auth.example.com:8443/identity/acs", "https://auth.example.com/app/acs"):
        answer = api.put(f"/connections/{forwarded.id}", {"saml_options": {"acs_url": url}})
        assert answer.json()["saml_options"]["acs_url"] == url


def test_production_forwards_over_https_alone(api, environment, forwarded):
    environment.kind = "production"
    environment.save(update_fields=["kind"])

    answer = api.put(
        f"/connections/{forwarded.id}", {"saml_options": {"acs_url": "http://login.acme.example/"}}
    )

    assert answer.status_code == 422
    assert "https only" in answer.json()["errors"][0]["message"]
