"""The 5.x generation of the official Python SDK, from a folder of its own, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from authentication.services import Origin, impersonate
from environments.services import update_authentication_settings
from foundation.ids import new_secret
from tests.authentication.browser import CALLBACK, query_of
from tests.authentication.conftest import TokenClient
from tests.factories.accounts import make_user
from tests.factories.environments import make_api_key, make_operator
from tests.live import ROOT, LiveGatehouse, clean_environment, run_gatehouse

# `make test` installs requirements/workos5.txt there.
SDK = Path(sys.prefix) / "workos5"


def run(server: LiveGatehouse, script: str, sdk: Path | None = None) -> str:
    """Run a script as a customer would: the key, the client id and the address come from the environment."""
    variables = {
        "WORKOS_API_KEY": server.api_key,
        "WORKOS_CLIENT_ID": server.client_id,
        "WORKOS_BASE_URL": server.base_url,
    }
    if sdk is not None:
        assert (sdk / "workos").exists(), f"requirements/workos5.txt is not installed in {sdk}"
        variables["PYTHONPATH"] = f"{sdk}{os.pathsep}{ROOT}"
    result = subprocess.run(
        [sys.executable, script],
        cwd=ROOT,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_operation_and_refusal_of_the_older_sdk(gatehouse_server):
    assert run(gatehouse_server, "tests/sdk/workos5_calls.py", SDK).split() == [
        "organizations",
        "users",
        "roles",
        "factors",
        "codes",
        "connections",
        "single_sign_on",
        "refusals",
    ]


IMPERSONATED = """
import json, sys
from workos.types.user_management.authentication_response import AuthenticationResponse
answer = AuthenticationResponse.model_validate(json.load(sys.stdin))
print(answer.impersonator.email, answer.impersonator.reason, answer.authentication_method, sep="|")
"""


# An exchange that is refused until the mailbox is proven: the provider does not vouch for the address.
REFUSED_EXCHANGE = """
from accounts.services import create_user
from authentication import services
from foundation.actors import SYSTEM
from sso import services as sso
from sso.exchanges import ReceivedProfile
from sso.models import Connection
request = services.require_authorization_request("{handle}")
environment = request.environment
create_user(environment=environment, actor=SYSTEM, email="{email}", email_verified=True)
social = Connection.objects.in_environment(environment).filter(connection_type="GitHubOAuth").first()
social = social or sso.create_connection(
    environment=environment, actor=SYSTEM, connection_type="GitHubOAuth", organization=None,
    changes={{"oauth": {{"client_id": "app", "client_secret": "secret"}}}})
profile = sso.record_profile(social, ReceivedProfile(idp_id="{email}", email="{email}", email_verified=False))
outcome = services.sign_in_with_social_profile(
    profile=profile, origin=services.Origin.of_page("203.0.113.7", "Mozilla/5.0", request))
print("sent to", services.issue_authorization_code(
    request=request, pending_authentication_token=outcome.pending_authentication_token))
"""

LINKS = """
import os, sys
from workos import WorkOSClient
from workos.exceptions import AuthorizationException, BadRequestException
email, code = sys.argv[1:]
users = WorkOSClient(base_url=os.environ["WORKOS_BASE_URL"]).user_management
def sign_in():
    mailed = users.create_magic_auth(email=email)
    return users.authenticate_with_magic_auth(code=mailed.code, email=email, link_authorization_code=code)
try:
    users.authenticate_with_code(code=code)
except AuthorizationException as refusal:
    print(refusal.code)
print(sign_in().user.id)
try:
    sign_in()
except BadRequestException as refusal:
    print(refusal.error)
"""


def test_a_mailed_code_links_the_identity_of_a_refused_exchange_once(gatehouse_server):
    email = f"{new_secret(8).lower()}@example.com"
    base, client_id = gatehouse_server.base_url, gatehouse_server.client_id
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "provider": "authkit",
    }
    left = httpx.get(f"{base}/user_management/authorize", params=asked, timeout=30)
    handle = query_of(left.headers["Location"])["request"]
    printed = gatehouse_server.manage("shell", "-c", REFUSED_EXCHANGE.format(handle=handle, email=email))
    target = next(line for line in printed.splitlines() if line.startswith("sent to ")).split()[-1]

    linked = subprocess.run(
        [sys.executable, "-c", LINKS, email, query_of(target)["code"]],
        env=clean_environment()
        | {"PYTHONPATH": str(SDK), "WORKOS_BASE_URL": base}
        | {"WORKOS_API_KEY": gatehouse_server.api_key, "WORKOS_CLIENT_ID": client_id},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert linked.returncode == 0, linked.stderr
    first, user_id, refusal = linked.stdout.split()
    assert first == "email_verification_required"
    assert refusal == "invalid_link_authorization_code"
    shown = httpx.get(
        f"{base}/user_management/users/{user_id}/identities",
        headers={"Authorization": f"Bearer {gatehouse_server.api_key}"},
        timeout=30,
    )
    assert shown.json() == [{"idp_id": email, "type": "OAuth", "provider": "GithubOAuth"}]


def test_the_older_sdk_reads_who_acts_in_a_users_place(environment):
    update_authentication_settings(environment=environment, changes={"impersonation_enabled": True})
    user = make_user(environment, email="ada@example.com", email_verified=True)
    operator = make_operator()
    url = impersonate(
        environment=environment,
        user=user,
        operator=operator,
        organization=None,
        reason="Ticket 4711",
        redirect_uri=CALLBACK,
        origin=Origin("203.0.113.7", "Test"),
    )
    answer = TokenClient(environment, make_api_key(environment)).authenticate(
        "authorization_code", code=query_of(url)["code"]
    )
    assert answer.status_code == 200, answer.content

    parsed = subprocess.run(
        [sys.executable, "-c", IMPERSONATED],
        input=json.dumps(answer.json()),
        env=clean_environment() | {"PYTHONPATH": str(SDK)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert parsed.stdout.strip() == f"{operator.email}|Ticket 4711|Impersonation"


@pytest.mark.parametrize(
    ("example", "sdk"), [("examples/first_sign_in.py", None), ("examples/first_sign_in_sdk5.py", SDK)]
)
def test_the_example_of_the_readme_runs_unmodified_on_a_fresh_server(tmp_path, example, sdk):
    with run_gatehouse(tmp_path) as server:
        printed = run(server, example, sdk)

    assert "signed in: user_" in printed
    assert printed.rstrip().endswith("signed out")
