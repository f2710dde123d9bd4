"""Every write of users and their credentials, and the few look-ups that writes and doors share."""

from accounts.services.email_changes import (
    confirm_email_change,
    send_email_change,
    send_email_change_on_page,
)
from accounts.services.email_verifications import (
    create_email_verification,
    mark_email_verified,
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
from accounts.services.identities import ensure_identity, forget_unproven_credentials, unlink_identity
from accounts.services.magic_auth import create_magic_auth, spend_magic_auth_code
from accounts.services.own_passwords import encode_own_password, set_own_password
from accounts.services.passkeys import (
    PasskeyUse,
    begin_passkey_registration,
    begin_passkey_sign_in,
    decline_passkey,
    purge_passkey_challenges,
    register_passkey,
    remove_passkey,
    rename_passkey,
    use_passkey,
)
from accounts.services.password_resets import (
    apply_password_reset,
    create_password_reset,
    encode_reset_password,
    require_password_reset,
    send_password_changed_mail,
)
from accounts.services.passwords import password_policy_of, verify_user_password
from accounts.services.recovery_codes import count_unused_recovery_codes, regenerate_recovery_codes
from accounts.services.retention import purge_mailbox_proofs
from accounts.services.unknown_accounts import send_unknown_account_mail
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
    "PasskeyUse",
    "UserChanges",
    "Verification",
    "apply_password_reset",
    "begin_passkey_registration",
    "begin_passkey_sign_in",
    "challenge_factor",
    "confirm_email_change",
    "count_unused_recovery_codes",
    "create_email_verification",
    "create_magic_auth",
    "create_password_reset",
    "create_user",
    "decline_passkey",
    "encode_own_password",
    "encode_reset_password",
    "enroll_generic_otp_factor",
    "enroll_sms_factor",
    "enroll_totp_factor",
    "ensure_identity",
    "find_user_by_email",
    "forget_unproven_credentials",
    "mark_email_verified",
    "password_policy_of",
    "purge_authentication_challenges",
    "purge_mailbox_proofs",
    "purge_passkey_challenges",
    "record_sign_in",
    "regenerate_recovery_codes",
    "register_passkey",
    "remove_factor",
    "remove_passkey",
    "remove_user",
    "rename_passkey",
    "require_password_reset",
    "send_email_change",
    "send_email_change_on_page",
    "send_password_changed_mail",
    "send_unknown_account_mail",
    "set_own_password",
    "spend_magic_auth_code",
    "unlink_identity",
    "update_user",
    "use_email_verification_code",
    "use_passkey",
    "verify_challenge",
    "verify_user_password",
]
