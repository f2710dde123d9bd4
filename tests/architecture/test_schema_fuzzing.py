"""Schemathesis reads our OpenAPI description and sends what it allows, and what it forbids: no answer is a 500.

A few examples of each operation run with the suite; GATEHOUSE_FUZZ_EXAMPLES=200 looks longer.
"""

import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
import requests
import schemathesis
from django.db import transaction
from django.test.utils import override_settings
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import response_schema_conformance

from environments.models import Environment
from tests.architecture.api_calls import World, make_world, operations
from tests.factories.environments import make_environment

EXAMPLES = int(os.environ.get("GATEHOUSE_FUZZ_EXAMPLES", "4"))


@cache
def description() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


@cache
def schema() -> Any:
    return schemathesis.openapi.from_dict(description())


@pytest.fixture(scope="module")
def whole_world(django_db_setup, django_db_blocker) -> Iterator[World]:
    with django_db_blocker.unblock(), override_settings(RATE_LIMITS_ENABLED=False):
        world = make_world(make_environment())
        yield world
        Environment.objects.filter(pk=world.environment.pk).delete()


@pytest.mark.parametrize(
    ("method", "route"),
    # The hyphened spelling is an alias, which the description leaves out.
    sorted(
        (method, route) for method, route, _ in operations() if not route.startswith("organization-domains")
    ),
    ids=str,
)
@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"]
)
def test_no_input_breaks_an_operation(db, whole_world, method, route, mode):
    path = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route)
    operation = schema()[path][method]
    documented = description()["paths"][path][method.lower()]["responses"]

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), with_real_ids=st.booleans())
    def send(case: Case, with_real_ids: bool) -> None:
        world = whole_world.copy()
        with transaction.atomic():
            answer = ask(world, case, with_real_ids=with_real_ids)
            transaction.set_rollback(True)
        assert answer.status_code < 500, case.as_curl_command()
        assert str(answer.status_code) in documented or answer.status_code in EVERYWHERE, (
            f"{answer.status_code} {answer.content!r} is not described: {case.as_curl_command()}"
        )
        if answer.content and str(answer.status_code) in documented:
            case.validate_response(as_response(case, answer), checks=[response_schema_conformance])

    try:
        send()
    except Unsatisfiable:
        # A path that takes any text, or a body of which little is said, forbids nothing that could be sent.
        assert mode is GenerationMode.NEGATIVE


# What the plumbing may answer to any request: it is described once, in the text, and not at each operation.
EVERYWHERE = {400, 401, 403, 404, 405, 409, 413, 422, 429}


def as_response(case: Case, answer: Any) -> Response:
    return Response(
        status_code=answer.status_code,
        headers={name.lower(): [value] for name, value in answer.headers.items()},
        content=answer.content,
        request=requests.Request(case.method, "http://testserver" + case.path).prepare(),
        elapsed=0.0,
        verify=False,
    )


def ask(world: World, case: Case, *, with_real_ids: bool) -> Any:
    """Send a generated case; where wanted, to objects that exist."""
    parameters = {
        name: world[name] if with_real_ids and name in world else str(value)
        for name, value in (case.path_parameters or {}).items()
    }
    path = re.sub(r"\{(\w+)\}", lambda match: quote(parameters[match[1]], safe=""), case.path)
    query: Any = case.query
    body: Any = case.body
    if not isinstance(body, dict | list | str | int | float | bool):
        body = None  # nothing, or bytes that no JSON holds
    return world.api.request(case.method, path, body, query=query if isinstance(query, dict) else {})
