"""The account at a glance, and the places where it is signed in."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.models import AuthenticationFactor
from accounts.services import count_unused_recovery_codes
from authentication import services
from authentication.engine import SIGN_IN_FACTOR_TYPES
from authentication.pages import cookies
from authentication.pages.account.identities import name_of_provider
from authentication.pages.account.plumbing import AccountPage
from authentication.services import SignedInPlace
from environments.api.requests import client_ip, user_agent
from foundation.places import place_of
from foundation.user_agents import describe_user_agent

_PHONES = {"iOS", "Android"}


class Account(AccountPage):
    """GET, POST /account: everything at a glance; the form signs this browser out."""

    def get(self, request: HttpRequest) -> HttpResponse:
        settings = self.settings()
        ways = services.ways_in(self.user, settings)
        factors = AuthenticationFactor.objects.in_environment(self.environment).filter(
            user=self.user, type__in=SIGN_IN_FACTOR_TYPES
        )
        context = {
            "user": self.user,
            "takes_passwords": settings.password_enabled,
            "takes_passkeys": services.are_passkeys_on(settings),
            "passkeys": ways.passkeys,
            "identities": [(identity, name_of_provider(identity.provider)) for identity in ways.identities],
            "factors": list(factors.order_by("id")),
            "recovery_codes_left": count_unused_recovery_codes(self.user),
            "places": [_shown(place) for place in services.list_signed_in_places(self.hosted_session)],
            "notice": _notice(request.GET.get("done", "")),
            "homepage_url": settings.homepage_url,
            "client_query": self.url_of("account").partition("?")[2],
        }
        return self.show("account/overview.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        url = services.log_out_browser(
            hosted_session=self.hosted_session,
            ip_address=client_ip(request),
            user_agent=user_agent(request),
        )
        if url is None:
            response = self.go_to("signed-out")
        else:
            # A page that goes on by itself: Chromium holds form-action against every redirect that follows a form.
            response = self.show("continue.html", {"target": url, "signing_out": True})
        cookies.drop_hosted_secret(response, self.environment)
        return response


class EndSession(AccountPage):
    """POST /account/sessions/{id}/end: sign one place out."""

    def post(self, _request: HttpRequest, session_id: str) -> HttpResponse:
        services.end_own_session(hosted_session=self.hosted_session, session_id=session_id)
        return self.go_to("account", done="session")


class EndOthers(AccountPage):
    """POST /account/sessions/others/end: sign every other place out."""

    def post(self, _request: HttpRequest) -> HttpResponse:
        services.end_other_sessions(self.hosted_session)
        return self.go_to("account", done="sessions")


def _shown(place: SignedInPlace) -> dict[str, Any]:
    """Return what the page tells of a place: a device and where it is, in words."""
    row = place.row
    device = describe_user_agent(row.user_agent or "")
    names = [session.organization.name for session in place.sessions if session.organization is not None]
    return {
        "id": row.pk,
        "device": device.label,
        "is_phone": device.system in _PHONES,
        "where": " · ".join(filter(None, (place_of(row.ip_address or ""), row.ip_address))),
        "organizations": ", ".join(dict.fromkeys(names)),
        "impersonator": getattr(row, "impersonator_email", ""),
        "impersonation_reason": getattr(row, "impersonation_reason", ""),
        "last_used_at": place.last_used_at,
        "is_this_browser": place.is_this_browser,
    }


def _notice(done: str) -> str:
    """Say what was done; what an address makes up says nothing."""
    notices = {
        "profile": _("Your profile is saved."),
        "email": _("Your email address is changed."),
        "password": _("Your password is changed. Every other place is signed out."),
        "authenticator": _("Your authenticator app is set up."),
        "factor-removed": _("That second step is removed."),
        "recovery-codes": _("You have new recovery codes."),
        "passkey": _("Your passkey is saved."),
        "passkey-removed": _("That passkey is removed."),
        "unlinked": _("That account is unlinked."),
        "session": _("That place is signed out."),
        "sessions": _("Every other place is signed out."),
    }
    return notices.get(done, "")
