"""Invitations: sent, sent again, accepted, revoked.

Every write takes its locks in one order: the user, the organization, the invitation, the membership.
"""

from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.email_addresses import normalize_email
from accounts.errors import InvalidEmail, NewUserEmailNotAvailable
from accounts.models import User
from accounts.services import create_user, find_user_by_email
from accounts.services.rows import lock_user
from authorization.errors import InvalidRole
from authorization.models import Role
from authorization.services import resolve_roles
from environments.mail import send_mail
from environments.models import (
    AuthenticationSettings,
    Environment,
    MailKind,
    RedirectURI,
    RedirectURIPurpose,
)
from events.display_names import name_for_mail
from events.services import emit
from foundation import clock
from foundation.actors import Actor
from foundation.encryption import lookup_digest
from foundation.errors import Invalid, NotFound
from foundation.ids import new_secret
from organizations.errors import (
    EmailAlreadyInvited,
    EmailAlreadyInvitedToOrganization,
    ExpiresInDaysTooLong,
    ExpiresInDaysTooShort,
    GuestsNotAllowed,
    InvalidInvite,
    InvitationCannotBeUsedForEmail,
    InvitationInvalid,
    InviteAccepted,
    InviteExpired,
    InviteNotPending,
    InviteRevoked,
    UserAlreadyExists,
    UserAlreadyOrganizationMember,
)
from organizations.models import (
    Invitation,
    InvitationState,
    MembershipStatus,
    Organization,
    OrganizationMembership,
    invitations_with_relations,
    memberships_with_relations,
)
from organizations.representations import accept_invitation_url, represent_invitation_for_event
from organizations.services.domains import lock_organization
from organizations.services.invitation_rows import revoke_row
from organizations.services.looks import look_for
from organizations.services.memberships import (
    activate_membership,
    create_membership,
    delete_membership,
    update_membership,
)
from organizations.services.policies import require_guest_allowed

DEFAULT_DAYS = 7
SHORTEST_DAYS = 1
LONGEST_DAYS = 30

_NO_LONGER_PENDING = {
    InvitationState.ACCEPTED: InviteAccepted,
    InvitationState.REVOKED: InviteRevoked,
    InvitationState.EXPIRED: InviteExpired,
}


@transaction.atomic
def send_invitation(
    *,
    environment: Environment,
    actor: Actor,
    email: str,
    organization: Organization | None = None,
    role_slug: str = "",
    inviter: User | None = None,
    expires_in_days: int = DEFAULT_DAYS,
    language: str = "",
) -> Invitation:
    """Invite an address to the product, or into an organization, and mail it the link.

    Where the address is a user's already, the user gets a pending membership with the role. Raises Invalid (no
    e-mail address), ExpiresInDaysTooShort, ExpiresInDaysTooLong, InvalidRole, UserAlreadyExists,
    UserAlreadyOrganizationMember, EmailAlreadyInvited, EmailAlreadyInvitedToOrganization, GuestsNotAllowed, NotFound
    (deleted meanwhile).
    """
    address = _normalized(email)
    lifetime = _lifetime(expires_in_days)
    invitee = find_user_by_email(environment, address)
    if invitee is not None:
        invitee = lock_user(invitee)
    if organization is not None:
        organization = lock_organization(organization)
        require_guest_allowed(organization, address, is_invited=True)
    role = _role(environment, organization, role_slug)
    membership = _require_not_belonging(organization, invitee)
    _require_not_invited(environment, organization, address)
    if organization is not None and invitee is not None:
        membership = _pending_membership(membership, organization, invitee, role, actor)
    moment = clock.now()
    invitation_token = new_secret()
    invitation = Invitation(
        environment=environment,
        email=address,
        organization=organization,
        role=role,
        membership=membership,
        inviter=inviter,
        token=invitation_token,
        token_digest=_digest(invitation_token),
        language=language,
        expires_at=moment + lifetime,
        created_at=moment,
        updated_at=moment,
    )
    try:
        with transaction.atomic():
            invitation.save(force_insert=True)
    except IntegrityError as error:
        raise _already_invited(organization) from error
    _tell("invitation.created", invitation, actor)
    _mail(invitation, invitee)
    return invitation


@transaction.atomic
def resend_invitation(*, invitation: Invitation, actor: Actor, language: str = "") -> Invitation:
    """Mail an invitation that is pending once more: the same link, until the same moment.

    Raises InviteExpired, InviteRevoked, InviteAccepted, NotFound.
    """
    invitation = _locked(invitation)
    if invitation.state is not InvitationState.PENDING:
        raise _NO_LONGER_PENDING[invitation.state]
    if language:
        invitation.language = language
    invitation.updated_at = clock.now()
    invitation.save(update_fields=["language", "updated_at"])
    _tell("invitation.resent", invitation, actor)
    _mail(invitation, find_user_by_email(invitation.environment, invitation.email))
    return invitation


@transaction.atomic
def revoke_invitation(*, invitation: Invitation, actor: Actor) -> Invitation:
    """Take back an invitation that is pending, and the membership that waited for it.

    Raises InviteNotPending, NotFound.
    """
    if invitation.organization is not None:
        lock_organization(invitation.organization)
    invitation = _locked(invitation)
    if invitation.state is not InvitationState.PENDING:
        raise InviteNotPending
    revoke_row(invitation, actor)
    if invitation.membership is not None:
        _drop_pending_membership(invitation.membership, actor)
    return _fresh(invitation)


@transaction.atomic
def accept_invitation(*, invitation: Invitation, user: User, actor: Actor) -> Invitation:
    """Let a user accept: the membership becomes active, with the role of the invitation.

    A user who is an active member already keeps the roles held. Where a colleague accepts in place of the invitee, the
    invitee's pending membership goes. Of two who accept at once, one is refused.
    Raises InviteNotPending, InvitationCannotBeUsedForEmail, InvalidInvite (a deactivated member), NotFound.
    """
    if user.environment_id != invitation.environment_id:
        raise NotFound.of("Invitation", invitation.id)
    user = lock_user(user)
    organization = invitation.organization
    if organization is not None:
        organization = lock_organization(organization)
    invitation = _locked(invitation)
    if invitation.state is not InvitationState.PENDING:
        raise InviteNotPending
    require_invitation_for_email(invitation, user.email)
    waiting = invitation.membership
    if organization is not None:
        _require_no_unwanted_guest(organization, user)
        invitation.membership = _activate(invitation, organization, user, actor)
    invitation.accepted_user = user
    invitation.accepted_at = invitation.updated_at = clock.now()
    invitation.is_open = False
    invitation.save(update_fields=["membership", "accepted_user", "accepted_at", "updated_at", "is_open"])
    if waiting is not None and waiting != invitation.membership:
        _drop_pending_membership(waiting, actor)
    _tell("invitation.accepted", invitation, actor)
    return invitation


@transaction.atomic
def accept_invitation_as_invitee(*, invitation: Invitation, actor: Actor) -> Invitation:
    """Accept for the invited address itself, whose user is created where there is none yet.

    The e-mail of a new user is unverified: the caller's word is no proof of the mailbox.
    Raises InviteNotPending, InvalidInvite, NotFound.
    """
    if invitation.state is not InvitationState.PENDING:
        raise InviteNotPending
    user = find_user_by_email(invitation.environment, invitation.email)
    if user is None:
        user = _create_invitee(invitation, actor)
    return accept_invitation(invitation=invitation, user=user, actor=actor)


def find_invitation_by_token(environment: Environment, invitation_token: str) -> Invitation | None:
    """Return the invitation of a token, whatever has become of it, or None."""
    rows = invitations_with_relations(environment)
    return rows.filter(token_digest=_digest(invitation_token)).first()


def find_usable_invitation(environment: Environment, token: str) -> Invitation:
    """Return the pending invitation of a token; raises InvitationInvalid."""
    invitation = find_invitation_by_token(environment, token)
    if invitation is None or invitation.state is not InvitationState.PENDING:
        raise InvitationInvalid
    return invitation


def require_invitation_for_email(invitation: Invitation, email: str) -> None:
    """Refuse an address that the invitation is not for (workos-behaviour (e)); raises InvitationCannotBeUsedForEmail.

    ``email`` is in the stored form.
    """
    if not invitation.is_for(email):
        raise InvitationCannotBeUsedForEmail


def find_invitation_of_link(invitation_token: str) -> Invitation | None:
    """Return the invitation of a mailed link, whatever has become of it, or None; the link tells of the environment."""
    rows = Invitation.unscoped.select_related("environment", "organization", "inviter", "accepted_user")
    return rows.filter(token_digest=_digest(invitation_token)).first()


def accept_invitation_page(environment: Environment) -> str:
    """Return the page that takes an ``invitation_token``: the application's of the settings, else ours (docs/decisions/0031)."""
    row = AuthenticationSettings.objects.in_environment(environment).first()
    configured = "" if row is None else row.invitation_url
    return configured or f"{settings.BASE_URL}/invite"


def application_page(environment: Environment) -> str:
    """Return where the application is for somebody who did not come from it; empty where nobody has said it.

    That is the home page of the settings, else the origin of the default redirect URI.
    """
    row = AuthenticationSettings.objects.in_environment(environment).first()
    return ("" if row is None else row.homepage_url) or _application_origin(environment)


def _application_origin(environment: Environment) -> str:
    uris = RedirectURI.objects.in_environment(environment)
    default = uris.filter(purpose=RedirectURIPurpose.SIGN_IN, is_default=True).first()
    if default is None or "*" in default.uri:
        return ""
    return urlsplit(default.uri)._replace(path="/", query="", fragment="").geturl()


def _normalized(email: str) -> str:
    try:
        return normalize_email(email)
    except InvalidEmail as error:
        raise Invalid.field("email", "email_invalid", InvalidEmail.message) from error


def _lifetime(days: int) -> timedelta:
    if days < SHORTEST_DAYS:
        raise ExpiresInDaysTooShort
    if days > LONGEST_DAYS:
        raise ExpiresInDaysTooLong
    return timedelta(days=days)


def _role(environment: Environment, organization: Organization | None, slug: str) -> Role | None:
    if organization is None:
        if slug:
            raise InvalidRole("A role is held in an organization: name one, or no role.")
        return None
    roles = resolve_roles(environment, organization, [slug] if slug else [])
    return roles[0] if roles else None


def _require_not_belonging(
    organization: Organization | None, invitee: User | None
) -> OrganizationMembership | None:
    """Return the pending membership that the invitee may have; refuse one that is more than that."""
    if invitee is None:
        return None
    if organization is None:
        raise UserAlreadyExists
    membership = _membership_of(organization, invitee)
    if membership is not None and membership.status != MembershipStatus.PENDING:
        raise UserAlreadyOrganizationMember
    return membership


def _require_not_invited(environment: Environment, organization: Organization | None, email: str) -> None:
    """Refuse a second invitation, and make room where the first one expired."""
    rows = Invitation.objects.in_environment(environment)
    standing = rows.filter(organization=organization, email=email, is_open=True)
    moment = clock.now()
    if standing.filter(expires_at__gt=moment).exists():
        raise _already_invited(organization)
    # Those alone: an invitation that another request commits between the two statements stays open, and in the way.
    standing.filter(expires_at__lte=moment).update(is_open=False)


def _already_invited(organization: Organization | None) -> Exception:
    return EmailAlreadyInvited() if organization is None else EmailAlreadyInvitedToOrganization()


def _membership_of(organization: Organization, user: User) -> OrganizationMembership | None:
    rows = memberships_with_relations(organization.environment)
    return rows.filter(organization=organization, user=user).first()


def _pending_membership(
    membership: OrganizationMembership | None,
    organization: Organization,
    invitee: User,
    role: Role | None,
    actor: Actor,
) -> OrganizationMembership:
    role_slugs = [] if role is None else [role.slug]
    if membership is not None:
        # Left over from an invitation that expired.
        return update_membership(membership=membership, actor=actor, role_slugs=role_slugs)
    return create_membership(
        environment=organization.environment,
        actor=actor,
        user=invitee,
        organization=organization,
        role_slugs=role_slugs,
        status=MembershipStatus.PENDING,
        is_invited=True,
    )


def _activate(
    invitation: Invitation, organization: Organization, user: User, actor: Actor
) -> OrganizationMembership:
    held = _membership_of(organization, user)
    if held is None:
        return create_membership(
            environment=organization.environment,
            actor=actor,
            user=user,
            organization=organization,
            role_slugs=_role_slugs(invitation),
            is_invited=True,
        )
    if held.status == MembershipStatus.INACTIVE:
        raise InvalidInvite
    if held.status == MembershipStatus.PENDING:
        return activate_membership(membership=held, actor=actor)
    return held


def _require_no_unwanted_guest(organization: Organization, user: User) -> None:
    """Refuse whom the organization does not take in any more; raises InvitationCannotBeUsedForEmail."""
    try:
        require_guest_allowed(organization, user.email, is_invited=True)
    except GuestsNotAllowed as error:
        raise InvitationCannotBeUsedForEmail from error


def _role_slugs(invitation: Invitation) -> list[str]:
    """Return what the membership begins with: the roles of the pending one, which may have been changed since."""
    if invitation.membership is not None:
        return [role.slug for role in invitation.membership.roles_by_priority()]
    return [] if invitation.role is None else [invitation.role.slug]


def _drop_pending_membership(membership: OrganizationMembership, actor: Actor) -> None:
    if membership.status == MembershipStatus.PENDING:
        delete_membership(membership=membership, actor=actor)


def _create_invitee(invitation: Invitation, actor: Actor) -> User:
    try:
        return create_user(environment=invitation.environment, actor=actor, email=invitation.email)
    except NewUserEmailNotAvailable:
        # Somebody signed up with the address just now.
        user = find_user_by_email(invitation.environment, invitation.email)
        if user is None:
            raise
        return user


def _locked(invitation: Invitation) -> Invitation:
    rows = invitations_with_relations(invitation.environment_id)
    return rows.select_for_update(of=("self",)).require(invitation.id)


def _fresh(invitation: Invitation) -> Invitation:
    return invitations_with_relations(invitation.environment_id).require(invitation.id)


def _digest(invitation_token: str) -> str:
    return lookup_digest("invitation", invitation_token)


def _tell(name: str, invitation: Invitation, actor: Actor) -> None:
    emit(
        name,
        environment=invitation.environment,
        actor=actor,
        data=represent_invitation_for_event(invitation),
    )


def _mail(invitation: Invitation, invitee: User | None) -> None:
    environment = invitation.environment
    organization, inviter = invitation.organization, invitation.inviter
    send_mail(
        environment=environment,
        kind=MailKind.INVITATION,
        recipient=invitation.email,
        context={
            "email": invitation.email,
            "joins_organization": organization is not None,
            "organization_name": "" if organization is None else name_for_mail(organization.name),
            "inviter_name": "" if inviter is None else name_for_mail(_full_name(inviter)),
            "accept_url": accept_invitation_url(accept_invitation_page(environment), invitation.token),
            "expires_at": invitation.expires_at,
        },
        locale=invitation.language or (invitee.locale if invitee is not None else None),
        look=look_for(environment, invitation.organization_id),
    )


def _full_name(user: User) -> str:
    return user.name or " ".join(part for part in (user.first_name, user.last_name) if part)
