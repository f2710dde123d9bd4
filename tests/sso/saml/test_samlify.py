"""A sign-in with an identity provider that is written in another language, on another XML library."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sso.saml.metadata import read_idp_metadata, write_sp_metadata
from sso.saml.requests import begin_sign_in
from sso.saml.responses import read_response
from tests.sso.saml.identity_provider import key_pair

pytestmark = pytest.mark.node

SCRIPT = Path(__file__).parents[2] / "node" / "saml_idp.cjs"
SSO_URL = "https://samlify.example.com/sso"


def ask(command: str, **fields: Any) -> dict[str, Any]:
    private_key_pem, certificate_pem = key_pair("samlify.example.com")
    asked = {
        "command": command,
        "key": private_key_pem,
        "certificate": certificate_pem,
        "entityId": "https://samlify.example.com/metadata",
        "ssoUrl": SSO_URL,
        **fields,
    }
    run = subprocess.run(
        [shutil.which("node") or "node", SCRIPT],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


@pytest.mark.parametrize("encrypts", [False, True], ids=["plain", "encrypted"])
def test_somebody_signs_in_by_a_provider_of_node(sp, options, encrypts):
    idp = read_idp_metadata(ask("metadata")["metadata"].encode()).party
    assert idp.sso_url == SSO_URL
    departure = begin_sign_in(sp, idp, options, "handle")

    answered = ask(
        "answer",
        spMetadata=write_sp_metadata(sp, options).decode(),
        query=urlsplit(departure.url).query,
        relayState="handle",
        encrypts=encrypts,
    )

    assert answered["acs"] == sp.acs_url
    answer = read_response(sp, idp, options, answered["SAMLResponse"], departure.memory["request_id"])
    assert answer.name_id == "ada-1"
    assert answer.attributes["email"] == ("ada@example.com",)
    assert answer.attributes["lastName"] == ("Lovelace",)
