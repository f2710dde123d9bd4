"""Migrations run while old processes still write, so what they add must not need those to know of it."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.apps import apps
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.models.fields import NOT_PROVIDED

ROOT = Path(__file__).parents[2]

# The last migrations of the time before the rule, when nothing had been released yet.
BEFORE_THE_RULE = {
    "accounts": 3,
    "authentication": 9,
    "authorization": 2,
    "environments": 5,
    "events": 3,
    "organizations": 5,
    "sso": 3,
}


def operations():
    """Yield every operation that the rule is about, with the name of its migration."""
    loader = MigrationLoader(None)
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        config = apps.get_app_config(app)
        is_own = Path(config.path).parent == ROOT
        if is_own and int(name[:4]) > BEFORE_THE_RULE.get(app, 1):
            for operation in migration.operations:
                yield f"{app}.{name}", operation


def is_safe(field: models.Field) -> bool:
    """Tell whether a process that does not know the column can insert rows."""
    return field.null or field.many_to_many or field.db_default is not NOT_PROVIDED


def test_a_new_column_can_be_left_out_by_processes_that_do_not_know_it():
    added = [(name, each) for name, each in operations() if isinstance(each, migrations.AddField)]

    assert added, "the walk finds no migration"
    assert [f"{name}: {each.model_name}.{each.name}" for name, each in added if not is_safe(each.field)] == []


def test_what_an_older_process_reads_or_writes_stays():
    gone = (migrations.RemoveField, migrations.RenameField, migrations.DeleteModel, migrations.RenameModel)

    assert [f"{name}: {each.describe()}" for name, each in operations() if isinstance(each, gone)] == []


def test_every_migration_can_be_taken_back():
    assert [f"{name}: {each.describe()}" for name, each in operations() if not each.reversible] == []


@pytest.fixture
def installation(tmp_path):
    """Run a script in an empty installation of its own, at whatever migrations it chooses."""

    def run(script: str) -> str:
        setup = """
            import django
            django.setup()
            from django.db import connection
            from django.db.migrations.executor import MigrationExecutor

            def migrate(*targets):
                executor = MigrationExecutor(connection)
                wanted = list(targets) or executor.loader.graph.leaf_nodes()
                executor.migrate(wanted)
                return MigrationExecutor(connection).loader.project_state(wanted).apps
        """
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(setup) + textwrap.dedent(script)],
            cwd=ROOT,
            env={
                **environment,
                "DJANGO_SETTINGS_MODULE": "config.settings",
                "GATEHOUSE_DATA_DIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_of_several_holders_of_a_verified_domain_one_keeps_it(installation):
    told = installation("""
        apps = migrate(("organizations", "0003_organization_policy"))
        environments = apps.get_model("environments", "Environment")._base_manager
        organizations = apps.get_model("organizations", "Organization")._base_manager
        domains = apps.get_model("organizations", "OrganizationDomain")._base_manager
        for letter in "ab":
            environments.create(id=f"environment_{letter}", name=letter, client_id=f"client_{letter}")
        claims = [
            ("a", 1, "both.example", "verified", "manual"),
            ("a", 2, "both.example", "verified", "dns"),
            ("a", 3, "both.example", "pending", "dns"),
            ("a", 1, "manual.example", "verified", "manual"),
            ("a", 2, "manual.example", "legacy_verified", "manual"),
            ("b", 4, "both.example", "verified", "manual"),
        ]
        for letter, number, domain, state, strategy in claims:
            organization, _ = organizations.get_or_create(
                id=f"org_{number}", defaults={"environment_id": f"environment_{letter}", "name": str(number)}
            )
            domains.create(
                id=f"org_domain_{domain}_{number}", environment_id=f"environment_{letter}",
                organization=organization, domain=domain, state=state, verification_strategy=strategy,
            )

        domains = migrate().get_model("organizations", "OrganizationDomain")._base_manager

        for row in domains.order_by("domain", "organization_id"):
            print(row.domain, row.organization_id, row.state)
    """)

    assert told.splitlines() == [
        "both.example org_1 unverified",
        "both.example org_2 verified",
        "both.example org_3 pending",
        "both.example org_4 verified",
        "manual.example org_1 verified",
        "manual.example org_2 unverified",
    ]
