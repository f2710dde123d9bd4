"""The public JSON of connections, with their settings and as events carry them."""

from typing import Any, Literal, NotRequired, TypedDict

from foundation import clock
from sso import conf
from sso.connection_types import Protocol
from sso.models import (
    Connection,
    ConnectionState,
    KeyPairUse,
)

# The states in which people can sign in through a connection: "linked" in the older field.
LINKED_STATES = (ConnectionState.ACTIVE, ConnectionState.VALIDATING)


class ConnectionDomainObject(TypedDict):
    """A mail domain whose people sign in through a connection."""

    id: str
    object: Literal["connection_domain"]
    domain: str


class ConnectionObject(TypedDict):
    """A way to an identity provider."""

    object: Literal["connection"]
    id: str
    # Absent for the environment's own social providers.
    organization_id: NotRequired[str]
    connection_type: str
    name: str
    state: str
    status: Literal["linked", "unlinked"]
    domains: list[ConnectionDomainObject]
    external_id: str | None
    created_at: str
    updated_at: str


class StandardAttributesObject(TypedDict, total=False):
    """Which attribute or claim of the provider fills a field of the profile; what is absent follows the type."""

    idp_id: str
    email: str
    first_name: str
    last_name: str
    name: str
    groups: str
    role: str


class AttributeMapsObject(TypedDict):
    """How what the provider sends becomes a profile."""

    standard_attributes: StandardAttributesObject
    custom_attributes: dict[str, str]


class SAMLOptionsObject(TypedDict):
    """A SAML connection: what we know of the identity provider, and what it has to know of us."""

    idp_metadata_url: str | None
    idp_metadata_failure: str | None
    idp_entity_id: str
    idp_sso_url: str
    idp_sso_binding: Literal["redirect", "post"]
    idp_slo_url: str
    idp_slo_binding: Literal["redirect", "post"]
    idp_slo_response_url: str | None
    idp_signing_certs: list[str]
    sp_entity_id: str
    sp_metadata_url: str
    # Null once it was deleted: requests are then unsigned.
    sp_signing_cert: str | None
    sp_encryption_certs: list[str]
    # Where responses are addressed to, and where this server takes them: the same unless there is an override.
    acs_url: str
    standard_acs_url: str
    slo_url: str
    sign_requests: bool
    require_signed_responses: bool
    require_encrypted_assertions: bool
    force_authn: bool
    requested_authn_context: str
    allow_idp_initiated: bool
    clock_skew_seconds: int


class OIDCOptionsObject(TypedDict):
    """An OIDC connection. The client secret and the private key are never shown.

    ``redirect_uri`` is what the provider has to know; ``callback_uri`` is ours, where a redirect URI elsewhere forwards to.
    """

    issuer: str
    discovery_endpoint: str | None
    client_id: str
    redirect_uri: str
    callback_uri: str
    post_logout_redirect_uri: str
    backchannel_logout_uri: str
    initiate_login_uri: str
    pkce: bool
    token_authentication_method: str | None
    jwt_signing_certs: list[str]
    id_token_signature_algorithm: str | None
    fetch_user_info: bool
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    scopes: str
    max_age: int | None
    allow_idp_initiated: bool
    clock_skew_seconds: int


class OAuthOptionsObject(TypedDict):
    """The environment's client at a social provider. Its secrets are never shown."""

    client_id: str
    redirect_uri: str
    provider_settings: dict[str, Any]
    scopes: str


class OlderOptionsObject(TypedDict):
    """What older SDKs read of a SAML connection."""

    signing_cert: str | None


class ConnectionDetailsObject(ConnectionObject):
    """A connection with its settings."""

    attribute_maps: AttributeMapsObject
    role_map: dict[str, str]
    single_logout: bool
    saml_options: NotRequired[SAMLOptionsObject]
    oidc_options: NotRequired[OIDCOptionsObject]
    oauth_options: NotRequired[OAuthOptionsObject]
    options: NotRequired[OlderOptionsObject]


class ConnectionEventObject(TypedDict):
    """A connection as events carry it; a deleted one without the last three."""

    object: Literal["connection"]
    id: str
    state: str
    name: str
    connection_type: str
    organization_id: NotRequired[str]
    created_at: str
    updated_at: str
    external_key: NotRequired[str]
    status: NotRequired[str]
    domains: NotRequired[list[ConnectionDomainObject]]


def represent_connection(connection: Connection) -> ConnectionObject:
    """Return the public JSON of a connection; ``domains`` and the organization's are prefetched."""
    answer: ConnectionObject = {
        "object": "connection",
        "id": connection.id,
        "connection_type": connection.connection_type,
        "name": connection.name,
        "state": connection.state,
        "status": status_of(connection),
        "domains": represent_domains(connection),
        "external_id": connection.external_id,
        "created_at": clock.iso(connection.created_at),
        "updated_at": clock.iso(connection.updated_at),
    }
    if connection.organization_id is not None:
        answer["organization_id"] = connection.organization_id
    return answer


def represent_connection_details(connection: Connection) -> ConnectionDetailsObject:
    """Return the public JSON of a connection with its settings, which are never secrets."""
    answer: ConnectionDetailsObject = {
        **represent_connection(connection),  # type: ignore[typeddict-item]  # what is not there is added below
        "attribute_maps": {
            "standard_attributes": connection.attribute_map,
            "custom_attributes": connection.custom_attribute_map,
        },
        "role_map": connection.role_map,
        "single_logout": connection.single_logout,
    }
    if connection.protocol is Protocol.SAML:
        answer["saml_options"] = _represent_saml(connection)
        answer["options"] = {"signing_cert": _signing_certificate(connection)}
    elif connection.protocol is Protocol.OIDC:
        answer["oidc_options"] = _represent_oidc(connection)
    elif connection.protocol is Protocol.OAUTH:
        answer["oauth_options"] = _represent_oauth(connection)
    return answer


def represent_connection_for_event(connection: Connection) -> ConnectionEventObject:
    """Return a connection as ``connection.activated`` and ``connection.deactivated`` carry it."""
    return {
        **represent_deleted_connection(connection),
        "external_key": connection.external_key,
        "status": status_of(connection),
        "domains": represent_domains(connection),
    }


def represent_deleted_connection(connection: Connection) -> ConnectionEventObject:
    """Return a connection as ``connection.deleted`` carries it: as before, without its domains."""
    answer: ConnectionEventObject = {
        "object": "connection",
        "id": connection.id,
        "state": connection.state,
        "name": connection.name,
        "connection_type": connection.connection_type,
        "created_at": clock.iso(connection.created_at),
        "updated_at": clock.iso(connection.updated_at),
    }
    if connection.organization_id is not None:
        answer["organization_id"] = connection.organization_id
    return answer


def status_of(connection: Connection) -> Literal["linked", "unlinked"]:
    """Return the older word for a connection's state."""
    return "linked" if connection.state in LINKED_STATES else "unlinked"


def represent_domains(connection: Connection) -> list[ConnectionDomainObject]:
    """Return the domains that a connection serves: its own, or all of its organization's where it names none."""
    own = [(row.id, row.domain) for row in connection.domains.all()]
    if not own and connection.organization is not None:
        own = [(row.id, row.domain) for row in connection.organization.domains.all()]
    return [{"id": row_id, "object": "connection_domain", "domain": domain} for row_id, domain in sorted(own)]


def _signing_certificate(connection: Connection) -> str | None:
    return next((pair.certificate for pair in connection.own_key_pairs(KeyPairUse.SIGNING)), None)


def _represent_saml(connection: Connection) -> SAMLOptionsObject:
    row = connection.saml_settings
    certificates = sorted(connection.idp_certificates.all(), key=lambda certificate: certificate.id)
    return {
        "idp_metadata_url": row.metadata_url or None,
        "idp_metadata_failure": row.metadata_failure or None,
        "idp_entity_id": row.idp_entity_id,
        "idp_sso_url": row.idp_sso_url,
        "idp_sso_binding": "post" if row.idp_sso_binding == "post" else "redirect",
        "idp_slo_url": row.idp_slo_url,
        "idp_slo_binding": "post" if row.idp_slo_binding == "post" else "redirect",
        "idp_slo_response_url": row.idp_slo_response_url or None,
        "idp_signing_certs": [certificate.certificate for certificate in certificates],
        "sp_entity_id": row.sp_entity_id or conf.saml_metadata_url(connection.id),
        "sp_metadata_url": conf.saml_metadata_url(connection.id),
        "sp_signing_cert": _signing_certificate(connection),
        "sp_encryption_certs": [pair.certificate for pair in connection.own_key_pairs(KeyPairUse.ENCRYPTION)],
        "acs_url": row.acs_url or conf.saml_acs_url(connection.id),
        "standard_acs_url": conf.saml_acs_url(connection.id),
        "slo_url": conf.saml_slo_url(connection.id),
        "sign_requests": row.sign_requests,
        "require_signed_responses": row.require_signed_responses,
        "require_encrypted_assertions": row.require_encrypted_assertions,
        "force_authn": row.force_authn,
        "requested_authn_context": row.requested_authn_context,
        "allow_idp_initiated": row.allow_idp_initiated,
        "clock_skew_seconds": row.clock_skew_seconds,
    }


def _represent_oidc(connection: Connection) -> OIDCOptionsObject:
    row = connection.oidc_settings
    discovery = f"{row.issuer.rstrip('/')}/.well-known/openid-configuration" if row.uses_discovery else None
    return {
        "issuer": row.issuer,
        "discovery_endpoint": discovery,
        "client_id": row.client_id,
        "redirect_uri": oidc_redirect_uri(connection),
        "callback_uri": conf.oidc_callback_url(connection.id),
        "pkce": row.uses_pkce,
        "token_authentication_method": row.token_authentication_method or None,
        "jwt_signing_certs": [row.jwt_signing_certificate] if row.jwt_signing_certificate else [],
        "id_token_signature_algorithm": row.id_token_signature_algorithm or None,
        "fetch_user_info": row.fetch_user_info,
        "post_logout_redirect_uri": conf.oidc_post_logout_url(connection.id),
        "backchannel_logout_uri": conf.oidc_backchannel_logout_url(connection.id),
        "initiate_login_uri": conf.oidc_initiate_login_url(connection.id),
        "authorization_endpoint": row.authorization_endpoint,
        "token_endpoint": row.token_endpoint,
        "userinfo_endpoint": row.userinfo_endpoint,
        "jwks_uri": row.jwks_uri,
        "end_session_endpoint": row.end_session_endpoint,
        "scopes": row.scopes,
        "max_age": row.max_age,
        "allow_idp_initiated": row.allow_idp_initiated,
        "clock_skew_seconds": row.clock_skew_seconds,
    }


def oidc_redirect_uri(connection: Connection) -> str:
    """Return the redirect URI that the provider of an OIDC connection has to know."""
    return connection.oidc_settings.redirect_uri or conf.oidc_callback_url(connection.id)


def _represent_oauth(connection: Connection) -> OAuthOptionsObject:
    row = connection.oauth_provider
    return {
        "client_id": row.client_id,
        "redirect_uri": conf.oauth_callback_url(connection.id),
        "provider_settings": row.provider_settings,
        "scopes": row.scopes,
    }
