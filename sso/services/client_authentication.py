"""How an OIDC connection says at the token endpoint who it is: what of a change fits, and which key it gets."""

from collections.abc import Mapping
from typing import Any

from sso.errors import ConnectionSettingsInvalid
from sso.models import OIDCSettings, TokenAuthenticationMethod
from sso.oidc.client_keys import (
    ClientKeyRefused,
    check_client_key,
    make_client_key_pair,
    read_client_key,
    read_client_key_pair,
)
from sso.oidc.keys import ALGORITHMS
from sso.oidc.parties import is_private_key

_PRIVATE_KEY_JWT = TokenAuthenticationMethod.PRIVATE_KEY_JWT
_METHODS = ("", *TokenAuthenticationMethod.values)


def client_columns(row: OIDCSettings, changes: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of the client's credentials that follow from a change; raises ConnectionSettingsInvalid.

    A connection that moves to ``private_key_jwt`` gets a key pair if it has none, and forgets its secret, which nobody
    would miss and somebody could steal.
    """
    method = changes.get("token_authentication_method", row.token_authentication_method)
    if method not in _METHODS:
        raise ConnectionSettingsInvalid.of(
            "token_authentication_method", f"Must be one of {', '.join(TokenAuthenticationMethod.values)}."
        )
    _refuse_algorithm(changes.get("id_token_signature_algorithm", ""))
    columns = (
        _key_columns(row, changes) if method == _PRIVATE_KEY_JWT else _secret_columns(row, changes, method)
    )
    _refuse_code_without_binding(row, {**changes, **columns})
    return columns


def _secret_columns(row: OIDCSettings, changes: Mapping[str, Any], method: str) -> dict[str, str]:
    if changes.get("jwt_signing_key") or changes.get("jwt_signing_certificate"):
        raise ConnectionSettingsInvalid.of(
            "jwt_signing_key_pair",
            f"A key pair goes with the token_authentication_method {_PRIVATE_KEY_JWT}.",
        )
    secret = changes.get("client_secret") or row.client_secret
    # Without a method, a key in the place of the secret still stands for private_key_jwt.
    if method and not secret:
        raise ConnectionSettingsInvalid.of("client_secret", f"{method} needs a client secret.")
    if method and is_private_key(secret):
        raise ConnectionSettingsInvalid.of(
            "client_secret", f"A private key is no client secret. It goes with {_PRIVATE_KEY_JWT}."
        )
    if is_private_key(changes.get("client_secret", "")):
        try:
            check_client_key(changes["client_secret"])
        except ClientKeyRefused as error:
            raise ConnectionSettingsInvalid.of("client_secret", str(error)) from error
    return {}


def _key_columns(row: OIDCSettings, changes: Mapping[str, Any]) -> dict[str, str]:
    if changes.get("client_secret"):
        raise ConnectionSettingsInvalid.of(
            "client_secret", f"{_PRIVATE_KEY_JWT} authenticates by a key pair, and takes no client secret."
        )
    key, certificate = changes.get("jwt_signing_key", ""), changes.get("jwt_signing_certificate", "")
    name = row.connection_id
    try:
        if key or certificate:
            key, certificate = read_client_key_pair(key, certificate)
        elif row.jwt_signing_key:
            key, certificate = row.jwt_signing_key, row.jwt_signing_certificate
        elif is_private_key(row.client_secret):
            # The provider knows this key already.
            key, certificate = read_client_key(row.client_secret, name)
        else:
            key, certificate = make_client_key_pair(name)
    except ClientKeyRefused as error:
        raise ConnectionSettingsInvalid.of("jwt_signing_key_pair", str(error)) from error
    return {"jwt_signing_key": key, "jwt_signing_certificate": certificate, "client_secret": ""}


def _refuse_algorithm(name: str) -> None:
    if name and name not in ALGORITHMS:
        reason = (
            "HMAC is refused: whoever can check such a token can forge it."
            if name.startswith("HS")
            else f"There is no algorithm {name[:20]!r}."
        )
        raise ConnectionSettingsInvalid.of(
            "id_token_signature_algorithm", f"{reason} Choose one of {', '.join(ALGORITHMS)}."
        )


def _refuse_code_without_binding(row: OIDCSettings, after: Mapping[str, Any]) -> None:
    """Refuse to switch PKCE off for a client without credentials: anybody could spend its codes (RFC 9700 2.1.1)."""
    has_credentials = any(
        after.get(name, getattr(row, name)) for name in ("client_secret", "jwt_signing_key")
    )
    if not after.get("uses_pkce", row.uses_pkce) and not has_credentials:
        raise ConnectionSettingsInvalid.of(
            "pkce", "PKCE can be switched off only for a client with a secret or a key of its own."
        )
