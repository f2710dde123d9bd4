import pytest
from django.db import OperationalError

from organizations import services
from organizations.models import Organization


class DeadlockDetected(Exception):
    """As the driver of PostgreSQL raises it."""

    sqlstate = "40P01"


@pytest.fixture
def deadlocks(monkeypatch):
    """Let the next few creations of an organization end in a deadlock, after they have written."""
    create_organization = services.create_organization
    left: list[OperationalError] = []

    def create(**fields):
        organization = create_organization(**fields)
        if left:
            raise left.pop() from DeadlockDetected()
        return organization

    monkeypatch.setattr(services, "create_organization", create)
    return lambda count: left.extend(OperationalError("deadlock detected") for _ in range(count))


def test_a_request_that_lost_a_deadlock_is_run_again_with_one_effect(api, environment, deadlocks):
    deadlocks(2)

    answer = api.post("/organizations", {"name": "Foo"}, headers={"Idempotency-Key": "once"})

    assert answer.status_code == 201
    assert Organization.objects.in_environment(environment).count() == 1
    repeated = api.post("/organizations", {"name": "Foo"}, headers={"Idempotency-Key": "once"})
    assert repeated.json() == answer.json()


def test_a_request_without_a_key_is_run_again_too(api, deadlocks):
    deadlocks(1)

    assert api.post("/organizations", {"name": "Foo"}).status_code == 201


def test_a_request_that_loses_every_time_is_given_up(api, deadlocks):
    deadlocks(10)

    answer = api.post("/organizations", {"name": "Foo"}, headers={"Idempotency-Key": "once"})

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
