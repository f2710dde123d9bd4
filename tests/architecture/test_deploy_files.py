"""Keeps Dockerfile, compose.yaml and docs/deploy.md in step with the code, as far as no container engine is needed."""

import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands
from django.urls import resolve
from django.utils.module_loading import import_string
from packaging.specifiers import SpecifierSet

from config.celery import app as celery_app
from config.env import VARIABLES
from config.health import alive

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE_TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
DEPLOY_DOC = (ROOT / "docs" / "deploy.md").read_text()

# Variables of the programs around Gatehouse, which config.env has no business with.
FOREIGN_VARIABLES = re.compile(r"(GRANIAN|POSTGRES|UV)_|PATH$|PYTHON[A-Z]+$")
GATEHOUSE_SERVICES = ("migrate", "web", "worker", "beat")


def instructions(keyword):
    joined = DOCKERFILE.replace("\\\n", " ")
    return [
        line.removeprefix(f"{keyword} ") for line in joined.splitlines() if line.startswith(f"{keyword} ")
    ]


def environment_of(service):
    return COMPOSE["services"][service]["environment"]


def test_the_python_of_the_image_is_one_that_the_project_supports():
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    [version] = re.findall(r"^ARG PYTHON_VERSION=(.+)$", DOCKERFILE, re.MULTILINE)

    assert SpecifierSet(supported).contains(version)


def test_every_file_that_the_image_copies_exists():
    sources = [
        source
        for arguments in instructions("COPY")
        if not arguments.startswith("--from")
        for source in shlex.split(arguments)[:-1]
    ]

    assert "requirements/run.txt" in sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_installs_by_the_scripts_that_make_uses():
    commands = " ".join(instructions("RUN"))
    used = set(re.findall(r"scripts/[\w-]+", commands))

    assert used == {"scripts/make-venv", "scripts/install-lock", "scripts/with-production-settings"}
    assert all((ROOT / script).exists() for script in used)
    assert "--require-hashes" in (ROOT / "scripts/make-venv").read_text()
    assert "--require-hashes" in (ROOT / "scripts/install-lock").read_text()


def test_the_image_runs_as_somebody_without_rights():
    assert instructions("USER")[-1] not in {"root", "0", "0:0"}


def test_the_web_command_serves_an_application_that_exists():
    command = json.loads(instructions("CMD")[-1])

    assert command[0] == "granian"
    assert callable(import_string(command[-1].replace(":", ".")))


def test_the_health_check_asks_for_a_route_that_exists():
    [path] = re.findall(r"http://127\.0\.0\.1:8000(/\w+)", instructions("HEALTHCHECK")[-1])

    assert resolve(path).func is alive


@pytest.mark.parametrize("service", GATEHOUSE_SERVICES)
def test_compose_sets_only_variables_that_the_settings_read(service):
    assert [name for name in environment_of(service) if name not in VARIABLES] == []


def test_compose_and_the_image_name_no_unknown_variable():
    image = re.findall(r"\b([A-Z][A-Z0-9_]+)=", " ".join(instructions("ENV")))
    interpolated = re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE_TEXT)
    unknown = {
        name
        for name in [*image, *interpolated]
        if name not in VARIABLES and not FOREIGN_VARIABLES.match(name)
    }

    assert unknown == set()


@pytest.mark.parametrize("service", GATEHOUSE_SERVICES)
def test_compose_has_every_variable_without_which_production_does_not_start(service):
    script = (ROOT / "scripts/with-production-settings").read_text()
    demanded = set(re.findall(r"^([A-Z0-9_]+)=", script, re.MULTILINE))

    assert demanded <= environment_of(service).keys()


def test_the_commands_of_compose_exist():
    migrate, worker, beat = (COMPOSE["services"][name]["command"] for name in ("migrate", "worker", "beat"))

    assert migrate[:2] == ["python", "manage.py"]
    assert migrate[2] in get_commands()
    for command, role in ((worker, "worker"), (beat, "beat")):
        [app] = [word.removeprefix("--app=") for word in command if word.startswith("--app=")]
        assert command[0] == "celery"
        assert role in command
        assert import_string(f"{app}.app") is celery_app


def test_no_process_starts_before_the_migration_has_ended():
    for service in ("web", "worker", "beat"):
        assert COMPOSE["services"][service]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }


@pytest.mark.parametrize(
    "text", [DOCKERFILE, COMPOSE_TEXT, DEPLOY_DOC], ids=["Dockerfile", "compose", "docs"]
)
def test_the_files_say_that_nobody_has_tried_them(text):
    assert "untried" in text[:1500].lower()


def test_the_configuration_guide_lists_every_variable_and_no_other():
    page = (ROOT / "docs" / "configuration.md").read_text()
    listed = re.findall(r"^\| `([A-Z0-9_]+)`", page, re.MULTILINE)

    assert sorted(listed) == sorted(VARIABLES)


def test_the_commands_of_the_deployment_guide_exist():
    named = set(re.findall(r"manage\.py ([a-z_]+)", DEPLOY_DOC))

    assert named
    assert named <= get_commands().keys()
