"""Connections and the test identity provider: set up by themselves in a sandbox, refused in production."""

from collections.abc import Mapping
from typing import Any

from environments.models import Environment
from sso.connection_types import ConnectionType
from sso.errors import ConnectionSettingsInvalid
from sso.models import Connection
from sso.services.settings import SAMLChanges
from sso.test_idp.identity import belongs_to_a_test_idp
from sso.test_idp.services import ensure_test_idp


def test_idp_settings(environment: Environment) -> SAMLChanges:
    """Return what a connection has to know of the test identity provider of its sandbox."""
    idp = ensure_test_idp(environment)
    return {
        "idp_entity_id": idp.entity_id,
        "idp_sso_url": idp.sso_url,
        "idp_slo_url": idp.slo_url,
        "idp_certificates": [idp.certificate_pem],
    }


def refuse_test_idp_in_production(connection: Connection, changes: Mapping[str, Any]) -> None:
    """Refuse settings by which made-up people would sign in among real ones; raises ConnectionSettingsInvalid.

    The exchange itself refuses it too, whatever stands in the row.
    """
    if connection.environment.is_sandbox:
        return
    if connection.connection_type == ConnectionType.TEST_IDP:
        raise ConnectionSettingsInvalid.of(
            "connection_type", "The test identity provider is for sandboxes. Anybody can be anybody there."
        )
    named = {name: str(changes.get(name, "")) for name in ("idp_entity_id", "metadata_url", "issuer")}
    problems = [
        (name, "This is a test identity provider. Anybody can be anybody there, so it stays in its sandbox.")
        for name, value in named.items()
        if belongs_to_a_test_idp(value)
    ]
    if problems:
        raise ConnectionSettingsInvalid(problems)
