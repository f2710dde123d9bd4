"""Environments with their settings, keys, addresses and signing keys, and the operators who look after them."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from environments import redirect_uris, signing
from environments.conf import IDEMPOTENCY_LIFETIME
from environments.errors import (
    APIKeyAlreadyExists,
    CORSOriginAlreadyExists,
    CORSOriginInvalid,
    DefaultRedirectURIRequired,
    LastOwner,
    OperatorAlreadyExists,
    RedirectURIAlreadyExists,
    RedirectURIInvalid,
    TwoStepAlreadyEnrolled,
    TwoStepCodeRefused,
)
from environments.models import (
    APIKey,
    AuthenticationSettings,
    Branding,
    CORSOrigin,
    Environment,
    EnvironmentKind,
    IdempotentRequest,
    MailSettings,
    Operator,
    OperatorRecoveryCode,
    OperatorRole,
    OperatorTOTP,
    RedirectURI,
    RedirectURIPurpose,
    SigningKey,
    new_client_id,
)
from foundation import clock
from foundation.encryption import lookup_digest, token_digest
from foundation.ids import new_id, new_secret
from foundation.retention import delete_in_batches

_API_KEY_SECRET_LENGTH = 40
_SHOWN_PREFIX_LENGTH = 12

_RECOVERY_CODES = 10
_RECOVERY_CODE_LENGTH = 10
_RECOVERY_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # Nothing that is misread on paper; 50 bits a code.

# The redirect URI that a sandbox starts with: the one that the README's example listens on.
SANDBOX_REDIRECT_URI = "http://localhost:3000/callback"


@dataclass(frozen=True, slots=True)
class IssuedAPIKey:
    """A new key with its secret, which is shown this once."""

    api_key: APIKey
    secret: str


@transaction.atomic
def create_environment(
    *,
    name: str,
    kind: EnvironmentKind | str = EnvironmentKind.SANDBOX,
    client_id: str = "",
    environment_id: str = "",
) -> Environment:
    """Create an environment with its settings and its first signing key; a sandbox gets a localhost redirect URI."""
    environment = Environment(name=name, kind=EnvironmentKind(kind), client_id=client_id or new_client_id())
    if environment_id:
        environment.id = environment_id
    environment.save(force_insert=True)
    Branding.objects.create(environment=environment)
    MailSettings.objects.create(environment=environment)
    AuthenticationSettings.objects.create(
        environment=environment, impersonation_enabled=environment.is_sandbox
    )
    _create_signing_key(environment)
    if environment.is_sandbox:
        RedirectURI.objects.create(environment=environment, uri=SANDBOX_REDIRECT_URI, is_default=True)
    return environment


@transaction.atomic
def update_environment(environment: Environment, *, name: str) -> Environment:
    """Rename an environment."""
    environment.name = name
    environment.updated_at = clock.now()
    environment.save(update_fields=["name", "updated_at"])
    return environment


@transaction.atomic
def update_authentication_settings(
    *, environment: Environment, changes: Mapping[str, Any]
) -> AuthenticationSettings:
    """Change settings by field name; the database's constraints hold the bounds (``full_clean`` words them)."""
    row = AuthenticationSettings.objects.in_environment(environment).select_for_update().get()
    for field, value in changes.items():
        setattr(row, field, value)
    row.updated_at = clock.now()
    row.full_clean(validate_unique=False)
    row.save(update_fields=[*changes, "updated_at"])
    return row


@transaction.atomic
def create_api_key(*, environment: Environment, name: str, secret: str = "") -> IssuedAPIKey:
    """Create an API key. Only the digest is kept: the secret is in the answer and nowhere else.

    ``secret`` pins the key (``GATEHOUSE_API_KEY``); raises APIKeyAlreadyExists where it is taken.
    """
    kind = "test" if environment.is_sandbox else "live"
    secret = secret or f"sk_{kind}_{new_secret(_API_KEY_SECRET_LENGTH)}"
    try:
        with transaction.atomic():
            api_key = APIKey.objects.create(
                environment=environment,
                name=name,
                prefix=secret[:_SHOWN_PREFIX_LENGTH],
                digest=token_digest(secret),
            )
    except IntegrityError as error:
        raise APIKeyAlreadyExists from error
    return IssuedAPIKey(api_key, secret)


@transaction.atomic
def revoke_api_key(api_key: APIKey) -> APIKey:
    """Revoke a key: the next request with it is refused. Revoking twice changes nothing."""
    if api_key.revoked_at is None:
        api_key.revoked_at = clock.now()
        api_key.save(update_fields=["revoked_at"])
    return api_key


def allows_sign_in_at(environment: Environment, redirect_uri: str) -> bool:
    """Tell whether a browser may be sent to this URI at the end of a sign-in."""
    rows = RedirectURI.objects.in_environment(environment).filter(purpose=RedirectURIPurpose.SIGN_IN)
    return any(redirect_uris.matches(uri, redirect_uri) for uri in rows.values_list("uri", flat=True))


@transaction.atomic
def add_redirect_uri(
    *,
    environment: Environment,
    uri: str,
    purpose: RedirectURIPurpose | str = RedirectURIPurpose.SIGN_IN,
    is_default: bool = False,
    redirect_uri_id: str = "",
) -> RedirectURI:
    """Allow a URI; the first of its purpose becomes the default.

    Raises RedirectURIInvalid, RedirectURIAlreadyExists.
    """
    problem = redirect_uris.problem_with(uri, sandbox=environment.is_sandbox)
    if problem is not None:
        raise RedirectURIInvalid(
            problem, errors=[{"field": "uri", "code": "uri_invalid", "message": problem}]
        )
    existing = RedirectURI.objects.in_environment(environment).filter(purpose=purpose)
    row = RedirectURI(environment=environment, purpose=purpose, uri=uri)
    if redirect_uri_id:
        row.id = redirect_uri_id
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        message = f"Redirect URI '{uri}' already exists."
        raise RedirectURIAlreadyExists(message) from error
    if is_default or not existing.filter(is_default=True).exists():
        make_default_redirect_uri(row)
    return row


@transaction.atomic
def make_default_redirect_uri(row: RedirectURI) -> RedirectURI:
    """Make a URI the one that is used where a request names none. A wildcard cannot be."""
    if "*" in row.uri:
        return row
    siblings = RedirectURI.objects.in_environment(row.environment_id).filter(purpose=row.purpose)
    siblings.filter(is_default=True).update(is_default=False)
    row.is_default = True
    row.updated_at = clock.now()
    row.save(update_fields=["is_default", "updated_at"])
    return row


@transaction.atomic
def delete_redirect_uri(row: RedirectURI) -> None:
    """Remove a URI; raises DefaultRedirectURIRequired while it is the default among others."""
    siblings = RedirectURI.objects.in_environment(row.environment_id).filter(purpose=row.purpose)
    if row.is_default and siblings.exclude(pk=row.pk).exists():
        raise DefaultRedirectURIRequired
    row.delete()


@transaction.atomic
def add_cors_origin(*, environment: Environment, origin: str) -> CORSOrigin:
    """Allow a browser origin; raises CORSOriginInvalid, CORSOriginAlreadyExists."""
    normalized = _normalized_origin(origin, sandbox=environment.is_sandbox)
    try:
        with transaction.atomic():
            return CORSOrigin.objects.create(environment=environment, origin=normalized)
    except IntegrityError as error:
        raise CORSOriginAlreadyExists from error


@transaction.atomic
def rotate_signing_key(environment: Environment) -> SigningKey:
    """Sign with a fresh key from now on; the old one stays published until its last token has expired."""
    settings = AuthenticationSettings.objects.in_environment(environment).get()
    moment = clock.now()
    # A minute more than the tokens live: verifiers grant some leeway for their clocks.
    published_until = moment + timedelta(seconds=settings.access_token_seconds + 60)
    SigningKey.objects.in_environment(environment).select_for_update().filter(retired_at__isnull=True).update(
        retired_at=moment, published_until=published_until
    )
    return _create_signing_key(environment)


def active_signing_key(environment: Environment) -> SigningKey:
    """Return the key that signs today."""
    return SigningKey.objects.in_environment(environment).get(retired_at__isnull=True)


def published_signing_keys(environment: Environment) -> list[SigningKey]:
    """Return the keys of the JWK set, newest first: the active one, and retired ones whose tokens still live."""
    moment = clock.now()
    keys = SigningKey.objects.in_environment(environment).order_by("-id")
    return [key for key in keys if key.published_until is None or key.published_until > moment]


def purge_idempotent_requests() -> int:
    """Forget answers that no repeat may ask for any more, in batches; return how many."""
    # An hour more than they count: a repeat that has just found its answer alive can still read it.
    oldest = clock.now() - IDEMPOTENCY_LIFETIME - timedelta(hours=1)
    return delete_in_batches(IdempotentRequest.unscoped.filter(created_at__lt=oldest).order_by("created_at"))


@transaction.atomic
def delete_cors_origin(row: CORSOrigin) -> None:
    """Stop trusting a browser origin."""
    row.delete()


@transaction.atomic
def create_operator(
    *,
    email: str,
    password: str,
    name: str = "",
    role: OperatorRole | str = OperatorRole.VIEWER,
    environments: Sequence[Environment] = (),
) -> Operator:
    """Create an operator with the environments that they may open; raises OperatorAlreadyExists."""
    try:
        with transaction.atomic():
            operator = Operator.objects.create_user(email, password, name=name, role=OperatorRole(role))
    except IntegrityError as error:
        raise OperatorAlreadyExists from error
    operator.environments.set(environments)
    return operator


@transaction.atomic
def update_operator(operator: Operator, changes: Mapping[str, Any]) -> Operator:
    """Change fields by name, ``environments`` among them; raises LastOwner, OperatorAlreadyExists."""
    for field, value in changes.items():
        if field != "environments":
            setattr(operator, field, value)
    try:
        with transaction.atomic():
            save_operator(operator)
    except IntegrityError as error:
        raise OperatorAlreadyExists from error
    if "environments" in changes:
        operator.environments.set(changes["environments"])
    return operator


@transaction.atomic
def set_operator_password(operator: Operator, password: str) -> Operator:
    """Set a password, which ends every session that began with another one."""
    operator.set_password(password)
    operator.save(update_fields=["password"])
    return operator


@transaction.atomic
def save_operator(operator: Operator) -> Operator:
    """Save an operator; raises LastOwner where nobody would be left to run the installation."""
    remains_owner = operator.is_active and operator.role == OperatorRole.OWNER
    if not remains_owner:
        _require_another_owner(operator)
    operator.email = operator.email.strip().lower()
    operator.save()
    return operator


@transaction.atomic
def delete_operator(operator: Operator) -> None:
    """Remove an operator; raises LastOwner."""
    _require_another_owner(operator)
    operator.delete()


@transaction.atomic
def begin_two_step_enrollment(operator: Operator) -> OperatorTOTP:
    """Draw a secret for an authenticator app; it counts for nothing until a code from it is shown.

    Beginning again draws another secret. Raises TwoStepAlreadyEnrolled.
    """
    Operator.objects.select_for_update().get(pk=operator.pk)
    if find_authenticator(operator) is not None:
        raise TwoStepAlreadyEnrolled
    OperatorTOTP.objects.filter(user=operator).delete()
    # RFC 4226 section 4 recommends 160 bits.
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    return OperatorTOTP.objects.create(
        user=operator, name="Authenticator app", confirmed=False, secret=secret
    )


@transaction.atomic
def confirm_two_step_enrollment(operator: Operator, code: str) -> tuple[OperatorTOTP, list[str]]:
    """Turn two-step sign-in on with a code from the app; return the device and fresh recovery codes.

    Raises TwoStepCodeRefused, also where no enrollment was begun.
    """
    device = OperatorTOTP.objects.select_for_update().filter(user=operator, confirmed=False).first()
    if device is None:
        raise TwoStepCodeRefused
    # A wrong code here is a typing mistake at one's own desk, not an attack: it brings no waiting time.
    device.throttle_reset(commit=False)
    if not device.verify_token(code):
        raise TwoStepCodeRefused
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    return device, _draw_recovery_codes(operator)


def verify_two_step_code(operator: Operator, code: str) -> OperatorTOTP | None:
    """Spend a code of the app, or a recovery code; return the device that vouches for the operator, or None.

    The row is locked, so that of two equal codes at once one wins. A refusal is counted, which is why it is no
    exception: that would take the count back.
    """
    with transaction.atomic():
        device = OperatorTOTP.objects.select_for_update().filter(user=operator, confirmed=True).first()
        if device is None:
            return None
        compact = "".join(code.split()).replace("-", "")
        if len(compact) != _RECOVERY_CODE_LENGTH:
            return device if device.verify_token(compact) else None
        allowed, _reason = device.verify_is_allowed()
        if not allowed:
            return None
        spent = OperatorRecoveryCode.objects.filter(
            operator=operator, digest=_recovery_digest(operator, compact), used_at__isnull=True
        ).update(used_at=clock.now())
        if not spent:
            device.throttle_increment()
            return None
        return device


@transaction.atomic
def renew_recovery_codes(operator: Operator) -> list[str]:
    """Replace all recovery codes; return the new ones, which are shown this once."""
    return _draw_recovery_codes(operator)


@transaction.atomic
def remove_two_step(operator: Operator) -> None:
    """Turn two-step sign-in off and forget its recovery codes."""
    OperatorTOTP.objects.filter(user=operator).delete()
    operator.recovery_codes.all().delete()


def find_authenticator(operator: Operator) -> OperatorTOTP | None:
    """Return the confirmed authenticator app of an operator, or None."""
    return OperatorTOTP.objects.filter(user=operator, confirmed=True).first()


def _draw_recovery_codes(operator: Operator) -> list[str]:
    operator.recovery_codes.all().delete()
    codes = [
        "".join(secrets.choice(_RECOVERY_ALPHABET) for _ in range(_RECOVERY_CODE_LENGTH))
        for _ in range(_RECOVERY_CODES)
    ]
    OperatorRecoveryCode.objects.bulk_create(
        OperatorRecoveryCode(operator=operator, digest=_recovery_digest(operator, code)) for code in codes
    )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _recovery_digest(operator: Operator, code: str) -> str:
    return lookup_digest("operator_recovery_code", f"{operator.pk}:{code.upper()}")


def _require_another_owner(operator: Operator) -> None:
    owners = Operator.objects.select_for_update().filter(role=OperatorRole.OWNER, is_active=True)
    if owners.filter(pk=operator.pk).exists() and not owners.exclude(pk=operator.pk).exists():
        raise LastOwner


def _create_signing_key(environment: Environment) -> SigningKey:
    key_id = new_id("key")
    private_key, public_jwk = signing.generate(key_id)
    return SigningKey.objects.create(
        environment=environment, key_id=key_id, private_key=private_key, public_jwk=public_jwk
    )


def _normalized_origin(origin: str, *, sandbox: bool) -> str:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    scheme_allowed = parts.scheme == "https" or (sandbox and parts.scheme == "http")
    host = parts.hostname or ""
    if (
        not origin.isascii()
        or not scheme_allowed
        or not host
        or parts.username is not None
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
        or any(character in origin for character in "*\\ \t\r\n?#")
    ):
        message = "The origin must look like https://app.example.com, without a path."
        raise CORSOriginInvalid(
            message, errors=[{"field": "origin", "code": "origin_invalid", "message": message}]
        )
    # RFC 6454 §6.2: browsers leave the default port out.
    default_port = {"https": 443, "http": 80}[parts.scheme]
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port not in {None, default_port} else "")
