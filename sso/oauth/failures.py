"""Why an exchange with a social provider was refused: the stable names of the checks."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sso.exchanges import ExchangeRefused


class OAuthFailure(StrEnum):
    """A check of an exchange with a social provider; the value stands in the trail."""

    PROVIDER_UNSUPPORTED = "oauth_provider_unsupported"
    SETTINGS_INCOMPLETE = "oauth_settings_incomplete"
    PROVIDER_UNREACHABLE = "oauth_provider_unreachable"
    CANCELLED = "oauth_cancelled"
    PROVIDER_REFUSED = "oauth_provider_refused"
    CODE_MISSING = "oauth_code_missing"
    CLIENT_REFUSED = "oauth_client_refused"
    CODE_REFUSED = "oauth_code_refused"
    ANSWER_INVALID = "oauth_answer_invalid"
    NONCE_DIFFERS = "oauth_nonce_differs"
    SUBJECT_MISSING = "oauth_subject_missing"
    CLAIMS_TOO_LARGE = "oauth_claims_too_large"


def refused(
    failure: OAuthFailure, sentence: str, received: Mapping[str, Any] | None = None
) -> ExchangeRefused:
    """Return the refusal to raise."""
    return ExchangeRefused(failure, sentence, received)
