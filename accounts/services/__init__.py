"""Every write of users and their credentials, and the few look-ups that writes and doors share."""

from accounts.services.email_changes import confirm_email_change, send_email_change
from accounts.services.email_verifications import (
    create_email_verification,
    mark_email_verified,
    purge_email_verifications,
    use_email_verification_code,
)
from accounts.services.factors import (
    Enrollment,
    Verification,
    challenge_factor,
    enroll_generic_otp_factor,
    enroll_sms_factor,
    enroll_totp_factor,
    purge_authentication_challenges,
    remove_factor,
    verify_challenge,
)
from accounts.services.identities import ensure_identity
from accounts.services.passwords import password_policy_of, verify_user_password
from accounts.services.recovery_codes import regenerate_recovery_codes
from accounts.services.users import (
    UserChanges,
    create_user,
    find_user_by_email,
    record_sign_in,
    remove_user,
    update_user,
)

__all__ = [
    "Enrollment",
    "UserChanges",
    "Verification",
    "challenge_factor",
    "confirm_email_change",
    "create_email_verification",
    "create_user",
    "enroll_generic_otp_factor",
    "enroll_sms_factor",
    "enroll_totp_factor",
    "ensure_identity",
    "find_user_by_email",
    "mark_email_verified",
    "password_policy_of",
    "purge_authentication_challenges",
    "purge_email_verifications",
    "record_sign_in",
    "regenerate_recovery_codes",
    "remove_factor",
    "remove_user",
    "send_email_change",
    "update_user",
    "use_email_verification_code",
    "verify_challenge",
    "verify_user_password",
]
