"""The API keys that a product issues to its customers, and what one of them opens.

They are none of the environment's own keys: those open Gatehouse's API, these open the product's, which asks here
what a key that it was shown may do. The two are kept in different tables and neither passes for the other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from authorization.services import find_permissions
from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.encryption import token_digest
from foundation.errors import Invalid
from foundation.ids import new_secret
from organizations.errors import ActiveMembershipRequired, APIKeyAlreadyExpired
from organizations.models import CustomerAPIKey, MembershipStatus, Organization, OrganizationMembership
from organizations.representations import represent_api_key
from organizations.services.domains import lock_organization

_SECRET_LENGTH = 40
_SHOWN_CHARACTERS = 4
_MAXIMUM_VALUE_LENGTH = 200

# A write for every request of the product's customers would cost more than the look-up.
_LAST_USE_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class IssuedCustomerAPIKey:
    """A new key with its value, which is shown this once."""

    api_key: CustomerAPIKey
    value: str


@transaction.atomic
def create_organization_api_key(
    *,
    organization: Organization,
    actor: Actor,
    name: str,
    permissions: Collection[str] = (),
    expires_at: datetime | None = None,
) -> IssuedCustomerAPIKey:
    """Issue a key of an organization; ``permissions`` are slugs.

    Only the digest is kept: the value is in the answer and nowhere else. Raises Invalid for an unknown permission
    and for an expiry that is not in the future, NotFound if the organization was deleted meanwhile.
    """
    return _issue(
        organization=lock_organization(organization),
        membership=None,
        actor=actor,
        name=name,
        permissions=permissions,
        expires_at=expires_at,
    )


@transaction.atomic
def create_user_api_key(
    *,
    user: User,
    organization: Organization,
    actor: Actor,
    name: str,
    permissions: Collection[str] = (),
    expires_at: datetime | None = None,
) -> IssuedCustomerAPIKey:
    """Issue a key of a user for one organization, as :func:`create_organization_api_key` does.

    Raises ActiveMembershipRequired besides. The key works while the membership is active and goes with it.
    """
    organization = lock_organization(organization)
    membership = (
        OrganizationMembership.objects.in_environment(organization.environment_id)
        .filter(user=user, organization=organization, status=MembershipStatus.ACTIVE)
        # Who is being removed at this moment must not keep a key.
        .select_for_update()
        .first()
    )
    if membership is None:
        raise ActiveMembershipRequired
    return _issue(
        organization=organization,
        membership=membership,
        actor=actor,
        name=name,
        permissions=permissions,
        expires_at=expires_at,
    )


@transaction.atomic
def expire_api_key(*, api_key: CustomerAPIKey, actor: Actor, expires_at: datetime | None) -> CustomerAPIKey:
    """Let a key expire at a moment, at once if that has passed, or never (None).

    Raises APIKeyAlreadyExpired: an expired key is not brought back to life.
    """
    api_key = _locked(api_key)
    moment = clock.now()
    if api_key.has_expired(moment):
        raise APIKeyAlreadyExpired
    previous = api_key.expires_at
    wanted = None if expires_at is None else max(expires_at, moment)
    if wanted == previous:
        return api_key
    api_key.expires_at = wanted
    api_key.updated_at = moment
    api_key.save(update_fields=["expires_at", "updated_at"])
    _emit("updated", api_key, actor, {"expires_at": clock.iso_or_none(previous)})
    return api_key


@transaction.atomic
def delete_api_key(*, api_key: CustomerAPIKey, actor: Actor) -> None:
    """Delete a key: from now on it opens nothing."""
    api_key = _locked(api_key)
    _emit("revoked", api_key, actor)
    api_key.delete()


def find_api_key_by_value(*, environment: Environment, value: str) -> CustomerAPIKey | None:
    """Return the key that a value opens in this environment, and note that it was used; None where it opens nothing.

    An unknown value, an expired key, another environment's key and the key of a user whose membership is not active
    are all alike. The digest of a secret of over 200 bits is looked up, not compared: how long that takes tells
    nothing about a secret whose digest the caller cannot steer.
    """
    if len(value) > _MAXIMUM_VALUE_LENGTH:
        return None
    moment = clock.now()
    api_key = (
        CustomerAPIKey.objects.in_environment(environment)
        .filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=moment),
            Q(membership__isnull=True) | Q(membership__status=MembershipStatus.ACTIVE),
            digest=token_digest(value),
        )
        .prefetch_related("permissions")
        .first()
    )
    if api_key is not None:
        _note_use(api_key, moment)
    return api_key


def _issue(
    *,
    organization: Organization,
    membership: OrganizationMembership | None,
    actor: Actor,
    name: str,
    permissions: Collection[str],
    expires_at: datetime | None,
) -> IssuedCustomerAPIKey:
    environment = organization.environment
    moment = clock.now()
    if expires_at is not None and expires_at <= moment:
        raise Invalid.field("expires_at", "expires_at_invalid", "The expiry must be in the future.")
    granted = find_permissions(environment, permissions)
    unknown = sorted(set(permissions) - {permission.slug for permission in granted})
    if unknown:
        message = f"There is no permission '{unknown[0]}'."
        raise Invalid.field("permissions", "permissions_invalid", message)
    value = f"sk_{new_secret(_SECRET_LENGTH)}"
    api_key = CustomerAPIKey.objects.create(
        environment=environment,
        organization=organization,
        user_id=None if membership is None else membership.user_id,
        membership=membership,
        name=name,
        digest=token_digest(value),
        obfuscated_value=f"sk_...{value[-_SHOWN_CHARACTERS:]}",
        expires_at=expires_at,
        created_at=moment,
        updated_at=moment,
    )
    api_key.permissions.set(granted)
    _emit("created", api_key, actor)
    return IssuedCustomerAPIKey(api_key, value)


def _locked(api_key: CustomerAPIKey) -> CustomerAPIKey:
    keys = CustomerAPIKey.objects.in_environment(api_key.environment_id)
    return keys.select_for_update().require(api_key.pk)


def _note_use(api_key: CustomerAPIKey, moment: datetime) -> None:
    if api_key.last_used_at is None or api_key.last_used_at < moment - _LAST_USE_RESOLUTION:
        api_key.last_used_at = moment
        # Not a save: the key may just have been deleted, which is no error here.
        CustomerAPIKey.objects.in_environment(api_key.environment_id).filter(pk=api_key.pk).update(
            last_used_at=moment
        )


def _emit(
    verb: str, api_key: CustomerAPIKey, actor: Actor, previous: Mapping[str, Any] | None = None
) -> None:
    data: dict[str, Any] = {**represent_api_key(api_key)}
    if previous is not None:
        # The spec has them inside the object here, beside the context's.
        data["previous_attributes"] = previous
    emit(
        f"api_key.{verb}",
        environment=api_key.environment,
        actor=actor,
        data=data,
        previous_attributes=previous,
        organization_id=api_key.organization_id,
    )
