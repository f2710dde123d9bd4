"""Magic Auth: a code in the mailbox that signs its user in (workos-behaviour (l))."""

from datetime import timedelta

from django.db import transaction

from accounts.models import MagicAuth, User
from accounts.one_time_codes import LIFETIME, CodeVerdict, new_one_time_code
from accounts.representations import represent_magic_auth_event
from accounts.services.one_time_codes import spend_one_time_code
from accounts.services.rows import expire_magic_auths, lock_user, prove_mailbox
from environments.branding import Look
from environments.mail import send_mail
from environments.models import MailKind
from events.services import emit
from foundation import clock
from foundation.actors import Actor


@transaction.atomic
def create_magic_auth(
    *, user: User, actor: Actor, invitation_id: str = "", look: Look | None = None
) -> MagicAuth:
    """Make a code for the user's mailbox and mail it there; codes from before are of no use any more.

    ``look`` is given where the sign-in is about an organization. Raises NotFound.
    """
    row = lock_user(user)
    expire_magic_auths(row)
    moment = clock.now()
    magic_auth = MagicAuth.objects.create(
        environment=row.environment,
        user=row,
        email=row.email,
        code=new_one_time_code(),
        invitation_id=invitation_id,
        expires_at=moment + LIFETIME,
        created_at=moment,
        updated_at=moment,
    )
    emit(
        "magic_auth.created",
        environment=row.environment,
        actor=actor,
        data=represent_magic_auth_event(magic_auth),
    )
    # No name in this mail: whoever signs up with a stranger's address chooses the name.
    send_mail(
        environment=row.environment,
        kind=MailKind.MAGIC_AUTH,
        recipient=row.email,
        context={
            "email": row.email,
            "one_time_code": magic_auth.code,
            "minutes": LIFETIME // timedelta(minutes=1),
        },
        locale=row.locale,
        look=look,
    )
    return magic_auth


def spend_magic_auth_code(
    *, user: User, one_time_code: str, actor: Actor
) -> tuple[CodeVerdict, MagicAuth | None]:
    """Spend the user's newest code and say what it was worth; right, it proves the mailbox too.

    It runs inside the caller's transaction, which commits whatever the verdict: a refusal that rolled the count
    back would make guesses free. Returns the code's row with the verdict. Raises RateLimited, NotFound.
    """
    row = lock_user(user)
    rows = MagicAuth.objects.in_environment(row.environment_id).filter(user=row, email=row.email)
    newest = rows.order_by("-id").first()
    if newest is None:
        return CodeVerdict.WRONG, None
    verdict = spend_one_time_code(newest, one_time_code, "magic_auth", row.id)
    if verdict is CodeVerdict.RIGHT:
        prove_mailbox(row, actor)
    return verdict, newest
