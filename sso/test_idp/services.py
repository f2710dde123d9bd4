"""What the test identity provider keeps: its key, and the codes that are on their way."""

import json
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from environments import signing
from environments.models import Environment
from foundation import clock
from foundation.encryption import token_digest
from foundation.ids import new_secret, new_ulid
from sso.models import SandboxIdentityProvider, SandboxIdPCode
from sso.test_idp.identity import Identity
from sso.test_idp.oidc import (
    CODE_LIFETIME,
    AskedAuthorization,
    CodeRedemption,
    OIDCRefused,
    check_redemption,
)
from sso.test_idp.people import Misbehaviour, Person


class NoTestIdentityProvider(Exception):
    """A production environment has none."""


@dataclass(frozen=True, slots=True)
class RedeemedCode:
    """For which request, about whom, and how."""

    asked: AskedAuthorization
    person: Person
    misbehaviour: Misbehaviour | None


def ensure_test_idp(environment: Environment) -> Identity:
    """Return the environment's test identity provider, with a key that is drawn when it is first asked for.

    Raises NoTestIdentityProvider for a production environment.
    """
    if not environment.is_sandbox:
        raise NoTestIdentityProvider
    row = SandboxIdentityProvider.objects.in_environment(environment).first() or _create(environment)
    return Identity(
        client_id=environment.client_id,
        key_id=row.key_id,
        encoded_private_key=row.private_key,
        public_jwk=row.public_jwk,
        oidc_client_secret=row.client_secret,
    )


def _create(environment: Environment) -> SandboxIdentityProvider:
    key_id = f"test_idp_{new_ulid()}"
    private_key, public_jwk = signing.generate(key_id)
    try:
        with transaction.atomic():
            return SandboxIdentityProvider.objects.create(
                environment=environment,
                key_id=key_id,
                private_key=private_key,
                public_jwk=public_jwk,
                client_secret=new_secret(40),
            )
    except IntegrityError:
        # Two browsers asked at once; the first one's key is the key.
        return SandboxIdentityProvider.objects.in_environment(environment).get()


@transaction.atomic
def issue_code(
    *,
    environment: Environment,
    asked: AskedAuthorization,
    person: Person,
    misbehaviour: Misbehaviour | None = None,
) -> str:
    """Return a code for an answered request; it counts once, within a minute."""
    codes = SandboxIdPCode.objects.in_environment(environment)
    codes.filter(expires_at__lt=clock.now()).delete()
    code = new_secret(40)
    answer = {
        "asked": asked.as_json(),
        "person": person.as_json(),
        "misbehaviour": misbehaviour.value if misbehaviour else "",
    }
    SandboxIdPCode.objects.create(
        environment=environment,
        code_digest=token_digest(code),
        answer=json.dumps(answer),
        expires_at=clock.now() + CODE_LIFETIME,
    )
    return code


def redeem_code(
    *, environment: Environment, idp: Identity, code: str, presented: CodeRedemption
) -> RedeemedCode:
    """Spend a code and return what it stands for; it is spent even where the client is refused. Raises OIDCRefused."""
    waiting = SandboxIdPCode.objects.in_environment(environment).filter(
        code_digest=token_digest(code), expires_at__gte=clock.now()
    )
    row = waiting.first()
    # The deletion decides which of two redemptions came first.
    if row is None or waiting.delete()[0] == 0:
        raise OIDCRefused("invalid_grant", "The code is unknown, was used before, or has expired.")
    answer = json.loads(row.answer)
    asked = AskedAuthorization(**answer["asked"])
    check_redemption(idp, asked, presented)
    misbehaviour = Misbehaviour(answer["misbehaviour"]) if answer["misbehaviour"] else None
    return RedeemedCode(asked, Person.from_json(answer["person"]), misbehaviour)
