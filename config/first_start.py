"""The first start: one sandbox with a sample customer, one API key, one operator; and what a start prints."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction

from authorization.services import provision_environment
from environments import services
from environments.models import APIKey, Environment, EnvironmentKind, Operator, OperatorRole
from foundation.actors import SYSTEM
from foundation.encryption import token_digest
from organizations.models import DomainState, Organization
from organizations.services import DomainClaim, create_organization
from sso import services as sso
from sso.connection_types import ConnectionType

# The embedded mode shows its API key at every start, as a developer needs it there; the file is its owner's alone.
_KEY_FILE = "sandbox-api-key.json"

# By which an application finds the sample customer; the domain can belong to nobody (RFC 2606).
SAMPLE_EXTERNAL_ID = "sample"
_SAMPLE_NAME = "Globex"
_SAMPLE_DOMAIN = "globex.test"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a start tells the person in front of it."""

    environment: Environment
    api_key: str
    operator_email: str
    operator_password: str | None
    sample: Organization | None = None

    def text(self) -> str:
        """Return the lines to print."""
        base = settings.BASE_URL
        password = (
            self.operator_password or "(shown at the first start; manage.py changepassword sets a new one)"
        )
        curl = (
            f"curl -s {base}/organizations -H 'Authorization: Bearer {self.api_key}' "
            "-H 'Content-Type: application/json' -d '{\"name\": \"Acme\"}'"
        )
        sample = (
            [
                f"  Sample org  {self.sample.name} ({self.sample.id}): signs in by SSO, at a test identity provider"
            ]
            if self.sample
            else []
        )
        return "\n".join(
            [
                "",
                f"  Base URL    {base}",
                f"  API key     {self.api_key}",
                f"  Client id   {self.environment.client_id}",
                *sample,
                f"  Admin       {base}/admin/   {self.operator_email} / {password}",
                f"  API docs    {base}/docs",
                f"  Mail        {base}/dev/mail",
                "",
                "  Try it:",
                f"    {curl}",
                "",
            ]
        )


@transaction.atomic
def ensure() -> Welcome:
    """Create what is missing and return what to print; a later start finds everything and changes nothing."""
    environment = Environment.objects.order_by("id").first()
    if environment is None:
        environment = provision_environment(
            name="Sandbox", kind=EnvironmentKind.SANDBOX, client_id=settings.FIRST_CLIENT_ID
        )
        _create_sample(environment)
    sample = _find_sample(environment)
    api_key = _ensure_api_key(environment)
    operator, password = _ensure_operator()
    return Welcome(environment, api_key, operator.email, password, sample)


def _create_sample(environment: Environment) -> None:
    """Make a customer whose people sign in at the test identity provider, so that SSO works with no account anywhere."""
    organization = create_organization(
        environment=environment,
        actor=SYSTEM,
        name=_SAMPLE_NAME,
        external_id=SAMPLE_EXTERNAL_ID,
        domains=[DomainClaim(_SAMPLE_DOMAIN, DomainState.VERIFIED)],
    )
    sso.create_connection(
        environment=environment,
        actor=SYSTEM,
        connection_type=ConnectionType.TEST_IDP,
        organization=organization,
        changes={},
    )


def _find_sample(environment: Environment) -> Organization | None:
    """Return the sample customer, unless somebody deleted it, with its connection at the present base URL."""
    rows = Organization.objects.in_environment(environment).filter(external_id=SAMPLE_EXTERNAL_ID)
    organization = rows.first()
    if organization is None or not environment.is_sandbox:
        return None
    connections = sso.connections_with_settings(environment).filter(
        organization=organization, connection_type=ConnectionType.TEST_IDP
    )
    for connection in connections:
        sso.update_connection(
            connection=connection, actor=SYSTEM, changes={"saml": sso.test_idp_settings(environment)}
        )
    return organization if connections else None


def _ensure_api_key(environment: Environment) -> str:
    path = Path(settings.DATA_DIR) / _KEY_FILE
    pinned = settings.FIRST_API_KEY
    remembered = "" if pinned or not path.exists() else json.loads(path.read_text())["api_key"]
    wanted = pinned or remembered
    live = APIKey.objects.in_environment(environment).filter(revoked_at__isnull=True)
    if wanted and live.filter(digest=token_digest(wanted)).exists():
        return str(wanted)
    issued = services.create_api_key(environment=environment, name="First key", secret=pinned)
    if not pinned:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"api_key": issued.secret}, file)
    return issued.secret


def _ensure_operator() -> tuple[Operator, str | None]:
    owner = Operator.objects.filter(role=OperatorRole.OWNER).order_by("id").first()
    if owner is not None:
        return owner, None
    password = settings.FIRST_OPERATOR_PASSWORD or secrets.token_urlsafe(12)
    operator = Operator.objects.create_superuser(
        settings.FIRST_OPERATOR_EMAIL, password, name="First operator"
    )
    return operator, password
