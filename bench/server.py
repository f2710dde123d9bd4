"""Runs the server to be measured, as the product runs it: waitress as ``serve`` does, granian as in production."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[1]
WAITRESS_THREADS = 8


@dataclass(frozen=True)
class Target:
    """A running server."""

    name: str
    port: int
    process: "subprocess.Popen[bytes]"

    def peak_megabytes(self) -> float:
        """Return the most memory that its processes have held, added up."""
        return sum(_peak_kilobytes(pid) for pid in _family(self.process.pid)) / 1024


@contextmanager
def run(name: str, port: int, environment: dict[str, str]) -> Iterator[Target]:
    """Run ``waitress`` or ``granian`` until the block ends."""
    commands = {
        "waitress": [sys.executable, "-m", "bench.server", str(port)],
        "granian": [
            str(Path(sys.executable).with_name("granian")),
            *("--interface", "wsgi", "--no-ws", "--port", str(port), "--log-level", "warning"),
            *("--workers", str(os.cpu_count() or 1), "--blocking-threads", "4", "bench.wsgi:application"),
        ],
    }
    process = subprocess.Popen(commands[name], cwd=ROOT, env=environment)
    try:
        yield Target(name, port, process)
    finally:
        process.terminate()
        process.wait()


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        return [pid]
    return [pid, *(member for child in children.read_text().split() for member in _family(int(child)))]


def _peak_kilobytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    for line in status.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def _serve(port: int) -> None:
    import waitress.server  # noqa: PLC0415 -- only the measured process loads the application

    from bench.wsgi import application  # noqa: PLC0415 -- as above

    server = waitress.server.create_server(
        application, host="127.0.0.1", port=port, threads=WAITRESS_THREADS, ident=None
    )

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=server.close).start()
        raise SystemExit

    signal.signal(signal.SIGTERM, stop)
    server.run()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
