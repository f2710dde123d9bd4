"""Outbound HTTP to addresses that somebody else chose: identity providers, webhooks, metadata.

Such an address is an attack until shown otherwise (server-side request forgery). What holds for every request:
https, or http inside a network that the operator named; the address that is *connected to* is the one that was
checked, so a name that changes its mind between two look-ups gains nothing (DNS rebinding); no redirects, no
proxies, no cookies, no credentials of this machine; one deadline over everything, from the look-up to the last
byte; a limit on what is read. Libraries that bring their own HTTP code are given :func:`guarded_session`.
"""

import ipaddress
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import orjson
import requests
import requests.adapters
import urllib3
import urllib3.connection
import urllib3.connectionpool
import urllib3.exceptions
import urllib3.poolmanager
from django.conf import settings

DEFAULT_TIMEOUT_SECONDS = 10.0
DEFAULT_MAXIMUM_BYTES = 1024 * 1024

_CHUNK_BYTES = 64 * 1024
_LONGEST_URL = 4_000
_USER_AGENT = "Gatehouse"

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class OutboundFailure(StrEnum):
    """Why a request brought no answer."""

    INVALID_URL = "invalid_url"
    ADDRESS_REFUSED = "address_refused"
    NAME_UNKNOWN = "name_unknown"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    TOO_LARGE = "too_large"
    REDIRECTED = "redirected"


class OutboundError(Exception):
    """No usable answer came. ``failure`` says why; the message is plain English for whoever set up the address."""

    def __init__(self, failure: OutboundFailure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """An answer, whole. ``headers`` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body read as JSON; raises ValueError."""
        return orjson.loads(self.body)


def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    form: Mapping[str, str] | None = None,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    maximum_bytes: int = DEFAULT_MAXIMUM_BYTES,
) -> OutboundResponse:
    """Make one request, and read its answer whole; any status below 300 or from 400 is an answer.

    ``form`` is sent urlencoded in the body. Raises OutboundError. Call it outside of transactions: it may take
    all of ``timeout_seconds``.
    """
    sent_headers = {"User-Agent": _USER_AGENT, "Accept": "*/*", **(headers or {})}
    if form is not None:
        body = urlencode(form).encode()
        sent_headers["Content-Type"] = "application/x-www-form-urlencoded"
    check_url(url)
    with guarded_session(timeout_seconds=timeout_seconds, maximum_bytes=maximum_bytes) as session:
        try:
            response = session.request(method, url, headers=sent_headers, data=body, allow_redirects=False)
        except requests.RequestException as error:
            raise as_outbound_error(error) from error
        if 300 <= response.status_code < 400:  # The class of redirects.
            raise OutboundError(OutboundFailure.REDIRECTED, f"{_host_of(url)} answered with a redirect.")
        names = {name.lower(): value for name, value in response.headers.items()}
        return OutboundResponse(response.status_code, names, response.content)


def check_url(url: str) -> None:
    """Refuse what can never be fetched: no http(s) address, credentials in it, control characters, or too long.

    Raises OutboundError. The address behind the name is checked when it is connected to.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise OutboundError(OutboundFailure.INVALID_URL, "This is not a URL.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise OutboundError(OutboundFailure.INVALID_URL, "The URL must begin with https:// and name a host.")
    if parts.username is not None or parts.password is not None or "\\" in url:
        raise OutboundError(OutboundFailure.INVALID_URL, "The URL must not carry a user name or a password.")
    if len(url) > _LONGEST_URL or not url.isprintable() or " " in url:
        raise OutboundError(
            OutboundFailure.INVALID_URL, "The URL is too long or has characters that do not belong there."
        )


@contextmanager
def guarded_session(
    *,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    maximum_bytes: int = DEFAULT_MAXIMUM_BYTES,
) -> Iterator[requests.Session]:
    """Open a ``requests`` session whose every request is held to this module's rules.

    Its errors are those of ``requests``. The deadline counts from here, over all requests of the session.
    """
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    session.headers["User-Agent"] = _USER_AGENT
    with _Deadline(timeout_seconds) as deadline:
        adapter = _GuardedAdapter(deadline, maximum_bytes)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        try:
            yield session
        finally:
            session.close()


def is_public(address: IPAddress) -> bool:
    """True for an address of the public internet; one that carries an IPv4 address inside counts as that one too."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None and not is_public(inner):
            return False
    return address.is_global and not address.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _is_named(address: IPAddress) -> bool:
    """True inside a network that the operator opened (``GATEHOUSE_OUTBOUND_NETWORKS``)."""
    return any(
        address in ipaddress.ip_network(network)
        for network in settings.OUTBOUND_NETWORKS
        if ipaddress.ip_network(network).version == address.version
    )


class _AddressRefused(urllib3.exceptions.HTTPError):
    """The name leads to an address that may not be called, or not without TLS."""


class _NameUnknown(urllib3.exceptions.HTTPError):
    """The name leads nowhere."""


class _TooLarge(requests.RequestException):
    """The answer is longer than what is read."""


class _Deadline:
    """Ends every connection that was opened under it when the time is up; a slow drip of bytes cannot outlive it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._timer.cancel()
        with self._lock:
            for connection in self._sockets:
                connection.close()
            self._sockets.clear()

    def watch(self, connection: socket.socket) -> None:
        """Have this connection ended at the deadline; raises TimeoutError after it."""
        with self._lock:
            if self.is_over:
                raise TimeoutError
            # A handle of our own to the same connection: TLS takes the given one over.
            self._sockets.append(connection.dup())

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for connection in self._sockets:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # Closed already.


def _connect(host: str, port: int, deadline: _Deadline, *, encrypted: bool) -> socket.socket:
    """Look a name up, check every address that it leads to, and connect to one of them.

    One bad address refuses the name: whoever mixes public and private ones hopes that the choice falls well.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _NameUnknown(f"The name {host} is not known.") from error
    for *_rest, target in found:
        address = ipaddress.ip_address(str(target[0]).partition("%")[0])
        if not _is_named(address) and not (is_public(address) and encrypted):
            reason = "may not be called" if encrypted else "may only be called over https"
            raise _AddressRefused(f"{host} leads to {address}, which {reason} from here.")
    last: OSError = OSError("no address")
    for family, kind, protocol, _name, target in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(deadline.seconds)
        try:
            deadline.watch(connection)
            connection.connect(target)
        except OSError as error:
            connection.close()
            last = error
        else:
            return connection
    raise last


class _GuardedHTTPConnection(urllib3.connection.HTTPConnection):
    """Plain HTTP, for networks that the operator named."""

    deadline: _Deadline

    def _new_conn(self) -> socket.socket:
        return _open(self, encrypted=False)


class _GuardedHTTPSConnection(urllib3.connection.HTTPSConnection):
    """HTTP over TLS; the certificate is checked against the name, whatever address it led to."""

    deadline: _Deadline

    def _new_conn(self) -> socket.socket:
        return _open(self, encrypted=True)


def _open(connection: _GuardedHTTPConnection | _GuardedHTTPSConnection, *, encrypted: bool) -> socket.socket:
    try:
        return _connect(
            connection.host.strip("[]"), connection.port or 0, connection.deadline, encrypted=encrypted
        )
    except TimeoutError as error:
        raise urllib3.exceptions.ConnectTimeoutError(connection, "timed out") from error
    except OSError as error:
        raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error


class _GuardedAdapter(requests.adapters.HTTPAdapter):
    """Gives ``requests`` connections of ours, reads within the limit, and never tries again."""

    def __init__(self, deadline: _Deadline, maximum_bytes: int) -> None:
        self._deadline = deadline
        self._maximum_bytes = maximum_bytes
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        """Make the pools of connections that know the deadline."""
        manager = urllib3.poolmanager.PoolManager(
            num_pools=connections, maxsize=maxsize, block=block, **options
        )
        http = type("_HTTP", (_GuardedHTTPConnection,), {"deadline": self._deadline})
        https = type("_HTTPS", (_GuardedHTTPSConnection,), {"deadline": self._deadline})
        manager.pool_classes_by_scheme = {
            "http": type("_Pool", (urllib3.connectionpool.HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("_SPool", (urllib3.connectionpool.HTTPSConnectionPool,), {"ConnectionCls": https}),
        }
        self.poolmanager = manager

    def send(self, request: requests.PreparedRequest, *_arguments: Any, **options: Any) -> requests.Response:
        """Send a request; the answer is read here, so that the deadline and the limit hold for it too."""
        options |= {"timeout": self._deadline.seconds, "stream": True, "proxies": None}
        try:
            response = super().send(request, **options)
            response._content = self._read(response)  # noqa: SLF001  # Where requests keeps what was read.
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if self._deadline.is_over:
                raise requests.Timeout("The time is up.", request=request) from error
            if isinstance(error, requests.RequestException):
                raise
            raise requests.ConnectionError(error, request=request) from error
        if self._deadline.is_over:
            # Ended in the middle: what was read may be a part that looks whole.
            raise requests.Timeout("The time is up.", request=request)
        return response

    def _read(self, response: requests.Response) -> bytes:
        chunks, length = [], 0
        for chunk in response.iter_content(_CHUNK_BYTES):
            length += len(chunk)
            if length > self._maximum_bytes:
                response.close()
                raise _TooLarge(f"The answer is longer than {self._maximum_bytes} bytes.")
            chunks.append(chunk)
        return b"".join(chunks)


def as_outbound_error(error: requests.RequestException) -> OutboundError:
    """Say in plain English why a request under :func:`guarded_session` brought no answer."""
    host = _host_of(error.request.url or "") if error.request is not None else "The server"
    for cause in _causes(error):
        if isinstance(cause, _AddressRefused):
            return OutboundError(OutboundFailure.ADDRESS_REFUSED, str(cause))
        if isinstance(cause, _NameUnknown):
            return OutboundError(OutboundFailure.NAME_UNKNOWN, str(cause))
    match error:
        case _TooLarge():
            return OutboundError(OutboundFailure.TOO_LARGE, str(error))
        case requests.TooManyRedirects():
            return OutboundError(OutboundFailure.REDIRECTED, f"{host} answered with a redirect.")
        case requests.Timeout():
            return OutboundError(OutboundFailure.TIMED_OUT, f"{host} did not answer in time.")
        case requests.exceptions.SSLError():
            return OutboundError(
                OutboundFailure.TLS_FAILED, f"The certificate of {host} is not trusted, or TLS failed."
            )
        case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
            return OutboundError(OutboundFailure.INVALID_URL, "This is not a URL that can be fetched.")
        case _:
            return OutboundError(OutboundFailure.UNREACHABLE, f"{host} could not be reached.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk through what an error was raised from, and what urllib3 and requests carry inside theirs."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        present = waiting.pop()
        if id(present) in seen:
            continue
        seen.add(id(present))
        yield present
        inner = (present.__cause__, present.__context__, getattr(present, "reason", None), *present.args)
        waiting.extend(item for item in inner if isinstance(item, BaseException))


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or "The server"
