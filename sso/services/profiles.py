"""Profiles: what an identity provider says of a person, kept as it last said it."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists

from accounts.email_addresses import email_domain, normalize_email
from accounts.errors import InvalidEmail
from accounts.models import User
from authorization.services import list_roles
from foundation import clock
from organizations.models import VERIFIED_STATES, OrganizationDomain
from sso.attribute_presets import map_custom_attributes
from sso.exchanges import ReceivedProfile
from sso.models import Connection, ConnectionDomain, Profile

_LONGEST = {"first_name": 200, "last_name": 200, "name": 400}


@transaction.atomic
def record_profile(connection: Connection, received: ReceivedProfile, roles: Sequence[str] = ()) -> Profile:
    """Create or refresh the profile of a subject; its role follows the connection's map at each sign-in."""
    columns: dict[str, Any] = {
        "email": normalized(received.email),
        "email_verified": received.email_verified,
        **{
            name: (text or None) and text[:limit]
            for name, limit in _LONGEST.items()
            for text in [getattr(received, name)]
        },
        "groups": list(received.groups),
        "role_slugs": _role_slugs(connection, [*received.groups, *roles]),
        "custom_attributes": map_custom_attributes(connection.custom_attribute_map, received.raw_attributes),
        "raw_attributes": dict(received.raw_attributes),
    }
    rows = Profile.objects.in_environment(connection.environment_id)
    profile = rows.select_for_update().filter(connection=connection, idp_id=received.idp_id).first()
    if profile is None:
        profile = _insert(connection, received.idp_id)
    moment = clock.now()
    changed = [name for name, value in columns.items() if getattr(profile, name) != value]
    for name in changed:
        setattr(profile, name, columns[name])
    if changed:
        profile.updated_at = moment
    profile.last_seen_at = moment
    profile.save(update_fields=[*changed, "updated_at", "last_seen_at"])
    profile.connection = connection
    return profile


@transaction.atomic
def link_profile(*, profile: Profile, user: User) -> None:
    """Note whom a profile signs in."""
    if profile.user_id != user.id:
        profile.user = user
        profile.save(update_fields=["user"])


def normalized(email: str | None) -> str:
    """Return the stored form of an address that a provider sent; an empty text for none, and for what is no address."""
    try:
        return normalize_email(email or "")
    except InvalidEmail:
        return ""


def is_vouched_for(profile: Profile) -> bool:
    """Tell whether the profile's connection can speak for its address: it serves the domain, proven by its organization.

    A social provider speaks for the addresses that it has verified itself.
    """
    if not profile.email:
        return False
    organization_id = profile.connection.organization_id
    if organization_id is None:
        return profile.email_verified
    return owns_domain(profile.connection, email_domain(profile.email))


def owns_domain(connection: Connection, domain: str) -> bool:
    """Tell whether a connection speaks for a domain: its organization has proven it, and it names this domain or none.

    A connection that names its domains is one of several, of a subsidiary perhaps: its provider says nothing of the
    people of the others.
    """
    own = ConnectionDomain.objects.in_environment(connection.environment_id).filter(connection=connection)
    claims = OrganizationDomain.objects.in_environment(connection.environment_id).filter(
        organization_id=connection.organization_id, state__in=VERIFIED_STATES, domain=domain
    )
    served = claims.filter(Exists(own.filter(domain=domain)) | ~Exists(own))
    return connection.organization_id is not None and served.exists()


def _insert(connection: Connection, idp_id: str) -> Profile:
    rows = Profile.objects.in_environment(connection.environment_id)
    try:
        with transaction.atomic():
            return Profile.objects.create(
                environment_id=connection.environment_id, connection=connection, idp_id=idp_id
            )
    except IntegrityError:
        # Two first sign-ins of one person at once.
        return rows.select_for_update().get(connection=connection, idp_id=idp_id)


def _role_slugs(connection: Connection, names: Sequence[str]) -> list[str]:
    """Return the roles that groups and the role attribute bring, in priority order; roles that are gone are left out."""
    wanted = {connection.role_map[name] for name in names if name in connection.role_map}
    if not wanted:
        return []
    roles = list_roles(connection.environment, connection.organization).filter(slug__in=wanted)
    return list(roles.values_list("slug", flat=True))
