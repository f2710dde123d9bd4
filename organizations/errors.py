"""The refusals of this app; codes from workos-behaviour (a) and from the spec's responses."""

from foundation.errors import BadRequest, Conflict, Invalid


class InvalidDomain(Invalid):
    """The text is no domain that an organization could own."""

    message = "Domain is invalid."

    def __init__(self, message: str | None = None) -> None:
        reason = message or self.message
        super().__init__(errors=[{"field": "domain", "code": "domain_invalid", "message": reason}])


class ExternalIDAlreadyUsed(BadRequest):
    """Another organization of the environment carries this external id."""

    code = "external_id_already_used"
    message = "The external_id is already used by another organization."


class StripeCustomerIDAlreadyUsed(BadRequest):
    """Another organization of the environment carries this Stripe customer id."""

    code = "stripe_customer_id_already_used"
    message = "The stripe_customer_id is already used by another organization."


class OrganizationAlreadyExists(Conflict):
    """A pinned organization id that is taken."""

    code = "organization_already_exists"
    message = "An organization with this id already exists."


class DomainTakenByAnotherOrganization(Conflict):
    """A domain is verified for one organization of its environment only (docs/decisions/0046)."""

    code = "domain_already_exists"

    @classmethod
    def of(cls, domain: str) -> "DomainTakenByAnotherOrganization":
        """The recorded wording."""
        return cls(f"An Organization with the domain {domain} already exists.")


class DomainAlreadyExists(Conflict):
    """The organization has this domain already."""

    code = "domain_already_exists"
    message = "Domain already exists for this organization."


class DomainAlreadyVerified(BadRequest):
    """There is nothing left to prove."""

    code = "domain_already_verified"
    message = "Domain is already verified."


class MembershipAlreadyExists(BadRequest):
    """The user is an active member already."""

    code = "organization_membership_already_exists"
    message = "The user is already a member of this organization."


class InvalidMembershipRole(Invalid):
    """No role of the organization or its environment has this slug."""

    code = "invalid_role"


class SubResourceScopedRoleNotAllowed(Invalid):
    """The role is one of a resource within the organization, and a membership is no such resource."""

    code = "sub_resource_scoped_role_not_allowed"
    message = "Sub-resource scoped roles are not allowed for this operation."


class CannotDeactivatePendingMembership(BadRequest):
    """A pending membership is an unanswered invitation."""

    code = "cannot_deactivate_pending_organization_membership"
    message = (
        "A pending organization membership cannot be deactivated. This membership should be deleted instead."
    )


class CannotReactivatePendingMembership(BadRequest):
    """A pending membership becomes active by its invitation."""

    code = "cannot_reactivate_pending_organization_membership"
    message = (
        "A pending organization membership cannot be reactivated. "
        "The user needs to accept the invitation instead."
    )


class GuestsNotAllowed(BadRequest):
    """The organization's policy lets nobody in whose mailbox is at none of its verified domains, or only the invited."""

    code = "organization_guests_not_allowed"
    message = "The organization does not allow members with an email address outside its verified domains."


class GroupMembershipLimitExceeded(BadRequest):
    """The group is full."""

    code = "group_membership_limit_exceeded"
    message = "The group has as many members as a group can have."


class ActiveMembershipRequired(BadRequest):
    """The user does not, or not now, belong to the organization that the API key would work for."""

    code = "active_organization_membership_required"
    message = "The user has no active membership in this organization."

    def __init__(self) -> None:
        super().__init__(errors=[{"field": "organization_id", "code": self.code, "message": self.message}])


class APIKeyAlreadyExpired(Conflict):
    """An expired API key is not brought back to life."""

    code = "api_key_already_expired"
    message = "API key is already expired"


class UserAlreadyExists(BadRequest):
    """Somebody who has an account needs no invitation to the product."""

    code = "user_already_exists"
    message = "A user with this email already exists."


class UserAlreadyOrganizationMember(BadRequest):
    """The invitee belongs to the organization; a deactivated member is reactivated, not invited."""

    code = "user_already_organization_member"
    message = "The user is already a member of this organization."


class EmailAlreadyInvited(BadRequest):
    """An invitation to the product still waits for this address."""

    code = "email_already_invited"
    message = "This email has already been invited."


class EmailAlreadyInvitedToOrganization(BadRequest):
    """An invitation into this organization still waits for this address."""

    code = "email_already_invited_to_organization"
    message = "This email has already been invited to this organization."


class ExpiresInDaysTooShort(BadRequest):
    code = "expires_in_days_too_short"
    message = "expires_in_days must be at least 1."


class ExpiresInDaysTooLong(BadRequest):
    code = "expires_in_days_too_long"
    message = "expires_in_days must be at most 30."


class InviteExpired(BadRequest):
    code = "invite_expired"
    message = "Invite has expired."


class InviteRevoked(BadRequest):
    code = "invite_revoked"
    message = "Invite has been revoked."


class InviteAccepted(BadRequest):
    code = "invite_accepted"
    message = "Invite has already been accepted."


class InviteNotPending(BadRequest):
    """It was accepted or revoked, or it expired."""

    code = "invite_not_pending"
    message = "Invite is not pending."


class InvalidInvite(BadRequest):
    """The membership that it would activate was deactivated, which is for the organization to undo."""

    code = "invalid_invite"
    message = "Invite cannot be accepted: the user is a deactivated member of the organization."


class InvitationRefusal(BadRequest):
    """What a sign-in with an ``invitation_token`` is told; in OAuth's form at the token endpoint."""


class InvitationInvalid(InvitationRefusal):
    """Unknown, of another environment, expired, revoked or accepted: all in the same words."""

    code = "invitation_invalid"
    message = "The invitation has expired or is invalid."


class InvitationCannotBeUsedForEmail(InvitationRefusal):
    """It was sent to somebody else. The message does not say to whom."""

    code = "invitation_cannot_be_used_for_email"
    message = "The invitation cannot be used for this email."
