"""Logs are read by many and kept for long: what passes through a sign-in must not be in them."""

import io
import json
import logging

import pytest

from accounts.models import EmailVerification
from config.logs import logging_settings
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.organizations import make_membership, make_organization


@pytest.fixture
def logged(monkeypatch):
    """Return what the JSON log of a production server holds, every logger at its most talkative."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    config = logging_settings("json", "DEBUG")["formatters"]["line"]
    factory = config.pop("()")
    handler.setFormatter(factory(**config))
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in logging_settings("json", "DEBUG")["loggers"])]
    levels = [logger.level for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield stream.getvalue
    root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_a_sign_in_leaves_no_secret_in_the_log(api, environment, logged):
    user = make_user(environment, email="ada@example.com", password=PASSWORD)
    organizations = [make_organization(environment, name=name) for name in ("Foo Corp", "Bar Inc")]
    for organization in organizations:
        make_membership(organization, user)
    issued = api.post(f"/organizations/{organizations[0].id}/api_keys", {"name": "CI"}).json()["value"]
    api.post("/api_keys/validations", {"value": issued})
    client = {"client_id": environment.client_id, "client_secret": api.api_key}

    def ask(grant_type, **fields):
        return api.post(
            "/user_management/authenticate", {**client, "grant_type": grant_type, **fields}
        ).json()

    ask("password", email=user.email, password="wrong " + PASSWORD)
    pending = ask("password", email=user.email, password=PASSWORD)["pending_authentication_token"]
    code = EmailVerification.objects.in_environment(environment).get().code
    urn = "urn:workos:oauth:grant-type:"
    ask(urn + "email-verification:code", code="000000", pending_authentication_token=pending)
    ask(urn + "email-verification:code", code=code, pending_authentication_token=pending)
    selected = {"organization_id": organizations[0].id, "pending_authentication_token": pending}
    tokens = ask(urn + "organization-selection", **selected)
    refreshed = ask("refresh_token", refresh_token=tokens["refresh_token"])
    ask("refresh_token", refresh_token="unknown" + tokens["refresh_token"])

    log = logged()

    assert [json.loads(line) for line in log.splitlines()]
    secrets = {
        "password": PASSWORD,
        "API key": api.api_key,
        "customer's API key": issued,
        "pending token": pending,
        "access token": tokens["access_token"],
        "refresh token": tokens["refresh_token"],
        "its successor": refreshed["refresh_token"],
        "code": f'"{code}"',
    }
    assert [name for name, secret in secrets.items() if secret in log] == []


def test_a_failure_leaves_no_path_in_the_log_as_some_carry_a_token(api, logged, monkeypatch):
    def fail(*_args):
        raise RuntimeError("a bug")

    monkeypatch.setattr("organizations.api.views.invitations.services.find_invitation_by_token", fail)

    answer = api.get("/user_management/invitations/by_token/Z1uX3RbwcIl5fIGJJJCXXisdI")

    assert answer.status_code == 500
    assert "a bug" in logged()
    assert "Z1uX3RbwcIl5fIGJJJCXXisdI" not in logged()
