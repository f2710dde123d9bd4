"""Identity providers by others, as browsers meet them: pysaml2's in a thread here, samlify's in a process of node.

Each reads our request with its signature, asks on a page of its own who is there, and answers by a form.
"""

import gc
import html
import json
import shutil
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT, SAMLError, xmldsig
from saml2.authn_context import PASSWORDPROTECTEDTRANSPORT
from saml2.config import IdPConfig
from saml2.metadata import create_metadata_string
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.samlp import STATUS_AUTHN_FAILED
from saml2.sigver import get_pem_wrapped_unwrapped, make_temp, pre_encryption_part

from tests.live import ROOT, free_port
from tests.sso.saml.identity_provider import key_pair

with warnings.catch_warnings():
    # It names a cipher mode that cryptography is about to move.
    warnings.simplefilter("ignore")
    from saml2.server import Server

__all__ = ["GCMServer", "Server", "pysaml2_configuration", "run_pysaml2", "run_samlify"]

# The one person whom they know, and what they say of her.
USER_NAME = "ada"
PASSWORD = "a password at the identity provider"
NAME_ID = "ada-1"
ATTRIBUTES = {"email": ["ada@example.com"], "givenName": ["Ada"], "surname": ["Lovelace"]}

_START_SECONDS = 60


class GCMServer(Server):  # type: ignore[misc]  # The library has no types.
    """Encrypts by AES-256-GCM, where the library knows triple DES alone."""

    def _encrypt_assertion(
        self, encrypt_cert: Any, sp_entity_id: str, response: Any, node_xpath: Any = None
    ) -> Any:
        certificate = self.metadata.certs(sp_entity_id, "any", "encryption")[0][1]
        wrapped, unwrapped = get_pem_wrapped_unwrapped(certificate)
        file = make_temp(wrapped.encode(), decode=False, delete_tmpfiles=True)
        template = pre_encryption_part(
            msg_enc="http://www.w3.org/2009/xmlenc11#aes256-gcm", encrypt_cert=unwrapped
        )
        return self.sec.crypto.encrypt_assertion(
            response, file.name, template, key_type="aes-256", node_xpath=node_xpath
        )


def pysaml2_configuration(
    folder: Path,
    *sp_metadata: str,
    base: str = "https://pysaml2.example.com",
    bindings: tuple[str, ...] = (BINDING_HTTP_REDIRECT, BINDING_HTTP_POST),
) -> IdPConfig:
    """Return what makes a provider that wants signed requests and knows service providers by their metadata."""
    private_key_pem, certificate_pem = key_pair("pysaml2.example.com")
    (folder / "key.pem").write_text(private_key_pem)
    (folder / "certificate.pem").write_text(certificate_pem)
    configuration = IdPConfig()
    configuration.load(
        {
            "entityid": f"{base}/metadata",
            "service": {
                "idp": {
                    "endpoints": {
                        "single_sign_on_service": [(f"{base}/sso", binding) for binding in bindings]
                    },
                    "want_authn_requests_signed": True,
                    "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                }
            },
            "key_file": str(folder / "key.pem"),
            "cert_file": str(folder / "certificate.pem"),
            "metadata": {"inline": list(sp_metadata)},
            "delete_tmpfiles": True,
        }
    )
    return configuration


@dataclass
class _Pysaml2Provider:
    """A provider that answers one service provider, whose metadata it fetches at the first request."""

    folder: Path
    base: str
    sp_metadata_url: str
    bindings: tuple[str, ...]
    encrypts: bool
    waiting: dict[str, tuple[Any, str]] = field(default_factory=dict)
    _server: Any = None

    @property
    def server(self) -> Any:
        if self._server is None:
            described = httpx.get(self.sp_metadata_url).raise_for_status().text
            self._server = GCMServer(config=self._configuration(described))
        return self._server

    def metadata(self) -> str:
        written: bytes | str = create_metadata_string(None, config=self._configuration())
        return written if isinstance(written, str) else written.decode()

    def ask(self, message: dict[str, str], binding: str) -> str:
        """Read an authentication request; return the page that asks who is there."""
        by_redirect = binding == BINDING_HTTP_REDIRECT
        signed = {"sigalg": message.get("SigAlg"), "signature": message.get("Signature")}
        request = self.server.parse_authn_request(
            message["SAMLRequest"],
            binding,
            **({"relay_state": message.get("RelayState"), **signed} if by_redirect else {}),
        ).message
        self.waiting[request.id] = (self.server.response_args(request), message.get("RelayState", ""))
        return asking_page("pysaml2", request.id)

    def answer(self, form: dict[str, str]) -> str:
        """Return the page that carries the answer back."""
        where, relay_state = self.waiting[form["request"]]
        if "cancel" in form:
            response = self.server.create_error_response(
                where["in_response_to"],
                where["destination"],
                info=(STATUS_AUTHN_FAILED, "The person turned back."),
                sign=True,
                sign_alg=xmldsig.SIG_RSA_SHA256,
                digest_alg=xmldsig.DIGEST_SHA256,
            )
        elif (form["user"], form["password"]) != (USER_NAME, PASSWORD):
            return asking_page("pysaml2", form["request"], "This is not your password.")
        else:
            response = self.server.create_authn_response(
                ATTRIBUTES,
                userid=USER_NAME,
                name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=NAME_ID),
                authn={"class_ref": PASSWORDPROTECTEDTRANSPORT, "authn_auth": f"{self.base}/metadata"},
                sign_alg=xmldsig.SIG_RSA_SHA256,
                digest_alg=xmldsig.DIGEST_SHA256,
                sign_assertion=True,
                sign_response=True,
                encrypt_assertion=self.encrypts,
                **where,
            )
        posted = self.server.apply_binding(
            BINDING_HTTP_POST, str(response), where["destination"], relay_state, response=True
        )
        return str(posted["data"])

    def _configuration(self, *sp_metadata: str) -> IdPConfig:
        return pysaml2_configuration(self.folder, *sp_metadata, base=self.base, bindings=self.bindings)


def asking_page(name: str, handle: str, complaint: str = "") -> str:
    """Return a page that asks for a user name and a password."""
    return (
        f"<!doctype html><html lang=en><title>{name}</title><h1>{name} asks who is there</h1><p>{complaint}</p>"
        f'<form method=post action=/login><input type=hidden name=request value="{html.escape(handle)}">'
        "<label>User name <input name=user></label><label>Password <input type=password name=password></label>"
        "<button>Log in</button><button name=cancel value=1>Turn back</button></form>"
    )


@contextmanager
def run_pysaml2(folder: Path, sp_metadata_url: str, *, by_post: bool, encrypts: bool) -> Iterator[str]:
    """Run a provider of pysaml2; yield the address under which its pages are."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/metadata":
                self._send(provider.metadata(), "application/samlmetadata+xml")
            elif parts.path == "/sso":
                self._read(dict(parse_qsl(parts.query)), BINDING_HTTP_REDIRECT)
            else:
                self._send("There is nothing here.", status=404)

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            if self.path == "/login":
                self._send(provider.answer(form))
            else:
                self._read(form, BINDING_HTTP_POST)

        def _read(self, message: dict[str, str], binding: str) -> None:
            try:
                self._send(provider.ask(message, binding))
            except SAMLError as error:
                self._send(f"The request is refused: {error!r}", status=400)

        def _send(self, text: str, kind: str = "text/html; charset=utf-8", status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = _Pysaml2Provider(
        folder=folder,
        base=f"http://127.0.0.1:{listener.server_port}",
        sp_metadata_url=sp_metadata_url,
        bindings=(BINDING_HTTP_POST,) if by_post else (BINDING_HTTP_REDIRECT,),
        encrypts=encrypts,
    )
    thread = threading.Thread(target=listener.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider.base
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(10)
        # pysaml2 leaves a temporary file open where a signature is wrong: this test hears of it, and no other one.
        gc.collect()


@contextmanager
def run_samlify(_folder: Path, sp_metadata_url: str, *, by_post: bool, encrypts: bool) -> Iterator[str]:
    """Run a provider of samlify; yield the address under which its pages are."""
    private_key_pem, certificate_pem = key_pair("samlify.example.com")
    base = f"http://127.0.0.1:{(port := free_port())}"
    told = {
        "port": port,
        "key": private_key_pem,
        "certificate": certificate_pem,
        "entityId": f"{base}/metadata",
        "ssoUrl": f"{base}/sso",
        "spMetadataUrl": sp_metadata_url,
        "byPost": by_post,
        "encrypts": encrypts,
        "user": USER_NAME,
        "password": PASSWORD,
        "page": asking_page("samlify", "{request}", "{complaint}"),
    }
    process = subprocess.Popen(
        [shutil.which("node") or "node", "tests/node/saml_provider.cjs", json.dumps(told)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        lines = iter(process.stdout.readline, "")
        assert any(line.strip() == "ready" for line in lines), "the provider did not start"
        try:
            yield base
        finally:
            process.terminate()
            process.wait(_START_SECONDS)
