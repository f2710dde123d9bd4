"""Environments, keys and operators."""

from collections.abc import Sequence

from authorization.services import provision_environment
from environments import services
from environments.models import Environment, EnvironmentKind, Operator, OperatorRole

OPERATOR_PASSWORD = "a long password for tests"


def make_environment(name: str = "Acme sandbox", kind: str = EnvironmentKind.SANDBOX) -> Environment:
    return provision_environment(name=name, kind=kind)


def make_api_key(environment: Environment, name: str = "Test key") -> str:
    return services.create_api_key(environment=environment, name=name).secret


def make_operator(
    email: str = "owner@gatehouse.test",
    role: str = OperatorRole.OWNER,
    environments: Sequence[Environment] = (),
) -> Operator:
    return services.create_operator(
        email=email, password=OPERATOR_PASSWORD, name="", role=role, environments=environments
    )
