"""From what identity providers call things to the fields of a profile: presets by type, a connection's own map on top.

A preset names, for each field, the attributes that are looked for, in this order; the first one with a value counts. A
field in a connection's ``attribute_map`` is read from the attribute that is named there and from no other.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sso.connection_types import ConnectionType, Protocol, protocol_of

# What an attribute map names to mean the subject itself, whatever attributes there are.
NAME_ID: Final = "NameID"

MAXIMUM_GROUPS: Final = 2_000
_MAXIMUM_CHARACTERS: Final = {"idp_id": 512, "email": 320, "first_name": 200, "last_name": 200, "name": 400}
_MAXIMUM_GROUP_CHARACTERS: Final = 512

_FORMATS_OF_ADDRESSES: Final = frozenset(
    {
        "",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
        "urn:oasis:names:tc:SAML:2.0:nameid-format:unspecified",
    }
)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
_MICROSOFT = "http://schemas.microsoft.com/identity/claims"
_WINDOWS = "http://schemas.microsoft.com/ws/2008/06/identity/claims"

Preset = Mapping[str, tuple[str, ...]]

# The names that guides of the trade use, the ones of X.500 and eduPerson, the claims of WS-Federation.
_SAML: Preset = MappingProxyType(
    {
        "idp_id": ("id", "idp_id", NAME_ID),
        "email": (
            "email",
            "Email",
            "mail",
            "emailAddress",
            "EmailAddress",
            "email_address",
            f"{_CLAIMS}/emailaddress",
            "urn:oid:0.9.2342.19200300.100.1.3",
            "urn:oid:1.2.840.113549.1.9.1",
            # As pysaml2 writes it.
            "urn:oid:1.2.840.113549.1.9.1.1",
        ),
        "first_name": (
            "firstName",
            "FirstName",
            "first_name",
            "givenName",
            "given_name",
            f"{_CLAIMS}/givenname",
            "urn:oid:2.5.4.42",
        ),
        "last_name": (
            "lastName",
            "LastName",
            "last_name",
            "surname",
            "sn",
            "family_name",
            f"{_CLAIMS}/surname",
            "urn:oid:2.5.4.4",
        ),
        "name": (
            "displayName",
            "name",
            "fullName",
            "cn",
            f"{_MICROSOFT}/displayname",
            "urn:oid:2.16.840.1.113730.3.1.241",
            "urn:oid:2.5.4.3",
        ),
        "groups": (
            "groups",
            "Groups",
            "group",
            "memberOf",
            f"{_WINDOWS}/groups",
            "http://schemas.xmlsoap.org/claims/Group",
            "urn:oid:1.3.6.1.4.1.5923.1.5.1.1",
        ),
        "role": ("role", "roles", "Role", f"{_WINDOWS}/role"),
    }
)

_OIDC: Preset = MappingProxyType(
    {
        "idp_id": ("sub",),
        "email": ("email",),
        "first_name": ("given_name",),
        "last_name": ("family_name",),
        "name": ("name",),
        "groups": ("groups",),
        "role": ("roles", "role"),
    }
)

# Where a type differs, its names come before the common ones.
_EDU_PERSON: Preset = {
    # Pairwise and subject ids first (SAML subject identifiers 1.0), then what they replace; all of them stay the same.
    "idp_id": (
        "urn:oasis:names:tc:SAML:attribute:pairwise-id",
        "urn:oasis:names:tc:SAML:attribute:subject-id",
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.13",
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.10",
    ),
    "email": ("urn:oid:0.9.2342.19200300.100.1.3", "mail"),
    "first_name": ("urn:oid:2.5.4.42", "givenName"),
    "last_name": ("urn:oid:2.5.4.4", "sn"),
    "name": ("urn:oid:2.16.840.1.113730.3.1.241", "displayName"),
    "groups": ("urn:oid:1.3.6.1.4.1.5923.1.5.1.1", "isMemberOf"),
    "role": ("urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "eduPersonScopedAffiliation"),
}

_BY_TYPE: Mapping[ConnectionType, Preset] = {
    # Its NameID is the user principal name, which changes with a marriage; the object id never does.
    ConnectionType.AZURE_SAML: {
        "idp_id": (f"{_MICROSOFT}/objectidentifier",),
        "email": (f"{_CLAIMS}/emailaddress", "email", f"{_CLAIMS}/upn", f"{_CLAIMS}/name"),
        "first_name": (f"{_CLAIMS}/givenname",),
        "last_name": (f"{_CLAIMS}/surname",),
        "name": (f"{_MICROSOFT}/displayname",),
        "groups": (f"{_WINDOWS}/groups",),
        "role": (f"{_WINDOWS}/role",),
    },
    ConnectionType.ADFS_SAML: {
        "email": (f"{_CLAIMS}/emailaddress", f"{_CLAIMS}/upn"),
        "first_name": (f"{_CLAIMS}/givenname",),
        "last_name": (f"{_CLAIMS}/surname",),
        "name": (f"{_CLAIMS}/name",),
        "groups": ("http://schemas.xmlsoap.org/claims/Group", f"{_WINDOWS}/groups"),
        "role": (f"{_WINDOWS}/role",),
    },
    ConnectionType.AUTH0_SAML: {
        "idp_id": (f"{_CLAIMS}/nameidentifier",),
        "email": (f"{_CLAIMS}/emailaddress",),
        "name": (f"{_CLAIMS}/name",),
    },
    ConnectionType.ONELOGIN_SAML: {
        "email": ("User.email", "email"),
        "first_name": ("User.FirstName", "firstName"),
        "last_name": ("User.LastName", "lastName"),
        "groups": ("memberOf", "groups"),
    },
    ConnectionType.JUMPCLOUD_SAML: {
        "first_name": ("firstname", "firstName"),
        "last_name": ("lastname", "lastName"),
        "groups": ("memberOf", "groups"),
    },
    ConnectionType.KEYCLOAK_SAML: {
        "email": ("email", "urn:oid:1.2.840.113549.1.9.1"),
        "groups": ("groups", "member"),
        "role": ("Role", "roles"),
    },
    ConnectionType.PINGFEDERATE_SAML: {"idp_id": ("SAML_SUBJECT", "id"), "groups": ("memberOf", "groups")},
    ConnectionType.PINGONE_SAML: {
        "groups": ("memberOf", "p1.groups", "groups"),
        "email": ("email", "saml_subject"),
    },
    ConnectionType.SALESFORCE_SAML: {"idp_id": ("userId", "user_id", "id"), "email": ("email", "username")},
    ConnectionType.CLOUDFLARE_SAML: {"email": ("email",), "name": ("name",)},
    ConnectionType.LASTPASS_SAML: {"groups": ("groups", "Groups")},
    ConnectionType.SIMPLESAMLPHP_SAML: {"idp_id": ("uid", "urn:oid:0.9.2342.19200300.100.1.1")},
    ConnectionType.SHIBBOLETH_SAML: _EDU_PERSON,
    ConnectionType.SHIBBOLETH_GENERIC_SAML: _EDU_PERSON,
    # Entra ID sends no e-mail address for accounts without a mailbox.
    ConnectionType.ENTRA_ID_OIDC: {"email": ("email", "preferred_username", "upn")},
    ConnectionType.LOGIN_GOV_OIDC: {"email": ("email", "all_emails")},
    ConnectionType.CLEVER_OIDC: {"role": ("user_type", "roles")},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedProfile:
    """The fields of a profile as a provider filled them. ``roles`` are the values of the role attribute."""

    idp_id: str | None
    email: str | None
    first_name: str | None
    last_name: str | None
    name: str | None
    groups: tuple[str, ...]
    roles: tuple[str, ...]


def preset_of(connection_type: str) -> Preset:
    """Return the attributes that are looked for by field, the type's own names before the common ones."""
    known = ConnectionType(connection_type)
    common = _SAML if protocol_of(known) is Protocol.SAML else _OIDC
    own = _BY_TYPE.get(known, {})
    return {field: tuple(dict.fromkeys((*own.get(field, ()), *names))) for field, names in common.items()}


def map_profile(
    connection_type: str,
    attribute_map: Mapping[str, str],
    raw: Mapping[str, Any],
    *,
    name_id: str = "",
    name_id_format: str = "",
) -> MappedProfile:
    """Return the profile's fields from the attributes or claims of an answer that passed its checks.

    ``raw`` has a value, or several, by name; SAML gives the NameID beside it, empty if it is transient. Of a field
    with one value the first counts. What is empty, too long or no text counts as absent; a name that is too long is cut.
    """
    preset = preset_of(connection_type)
    subject = {NAME_ID: name_id} if name_id else {}

    def values_of(field: str) -> tuple[str, ...]:
        chosen = attribute_map.get(field)
        names = (chosen,) if chosen else preset[field]
        return next(filter(None, (_values_at({**raw, **subject}, name) for name in names)), ())

    email = _first(values_of("email"), "email")
    if email is None and not attribute_map.get("email"):
        email = _address_in(name_id, name_id_format)
    return MappedProfile(
        idp_id=_first(values_of("idp_id"), "idp_id"),
        email=email,
        first_name=_first(values_of("first_name"), "first_name", may_cut=True),
        last_name=_first(values_of("last_name"), "last_name", may_cut=True),
        name=_first(values_of("name"), "name", may_cut=True),
        groups=_listed(values_of("groups")),
        roles=_listed(values_of("role")),
    )


def map_custom_attributes(
    custom_attribute_map: Mapping[str, str], raw: Mapping[str, Any]
) -> dict[str, str | list[str]]:
    """Return a profile's further attributes: a text for one value, a list for several, nothing for none."""
    found = {name: _values_at(raw, attribute) for name, attribute in custom_attribute_map.items()}
    return {name: plain(values) for name, values in found.items() if values}


def plain(values: Iterable[str]) -> str | list[str]:
    """Return one value as a text and several as a list, as raw attributes stand in a profile."""
    listed = list(values)
    return listed[0] if len(listed) == 1 else listed


def _values_at(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the texts at a name; a name with dots leads into objects if nothing has it whole."""
    value: Any = raw.get(name)
    if value is None and "." in name:
        value = raw
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    values = value if isinstance(value, list | tuple) else (value,)
    return tuple(filter(None, map(_text, values)))


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            # PostgreSQL keeps no NUL, and a name with one is no name.
            text = str(value).strip()
            return "" if "\0" in text else text
        case _:
            return ""


def _first(values: tuple[str, ...], field: str, *, may_cut: bool = False) -> str | None:
    if not values:
        return None
    limit = _MAXIMUM_CHARACTERS[field]
    if len(values[0]) > limit:
        # A subject or an address that is cut would be somebody else's.
        return values[0][:limit] if may_cut else None
    return values[0]


def _listed(values: tuple[str, ...]) -> tuple[str, ...]:
    fitting = [value for value in values if len(value) <= _MAXIMUM_GROUP_CHARACTERS]
    return tuple(dict.fromkeys(fitting))[:MAXIMUM_GROUPS]


def _address_in(name_id: str, name_id_format: str) -> str | None:
    """Return a NameID that is an e-mail address: where no attribute has one, it is meant as such."""
    if name_id_format not in _FORMATS_OF_ADDRESSES or len(name_id) > _MAXIMUM_CHARACTERS["email"]:
        return None
    return name_id if _ADDRESS.fullmatch(name_id) else None
