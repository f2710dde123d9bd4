"""Changing an address with the consent of the new mailbox."""

from datetime import timedelta

from django.db import transaction

from accounts.email_addresses import normalize_email
from accounts.errors import (
    EmailChangeCodeExpired,
    EmailChangeCodeIncorrect,
    EmailChangeCodePreviouslyUsed,
    EmailChangeNotAvailable,
    EmailChangeNotNeeded,
    EmailChangeTooManyAttempts,
    EmailNotAvailable,
    InvalidEmail,
    NewEmailInvalid,
    NoPendingEmailChange,
)
from accounts.models import EmailChange, User
from accounts.one_time_codes import LIFETIME, CodeVerdict, new_one_time_code
from accounts.services.one_time_codes import spend_one_time_code
from accounts.services.rows import drop_proofs_of_other_mailboxes, lock_user, save_changes
from accounts.services.security_mail import tell_of_change
from environments.mail import send_mail
from environments.models import MailKind
from foundation import clock
from foundation.actors import Actor


@transaction.atomic
def send_email_change(*, user: User, new_email: str) -> EmailChange:
    """Mail a code to the new address; a change that waited before is replaced. The address changes with the code.

    Raises NewEmailInvalid, EmailChangeNotNeeded, EmailChangeNotAvailable, NotFound.
    """
    row, email = _lock_for_change(user, new_email)
    if User.objects.in_environment(row.environment_id).filter(email=email).exists():
        raise EmailChangeNotAvailable
    change = _replace_change(row, email)
    send_mail(
        environment=row.environment,
        kind=MailKind.EMAIL_CHANGE,
        recipient=email,
        context={
            "email": email,
            "one_time_code": change.code,
            "minutes": LIFETIME // timedelta(minutes=1),
        },
        locale=row.locale,
    )
    return change


@transaction.atomic
def send_email_change_on_page(*, user: User, new_email: str) -> EmailChange:
    """Do as :func:`send_email_change`, without telling whoever typed the address whether somebody has it.

    The owner of an address that is taken is told that somebody wanted it; the code that nobody was sent is as good as
    any wrong one. Raises NewEmailInvalid, EmailChangeNotNeeded, NotFound.
    """
    try:
        return send_email_change(user=user, new_email=new_email)
    except EmailChangeNotAvailable:
        row, email = _lock_for_change(user, new_email)
        send_mail(
            environment=row.environment,
            kind=MailKind.ADDRESS_TAKEN,
            recipient=email,
            context={"email": email},
        )
        return _replace_change(row, email)


def confirm_email_change(*, user: User, one_time_code: str, actor: Actor) -> User:
    """Spend the code and make the new address the user's, verified. Return the user.

    A wrong guess is counted and committed before the refusal, so do not call this inside a transaction that the
    refusal would roll back. Raises NoPendingEmailChange, EmailChangeCodeIncorrect, …Expired, …PreviouslyUsed,
    EmailChangeTooManyAttempts, EmailChangeNotAvailable, RateLimited, NotFound.
    """
    with transaction.atomic():
        row = lock_user(user)
        former = row.email
        change = EmailChange.objects.in_environment(row.environment_id).filter(user=row).first()
        if change is None:
            raise NoPendingEmailChange
        verdict = spend_one_time_code(change, one_time_code, "email_change", row.id)
        if verdict is CodeVerdict.RIGHT:
            drop_proofs_of_other_mailboxes(row, change.new_email)
            try:
                save_changes(row, {"email": change.new_email, "email_verified": True}, actor)
            except EmailNotAvailable as error:
                raise EmailChangeNotAvailable from error
            # To where its reader is: whoever took the account over reads the new mailbox.
            tell_of_change(row, "email_changed", recipient=former)
    if verdict is CodeVerdict.WRONG:
        raise EmailChangeCodeIncorrect
    if verdict is CodeVerdict.EXPIRED:
        raise EmailChangeCodeExpired
    if verdict is CodeVerdict.PREVIOUSLY_USED:
        raise EmailChangeCodePreviouslyUsed
    if verdict is CodeVerdict.LOCKED:
        raise EmailChangeTooManyAttempts(retry_after=int(LIFETIME.total_seconds()))
    return row


def _lock_for_change(user: User, new_email: str) -> tuple[User, str]:
    """Return the user, locked, and the new address, normalized; raises NewEmailInvalid, EmailChangeNotNeeded."""
    try:
        email = normalize_email(new_email)
    except InvalidEmail as error:
        raise NewEmailInvalid from error
    row = lock_user(user)
    if email == row.email:
        raise EmailChangeNotNeeded
    return row, email


def _replace_change(user: User, new_email: str) -> EmailChange:
    EmailChange.objects.in_environment(user.environment_id).filter(user=user).delete()
    moment = clock.now()
    return EmailChange.objects.create(
        environment=user.environment,
        user=user,
        new_email=new_email,
        code=new_one_time_code(),
        expires_at=moment + LIFETIME,
        created_at=moment,
    )
