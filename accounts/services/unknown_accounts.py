"""Mail to an address that nobody has: whoever reads it there may know, whoever typed it may not."""

from accounts.email_addresses import normalize_email
from environments.models import Environment
from events.rendering import render_mail
from events.services import queue_mail


def send_unknown_account_mail(*, environment: Environment, email: str) -> None:
    """Tell a mailbox that it has no account, where an account would have been mailed a code or a link.

    It makes a page's answer for an unknown address the same, in words and in work, as for a known one. Raises
    InvalidEmail.
    """
    address = normalize_email(email)
    mail = render_mail("unknown_account", {"product_name": environment.name, "email": address})
    queue_mail(environment=environment, kind="unknown_account", recipient=address, **mail.as_fields())
