"""What ends an invitation, for the services of invitations and of memberships alike."""

from events.services import emit
from foundation import clock
from foundation.actors import Actor
from organizations.models import Invitation, OrganizationMembership, invitations_with_relations
from organizations.representations import represent_invitation_for_event


def revoke_row(invitation: Invitation, actor: Actor) -> None:
    """Take back an invitation that is pending and locked, and tell of it; its membership is the caller's matter."""
    invitation.revoked_at = invitation.updated_at = clock.now()
    invitation.is_open = False
    invitation.save(update_fields=["revoked_at", "updated_at", "is_open"])
    emit(
        "invitation.revoked",
        environment=invitation.environment,
        actor=actor,
        data=represent_invitation_for_event(invitation),
    )


def revoke_invitation_of(membership: OrganizationMembership, actor: Actor) -> None:
    """Take back the invitation that would activate a pending membership, if there still is one.

    Whoever deletes a pending membership withdraws the offer; the mail that is out must not bring it back.
    """
    waiting = invitations_with_relations(membership.environment_id).filter(
        membership=membership, is_open=True, expires_at__gt=clock.now()
    )
    for invitation in waiting.select_for_update(of=("self",)):
        revoke_row(invitation, actor)
