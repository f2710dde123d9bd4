"""``manage.py create_environment``."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from authorization.services import provision_environment
from environments import services
from environments.models import EnvironmentKind


class Command(BaseCommand):
    """Create an environment with its first API key."""

    help = "Create an environment and print its API key (shown this once) and client id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--kind", choices=EnvironmentKind.values, default=EnvironmentKind.SANDBOX.value)
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    @transaction.atomic
    def handle(self, *_args: Any, name: str, kind: str, json: bool, **_options: Any) -> None:
        environment = provision_environment(name=name, kind=kind)
        issued = services.create_api_key(environment=environment, name="First key")
        facts = {
            "id": environment.id,
            "name": environment.name,
            "kind": environment.kind,
            "client_id": environment.client_id,
            "api_key": issued.secret,
        }
        self.stdout.write(_as_json(facts) if json else _as_lines(facts))


def _as_json(facts: dict[str, str]) -> str:
    return json.dumps(facts)


def _as_lines(facts: dict[str, str]) -> str:
    return "\n".join(f"{name:<10} {value}" for name, value in facts.items())
