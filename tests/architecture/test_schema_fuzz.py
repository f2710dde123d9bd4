"""Inputs drawn from our own OpenAPI description: whatever it allows, and what it does not, is answered without a bug.

``GATEHOUSE_FUZZ_EXAMPLES`` says how many inputs each operation gets; the suite itself draws a handful.
"""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.test.utils import override_settings
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET

from environments.models import Environment
from tests.architecture.api_calls import CALLS, Call, World, make_world
from tests.factories.environments import make_environment

EXAMPLES = int(os.environ.get("GATEHOUSE_FUZZ_EXAMPLES", "6"))

# An alias of a path is not described a second time.
DESCRIBED = [call for call in CALLS if "organization-domains" not in call.route]


@cache
def described_operations() -> dict[tuple[str, str], Any]:
    """Return the operations of our description, by verb and by path with its placeholders emptied."""
    document = json.loads(json.dumps(SchemaGenerator().get_schema(public=True), default=str))
    found: Any = schemathesis.openapi.from_dict(document).get_all_operations()
    operations = [result.ok() for result in found]
    return {(one.method.upper(), re.sub(r"\{[^}]+\}", "{}", one.path)): one for one in operations}


def operation_of(call: Call) -> Any:
    shape = "/" + re.sub(r"<[^>]+>", "{}", call.route)
    return described_operations()[call.method, shape]


@pytest.fixture(scope="module")
def shared_world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), override_settings(RATE_LIMITS_ENABLED=False):
        environment = make_environment()
        yield make_world(environment)
        Environment.objects.filter(pk=environment.pk).delete()


@pytest.mark.parametrize("call", DESCRIBED, ids=str)
def test_no_input_that_the_description_suggests_ends_in_a_bug(
    call, shared_world, db, settings_without_limits
):
    world = shared_world.copy()
    operation = operation_of(call)
    documented = {int(status) for status in operation.definition.raw["responses"] if status.isdigit()}
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @seed(20_260_101)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, aimed=st.booleans())
    def sends(case: Any, aimed: bool) -> None:
        answer = world.api.request(
            call.method,
            call.path(world).partition("?")[0] if aimed else case.formatted_path,
            headers={name: value for name, value in _headers(case).items() if name != "Authorization"},
            query=_query(case),
            **_body(case),
        )
        assert answer.status_code < 500, answer.content
        # 400 stands for an unreadable body, 404 for a path that no route matches, 405 for one cut short.
        assert answer.status_code in documented | {400, 404, 405, 413, 422}, answer.content
        if answer.status_code >= 400:
            assert "message" in answer.json() or "error" in answer.json()

    sends()


@pytest.fixture
def settings_without_limits(settings: Any) -> None:
    settings.RATE_LIMITS_ENABLED = False


def _headers(case: Any) -> dict[str, str]:
    sent = {} if case.headers in (None, NOT_SET) else dict(case.headers)
    return {name: str(value) for name, value in sent.items() if str(value).isprintable()}


def _query(case: Any) -> dict[str, Any]:
    return {} if case.query in (None, NOT_SET) or not isinstance(case.query, dict) else _plain(case.query)


def _plain(query: dict[str, Any]) -> dict[str, Any]:
    return {key: value if isinstance(value, list) else str(value) for key, value in query.items()}


def _body(case: Any) -> dict[str, Any]:
    if case.body is NOT_SET or case.body is None:
        return {}
    if isinstance(case.body, bytes):
        return {"form": case.body.decode("latin-1")}
    return {"body": case.body}
