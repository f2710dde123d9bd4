from datetime import timedelta

import pytest

from foundation import clock
from sso import services
from sso.models import Connection, SAMLSettings
from tests.factories.authorization import make_role
from tests.factories.organizations import make_domain, make_organization
from tests.factories.sso import (
    IDP_ENTITY_ID,
    IDP_SSO_URL,
    idp_key_pair,
    make_idp_certificate,
    make_oauth_connection,
    make_oidc_connection,
    make_saml_connection,
)

SAML_OPTIONS = {
    "idp_entity_id": IDP_ENTITY_ID,
    "idp_sso_url": IDP_SSO_URL,
    "idp_signing_certs": [idp_key_pair()[1]],
}


@pytest.fixture
def organization(environment):
    return make_organization(environment)


@pytest.fixture
def connection(organization):
    return make_saml_connection(organization)


def activate(connection, actor):
    services.activate_connection(connection=connection, actor=actor)


def test_a_saml_connection_is_created_with_all_that_its_identity_provider_has_to_know(api, organization):
    answer = api.post(
        "/connections",
        {
            "organization_id": organization.id,
            "connection_type": "OktaSAML",
            "external_id": "okta-1",
            "saml_options": SAML_OPTIONS,
            "attribute_maps": {
                "standard_attributes": {"email": "mail", "name": None},
                "custom_attributes": {"department": "dept"},
            },
        },
    )

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert body["name"] == "Foo Corp"
    assert (body["state"], body["status"]) == ("validating", "linked")
    assert body["external_id"] == "okta-1"
    assert body["attribute_maps"] == {
        "standard_attributes": {"email": "mail"},
        "custom_attributes": {"department": "dept"},
    }
    saml = body["saml_options"]
    assert saml["acs_url"].endswith(f"/sso/saml/{body['id']}/acs")
    assert saml["sp_entity_id"] == saml["sp_metadata_url"]
    assert saml["sp_signing_cert"].startswith("-----BEGIN CERTIFICATE-----")
    assert saml["idp_signing_certs"] == SAML_OPTIONS["idp_signing_certs"]
    assert "PRIVATE KEY" not in answer.content.decode()


def test_the_type_is_inferred_from_the_options(api, organization):
    saml = api.post("/connections", {"organization_id": organization.id, "saml_options": SAML_OPTIONS})
    oidc = api.post(
        "/connections",
        {
            "organization_id": organization.id,
            "oidc_options": {
                "discovery_endpoint": "https://op.example/.well-known/openid-configuration",
                "client_id": "app",
                "client_secret": "hidden away",
            },
        },
    )

    assert saml.json()["connection_type"] == "GenericSAML"
    assert oidc.json()["connection_type"] == "GenericOIDC"
    assert oidc.json()["oidc_options"]["issuer"] == "https://op.example"
    assert b"hidden away" not in oidc.content


def test_a_connection_without_its_settings_is_a_draft_until_they_are_there(api, organization):
    body = {"organization_id": organization.id, "connection_type": "OktaSAML"}
    draft = api.post("/connections", body).json()
    assert (draft["state"], draft["status"]) == ("draft", "unlinked")

    complete = api.put(f"/connections/{draft['id']}", {"saml_options": SAML_OPTIONS}).json()
    assert (complete["state"], complete["status"]) == ("validating", "linked")


@pytest.mark.parametrize("spelling", ["GitHubOAuth", "GithubOAuth"])
def test_a_social_provider_belongs_to_the_environment_and_shows_no_secret(api, spelling):
    answer = api.post(
        "/connections",
        {"connection_type": spelling, "oauth_options": {"client_id": "app", "client_secret": "hidden away"}},
    )

    assert answer.status_code == 201, answer.content
    assert answer.json()["connection_type"] == "GitHubOAuth"
    assert "organization_id" not in answer.json()
    assert b"hidden away" not in answer.content
    again = api.post("/connections", {"connection_type": "GitHubOAuth", "oauth_options": {}})
    assert again.status_code == 409


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"connection_type": "OktaSAML", "saml_options": {}}, "organization_id"),
        ({"connection_type": "SmokeSignals"}, "connection_type"),
        ({}, "connection_type"),
        ({"saml_options": {"idp_signing_certs": ["not a certificate"]}}, "idp_signing_certs"),
        ({"saml_options": {"idp_sso_url": "javascript:alert(1)"}}, "idp_sso_url"),
        ({"saml_options": {"idp_metadata_url": "https://a:b@idp.example/"}}, "metadata_url"),
        ({"saml_options": {"clock_skew_seconds": 301}}, "saml_options.clock_skew_seconds"),
        ({"connection_type": "OktaSAML", "oidc_options": {"client_id": "x"}}, "oidc_options"),
        ({"saml_options": {}, "role_map": {"Admins": "no-such-role"}}, "role_map"),
        ({"saml_options": {}, "domains": ["not a domain"]}, "domains"),
        ({"oidc_options": {"discovery_endpoint": "https://op.example", "pkce": False}}, "pkce"),
    ],
)
def test_settings_that_no_sign_in_could_work_with_are_refused_by_field(api, organization, changes, field):
    owner = {} if field == "organization_id" else {"organization_id": organization.id}
    answer = api.post("/connections", {**owner, **changes})

    assert answer.status_code == 422, answer.content
    assert answer.json()["message"] == "Validation failed"
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert Connection.unscoped.count() == 0


def test_a_social_provider_is_no_organizations(api, organization):
    body = {"organization_id": organization.id, "connection_type": "GoogleOAuth", "oauth_options": {}}
    assert api.post("/connections", body).json()["errors"][0]["field"] == "organization_id"


def test_production_talks_to_identity_providers_over_https_alone(environment, api, organization):
    environment.kind = "production"
    environment.save(update_fields=["kind"])

    answer = api.post(
        "/connections",
        {"organization_id": organization.id, "saml_options": {"idp_sso_url": "http://idp.example/sso"}},
    )

    assert answer.status_code == 422
    assert "https only" in answer.json()["errors"][0]["message"]


def test_an_update_changes_what_it_names_and_nothing_else(api, connection):
    answer = api.put(
        f"/connections/{connection.id}",
        {
            "saml_options": {"force_authn": True},
            "attribute_maps": {"standard_attributes": {"groups": "memberOf"}},
        },
    )

    body = answer.json()
    assert body["saml_options"]["force_authn"] is True
    assert body["saml_options"]["idp_entity_id"] == IDP_ENTITY_ID
    assert body["attribute_maps"]["standard_attributes"] == {"groups": "memberOf"}
    kept = api.patch(
        f"/connections/{connection.id}", {"attribute_maps": {"standard_attributes": {"email": "mail"}}}
    ).json()
    assert kept["attribute_maps"]["standard_attributes"] == {"groups": "memberOf", "email": "mail"}


def test_the_type_of_a_connection_stays(api, connection):
    assert api.put(f"/connections/{connection.id}", {"connection_type": "AzureSAML"}).status_code == 422
    assert api.put(f"/connections/{connection.id}", {"connection_type": "OktaSAML"}).status_code == 200


def test_one_external_id_names_one_connection_of_an_organization(api, organization):
    body = {"organization_id": organization.id, "external_id": "one", "saml_options": SAML_OPTIONS}
    made = api.post("/connections", body)
    again = api.post("/connections", {**body, "name": "Another", "saml_options": {"force_authn": True}})

    # Whoever does not know whether it was made already may ask once more, and changes nothing by that.
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == made.json()
    assert Connection.unscoped.count() == 1
    assert api.post("/connections", {**body, "saml_options": {"force_authn": "no"}}).status_code == 422
    other = api.post("/connections", {**body, "external_id": "two"}).json()
    assert api.patch(f"/connections/{other['id']}", {"external_id": "one"}).status_code == 409


def test_an_external_id_is_told_of_no_other_organizations_connection(api, environment, organization):
    body = {"external_id": "one", "saml_options": SAML_OPTIONS}
    made = api.post("/connections", {**body, "organization_id": organization.id})
    neighbour = make_organization(environment, "Neighbour")
    other = api.post("/connections", {**body, "organization_id": neighbour.id})

    assert (made.status_code, other.status_code) == (201, 201)
    assert made.json()["id"] != other.json()["id"]
    assert other.json()["organization_id"] == neighbour.id


def test_an_external_id_is_no_second_connection_of_a_social_provider(api):
    body = {"connection_type": "GitHubOAuth", "external_id": "one", "oauth_options": {}}
    assert api.post("/connections", body).status_code == 201
    assert api.post("/connections", body).status_code == 409


def test_of_two_creations_at_once_with_one_external_id_both_get_the_same_connection(
    api, organization, monkeypatch
):
    body = {"organization_id": organization.id, "external_id": "one", "saml_options": SAML_OPTIONS}
    made = api.post("/connections", body).json()
    # The other one was not there yet when this one looked.
    real, looks = services.find_connection_of_external_id, []

    def late(*arguments):
        looks.append(arguments)
        return None if len(looks) == 1 else real(*arguments)

    monkeypatch.setattr(services, "find_connection_of_external_id", late)
    answer = api.post("/connections", body)

    assert len(looks) == 2
    assert (answer.status_code, answer.json()) == (200, made)


def test_only_the_custom_attributes_that_are_named_are_changed_and_null_unsets(api, connection):
    path = f"/connections/{connection.id}"

    def put(custom):
        return api.patch(path, {"attribute_maps": {"custom_attributes": custom}})

    put({"department": "dept", "team": "team"})
    assert put({"office": "building", "team": None}).json()["attribute_maps"]["custom_attributes"] == {
        "department": "dept",
        "office": "building",
    }
    assert put({"office": 5}).status_code == 422
    kept = api.get(path).json()["attribute_maps"]["custom_attributes"]
    assert kept == {"department": "dept", "office": "building"}


def test_roles_of_the_organization_may_be_mapped(environment, api, organization, connection):
    make_role(environment, "org-auditor", organization=organization)
    answer = api.put(f"/connections/{connection.id}", {"role_map": {"Auditors": "org-auditor"}})
    assert answer.json()["role_map"] == {"Auditors": "org-auditor"}


def test_a_key_pair_of_ones_own_is_taken_only_whole_and_fitting(api, connection, last_event):
    key, certificate = idp_key_pair()
    path = f"/connections/{connection.id}"
    former = api.get(path).json()["saml_options"]["sp_signing_cert"]

    # The older SDK's form.
    assert api.put(path, {"options": {"signing_key": key}}).status_code == 422
    other = make_idp_certificate()
    assert api.put(path, {"options": {"signing_key": key, "signing_cert": other}}).status_code == 422
    assert api.get(path).json()["saml_options"]["sp_signing_cert"] == former

    answer = api.put(path, {"options": {"signing_key": key, "signing_cert": certificate}})
    assert answer.json()["options"]["signing_cert"] == certificate
    assert last_event("connection.saml_certificate_renewed")["data"]["connection"]["id"] == connection.id
    row = SAMLSettings.unscoped.get(connection=connection)
    assert row.sp_private_key.strip() == key.strip()


# --- states and events ------------------------------------------------------------------------------------------


def test_a_connection_becomes_active_once_and_tells(connection, actor, emitted, last_event):
    activate(connection, actor)
    activate(connection, actor)

    assert emitted().count("connection.activated") == 1
    data = last_event("connection.activated")["data"]
    assert data["state"] == "active"
    assert data["status"] == "linked"
    assert data["external_key"] == connection.external_key != ""
    assert data["domains"] == []
    assert data["organization_id"] == connection.organization_id


def test_switching_a_connection_off_and_on_again_tells(api, connection, actor, emitted):
    activate(connection, actor)
    off = api.put(f"/connections/{connection.id}", {"state": "inactive"}).json()
    assert (off["state"], off["status"]) == ("inactive", "unlinked")
    on = api.put(f"/connections/{connection.id}", {"state": "active"}).json()
    assert (on["state"], on["status"]) == ("active", "linked")

    assert [name for name in emitted() if name.startswith("connection.")] == [
        "connection.activated",
        "connection.deactivated",
        "connection.activated",
    ]


def test_switching_off_what_nobody_used_yet_tells_nobody(api, connection, emitted):
    api.put(f"/connections/{connection.id}", {"state": "inactive"})
    assert api.put(f"/connections/{connection.id}", {"state": "active"}).json()["state"] == "validating"
    assert not [name for name in emitted() if name.startswith("connection.")]


def test_a_deleted_connection_is_told_of_as_it_was_without_its_domains(api, connection, actor, last_event):
    activate(connection, actor)

    assert api.delete(f"/connections/{connection.id}").status_code == 204
    assert api.get(f"/connections/{connection.id}").status_code == 404
    data = last_event("connection.deleted")["data"]
    assert data["state"] == "active"
    assert "domains" not in data


def test_an_update_that_changes_nothing_leaves_no_trace(api, connection, emitted):
    before = api.get(f"/connections/{connection.id}").json()
    names = emitted()
    after = api.put(f"/connections/{connection.id}", {"name": before["name"]}).json()
    assert after["updated_at"] == before["updated_at"]
    assert emitted() == names


# --- certificates -----------------------------------------------------------------------------------------------


def test_a_second_certificate_stands_beside_the_first_until_that_is_deleted(api, connection, last_event):
    path = f"/connections/{connection.id}/saml_idp_signing_certs"
    added = api.post(path, {"value": make_idp_certificate()})
    assert added.status_code == 201, added.content

    listed = api.get(path).json()["data"]
    assert len(listed) == 2
    assert {row["object"] for row in listed} == {"saml_idp_signing_certificate"}
    renewed = last_event("connection.saml_certificate_renewed")["data"]
    assert renewed["connection"] == {"id": connection.id, "organization_id": connection.organization_id}
    assert renewed["certificate"] == {
        "certificate_type": "ResponseSigning",
        "expiry_date": added.json()["not_after"],
    }

    assert api.delete(f"{path}/{listed[0]['id']}").status_code == 204
    refused = api.delete(f"{path}/{listed[1]['id']}")
    assert refused.status_code == 400
    assert refused.json()["code"] == "last_certificate"


def test_the_same_certificate_twice_stands_once(api, connection):
    path = f"/connections/{connection.id}/saml_idp_signing_certs"
    again = api.post(path, {"value": idp_key_pair()[1]})
    assert again.status_code == 201
    assert [row["id"] for row in api.get(path).json()["data"]] == [again.json()["id"]]


def test_replaced_certificates_are_announced_and_the_former_ones_count_no_more(api, connection, last_event):
    successor = make_idp_certificate()
    answer = api.put(f"/connections/{connection.id}", {"saml_options": {"idp_signing_certs": [successor]}})
    assert answer.json()["saml_options"]["idp_signing_certs"] == [successor]
    assert last_event("connection.saml_certificate_renewed")["data"]["renewed_at"]


# --- lists ------------------------------------------------------------------------------------------------------


def test_the_list_is_filtered_by_type_organization_domain_and_name(environment, api, organization):
    other = make_organization(environment, "Bar Corp")
    make_domain(organization, "foo.example", "verified")
    okta = make_saml_connection(organization)
    oidc = make_oidc_connection(other, domains=["bar.example"], name="Bar by OpenID")
    github = make_oauth_connection(environment, "GitHubOAuth")

    def listed(**query):
        answer = api.get("/connections", query)
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["data"]]

    assert listed() == [github.id, oidc.id, okta.id]
    assert listed(connection_type="OktaSAML") == [okta.id]
    assert listed(connection_type="GitHubOAuth") == listed(connection_type="GithubOAuth") == [github.id]
    assert listed(organization_id=other.id) == [oidc.id]
    assert listed(organization_id="org_unknown") == []
    assert listed(domain="FOO.example") == [okta.id]
    assert listed(domain="bar.example") == [oidc.id]
    assert listed(search="openid") == [oidc.id]
    assert api.get("/connections", {"connection_type": "Nonsense"}).status_code == 422


def test_a_connection_that_names_no_domain_serves_those_of_its_organization(api, organization, connection):
    domain = make_domain(organization, "foo.example")

    answer = api.get(f"/connections/{connection.id}").json()

    assert answer["domains"] == [{"id": domain.id, "object": "connection_domain", "domain": "foo.example"}]


def test_a_page_of_connections_costs_the_same_however_many_they_are(
    environment, api, organization, django_assert_num_queries
):
    make_domain(organization, "foo.example")
    for _ in range(7):
        make_saml_connection(organization)
    api.get("/connections")

    # The key, the page, the domains of connections and of organizations.
    with django_assert_num_queries(4):
        assert len(api.get("/connections").json()["data"]) == 7


# --- who can sign in through what -------------------------------------------------------------------------------


def test_a_domain_leads_to_connections_only_where_it_is_proven(environment, organization, connection):
    assert services.usable_connections(environment, organization=organization) == [connection]

    domain = make_domain(organization, "foo.example")
    assert services.usable_connections(environment, domain="foo.example") == []

    domain.state = "verified"
    domain.save(update_fields=["state"])
    assert services.usable_connections(environment, domain="foo.example") == [connection]
    assert services.usable_connections(environment, domain="nonsense") == []


def test_a_connection_that_names_domains_serves_no_others(environment, organization):
    make_domain(organization, "foo.example", "verified")
    make_domain(organization, "bar.example", "verified")
    connection = make_saml_connection(organization, domains=["bar.example"])

    assert services.usable_connections(environment, domain="bar.example") == [connection]
    assert services.usable_connections(environment, domain="foo.example") == []


def test_a_domain_that_a_connection_names_without_its_organization_leads_nowhere(environment, organization):
    make_saml_connection(organization, domains=["victim.example"])
    assert services.usable_connections(environment, domain="victim.example") == []


def test_nobody_signs_in_through_a_draft_or_what_is_switched_off(api, environment, organization, connection):
    api.put(f"/connections/{connection.id}", {"state": "inactive"})
    assert services.usable_connections(environment, organization=organization) == []
    api.post("/connections", {"organization_id": organization.id, "connection_type": "OktaSAML"})
    assert services.usable_connections(environment, organization=organization) == []


def test_the_moments_of_a_certificate_are_its_own(api, connection):
    row = api.get(f"/connections/{connection.id}/saml_idp_signing_certs").json()["data"][0]
    assert clock.parse_iso(row["not_before"]) < clock.now() < clock.parse_iso(row["not_after"])
    assert clock.parse_iso(row["not_after"]) > clock.now() + timedelta(days=365)
