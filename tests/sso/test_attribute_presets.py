from typing import Any

import pytest

from sso.attribute_presets import map_custom_attributes, map_profile, preset_of
from sso.connection_types import ConnectionType, Protocol, protocol_of

CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"

# What each provider sends when it is set up as its own guide says.
SENT: dict[str, dict[str, Any]] = {
    "OktaSAML": {
        "id": ["00u1a0ufowBJlzPlk357"],
        "email": ["ada@example.com"],
        "firstName": ["Ada"],
        "lastName": ["Lovelace"],
        "groups": ["engineers"],
    },
    "AzureSAML": {
        "http://schemas.microsoft.com/identity/claims/objectidentifier": ["00u1a0ufowBJlzPlk357"],
        f"{CLAIMS}/emailaddress": ["ada@example.com"],
        f"{CLAIMS}/givenname": ["Ada"],
        f"{CLAIMS}/surname": ["Lovelace"],
        f"{CLAIMS}/name": ["ada@tenant.onmicrosoft.com"],
        "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups": ["engineers"],
    },
    "ADFSSAML": {
        "id": ["00u1a0ufowBJlzPlk357"],
        f"{CLAIMS}/emailaddress": ["ada@example.com"],
        f"{CLAIMS}/givenname": ["Ada"],
        f"{CLAIMS}/surname": ["Lovelace"],
        "http://schemas.xmlsoap.org/claims/Group": ["engineers"],
    },
    "OneLoginSAML": {
        "id": ["00u1a0ufowBJlzPlk357"],
        "User.email": ["ada@example.com"],
        "User.FirstName": ["Ada"],
        "User.LastName": ["Lovelace"],
        "memberOf": ["engineers"],
    },
    "JumpCloudSAML": {
        "id": ["00u1a0ufowBJlzPlk357"],
        "email": ["ada@example.com"],
        "firstname": ["Ada"],
        "lastname": ["Lovelace"],
        "memberOf": ["engineers"],
    },
    "PingFederateSAML": {
        "SAML_SUBJECT": ["00u1a0ufowBJlzPlk357"],
        "mail": ["ada@example.com"],
        "givenName": ["Ada"],
        "sn": ["Lovelace"],
        "memberOf": ["engineers"],
    },
    "KeycloakSAML": {
        "id": ["00u1a0ufowBJlzPlk357"],
        "urn:oid:1.2.840.113549.1.9.1": ["ada@example.com"],
        "urn:oid:2.5.4.42": ["Ada"],
        "urn:oid:2.5.4.4": ["Lovelace"],
        "member": ["engineers"],
    },
    "ShibbolethSAML": {
        "urn:oasis:names:tc:SAML:attribute:pairwise-id": ["00u1a0ufowBJlzPlk357"],
        "urn:oid:0.9.2342.19200300.100.1.3": ["ada@example.com"],
        "urn:oid:2.5.4.42": ["Ada"],
        "urn:oid:2.5.4.4": ["Lovelace"],
        "urn:oid:1.3.6.1.4.1.5923.1.5.1.1": ["engineers"],
    },
    "GenericOIDC": {
        "sub": "00u1a0ufowBJlzPlk357",
        "email": "ada@example.com",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "groups": ["engineers"],
    },
}


@pytest.mark.parametrize("connection_type", SENT)
def test_what_a_provider_sends_by_its_guide_fills_the_profile(connection_type):
    profile = map_profile(connection_type, {}, SENT[connection_type])

    assert (profile.idp_id, profile.email) == ("00u1a0ufowBJlzPlk357", "ada@example.com")
    assert (profile.first_name, profile.last_name) == ("Ada", "Lovelace")
    assert profile.groups == ("engineers",)


@pytest.mark.parametrize(
    "connection_type",
    [each for each in ConnectionType if protocol_of(each) in {Protocol.SAML, Protocol.OIDC}],
)
def test_every_type_knows_where_to_find_each_field(connection_type):
    preset = preset_of(connection_type)

    assert all(
        preset[field] for field in ("idp_id", "email", "first_name", "last_name", "name", "groups", "role")
    )


def test_the_map_of_a_connection_counts_alone_for_its_fields():
    raw = {"email": "old@example.com", "workMail": "ada@example.com", "firstName": "Ada"}

    profile = map_profile(
        "GenericSAML", {"email": "workMail", "last_name": "familyName"}, raw, name_id="ada-1"
    )

    assert profile.email == "ada@example.com"
    assert profile.first_name == "Ada"
    assert profile.last_name is None


def test_a_missing_attribute_of_the_map_is_not_replaced_by_the_name_id():
    profile = map_profile("GenericSAML", {"email": "workMail"}, {}, name_id="ada@example.com")

    assert profile.email is None


def test_the_name_id_is_the_subject_unless_an_attribute_is():
    assert map_profile("GenericSAML", {}, {}, name_id="ada-1").idp_id == "ada-1"
    assert map_profile("GenericSAML", {}, {"id": "42"}, name_id="ada-1").idp_id == "42"
    assert map_profile("GenericSAML", {"idp_id": "NameID"}, {"id": "42"}, name_id="ada-1").idp_id == "ada-1"


@pytest.mark.parametrize(
    ("name_id", "name_id_format", "email"),
    [
        ("ada@example.com", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "ada@example.com"),
        ("ada@example.com", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", None),
        ("ada", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", None),
    ],
)
def test_a_name_id_in_the_form_of_an_address_is_the_address(name_id, name_id_format, email):
    profile = map_profile("GoogleSAML", {}, {}, name_id=name_id, name_id_format=name_id_format)

    assert profile.email == email


def test_of_several_values_the_first_counts_and_empty_ones_do_not():
    raw = {"email": ["", "  ", "ada@example.com", "eve@example.com"], "firstName": []}

    profile = map_profile("GenericSAML", {}, raw, name_id="ada-1")

    assert profile.email == "ada@example.com"
    assert profile.first_name is None


def test_groups_keep_their_order_and_stand_once():
    raw = {"groups": ["b", "a", "b", "", "x" * 600]}

    assert map_profile("GenericSAML", {}, raw, name_id="ada-1").groups == ("b", "a")


def test_the_role_attribute_is_read_beside_the_groups():
    profile = map_profile(
        "AzureSAML", {"role": "title"}, {"title": ["admin"], "groups": ["x"]}, name_id="ada-1"
    )

    assert profile.roles == ("admin",)
    assert profile.groups == ("x",)


def test_a_subject_that_is_too_long_is_no_subject_and_a_name_is_cut():
    raw = {"id": "i" * 513, "email": f"{'e' * 320}@example.com", "firstName": "A" * 300}

    profile = map_profile("GenericSAML", {"idp_id": "id"}, raw)

    assert profile.idp_id is None
    assert profile.email is None
    assert profile.first_name == "A" * 200


def test_a_dotted_name_leads_into_the_claims_of_keycloak():
    raw = {"sub": "1", "realm_access": {"roles": ["admin"]}, "a.b": "whole"}

    profile = map_profile("GenericOIDC", {"role": "realm_access.roles", "name": "a.b"}, raw)

    assert profile.roles == ("admin",)
    assert profile.name == "whole"


def test_a_claim_that_is_no_text_is_absent():
    raw = {"sub": "1", "email": {"value": "ada@example.com"}, "name": "Ada\0Lovelace", "given_name": None}

    profile = map_profile("GenericOIDC", {}, raw)

    assert (profile.email, profile.name, profile.first_name) == (None, None, None)


def test_custom_attributes_are_a_text_or_a_list():
    raw = {"department": ["Engines"], "projects": ["one", "two"], "empty": [""]}
    wanted = {"team": "department", "work": "projects", "nothing": "empty", "absent": "absent"}

    assert map_custom_attributes(wanted, raw) == {"team": "Engines", "work": ["one", "two"]}
