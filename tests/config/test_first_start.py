import pytest

from authentication.services import delete_organization
from config import first_start
from foundation.actors import SYSTEM
from organizations.models import Organization
from sso.models import Connection, ConnectionState


@pytest.fixture(autouse=True)
def _installation(db, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.FIRST_API_KEY = settings.FIRST_CLIENT_ID = settings.FIRST_OPERATOR_PASSWORD = ""
    settings.BASE_URL = "http://localhost:8000"


def test_a_first_start_makes_a_customer_who_signs_in_by_sso():
    welcome = first_start.ensure()
    organization = welcome.sample
    connection = Connection.objects.in_environment(welcome.environment).get()

    assert organization is not None
    assert (connection.organization, connection.connection_type) == (organization, "TestIdp")
    assert connection.state == ConnectionState.VALIDATING
    assert [(row.domain, row.is_verified) for row in organization.domains.all()] == [("globex.test", True)]
    assert organization.id in welcome.text()


def test_a_second_start_finds_everything():
    first, second = first_start.ensure(), first_start.ensure()

    assert first.sample == second.sample
    assert Organization.objects.in_environment(first.environment).count() == 1
    assert Connection.objects.in_environment(first.environment).count() == 1


def test_a_sample_that_was_deleted_stays_away():
    welcome = first_start.ensure()
    assert welcome.sample is not None
    delete_organization(organization=welcome.sample, actor=SYSTEM)

    again = first_start.ensure()

    assert again.sample is None
    assert "Sample org" not in again.text()


def test_the_sample_follows_the_address_of_the_server(settings):
    first_start.ensure()
    settings.BASE_URL = "http://localhost:9000"
    welcome = first_start.ensure()
    connection = Connection.objects.in_environment(welcome.environment).get()

    assert connection.saml_settings.idp_sso_url.startswith("http://localhost:9000/test-idp/")
    assert connection.saml_settings.idp_entity_id.startswith("http://localhost:9000/test-idp/")
