"""Signing up: a user is made of an address, and whatever is mailed there proves it.

Nobody chooses a password before the mailbox is proven: or somebody could make the account of another, and wait with a
password of their own until its owner arrives.
"""

from django.db import transaction

from accounts.email_addresses import normalize_email
from accounts.errors import NewUserEmailNotAvailable
from accounts.models import User
from accounts.services import (
    create_password_reset,
    create_user,
    find_user_by_email,
    send_unknown_account_mail,
)
from authentication import conf
from authentication.access_tokens import policy_of
from authentication.errors import PasswordAuthenticationDisabled
from authentication.services.attempts import find_invitation
from environments.branding import Look
from environments.models import Environment
from foundation.actors import SYSTEM, Actor


def sign_up(environment: Environment, actor: Actor, email: str) -> User:
    """Make a user of a stored address, unverified; return the one who signed up with it just now, if there is one."""
    try:
        return create_user(environment=environment, actor=actor, email=email)
    except NewUserEmailNotAvailable:
        user = find_user_by_email(environment, email)
        if user is None:
            raise
        return user


@transaction.atomic
def request_first_password_on_page(
    *,
    environment: Environment,
    email: str,
    handle: str = "",
    invitation_token: str | None = None,
    look: Look | None = None,
) -> None:
    """Mail a link that sets a password to an address that somebody typed to sign up, without telling if it is known.

    ``handle`` is that of a sign-in that goes on afterwards, on our pages. Where sign-up is closed, an unknown address
    without an invitation gets a message that says so. Raises PasswordAuthenticationDisabled, InvalidEmail,
    InvitationInvalid, InvitationCannotBeUsedForEmail.
    """
    settings = policy_of(environment).settings
    if not settings.password_enabled:
        raise PasswordAuthenticationDisabled
    address = normalize_email(email)
    invitation = find_invitation(environment, address, invitation_token)
    user = find_user_by_email(environment, address)
    if user is None:
        if not settings.sign_up_enabled and invitation is None:
            send_unknown_account_mail(environment=environment, email=address, look=look)
            return
        user = sign_up(environment, SYSTEM, address)
    theirs = settings.password_reset_url if not handle else ""
    create_password_reset(
        user=user, actor=SYSTEM, page_url=theirs or conf.password_reset_page(handle), look=look
    )
