"""Magic Auth: a code goes to the mailbox, and comes back as a sign-in or a sign-up (workos-behaviour (e), (l))."""

from collections.abc import Mapping

from django.db import transaction

from accounts.email_addresses import normalize_email
from accounts.models import MagicAuth, User
from accounts.one_time_codes import CodeVerdict
from accounts.services import (
    create_magic_auth,
    find_user_by_email,
    send_unknown_account_mail,
    spend_magic_auth_code,
)
from authentication.access_tokens import policy_of
from authentication.errors import (
    AuthenticationMethodNotAllowed,
    InvalidOneTimeCode,
    OneTimeCodeExpired,
    OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts,
    SignUpNotAllowed,
)
from authentication.models import AuthenticationMethod
from authentication.services.attempts import begin_attempt, find_invitation, record_failure
from authentication.services.outcomes import Origin, Outcome
from authentication.services.sessions import sign_out_everywhere, user_actor
from authentication.services.sign_up import sign_up
from authentication.services.social import link_by_authorization_code
from environments.branding import Look
from environments.models import Environment
from foundation.actors import SYSTEM, Actor
from foundation.errors import DomainError
from organizations.errors import InvitationInvalid
from organizations.models import Invitation, InvitationState

_REFUSALS: Mapping[CodeVerdict, type[DomainError]] = {
    CodeVerdict.WRONG: InvalidOneTimeCode,
    CodeVerdict.EXPIRED: OneTimeCodeExpired,
    CodeVerdict.PREVIOUSLY_USED: OneTimeCodePreviouslyUsed,
    CodeVerdict.LOCKED: OneTimeCodeTooManyAttempts,
}


@transaction.atomic
def request_magic_auth(
    *,
    environment: Environment,
    actor: Actor,
    email: str,
    invitation_token: str | None = None,
    look: Look | None = None,
) -> MagicAuth:
    """Mail a code to an address; where nobody has it, a user is made, whom the code then proves.

    An invitation lets somebody new in where sign-up is closed. Raises AuthenticationMethodNotAllowed, InvalidEmail,
    SignUpNotAllowed, InvitationInvalid, InvitationCannotBeUsedForEmail.
    """
    settings = policy_of(environment).settings
    if not settings.magic_auth_enabled:
        raise AuthenticationMethodNotAllowed
    address = normalize_email(email)
    invitation = find_invitation(environment, address, invitation_token)
    user = find_user_by_email(environment, address)
    if user is None:
        if not settings.sign_up_enabled and invitation is None:
            raise SignUpNotAllowed
        user = sign_up(environment, actor, address)
    return create_magic_auth(
        user=user, actor=actor, invitation_id="" if invitation is None else invitation.id, look=look
    )


@transaction.atomic
def request_magic_auth_on_page(
    *, environment: Environment, email: str, invitation_token: str | None = None, look: Look | None = None
) -> None:
    """Mail a code to an address that somebody typed on our pages, without telling whether it is known.

    Where sign-up is closed, an unknown address gets a message that says so: the page takes the same steps and gives
    the same answer. Raises AuthenticationMethodNotAllowed, InvalidEmail, InvitationInvalid,
    InvitationCannotBeUsedForEmail.
    """
    try:
        request_magic_auth(
            environment=environment,
            actor=SYSTEM,
            email=email,
            invitation_token=invitation_token,
            look=look,
        )
    except SignUpNotAllowed:
        send_unknown_account_mail(environment=environment, email=normalize_email(email), look=look)


def sign_in_with_magic_auth(
    *,
    environment: Environment,
    actor: Actor,
    origin: Origin,
    email: str,
    one_time_code: str,
    invitation_token: str | None = None,
    link_authorization_code: str | None = None,
) -> Outcome:
    """Sign a person in by the code in the mailbox, which thereby is proven; ``actor`` is the client that asks.

    An unknown address gets the answer of a wrong code. Guesses are counted in the code's row, under the lock of
    its user, so that no number of parallel tries gets more of them. ``link_authorization_code`` is that of an earlier
    sign-in by a social provider that did not vouch for the address: its identity is linked. Raises AuthenticationMethodNotAllowed,
    InvalidOneTimeCode, OneTimeCodeExpired, OneTimeCodePreviouslyUsed, OneTimeCodeTooManyAttempts, RateLimited,
    InvitationInvalid, InvitationCannotBeUsedForEmail, InvalidLinkAuthorizationCode.
    """
    policy = policy_of(environment)
    if not policy.settings.magic_auth_enabled:
        raise AuthenticationMethodNotAllowed
    user = find_user_by_email(environment, email)
    verdict = CodeVerdict.WRONG
    if user is not None:
        # The code is spent and the session begun in one transaction: a refusal in between gives the code back.
        with transaction.atomic():
            verdict, magic_auth = spend_magic_auth_code(
                user=user, one_time_code=one_time_code, actor=user_actor(user)
            )
            if verdict is CodeVerdict.RIGHT:
                if link_authorization_code is not None:
                    link_by_authorization_code(
                        user=user, authorization_code=link_authorization_code, origin=origin
                    )
                if not user.email_verified:
                    # Whoever made the account for a mailbox that was not theirs may be signed in since.
                    sign_out_everywhere(user, SYSTEM)
                invitation = _invitation(environment, user, magic_auth, invitation_token)
                outcome = begin_attempt(
                    user, AuthenticationMethod.MAGIC_AUTH, origin, policy, invitation=invitation
                )
                if outcome is not None:
                    return outcome
                verdict = CodeVerdict.WRONG
    refusal = _REFUSALS[verdict]()
    record_failure(
        environment=environment,
        actor=actor,
        kind="magic_auth",
        origin=origin,
        user_id=None if user is None else user.id,
        email=email,
        refusal=refusal,
    )
    raise refusal


def _invitation(
    environment: Environment, user: User, magic_auth: MagicAuth | None, invitation_token: str | None
) -> Invitation | None:
    """Return the invitation to accept: the one of the request, else the one that the code was asked for with."""
    if invitation_token is not None:
        return find_invitation(environment, user.email, invitation_token)
    if magic_auth is None or not magic_auth.invitation_id:
        return None
    invitation = Invitation.objects.in_environment(environment).find(magic_auth.invitation_id)
    if invitation is not None and invitation.state is InvitationState.ACCEPTED:
        return None
    # It let this user in: without it there is no reason to.
    if invitation is None or invitation.state is not InvitationState.PENDING:
        raise InvitationInvalid
    return invitation
