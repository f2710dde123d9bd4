"""Connections: created, changed, switched off and on, deleted."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from django.db import IntegrityError, transaction

from authorization.services import list_roles
from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.dns_names import to_ascii_domain
from foundation.errors import NotFound
from foundation.scoping import EnvironmentQuerySet
from organizations.models import Organization
from sso.connection_types import ConnectionType, Protocol, canonical_type, protocol_of
from sso.errors import ConnectionAlreadyExists, ConnectionSettingsInvalid
from sso.models import Connection, ConnectionDomain, ConnectionState
from sso.representations import (
    represent_connection_details,
    represent_connection_for_event,
    represent_deleted_connection,
)
from sso.services.settings import (
    OAuthChanges,
    OIDCChanges,
    SAMLChanges,
    is_complete,
    write_oauth,
    write_oidc,
    write_saml,
)
from sso.services.test_idp import refuse_test_idp_in_production, test_idp_settings

PROFILE_FIELDS = ("idp_id", "email", "first_name", "last_name", "name", "groups", "role")

_COLUMNS = ("name", "external_id", "attribute_map", "custom_attribute_map", "role_map", "single_logout")
_MOST_DOMAINS = 200
_MOST_CUSTOM_ATTRIBUTES = 200


class ConnectionChanges(TypedDict, total=False):
    """What may be written of a connection; a key that is missing leaves its attribute as it is.

    ``attribute_map``: the provider's attribute by profile field. ``role_map``: role slug by group name or value of
    the role attribute. ``domains``: which of the organization's domains it serves, none meaning all. ``saml``,
    ``oidc``, ``oauth``: the settings of its protocol. ``single_logout``: whether whoever signs out here goes on to sign out
    at the provider, which an organization's connections alone can choose. ``is_enabled``: whether anybody may sign in through it.
    """

    name: str
    external_id: str | None
    attribute_map: Mapping[str, str]
    custom_attribute_map: Mapping[str, str]
    role_map: Mapping[str, str]
    domains: Sequence[str]
    saml: SAMLChanges
    oidc: OIDCChanges
    oauth: OAuthChanges
    single_logout: bool
    is_enabled: bool


def connections_with_relations(environment: Environment | str) -> EnvironmentQuerySet[Connection]:
    """Return the connections with what their public JSON embeds: three queries, however many they are."""
    rows = Connection.objects.in_environment(environment).select_related("environment", "organization")
    return rows.prefetch_related("domains", "organization__domains")


def connections_with_settings(environment: Environment | str) -> EnvironmentQuerySet[Connection]:
    """Return the connections with their protocol's settings and certificates besides."""
    rows = connections_with_relations(environment)
    return rows.select_related("saml_settings", "oidc_settings", "oauth_provider").prefetch_related(
        "idp_certificates", "sp_key_pairs"
    )


@transaction.atomic
def create_connection(
    *,
    environment: Environment,
    actor: Actor,
    connection_type: str,
    organization: Organization | None,
    changes: ConnectionChanges,
    connection_id: str = "",
) -> Connection:
    """Create a connection; it is ``validating`` until its first good sign-in, ``draft`` while settings are missing.

    SAML and OIDC connections belong to an organization, the others to the environment. ``connection_id`` pins the id,
    for setup files alone. Raises ConnectionSettingsInvalid, ConnectionAlreadyExists.
    """
    kind = ConnectionType(canonical_type(connection_type))
    _refuse_wrong_owner(kind, organization)
    connection = Connection(
        environment=environment,
        organization=organization,
        connection_type=kind.value,
        name=changes.get("name") or (kind.label if organization is None else organization.name),
        state=ConnectionState.DRAFT,
    )
    if connection_id:
        connection.id = connection_id
    for name in _COLUMNS[1:]:
        if name in changes:
            setattr(connection, name, changes[name])  # type: ignore[literal-required]  # the names are its keys
    _refuse_bad_maps(connection, changes)
    _refuse_logout_of_nobody(connection)
    connection.updated_at = connection.created_at
    try:
        with transaction.atomic():
            connection.save(force_insert=True)
    except IntegrityError as error:
        raise ConnectionAlreadyExists from error
    _write_domains(connection, changes.get("domains", ()))
    _write_settings(connection, changes, is_new=True)
    connection.state = _state(connection, is_enabled=changes.get("is_enabled", True))
    connection.save(update_fields=["state"])
    del actor  # The catalogue has no event for a connection that nobody has signed in through yet.
    return require_connection(environment, connection.id)


@transaction.atomic
def update_connection(*, connection: Connection, actor: Actor, changes: ConnectionChanges) -> Connection:
    """Change what is named. Raises ConnectionSettingsInvalid, ConnectionAlreadyExists, NotFound."""
    environment = connection.environment
    connection = _locked(connection)
    before = represent_connection_details(connection)
    former_state = connection.state
    for name in _COLUMNS:
        if name in changes:
            setattr(connection, name, changes[name])  # type: ignore[literal-required]  # the names are its keys
    _refuse_bad_maps(connection, changes)
    _refuse_logout_of_nobody(connection)
    if "domains" in changes:
        _write_domains(connection, changes["domains"])
    rewritten = _write_settings(connection, changes, is_new=False)
    enabled = changes.get("is_enabled", former_state != ConnectionState.INACTIVE)
    connection.state = _state(connection, is_enabled=enabled)
    # Read anew: what was prefetched is what stood before.
    if not rewritten and before == represent_connection_details(_after(connection)):
        return connection
    connection.updated_at = clock.now()
    try:
        with transaction.atomic():
            connection.save(update_fields=[*_COLUMNS, "state", "updated_at"])
    except IntegrityError as error:
        raise ConnectionAlreadyExists from error
    connection = require_connection(environment, connection.id)
    _tell_state(connection, former_state, actor)
    return connection


@transaction.atomic
def delete_connection(*, connection: Connection, actor: Actor) -> None:
    """Delete a connection with its profiles and its trail; one event tells. Raises NotFound."""
    environment = connection.environment
    connection = _locked(connection)
    data = represent_deleted_connection(connection)
    connection.delete()
    emit("connection.deleted", environment=environment, actor=actor, data=data)


@transaction.atomic
def activate_connection(*, connection: Connection, actor: Actor) -> None:
    """Note that somebody has signed in through a connection for the first time."""
    rows = Connection.objects.in_environment(connection.environment_id).filter(pk=connection.pk)
    moment = clock.now()
    # One of two first sign-ins wins, and tells.
    won = rows.filter(state=ConnectionState.VALIDATING).update(
        state=ConnectionState.ACTIVE, activated_at=moment, updated_at=moment
    )
    if won:
        activated = require_connection(connection.environment, connection.id)
        emit(
            "connection.activated",
            environment=connection.environment,
            actor=actor,
            data=represent_connection_for_event(activated),
        )


def require_connection(environment: Environment | str, connection_id: str) -> Connection:
    """Return a connection with all its settings; raises NotFound."""
    return connections_with_settings(environment).require(connection_id)


def find_connection_of_external_id(
    organization: Organization | None, external_id: str | None
) -> Connection | None:
    """Return the organization's connection that the product calls so, with all its settings; None for none."""
    if organization is None or not external_id:
        return None
    rows = connections_with_settings(organization.environment_id)
    return rows.filter(organization=organization, external_id=external_id).first()


def require_connection_of_anybody(connection_id: str) -> Connection:
    """Return a connection by an id that stands in a public address, whichever environment it belongs to; raises NotFound."""
    environment_id = (
        Connection.unscoped.filter(pk=connection_id).values_list("environment_id", flat=True).first()
    )
    if environment_id is None:
        raise NotFound.of("Connection", connection_id)
    return require_connection(environment_id, connection_id)


def _locked(connection: Connection) -> Connection:
    rows = Connection.objects.in_environment(connection.environment_id)
    rows.select_for_update(of=("self",)).require(connection.id)
    return require_connection(connection.environment_id, connection.id)


def _after(connection: Connection) -> Connection:
    """Return the connection as its public JSON will show it: relations from the database, columns as they are set."""
    fresh = require_connection(connection.environment_id, connection.id)
    for name in (*_COLUMNS, "state"):
        setattr(fresh, name, getattr(connection, name))
    return fresh


def _state(connection: Connection, *, is_enabled: bool) -> ConnectionState:
    if not is_complete(connection):
        return ConnectionState.DRAFT
    if not is_enabled:
        return ConnectionState.INACTIVE
    return ConnectionState.VALIDATING if connection.activated_at is None else ConnectionState.ACTIVE


def _tell_state(connection: Connection, former_state: str, actor: Actor) -> None:
    """Tell when a connection that people used is switched off, or on again."""
    was_active, is_active = (state == ConnectionState.ACTIVE for state in (former_state, connection.state))
    if was_active == is_active:
        return
    emit(
        "connection.activated" if is_active else "connection.deactivated",
        environment=connection.environment,
        actor=actor,
        data=represent_connection_for_event(connection),
    )


def _refuse_wrong_owner(kind: ConnectionType, organization: Organization | None) -> None:
    belongs_to_organization = protocol_of(kind) in {Protocol.SAML, Protocol.OIDC}
    if belongs_to_organization and organization is None:
        raise ConnectionSettingsInvalid.of(
            "organization_id", f"A {kind.value} connection is an organization's."
        )
    if not belongs_to_organization and organization is not None:
        raise ConnectionSettingsInvalid.of(
            "organization_id",
            f"A {kind.value} connection belongs to the environment, not to an organization.",
        )


def _refuse_bad_maps(connection: Connection, changes: ConnectionChanges) -> None:
    problems = [
        ("attribute_maps", f"A profile has no field {field[:60]!r}.")
        for field in changes.get("attribute_map", {})
        if field not in PROFILE_FIELDS
    ]
    if len(changes.get("custom_attribute_map", {})) > _MOST_CUSTOM_ATTRIBUTES:
        problems.append(
            ("attribute_maps", f"A profile has at most {_MOST_CUSTOM_ATTRIBUTES} custom attributes.")
        )
    wanted = set(changes.get("role_map", {}).values())
    if wanted:
        roles = list_roles(connection.environment, connection.organization)
        known = set(roles.filter(slug__in=wanted).values_list("slug", flat=True))
        problems += [("role_map", f"There is no role {slug[:60]!r}.") for slug in sorted(wanted - known)]
    if problems:
        raise ConnectionSettingsInvalid(problems)


def _refuse_logout_of_nobody(connection: Connection) -> None:
    if connection.single_logout and connection.protocol not in {Protocol.SAML, Protocol.OIDC}:
        raise ConnectionSettingsInvalid.of(
            "single_logout", f"A {connection.connection_type} connection has no logout at its provider."
        )


def _write_settings(connection: Connection, changes: ConnectionChanges, *, is_new: bool) -> bool:
    """Write what is given of the settings of the connection's protocol; refuse those of another one."""
    own = connection.protocol
    refuse_test_idp_in_production(connection, cast("dict[str, Any]", changes).get(own.value) or {})
    for protocol in (Protocol.SAML, Protocol.OIDC, Protocol.OAUTH):
        if protocol.value in changes and protocol is not own:
            raise ConnectionSettingsInvalid.of(
                f"{protocol.value}_options", f"A {connection.connection_type} connection has no such options."
            )
    given = cast("dict[str, Any]", changes).get(own.value)
    if is_new and connection.connection_type == ConnectionType.TEST_IDP:
        given = {**test_idp_settings(connection.environment), **(given or {})}
    if own is Protocol.MAGIC_LINK or (given is None and not is_new):
        return False
    writers: Mapping[Protocol, Any] = {
        Protocol.SAML: write_saml,
        Protocol.OIDC: write_oidc,
        Protocol.OAUTH: write_oauth,
    }
    return bool(writers[own](connection, given or {}))


def _write_domains(connection: Connection, domains: Sequence[str]) -> None:
    if len(domains) > _MOST_DOMAINS:
        raise ConnectionSettingsInvalid.of("domains", f"A connection serves at most {_MOST_DOMAINS} domains.")
    try:
        names = {to_ascii_domain(name) for name in domains}
    except ValueError as error:
        raise ConnectionSettingsInvalid.of("domains", str(error)) from error
    rows = ConnectionDomain.objects.in_environment(connection.environment_id).filter(connection=connection)
    rows.exclude(domain__in=names).delete()
    present = set(rows.values_list("domain", flat=True))
    ConnectionDomain.objects.bulk_create(
        ConnectionDomain(environment_id=connection.environment_id, connection=connection, domain=name)
        for name in sorted(names - present)
    )
