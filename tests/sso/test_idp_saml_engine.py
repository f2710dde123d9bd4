"""The SAML side of the test identity provider, before two independent service providers: python3-saml and pysaml2."""

import base64
import zlib
from urllib.parse import parse_qs, urlsplit

import pytest
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.client import Saml2Client
from saml2.config import SPConfig
from saml2.response import StatusAuthnFailed

from environments import signing
from sso.test_idp import saml_answers, saml_messages
from sso.test_idp.identity import Identity
from sso.test_idp.people import Misbehaviour, Person
from sso.test_idp.saml_messages import UnreadableRequest

SP = "https://app.example/metadata"
ACS = "https://app.example/acs"
ADA = Person(
    email="ada@acme.test",
    first_name="Ada",
    last_name="Lovelace",
    groups=("Engineers", "Admins"),
    role="admin",
    attributes={"department": ("R&D <b>",), "floors": ("1", "2")},
)


@pytest.fixture
def idp():
    private_key, public_jwk = signing.generate("test_idp_1")
    return Identity(
        client_id="client_1",
        key_id="test_idp_1",
        encoded_private_key=private_key,
        public_jwk=public_jwk,
        oidc_client_secret="secret",
    )


def onelogin(idp, *, posted=None, encrypted=False):
    """A python3-saml service provider that knows the identity provider from its metadata alone."""
    described = OneLogin_Saml2_IdPMetadataParser.parse(saml_answers.write_metadata(idp).decode())
    other_key, other_jwk = signing.generate("sp")
    settings = {
        "strict": True,
        "sp": {
            "entityId": SP,
            "assertionConsumerService": {"url": ACS, "binding": BINDING_HTTP_POST},
            "singleLogoutService": {"url": "https://app.example/slo", "binding": BINDING_HTTP_REDIRECT},
            "NameIDFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        },
        "security": {
            "wantAssertionsSigned": True,
            "wantMessagesSigned": True,
            "rejectDeprecatedAlgorithm": True,
        },
        "idp": described["idp"],
    }
    if encrypted:
        settings["sp"] |= {"privateKey": other_key, "x509cert": other_jwk["x5c"][0]}
        settings["security"]["wantAssertionsEncrypted"] = True
    request = {
        "https": "on",
        "http_host": "app.example",
        "script_name": "/acs",
        "get_data": {},
        "post_data": posted or {},
    }
    return OneLogin_Saml2_Auth(request, OneLogin_Saml2_Settings(settings)), other_jwk


def asked_by(auth, **options):
    query = parse_qs(urlsplit(auth.login(**options)).query)
    return saml_messages.read_sign_in_request(
        query["SAMLRequest"][0],
        by_redirect=True,
        relay_state=query["RelayState"][0],
        sso_url=auth.get_sso_url(),
    )


def answered(idp, misbehaviour=None, person=ADA):
    auth, _ = onelogin(idp)
    asked = asked_by(auth, return_to="state-1")
    form = saml_answers.issue_response(idp, asked, person, misbehaviour).form
    receiver, _ = onelogin(idp, posted=form)
    receiver.process_response(request_id=auth.get_last_request_id())
    return receiver, form


def test_python3_saml_accepts_what_is_said_about_a_person(idp):
    receiver, form = answered(idp)

    assert receiver.get_errors() == []
    assert form["RelayState"] == "state-1"
    assert receiver.get_nameid() == ADA.subject
    assert receiver.get_attributes() == {
        "id": [ADA.subject],
        "email": ["ada@acme.test"],
        "firstName": ["Ada"],
        "lastName": ["Lovelace"],
        "groups": ["Engineers", "Admins"],
        "role": ["admin"],
        "department": ["R&D <b>"],
        "floors": ["1", "2"],
    }


@pytest.mark.parametrize(
    ("misbehaviour", "words"),
    [
        (Misbehaviour.CANCELLED, "The person cancelled"),
        (Misbehaviour.UNSIGNED, "not signed"),
        (Misbehaviour.FOREIGN_KEY, "Signature validation failed"),
        (Misbehaviour.EXPIRED, "expired"),
        (Misbehaviour.WRONG_AUDIENCE, "not a valid audience"),
    ],
)
def test_python3_saml_refuses_each_misbehaviour_for_its_own_reason(idp, misbehaviour, words):
    receiver, _ = answered(idp, misbehaviour)

    assert not receiver.is_authenticated()
    assert words in receiver.get_last_error_reason()


def test_without_an_email_address_the_rest_still_arrives(idp):
    receiver, _ = answered(idp, Misbehaviour.NO_EMAIL)

    assert receiver.get_errors() == []
    assert "email" not in receiver.get_attributes()
    assert "ada@acme.test" not in receiver.get_last_response_xml()


def test_an_assertion_is_encrypted_for_whoever_wants_it(idp):
    auth, sp_jwk = onelogin(idp, encrypted=True)
    asked = asked_by(auth, return_to="state-1")
    body = sp_jwk["x5c"][0]
    certificate = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    issued = saml_answers.issue_response(idp, asked, ADA, encryption_certificate_pem=certificate)
    auth._request_data["post_data"] = issued.form
    auth.process_response(request_id=auth.get_last_request_id())

    assert b"Lovelace" not in base64.b64decode(issued.saml_response)
    assert auth.get_errors() == []
    assert auth.get_attributes()["lastName"] == ["Lovelace"]


def test_pysaml2_accepts_it_too(idp):
    client = pysaml2_client(idp)
    request_id, sent = client.prepare_for_authenticate(relay_state="state-2", binding=BINDING_HTTP_POST)
    message = sent["data"].split('name="SAMLRequest" value="', 1)[1].split('"', 1)[0]
    asked = saml_messages.read_sign_in_request(
        message, by_redirect=False, relay_state="state-2", sso_url=idp.sso_url
    )

    issued = saml_answers.issue_response(idp, asked, ADA)
    response = client.parse_authn_request_response(
        issued.saml_response, BINDING_HTTP_POST, outstanding={request_id: "/"}
    )

    assert response.get_identity()["email"] == ["ada@acme.test"]
    assert response.session_info()["name_id"].text == ADA.subject


def test_pysaml2_hears_of_a_cancellation(idp):
    client = pysaml2_client(idp)
    request_id, sent = client.prepare_for_authenticate(relay_state="", binding=BINDING_HTTP_REDIRECT)
    message = parse_qs(urlsplit(dict(sent["headers"])["Location"]).query)["SAMLRequest"][0]
    asked = saml_messages.read_sign_in_request(message, by_redirect=True, relay_state="", sso_url=idp.sso_url)
    issued = saml_answers.issue_response(idp, asked, ADA, Misbehaviour.CANCELLED)

    with pytest.raises(StatusAuthnFailed):
        client.parse_authn_request_response(
            issued.saml_response, BINDING_HTTP_POST, outstanding={request_id: "/"}
        )


def pysaml2_client(idp):
    configuration = SPConfig()
    configuration.load(
        {
            "entityid": SP,
            "allow_unknown_attributes": True,
            "metadata": {"inline": [saml_answers.write_metadata(idp).decode()]},
            "service": {
                "sp": {
                    "endpoints": {"assertion_consumer_service": [(ACS, BINDING_HTTP_POST)]},
                    "want_assertions_signed": True,
                    "want_response_signed": True,
                    "authn_requests_signed": False,
                    "allow_unsolicited": False,
                }
            },
        }
    )
    return Saml2Client(configuration)


def test_python3_saml_ends_a_session_by_a_logout_that_is_answered(idp):
    auth, _ = onelogin(idp)
    query = parse_qs(urlsplit(auth.logout(name_id=ADA.subject, return_to="back")).query)
    asked = saml_messages.read_logout_request(query["SAMLRequest"][0], by_redirect=True, relay_state="back")

    assert asked.sp_entity_id == SP
    assert asked.name_id == ADA.subject
    answer = urlsplit(saml_answers.logout_response_url(idp, asked, "https://app.example/slo"))
    receiver, _ = onelogin(idp)
    receiver._request_data = {
        "https": "on",
        "http_host": "app.example",
        "script_name": "/slo",
        "query_string": answer.query,
        "get_data": {name: values[0] for name, values in parse_qs(answer.query).items()},
    }
    receiver.process_slo(keep_local_session=True, request_id=auth.get_last_request_id())
    assert receiver.get_errors() == []


def redirected(document: bytes) -> str:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(compressor.compress(document) + compressor.flush()).decode()


GOOD = (
    '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
    'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0" '
    'AssertionConsumerServiceURL="https://app.example/acs"><saml:Issuer>sp</saml:Issuer></samlp:AuthnRequest>'
)


def read(document: str):
    return saml_messages.read_sign_in_request(
        redirected(document.encode()), by_redirect=True, relay_state="", sso_url="https://idp/sso"
    )


def test_a_plain_request_is_read():
    asked = read(GOOD)

    assert (asked.request_id, asked.sp_entity_id, asked.acs_url) == ("_1", "sp", "https://app.example/acs")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (f'<!DOCTYPE a [<!ENTITY b "c">]>{GOOD}', "document type"),
        (GOOD.replace("AuthnRequest", "LogoutRequest"), "AuthnRequest belongs here"),
        (GOOD.replace("2.0", "1.1", 1).replace('Version="2.0"', 'Version="1.1"'), "belongs here"),
        (GOOD.replace('Version="2.0"', 'Version="1.1"'), "version 2.0"),
        (GOOD.replace('ID="_1"', ""), "ID is missing"),
        (GOOD.replace("<saml:Issuer>sp</saml:Issuer>", ""), "no Issuer"),
        (
            GOOD.replace('AssertionConsumerServiceURL="https://app.example/acs"', ""),
            "AssertionConsumerServiceURL",
        ),
        (GOOD.replace('ID="_1"', 'ID="_1" Destination="https://elsewhere/"'), "Destination"),
        (GOOD[:-5], "well-formed"),
        (GOOD + " " * 100_000, "too large"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(document, words):
    with pytest.raises(UnreadableRequest, match=words):
        read(document)


@pytest.mark.parametrize("message", ["", "%%%", base64.b64encode(b"not deflated").decode()])
def test_what_is_no_message_at_all_is_refused(message):
    with pytest.raises(UnreadableRequest):
        saml_messages.read_sign_in_request(
            message, by_redirect=True, relay_state="", sso_url="https://idp/sso"
        )


def test_external_entities_are_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("top secret")
    hostile = f'<!DOCTYPE a [<!ENTITY b SYSTEM "file://{secret}">]>' + GOOD.replace(">sp<", ">&b;<")

    with pytest.raises(UnreadableRequest):
        read(hostile)


def test_control_characters_that_were_typed_do_not_break_the_document(idp):
    receiver, _ = answered(idp, person=Person(email="ada@acme.test", first_name="A\x00d\x1ba"))

    assert receiver.get_errors() == []
    assert receiver.get_attributes()["firstName"] == ["Ada"]


def test_a_logout_request_names_whom_it_is_about(idp):
    url = saml_answers.logout_request_url(idp, "https://app.example/slo", "name-1", "_session")
    message = parse_qs(urlsplit(url).query)["SAMLRequest"][0]
    asked = saml_messages.read_logout_request(message, by_redirect=True, relay_state="")
    document = zlib.decompress(base64.b64decode(message), -15).decode()

    assert asked.sp_entity_id == idp.entity_id
    assert asked.name_id == "name-1"
    assert "<samlp:SessionIndex" in document
    receiver, _ = onelogin(idp)
    receiver._request_data = {
        "https": "on",
        "http_host": "app.example",
        "script_name": "/slo",
        "query_string": urlsplit(url).query,
        "get_data": {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()},
    }
    assert receiver.process_slo(keep_local_session=True).startswith(f"{idp.slo_url}?SAMLResponse=")
    assert receiver.get_errors() == []
