"""kill -9 of a real Celery worker in the middle of a delivery, over a real broker and a real mail server."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from events import services
from events.models import Mail
from foundation import clock
from tests.factories.environments import make_environment
from tests.live import ROOT, clean_environment, free_port, wait_until_listening
from tests.mail_server import run_mail_server

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

SECONDS = 60


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A broker of this test alone."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing"
    port = free_port()
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until_listening(port, SECONDS)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


@contextmanager
def run_worker(variables: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a worker of one process, in a process group of its own."""
    command = [sys.executable, "-m", "celery", "--quiet", "--app=config.celery", "worker", "--concurrency=1"]
    worker = subprocess.Popen(command, cwd=ROOT, env=variables, start_new_session=True)
    try:
        yield worker
    finally:
        kill_group(worker)


def kill_group(worker: "subprocess.Popen[bytes]") -> None:
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()


def in_application(variables: dict[str, str], statement: str) -> None:
    """Run a statement in a process of the application, as a web process or beat would."""
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity=0", "--command", statement],
        cwd=ROOT,
        env=variables,
        check=True,
        timeout=SECONDS,
    )


def test_a_worker_killed_in_mid_delivery_loses_no_mail(redis_url: str, tmp_path: Path) -> None:
    environment = make_environment()
    database = connection.settings_dict
    with run_mail_server() as mail_server:
        mail_server.stalls = 1
        variables = clean_environment(
            DATABASE_URL=f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:"
            f"{database['PORT'] or 5432}/{database['NAME']}",
            REDIS_URL=redis_url,
            EMAIL_URL=f"smtp://127.0.0.1:{mail_server.port}",
            GATEHOUSE_DATA_DIR=str(tmp_path / "data"),
        )
        in_application(
            variables,
            "from environments.models import Environment; from events.services import queue_mail\n"
            f"environment = Environment.objects.get(pk='{environment.pk}')\n"
            "for number in range(5):\n"
            "    queue_mail(environment=environment, kind='test', recipient=f'person{number}@acme.test',"
            " sender='no-reply@gatehouse.test', subject='Hello', text='Hello')",
        )
        with run_worker(variables) as worker:
            assert mail_server.stalled.wait(SECONDS), "the worker took no mail in hand"
            kill_group(worker)
        assert mail_server.envelopes == []
        assert Mail.objects.in_environment(environment).filter(sent_at__isnull=True).count() == 5

        # The lease of what the dead worker had in hand runs out.
        Mail.objects.in_environment(environment).filter(leased_until__isnull=False).update(
            leased_until=clock.now()
        )
        with run_worker(variables):
            in_application(variables, "from events import services; services.sweep()")
            assert mail_server.wait_for(5, SECONDS), f"{len(mail_server.envelopes)} of 5 mails arrived"

    recipients = sorted(recipient for envelope in mail_server.envelopes for recipient in envelope.rcpt_tos)
    assert recipients == [f"person{number}@acme.test" for number in range(5)]
    assert services.sweep() == 0
