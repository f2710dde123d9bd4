"""Every write of signing in, and the use cases that end what people hold everywhere."""

from authentication.services.authorization_codes import (
    exchange_authorization_code,
    issue_authorization_code,
    needs_fresh_sign_in,
)
from authentication.services.authorization_requests import (
    AuthorizeParameters,
    decline_authorization_request,
    open_authorization_request,
    require_authorization_request,
)
from authentication.services.deletions import delete_organization, delete_user
from authentication.services.jwt_templates import require_jwt_template, set_jwt_template
from authentication.services.logout import log_out
from authentication.services.magic_auth import (
    request_magic_auth,
    request_magic_auth_on_page,
    sign_in_with_magic_auth,
)
from authentication.services.outcomes import Authenticated, Origin, Outcome, SignedIn, StepRequired
from authentication.services.password_resets import (
    request_password_reset,
    request_password_reset_on_page,
    reset_password,
)
from authentication.services.refreshes import refresh_session
from authentication.services.retention import purge_sign_ins, wipe_sealed_refresh_tokens
from authentication.services.second_factors import sign_in_with_second_factor
from authentication.services.sessions import end_session, end_sessions_of
from authentication.services.sign_in import (
    sign_in_with_email_verification,
    sign_in_with_organization,
    sign_in_with_password,
)

__all__ = [
    "Authenticated",
    "AuthorizeParameters",
    "Origin",
    "Outcome",
    "SignedIn",
    "StepRequired",
    "decline_authorization_request",
    "delete_organization",
    "delete_user",
    "end_session",
    "end_sessions_of",
    "exchange_authorization_code",
    "issue_authorization_code",
    "log_out",
    "needs_fresh_sign_in",
    "open_authorization_request",
    "purge_sign_ins",
    "refresh_session",
    "request_magic_auth",
    "request_magic_auth_on_page",
    "request_password_reset",
    "request_password_reset_on_page",
    "require_authorization_request",
    "require_jwt_template",
    "reset_password",
    "set_jwt_template",
    "sign_in_with_email_verification",
    "sign_in_with_magic_auth",
    "sign_in_with_organization",
    "sign_in_with_password",
    "sign_in_with_second_factor",
    "wipe_sealed_refresh_tokens",
]
