"""Fixtures of the whole suite."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from environments import signing
from environments.models import Environment
from events.models import Event
from foundation.actors import Actor, ActorKind
from tests.api_client import ApiClient
from tests.factories.environments import make_api_key, make_environment
from tests.live import gatehouse_server
from tests.mail_server import PostOffice, run_mail_server

__all__ = ["gatehouse_server"]


@pytest.fixture(scope="session", autouse=True)
def few_rsa_keys() -> Iterator[None]:
    """Draw eight RSA keys and hand them out in turn: a fresh one for each test's environment takes most of its time."""
    drawn = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(8)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing, "_draw_private_key", partial(next, cycle(drawn)))
        yield


@pytest.fixture
def environment(db: None) -> Environment:
    return make_environment()


@pytest.fixture
def other_environment(db: None) -> Environment:
    return make_environment("Another tenant")


@pytest.fixture
def api(environment: Environment) -> ApiClient:
    return ApiClient(make_api_key(environment))


@pytest.fixture
def other_api(other_environment: Environment) -> ApiClient:
    return ApiClient(make_api_key(other_environment))


@pytest.fixture
def anonymous(db: None) -> ApiClient:
    return ApiClient()


@pytest.fixture
def post(settings: Any) -> Iterator[PostOffice]:
    with run_mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.MAIL_IS_DELIVERED = True
        yield PostOffice(server)


@pytest.fixture
def actor() -> Actor:
    return Actor(ActorKind.API_KEY, "api_key_test", "Test key")


@pytest.fixture
def emitted(environment: Environment) -> Callable[[], list[str]]:
    """Return the names of the environment's events, oldest first, when called."""

    def names() -> list[str]:
        return list(Event.objects.in_environment(environment).order_by("id").values_list("name", flat=True))

    return names


@pytest.fixture
def last_event(environment: Environment) -> Callable[[str], dict[str, Any]]:
    """Return data, context and actor of the newest event of a name."""

    def find(name: str) -> dict[str, Any]:
        event = Event.objects.in_environment(environment).filter(name=name).order_by("-id").first()
        assert event is not None, f"no {name} was emitted"
        return {"data": event.data, "context": event.context, "actor": (event.actor_kind, event.actor_id)}

    return find
