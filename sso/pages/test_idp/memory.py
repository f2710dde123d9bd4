"""What the browser remembers for the test identity provider: the request on its way, people, and sign-ins.

All of it is signed, so that nobody can have a page here answer what was never asked.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from environments.models import Environment
from sso.test_idp.identity import PATH
from sso.test_idp.oidc import AskedAuthorization
from sso.test_idp.people import Person
from sso.test_idp.saml_messages import AskedSignIn

Asked = AskedSignIn | AskedAuthorization

_REQUEST_SECONDS = int(timedelta(hours=1).total_seconds())
_COOKIE_SECONDS = int(timedelta(days=365).total_seconds())
_MOST_PEOPLE = 5
_MOST_SIGN_INS = 5
# What browsers keep of a cookie is 4096 bytes; who does not fit is forgotten.
_LONGEST_COOKIE = 3800
_PEOPLE, _SIGN_INS = "gatehouse_test_idp_people", "gatehouse_test_idp_sign_ins"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where a person of this browser is signed in, as far as SAML can end it."""

    connection_id: str
    name_id: str
    session_index: str
    email: str


def write_request(environment: Environment, asked: Asked) -> str:
    """Return a request as it travels in an address."""
    kind = "saml" if isinstance(asked, AskedSignIn) else "oidc"
    return signing.dumps({"kind": kind, **asdict(asked)}, salt=_salt(environment), compress=True)


def read_request(environment: Environment, text: str) -> Asked | None:
    """Return the request, or None if it is too old or was not written here."""
    try:
        fields = signing.loads(text, salt=_salt(environment), max_age=_REQUEST_SECONDS)
    except signing.BadSignature:
        return None
    kind = fields.pop("kind")
    return AskedSignIn(**fields) if kind == "saml" else AskedAuthorization(**fields)


def people(request: HttpRequest, environment: Environment) -> list[Person]:
    """Return who signed in last from this browser, the newest first."""
    return [Person.from_json(fields) for fields in _read(request, environment, _PEOPLE)]


def remember_person(
    request: HttpRequest, response: HttpResponseBase, environment: Environment, person: Person
) -> None:
    """Put a person before the others."""
    others = [other for other in people(request, environment) if other.subject != person.subject]
    rows = [other.as_json() for other in [person, *others][:_MOST_PEOPLE]]
    _write(response, environment, _PEOPLE, rows)


def sign_ins(request: HttpRequest, environment: Environment) -> list[SignIn]:
    """Return where this browser is signed in."""
    return [SignIn(**fields) for fields in _read(request, environment, _SIGN_INS)]


def write_sign_ins(response: HttpResponseBase, environment: Environment, rows: Sequence[SignIn]) -> None:
    """Keep where this browser is signed in."""
    _write(response, environment, _SIGN_INS, [asdict(row) for row in rows[:_MOST_SIGN_INS]])


def _read(request: HttpRequest, environment: Environment, name: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = signing.loads(
            request.COOKIES.get(name, ""), salt=f"{_salt(environment)}.{name}", max_age=_COOKIE_SECONDS
        )
    except signing.BadSignature:
        return []
    return rows


def _write(
    response: HttpResponseBase, environment: Environment, name: str, rows: list[dict[str, Any]]
) -> None:
    def signed() -> str:
        return signing.dumps(rows, salt=f"{_salt(environment)}.{name}", compress=True)

    while rows and len(signed()) > _LONGEST_COOKIE:
        rows = rows[:-1]
    response.set_cookie(
        name,
        signed(),
        max_age=_COOKIE_SECONDS,
        path=f"{PATH}{environment.client_id}",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _salt(environment: Environment) -> str:
    return f"sso.test_idp.{environment.pk}"
