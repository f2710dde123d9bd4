"""Password resets, with what they mean for signing in: whether they are allowed, and which sessions they end."""

from django.db import transaction

from accounts.models import PasswordReset, User
from accounts.services import (
    apply_password_reset,
    create_password_reset,
    encode_reset_password,
    find_user_by_email,
    require_password_reset,
    send_unknown_account_mail,
)
from authentication import conf
from authentication.access_tokens import policy_of
from authentication.errors import PasswordAuthenticationDisabled
from authentication.services.sessions import end_sessions_of, user_actor
from environments import redirect_uris
from environments.branding import Look
from environments.models import Environment
from foundation.actors import SYSTEM, Actor
from foundation.errors import Invalid, NotFound


@transaction.atomic
def request_password_reset(
    *,
    environment: Environment,
    actor: Actor,
    email: str,
    page_url: str | None = None,
    look: Look | None = None,
) -> PasswordReset:
    """Mail a link that sets a new password.

    It leads to ``page_url``, else to the page of the environment's settings, else to ours; never to where the
    request came from. Raises PasswordAuthenticationDisabled, NotFound (nobody has the address), Invalid (no address
    that a link may lead to).
    """
    settings = policy_of(environment).settings
    if not settings.password_enabled:
        raise PasswordAuthenticationDisabled
    if page_url is not None:
        _require_page(environment, page_url)
    user = find_user_by_email(environment, email)
    if user is None:
        raise NotFound.of("User", email)
    page = page_url or settings.password_reset_url or conf.password_reset_page()
    return create_password_reset(user=user, actor=actor, page_url=page, look=look)


@transaction.atomic
def request_password_reset_on_page(*, environment: Environment, email: str, look: Look | None = None) -> None:
    """Mail a link for an address that somebody typed on our pages, without telling whether it is known.

    An unknown address gets a message that says so: the page takes the same steps and gives the same answer. Raises
    PasswordAuthenticationDisabled, InvalidEmail.
    """
    try:
        request_password_reset(environment=environment, actor=SYSTEM, email=email, look=look)
    except NotFound:
        send_unknown_account_mail(environment=environment, email=email, look=look)


def reset_password(
    *, environment: Environment | None, actor: Actor | None, token: str, new_password: str
) -> User:
    """Set a new password by the token of a reset; whoever was signed in with the old one is so no more.

    Our own page passes neither environment nor actor: it knows nothing but the link, and its reader acts. Raises
    PasswordResetTokenNotFound, PasswordAuthenticationDisabled, PasswordResetError.
    """
    reset = require_password_reset(environment, token)
    if not policy_of(reset.environment).settings.password_enabled:
        raise PasswordAuthenticationDisabled
    encoded = encode_reset_password(reset, new_password)
    actor = actor or user_actor(reset.user)
    with transaction.atomic():
        user = apply_password_reset(reset=reset, encoded_password=encoded, actor=actor)
        end_sessions_of(user, actor)
    return user


def _require_page(environment: Environment, page_url: str) -> None:
    problem = redirect_uris.problem_with(page_url, sandbox=environment.is_sandbox)
    if problem is None and "*" in page_url:
        problem = "A wildcard is no address."
    if problem is not None:
        sentence = problem.replace("redirect URI", "password reset URL")
        raise Invalid.field("password_reset_url", "password_reset_url_invalid", sentence)
