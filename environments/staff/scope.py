"""Who is asking on an admin page, and in which environment."""

from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from environments.models import Environment, Operator
from foundation.actors import Actor, ActorKind

SESSION_KEY = "environment_id"


class NoEnvironment(PermissionDenied):
    """The operator has been given no environment, so that there is nothing to show."""


def operator_of(request: HttpRequest) -> Operator:
    """Return the operator who is signed in."""
    return cast("Operator", request.user)


def actor_of(request: HttpRequest) -> Actor:
    """Return the operator as the actor of a service call."""
    operator = operator_of(request)
    return Actor(ActorKind.OPERATOR, operator.id, operator.email)


def environment_of(request: HttpRequest) -> Environment:
    """Return the environment that is open; raises NoEnvironment."""
    environment = find_environment(request)
    if environment is None:
        raise NoEnvironment
    return environment


def find_environment(request: HttpRequest) -> Environment | None:
    """Return the environment that is open, or None where the operator has been given none."""
    return cast("Environment | None", getattr(request, "environment", None))


def environments_of(request: HttpRequest) -> list[Environment]:
    """Return every environment that the operator may open."""
    return cast("list[Environment]", getattr(request, "environments", []))


def open_environment(request: HttpRequest) -> None:
    """Read the choice from the session and set it on the request.

    The choice is checked at every request: an operator who loses an environment loses it at once.
    """
    environments = list(operator_of(request).visible_environments().order_by("name", "id"))
    chosen = request.session.get(SESSION_KEY)
    oldest = min(environments, key=lambda row: row.pk, default=None)
    found = next((row for row in environments if row.pk == chosen), oldest)
    request.environments = environments  # type: ignore[attr-defined]  # read back by environments_of
    request.environment = found  # type: ignore[attr-defined]  # read back by environment_of


def choose_environment(request: HttpRequest, environment_id: str) -> Environment | None:
    """Remember a choice in the session; None where the operator may not open that environment."""
    environment = operator_of(request).visible_environments().filter(pk=environment_id).first()
    if environment is not None:
        request.session[SESSION_KEY] = environment.pk
    return environment
