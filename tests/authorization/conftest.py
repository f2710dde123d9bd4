import pytest

from environments.models import Environment
from organizations.models import Organization


@pytest.fixture
def organization(environment: Environment) -> Organization:
    return Organization.objects.create(environment=environment, name="Acme")


@pytest.fixture
def other_organization(environment: Environment) -> Organization:
    return Organization.objects.create(environment=environment, name="Echo")


@pytest.fixture
def foreign_organization(other_environment: Environment) -> Organization:
    return Organization.objects.create(environment=other_environment, name="Foreign")
