import threading
import time
from typing import Any

import pytest
from workos import WorkOSClient

from tests.live import run_gatehouse
from tests.name_server import FakeNameServer, with_records
from tests.other_transactions import wait_for_other_transactions

PATIENCE_SECONDS = 60


def wait_until(condition):
    """Look again and again, with a breath between two looks, until the condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        threading.Event().wait(0.05)


@pytest.fixture
def zone() -> list[Any]:
    """The TXT records of every domain; a test may change them at any time."""
    return []


@pytest.fixture
def server(zone, tmp_path):
    def answer(query):
        return with_records(*zone)(query)  # as the zone is by then

    name_server = FakeNameServer(answer)
    try:
        with run_gatehouse(tmp_path, GATEHOUSE_DNS_SERVER=f"127.0.0.1:{name_server.port}") as running:
            yield running
    finally:
        name_server.close()


@pytest.fixture
def workos(server):
    with WorkOSClient(api_key=server.api_key, client_id=server.client_id, base_url=server.base_url) as client:
        yield client


def test_a_domain_is_verified_by_the_record_that_was_shown_first(workos, zone):
    organization = workos.organizations.create_organization(name="Foo Corp")
    domain = workos.organization_domains.create_organization_domain(
        domain="foo-corp.com", organization_id=organization.id
    )
    zone.append(("TXT", f'"verification_token={domain.verification_token}"'))

    asked = workos.organization_domains.verify_organization_domain(domain.id)

    assert asked.state == "pending"
    wait_until(lambda: workos.organization_domains.get_organization_domain(domain.id).state == "verified")
    wait_for_other_transactions()
    # The sample customer's domain was verified at the first start.
    verified = workos.events.list_events(events=["organization_domain.verified"]).data
    assert [event.data.id for event in verified].count(domain.id) == 1
