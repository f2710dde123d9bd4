"""What a whole sign-in by SAML costs, request by request, and what ten thousand of them leave in memory.

Every request goes through the whole of Django, without a server in front: authorize, departure, the answer at the ACS,
``/sso/token``. Each row of the trail is written, each assertion is remembered.
"""

import base64
import gc
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from wsgiref.util import setup_testing_defaults

from celery import current_app
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection
from lxml import etree

from authorization.services import provision_environment
from bench.saml import timed, xmlsec_alone
from environments.services import create_api_key
from foundation.actors import SYSTEM
from foundation.encryption import token_digest
from organizations.models import DomainState
from organizations.services import DomainClaim, create_organization
from sso import services
from tests.sso.saml.identity_provider import Forge, post

CALLBACK = "http://localhost:3000/callback"
STEPS = ("GET /sso/authorize", "GET /sso/start", "POST ACS", "POST /sso/token")


def main(count: int = 10_000) -> None:
    """Print the cost of each step, and the growth over ``count`` sign-ins; called by ``manage.py shell``."""
    call_command("migrate", verbosity=0, interactive=False)
    journey = Journey()
    # SQLite keeps 20 MB of pages, which a few thousand trails fill.
    for _ in range(max(count // 4, 50)):
        journey.sign_in()
    journey.times.clear()
    sizes = [own_megabytes()]
    for _ in range(2):
        for _ in range(count // 2):
            journey.sign_in()
        sizes.append(own_megabytes())
    signature = timed(xmlsec_alone(journey.idp, journey.sp), 500)
    digest = timed(lambda: token_digest("a code of forty-three characters, as they are"), 500)
    print(f"\n{'':28}{'queries':>9}{'cpu ms':>9}{'of xmlsec alone':>18}{'of one SHA-256':>18}")
    print(f"{'xmlsec, one signature':28}{'':9}{signature:9.2f}{1:18.1f}")
    print(f"{'SHA-256, one code':28}{'':9}{digest:9.4f}{'':18}{1:18.0f}")
    for name in STEPS:
        cost = 1000 * median(journey.times[name])
        queries = journey.queries[name]
        print(f"{name:28}{queries:9}{cost:9.2f}{cost / signature:18.1f}{cost / digest:18.0f}")
    first, second = sizes[1] - sizes[0], sizes[2] - sizes[1]
    print(
        f"SSO: of {count:,} whole sign-ins after the warm-up, the first half left {first:.1f} MB more in memory, the "
        f"second half {second:.1f} MB; the process holds {sizes[2]:.0f} MB."
    )


def own_megabytes() -> float:
    """Return what the process holds besides mapped files: the database is mapped, and grows."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    (anonymous,) = [line for line in lines if line.startswith("RssAnon:")]
    return int(anonymous.split()[1]) / 1024


@dataclass
class Journey:
    """One company whose people sign in again and again."""

    application: Any = field(default_factory=get_wsgi_application)
    idp: Forge = field(default_factory=lambda: Forge(name="idp.bench.test"))
    times: dict[str, list[float]] = field(default_factory=dict)
    queries: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = provision_environment(name="Bench", kind="sandbox")
        self.api_key = create_api_key(environment=self.environment, name="Bench").secret
        organization = create_organization(
            environment=self.environment,
            actor=SYSTEM,
            name="Company",
            domains=[DomainClaim("example.com", DomainState.VERIFIED)],
        )
        made = services.create_connection(
            environment=self.environment,
            actor=SYSTEM,
            connection_type="GenericSAML",
            organization=organization,
            changes={
                "saml": {
                    "idp_entity_id": self.idp.entity_id,
                    "idp_sso_url": self.idp.sso_url,
                    "idp_certificates": [self.idp.certificate_pem],
                }
            },
        )
        self.connection_id = made.pk
        self.sp = services.service_provider_of(made)

    def sign_in(self) -> None:
        """Go to the identity provider and back, in a browser of its own, and fetch the profile."""
        asked = {
            "client_id": self.environment.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "connection": self.connection_id,
        }
        browser = Browser(self)
        authorized = browser.request(STEPS[0], f"/sso/authorize?{urlencode(asked)}")
        left = browser.request(STEPS[1], _local(authorized.location))
        sent = parse_qs(urlsplit(left.location).query)
        request = etree.fromstring(zlib.decompress(base64.b64decode(sent["SAMLRequest"][0]), -15))
        answer = {
            "SAMLResponse": post(self.idp.response(self.sp, str(request.get("ID")))),
            "RelayState": sent["RelayState"][0],
        }
        back = browser.request(STEPS[2], f"/sso/saml/{self.connection_id}/acs", answer)
        exchange = {
            "client_id": self.environment.client_id,
            "client_secret": self.api_key,
            "grant_type": "authorization_code",
            "code": parse_qs(urlsplit(back.location).query)["code"][0],
        }
        done = browser.request(STEPS[3], "/sso/token", exchange)
        if done.status != 200 or json.loads(done.body)["profile"]["email"] != "ada@example.com":
            message = f"POST /sso/token: {done.status} {done.body!r}"
            raise RuntimeError(message)
        # What the worker takes away, which beside this process there is none of.
        current_app.control.purge()


@dataclass
class Answer:
    """What came of a request."""

    status: int = 0
    location: str = ""
    body: bytes = b""


@dataclass
class Browser:
    """Calls the WSGI application. Django's own client connects signals anew at each request, which adds up."""

    journey: Journey
    cookies: dict[str, str] = field(default_factory=dict)

    def request(self, step: str, url: str, form: dict[str, str] | None = None) -> Answer:
        path, _, query = url.partition("?")
        octets = urlencode(form or {}).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": step.partition(" ")[0],
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_HOST": "localhost:8000",
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "REMOTE_ADDR": "203.0.113.7",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(octets)),
            "wsgi.input": BytesIO(octets),
        }
        setup_testing_defaults(environ)
        answer, queries = Answer(), 0

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            answer.status = int(status.split(maxsplit=1)[0])
            for name, value in headers:
                if name == "Location":
                    answer.location = value
                elif name == "Set-Cookie":
                    cookie, _, content = value.partition(";")[0].partition("=")
                    self.cookies[cookie] = content

        def count(execute: Callable[..., Any], *rest: Any) -> Any:
            nonlocal queries
            queries += 1
            return execute(*rest)

        started = process_time()
        with connection.execute_wrapper(count):
            response = self.journey.application(environ, start)
            answer.body = b"".join(response)
            response.close()
        self.journey.times.setdefault(step, []).append(process_time() - started)
        self.journey.queries[step] = queries
        return answer


def _local(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
