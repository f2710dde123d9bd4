"""Fills the database to be measured, and prints as JSON what the client needs to know of it."""

import json
import sys
from typing import Any

from django.core.management import call_command
from django.db import connection

from accounts.models import User
from accounts.services import create_user
from authorization.services import provision_environment
from environments.models import Environment
from environments.services import create_api_key
from foundation.actors import SYSTEM
from organizations.services import create_organization

PASSWORD = "correct horse battery staple 42"
SIGN_IN_USERS = 16
# Rows that one statement inserts.
BATCH = 100_000


def bulk_users(environment: Environment, count: int) -> str:
    """Insert users by SQL; return the id of the one in the middle."""
    table = connection.ops.quote_name(User._meta.db_table)
    sample = User(environment=environment, email="", first_name="Ada", last_name="Lovelace")
    columns: dict[str, tuple[str, list[Any]]] = {}
    tag = environment.pk[-6:]
    for field in User._meta.concrete_fields:
        value = field.get_db_prep_save(getattr(sample, field.attname), connection)
        columns[str(field.column)] = ("%s", [value])
    # The ids sort before every real one, in the order of their numbers.
    if connection.vendor == "postgresql":
        number, rows = "lpad(n::text, 20, '0')", "generate_series(%s::bigint, %s::bigint) AS numbers(n)"
    else:
        number = "printf('%%020d', n)"
        rows = (
            "(WITH RECURSIVE s(n) AS (SELECT %s UNION ALL SELECT n + 1 FROM s WHERE n < %s) SELECT n FROM s)"
        )
    columns["id"] = (f"'user_' || {number} || %s", [tag])
    columns["email"] = (f"{number} || %s", [f"@{tag.lower()}.bench.test"])
    names = ", ".join(connection.ops.quote_name(name) for name in columns)
    expressions = ", ".join(
        expression if expression != "%s" else _typed(name) for name, (expression, _) in columns.items()
    )
    values = [value for _, parameters in columns.values() for value in parameters]
    with connection.cursor() as cursor:
        for start in range(1, count + 1, BATCH):
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {expressions} FROM {rows}",
                [*values, start, min(start + BATCH - 1, count)],
            )
        cursor.execute("ANALYZE")
    return f"user_{count // 2:020d}{tag}"


def _typed(column: str) -> str:
    if connection.vendor != "postgresql":
        return "%s"
    field = next(field for field in User._meta.concrete_fields if field.column == column)
    return f"%s::{field.db_type(connection)}"


def seed(large: int) -> dict[str, Any]:
    """Fill a fresh database."""
    call_command("migrate", verbosity=0, interactive=False)
    environment = provision_environment(name="Bench", kind="sandbox")
    secret = create_api_key(environment=environment, name="Bench").secret
    emails = [f"sign-in-{number}@bench.test" for number in range(SIGN_IN_USERS)]
    users = [
        create_user(
            environment=environment, actor=SYSTEM, email=email, password=PASSWORD, email_verified=True
        )
        for email in emails
    ]
    organization = create_organization(environment=environment, actor=SYSTEM, name="Acme")
    for number in range(200):
        create_user(environment=environment, actor=SYSTEM, email=f"listed-{number}@bench.test")
    sizes = {}
    for count in (1_000, large):
        other = provision_environment(name=f"{count} users", kind="sandbox")
        sizes[count] = {
            "api_key": create_api_key(environment=other, name="Bench").secret,
            "cursor": bulk_users(other, count),
        }
    return {
        "api_key": secret,
        "client_id": environment.client_id,
        "user_id": users[0].id,
        "organization_id": organization.id,
        "emails": emails,
        "password": PASSWORD,
        "sizes": sizes,
    }


def main(users: int) -> None:
    """Fill the database; called by ``manage.py shell``."""
    json.dump(seed(users), sys.stdout)
