"""People who come through a social provider: whose account that opens, and what has to be proven first.

An identity is what a provider calls the person, for ever; an address is what it says of the person today. So the
identity finds its user; the address does so only where the provider vouches for it. Any other identity waits until the
person has read a code in the mailbox, whether the address has an account already or not: else somebody could lay an
identity of theirs into an account that its owner opens later, or take over one that is there.
"""

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from django.db import transaction

from accounts.email_addresses import normalize_email
from accounts.errors import IdentityAlreadyLinked, InvalidEmail, NewUserEmailNotAvailable
from accounts.models import Identity, User
from accounts.services import (
    create_user,
    ensure_identity,
    find_user_by_email,
    forget_unproven_credentials,
    mark_email_verified,
)
from authentication.access_tokens import Policy, policy_of
from authentication.errors import (
    AuthenticationMethodNotAllowed,
    InvalidLinkAuthorizationCode,
    ProfileWithoutEmail,
    SignUpNotAllowed,
)
from authentication.models import AuthenticationMethod, AuthorizationCode, SignInAttempt
from authentication.services.attempts import begin_attempt, emit_success, find_brought_invitation
from authentication.services.outcomes import Origin, Outcome
from authentication.services.sessions import end_sessions_of, user_actor
from environments.models import AuthenticationSettings
from foundation import clock
from foundation.actors import SYSTEM
from foundation.encryption import token_digest
from organizations.models import Invitation
from sso.models import Connection, Profile
from sso.oauth.catalogue import PROVIDERS
from sso.representations import LINKED_STATES

# Identities are spelled otherwise than connections, in the contract (workos-legacy 3).
_SPELLINGS = {"GitHubOAuth": "GithubOAuth"}


# Where most people have an account; the others follow by name.
_FIRST_BUTTONS = ("GoogleOAuth", "MicrosoftOAuth", "AppleOAuth", "GitHubOAuth")


class PendingIdentity(TypedDict):
    """An identity that is linked as soon as the mailbox is proven; it lies in ``SignInAttempt.pending_identity``."""

    provider: str
    idp_id: str
    email: str


@transaction.atomic
def sign_in_with_social_profile(
    *, profile: Profile, origin: Origin, oauth_tokens: Mapping[str, Any] | None = None
) -> Outcome:
    """Sign the person in whom a social provider has just named.

    ``oauth_tokens`` are the provider's own, for the application that asked for them. Raises
    AuthenticationMethodNotAllowed, ProfileWithoutEmail, SignUpNotAllowed, InvitationInvalid,
    InvitationCannotBeUsedForEmail.
    """
    environment = profile.environment
    policy = policy_of(environment)
    if not policy.settings.social_enabled:
        raise AuthenticationMethodNotAllowed
    method = AuthenticationMethod(profile.connection.connection_type)
    user = _user_of_identity(profile)
    pending: PendingIdentity | None = None
    invitation: Invitation | None = None
    if user is None:
        email = _email_of(profile)
        invitation = find_brought_invitation(environment, email, origin.invitation_token)
        user, is_proven = _user_of_email(profile, email, policy, invitation)
        if is_proven:
            ensure_identity(user=user, provider=_provider_of(profile), idp_id=profile.idp_id, email=email)
        else:
            pending = PendingIdentity(provider=_provider_of(profile), idp_id=profile.idp_id, email=email)
    outcome = begin_attempt(
        user,
        method,
        origin,
        policy,
        invitation=invitation,
        connection=profile.connection,
        pending_identity=pending,
        oauth_tokens=json.dumps(dict(oauth_tokens)) if oauth_tokens else None,
    )
    if outcome is None:
        # Deleted in this moment: there is nobody to sign in.
        raise SignUpNotAllowed
    return outcome


def list_social_connections(settings: AuthenticationSettings) -> list[Connection]:
    """Return the social providers that people of an environment can sign in with, in the order of their buttons."""
    if not settings.social_enabled:
        return []
    rows = Connection.objects.in_environment(settings.environment_id).filter(
        organization=None, state__in=LINKED_STATES, connection_type__in=list(PROVIDERS)
    )
    first = {kind: place for place, kind in enumerate(_FIRST_BUTTONS)}
    return sorted(rows, key=lambda row: (first.get(row.connection_type, len(first)), row.connection_type))


def link_pending_identity(attempt: SignInAttempt, origin: Origin) -> bool:
    """Link the identity that waited for the mailbox to be proven, which it was just now; the locks are held.

    False if it cannot be linked: the user has another address by now, or the identity another user.
    """
    pending: PendingIdentity = attempt.pending_identity
    user = attempt.user
    if user.email != pending["email"]:
        return False
    try:
        ensure_identity(
            user=user, provider=pending["provider"], idp_id=pending["idp_id"], email=pending["email"]
        )
    except IdentityAlreadyLinked:
        return False
    attempt.pending_identity = {}
    emit_success("oauth", user, attempt.environment, origin)
    return True


def link_by_authorization_code(*, user: User, authorization_code: str, origin: Origin) -> None:
    """Link the identity of an earlier sign-in to a user who has just proven the mailbox by another way.

    The code is that of the exchange that was refused because the provider does not vouch for the address
    (``link_authorization_code``, workos-behaviour (e)). It links once, and while its sign-in still waits. The caller
    holds the lock of the user. Raises InvalidLinkAuthorizationCode.
    """
    codes = AuthorizationCode.objects.in_environment(user.environment_id)
    row = codes.filter(code_digest=token_digest(authorization_code), spent_at__isnull=False).first()
    if row is None:
        raise InvalidLinkAuthorizationCode
    attempts = SignInAttempt.objects.in_environment(user.environment_id).select_related("environment")
    attempt = attempts.select_for_update(of=("self",)).get(pk=row.attempt_id)
    is_waiting = attempt.completed_at is None and attempt.expires_at > clock.now()
    if not is_waiting or not attempt.pending_identity or attempt.user_id != user.id:
        raise InvalidLinkAuthorizationCode
    attempt.user = user
    if not link_pending_identity(attempt, origin):
        raise InvalidLinkAuthorizationCode
    # The other way has signed the person in: this one is over.
    attempt.completed_at = clock.now()
    attempt.save(update_fields=["pending_identity", "completed_at"])


def _user_of_identity(profile: Profile) -> User | None:
    """Return the user whose identity this is; what the provider vouches for is noted by the way."""
    rows = Identity.objects.in_environment(profile.environment_id).select_related("user")
    identity = rows.filter(provider=_provider_of(profile), idp_id=profile.idp_id).first()
    if identity is None:
        return None
    user = identity.user
    if profile.email_verified and profile.email == user.email and not user.email_verified:
        return mark_email_verified(user, user_actor(user))
    return user


def _email_of(profile: Profile) -> str:
    try:
        return normalize_email(profile.email)
    except InvalidEmail as error:
        raise ProfileWithoutEmail from error


def _user_of_email(
    profile: Profile, email: str, policy: Policy, invitation: Invitation | None
) -> tuple[User, bool]:
    """Return the user with an address, made if there is none, and whether the provider's word is proof enough."""
    environment = profile.environment
    user = find_user_by_email(environment, email)
    if user is None:
        if not policy.settings.sign_up_enabled and invitation is None:
            raise SignUpNotAllowed
        user = _sign_up(profile, email)
    if not profile.email_verified or _is_known_as_another(user, profile):
        return user, False
    return (user if user.email_verified else _take_over(user)), True


def _sign_up(profile: Profile, email: str) -> User:
    environment = profile.environment
    try:
        return create_user(
            environment=environment,
            actor=SYSTEM,
            email=email,
            first_name=profile.first_name,
            last_name=profile.last_name,
            email_verified=profile.email_verified,
        )
    except NewUserEmailNotAvailable:
        # Somebody signed up with the address just now.
        user = find_user_by_email(environment, email)
        if user is None:
            raise
        return user


def _is_known_as_another(user: User, profile: Profile) -> bool:
    """Tell whether the same provider has named somebody else by this address before.

    Subjects do not change; addresses change hands, as when a domain is sold and its new owner opens the accounts of
    the former one's people anew. So the new subject has to prove the mailbox like anybody.
    """
    rows = Identity.objects.in_environment(profile.environment_id)
    return rows.filter(user=user, provider=_provider_of(profile)).exists()


def _take_over(user: User) -> User:
    """Hand an account whose mailbox nobody had proven to whom the provider names.

    Whoever made it may be somebody else, who waits for the owner to come with a password, a passkey or a session in
    hand: none of it stays (pre-hijacking).
    """
    end_sessions_of(user, SYSTEM)
    forget_unproven_credentials(user=user)
    return mark_email_verified(user, user_actor(user))


def _provider_of(profile: Profile) -> str:
    """Return the name of the provider that identities carry."""
    kind = profile.connection.connection_type
    return _SPELLINGS.get(kind, kind)
