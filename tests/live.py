"""A whole Gatehouse in a process of its own, for tests that speak to it as the world does."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from psycopg import sql

from foundation.ids import new_secret

ROOT = Path(__file__).parents[1]
# Generous: a busy machine may run many tests beside the start.
START_SECONDS = 120


@dataclass(frozen=True)
class LiveGatehouse:
    """Where a running server is, and what opens it."""

    base_url: str
    api_key: str
    client_id: str
    admin_email: str
    admin_password: str
    process: "subprocess.Popen[str]"
    environment: dict[str, str]
    output: list[str] = field(default_factory=list)

    def manage(self, *arguments: str) -> str:
        """Run a management command beside the server, on its data; return what it prints."""
        result = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def clean_environment(**variables: str) -> dict[str, str]:
    """Return the environment of a new process: this one's without any setting of Gatehouse, and ``variables``."""
    dropped = ("GATEHOUSE_", "DATABASE_URL", "REDIS_URL", "EMAIL_URL", "PORT", "WORKOS_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {"PYTHONUNBUFFERED": "1"} | variables


@contextmanager
def run_gatehouse(data_directory: Path, **variables: str) -> Iterator[LiveGatehouse]:
    """Start ``manage.py serve`` on a free port; it is ready when this yields, and has ended when this returns."""
    port = free_port()
    pinned = {
        "PORT": str(port),
        "GATEHOUSE_BASE_URL": f"http://127.0.0.1:{port}",
        "GATEHOUSE_DATA_DIR": str(data_directory),
        "GATEHOUSE_API_KEY": f"sk_test_{new_secret(30)}",
        "GATEHOUSE_CLIENT_ID": f"client_{new_secret(20)}",
        "GATEHOUSE_ADMIN_EMAIL": "owner@gatehouse.test",
        "GATEHOUSE_ADMIN_PASSWORD": new_secret(20),
    }
    environment = clean_environment(**(pinned | variables))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    server = LiveGatehouse(
        base_url=environment["GATEHOUSE_BASE_URL"],
        api_key=environment["GATEHOUSE_API_KEY"],
        client_id=environment["GATEHOUSE_CLIENT_ID"],
        admin_email=environment["GATEHOUSE_ADMIN_EMAIL"],
        admin_password=environment["GATEHOUSE_ADMIN_PASSWORD"],
        process=process,
        environment=environment,
    )
    reader = threading.Thread(target=_keep_reading, args=(server, ready := threading.Event()), daemon=True)
    reader.start()
    try:
        ready.wait(START_SECONDS)
        assert process.poll() is None, "the server ended:\n" + "".join(server.output)
        answer = httpx.get(f"{server.base_url}/readyz", timeout=10)
        assert answer.status_code == 200, answer.text + "".join(server.output)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(10)


def _keep_reading(server: LiveGatehouse, ready: threading.Event) -> None:
    assert server.process.stdout is not None
    with server.process.stdout as lines:
        for line in lines:
            server.output.append(line)
            if line.startswith("gatehouse: Ready"):
                ready.set()
    ready.set()


@contextmanager
def database_of_its_own() -> Iterator[dict[str, str]]:
    """Yield the DATABASE_URL of an empty PostgreSQL database, or nothing where the suite runs on SQLite."""
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        yield {}
        return
    name = f"live_{new_secret(12).lower()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield {"DATABASE_URL": urlunsplit(urlsplit(url)._replace(path=f"/{name}"))}
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def gatehouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGatehouse]:
    """A server of this test process: on PostgreSQL where the suite runs on it. Its queue is its own, in process."""
    with (
        database_of_its_own() as variables,
        run_gatehouse(tmp_path_factory.mktemp("data"), **variables) as server,
    ):
        yield server


def wait_until_listening(port: int, seconds: float) -> None:
    """Return when something listens on a port of the loopback address; each attempt waits for the one before."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            pause.wait(0.02)
        else:
            return
    message = f"Nothing listens on port {port}."
    raise TimeoutError(message)
