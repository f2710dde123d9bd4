"""Proving that a mailbox is its user's."""

from datetime import timedelta

from django.db import transaction

from accounts.errors import (
    EmailAlreadyVerified,
    EmailPreviouslyVerified,
    EmailVerificationCodeExpired,
    EmailVerificationCodeIncorrect,
    EmailVerificationCodeLocked,
    EmailVerificationCodePreviouslyUsed,
)
from accounts.models import EmailVerification, User
from accounts.one_time_codes import LIFETIME, CodeVerdict, new_one_time_code
from accounts.representations import represent_email_verification_event
from accounts.services.one_time_codes import spend_one_time_code
from accounts.services.rows import expire_email_verifications, lock_user, prove_mailbox, save_changes
from environments.branding import Look
from environments.mail import send_mail
from environments.models import MailKind
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.errors import DomainError

_REFUSALS: dict[CodeVerdict, type[DomainError]] = {
    CodeVerdict.WRONG: EmailVerificationCodeIncorrect,
    CodeVerdict.EXPIRED: EmailVerificationCodeExpired,
    CodeVerdict.PREVIOUSLY_USED: EmailVerificationCodePreviouslyUsed,
    CodeVerdict.LOCKED: EmailVerificationCodeLocked,
}


@transaction.atomic
def create_email_verification(
    *, user: User, actor: Actor, look: Look | None = None, even_if_verified: bool = False
) -> EmailVerification:
    """Make a code for the user's mailbox and mail it there; codes from before are of no use any more.

    ``even_if_verified`` is for whoever has to show that the mailbox is theirs, though its owner did before. Raises EmailAlreadyVerified, NotFound.
    """
    row = lock_user(user)
    if row.email_verified and not even_if_verified:
        raise EmailAlreadyVerified
    expire_email_verifications(row)
    moment = clock.now()
    verification = EmailVerification.objects.create(
        environment=row.environment,
        user=row,
        email=row.email,
        code=new_one_time_code(),
        expires_at=moment + LIFETIME,
        created_at=moment,
        updated_at=moment,
    )
    emit(
        "email_verification.created",
        environment=row.environment,
        actor=actor,
        data=represent_email_verification_event(verification),
    )
    # No name in this mail: whoever signs up with a stranger's address chooses the name, and would choose the
    # text of a message that comes from us.
    send_mail(
        environment=row.environment,
        kind=MailKind.EMAIL_VERIFICATION,
        recipient=row.email,
        context={
            "email": row.email,
            "one_time_code": verification.code,
            "minutes": LIFETIME // timedelta(minutes=1),
        },
        locale=row.locale,
        look=look,
    )
    return verification


def use_email_verification_code(
    *,
    user: User,
    one_time_code: str,
    actor: Actor,
    even_if_verified: bool = False,
    knows_password: bool = True,
    has_passkey: bool = False,
) -> User:
    """Spend the user's newest code: right, it verifies the address once and for all. Return the user.

    ``even_if_verified`` as for :func:`create_email_verification`. ``knows_password`` is False where whoever reads the
    mailbox has not shown to know the user's password, and ``has_passkey`` is True where they have shown a passkey.

    A wrong guess is counted and committed before the refusal, so do not call this inside a transaction that the
    refusal would roll back. Raises EmailPreviouslyVerified, EmailVerificationCodeIncorrect, …Expired, …Locked,
    …PreviouslyUsed, RateLimited, NotFound.
    """
    with transaction.atomic():
        row = lock_user(user)
        if row.email_verified and not even_if_verified:
            raise EmailPreviouslyVerified
        verdict = _spend_newest(row, one_time_code)
        if verdict is CodeVerdict.RIGHT:
            prove_mailbox(row, actor, knows_password=knows_password, has_passkey=has_passkey)
    if verdict is not CodeVerdict.RIGHT:
        raise _REFUSALS[verdict]
    return row


@transaction.atomic
def mark_email_verified(user: User, actor: Actor) -> User:
    """Note that the address is proven, as by a sign-in through its mailbox; ``user.updated`` the first time only."""
    row = lock_user(user)
    save_changes(row, {"email_verified": True}, actor)
    return row


def _spend_newest(user: User, one_time_code: str) -> CodeVerdict:
    rows = EmailVerification.objects.in_environment(user.environment_id).filter(user=user, email=user.email)
    newest = rows.order_by("-id").first()
    if newest is None:
        return CodeVerdict.WRONG
    return spend_one_time_code(newest, one_time_code, "email_verification", user.id)
