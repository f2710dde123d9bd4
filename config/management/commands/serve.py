"""``manage.py serve``: the whole of Gatehouse in one process."""

import contextlib
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import waitress.server
from celery import beat
from celery.worker import WorkController
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import first_start
from config.celery import app
from config.wsgi import application

_WEB_THREADS = 8
_WORKER_THREADS = 2


class Command(BaseCommand):
    """Set up the database and the first environment, then serve web, worker and beat until told to stop."""

    help = "Set up what is missing and run everything in one process: web, Celery worker and beat."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError(
                "serve runs everything in one process and is for development; in production run the web, "
                "worker and beat processes of docs/deploy.md."
            )
        # First of all, so that Ctrl-C is answered in words at every moment of the start.
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, _raise_stop)
        with contextlib.suppress(_Stop):
            self._serve()
        self.say("Stopped.")

    def _serve(self) -> None:
        started = time.monotonic()
        self.say("Preparing the database")
        call_command("migrate", verbosity=0, interactive=False)
        self.say("Looking for the first environment")
        welcome = first_start.ensure()
        self.say(f"Starting web, worker and beat on {settings.BIND}:{settings.PORT}")
        server = self._bind()
        worker, scheduler = _start_worker(), _start_beat()
        try:
            self.stdout.write(welcome.text())
            self.say(f"Ready in {time.monotonic() - started:.1f} s. Ctrl-C stops it.")
            server.run()
        finally:
            self.say("Stopping: finishing what is in hand")
            server.task_dispatcher.shutdown(cancel_pending=False, timeout=10)
            server.close()
            scheduler.stop()
            worker.stop()

    def say(self, sentence: str) -> None:
        """Print a line of progress at once."""
        self.stdout.write(f"gatehouse: {sentence}")
        self.stdout.flush()

    def _bind(self) -> Any:
        try:
            return waitress.server.create_server(
                application,
                host=settings.BIND,
                port=settings.PORT,
                threads=_WEB_THREADS,
                ident=None,
                # The application has its own, smaller limit; this one bounds what waits on disk.
                max_request_body_size=16 * 1024 * 1024,
            )
        except OSError as error:
            raise CommandError(
                f"Port {settings.PORT} cannot be opened on {settings.BIND} ({error.strerror}). "
                "Set PORT to another one."
            ) from error


class _Stop(KeyboardInterrupt):
    """Ends whatever runs: libraries that carry on after any other exception let this one through."""


def _raise_stop(_number: int, _frame: FrameType | None) -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: sys.exit(1))
    raise _Stop


def _start_worker() -> WorkController:
    # WorkController and not app.Worker: the latter installs signal handlers, which only the main thread may.
    worker = WorkController(
        app=app,
        pool="threads",
        concurrency=_WORKER_THREADS,
        loglevel="WARNING",
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
    )
    threading.Thread(target=worker.start, name="celery-worker", daemon=True).start()
    return worker


def _start_beat() -> beat.Service:
    scheduler = beat.Service(app, scheduler_cls=beat.Scheduler)
    threading.Thread(
        target=scheduler.start, kwargs={"embedded_process": False}, name="celery-beat", daemon=True
    ).start()
    return scheduler
