"""Requests to addresses that somebody else chose, against real servers on this machine."""

import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from foundation.outbound import OutboundError, OutboundFailure, fetch, guarded_session, is_public

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def serving(
    answer: Callable[[socket.socket], object], context: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Answer every connection by ``answer`` until the block ends; yields the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with closing(connection):
                    try:
                        spoken = context.wrap_socket(connection, server_side=True) if context else connection
                        with closing(spoken):
                            spoken.recv(65536)
                            answer(spoken)
                    except OSError:
                        continue

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=5)


def says(payload: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(payload)


def failure_of(url: str, **options: Any) -> OutboundFailure:
    with pytest.raises(OutboundError) as caught:
        fetch("GET", url, **options)
    assert str(caught.value)
    return caught.value.failure


@pytest.fixture
def closed_networks(settings):
    settings.OUTBOUND_NETWORKS = ()


def test_an_answer_is_read_whole():
    with serving(says(b'HTTP/1.1 404 No\r\nContent-Length: 8\r\nX-Thing: a\r\n\r\n{"a": 1}')) as port:
        answer = fetch("GET", f"http://127.0.0.1:{port}/")
    assert (answer.status, answer.headers["x-thing"], answer.json()) == (404, "a", {"a": 1})


def test_a_form_is_sent_in_the_body():
    seen: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(OK)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def once() -> None:
            connection, _ = listener.accept()
            with closing(connection):
                data = b""
                while b"code=a%26b" not in data:
                    data += connection.recv(65536)
                seen.append(data)
                answer(connection)

        thread = threading.Thread(target=once, daemon=True)
        thread.start()
        fetch("POST", f"http://127.0.0.1:{listener.getsockname()[1]}/t", form={"code": "a&b"})
        thread.join(timeout=5)
    assert b"content-type: application/x-www-form-urlencoded" in seen[0].lower()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//example.com",
        "https://",
        "https://user:pass@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: x",
        "https://[::1",
        "https://example.com/" + "a" * 5_000,
    ],
)
def test_what_is_no_address_of_a_server_is_refused(url):
    assert failure_of(url) is OutboundFailure.INVALID_URL


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
@pytest.mark.usefixtures("closed_networks")
def test_addresses_inside_are_refused(host):
    assert failure_of(f"https://{host}:1/") is OutboundFailure.ADDRESS_REFUSED


@pytest.mark.usefixtures("closed_networks")
def test_a_named_network_alone_is_opened(settings):
    settings.OUTBOUND_NETWORKS = ("127.0.0.1/32",)
    with serving(says(OK)) as port:
        assert fetch("GET", f"http://127.0.0.1:{port}/").body == b"ok"
        assert failure_of(f"http://127.0.0.2:{port}/") is OutboundFailure.ADDRESS_REFUSED


def test_cloud_metadata_is_refused_even_where_private_networks_are_open():
    assert failure_of("http://169.254.169.254/latest/meta-data") is OutboundFailure.ADDRESS_REFUSED


@pytest.mark.usefixtures("closed_networks")
def test_a_public_address_is_not_called_without_tls(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answers_of("93.184.216.34"))
    assert failure_of("http://example.com/") is OutboundFailure.ADDRESS_REFUSED


@pytest.mark.usefixtures("closed_networks")
def test_one_private_address_among_public_ones_refuses_the_name(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answers_of("93.184.216.34", "127.0.0.1"))
    assert failure_of("https://rebind.example/") is OutboundFailure.ADDRESS_REFUSED


@pytest.mark.usefixtures("closed_networks")
def test_a_name_that_changes_between_two_lookups_is_held_to_the_address_that_is_connected_to(monkeypatch):
    """DNS rebinding: public when it is first asked for, inside from then on."""
    lookups: list[str] = []

    def rebinding(host, port, *rest, **options):
        lookups.append(host)
        return answers_of("93.184.216.34" if len(lookups) == 1 else "127.0.0.1")(host, port)

    connected: list[tuple[str, int]] = []

    def refuse_to_connect(_self, target):
        connected.append(target)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket.socket, "connect", refuse_to_connect)
    assert failure_of("https://rebind.example/") is OutboundFailure.UNREACHABLE
    assert failure_of("https://rebind.example/") is OutboundFailure.ADDRESS_REFUSED
    assert [target[0] for target in connected] == ["93.184.216.34"]
    assert len(lookups) == 2, "a second look-up for one request would be a second chance to lie"


def answers_of(*addresses: str):
    def found(_host, port, *_rest, **_options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return found


def test_redirects_are_not_followed():
    with (
        serving(says(OK)) as secret,
        serving(
            says(
                f"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:{secret}/\r\nContent-Length: 0\r\n\r\n".encode()
            )
        ) as port,
    ):
        assert failure_of(f"http://127.0.0.1:{port}/") is OutboundFailure.REDIRECTED


def test_a_proxy_of_the_process_is_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with serving(says(OK)) as port:
        assert fetch("GET", f"http://127.0.0.1:{port}/").status == 200


def test_a_long_answer_is_cut_off():
    with serving(says(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000)) as port:
        assert failure_of(f"http://127.0.0.1:{port}/", maximum_bytes=4_999) is OutboundFailure.TOO_LARGE
        assert len(fetch("GET", f"http://127.0.0.1:{port}/", maximum_bytes=5_000).body) == 5_000


def test_a_compressed_bomb_is_cut_off():
    bomb = gzip.compress(b"\0" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    with serving(says(head + bomb)) as port:
        assert failure_of(f"http://127.0.0.1:{port}/") is OutboundFailure.TOO_LARGE


@pytest.mark.parametrize("part", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_slow_drip_ends_at_the_deadline(part):
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(part)
        while not stop.wait(0.05):
            connection.sendall(b"X: y\r\n")

    with serving(drip) as port:
        assert failure_of(f"http://127.0.0.1:{port}/", timeout_seconds=0.4) is OutboundFailure.TIMED_OUT
        stop.set()


def test_silence_ends_at_the_deadline():
    stop = threading.Event()
    with serving(lambda _connection: stop.wait(5)) as port:
        assert failure_of(f"http://127.0.0.1:{port}/", timeout_seconds=0.3) is OutboundFailure.TIMED_OUT
        stop.set()


def test_nobody_there_and_no_such_name():
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert failure_of(f"http://127.0.0.1:{port}/") is OutboundFailure.UNREACHABLE
    assert failure_of("https://no-such-name.invalid/") is OutboundFailure.NAME_UNKNOWN


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost, by nobody's authority; returns the file with the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_of_nobody_is_refused(tls):
    with serving(says(OK), tls) as port:
        assert failure_of(f"https://localhost:{port}/") is OutboundFailure.TLS_FAILED


def test_the_certificate_is_held_against_the_name(tls, certificate, monkeypatch):
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    with serving(says(OK), tls) as port, guarded_session() as session:
        session.verify = str(certificate)
        assert session.get(f"https://localhost:{port}/").text == "ok"
        with pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://127.0.0.1:{port}/")


def test_the_deadline_holds_within_tls(tls, certificate):
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.05):
            connection.sendall(b"X: y\r\n")

    with serving(drip, tls) as port, guarded_session(timeout_seconds=0.5) as session:
        session.verify = str(certificate)
        with pytest.raises(requests.Timeout):
            session.get(f"https://localhost:{port}/")
        stop.set()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("64:ff9b::a00:1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("ff0e::1", False),
    ],
)
def test_which_addresses_are_public(address, expected):
    assert is_public(ipaddress.ip_address(address)) is expected


def test_our_name_is_sent_and_no_cookie_is_kept():
    seen: list[bytes] = []

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def twice() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with closing(connection):
                    seen.append(connection.recv(65536))
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                    )

        thread = threading.Thread(target=twice, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        fetch("GET", url)
        fetch("GET", url)
        thread.join(timeout=5)
    assert b"user-agent: gatehouse" in seen[0].lower()
    assert b"a=b" not in seen[1]
