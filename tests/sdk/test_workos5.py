"""The 5.x generation of the official Python SDK, from a folder of its own, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

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
        variables["PYTHONPATH"] = str(sdk)
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
        "refusals",
    ]


@pytest.mark.parametrize(
    ("example", "sdk"), [("examples/first_sign_in.py", None), ("examples/first_sign_in_sdk5.py", SDK)]
)
def test_the_example_of_the_readme_runs_unmodified_on_a_fresh_server(tmp_path, example, sdk):
    with run_gatehouse(tmp_path) as server:
        printed = run(server, example, sdk)

    assert "signed in: user_" in printed
    assert printed.rstrip().endswith("signed out")
