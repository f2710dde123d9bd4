"""The settings of a connection's protocol: what may be written, and what no sign-in could work with."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction

from foundation import clock
from foundation.jobs import enqueue
from foundation.outbound import OutboundError, check_url
from sso import conf
from sso.connection_types import Protocol
from sso.errors import ConnectionSettingsInvalid
from sso.models import Connection, IdPCertificate, OAuthProvider, OIDCSettings, SAMLSettings
from sso.oauth.catalogue import (
    PROVIDER_ADDRESSES,
    PROVIDER_SETTINGS,
    find_social_provider,
    missing_settings,
)
from sso.oauth.clients import oauth_client_of
from sso.services.certificates import replace_idp_certificates
from sso.services.client_authentication import client_columns
from sso.services.key_pairs import (
    GivenKeyPair,
    make_first_pairs,
    replace_encryption_pairs,
    replace_signing_pair,
)

_LONGEST_URL = 2000
_DISCOVERY_PATH = "/.well-known/openid-configuration"


class SAMLChanges(TypedDict, total=False):
    """What may be written of a SAML connection; a key that is missing leaves its setting as it is."""

    idp_entity_id: str
    idp_sso_url: str
    idp_sso_binding: str
    idp_slo_url: str
    idp_slo_binding: str
    idp_slo_response_url: str
    idp_certificates: Sequence[str]
    metadata_url: str
    sp_entity_id: str
    acs_url: str
    sign_requests: bool
    require_signed_responses: bool
    require_encrypted_assertions: bool
    force_authn: bool
    requested_authn_context: str
    allow_idp_initiated: bool
    clock_skew_seconds: int
    signing_key_pair: GivenKeyPair
    encryption_key_pairs: Sequence[GivenKeyPair]


class OIDCChanges(TypedDict, total=False):
    """What may be written of an OIDC connection; endpoints are for providers without discovery."""

    issuer: str
    client_id: str
    client_secret: str
    token_authentication_method: str
    jwt_signing_key: str
    jwt_signing_certificate: str
    redirect_uri: str
    uses_pkce: bool
    id_token_signature_algorithm: str
    fetch_user_info: bool
    uses_discovery: bool
    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    scopes: str
    max_age: int | None
    allow_idp_initiated: bool
    clock_skew_seconds: int


class OAuthChanges(TypedDict, total=False):
    """What may be written of the environment's client at a social provider."""

    client_id: str
    client_secret: str
    key: str
    provider_settings: Mapping[str, Any]
    scopes: str


# Certificates and keys have tables of their own.
_ROWS_OF_THEIR_OWN = frozenset({"idp_certificates", "signing_key_pair", "encryption_key_pairs"})

# Where browsers are sent, and where we go ourselves.
_SAML_URLS = ("idp_sso_url", "idp_slo_url", "idp_slo_response_url", "metadata_url", "acs_url")
_OIDC_URLS = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "userinfo_endpoint",
    "jwks_uri",
    "end_session_endpoint",
    "redirect_uri",
)


def write_saml(connection: Connection, changes: SAMLChanges) -> bool:
    """Write the settings of a SAML connection; a new one gets its own key pairs. Tell if anything changed.

    Raises ConnectionSettingsInvalid.
    """
    _refuse_bad_urls(connection, changes, _SAML_URLS)
    row = SAMLSettings.objects.in_environment(connection.environment_id).filter(connection=connection).first()
    is_new = row is None
    if row is None:
        row = SAMLSettings(environment_id=connection.environment_id, connection=connection)
        make_first_pairs(
            connection, row, changes.get("signing_key_pair"), changes.get("encryption_key_pairs")
        )
    connection.saml_settings = row
    columns: dict[str, Any] = {
        name: value for name, value in changes.items() if name not in _ROWS_OF_THEIR_OWN
    }
    if "acs_url" in columns:
        columns["acs_url"] = _acs_override(connection, columns["acs_url"])
    changed = _write(row, columns, is_new=False)
    if "metadata_url" in changed and row.metadata_url:
        # Fetched after the commit, and by the daily sweep if the task is lost: nothing calls out from here.
        enqueue("sso.tasks.refresh_metadata", connection.environment_id, connection.id)
    if "idp_certificates" in changes:
        changed += replace_idp_certificates(connection, changes["idp_certificates"])
    if is_new:
        return True
    # Each is written, whatever the others changed.
    has_changed = [bool(changed)]
    if "signing_key_pair" in changes:
        has_changed.append(replace_signing_pair(connection, row, changes["signing_key_pair"]))
    if "encryption_key_pairs" in changes:
        has_changed.append(replace_encryption_pairs(connection, changes["encryption_key_pairs"]))
    return any(has_changed)


def write_oidc(connection: Connection, changes: OIDCChanges) -> bool:
    """Write the settings of an OIDC connection; tell if anything changed. Raises ConnectionSettingsInvalid."""
    _refuse_bad_urls(connection, changes, _OIDC_URLS)
    row = OIDCSettings.objects.in_environment(connection.environment_id).filter(connection=connection).first()
    is_new = row is None
    if row is None:
        row = OIDCSettings(environment_id=connection.environment_id, connection=connection)
    columns: dict[str, Any] = {**changes, **client_columns(row, changes)}
    if "redirect_uri" in columns:
        columns["redirect_uri"] = _redirect_uri_override(connection, columns["redirect_uri"])
    if "issuer" in columns:
        # OIDC Discovery 1.0 §4: the document stands at a fixed path under the issuer.
        columns["issuer"] = columns["issuer"].removesuffix(_DISCOVERY_PATH)
    try:
        with transaction.atomic():
            changed = _write(row, columns, is_new=is_new)
    except IntegrityError as error:
        raise ConnectionSettingsInvalid.of(
            "redirect_uri", "Another connection has this redirect URI. Each provider needs one of its own."
        ) from error
    connection.oidc_settings = row
    return is_new or bool(changed)


def write_oauth(connection: Connection, changes: OAuthChanges) -> bool:
    """Write the environment's client at a social provider; tell if anything changed. Raises ConnectionSettingsInvalid."""
    if find_social_provider(connection.connection_type) is None:
        raise ConnectionSettingsInvalid.of(
            "connection_type",
            f"Nobody can sign in with {connection.connection_type}: there is no code for it.",
        )
    _refuse_bad_provider_settings(connection, changes.get("provider_settings", {}))
    row = (
        OAuthProvider.objects.in_environment(connection.environment_id).filter(connection=connection).first()
    )
    is_new = row is None
    if row is None:
        row = OAuthProvider(environment_id=connection.environment_id, connection=connection)
    changed = _write(row, dict(changes), is_new=is_new)
    connection.oauth_provider = row
    return is_new or bool(changed)


def is_complete(connection: Connection) -> bool:
    """Tell whether a browser could be sent to the identity provider, and its answer be read."""
    return _COMPLETE[connection.protocol](connection)


def _saml_is_complete(connection: Connection) -> bool:
    row = connection.saml_settings
    certificates = IdPCertificate.objects.in_environment(connection.environment_id)
    return bool(row.idp_entity_id and row.idp_sso_url and certificates.filter(connection=connection).exists())


def _oidc_is_complete(connection: Connection) -> bool:
    row = connection.oidc_settings
    told = row.authorization_endpoint and row.token_endpoint and row.jwks_uri
    return bool(row.issuer and row.client_id and (row.uses_discovery or told))


def _oauth_is_complete(connection: Connection) -> bool:
    return not missing_settings(oauth_client_of(connection.oauth_provider))


_COMPLETE: Mapping[Protocol, Callable[[Connection], bool]] = {
    Protocol.SAML: _saml_is_complete,
    Protocol.OIDC: _oidc_is_complete,
    Protocol.OAUTH: _oauth_is_complete,
    Protocol.MAGIC_LINK: lambda _connection: True,
}


def _refuse_bad_provider_settings(connection: Connection, settings: Mapping[str, Any]) -> None:
    allows_http = connection.environment.is_sandbox
    endpoints = settings.get("endpoints", {})
    addresses = {name: settings[name] for name in PROVIDER_ADDRESSES if settings.get(name)}
    problems = [
        ("provider_settings", f"There is no setting {name}.")
        for name in settings
        if name not in PROVIDER_SETTINGS
    ]
    if not isinstance(endpoints, Mapping):
        problems.append(("provider_settings", "The endpoints must be an object of addresses."))
        endpoints = {}
    problems += [
        ("provider_settings", f"{name}: {sentence}")
        for name, url in {**addresses, **endpoints}.items()
        for sentence in _problems_with(str(url), allows_http=allows_http)
    ]
    if problems:
        raise ConnectionSettingsInvalid(problems)


def _write(
    row: SAMLSettings | OIDCSettings | OAuthProvider, columns: Mapping[str, Any], *, is_new: bool
) -> list[str]:
    changed = [name for name, value in columns.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, columns[name])
    if is_new:
        row.save(force_insert=True)
    elif changed:
        row.updated_at = clock.now()
        row.save(update_fields=[*changed, "updated_at"])
    return changed


def _acs_override(connection: Connection, url: str) -> str:
    """Return another address for responses; our own one, spelled out, is none. Raises ConnectionSettingsInvalid."""
    if not url or url == conf.saml_acs_url(connection.id):
        return ""
    if "#" in url:
        raise ConnectionSettingsInvalid.of("acs_url", "The URL must not have a fragment.")
    if conf.is_own_address(url):
        # An identity provider that serves several connections would else have one answer count in two of them.
        raise ConnectionSettingsInvalid.of("acs_url", "This address of our own takes other responses.")
    return url


def _redirect_uri_override(connection: Connection, url: str) -> str:
    """Return another callback; our own one, spelled out, is none. Raises ConnectionSettingsInvalid."""
    if not url or url == conf.oidc_callback_url(connection.id):
        return ""
    if "#" in url:
        # RFC 6749 3.1.2.
        raise ConnectionSettingsInvalid.of("redirect_uri", "A redirect URI has no fragment.")
    if conf.is_own_address(url):
        # The provider of the connection that takes answers there would be handed the codes of this one (RFC 9700 4.4).
        raise ConnectionSettingsInvalid.of("redirect_uri", "This address of our own takes other answers.")
    return url


def _refuse_bad_urls(connection: Connection, changes: Mapping[str, Any], names: Sequence[str]) -> None:
    allows_http = connection.environment.is_sandbox
    problems = [
        (name, sentence)
        for name in names
        if changes.get(name)
        for sentence in _problems_with(str(changes[name]), allows_http=allows_http)
    ]
    if problems:
        raise ConnectionSettingsInvalid(problems)


def _problems_with(url: str, *, allows_http: bool) -> Iterator[str]:
    try:
        check_url(url)
    except OutboundError as error:
        yield str(error)
        return
    if len(url) > _LONGEST_URL:
        yield "The URL is longer than 2000 characters."
    elif urlsplit(url).scheme == "http" and not allows_http:
        yield "A production environment talks to identity providers over https only."
