"""The official Python SDK, current generation, against a live server: connections, sign-in, links by mail."""

import base64
import re
import zlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from lxml import etree
from workos import WorkOSClient
from workos._errors import AuthenticationError, BadRequestError, NotFoundError
from workos.sso import CreateProtocolOptionsSAML
from workos.sso.models import CreateConnectionSAMLOptions

from sso.saml.parties import ServiceProvider
from tests.live import LiveGatehouse
from tests.sso.saml.identity_provider import Forge, post

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


def sign_in(url: str, idp: Forge, base_url: str, connection_id: str) -> str:
    """Go to the identity provider and back, as a browser would; return where it was sent at the end."""
    with requests.Session() as browser:
        start = browser.get(url, allow_redirects=False).headers["Location"]
        sent = query_of(browser.get(start, allow_redirects=False).headers["Location"])
        request = etree.fromstring(zlib.decompress(base64.b64decode(sent["SAMLRequest"]), -15))
        acs = f"{base_url}/sso/saml/{connection_id}/acs"
        sp = ServiceProvider(
            entity_id=f"{base_url}/sso/saml/{connection_id}/metadata", acs_url=acs, certificate_pem=""
        )
        fields = {
            "SAMLResponse": post(idp.response(sp, str(request.get("ID")))),
            "RelayState": sent["RelayState"],
        }
        return str(browser.post(acs, data=fields, allow_redirects=False).headers["Location"])


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
