"""A client that costs little: requests are bytes written to a socket that stays open, answers are cut by their length."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol


class Scenario(Protocol):
    """What a connection sends next, and what it learns from the answer."""

    def request(self) -> bytes: ...

    def answer(self, body: bytes) -> None: ...


@dataclass
class Result:
    """Latencies in seconds, and how long the measuring took."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: "Result") -> None:
        self.latencies += other.latencies
        self.seconds += other.seconds

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def message(method: str, path: str, api_key: str, body: bytes = b"", headers: str = "") -> bytes:
    """Return a request as it goes over the wire."""
    authorization = f"Authorization: Bearer {api_key}\r\n" if api_key else ""
    content = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}{content}{headers}\r\n"
    return head.encode() + body


class Connection:
    """A connection that is kept open."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a request; return the status and the body of its answer."""
        self._socket.sendall(request)
        received = self._socket.recv(65_536)
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        head = received[:end].lower()
        start = head.find(b"content-length:")
        length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
        pieces, size = [received[end + 4 :]], len(received) - end - 4
        while size < length:
            pieces.append(self._more())
            size += len(pieces[-1])
        return int(head[9:12]), b"".join(pieces)

    def _more(self) -> bytes:
        piece = self._socket.recv(65_536)
        if not piece:
            raise ConnectionError("The server closed the connection.")
        return piece


def measure(port: int, scenarios: list[Scenario], seconds: float) -> Result:
    """Let each scenario use a connection of its own, all at once, for some seconds."""
    start = threading.Barrier(len(scenarios))

    def work(scenario: Scenario) -> Result:
        connection = Connection(port)
        latencies: list[float] = []
        clock: Callable[[], float] = time.perf_counter
        try:
            start.wait(30)
            began = now = clock()
            while now - began < seconds:
                status, body = connection.exchange(scenario.request())
                if status >= 300:
                    message = f"{type(scenario).__name__}: {status} {body[:300]!r}"
                    raise RuntimeError(message)
                scenario.answer(body)
                before, now = now, clock()
                latencies.append(now - before)
        finally:
            connection.close()
        return Result(latencies, now - began)

    with ThreadPoolExecutor(len(scenarios)) as pool:
        results = list(pool.map(work, scenarios))
    return Result(
        [latency for result in results for latency in result.latencies],
        max(result.seconds for result in results),
    )
