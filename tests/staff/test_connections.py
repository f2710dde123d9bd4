"""Staff set up a customer's single sign-on."""

import html
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from foundation.actors import SYSTEM
from sso import services
from sso.models import Connection, ConnectionState, IdPCertificate, SandboxIdentityProvider
from sso.test_idp.saml_answers import write_metadata
from sso.test_idp.services import ensure_test_idp
from tests.factories.environments import make_environment
from tests.factories.organizations import make_domain, make_organization
from tests.factories.sso import (
    make_idp_certificate,
    make_oidc_connection,
    make_profile,
    make_saml_connection,
    make_sso_session,
    make_test_connection,
)


@pytest.fixture
def organization(environment):
    return make_organization(environment, "Acme")


def url_of(connection, page="change"):
    return f"/admin/sso/connection/{connection.pk}/{page}/"


def fields_of(page):
    """Return what the form of a page would send if nothing were changed."""
    form = page.context["adminform"].form
    return {name: "" if form[name].value() is None else form[name].value() for name in form.fields}


def save(browser, connection, **changes):
    fields = fields_of(browser.get(url_of(connection)))
    for name, field in list(fields.items()):
        if field is False:
            del fields[name]
    answer = browser.post(url_of(connection), {**fields, **changes})
    connection = Connection.objects.in_environment(connection.environment).get(pk=connection.pk)
    return answer, connection


def test_a_connection_begins_with_its_type_and_shows_what_to_copy(owners_browser, organization, environment):
    page = owners_browser.get(f"/admin/sso/connection/add/?organization={organization.pk}").content.decode()
    answer = owners_browser.post(
        "/admin/sso/connection/add/",
        {"organization": organization.pk, "connection_type": "OktaSAML", "name": ""},
    )
    connection = Connection.objects.in_environment(environment).get()
    shown = owners_browser.get(answer["Location"]).content.decode()

    assert "Test identity provider" in page
    assert (connection.state, connection.name) == (ConnectionState.DRAFT, "Acme")
    assert f"/sso/saml/{connection.pk}/acs" in shown
    assert f"/sso/saml/{connection.pk}/metadata" in shown


def test_a_production_environment_offers_no_test_identity_provider(owner, signed_in, db):
    live = make_environment("Live", kind="production")
    browser = signed_in(owner)
    browser.post("/admin/environment/", {"environment": live.pk})
    organization = make_organization(live, "Acme")

    page = browser.get("/admin/sso/connection/add/").content.decode()
    answer = browser.post(
        "/admin/sso/connection/add/", {"organization": organization.pk, "connection_type": "TestIdp"}
    )

    assert "OktaSAML" in page
    assert "TestIdp" not in page
    assert "test_idp" not in page
    assert answer.status_code == 200
    assert not Connection.objects.in_environment(live).exists()
    assert not SandboxIdentityProvider.objects.in_environment(live).exists()


def test_the_test_identity_provider_is_known_at_once(owners_browser, organization, environment):
    owners_browser.post(
        "/admin/sso/connection/add/", {"organization": organization.pk, "connection_type": "TestIdp"}
    )
    connection = Connection.objects.in_environment(environment).get()

    assert connection.state == ConnectionState.VALIDATING
    assert connection.saml_settings.idp_entity_id.endswith(f"/test-idp/{environment.client_id}/saml/metadata")
    assert IdPCertificate.objects.in_environment(environment).count() == 1


def test_settings_mapping_and_domains_are_saved_together(owners_browser, organization):
    make_domain(organization, "acme.com")
    connection = make_saml_connection(organization)

    _answer, after = save(
        owners_browser,
        connection,
        idp_sso_url="https://other.example/sso",
        allow_idp_initiated="on",
        single_logout="on",
        domain_names="acme.com, acme.org",
        email="mail",
        full_name="displayName",
        role_map="Engineers = admin",
        custom_attribute_map="team = user.team",
    )

    assert after.saml_settings.idp_sso_url == "https://other.example/sso"
    assert after.saml_settings.allow_idp_initiated
    assert after.single_logout
    assert after.saml_settings.sign_requests
    assert sorted(domain.domain for domain in after.domains.all()) == ["acme.com", "acme.org"]
    assert after.attribute_map == {"email": "mail", "name": "displayName"}
    assert after.role_map == {"Engineers": "admin"}
    assert after.custom_attribute_map == {"team": "user.team"}


def test_saving_a_form_as_it_is_changes_nothing(owners_browser, organization):
    connection = make_saml_connection(
        organization, attribute_map={"email": "mail"}, role_map={"Engineers": "admin"}
    )
    _answer, after = save(owners_browser, connection)

    assert after.updated_at == connection.updated_at


def test_what_the_service_refuses_stands_beside_its_field(owners_browser, organization):
    connection = make_saml_connection(organization)

    answer, after = save(
        owners_browser, connection, idp_sso_url="ftp://idp.example", role_map="Engineers = nothing"
    )
    errors = answer.context["adminform"].form.errors

    assert answer.status_code == 200
    assert "idp_sso_url" in errors or "role_map" in errors
    assert after.saml_settings.idp_sso_url == connection.saml_settings.idp_sso_url


def test_a_line_that_is_no_pair_is_refused(owners_browser, organization):
    answer, _after = save(owners_browser, make_saml_connection(organization), role_map="Engineers")

    assert "Write name = value" in str(answer.context["adminform"].form.errors["role_map"])


def test_a_client_secret_is_written_and_never_shown(owners_browser, organization):
    connection = make_oidc_connection(organization)

    _answer, kept = save(owners_browser, connection, scopes="openid email")
    assert kept.oidc_settings.client_secret == "a secret of the tests"
    _answer, changed = save(owners_browser, connection, new_client_credential="another secret")

    assert changed.oidc_settings.client_secret == "another secret"
    assert changed.oidc_settings.scopes == "openid email"
    page = owners_browser.get(url_of(connection)).content.decode()
    assert "another secret" not in page
    assert f"/sso/oidc/{connection.pk}/callback" in page


def test_a_key_of_the_connections_own_takes_the_place_of_its_secret(owners_browser, organization):
    connection = make_oidc_connection(organization)

    refused, kept = save(
        owners_browser,
        connection,
        token_authentication_method="private_key_jwt",
        new_client_credential="another secret",
    )
    assert "takes no client secret" in str(refused.context["adminform"].form.errors["new_client_credential"])
    assert kept.oidc_settings.client_secret == "a secret of the tests"

    _answer, moved = save(owners_browser, connection, token_authentication_method="private_key_jwt")

    assert moved.oidc_settings.client_secret == ""
    page = owners_browser.get(url_of(connection)).content.decode()
    assert moved.oidc_settings.jwt_signing_certificate.splitlines()[1] in page
    assert "PRIVATE KEY" not in page


def test_another_redirect_uri_is_shown_beside_the_callback_that_it_leads_to(owners_browser, organization):
    connection = make_oidc_connection(organization)

    refused, _same = save(owners_browser, connection, redirect_uri="https://old.example/#here")
    assert "no fragment" in str(refused.context["adminform"].form.errors["redirect_uri"])
    save(owners_browser, connection, redirect_uri="https://old.example/callback")

    page = owners_browser.get(url_of(connection)).content.decode()
    assert "https://old.example/callback" in page
    assert f"/sso/oidc/{connection.pk}/callback" in page


def test_certificates_are_added_and_removed_but_for_the_last(owners_browser, organization, environment):
    connection = make_saml_connection(organization)
    first = IdPCertificate.objects.in_environment(environment).get()

    answer = owners_browser.post(
        url_of(connection, "tool/add-certificate"), {"certificate": make_idp_certificate()}
    )
    assert answer.status_code == 302
    assert IdPCertificate.objects.in_environment(environment).count() == 2
    owners_browser.post(f"/admin/sso/idpcertificate/{first.pk}/delete/")
    last = IdPCertificate.objects.in_environment(environment).get()
    refused = owners_browser.post(f"/admin/sso/idpcertificate/{last.pk}/delete/")

    assert "cannot be deleted" in refused.content.decode()
    assert IdPCertificate.objects.in_environment(environment).count() == 1


def test_what_is_no_certificate_is_refused_in_words(owners_browser, organization):
    connection = make_saml_connection(organization)

    answer = owners_browser.post(url_of(connection, "tool/add-certificate"), {"certificate": "nonsense"})

    assert "not a certificate" in answer.content.decode()


def test_our_own_key_pairs_are_shown_and_renewed_without_their_keys(owners_browser, organization):
    connection = make_saml_connection(organization)

    def pairs(use):
        return services.list_key_pairs(connection, use)

    (signed,), (opened,) = pairs("signing"), pairs("encryption")
    asks = owners_browser.get(url_of(connection, "tool/rotate-signing-pair")).content.decode()
    owners_browser.post(url_of(connection, "tool/add-encryption-pair"))
    owners_browser.post(url_of(connection, "tool/rotate-signing-pair"))
    page = owners_browser.get(url_of(connection)).content.decode()
    shown = owners_browser.get(f"/admin/sso/spkeypair/{opened.pk}/change/").content.decode()

    assert "refuses people until it knows the new certificate" in asks
    (signs,), opens = pairs("signing"), pairs("encryption")
    assert signs.certificate != signed.certificate
    assert [row.pk for row in opens][:1] == [opened.pk]
    assert len(opens) == 2
    assert "Our own certificates" in page
    assert all(row.fingerprint[:16] in page for row in (signs, *opens))
    assert signed.fingerprint[:16] not in page
    assert opened.certificate.splitlines()[1] in shown
    assert "PRIVATE KEY" not in page + shown
    owners_browser.post(f"/admin/sso/spkeypair/{opened.pk}/delete/")
    assert [row.pk for row in pairs("encryption")] == [opens[1].pk]


def test_what_stands_in_the_way_of_another_key_pair_is_told(owners_browser, organization):
    connection = make_saml_connection(organization)
    for _ in range(4):
        owners_browser.post(url_of(connection, "tool/add-encryption-pair"))

    refused = owners_browser.post(url_of(connection, "tool/add-encryption-pair")).content.decode()

    assert "Delete those that nobody uses" in refused
    assert len(services.list_key_pairs(connection, "encryption")) == 5


def test_another_address_of_ours_is_shown_beside_the_standard_one(owners_browser, organization):
    connection = make_saml_connection(organization)
    save(owners_browser, connection, acs_url="https://login.acme.example/saml", require_signed_responses="on")

    page = owners_browser.get(url_of(connection)).content.decode()
    row = services.require_connection(connection.environment_id, connection.pk).saml_settings

    assert row.require_signed_responses
    assert "https://login.acme.example/saml</code> which forwards to" in page
    assert f"/sso/saml/{connection.pk}/acs</code>" in page


def test_a_connection_is_switched_off_and_on_and_deleted(owners_browser, organization, environment):
    connection = make_test_connection(organization)

    owners_browser.post(url_of(connection, "tool/switch-off"))
    connection.refresh_from_db()
    assert connection.state == ConnectionState.INACTIVE
    owners_browser.post(url_of(connection, "tool/switch-on"))
    connection.refresh_from_db()
    assert connection.state == ConnectionState.VALIDATING
    owners_browser.post(url_of(connection, "delete"))
    assert not Connection.objects.in_environment(environment).exists()


def test_the_page_of_an_organization_offers_to_set_up_sso(owners_browser, organization):
    page = f"/admin/organizations/organization/{organization.pk}/change/"
    before = owners_browser.get(page).content.decode()
    make_test_connection(organization)
    after = owners_browser.get(page).content.decode()

    assert f"/admin/sso/connection/add/?organization={organization.pk}" in before
    assert "Set up SSO" in before
    assert "Test identity provider" in after


def test_the_test_identity_provider_tells_its_secret_when_asked(owners_browser, environment):
    listed = owners_browser.get("/admin/sso/sandboxidentityprovider/").content.decode()
    row = SandboxIdentityProvider.objects.in_environment(environment).get()
    path = f"/admin/sso/sandboxidentityprovider/{row.pk}/"

    assert "/saml/metadata" in listed
    assert row.client_secret not in owners_browser.get(f"{path}change/").content.decode()
    assert row.client_secret in owners_browser.post(f"{path}tool/show-client-secret/").content.decode()


def test_metadata_is_pasted_uploaded_or_fetched(
    owners_browser, organization, environment, live_server, settings
):
    settings.BASE_URL = live_server.url
    idp = ensure_test_idp(environment)
    document = write_metadata(idp)
    ways: list[dict[str, Any]] = [
        {"document": document.decode()},
        {"upload": SimpleUploadedFile("metadata.xml", document)},
        {"url": idp.entity_id},
    ]
    for way in ways:
        connection = services.create_connection(
            environment=environment,
            actor=SYSTEM,
            connection_type="GenericSAML",
            organization=organization,
            changes={},
        )
        assert connection.state == ConnectionState.DRAFT
        answer = owners_browser.post(url_of(connection, "tool/load-metadata"), way)

        assert answer.status_code == 302, answer.content.decode()
        loaded = Connection.objects.in_environment(environment).get(pk=connection.pk)
        assert loaded.state == ConnectionState.VALIDATING
        assert loaded.saml_settings.idp_sso_url == idp.sso_url
        assert loaded.saml_settings.metadata_url == way.get("url", "")


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ({}, "Give one of the three"),
        ({"document": "<a/>", "url": "https://idp.example/metadata"}, "Give one of the three"),
        ({"document": "<a/>"}, "no SAML metadata"),
        ({"url": "http://127.0.0.1:9/metadata"}, "could not be reached"),
    ],
)
def test_metadata_that_cannot_be_used_is_refused_in_words(owners_browser, organization, way, words):
    connection = make_saml_connection(organization)

    answer = owners_browser.post(url_of(connection, "tool/load-metadata"), way)

    assert words in answer.content.decode()


def test_a_long_document_in_the_trail_is_set_out_in_lines(owners_browser, organization):
    row = make_sso_session(make_profile(make_saml_connection(organization)))
    row.received = {"issuer": "x", "document": "<a><b>1</b><c/><d><e>2</e></d></a>"}
    row.save()

    page = owners_browser.get(f"/admin/sso/ssosession/{row.pk}/change/").content.decode()

    assert "document:\n<a>\n  <b>1</b>\n  <c/>\n  <d>\n    <e>2</e>\n  </d>\n</a>" in html.unescape(page)
