"""What a SAML connection may choose beside its addresses, over the API and by metadata."""

import pytest

from foundation.actors import SYSTEM
from sso import services
from sso.saml.metadata import read_idp_metadata
from tests.sso.browser import query_of
from tests.sso.saml.test_metadata import POST, metadata


def change(api, connection, **options):
    return api.patch(f"/connections/{connection.id}", {"saml_options": options})


def test_a_connection_that_demands_signed_responses_refuses_a_signed_assertion_alone(
    api, browser, saml_connection, company_idp
):
    assert change(api, saml_connection, require_signed_responses=True).status_code == 200

    refused = browser.sign_in_by_saml(saml_connection, company_idp)
    failure = saml_connection.sso_sessions.order_by("-id").first().failure
    accepted = browser.sign_in_by_saml(saml_connection, company_idp, sign=("Assertion", "Response"))

    assert "code" not in query_of(refused["Location"])
    assert failure == "response_not_signed"
    assert "code" in query_of(accepted["Location"])


def test_where_logout_messages_go_is_written_and_read(api, saml_connection):
    answer = change(
        api,
        saml_connection,
        idp_slo_binding="post",
        idp_slo_response_url="https://idp.example.com/slo-answers",
    ).json()["saml_options"]

    assert answer["idp_slo_binding"] == "post"
    assert answer["idp_slo_response_url"] == "https://idp.example.com/slo-answers"
    assert change(api, saml_connection, idp_slo_binding="soap").status_code == 422
    assert change(api, saml_connection, idp_slo_response_url="ftp://idp.example.com").status_code == 422
    again = change(api, saml_connection, idp_slo_response_url=None).json()["saml_options"]
    assert again["idp_slo_response_url"] is None


def test_metadata_brings_the_binding_of_logout_and_where_its_answers_go(saml_connection):
    document = metadata().replace(
        '/slo-post"/>', '/slo-post" ResponseLocation="https://idp.example.com/slo-answers"/>'
    )
    redirect = document[document.index("<md:SingleLogoutService", document.index("slo-post")) :].partition(
        "/>"
    )[0]
    found = read_idp_metadata(document.replace(f"{redirect}/>", "").encode())
    assert POST in document

    services.update_connection(
        connection=saml_connection, actor=SYSTEM, changes={"saml": services.changes_by(found)}
    )

    row = services.require_connection(saml_connection.environment_id, saml_connection.id).saml_settings
    assert row.idp_slo_url == "https://idp.example.com/slo-post"
    assert row.idp_slo_binding == "post"
    assert row.idp_slo_response_url == "https://idp.example.com/slo-answers"


@pytest.mark.parametrize(
    "manual",
    [
        {"idp_entity_id": "https://idp.example.com"},
        {"idp_sso_url": "https://idp.example.com/sso"},
        {"idp_signing_certs": ["a certificate"]},
    ],
)
def test_a_metadata_address_and_what_it_would_replace_exclude_each_other(api, saml_connection, manual):
    before = api.get(f"/connections/{saml_connection.id}").json()
    answer = change(api, saml_connection, idp_metadata_url="https://idp.example.com/metadata", **manual)

    assert answer.status_code == 422
    (name,) = manual
    assert [error["field"] for error in answer.json()["errors"]] == [f"saml_options.{name}"]
    assert api.get(f"/connections/{saml_connection.id}").json() == before


def test_what_the_official_sdk_leaves_out_as_null_goes_back_to_what_is_usual(api, saml_connection):
    change(
        api,
        saml_connection,
        sp_entity_id="https://acme.example/sp",
        acs_url="https://acme.example/acs",
    )
    change(api, saml_connection, idp_metadata_url="http://127.0.0.1:9/metadata")

    # PatchConnectionSAMLOptions(idp_sso_url=…).to_dict()
    body = {"idp_metadata_url": None, "acs_url": None, "sp_entity_id": None, "idp_sso_url": "https://idp/new"}
    answer = change(api, saml_connection, **body).json()["saml_options"]

    assert answer["idp_metadata_url"] is None
    assert answer["sp_entity_id"] == answer["sp_metadata_url"]
    assert answer["acs_url"] == answer["standard_acs_url"]
    assert answer["idp_sso_url"] == "https://idp/new"
    assert answer["idp_entity_id"] == "https://idp.example.com/metadata"
