"""A whole sign-in with an identity provider of pysaml2, which signs and encrypts by the xmlsec1 program."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, xmldsig
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.metadata import create_metadata_string
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID

from sso.models import Profile
from sso.saml.metadata import read_idp_metadata
from tests.factories.sso import make_saml_connection
from tests.saml_providers import GCMServer, Server, pysaml2_configuration
from tests.sso.browser import SSOBrowser, query_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:saml2")

ENTITY_ID = "https://pysaml2.example.com/metadata"


@pytest.fixture
def configured(tmp_path):
    """Return what makes a provider that knows a service provider by its metadata."""
    return partial(pysaml2_configuration, tmp_path)


@pytest.fixture
def connection(company, configured):
    described = read_idp_metadata(create_metadata_string(None, config=configured()))
    return make_saml_connection(
        company,
        saml={
            "idp_entity_id": described.entity_id,
            "idp_sso_url": described.sso_url,
            "idp_certificates": [certificate.pem for certificate in described.certificates],
        },
    )


def answered(
    browser: SSOBrowser, connection: Any, configuration: Any, server: type[Server] = Server, **options: Any
) -> Any:
    """Go to the provider and back: it reads our request, checks its signature, and answers."""
    metadata = browser.client.get(f"/sso/saml/{connection.id}/metadata").content.decode()
    provider = server(config=configuration(metadata))
    left = browser.leave(connection=connection.id)
    sent = query_of(left["Location"])
    request = provider.parse_authn_request(
        sent["SAMLRequest"],
        BINDING_HTTP_REDIRECT,
        relay_state=sent["RelayState"],
        sigalg=sent["SigAlg"],
        signature=sent["Signature"],
    )
    where = provider.response_args(request.message)
    response = provider.create_authn_response(
        {"email": ["ada@example.com"], "givenName": ["Ada"], "surname": ["Lovelace"], "title": ["Countess"]},
        userid="ada",
        name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text="ada-1"),
        authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": ENTITY_ID},
        sign_alg=xmldsig.SIG_RSA_SHA256,
        digest_alg=xmldsig.DIGEST_SHA256,
        **where,
        **options,
    )
    form = provider.apply_binding(
        BINDING_HTTP_POST, str(response), where["destination"], sent["RelayState"], response=True
    )
    packed = form["data"].split('name="SAMLResponse" value="', 1)[1].split('"', 1)[0]
    assert urlsplit(where["destination"]).path == f"/sso/saml/{connection.id}/acs"
    return browser.post_answer(connection, packed, sent["RelayState"])


@pytest.mark.parametrize(
    ("server", "options"),
    [
        (Server, {"sign_assertion": True, "sign_response": False}),
        (Server, {"sign_assertion": True, "sign_response": True}),
        (GCMServer, {"sign_assertion": True, "sign_response": False, "encrypt_assertion": True}),
        (GCMServer, {"sign_assertion": True, "sign_response": True, "encrypt_assertion": True}),
    ],
    ids=["assertion", "both", "assertion-encrypted", "both-encrypted"],
)
def test_somebody_signs_in_by_a_provider_that_shares_no_code_with_us(
    browser, connection, configured, server, options
):
    answer = answered(browser, connection, configured, server, **options)

    assert "code" in query_of(answer["Location"]), connection.sso_sessions.order_by("-id").first().sentence
    profile = Profile.objects.in_environment(browser.environment).get()
    assert (profile.idp_id, profile.email) == ("ada-1", "ada@example.com")
    assert (profile.first_name, profile.last_name) == ("Ada", "Lovelace")


@pytest.mark.parametrize(
    ("options", "failure"),
    [
        ({"sign_assertion": False, "sign_response": True}, "assertion_not_signed"),
        ({"sign_assertion": False, "sign_response": False}, "nothing_signed"),
        # Triple DES, its default.
        ({"sign_assertion": True, "encrypt_assertion": True}, "cipher_refused"),
    ],
)
def test_what_it_does_by_default_or_by_mistake_is_refused(browser, connection, configured, options, failure):
    answer = answered(browser, connection, configured, **options)

    assert "code" not in query_of(answer["Location"])
    assert connection.sso_sessions.order_by("-id").first().failure == failure
