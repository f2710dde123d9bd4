"""An OpenID provider in this process that does as it is told, a good one until a test makes it a bad one."""

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from foundation import clock

CLIENT_ID = "gatehouse-client"
CLIENT_SECRET = "a secret: with a colon"
REDIRECT_URI = "https://gatehouse.example/sso/oidc/conn_1/callback"


@cache
def rsa_key(name: str = "first") -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def curve_key(curve: str) -> ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    if curve == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return ec.generate_private_key(curves[curve])


def public_jwk(private_key: Any, **members: Any) -> dict[str, Any]:
    public = private_key.public_key()
    match private_key:
        case rsa.RSAPrivateKey():
            written = RSAAlgorithm.to_jwk(public, as_dict=True)
        case ec.EllipticCurvePrivateKey():
            written = ECAlgorithm.to_jwk(public, as_dict=True)
        case _:
            written = OKPAlgorithm.to_jwk(public, as_dict=True)
    return {**written, "use": "sig", **members}


def unsigned(claims: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    """Write a token without a signature, which no library lets one do by accident."""

    def part(content: Mapping[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(claims)}."


@dataclass
class Request:
    """What the provider was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: dict[str, str]
    query: dict[str, str]


Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class OIDCProvider:
    """The provider's state; tests change it."""

    base: str = ""
    issuer: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: {"sub": "person-1", "groups": ["Engineering"]})
    document: dict[str, Any] = field(default_factory=dict)
    token_answer: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signing_key: Any = None
    make_token: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    answers: dict[str, Answer | Callable[[Request], Answer]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def reset(self) -> None:
        """Become good again."""
        fresh = OIDCProvider(base=self.base, issuer=self.base)
        vars(self).update(vars(fresh))
        self.keys = [public_jwk(rsa_key(), kid="key-1", alg="RS256")]
        self.signing_key = rsa_key()
        self.header = {"kid": "key-1"}

    def asked_for(self, path: str) -> int:
        return sum(request.path == path for request in self.requests)

    def last(self, path: str) -> Request:
        return next(request for request in reversed(self.requests) if request.path == path)

    def id_token(self, nonce: str, **claims: Any) -> str:
        now = int(clock.now().timestamp())
        whole = {
            "iss": self.issuer,
            "sub": "person-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "email": "ada@acme.example",
            "email_verified": True,
            "given_name": "Ada",
            "family_name": "Lovelace",
            **claims,
            **self.claims,
        }
        whole = {name: value for name, value in whole.items() if value is not ...}
        if self.make_token is not None:
            return self.make_token(whole, self.header)
        return jwt.encode(whole, self.signing_key, algorithm=self.algorithm, headers=self.header)

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        request.path = request.path.removeprefix(urlsplit(self.issuer).path)
        told = self.answers.get(request.path)
        if callable(told):
            return told(request)
        if told is not None:
            return told
        match request.path:
            case "/.well-known/openid-configuration":
                return as_json(
                    {
                        "issuer": self.issuer,
                        "authorization_endpoint": f"{self.issuer}/authorize?tenant=acme",
                        "token_endpoint": f"{self.issuer}/token",
                        "userinfo_endpoint": f"{self.issuer}/userinfo",
                        "jwks_uri": f"{self.issuer}/jwks",
                        "end_session_endpoint": f"{self.issuer}/logout",
                        **self.document,
                    }
                )
            case "/jwks":
                return as_json({"keys": self.keys})
            case "/token":
                # The code carries the nonce: a provider remembers it with the code.
                token = {
                    "access_token": "access-1",
                    "token_type": "Bearer",
                    "expires_in": 3600,
                    "id_token": self.id_token(request.form.get("code", "")),
                    **self.token_answer,
                }
                return as_json({name: value for name, value in token.items() if value is not ...})
            case "/userinfo":
                return as_json(self.userinfo)
            case _:
                return as_json({"error": "not here"}, 404)


def as_json(content: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


@contextmanager
def run_provider() -> Iterator[OIDCProvider]:
    """Run a provider on a free port of the loopback address."""
    provider = OIDCProvider()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            self._answer(dict(parse_qsl(self.rfile.read(length).decode())))

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:
                return  # Clients hang up on answers that are too long.

        def _answer(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, parts.path, headers, form, query)
            status, sent, body = provider.answer(request)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **sent}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # The client had enough, which some tests are about.

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.base = f"http://127.0.0.1:{server.server_port}"
    provider.reset()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
