"""``python -m bench``: start a server, measure it, print a table."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from argon2 import PasswordHasher
from psycopg import sql

from bench.client import Connection, Result, Scenario, measure
from bench.scenarios import CreateUser, Fixed, Refresh, SignIn
from bench.server import ROOT, Target, run
from foundation.ids import new_secret
from tests.live import clean_environment, free_port, wait_until_listening

CONNECTIONS = 4
# Scenario and yardstick take turns, so that a machine that slows down slows both.
ROUNDS = 4


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Gatehouse.")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each scenario and round")
    parser.add_argument("--users", type=int, default=1_000_000, help="how many the long list holds")
    parser.add_argument("--quick", action="store_true", help="a tenth of the time and of the users")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.users = arguments.seconds / 10, arguments.users // 10
    shapes = [("SQLite, waitress", "waitress", "")]
    if database_url := os.environ.get("DATABASE_URL", ""):
        shapes.append(("PostgreSQL, granian", "granian", database_url))
    for title, _server, url in shapes:
        with environment_for(url) as environment:
            print(
                f"\n{title.split(',')[0]}, one process without a server: every step of signing in", flush=True
            )
            report_costs(environment, 3 if arguments.quick else 20)
    with environment_for("") as environment:
        report_sso(environment, 1_000 if arguments.quick else 10_000)
    for title, server, url in shapes:
        with environment_for(url) as environment:
            print(f"\n{title}: filling the database with {arguments.users:,} users …", flush=True)
            facts = fill(environment, arguments.users)
            with run(server, port := free_port(), environment) as target:
                wait_until_listening(port, 60)
                report(target, facts, arguments.seconds)
                report_sizes(target, facts, arguments.seconds)
                print(f"Peak memory of the server: {target.peak_megabytes():.0f} MB")


@contextmanager
def environment_for(database_url: str) -> Iterator[dict[str, str]]:
    """Yield the environment of a server with an empty database, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        variables = {"GATEHOUSE_DATA_DIR": folder, "GATEHOUSE_LOG_LEVEL": "WARNING"}
        if not database_url:
            yield clean_environment(**variables)
            return
        name = f"bench_{new_secret(12).lower()}"
        if redis_url := os.environ.get("REDIS_URL", ""):
            variables["REDIS_URL"] = redis_url
        variables["DATABASE_URL"] = urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            try:
                yield clean_environment(**variables)
            finally:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def fill(environment: dict[str, str], users: int) -> dict[str, Any]:
    """Fill the database in a process of its own; return what the client needs to know."""
    statement = f"from bench import seed; seed.main({users})"
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "--command", statement]
    printed = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE).stdout
    facts: dict[str, Any] = json.loads(printed)
    return facts


def report_costs(environment: dict[str, str], repetitions: int) -> None:
    """Print what each grant and page costs, measured in a process of its own."""
    statement = f"from bench import costs; costs.main({repetitions})"
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "--command", statement]
    subprocess.run(command, cwd=ROOT, env=environment | {"GATEHOUSE_RATE_LIMITS": "off"}, check=True)


def report_sso(environment: dict[str, str], count: int) -> None:
    """Print what SAML responses, OpenID callbacks and whole sign-ins cost, measured in a process of its own."""
    statement = (
        f"from bench import oidc, saml, sso; saml.main({count}); oidc.main({count}); sso.main({count})"
    )
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "--command", statement]
    subprocess.run(command, cwd=ROOT, env=environment | {"GATEHOUSE_RATE_LIMITS": "off"}, check=True)


def report(target: Target, facts: dict[str, Any], seconds: float) -> None:
    """Measure every scenario against the bare view, and print a line for each."""
    key = facts["api_key"]
    list_path = "/user_management/users?limit="
    scenarios: dict[str, Callable[[], list[Scenario]]] = {
        "read an organization by id": fixed(f"/organizations/{facts['organization_id']}", key),
        "read a user by id": fixed(f"/user_management/users/{facts['user_id']}", key),
        "list 10 users": fixed(f"{list_path}10", key),
        "list 100 users": fixed(f"{list_path}100", key),
        "list 10 events": fixed("/events?limit=10", key),
        "create a user": lambda: [CreateUser(key) for _ in range(CONNECTIONS)],
        "sign in by password": lambda: [SignIn(facts, number) for number in range(CONNECTIONS)],
        "refresh a session": lambda: [Refresh(facts, sign_in(target, facts, n)) for n in range(CONNECTIONS)],
    }
    print(f"{'':28}{'requests/s':>11}{'p50 ms':>9}{'p99 ms':>9}{'of the bare view':>18}")
    yardstick = fixed("/bare", "")
    total = Result()
    for name, make in scenarios.items():
        mine, bare = Result(), Result()
        measure(target.port, make(), seconds / 4)
        for _ in range(ROUNDS):
            bare.add(measure(target.port, yardstick(), seconds / ROUNDS))
            mine.add(measure(target.port, make(), seconds / ROUNDS))
        total.add(bare)
        print_line(name, mine, f"{mine.per_second / bare.per_second:.2f}")
    print_line("bare Django view", total, "1")
    hash_milliseconds = time_of_a_hash()
    print(f"One Argon2id hash takes {hash_milliseconds:.1f} ms of one core here.")


def report_sizes(target: Target, facts: dict[str, Any], seconds: float) -> None:
    """Measure the same page of a short and of a long list."""
    pages = {
        int(count): fixed(f"/user_management/users?limit=10&after={size['cursor']}", size["api_key"])
        for count, size in facts["sizes"].items()
    }
    results = {count: Result() for count in pages}
    for make in pages.values():
        measure(target.port, make(), seconds / 4)
    for _ in range(ROUNDS * 2):
        for count, make in pages.items():
            results[count].add(measure(target.port, make(), seconds / ROUNDS))
    for count, result in results.items():
        print_line(f"a page of {count:,} users", result, "")
    short, long = (results[count].percentile(50) for count in sorted(results))
    print(f"The page of the long list takes {long / short:.2f} times as long as that of the short one.")


def fixed(path: str, api_key: str) -> Callable[[], list[Scenario]]:
    return lambda: [Fixed("GET", path, api_key) for _ in range(CONNECTIONS)]


def sign_in(target: Target, facts: dict[str, Any], number: int) -> str:
    connection = Connection(target.port)
    status, body = connection.exchange(SignIn(facts, number).request())
    connection.close()
    if status != 200:
        message = f"sign-in: {status} {body!r}"
        raise RuntimeError(message)
    return str(json.loads(body)["refresh_token"])


def time_of_a_hash() -> float:
    """Return how many milliseconds a password hash of the default cost takes."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    started = perf_counter()
    for _ in range(10):
        hasher.hash("correct horse battery staple 42")
    return (perf_counter() - started) * 100


def print_line(name: str, result: Result, ratio: str) -> None:
    figures = f"{result.per_second:>11,.0f}{result.percentile(50):>9.2f}{result.percentile(99):>9.2f}"
    print(f"{name:28}{figures}{ratio:>18}", flush=True)


if __name__ == "__main__":
    main()
