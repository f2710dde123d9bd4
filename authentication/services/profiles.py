"""From a profile to a user: who it is that came through a connection, and what they become by it.

A company's identity provider may say who somebody is only where its organization has proven the domain of the address.
Any other address could be anybody's: a new account has to prove its mailbox then, and one that exists is left alone.
Social providers belong to no company; what their word is worth is said in ``social``.
"""

import logging

from django.db import transaction

from accounts.email_addresses import email_domain
from accounts.errors import EmailNotAvailable, NewUserEmailNotAvailable
from accounts.models import User
from accounts.services import (
    create_user,
    find_user_by_email,
    forget_unproven_credentials,
    mark_email_verified,
    update_user,
)
from authentication.access_tokens import policy_of
from authentication.errors import (
    InvalidPendingAuthenticationToken,
    ProfileNotVouchedFor,
    ProviderSessionEnded,
)
from authentication.models import AuthenticationMethod
from authentication.services.attempts import begin_attempt, record_failure
from authentication.services.outcomes import Arrival, Origin, Outcome
from authentication.services.sessions import end_sessions_of
from authentication.services.social import sign_in_with_social_profile
from foundation.actors import SYSTEM
from foundation.errors import DomainError
from organizations.models import MembershipStatus, Organization, memberships_with_relations
from organizations.services import accept_invitation, create_membership, update_membership
from sso.actors import connection_actor
from sso.connection_types import Protocol
from sso.models import Profile
from sso.representations import represent_sso_facts
from sso.services import ExchangeFailed, Finished, is_over, is_vouched_for, link_profile, owns_domain

logger = logging.getLogger(__name__)


@transaction.atomic
def sign_in_with_profile(*, finished: Finished, origin: Origin) -> Outcome:
    """Begin a sign-in with what an identity provider said; user and membership come about on the way.

    Raises ProviderSessionEnded, ProfileNotVouchedFor, InvitationInvalid, InvitationCannotBeUsedForEmail, and what
    :func:`sign_in_with_social_profile` raises.
    """
    profile = finished.profile
    provider_session = finished.provider_session
    if provider_session is not None and is_over(provider_session.id, provider_session.environment_id):
        raise ProviderSessionEnded
    if profile.connection.protocol is Protocol.OAUTH:
        return sign_in_with_social_profile(profile=profile, origin=origin, oauth_tokens=finished.oauth_tokens)
    environment = profile.connection.environment
    is_vouched = is_vouched_for(profile)
    user = _linked_user(profile, is_vouched=is_vouched)
    is_linked = user is not None
    if user is None:
        user = _user_of_address(profile, is_vouched=is_vouched)
    if is_vouched:
        user = _trust_address(user, profile, is_linked=is_linked)
    is_unproven = not is_vouched and not user.email_verified
    if not is_unproven:
        link_profile(profile=profile, user=user)
    user = _fill_names(user, profile)
    organization = profile.connection.organization
    if organization is not None:
        _join(user, organization, profile)
    arrival = Arrival(
        profile=profile,
        sso_session=finished.sso_session,
        provider_session=provider_session,
        mailbox_unproven=is_unproven,
    )
    outcome = begin_attempt(user, AuthenticationMethod.SSO, origin, policy_of(environment), arrival=arrival)
    if outcome is None:
        # Deleted, or given a password, in this very moment: the person begins anew.
        raise InvalidPendingAuthenticationToken.of("")
    return outcome


def record_profile_refusal(
    *, failed: ExchangeFailed | Finished, refusal: DomainError, origin: Origin, user: User | None = None
) -> None:
    """Tell that somebody came through a connection and was not let in."""
    sso_session = failed.sso_session
    connection = sso_session.connection
    is_sso = connection.protocol is not Protocol.OAUTH
    profile = failed.profile if isinstance(failed, Finished) else None
    record_failure(
        environment=sso_session.environment,
        actor=SYSTEM,
        kind="sso" if is_sso else "oauth",
        origin=origin,
        user_id=None if user is None else user.id,
        email=None if profile is None else profile.email,
        refusal=refusal,
        sso=represent_sso_facts(sso_session) if is_sso else None,
    )


def _linked_user(profile: Profile, *, is_vouched: bool) -> User | None:
    """Return whom the profile has signed in before, if it still may."""
    connection = profile.connection
    user = profile.user
    if user is None or user.email == profile.email:
        return user
    if is_vouched and owns_domain(connection, email_domain(user.email)):
        # Both addresses are the organization's: its provider says that the person has another one now.
        return _with_address(user, profile)
    # The account has moved to an address that this provider does not speak for, and is none of its business any more.
    profile.user = None
    profile.save(update_fields=["user"])
    return None


def _with_address(user: User, profile: Profile) -> User:
    try:
        return update_user(
            user=user, actor=connection_actor(profile.connection), email=profile.email, email_verified=True
        )
    except EmailNotAvailable:
        # Another account has the address already: this one keeps its own, and staff see both.
        logger.info("sso_address_taken", extra={"connection_id": profile.connection_id})
        return user


def _user_of_address(profile: Profile, *, is_vouched: bool) -> User:
    """Return the user with the profile's address, made now if there is none."""
    environment = profile.connection.environment
    user = find_user_by_email(environment, profile.email)
    if user is None:
        # Whether sign-up is open is no question: whom a company's own provider sends is let in by the company.
        user = _sign_up(profile, is_vouched=is_vouched)
    if user.email_verified and not is_vouched:
        raise ProfileNotVouchedFor
    return user


def _sign_up(profile: Profile, *, is_vouched: bool) -> User:
    environment = profile.connection.environment
    try:
        return create_user(
            environment=environment,
            actor=connection_actor(profile.connection),
            email=profile.email,
            email_verified=is_vouched,
            first_name=profile.first_name,
            last_name=profile.last_name,
            name=profile.name,
        )
    except NewUserEmailNotAvailable:
        # Somebody signed up with the address just now.
        user = find_user_by_email(environment, profile.email)
        if user is None:
            raise
        return user


def _trust_address(user: User, profile: Profile, *, is_linked: bool) -> User:
    """Take the provider's word for the address."""
    if user.email != profile.email or user.email_verified:
        return user
    if not is_linked:
        # Whoever made an account for an address that was never proven may be waiting for its owner to come by.
        end_sessions_of(user, SYSTEM)
        forget_unproven_credentials(user=user)
    return mark_email_verified(user, connection_actor(profile.connection))


def _fill_names(user: User, profile: Profile) -> User:
    """Give a user the names that nobody has given it yet."""
    names = {
        field: getattr(profile, field)
        for field in ("first_name", "last_name")
        if getattr(profile, field) and not getattr(user, field)
    }
    return update_user(user=user, actor=connection_actor(profile.connection), **names) if names else user


def _join(user: User, organization: Organization, profile: Profile) -> None:
    """Make whoever a company's provider sends a member, in the roles that the provider says.

    Whom somebody has suspended stays suspended: the engine lets nobody into an organization without an active membership.
    """
    connection = profile.connection
    environment = connection.environment
    actor = connection_actor(connection)
    rows = memberships_with_relations(environment).filter(user=user, organization=organization)
    membership = rows.first()
    if membership is None:
        create_membership(
            environment=environment,
            actor=actor,
            user=user,
            organization=organization,
            role_slugs=profile.role_slugs,
        )
        return
    if membership.status == MembershipStatus.PENDING:
        invitation = membership.invitations.filter(is_open=True).first()
        if invitation is not None:
            accept_invitation(invitation=invitation, user=user, actor=actor)
        membership = rows.get()
    present = [role.slug for role in membership.roles_by_priority()]
    if (
        connection.role_map
        and membership.status == MembershipStatus.ACTIVE
        and set(present) != set(profile.role_slugs)
    ):
        # None of the groups that bring a role any more: back to the default one.
        update_membership(membership=membership, actor=actor, role_slugs=profile.role_slugs)
