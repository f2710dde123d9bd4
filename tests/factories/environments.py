"""Environments and keys."""

from authorization.services import provision_environment
from environments import services
from environments.models import Environment, EnvironmentKind


def make_environment(name: str = "Acme sandbox", kind: str = EnvironmentKind.SANDBOX) -> Environment:
    return provision_environment(name=name, kind=kind)


def make_api_key(environment: Environment, name: str = "Test key") -> str:
    return services.create_api_key(environment=environment, name=name).secret
