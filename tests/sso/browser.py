"""A browser that signs in by identity providers: it follows our redirects and keeps our cookies, and nobody else's."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from authentication.models import Session
from environments.models import Environment
from sso import services
from sso.models import Connection
from tests.api_client import ApiClient
from tests.sso.saml.identity_provider import Forge, one, post

CALLBACK = "http://localhost:3000/callback"


def query_of(url: str) -> dict[str, str]:
    return {
        name: values[-1] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()
    }


def local(url: str) -> str:
    """Return the part of an address of ours that Django's client takes."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


@dataclass
class SSOBrowser:
    """Opens ``/sso/authorize``, comes to an identity provider, and brings its answer back."""

    environment: Environment
    client: Client = field(default_factory=Client)

    def authorize(self, **parameters: Any) -> Any:
        query = {
            "client_id": self.environment.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "the application's state",
            **parameters,
        }
        return self.client.get("/sso/authorize", {name: value for name, value in query.items() if value})

    def leave(self, **parameters: Any) -> Any:
        """Return the answer that sends the browser to the identity provider."""
        authorized = self.authorize(**parameters)
        assert authorized.status_code == 302, authorized.content
        return self.client.get(local(authorized["Location"]))

    def post_answer(self, connection: Connection, response: str, relay_state: str, **fields: str) -> Any:
        return self.client.post(
            f"/sso/saml/{connection.id}/acs",
            {"SAMLResponse": response, "RelayState": relay_state, **fields},
        )

    def sign_in_by_saml(self, connection: Connection, idp: Forge, **options: Any) -> Any:
        """Go to a SAML identity provider and back; return the answer to what it posted."""
        left = self.leave(connection=connection.id)
        assert left.status_code == 302, left.content
        relay_state = query_of(left["Location"])["RelayState"]
        return self.post_answer(connection, saml_answer(connection, idp, **options), relay_state)


def pending_request_id(connection: Connection) -> str:
    """Return the id of the request that was sent last."""
    row = connection.sso_sessions.order_by("-id").first()
    assert row is not None
    return str(row.sent["request_id"])


def saml_answer(connection: Connection, idp: Forge, **options: Any) -> str:
    """Return what the identity provider posts for the last request of a connection."""
    sp = services.service_provider_of(services.require_connection(connection.environment_id, connection.id))
    request_id = options.pop("request_id", ...)
    if request_id is ...:
        request_id = pending_request_id(connection)
    return post(idp.response(sp, request_id, **options))


def said_of(subject: str, email: str, session_index: str = "") -> Any:
    """Return a change to a response: whom it is about, and which session of theirs at the provider."""

    def change(root: Any) -> None:
        one(root, "NameID").text = subject
        statement = one(root, "AuthnStatement")
        if session_index:
            statement.set("SessionIndex", session_index)
        else:
            del statement.attrib["SessionIndex"]
        for attribute in root.iter("{*}Attribute"):
            if attribute.get("Name") == "email":
                attribute[0].text = email

    return change


def tokens_of(api: ApiClient, environment: Environment, code: str, **fields: str) -> Any:
    """Return the answer to a code at ``/user_management/authenticate``."""
    request = {
        "client_id": environment.client_id,
        "client_secret": api.api_key,
        "grant_type": "authorization_code",
        "code": code,
        **fields,
    }
    return api.post("/user_management/authenticate", request)


def profile_of(api: ApiClient, environment: Environment, code: str, **fields: str) -> Any:
    """Return the answer to a code at ``/sso/token``."""
    request = {
        "client_id": environment.client_id,
        "client_secret": api.api_key,
        "grant_type": "authorization_code",
        "code": code,
        **fields,
    }
    return api.post("/sso/token", request)


def leave_as_user(client: Client, connection: Connection) -> Any:
    """Return the answer that sends a browser to a connection's provider, to sign in by ``/user_management``."""
    left = client.get(
        "/user_management/authorize",
        {
            "client_id": connection.environment.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "connection_id": connection.id,
        },
    )
    return client.get(local(left["Location"]))


def sign_in_user(
    api: ApiClient,
    connection: Connection,
    idp: Forge,
    *,
    subject: str = "ada-1",
    email: str = "ada@example.com",
    session_index: str = "_session1",
    client: Client | None = None,
) -> Session:
    """Sign somebody in by ``/user_management`` through a SAML provider; return their session."""
    browser = SSOBrowser(connection.environment, client or Client())
    left = leave_as_user(browser.client, connection)
    response = saml_answer(connection, idp, change=said_of(subject, email, session_index))
    back = browser.post_answer(connection, response, query_of(left["Location"])["RelayState"])
    assert back.status_code == 302, back.content
    answer = tokens_of(api, connection.environment, query_of(back["Location"])["code"])
    assert answer.status_code == 200, answer.content
    newest = Session.objects.in_environment(connection.environment).order_by("-id").first()
    assert newest is not None
    return newest
