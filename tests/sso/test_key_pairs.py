"""Our own key pairs of SAML connections: what signs, and what opens what is encrypted to us."""

import base64
from datetime import timedelta
from importlib import import_module
from urllib.parse import unquote

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.apps import apps
from django.db import connection as database
from lxml import etree

from events.models import Event, Mail
from foundation import clock
from sso import conf, services
from sso.models import KeyPairUse, SAMLSettings, SPKeyPair
from sso.saml import keys
from sso.saml.names import DS, MD, tag
from tests.factories.environments import make_operator
from tests.factories.organizations import make_organization
from tests.factories.sso import idp_key_pair, make_idp_certificate, make_oidc_connection, make_saml_connection
from tests.odd_keys import huge_key, unknown_curve, unreadable_name
from tests.sso.browser import local, query_of
from tests.sso.saml.identity_provider import key_pair, post

REQUIRED = "connection.saml_certificate_renewal_required"
RENEWED = "connection.saml_certificate_renewed"


@pytest.fixture
def signing(saml_connection):
    return f"/connections/{saml_connection.id}/saml_sp_signing_cert"


@pytest.fixture
def encryption(saml_connection):
    return f"/connections/{saml_connection.id}/saml_sp_encryption_certs"


def given(name):
    key, cert = key_pair(name)
    return {"key": key, "cert": cert}


def published(connection, client, use):
    """Return what our metadata says, as an identity provider reads it."""
    root = etree.fromstring(client.get(local(conf.saml_metadata_url(connection.id))).content)
    return root, [
        "".join((certificate.text or "").split())
        for key in root.iter(tag(MD, "KeyDescriptor"))
        if key.get("use") == use
        for certificate in key.iter(tag(DS, "X509Certificate"))
    ]


def announced(api, name):
    events = api.get("/events", {"events": [name]}).json()["data"]
    return [event["data"]["certificate"] for event in events]


# --- what a new connection has ------------------------------------------------------------------------------------


def test_a_new_connection_has_a_pair_for_each_use_and_shows_no_private_key(
    api, saml_connection, client, signing, encryption
):
    signs = api.get(signing)
    (opens,) = api.get(encryption).json()["data"]

    assert signs.json()["object"] == "saml_sp_signing_certificate"
    assert opens["object"] == "saml_sp_encryption_certificate"
    assert signs.json()["value"] != opens["value"]
    assert "PRIVATE KEY" not in signs.content.decode() + api.get(encryption).content.decode()
    assert published(saml_connection, client, "signing")[1] == [keys.bare_base64(signs.json()["value"])]
    assert published(saml_connection, client, "encryption")[1] == [keys.bare_base64(opens["value"])]
    options = api.get(f"/connections/{saml_connection.id}").json()
    assert options["saml_options"]["sp_signing_cert"] == signs.json()["value"]
    assert options["options"]["signing_cert"] == signs.json()["value"]
    assert options["saml_options"]["sp_encryption_certs"] == [opens["value"]]


def test_private_keys_are_sealed_at_rest(saml_connection):
    with database.cursor() as cursor:
        cursor.execute("SELECT private_key FROM sso_spkeypair")
        columns = [row[0] for row in cursor.fetchall()]

    assert len(columns) == 2
    assert all(column.startswith("v1.") and "PRIVATE" not in column for column in columns)


def test_pairs_that_somebody_brings_are_the_connections_own(api, company):
    answer = api.post(
        "/connections",
        {
            "organization_id": company.id,
            "saml_options": {
                "sp_signing_key_pair": given("signs.acme.example"),
                "sp_encryption_key_pairs": [given("first.acme.example"), given("second.acme.example")],
            },
        },
    )

    assert answer.status_code == 201, answer.content
    options = answer.json()["saml_options"]
    assert options["sp_signing_cert"] == key_pair("signs.acme.example")[1]
    assert options["sp_encryption_certs"] == [
        key_pair("first.acme.example")[1],
        key_pair("second.acme.example")[1],
    ]
    assert "PRIVATE KEY" not in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sp_signing_key_pair", {"key": idp_key_pair()[0], "cert": make_idp_certificate()}),
        ("sp_signing_key_pair", {"key": "no key", "cert": idp_key_pair()[1]}),
        ("sp_signing_key_pair", {"key": idp_key_pair()[0], "cert": "no certificate"}),
        ("sp_encryption_key_pairs", [{"key": idp_key_pair()[0], "cert": make_idp_certificate()}]),
        ("sp_encryption_key_pairs", []),
        ("sp_signing_key_pair", {"key": unknown_curve()[0], "cert": idp_key_pair()[1]}),
        ("sp_signing_key_pair", {"key": idp_key_pair()[0], "cert": unreadable_name()}),
        ("sp_encryption_key_pairs", [{"key": huge_key(), "cert": idp_key_pair()[1]}]),
    ],
)
def test_a_pair_that_does_not_belong_together_makes_no_connection(api, company, field, value):
    answer = api.post("/connections", {"organization_id": company.id, "saml_options": {field: value}})

    assert answer.status_code == 422, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not SPKeyPair.unscoped.exists()
    assert not SAMLSettings.unscoped.exists()


def test_the_pair_of_an_older_sdk_signs_and_is_encrypted_to(api, saml_connection):
    pair = given("older.acme.example")
    body = {"options": {"signing_key": pair["key"], "signing_cert": pair["cert"]}}
    answer = api.put(f"/connections/{saml_connection.id}", body).json()

    assert answer["options"]["signing_cert"] == pair["cert"]
    assert answer["saml_options"]["sp_encryption_certs"] == [pair["cert"]]
    assert {one["certificate_type"] for one in announced(api, RENEWED)} == {
        "RequestSigning",
        "ResponseEncryption",
    }
    # The same once more is no news.
    before = len(announced(api, RENEWED))
    api.put(f"/connections/{saml_connection.id}", body)
    assert len(announced(api, RENEWED)) == before


# --- encryption ---------------------------------------------------------------------------------------------------


def test_a_rotation_of_the_encryption_key_overlaps(api, browser, saml_connection, company_idp, encryption):
    (first,) = api.get(encryption).json()["data"]
    before = services.require_connection(saml_connection.environment_id, saml_connection.id)
    former_party = services.service_provider_of(before)

    added = api.post(encryption)

    assert added.status_code == 201, added.content
    listed = [row["id"] for row in api.get(encryption).json()["data"]]
    assert listed == [first["id"], added.json()["id"]]
    assert announced(api, RENEWED) == [
        {"certificate_type": "ResponseEncryption", "expiry_date": added.json()["not_after"]}
    ]
    # The newest stands first: many providers read no further.
    assert published(saml_connection, browser.client, "encryption")[1] == [
        keys.bare_base64(added.json()["value"]),
        keys.bare_base64(first["value"]),
    ]

    def sign_in(party):
        left = browser.leave(connection=saml_connection.id)
        row = saml_connection.sso_sessions.order_by("-id").first()
        response = company_idp.response(party, row.sent["request_id"], encrypt=True)
        browser.post_answer(saml_connection, post(response), query_of(left["Location"])["RelayState"])
        row.refresh_from_db()
        return row.failure or row.state

    after = services.require_connection(saml_connection.environment_id, saml_connection.id)
    assert sign_in(former_party) == "succeeded"
    assert sign_in(services.service_provider_of(after)) == "succeeded"

    assert api.delete(f"{encryption}/{first['id']}").status_code == 204
    assert sign_in(former_party) == "decryption_failed"
    assert sign_in(services.service_provider_of(after)) == "succeeded"


def test_encryption_pairs_are_few(api, encryption):
    answers = [api.post(encryption).status_code for _ in range(5)]

    assert answers == [201, 201, 201, 201, 409]
    assert api.post(encryption).json()["code"] == "too_many_saml_sp_encryption_certificates"
    assert len(api.get(encryption).json()["data"]) == 5


def test_an_update_lets_exactly_the_named_encryption_pairs_stand(api, saml_connection, encryption):
    path = f"/connections/{saml_connection.id}"
    first, second = given("first.acme.example"), given("second.acme.example")
    api.put(path, {"saml_options": {"sp_encryption_key_pairs": [first, second]}})
    kept = api.get(encryption).json()["data"][1]["id"]

    api.put(path, {"saml_options": {"sp_encryption_key_pairs": [second]}})

    (left,) = api.get(encryption).json()["data"]
    assert (left["id"], left["value"]) == (kept, second["cert"])


# --- signing ------------------------------------------------------------------------------------------------------


def test_one_pair_signs_at_a_time_and_requests_are_unsigned_without_it(
    api, browser, saml_connection, company_idp, signing
):
    former = api.get(signing).json()
    assert api.post(signing).status_code == 409
    assert api.post(signing).json()["code"] == "saml_sp_signing_certificate_exists"

    assert api.delete(f"{signing}/{former['id']}").status_code == 204

    assert api.get(signing).status_code == 404
    assert api.delete(f"{signing}/{former['id']}").status_code == 404
    root, certificates = published(saml_connection, browser.client, "signing")
    assert certificates == []
    assert next(root.iter(tag(MD, "SPSSODescriptor"))).get("AuthnRequestsSigned") == "false"
    shown = api.get(f"/connections/{saml_connection.id}").json()
    assert shown["saml_options"]["sp_signing_cert"] is None
    assert shown["options"]["signing_cert"] is None
    left = query_of(browser.leave(connection=saml_connection.id)["Location"])
    assert "SAMLRequest" in left
    assert "Signature" not in left
    assert "code" in query_of(browser.sign_in_by_saml(saml_connection, company_idp)["Location"])

    successor = api.post(signing)

    assert successor.status_code == 201, successor.content
    assert successor.json()["value"] != former["value"]
    assert announced(api, RENEWED) == [
        {"certificate_type": "RequestSigning", "expiry_date": successor.json()["not_after"]}
    ]
    signed = browser.leave(connection=saml_connection.id)["Location"]
    query, _, signature = signed.partition("?")[2].partition("&Signature=")
    assert verifies(successor.json()["value"], query, signature)
    assert not verifies(former["value"], query, signature)


def verifies(certificate, query, signature):
    key = keys.public_key_of(certificate)
    assert isinstance(key, RSAPublicKey)
    try:
        key.verify(base64.b64decode(unquote(signature)), query.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def test_pairs_of_one_use_are_not_found_under_the_other(api, signing, encryption):
    signs = api.get(signing).json()["id"]
    (opens,) = api.get(encryption).json()["data"]

    assert api.delete(f"{encryption}/{signs}").status_code == 404
    assert api.delete(f"{signing}/{opens['id']}").status_code == 404
    assert api.get(signing).status_code == 200
    assert len(api.get(encryption).json()["data"]) == 1


def test_nobody_reaches_the_pairs_of_others(api, other_api, environment, signing, encryption):
    (opens,) = api.get(encryption).json()["data"]
    sibling = make_saml_connection(make_organization(environment, "Sibling"))
    elsewhere = f"/connections/{sibling.id}/saml_sp_encryption_certs"

    assert other_api.get(signing).status_code == other_api.post(signing).status_code == 404
    assert other_api.get(encryption).status_code == other_api.post(encryption).status_code == 404
    assert other_api.delete(f"{encryption}/{opens['id']}").status_code == 404
    # By a key of the same environment, but under another connection.
    assert api.delete(f"{elsewhere}/{opens['id']}").status_code == 404
    assert len(api.get(encryption).json()["data"]) == 1


def test_a_connection_of_another_protocol_has_no_pairs(api, environment):
    oidc = make_oidc_connection(make_organization(environment, "By OpenID"))

    for name in ("saml_sp_encryption_certs", "saml_sp_signing_cert"):
        assert api.get(f"/connections/{oidc.id}/{name}").status_code == 404
        assert api.post(f"/connections/{oidc.id}/{name}").status_code == 404


# --- their end ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "certificate_type"),
    [(KeyPairUse.SIGNING, "RequestSigning"), (KeyPairUse.ENCRYPTION, "ResponseEncryption")],
)
def test_our_own_certificates_that_end_soon_are_announced_once_a_week(
    environment, actor, saml_connection, use, certificate_type
):
    services.activate_connection(connection=saml_connection, actor=actor)
    soon = clock.now() + timedelta(days=20, hours=1)
    SPKeyPair.unscoped.filter(use=use).update(not_after=soon)

    assert [services.announce_renewals(), services.announce_renewals()] == [1, 0]

    data = Event.objects.in_environment(environment).get(name=REQUIRED).data
    assert data["certificate"] == {
        "certificate_type": certificate_type,
        "expiry_date": clock.iso(soon),
        "is_expired": False,
    }
    assert data["days_until_expiry"] == 20
    assert data["connection"]["id"] == saml_connection.id
    SPKeyPair.unscoped.update(renewal_announced_at=clock.now() - timedelta(days=7))
    assert services.announce_renewals() == 1


def test_staff_hear_of_our_own_certificates_and_what_to_do(environment, actor, saml_connection):
    make_operator("owner@gatehouse.test")
    services.activate_connection(connection=saml_connection, actor=actor)
    SPKeyPair.unscoped.update(not_after=clock.now() + timedelta(days=20, hours=1))

    assert services.announce_renewals() == 2

    mail = Mail.objects.in_environment(environment).get()
    assert mail.subject.startswith("2 certificates of connections need a successor")
    for words in (mail.text, mail.html):
        assert "Signs requests" in words
        assert "Opens what is encrypted to us" in words
        assert "ake a new one on the page of the connection" in words
        assert "Ask the customer" not in words
        assert "PRIVATE KEY" not in words


def test_an_encryption_certificate_with_a_successor_needs_no_renewal(api, actor, saml_connection, encryption):
    services.activate_connection(connection=saml_connection, actor=actor)
    SPKeyPair.unscoped.filter(use=KeyPairUse.ENCRYPTION).update(not_after=clock.now() + timedelta(days=3))
    api.post(encryption)

    assert services.announce_renewals() == 0


# --- beside processes of the release before -----------------------------------------------------------------------


def as_written_by_the_release_before(connection):
    """Put a connection into the state in which a process that knows no table of key pairs leaves it."""
    SPKeyPair.unscoped.filter(connection=connection).delete()
    SAMLSettings.unscoped.filter(connection=connection).update(moved_certificate_digest="")
    return services.require_connection(connection.environment_id, connection.id)


def moved(connection):
    rows = SPKeyPair.unscoped.filter(connection=connection).order_by("use")
    return [(row.use, row.private_key, row.certificate) for row in rows]


def test_the_migration_moves_the_pair_once_for_either_use_and_may_run_again(api, saml_connection, signing):
    migration = import_module("sso.migrations.0009_move_key_pairs")
    row = as_written_by_the_release_before(saml_connection).saml_settings

    migration.move(apps, None)
    migration.move(apps, None)

    pair = (row.sp_private_key, row.sp_certificate)
    assert moved(saml_connection) == [("encryption", *pair), ("signing", *pair)]
    described = keys.read_certificates(row.sp_certificate)[0]
    answer = api.get(signing).json()
    assert answer["value"] == row.sp_certificate
    assert answer["not_after"] == clock.iso(described.not_after)
    assert answer["fingerprint"] == described.fingerprint
    # It bound each key to its new row: it opens there.
    assert all("PRIVATE KEY" in row.private_key for row in SPKeyPair.unscoped.all())

    migration.move_back(apps, None)
    assert moved(saml_connection) == []
    assert SAMLSettings.unscoped.get(connection=saml_connection).sp_private_key == pair[0]


def test_what_the_release_before_writes_meanwhile_counts_and_is_moved_when_it_is_touched(
    api, browser, saml_connection, company_idp, signing
):
    encryption = signing.replace("saml_sp_signing_cert", "saml_sp_encryption_certs")
    row = as_written_by_the_release_before(saml_connection).saml_settings
    bare = keys.bare_base64(row.sp_certificate)

    # Reading: everything works out of the old columns.
    assert published(saml_connection, browser.client, "signing")[1] == [bare]
    assert published(saml_connection, browser.client, "encryption")[1] == [bare]
    assert "code" in query_of(browser.sign_in_by_saml(saml_connection, company_idp, encrypt=True)["Location"])
    assert moved(saml_connection) == []

    # Touching: the pair gets rows, and a second one stands beside it.
    assert api.get(signing).json()["value"] == row.sp_certificate
    assert api.post(encryption).status_code == 201
    assert api.get(encryption).json()["data"][0]["value"] == row.sp_certificate
    assert api.post(signing).status_code == 409


def test_a_key_that_the_release_before_replaces_takes_the_place_of_the_moved_one(
    api, saml_connection, signing, encryption
):
    kept = api.post(encryption).json()["value"]
    row = SAMLSettings.unscoped.get(connection=saml_connection)
    row.sp_private_key, row.sp_certificate = key_pair("replaced.acme.example")
    row.save(update_fields=["sp_private_key", "sp_certificate"])

    assert api.get(signing).json()["value"] == row.sp_certificate
    values = [one["value"] for one in api.get(encryption).json()["data"]]
    assert values[1:] == [kept, row.sp_certificate]


def test_the_release_before_signs_with_the_pair_of_today(api, saml_connection, signing):
    api.delete(f"{signing}/{api.get(signing).json()['id']}")
    assert SAMLSettings.unscoped.get(connection=saml_connection).sp_private_key

    value = api.post(signing).json()["value"]

    row = SAMLSettings.unscoped.get(connection=saml_connection)
    assert row.sp_certificate == value
    assert row.sp_private_key == SPKeyPair.unscoped.get(use="signing").private_key


def test_the_release_before_can_insert_a_row(saml_connection):
    row = SAMLSettings.unscoped.get(connection=saml_connection)
    new = {
        "acs_url",
        "idp_slo_binding",
        "idp_slo_response_url",
        "require_signed_responses",
        "moved_certificate_digest",
    }
    columns = [str(field.column) for field in SAMLSettings._meta.concrete_fields if field.column not in new]
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM sso_samlsettings")  # names of our own
        values = cursor.fetchone()
        row.delete()
        places = ", ".join(["%s"] * len(columns))
        cursor.execute(f"INSERT INTO sso_samlsettings ({', '.join(columns)}) VALUES ({places})", values)

    again = SAMLSettings.unscoped.get(connection=saml_connection)
    assert (again.acs_url, again.idp_slo_binding, again.require_signed_responses) == ("", "redirect", False)
    assert again.moved_certificate_digest == ""
