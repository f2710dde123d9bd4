"""``manage.py create_api_key``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from environments import services
from environments.models import Environment


class Command(BaseCommand):
    """Create another API key for an environment."""

    help = "Create an API key for an environment and print it; it is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("environment", help="The environment's id or client id.")
        parser.add_argument("--name", default="Command line")

    def handle(self, *_args: Any, environment: str, name: str, **_options: Any) -> None:
        row = find_environment(environment)
        self.stdout.write(services.create_api_key(environment=row, name=name).secret)


def find_environment(name: str) -> Environment:
    """Return the environment of an id or a client id; raises CommandError."""
    found = Environment.objects.filter(pk=name).first() or Environment.objects.filter(client_id=name).first()
    if found is None:
        raise CommandError(f"There is no environment {name!r}.")
    return found
