"""What each grant and each page of signing in costs: queries, milliseconds, and the share of hash and signature.

Measured in one process without a server in front, so that the figures say where the time of a request goes. What a
step needs first (a code, a pending sign-in) is made outside of the time that counts.
"""

import html
import re
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

import argon2
import jwt
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.models import EmailVerification, MagicAuth, User
from accounts.services import create_user, enroll_totp_factor
from authorization.services import provision_environment
from environments.services import create_api_key
from foundation.actors import SYSTEM
from foundation.ids import new_secret
from organizations.services import create_membership, create_organization
from tests.authenticator import code_of

PASSWORD = "correct horse battery staple 42"
CALLBACK = "http://localhost:3000/callback"
GRANT = "urn:workos:oauth:grant-type:"
CSRF_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
FINISHED = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')


@dataclass
class Cost:
    """What the repetitions of one step took."""

    seconds: list[float] = field(default_factory=list)
    hash_seconds: list[float] = field(default_factory=list)
    signature_seconds: list[float] = field(default_factory=list)
    queries: int = 0

    def line(self, name: str) -> str:
        whole = statistics.median(self.seconds)
        hashed, signed = statistics.median(self.hash_seconds), statistics.median(self.signature_seconds)
        shares = f"{hashed / whole:>8.0%}{signed / whole:>11.0%}"
        rest = 1000 * (whole - hashed - signed)
        return f"{name:44}{self.queries:>8}{1000 * whole:>9.2f}{rest:>9.2f}{shares}"


class Meter:
    """Measures steps; counts their queries, and the time in password hashes and signatures."""

    def __init__(self) -> None:
        self.costs: dict[str, Cost] = {}
        self._hashing = self._signing = 0.0
        argon2.PasswordHasher.verify = self._timed("_hashing", argon2.PasswordHasher.verify)  # type: ignore[method-assign]
        argon2.PasswordHasher.hash = self._timed("_hashing", argon2.PasswordHasher.hash)  # type: ignore[method-assign]
        jwt.encode = self._timed("_signing", jwt.encode)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure what happens inside as one repetition of a step."""
        cost = self.costs.setdefault(name, Cost())
        self._hashing = self._signing = 0.0
        queries = 0

        def count(execute: Callable[..., Any], *arguments: Any) -> Any:
            nonlocal queries
            queries += 1
            return execute(*arguments)

        with connection.execute_wrapper(count):
            started = perf_counter()
            yield
            cost.seconds.append(perf_counter() - started)
        cost.hash_seconds.append(self._hashing)
        cost.signature_seconds.append(self._signing)
        # The first repetition fills caches; from then on the number stays.
        cost.queries = queries

    def _timed(self, account: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            started = perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                setattr(self, account, getattr(self, account) + perf_counter() - started)

        return timed


class World:
    """An environment with people in it, and the two clients that are measured."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        # A handler loads its middleware once: at the first request, which is none of the measured ones.
        self.http = Client()
        self.http.get("/healthz", SERVER_NAME="localhost")
        self.environment = provision_environment(name="Bench", kind="sandbox")
        self.api_key = create_api_key(environment=self.environment, name="Bench").secret
        self.organizations = [
            create_organization(environment=self.environment, actor=SYSTEM, name=name)
            for name in ("One", "Two")
        ]
        self.member = self._person("member", organizations=1)
        self.plain = self._person("plain")
        self.chooser = self._person("chooser", organizations=2)
        self.careful = self._person("careful")
        enrollment = enroll_totp_factor(environment=self.environment, user=self.careful)
        self.factor = enrollment.factor

    def _person(self, name: str, *, organizations: int = 0) -> User:
        user = create_user(
            environment=self.environment,
            actor=SYSTEM,
            email=f"{name}@bench.test",
            password=PASSWORD,
            email_verified=True,
        )
        for organization in self.organizations[:organizations]:
            create_membership(
                environment=self.environment, actor=SYSTEM, user=user, organization=organization
            )
        return user

    def post(self, path: str, **body: Any) -> Any:
        """Call the API with the key; return the status and the answer."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        answer = self.http.post(path, body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()

    def authenticate(self, step: str, expected: int, **fields: Any) -> Any:
        """Ask for tokens, measured; return the answer."""
        body = {"client_id": self.environment.client_id, "client_secret": self.api_key, **fields}
        with self.meter.step(step):
            answer = self.http.post("/user_management/authenticate", body, content_type="application/json")
        if answer.status_code != expected:
            message = f"{step}: {answer.status_code} {answer.content!r}"
            raise RuntimeError(message)
        return answer.json()


def measure_grants(world: World) -> None:
    """Go once through every grant."""
    password = {"grant_type": "password", "password": PASSWORD}
    signed_in = world.authenticate("grant password", 200, email=world.plain.email, **password)
    world.authenticate("grant password, a member", 200, email=world.member.email, **password)
    world.authenticate(
        "grant password, wrong", 400, email=world.plain.email, grant_type="password", password="x"
    )
    world.authenticate(
        "grant refresh_token", 200, grant_type="refresh_token", refresh_token=signed_in["refresh_token"]
    )
    with world.meter.step("POST /user_management/magic_auth"):
        _status, made = world.post("/user_management/magic_auth", email=world.plain.email)
    world.authenticate(
        "grant magic-auth", 200, grant_type=GRANT + "magic-auth:code", email=made["email"], code=made["code"]
    )
    waiting = world.authenticate(
        "grant password, two organizations", 403, email=world.chooser.email, **password
    )
    world.authenticate(
        "grant organization-selection",
        200,
        grant_type=GRANT + "organization-selection",
        pending_authentication_token=waiting["pending_authentication_token"],
        organization_id=world.organizations[0].id,
    )
    measure_email_verification(world, password)
    measure_second_factor(world, password)


def measure_email_verification(world: World, password: dict[str, str]) -> None:
    """Verify a mailbox in the middle of a sign-in."""
    email = f"{new_secret(10).lower()}@bench.test"
    world.post("/user_management/users", email=email, password=PASSWORD)
    waiting = world.authenticate("grant password, mailbox unproven", 403, email=email, **password)
    verification = EmailVerification.objects.in_environment(world.environment).get(
        id=waiting["email_verification_id"]
    )
    world.authenticate(
        "grant email-verification",
        200,
        grant_type=GRANT + "email-verification:code",
        code=verification.code,
        pending_authentication_token=waiting["pending_authentication_token"],
    )


def measure_second_factor(world: World, password: dict[str, str]) -> None:
    """Answer a challenge of an authenticator app."""
    # A code counts once: the step that was used last time is forgotten, so that no half minute has to pass.
    world.factor.last_time_step = None
    world.factor.save(update_fields=["last_time_step"])
    waiting = world.authenticate(
        "grant password, authenticator app", 403, email=world.careful.email, **password
    )
    _status, challenge = world.post(f"/auth/factors/{world.factor.id}/challenge")
    world.authenticate(
        "grant mfa-totp",
        200,
        grant_type=GRANT + "mfa-totp",
        code=code_of(world.factor.totp_secret or ""),
        authentication_challenge_id=challenge["id"],
        pending_authentication_token=waiting["pending_authentication_token"],
    )


def measure_pages(world: World) -> None:
    """Walk through the hosted pages, by password and by code, up to the tokens."""
    browser = Browser(world)
    browser.get("GET /user_management/authorize", browser.authorize_url())
    browser.get("GET /sign-in")
    browser.post("POST /sign-in", email=world.plain.email)
    browser.get("GET /sign-in/password")
    browser.post("POST /sign-in/password", password=PASSWORD)
    browser.get("GET /sign-in/continue")
    browser.exchange("grant authorization_code")
    again = browser.authorize_url()
    browser.get("GET /user_management/authorize", again)
    browser.get("GET /sign-in, signed in already")
    other = Browser(world)
    other.get("GET /user_management/authorize", other.authorize_url(screen_hint="sign-up"))
    other.get("GET /sign-in, signing up")
    email = f"{new_secret(10).lower()}@bench.test"
    other.post("POST /sign-in, signing up", email=email)
    other.get("GET /sign-in/code")
    newest = MagicAuth.objects.in_environment(world.environment).filter(email=email).order_by("-id")
    other.post("POST /sign-in/code", code=newest[0].code)


class Browser:
    """A browser without JavaScript that does one step at a time."""

    def __init__(self, world: World) -> None:
        self.world, self.http = world, Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
        self.http.get("/healthz")
        self.url = self.text = ""

    def authorize_url(self, **parameters: str) -> str:
        query = {
            "client_id": self.world.environment.client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "provider": "authkit",
            **parameters,
        }
        return "/user_management/authorize?" + "&".join(f"{name}={value}" for name, value in query.items())

    def get(self, step: str, url: str = "") -> None:
        with self.world.meter.step(step):
            answer = self.http.get(url or self.url)
        self._take(step, answer, url or self.url)

    def post(self, step: str, **fields: str) -> None:
        token = CSRF_TOKEN.search(self.text)
        data = {"csrfmiddlewaretoken": token[1] if token else "", **fields}
        with self.world.meter.step(step):
            answer = self.http.post(self.url, data)
        self._take(step, answer, self.url)

    def exchange(self, step: str) -> None:
        found = FINISHED.search(self.text)
        target = html.unescape(found[1]) if found else ""
        code = parse_qs(urlsplit(target).query)["code"][0]
        self.world.authenticate(step, 200, grant_type="authorization_code", code=code)

    def _take(self, step: str, answer: Any, url: str) -> None:
        if answer.status_code >= 400:
            message = f"{step}: {answer.status_code} {answer.content[:500]!r}"
            raise RuntimeError(message)
        self.url = answer.headers.get("Location", url)
        self.text = answer.content.decode()


def main(repetitions: int) -> None:
    """Fill a fresh database, repeat every step, and print a line for each; called by ``manage.py shell``."""
    call_command("migrate", verbosity=0, interactive=False)
    meter = Meter()
    world = World(meter)
    for _ in range(repetitions):
        measure_grants(world)
        measure_pages(world)
    print(f"{'':44}{'queries':>8}{'ms':>9}{'rest ms':>9}{'of it hash':>8}{'signature':>11}")
    for name, cost in meter.costs.items():
        print(cost.line(name))
