import threading

import pytest
from django.db import connection

from events.models import Event
from foundation.actors import SYSTEM
from foundation.errors import NotFound
from organizations import services
from organizations.models import CustomerAPIKey
from tests.factories.environments import make_environment
from tests.factories.organizations import make_organization


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_parallel_deletions_one_tells_of_it_and_the_other_finds_nothing():
    environment = make_environment()
    organization = make_organization(environment, "Acme")
    issued = services.create_organization_api_key(organization=organization, actor=SYSTEM, name="Robot")
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def delete() -> None:
        start.wait()
        try:
            services.delete_api_key(api_key=issued.api_key, actor=SYSTEM)
            outcomes.append("deleted")
        except NotFound:
            outcomes.append("not found")
        finally:
            connection.close()

    threads = [threading.Thread(target=delete) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["deleted", "not found"]
    assert not CustomerAPIKey.objects.in_environment(environment).exists()
    assert Event.objects.in_environment(environment).filter(name="api_key.revoked").count() == 1
