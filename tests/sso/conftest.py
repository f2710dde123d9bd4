import pytest

from tests.factories.organizations import make_domain, make_organization
from tests.factories.sso import make_saml_connection
from tests.sso.browser import SSOBrowser
from tests.sso.saml.identity_provider import Forge


@pytest.fixture
def company(environment):
    """An organization that has proven the domain of the people whom its identity provider knows."""
    organization = make_organization(environment)
    make_domain(organization, "example.com", "verified")
    return organization


@pytest.fixture
def company_idp() -> Forge:
    return Forge()


@pytest.fixture
def saml_connection(company, company_idp):
    return make_saml_connection(
        company,
        saml={
            "idp_entity_id": company_idp.entity_id,
            "idp_sso_url": company_idp.sso_url,
            "idp_slo_url": company_idp.slo_url,
            "idp_certificates": [company_idp.certificate_pem],
        },
    )


@pytest.fixture
def browser(environment) -> SSOBrowser:
    return SSOBrowser(environment)
