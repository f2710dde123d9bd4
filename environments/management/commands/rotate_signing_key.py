"""``manage.py rotate_signing_key``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from environments import services
from environments.management.commands.create_api_key import find_environment


class Command(BaseCommand):
    """Sign with a fresh key from now on."""

    help = "Rotate an environment's signing key; the old one stays in the JWK set until its tokens are gone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("environment", help="The environment's id or client id.")

    def handle(self, *_args: Any, environment: str, **_options: Any) -> None:
        key = services.rotate_signing_key(find_environment(environment))
        self.stdout.write(f"Tokens are now signed with {key.key_id}.")
