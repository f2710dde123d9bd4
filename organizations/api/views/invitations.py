"""Views of invitations."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.email_addresses import is_valid_email, normalize_email
from accounts.models import User
from environments.api.schema import describe
from environments.api.views import UserManagementView, reply
from foundation.errors import NotFound
from organizations import services
from organizations.api.serializers import (
    InvitationInput,
    InvitationLocaleInput,
    InvitationParameters,
)
from organizations.models import Invitation, Organization, invitations_with_relations
from organizations.representations import InvitationObject, represent_invitation


class InvitationView(UserManagementView):
    """A view that answers with invitations."""

    def invitation(self, invitation_id: str) -> Invitation:
        """Return the invitation; raises NotFound."""
        return invitations_with_relations(self.environment).require(invitation_id)

    def answer(self, invitation: Invitation, status: int = 200) -> HttpResponse:
        """Answer with one invitation."""
        return reply(
            represent_invitation(invitation, services.accept_invitation_page(self.environment)), status
        )


class InvitationCollection(InvitationView):
    """GET, POST /user_management/invitations."""

    @describe("List invitations", response=InvitationObject, query=InvitationParameters, paged=True)
    def get(self, _request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(InvitationParameters)
        invitations = invitations_with_relations(self.environment)
        if organization_id := parameters.get("organization_id"):
            invitations = invitations.filter(organization_id=organization_id)
        if email := parameters.get("email"):
            known = is_valid_email(email)
            invitations = invitations.filter(email=normalize_email(email)) if known else invitations.none()
        accept_page = services.accept_invitation_page(self.environment)
        return self.page(invitations, partial(represent_invitation, accept_page=accept_page), parameters)

    @describe(
        "Send an invitation",
        request=InvitationInput,
        response=InvitationObject,
        status=201,
        refusals=(400, 404),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(InvitationInput)
        invitation = services.send_invitation(
            environment=self.environment,
            actor=self.actor,
            email=fields["email"],
            organization=self._organization(fields),
            role_slug=fields.get("role_slug", ""),
            inviter=self._inviter(fields),
            expires_in_days=fields["expires_in_days"],
            language=fields.get("locale", ""),
        )
        return self.answer(invitation, 201)

    def _organization(self, fields: dict[str, Any]) -> Organization | None:
        if "organization_id" not in fields:
            return None
        return Organization.objects.in_environment(self.environment).require(fields["organization_id"])

    def _inviter(self, fields: dict[str, Any]) -> User | None:
        if "inviter_user_id" not in fields:
            return None
        return User.objects.in_environment(self.environment).require(fields["inviter_user_id"])


class InvitationItem(InvitationView):
    """GET /user_management/invitations/{id}."""

    @describe("Get an invitation", response=InvitationObject, refusals=(404,))
    def get(self, _request: HttpRequest, invitation_id: str) -> HttpResponse:
        return self.answer(self.invitation(invitation_id))


class InvitationByToken(InvitationView):
    """GET /user_management/invitations/by_token/{token}."""

    @describe("Find an invitation by its token", response=InvitationObject, refusals=(404,))
    def get(self, _request: HttpRequest, invitation_token: str) -> HttpResponse:
        invitation = services.find_invitation_by_token(self.environment, invitation_token)
        if invitation is None:
            raise NotFound.of("Invitation", invitation_token)
        return self.answer(invitation)


class AcceptInvitation(InvitationView):
    """POST /user_management/invitations/{id}/accept."""

    @describe("Accept an invitation", response=InvitationObject, refusals=(400, 404))
    def post(self, _request: HttpRequest, invitation_id: str) -> HttpResponse:
        return self.answer(
            services.accept_invitation_as_invitee(invitation=self.invitation(invitation_id), actor=self.actor)
        )


class ResendInvitation(InvitationView):
    """POST /user_management/invitations/{id}/resend."""

    @describe(
        "Resend an invitation",
        request=InvitationLocaleInput,
        response=InvitationObject,
        refusals=(400, 404),
    )
    def post(self, _request: HttpRequest, invitation_id: str) -> HttpResponse:
        fields = self.read(InvitationLocaleInput)
        return self.answer(
            services.resend_invitation(
                invitation=self.invitation(invitation_id),
                actor=self.actor,
                language=fields.get("locale", ""),
            )
        )


class RevokeInvitation(InvitationView):
    """POST /user_management/invitations/{id}/revoke."""

    @describe("Revoke an invitation", response=InvitationObject, refusals=(400, 404))
    def post(self, _request: HttpRequest, invitation_id: str) -> HttpResponse:
        return self.answer(
            services.revoke_invitation(invitation=self.invitation(invitation_id), actor=self.actor)
        )
