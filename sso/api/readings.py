"""The input of the connections API, in the words of the services."""

from collections.abc import Mapping
from typing import Any

from sso.connection_types import ConnectionType
from sso.errors import ConnectionSettingsInvalid
from sso.models import Connection
from sso.services import ConnectionChanges

# The names on the wire that differ from those of the columns.
_SAML_NAMES = {
    "idp_metadata_url": "metadata_url",
    "idp_signing_certs": "idp_certificates",
    "sp_signing_key_pair": "signing_key_pair",
    "sp_encryption_key_pairs": "encryption_key_pairs",
}


def changes_of(fields: Mapping[str, Any], present: Connection | None = None) -> ConnectionChanges:
    """Return what an input changes; ``present`` is the connection whose attribute maps are added to."""
    changes: dict[str, Any] = {
        name: fields[name]
        for name in ("name", "external_id", "domains", "role_map", "single_logout")
        if name in fields
    }
    if "state" in fields:
        changes["is_enabled"] = fields["state"] == "active"
    changes |= _maps(fields.get("attribute_maps", {}), present)
    if "saml_options" in fields:
        changes["saml"] = _saml(fields["saml_options"])
    older = fields.get("options", {})
    if older.get("signing_key") or older.get("signing_cert"):
        # Older SDKs know one pair, which signs and is encrypted to.
        pair = {"key": older.get("signing_key") or "", "cert": older.get("signing_cert") or ""}
        changes["saml"] = {
            "encryption_key_pairs": [pair],
            **changes.get("saml", {}),
            "signing_key_pair": pair,
        }
    if "oidc_options" in fields:
        changes["oidc"] = _oidc(fields["oidc_options"])
    if "oauth_options" in fields:
        changes["oauth"] = fields["oauth_options"]
    return changes  # type: ignore[return-value]  # the keys of ConnectionChanges, chosen above


def type_of(fields: Mapping[str, Any]) -> str:
    """Return the type of a new connection: as named, or by the options that were given."""
    if "connection_type" in fields:
        return str(fields["connection_type"])
    if "saml_options" in fields:
        return ConnectionType.GENERIC_SAML.value
    if "oidc_options" in fields:
        return ConnectionType.GENERIC_OIDC.value
    raise ConnectionSettingsInvalid.of(
        "connection_type", "Name the type, or give saml_options or oidc_options."
    )


def _maps(given: Mapping[str, Any], present: Connection | None) -> dict[str, Any]:
    maps = {}
    if "standard_attributes" in given:
        former = {} if present is None else present.attribute_map
        merged = {**former, **given["standard_attributes"]}
        # Null leaves the field to the preset of the connection's type.
        maps["attribute_map"] = {field: name for field, name in merged.items() if name}
    if "custom_attributes" in given:
        former = {} if present is None else present.custom_attribute_map
        merged = {**former, **given["custom_attributes"]}
        maps["custom_attribute_map"] = {field: name for field, name in merged.items() if name is not None}
    return maps


def _saml(options: Mapping[str, Any]) -> dict[str, Any]:
    changes = {_SAML_NAMES.get(name, name): value for name, value in options.items()}
    for name in ("metadata_url", "idp_slo_url", "idp_slo_response_url", "sp_entity_id", "acs_url"):
        if name in changes:
            changes[name] = changes[name] or ""
    return changes


def _oidc(options: Mapping[str, Any]) -> dict[str, Any]:
    changes = dict(options)
    endpoint = changes.pop("discovery_endpoint", None)
    if endpoint is not None:
        changes |= {"issuer": endpoint, "uses_discovery": True}
    if "pkce" in changes:
        changes["uses_pkce"] = changes.pop("pkce")
    pair = changes.pop("jwt_signing_key_pair", None)
    if pair is not None:
        changes |= {"jwt_signing_key": pair["key"], "jwt_signing_certificate": pair["cert"]}
    # Null goes back to what is usual: our own callback, what discovery says, our whole list.
    for name in ("redirect_uri", "token_authentication_method", "id_token_signature_algorithm"):
        if name in changes:
            changes[name] = changes[name] or ""
    return changes
