"""Why an OpenID Connect exchange was refused: the stable names of the checks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sso.exchanges import ExchangeRefused


class OIDCFailure(StrEnum):
    """A check of an OpenID Connect exchange; the value stands in the trail."""

    SETTINGS_INCOMPLETE = "oidc_settings_incomplete"
    ISSUER_OF_MANY_TENANTS = "oidc_issuer_of_many_tenants"
    PROVIDER_UNREACHABLE = "oidc_provider_unreachable"
    DISCOVERY_INVALID = "oidc_discovery_invalid"
    DISCOVERY_ISSUER_DIFFERS = "oidc_discovery_issuer_differs"
    ENDPOINT_NOT_ENCRYPTED = "oidc_endpoint_not_encrypted"
    CANCELLED = "oidc_cancelled"
    PROVIDER_REFUSED = "oidc_provider_refused"
    RESPONSE_ISSUER_MISSING = "oidc_response_issuer_missing"
    RESPONSE_ISSUER_DIFFERS = "oidc_response_issuer_differs"
    CODE_MISSING = "oidc_code_missing"
    CLIENT_REFUSED = "oidc_client_refused"
    CODE_REFUSED = "oidc_code_refused"
    TOKEN_RESPONSE_INVALID = "oidc_token_response_invalid"
    ID_TOKEN_MISSING = "oidc_id_token_missing"
    ID_TOKEN_UNREADABLE = "oidc_id_token_unreadable"
    ID_TOKEN_ENCRYPTED = "oidc_id_token_encrypted"
    ALGORITHM_REFUSED = "oidc_algorithm_refused"
    KEYS_UNREADABLE = "oidc_keys_unreadable"
    KEY_UNKNOWN = "oidc_key_unknown"
    KEY_AMBIGUOUS = "oidc_key_ambiguous"
    SIGNATURE_INVALID = "oidc_signature_invalid"
    CLAIM_MISSING = "oidc_claim_missing"
    ISSUER_DIFFERS = "oidc_issuer_differs"
    AUDIENCE_DIFFERS = "oidc_audience_differs"
    AUTHORIZED_PARTY_DIFFERS = "oidc_authorized_party_differs"
    EXPIRED = "oidc_expired"
    NOT_YET_VALID = "oidc_not_yet_valid"
    NONCE_DIFFERS = "oidc_nonce_differs"
    ACCESS_TOKEN_DIFFERS = "oidc_access_token_differs"
    CODE_DIFFERS = "oidc_code_differs"
    SIGN_IN_TOO_OLD = "oidc_sign_in_too_old"
    TENANT_DIFFERS = "oidc_tenant_differs"
    NOT_A_WORKSPACE_ACCOUNT = "oidc_not_a_workspace_account"
    USERINFO_FAILED = "oidc_userinfo_failed"
    USERINFO_SUBJECT_DIFFERS = "oidc_userinfo_subject_differs"
    CLAIMS_TOO_LARGE = "oidc_claims_too_large"
    LOGOUT_TOKEN_INVALID = "oidc_logout_token_invalid"
    LOGIN_INITIATION_REFUSED = "oidc_login_initiation_refused"


def refused(
    failure: OIDCFailure, sentence: str, received: Mapping[str, Any] | None = None
) -> ExchangeRefused:
    """Return the refusal to raise."""
    return ExchangeRefused(failure, sentence, received)


def _written(value: object) -> str:
    try:
        return repr(value)
    except RecursionError:
        return "something nested without end"


def shown(value: object, limit: int = 120) -> str:
    """Write what a stranger sent into a sentence: quoted, printable and short."""
    text = value if isinstance(value, str) else _written(value)
    text = "".join(character if character.isprintable() else "?" for character in text[: limit + 1])
    return f"“{text[:limit]}…”" if len(text) > limit else f"“{text}”"
