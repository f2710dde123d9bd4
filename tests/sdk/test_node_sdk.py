"""The official Node SDK, current and older generation, against a live server; the scenarios are tests/node/drive.cjs."""

import subprocess

import pytest

from tests.live import ROOT, LiveGatehouse

SCENARIOS = {
    "organizations",
    "people",
    "passwords",
    "resets",
    "magicAuth",
    "mailboxes",
    "organizationsOfAPerson",
    "authenticators",
    "invitations",
    "sealedSessions",
    "hostedPages",
    "pkce",
    "connections",
    "singleSignOn",
    "linksByMail",
    "strangers",
    "events",
}


@pytest.mark.node
@pytest.mark.parametrize("generation", ["11", "7"])
def test_the_node_sdk_works_against_gatehouse(gatehouse_server: LiveGatehouse, generation: str):
    run = subprocess.run(
        [
            "node",
            "tests/node/drive.cjs",
            generation,
            gatehouse_server.base_url,
            gatehouse_server.api_key,
            gatehouse_server.client_id,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert {line.removeprefix("done ") for line in run.stdout.splitlines()} == SCENARIOS
