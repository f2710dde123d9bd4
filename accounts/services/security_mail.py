"""Mail about how an account is protected: whoever did not change it themselves must hear of it."""

from typing import Literal

from accounts.models import User
from environments.mail import send_mail
from environments.models import MailKind

SecurityChange = Literal[
    "passkey_added",
    "passkey_removed",
    "passkey_copied",
    "email_changed",
    "recovery_codes_replaced",
    "identity_unlinked",
]


def tell_of_change(user: User, change: SecurityChange, *, recipient: str = "") -> None:
    """Mail the user that something changed; ``recipient`` is another address than the present one.

    Nothing that somebody else could word stands in it: no passkey's name, no new address.
    """
    send_mail(
        environment=user.environment,
        kind=MailKind.ACCOUNT_CHANGED,
        recipient=recipient or user.email,
        context={"change": change},
        locale=user.locale,
    )
