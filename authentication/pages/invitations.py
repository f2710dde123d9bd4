"""The pages of an invitation: who invites to what, and that it is accepted. What lies between is a sign-in."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.models import User
from authentication import services
from authentication.errors import AuthorizationRequestNotFound
from authentication.models import SignInEnding
from authentication.pages import cookies
from authentication.pages.plumbing import HostedPage, SignInPage
from environments.branding import Look
from organizations.models import Invitation, InvitationState
from organizations.services import application_page, find_invitation_of_link
from organizations.services.looks import look_for


class Invite(HostedPage):
    """GET, POST /invite: what the link of an invitation opens. ``?invitation_token=`` is its token."""

    invitation: Invitation

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        found = find_invitation_of_link(request.GET.get("invitation_token", ""))
        if found is None:
            return self.refusal_page(
                _("This invitation link does not work"),
                _(
                    "Perhaps a part of it is missing. Open it from the message once more, or ask whoever invited "
                    "you for a new invitation."
                ),
                status=404,
            )
        self.invitation = found
        self.shown_environment = found.environment
        return None if found.state is InvitationState.PENDING else self._over(found)

    def look(self) -> Look:
        """Return how the page looks: as the organization does that invites."""
        if self.shown_environment is None:
            return super().look()
        return look_for(self.shown_environment, self.invitation.organization_id)

    def get(self, request: HttpRequest) -> HttpResponse:
        secret = cookies.read_hosted_secret(request, self.invitation.environment)
        hosted_session = services.find_hosted_session(self.invitation.environment, secret)
        signed_in_as = "" if hosted_session is None else hosted_session.user.email
        return self.show("invite.html", {**self._facts(), "signed_in_as": signed_in_as})

    def post(self, _request: HttpRequest) -> HttpResponse:
        handle = services.open_invitation_request(invitation=self.invitation)
        return HttpResponseRedirect(f"{reverse('sign-in')}?{urlencode({'request': handle})}", status=303)

    def _facts(self) -> dict[str, Any]:
        return {
            "email": self.invitation.email,
            "organization": self.invitation.organization,
            "inviter_name": _name_of(self.invitation.inviter),
            "expires_at": self.invitation.expires_at,
        }

    def _over(self, invitation: Invitation) -> HttpResponse:
        """Return the page of an invitation that nobody can accept any more: what became of it, and what helps."""
        inviter = _name_of(invitation.inviter)
        ask = (
            _("Ask %(inviter)s for a new one.") % {"inviter": inviter}
            if inviter
            else _("Ask whoever invited you for a new one.")
        )
        titles = {
            InvitationState.EXPIRED: _("This invitation has expired"),
            InvitationState.REVOKED: _("This invitation was withdrawn"),
            InvitationState.ACCEPTED: _("This invitation was accepted already"),
        }
        expired_on = _("It was valid until %(day)s.") % {"day": date_format(invitation.expires_at)}
        texts = {
            InvitationState.EXPIRED: f"{expired_on} {ask}",
            InvitationState.REVOKED: ask,
            InvitationState.ACCEPTED: _("Go to the application and sign in there."),
        }
        target = application_page(invitation.environment) if invitation.accepted_at is not None else ""
        context = {"title": titles[invitation.state], "text": texts[invitation.state], "target": target}
        return self.show("invitation_over.html", context, 410)


class Joined(SignInPage):
    """GET /invite/joined: the invitation is accepted."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        if self.authorization.ending != SignInEnding.INVITATION:
            raise AuthorizationRequestNotFound
        return self.show(
            "joined.html",
            {
                "organization": self.authorization.organization,
                "target": application_page(self.environment),
            },
        )


def _name_of(user: User | None) -> str:
    if user is None:
        return ""
    return user.name or " ".join(part for part in (user.first_name, user.last_name) if part)
