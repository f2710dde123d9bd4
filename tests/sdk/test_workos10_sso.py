"""The official Python SDK, current generation, against a live server: connections, sign-in, links by mail."""

import base64
import re
import threading
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from lxml import etree
from workos import WorkOSClient
from workos._errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    UnprocessableEntityError,
)
from workos.common.models import OrganizationDomainDataState
from workos.organizations import OrganizationDomainData
from workos.sso import CreateProtocolOptionsSAML, PatchProtocolOptionsSAML
from workos.sso.models import (
    CreateConnectionKeyPair,
    CreateConnectionSAMLOptions,
    PatchConnectionSAMLOptions,
)

from foundation.ids import new_secret
from sso.saml.parties import ServiceProvider
from tests.factories.sso import make_idp_certificate
from tests.live import LiveGatehouse
from tests.sdk.idp_visit import sign_in_at_the_provider
from tests.sso.saml.identity_provider import Forge, encrypt_element, key_pair, post

NO_SETTINGS = CreateProtocolOptionsSAML(saml_options=CreateConnectionSAMLOptions())
CALLBACK = "http://localhost:3000/callback"


@pytest.fixture
def workos(gatehouse_server: LiveGatehouse) -> Iterator[WorkOSClient]:
    with WorkOSClient(
        api_key=gatehouse_server.api_key,
        client_id=gatehouse_server.client_id,
        base_url=gatehouse_server.base_url,
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture
def idp() -> Forge:
    return Forge()


@pytest.fixture
def connection(workos, idp):
    organization = workos.organizations.create_organization(
        name="Foo Corp", allow_profiles_outside_organization=True
    )
    options = CreateConnectionSAMLOptions(
        idp_entity_id=idp.entity_id, idp_sso_url=idp.sso_url, idp_signing_certs=[idp.certificate_pem]
    )
    return workos.sso.create_connection(
        organization_id=organization.id,
        connection_type="OktaSAML",
        protocol_options=CreateProtocolOptionsSAML(saml_options=options),
    )


def query_of(url: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}


def sign_in(
    url: str,
    idp: Forge,
    base_url: str,
    connection_id: str,
    *,
    acs_url: str | None = None,
    encryption_certificate: str = "",
) -> str:
    """Go to the identity provider and back, as a browser would; return where it was sent at the end."""
    with requests.Session() as browser:
        start = browser.get(url, allow_redirects=False).headers["Location"]
        sent = query_of(browser.get(start, allow_redirects=False).headers["Location"])
        request = etree.fromstring(zlib.decompress(base64.b64decode(sent["SAMLRequest"]), -15))
        acs = acs_url or f"{base_url}/sso/saml/{connection_id}/acs"
        sp = ServiceProvider(entity_id=f"{base_url}/sso/saml/{connection_id}/metadata", acs_url=acs)
        response = idp.response(sp, str(request.get("ID")))
        if encryption_certificate:
            response = encrypt_element(response, encryption_certificate)
        fields = {"SAMLResponse": post(response), "RelayState": sent["RelayState"]}
        answer = browser.post(acs, data=fields, allow_redirects=False)
        while answer.status_code == 307:
            answer = browser.post(answer.headers["Location"], data=fields, allow_redirects=False)
        return str(answer.headers["Location"])


def test_somebody_signs_in_and_the_profile_is_fetched(workos, gatehouse_server, connection, idp):
    url = workos.sso.get_authorization_url(
        redirect_uri=CALLBACK, connection=connection.id, state="mine", login_hint="ada@example.com"
    )

    back = query_of(sign_in(url, idp, gatehouse_server.base_url, connection.id))

    assert back["state"] == "mine"
    answer = workos.sso.get_profile_and_token(code=back["code"])
    assert answer.profile.email == "ada@example.com"
    assert answer.profile.connection_type == "OktaSAML"
    assert answer.profile.organization_id == connection.organization_id
    assert workos.sso.get_profile(access_token=answer.access_token) == answer.profile
    with pytest.raises(BadRequestError):
        workos.sso.get_profile_and_token(code=back["code"])
    with pytest.raises(AuthenticationError):
        workos.sso.get_profile(access_token=answer.access_token)
    assert workos.sso.get_connection(connection.id).state == "active"


def test_connections_are_listed_changed_and_deleted(workos, connection):
    assert connection.state == "validating"
    assert connection.name == "Foo Corp"
    listed = workos.sso.list_connections(organization_id=connection.organization_id)
    assert [row.id for row in listed.data] == [connection.id]
    assert workos.sso.list_connections(connection_type="GithubOAuth").data == []
    assert workos.sso.update_connection(connection.id, name="Renamed").name == "Renamed"
    (certificate,) = workos.sso.list_connection_saml_idp_signing_certs(connection.id).data
    with pytest.raises(BadRequestError):
        workos.sso.delete_connection_saml_idp_signing_cert(connection.id, certificate.id)

    workos.sso.delete_connection(connection.id)

    with pytest.raises(NotFoundError):
        workos.sso.get_connection(connection.id)


def test_the_key_pairs_of_our_own_side_are_rotated(workos, gatehouse_server, connection, idp):
    sso, connection_id = workos.sso, connection.id

    def sign_in_encrypted(certificate: str) -> bool:
        url = sso.get_authorization_url(redirect_uri=CALLBACK, connection=connection_id, state="mine")
        back = query_of(
            sign_in(url, idp, gatehouse_server.base_url, connection_id, encryption_certificate=certificate)
        )
        return "code" in back and sso.get_profile_and_token(code=back["code"]).profile.first_name == "Ada"

    (first,) = sso.list_connection_saml_sp_encryption_certs(connection_id).data
    second = sso.create_connection_saml_sp_encryption_cert(connection_id)
    listed = sso.list_connection_saml_sp_encryption_certs(connection_id).data
    assert [row.id for row in listed] == [first.id, second.id]
    assert first.not_after is not None
    assert first.not_after > first.created_at
    assert sign_in_encrypted(first.value)
    assert sign_in_encrypted(second.value)
    sso.delete_connection_saml_sp_encryption_cert(connection_id, first.id)
    assert not sign_in_encrypted(first.value)
    assert sign_in_encrypted(second.value)
    with pytest.raises(NotFoundError):
        sso.delete_connection_saml_sp_encryption_cert(connection_id, first.id)

    signing = sso.list_connection_saml_sp_signing_cert(connection_id)
    with pytest.raises(ConflictError):
        sso.create_connection_saml_sp_signing_cert(connection_id)
    sso.delete_connection_saml_sp_signing_cert(connection_id, signing.id)
    with pytest.raises(NotFoundError):
        sso.list_connection_saml_sp_signing_cert(connection_id)
    successor = sso.create_connection_saml_sp_signing_cert(connection_id)
    assert successor.value != signing.value
    assert sso.list_connection_saml_sp_signing_cert(connection_id) == successor


def test_customers_bring_keys_of_their_own(workos, connection):
    pairs = [
        CreateConnectionKeyPair(key=key, cert=certificate)
        for key, certificate in (key_pair("signs.acme.example"), key_pair("opens.acme.example"))
    ]
    options = CreateConnectionSAMLOptions(sp_signing_key_pair=pairs[0], sp_encryption_key_pairs=[pairs[1]])
    made = workos.sso.create_connection(
        organization_id=connection.organization_id,
        protocol_options=CreateProtocolOptionsSAML(saml_options=options),
    )

    assert workos.sso.list_connection_saml_sp_signing_cert(made.id).value == pairs[0].cert
    assert [row.value for row in workos.sso.list_connection_saml_sp_encryption_certs(made.id).data] == [
        pairs[1].cert
    ]
    foreign = CreateConnectionKeyPair(key=pairs[0].key, cert=pairs[1].cert)
    with pytest.raises(UnprocessableEntityError):
        workos.sso.create_connection(
            organization_id=connection.organization_id,
            protocol_options=CreateProtocolOptionsSAML(
                saml_options=CreateConnectionSAMLOptions(sp_signing_key_pair=foreign)
            ),
        )


class _Forwarder(BaseHTTPRequestHandler):
    """A customer's address that sends each POST on to ours, as it came."""

    standard_acs_url = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(307)
        self.send_header("Location", self.standard_acs_url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def forwarder(gatehouse_server, connection) -> Iterator[str]:
    handler = type(
        "Forwarder",
        (_Forwarder,),
        {"standard_acs_url": f"{gatehouse_server.base_url}/sso/saml/{connection.id}/acs"},
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/saml/consume"
        finally:
            server.shutdown()
            thread.join()


def test_a_response_that_the_customers_own_address_forwards_signs_in(
    workos, gatehouse_server, connection, idp, forwarder
):
    def update(**options: str) -> None:
        changes = PatchConnectionSAMLOptions(**options)
        workos.sso.update_connection(
            connection.id, protocol_options=PatchProtocolOptionsSAML(saml_options=changes)
        )

    def come_back(acs_url: str | None) -> dict[str, str]:
        url = workos.sso.get_authorization_url(redirect_uri=CALLBACK, connection=connection.id, state="mine")
        return query_of(sign_in(url, idp, gatehouse_server.base_url, connection.id, acs_url=acs_url))

    update(acs_url=forwarder)
    assert (
        workos.sso.get_profile_and_token(code=come_back(forwarder)["code"]).profile.email == "ada@example.com"
    )
    assert "code" not in come_back(None)

    # What the SDK leaves out of an update it sends as null: the standard address counts again.
    update(idp_sso_url=idp.sso_url)
    assert "code" not in come_back(forwarder)
    assert "code" in come_back(None)


def test_a_link_by_mail_ends_in_a_profile(workos):
    session = workos.passwordless.create_session(
        email="marcelina@foo-corp.com", type="MagicLink", state="mine"
    )
    assert workos.passwordless.send_session(session.id) is True
    with requests.Session() as browser:
        page = browser.get(session.link)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token is not None
        done = browser.post(session.link, data={"csrfmiddlewaretoken": token[1]})
    target = re.search(r'content="0; url=([^"]+)"', done.text)
    assert target is not None
    back = query_of(target[1].replace("&amp;", "&"))
    assert back["state"] == "mine"
    profile = workos.sso.get_profile_and_token(code=back["code"]).profile
    assert (profile.connection_type, profile.email) == ("MagicLink", "marcelina@foo-corp.com")


@pytest.fixture
def company(workos):
    """A customer with a connection to the test identity provider."""
    domain = f"{new_secret(8).lower()}.test"
    organization = workos.organizations.create_organization(
        name="Signing in",
        domain_data=[OrganizationDomainData(domain=domain, state=OrganizationDomainDataState.VERIFIED)],
    )
    made = workos.sso.create_connection(
        organization_id=organization.id, connection_type="TestIdp", protocol_options=NO_SETTINGS
    )
    return organization.id, made, domain


def test_connections_are_found_by_each_filter_and_page(workos, company):
    organization_id, made, domain = company
    other = workos.sso.create_connection(
        organization_id=organization_id,
        connection_type="OktaSAML",
        name="Needle",
        external_id="mine",
        protocol_options=NO_SETTINGS,
    )

    def ids(**filters):
        return [row.id for row in workos.sso.list_connections(**filters).data]

    assert ids(organization_id=organization_id) == [other.id, made.id]
    assert ids(organization_id=organization_id, order="asc") == [made.id, other.id]
    assert ids(domain=domain) == [other.id, made.id]
    assert ids(organization_id=organization_id, connection_type="OktaSAML") == [other.id]
    assert ids(organization_id=organization_id, search="eedl") == [other.id]
    assert ids(organization_id=organization_id, limit=1, after=other.id) == [made.id]
    assert ids(organization_id=organization_id, limit=1, before=made.id) == [other.id]
    walked = workos.sso.list_connections(organization_id=organization_id, limit=1).auto_paging_iter()
    assert [row.id for row in walked] == [other.id, made.id]
    again = workos.sso.create_connection(
        organization_id=organization_id,
        connection_type="OktaSAML",
        name="Another name",
        external_id="mine",
        protocol_options=NO_SETTINGS,
    )
    assert (again.id, again.name) == (other.id, "Needle")
    assert ids(organization_id=organization_id) == [other.id, made.id]
    with pytest.raises(ConflictError):
        workos.sso.update_connection(made.id, external_id="mine")
    with pytest.raises(UnprocessableEntityError):
        workos.sso.create_connection(
            organization_id=organization_id, connection_type="nonsense", protocol_options=NO_SETTINGS
        )
    with pytest.raises(UnprocessableEntityError):
        workos.sso.list_connections(limit=1000)
    workos.sso.update_connection(other.id, external_id=None)
    freed = workos.sso.create_connection(
        organization_id=organization_id,
        connection_type="OktaSAML",
        external_id="mine",
        protocol_options=NO_SETTINGS,
    )
    assert workos.sso.get_connection(freed.id).state == "draft"
    with (
        WorkOSClient(
            api_key="sk_test_stranger", client_id="client_x", base_url=workos.base_url, max_retries=0
        ) as stranger,
        pytest.raises(AuthenticationError),
    ):
        stranger.sso.list_connections()


def test_certificates_are_added_and_removed(workos, connection):
    second = workos.sso.create_connection_saml_idp_signing_cert(connection.id, value=make_idp_certificate())
    listed = workos.sso.list_connection_saml_idp_signing_certs(connection.id).data
    assert second.id in [row.id for row in listed]
    assert len(listed) == 2

    workos.sso.delete_connection_saml_idp_signing_cert(connection.id, second.id)

    assert len(workos.sso.list_connection_saml_idp_signing_certs(connection.id).data) == 1
    with pytest.raises(UnprocessableEntityError):
        workos.sso.create_connection_saml_idp_signing_cert(connection.id, value="no certificate")
    with pytest.raises(NotFoundError):
        workos.sso.delete_connection_saml_idp_signing_cert(connection.id, second.id)


def test_each_selector_leads_to_the_provider_and_pkce_takes_the_place_of_the_key(workos, company):
    organization_id, made, domain = company
    email = f"ada@{domain}"
    for selector in ({"connection": made.id}, {"organization": organization_id}):
        url = workos.sso.get_authorization_url(redirect_uri=CALLBACK, state="st ate", **selector)
        back = sign_in_at_the_provider(url, email)
        assert back["state"] == "st ate"
        assert workos.sso.get_profile_and_token(code=back["code"]).profile.email == email
    nowhere = workos.sso.get_authorization_url(redirect_uri=CALLBACK, provider="AppleOAuth")
    answer = requests.get(nowhere, allow_redirects=False, timeout=30)
    assert query_of(answer.headers["Location"])["error"]

    started = workos.sso.get_authorization_url_with_pkce(redirect_uri=CALLBACK, connection=made.id)
    stolen = sign_in_at_the_provider(started["url"], email)
    with pytest.raises(BadRequestError):
        workos.sso.get_profile_and_token_pkce(code=stolen["code"], code_verifier="x" * 43)
    back = sign_in_at_the_provider(started["url"], email)
    assert back["state"] == started["state"]
    found = workos.sso.get_profile_and_token_pkce(code=back["code"], code_verifier=started["code_verifier"])
    assert found.profile.connection_id == made.id


def test_somebody_is_signed_out_at_the_provider(workos, company):
    _, made, domain = company
    url = workos.sso.get_authorization_url(redirect_uri=CALLBACK, connection=made.id)
    code = sign_in_at_the_provider(url, f"ada@{domain}")["code"]
    profile = workos.sso.get_profile_and_token(code=code).profile

    authorized = workos.sso.authorize_logout(profile_id=profile.id)

    assert authorized.logout_url == workos.sso.get_logout_url(token=authorized.logout_token)
    # By way of a page of ours, which gives the browser the cookie that it comes back with.
    browser = requests.Session()
    started = browser.get(authorized.logout_url, allow_redirects=False, timeout=30)
    left = browser.get(started.headers["Location"], allow_redirects=False, timeout=30)
    assert "/test-idp/" in (left.headers.get("Location") or left.text)
    with pytest.raises(NotFoundError):
        workos.sso.authorize_logout(profile_id="prof_nowhere")
    lost = requests.get(workos.sso.get_logout_url(token="nothing"), allow_redirects=False, timeout=30)
    assert lost.status_code in {400, 404}
