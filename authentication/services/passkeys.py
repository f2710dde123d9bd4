"""Signing in with a passkey on our own pages. The account is the passkey's: nobody types an address."""

from typing import Any

from accounts import passkeys
from accounts.errors import PasskeyInvalid, PasskeyNotFound
from accounts.services import begin_passkey_sign_in, use_passkey
from authentication.access_tokens import policy_of
from authentication.errors import AuthenticationMethodNotAllowed
from authentication.models import AuthenticationMethod
from authentication.services.attempts import begin_attempt, record_failure
from authentication.services.outcomes import Origin, Outcome
from environments.models import AuthenticationSettings, Environment
from foundation.actors import Actor


def are_passkeys_on(settings: AuthenticationSettings) -> bool:
    """Tell whether an environment takes passkeys, and whether browsers make any for our address."""
    return settings.passkey_enabled and passkeys.are_possible()


def request_passkey_sign_in(*, environment: Environment, browser_secret: str) -> dict[str, Any]:
    """Return what a browser is asked for a passkey; raises AuthenticationMethodNotAllowed."""
    if not are_passkeys_on(policy_of(environment).settings):
        raise AuthenticationMethodNotAllowed
    return begin_passkey_sign_in(environment=environment, browser_secret=browser_secret)


def sign_in_with_passkey(
    *, environment: Environment, actor: Actor, origin: Origin, browser_secret: str, answer: str
) -> Outcome:
    """Sign a person in by a browser's answer to :func:`request_passkey_sign_in`.

    Raises AuthenticationMethodNotAllowed, PasskeyInvalid, PasskeyNotFound, PasskeyChallengeInvalid, PasskeyCopied.
    """
    policy = policy_of(environment)
    if not are_passkeys_on(policy.settings):
        raise AuthenticationMethodNotAllowed
    use = use_passkey(environment=environment, browser_secret=browser_secret, answer=answer)
    refusal: PasskeyInvalid | None = use.refusal
    if use.passkey is not None and refusal is None:
        outcome = begin_attempt(use.passkey.user, AuthenticationMethod.PASSKEY, origin, policy)
        if outcome is not None:
            return outcome
    refusal = refusal or PasskeyNotFound()
    user = None if use.passkey is None else use.passkey.user
    record_failure(
        environment=environment,
        actor=actor,
        kind="passkey",
        origin=origin,
        user_id=None if user is None else user.pk,
        email=None if user is None else user.email,
        refusal=refusal,
    )
    raise refusal
