"""Passkeys of an account: added by the browser's own means, renamed, removed."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from accounts.errors import PasskeyAlreadyRegistered, PasskeyInvalid, TooManyPasskeys
from accounts.models import Passkey
from accounts.services import rename_passkey
from authentication import services
from authentication.errors import AuthenticationMethodNotAllowed, LastWayIn
from authentication.pages import cookies, limits
from authentication.pages.account.forms import PasskeyNameForm
from authentication.pages.account.plumbing import AccountPage
from authentication.pages.passkeys import words_for_registration
from environments.api.requests import user_agent
from foundation.ids import new_secret
from foundation.user_agents import describe_user_agent


class PasskeyPage(AccountPage):
    """A page about passkeys, where these are taken."""

    def answer(self, request: HttpRequest, *arguments: object, **options: object) -> HttpResponseBase:
        """Answer; where no passkeys are taken, there is only the account to go back to."""
        try:
            return super().answer(request, *arguments, **options)
        except AuthenticationMethodNotAllowed:
            return self.go_to("account")

    def require_passkey(self, passkey_id: str) -> Passkey:
        """Return one of the person's passkeys; raises NotFound."""
        rows = Passkey.objects.in_environment(self.environment).filter(user=self.user)
        return rows.select_related("user").require(passkey_id)


class PasskeyOptions(PasskeyPage):
    """POST /account/passkeys/options: what the browser needs to make one, as JSON for its script."""

    needs_recent_proof = True

    def post(self, request: HttpRequest) -> HttpResponse:
        limits.count_passkey_question(request, self.environment)
        secret = cookies.read_passkey_secret(request) or new_secret(cookies.PASSKEY_SECRET_LENGTH)
        try:
            options = services.request_own_passkey(user=self.user, browser_secret=secret)
        except TooManyPasskeys:
            return JsonResponse({"code": TooManyPasskeys.code}, status=409)
        response = JsonResponse(options)
        cookies.write_passkey_secret(response, secret)
        return response


class AddPasskey(PasskeyPage):
    """GET, POST /account/passkeys/add."""

    needs_recent_proof = True

    def get(self, _request: HttpRequest) -> HttpResponse:
        if not services.are_passkeys_on(self.settings()):
            raise AuthenticationMethodNotAllowed
        return self._show()

    def post(self, request: HttpRequest) -> HttpResponse:
        limits.count_passkey_answer(request, self.environment)
        try:
            passkey = services.add_own_passkey(
                user=self.user,
                browser_secret=cookies.read_passkey_secret(request),
                answer=request.POST.get("answer", ""),
                device=describe_user_agent(user_agent(request)).label,
            )
        except (PasskeyInvalid, PasskeyAlreadyRegistered, TooManyPasskeys) as refusal:
            return self._show(words_for_registration(refusal), status=422)
        return self.go_to("account-passkey", passkey.pk, new="1")

    def _show(self, refusal: str = "", status: int = 200) -> HttpResponse:
        context = {
            "refusal": refusal,
            "passkey_url": self.url_of("account-add-passkey"),
            "passkey_options_url": self.url_of("account-passkey-options"),
        }
        return self.show("account/add_passkey.html", context, status)


class PasskeyItem(PasskeyPage):
    """GET, POST /account/passkeys/{id}: its name."""

    def get(self, request: HttpRequest, passkey_id: str) -> HttpResponse:
        passkey = self.require_passkey(passkey_id)
        return self._show(PasskeyNameForm(initial={"name": passkey.name}), is_new="new" in request.GET)

    def post(self, request: HttpRequest, passkey_id: str) -> HttpResponse:
        passkey = self.require_passkey(passkey_id)
        form = PasskeyNameForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        rename_passkey(passkey=passkey, name=form.cleaned_data["name"])
        return self.go_to("account", done="passkey")

    def _show(self, form: PasskeyNameForm, *, is_new: bool = False, status: int = 200) -> HttpResponse:
        return self.show("account/passkey.html", {"form": form, "is_new": is_new}, status)


class RemovePasskey(PasskeyPage):
    """GET, POST /account/passkeys/{id}/remove."""

    needs_recent_proof = True

    def get(self, _request: HttpRequest, passkey_id: str) -> HttpResponse:
        return self._show(self.require_passkey(passkey_id))

    def post(self, _request: HttpRequest, passkey_id: str) -> HttpResponse:
        try:
            services.remove_own_passkey(user=self.user, passkey_id=passkey_id)
        except LastWayIn:
            return self._show(self.require_passkey(passkey_id), _last_way_in(), status=422)
        return self.go_to("account", done="passkey-removed")

    def _show(self, passkey: Passkey, refusal: str = "", status: int = 200) -> HttpResponse:
        context = {
            "title": _("Remove this passkey?"),
            "text": _(
                "It does not sign you in any more. Your device may go on offering it until you delete it there too."
            ),
            "name": passkey.name,
            "refusal": refusal,
        }
        return self.show("account/confirm.html", context, status)


def _last_way_in() -> str:
    return _("This is the only way to sign in that you have left. Add another one first.")
