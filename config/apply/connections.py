"""Organizations' connections in a setup file: their section, and making what it says."""

from collections.abc import Mapping
from typing import Any, cast

from rest_framework import serializers

from config.apply.strict import SetupFileError, Strict
from foundation.actors import Actor
from organizations.models import Organization
from sso import services as sso
from sso.api.readings import changes_of
from sso.api.serializers import (
    AttributeMapsInput,
    OIDCOptionsInput,
    SAMLOptionsInput,
    StandardAttributesInput,
)
from sso.connection_types import ConnectionType, Protocol, protocol_of
from sso.models import Connection
from sso.saml.metadata import MetadataRefused, read_idp_metadata

_TYPES = [kind.value for kind in ConnectionType if protocol_of(kind) in {Protocol.SAML, Protocol.OIDC}]
_LONGEST_METADATA = 2 * 1024 * 1024


class StandardAttributesSection(Strict, StandardAttributesInput):
    """The provider's attribute by field of the profile; null for the preset of the type."""


class AttributeMapsSection(Strict, AttributeMapsInput):
    """How what the provider sends becomes a profile."""

    standard_attributes = StandardAttributesSection(required=False)


class SAMLOptionsSection(Strict, SAMLOptionsInput):
    """What the API takes, and the provider's metadata as text."""

    idp_metadata_xml = serializers.CharField(required=False, max_length=_LONGEST_METADATA)


class OIDCOptionsSection(Strict, OIDCOptionsInput):
    """What the API takes."""


class ConnectionSection(Strict):
    """A connection of the organization it stands under: found by id, else by external id, else by type and name."""

    id = serializers.CharField(required=False, max_length=80)
    type = serializers.ChoiceField(choices=_TYPES)
    name = serializers.CharField(required=False, max_length=255)
    external_id = serializers.CharField(required=False, max_length=128)
    state = serializers.ChoiceField(choices=["active", "inactive"], required=False)
    domains = serializers.ListField(child=serializers.CharField(max_length=253), required=False)
    attribute_maps = AttributeMapsSection(required=False)
    role_map = serializers.DictField(child=serializers.CharField(max_length=100), required=False)
    single_logout = serializers.BooleanField(required=False)
    saml_options = SAMLOptionsSection(required=False)
    oidc_options = OIDCOptionsSection(required=False)


def apply_connection(organization: Organization, section: Mapping[str, Any], actor: Actor) -> str:
    """Make a connection what its section says; return "created", "changed", or nothing where it was so already.

    Raises SetupFileError, and the refusals of the services.
    """
    row = _find(organization, section)
    changes = changes_of(_with_metadata(section), row)
    if row is None:
        sso.create_connection(
            environment=organization.environment,
            actor=actor,
            connection_type=section["type"],
            organization=organization,
            changes=changes,
            connection_id=section.get("id", ""),
        )
        return "created"
    former = row.updated_at
    return (
        ""
        if sso.update_connection(connection=row, actor=actor, changes=changes).updated_at == former
        else "changed"
    )


def _find(organization: Organization, section: Mapping[str, Any]) -> Connection | None:
    rows = sso.connections_with_settings(organization.environment)
    if "id" in section:
        row = rows.find(section["id"])
        if row is not None and row.organization_id != organization.pk:
            raise SetupFileError(f"the connection {row.pk} belongs to another organization.")
    else:
        rows = rows.filter(organization=organization)
        if "external_id" in section:
            rows = rows.filter(external_id=section["external_id"])
        else:
            rows = rows.filter(connection_type=section["type"])
            rows = rows.filter(name=section["name"]) if "name" in section else rows
        same = list(rows.order_by("pk")[:2])
        if len(same) > 1:
            raise SetupFileError(
                f"more than one {section['type']} connection is there; name it by id, external_id or name."
            )
        row = same[0] if same else None
    if row is not None and row.connection_type != section["type"]:
        raise SetupFileError(
            f"the connection {row.pk} is of type {row.connection_type}, which cannot be changed."
        )
    return row


def _with_metadata(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section with what the provider's metadata says; what stands beside it in the file counts more."""
    options = dict(section.get("saml_options", {}))
    text = options.pop("idp_metadata_xml", None)
    if text is None:
        return dict(section)
    try:
        described = read_idp_metadata(text.encode(), options.get("idp_entity_id", ""))
    except MetadataRefused as refusal:
        raise SetupFileError(f"saml_options.idp_metadata_xml: {refusal}") from refusal
    told = cast("dict[str, Any]", sso.changes_by(described))
    told = {_NAMES_IN_THE_FILE.get(name, name): value for name, value in told.items()}
    return {**section, "saml_options": {**told, **options}}


# The services' names that the API spells in another way.
_NAMES_IN_THE_FILE = {"idp_certificates": "idp_signing_certs"}
