"""``manage.py apply``."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from config.apply.document import read_document
from config.apply.reconcile import apply_document
from config.apply.strict import SetupFileError
from environments.models import Environment
from foundation.errors import DomainError


class Command(BaseCommand):
    """Make what a YAML file describes."""

    help = (
        "Make what a YAML file describes (docs/configuration.md); running it again changes only what differs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="The YAML file, or - for standard input.")
        parser.add_argument("--environment", default="", help="An id or client id, instead of the file's.")
        parser.add_argument("--check", action="store_true", help="Say what would be done and do nothing.")

    def handle(self, *_args: Any, file: str, environment: str, check: bool, **_options: Any) -> None:
        try:
            text = Path("/dev/stdin" if file == "-" else file).read_text(encoding="utf-8")
            report = apply_document(read_document(text), environment=_find(environment), check=check)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except SetupFileError as error:
            raise CommandError(f"{file}: {error}") from error
        except DomainError as error:
            reasons = "; ".join(str(item.get("message", "")) for item in error.details.get("errors", ()))
            raise CommandError(f"{file}: {error.message} {reasons}".strip()) from error
        except ValidationError as error:
            raise CommandError(f"{file}: settings: {' '.join(error.messages)}") from error
        for line in report:
            self.stdout.write(f"would have {line}" if check else line)
        if not report:
            self.stdout.write("Everything is as the file says.")


def _find(reference: str) -> Environment | None:
    if not reference:
        return None
    found = Environment.objects.filter(pk=reference) | Environment.objects.filter(client_id=reference)
    environment = found.first()
    if environment is None:
        raise CommandError(f"There is no environment {reference!r}.")
    return environment
