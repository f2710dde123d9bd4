"""Every write of signing in, and the use cases that end what people hold everywhere."""

from authentication.services.account import (
    SignedInPlace,
    end_other_sessions,
    end_own_session,
    find_account_session,
    has_recent_proof,
    is_once_more,
    list_signed_in_places,
    request_sign_in_for_page,
)
from authentication.services.account_changes import (
    WaysIn,
    add_own_passkey,
    change_own_password,
    enroll_own_authenticator,
    remove_own_factor,
    remove_own_passkey,
    replace_own_recovery_codes,
    request_own_passkey,
    unlink_own_identity,
    ways_in,
)
from authentication.services.attempts import find_open_invitation
from authentication.services.authorization_codes import (
    exchange_authorization_code,
    exchange_sso_code,
    issue_authorization_code,
    needs_fresh_sign_in,
)
from authentication.services.authorization_requests import (
    HOSTED_SIGN_IN,
    AuthorizeParameters,
    connection_for_email,
    decline_authorization_request,
    find_open_connection,
    leave_for_connection,
    open_authorization_request,
    refusal_url,
    require_authorization_request,
)
from authentication.services.authorization_requests import PURPOSE as SIGN_IN_PURPOSE
from authentication.services.deletions import delete_organization, delete_user
from authentication.services.devices import (
    IssuedDeviceCodes,
    approve_device,
    deny_device,
    open_device_request,
    redeem_device_code,
    request_device_authorization,
    require_unanswered,
    require_waiting_device,
)
from authentication.services.hosted_sessions import (
    Finished,
    end_hosted_session,
    find_hosted_session,
    finish_sign_in,
    sign_in_by_hosted_session,
)
from authentication.services.hosted_sign_in import (
    FirstProof,
    WaitingSignIn,
    enroll_at_sign_in,
    first_proof,
    offers_passkey,
    require_waiting_sign_in,
    send_another_verification_code,
    sign_up_proof,
)
from authentication.services.impersonation import impersonate
from authentication.services.jwt_templates import require_jwt_template, set_jwt_template
from authentication.services.logout import default_logout_url, log_out, log_out_browser
from authentication.services.looks import look_of_sign_in
from authentication.services.magic_auth import (
    request_magic_auth,
    request_magic_auth_on_page,
    sign_in_with_magic_auth,
)
from authentication.services.outcomes import Authenticated, Origin, Outcome, SignedIn, StepRequired
from authentication.services.page_endings import (
    allow_device,
    join_by_invitation,
    open_invitation_request,
    refuse_device,
)
from authentication.services.passkeys import (
    are_passkeys_on,
    request_passkey_sign_in,
    sign_in_with_passkey,
)
from authentication.services.password_resets import (
    request_password_reset,
    request_password_reset_on_page,
    reset_password,
)
from authentication.services.profiles import record_profile_refusal, sign_in_with_profile
from authentication.services.provider_logouts import obey_backchannel_logout, obey_saml_logout
from authentication.services.refreshes import refresh_session
from authentication.services.retention import purge_sign_ins, wipe_sealed_refresh_tokens
from authentication.services.second_factors import sign_in_with_second_factor
from authentication.services.sessions import (
    end_by_provider_sessions,
    end_session,
    end_sessions_of,
    sign_out_everywhere,
)
from authentication.services.sign_in import (
    sign_in_with_email_verification,
    sign_in_with_organization,
    sign_in_with_password,
)
from authentication.services.sign_up import request_first_password_on_page
from authentication.services.social import list_social_connections, sign_in_with_social_profile

__all__ = [
    "HOSTED_SIGN_IN",
    "SIGN_IN_PURPOSE",
    "Authenticated",
    "AuthorizeParameters",
    "Finished",
    "FirstProof",
    "IssuedDeviceCodes",
    "Origin",
    "Outcome",
    "SignedIn",
    "SignedInPlace",
    "StepRequired",
    "WaitingSignIn",
    "WaysIn",
    "add_own_passkey",
    "allow_device",
    "approve_device",
    "are_passkeys_on",
    "change_own_password",
    "connection_for_email",
    "decline_authorization_request",
    "default_logout_url",
    "delete_organization",
    "delete_user",
    "deny_device",
    "end_by_provider_sessions",
    "end_hosted_session",
    "end_other_sessions",
    "end_own_session",
    "end_session",
    "end_sessions_of",
    "enroll_at_sign_in",
    "enroll_own_authenticator",
    "exchange_authorization_code",
    "exchange_sso_code",
    "find_account_session",
    "find_hosted_session",
    "find_open_connection",
    "find_open_invitation",
    "finish_sign_in",
    "first_proof",
    "has_recent_proof",
    "impersonate",
    "is_once_more",
    "issue_authorization_code",
    "join_by_invitation",
    "leave_for_connection",
    "list_signed_in_places",
    "list_social_connections",
    "log_out",
    "log_out_browser",
    "look_of_sign_in",
    "needs_fresh_sign_in",
    "obey_backchannel_logout",
    "obey_saml_logout",
    "offers_passkey",
    "open_authorization_request",
    "open_device_request",
    "open_invitation_request",
    "purge_sign_ins",
    "record_profile_refusal",
    "redeem_device_code",
    "refresh_session",
    "refusal_url",
    "refuse_device",
    "remove_own_factor",
    "remove_own_passkey",
    "replace_own_recovery_codes",
    "request_device_authorization",
    "request_first_password_on_page",
    "request_magic_auth",
    "request_magic_auth_on_page",
    "request_own_passkey",
    "request_passkey_sign_in",
    "request_password_reset",
    "request_password_reset_on_page",
    "request_sign_in_for_page",
    "require_authorization_request",
    "require_jwt_template",
    "require_unanswered",
    "require_waiting_device",
    "require_waiting_sign_in",
    "reset_password",
    "send_another_verification_code",
    "set_jwt_template",
    "sign_in_by_hosted_session",
    "sign_in_with_email_verification",
    "sign_in_with_magic_auth",
    "sign_in_with_organization",
    "sign_in_with_passkey",
    "sign_in_with_password",
    "sign_in_with_profile",
    "sign_in_with_second_factor",
    "sign_in_with_social_profile",
    "sign_out_everywhere",
    "sign_up_proof",
    "unlink_own_identity",
    "ways_in",
    "wipe_sealed_refresh_tokens",
]
