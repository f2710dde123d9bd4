"""Mail to an address that nobody has: whoever reads it there may know, whoever typed it may not."""

from accounts.email_addresses import normalize_email
from environments.branding import Look
from environments.mail import send_mail
from environments.models import Environment, MailKind


def send_unknown_account_mail(*, environment: Environment, email: str, look: Look | None = None) -> None:
    """Tell a mailbox that it has no account, where an account would have been mailed a code or a link.

    It makes a page's answer for an unknown address the same, in words and in work, as for a known one. Raises
    InvalidEmail.
    """
    address = normalize_email(email)
    send_mail(
        environment=environment,
        kind=MailKind.UNKNOWN_ACCOUNT,
        recipient=address,
        context={"email": address},
        look=look,
    )
