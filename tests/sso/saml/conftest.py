import pytest

from sso.saml.parties import KeyPair, SAMLOptions, ServiceProvider
from tests.sso.saml.identity_provider import Forge, key_pair

REQUEST_ID = "_request1"


@pytest.fixture
def idp() -> Forge:
    return Forge()


@pytest.fixture
def sp() -> ServiceProvider:
    private_key_pem, certificate_pem = key_pair("sp.example.com")
    return ServiceProvider(
        entity_id="https://auth.example.com/sso/saml/conn_1/metadata",
        acs_url="https://auth.example.com/sso/saml/conn_1/acs",
        slo_url="https://auth.example.com/sso/saml/conn_1/slo",
        private_key_pem=private_key_pem,
        certificate_pem=certificate_pem,
        encryption_pairs=(KeyPair(private_key_pem=private_key_pem, certificate_pem=certificate_pem),),
    )


@pytest.fixture
def options() -> SAMLOptions:
    return SAMLOptions()
