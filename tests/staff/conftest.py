import random
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from environments.models import Environment, Operator, OperatorRole
from foundation import rate_limits
from tests.factories.environments import OPERATOR_PASSWORD, make_operator


@pytest.fixture(autouse=True)
def limits_of_this_test_alone(settings: Settings) -> Iterator[None]:
    """Count attempts in process and from zero: these tests move the clock, and Redis has one of its own."""
    settings.REDIS_URL = ""
    rate_limits._backend_at.cache_clear()
    yield
    rate_limits._backend_at.cache_clear()


@pytest.fixture
def owner(environment: Environment) -> Operator:
    return make_operator()


@pytest.fixture
def admin(environment: Environment) -> Operator:
    return make_operator("admin@gatehouse.test", OperatorRole.ADMIN, [environment])


@pytest.fixture
def viewer(environment: Environment) -> Operator:
    return make_operator("viewer@gatehouse.test", OperatorRole.VIEWER, [environment])


@pytest.fixture
def browser() -> Callable[[], Client]:
    """Return browsers, each at an address of its own: the limits of one test do not count against another."""

    def make() -> Client:
        return Client(REMOTE_ADDR=f"10.1.{random.randint(0, 255)}.{random.randint(1, 254)}")

    return make


@pytest.fixture
def signed_in(browser: Callable[[], Client]) -> Callable[[Operator], Client]:
    """Return a browser in which an operator has signed in by the form."""

    def sign_in(operator: Operator) -> Client:
        client = browser()
        answer = client.post("/admin/login/", {"username": operator.email, "password": OPERATOR_PASSWORD})
        assert answer.status_code == 302, answer.content
        return client

    return sign_in


@pytest.fixture
def owners_browser(owner: Operator, signed_in: Callable[[Operator], Client]) -> Client:
    return signed_in(owner)
