"""Accounts at other providers that sign a person in here."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.models import Identity
from authentication import services
from authentication.errors import LastWayIn
from authentication.pages.account.plumbing import AccountPage
from sso.connection_types import ConnectionType


class UnlinkIdentity(AccountPage):
    """GET, POST /account/linked/{id}/unlink."""

    needs_recent_proof = True

    def get(self, _request: HttpRequest, identity_id: str) -> HttpResponse:
        return self._show(identity_id)

    def post(self, _request: HttpRequest, identity_id: str) -> HttpResponse:
        try:
            services.unlink_own_identity(user=self.user, identity_id=identity_id)
        except LastWayIn:
            words = _("This is the only way to sign in that you have left. Add another one first.")
            return self._show(identity_id, words, status=422)
        return self.go_to("account", done="unlinked")

    def _show(self, identity_id: str, refusal: str = "", status: int = 200) -> HttpResponse:
        rows = Identity.objects.in_environment(self.environment).filter(user=self.user)
        identity = rows.require(identity_id)
        context = {
            "title": _("Unlink this account?"),
            "text": _("It does not sign you in here any more. Your account at the provider stays as it is."),
            "name": " · ".join(filter(None, (name_of_provider(identity.provider), identity.email))),
            "refusal": refusal,
        }
        return self.show("account/confirm.html", context, status)


def name_of_provider(provider: str) -> str:
    """Return what people call a provider: "Google" for ``GoogleOAuth``."""
    label = ConnectionType(provider).label if provider in ConnectionType.values else provider
    return str(label).removesuffix("OAuth").strip()
