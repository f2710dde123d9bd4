"""Every write of users and their credentials, and the few look-ups that writes and doors share."""

from accounts.services.email_changes import confirm_email_change, send_email_change
from accounts.services.email_verifications import (
    create_email_verification,
    mark_email_verified,
    purge_email_verifications,
    use_email_verification_code,
)
from accounts.services.identities import ensure_identity
from accounts.services.passwords import password_policy_of, verify_user_password
from accounts.services.users import (
    UserChanges,
    create_user,
    find_user_by_email,
    record_sign_in,
    remove_user,
    update_user,
)

__all__ = [
    "UserChanges",
    "confirm_email_change",
    "create_email_verification",
    "create_user",
    "ensure_identity",
    "find_user_by_email",
    "mark_email_verified",
    "password_policy_of",
    "purge_email_verifications",
    "record_sign_in",
    "remove_user",
    "send_email_change",
    "update_user",
    "use_email_verification_code",
    "verify_user_password",
]
