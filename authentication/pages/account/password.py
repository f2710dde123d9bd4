"""The password: changed by whoever knows it, set by whoever has none."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from accounts.errors import PasswordOvertaken, PasswordStrengthError
from accounts.services import password_policy_of
from authentication import services
from authentication.errors import InvalidCredentials
from authentication.pages import limits
from authentication.pages.account.forms import ChangePasswordForm
from authentication.pages.account.plumbing import AccountPage
from authentication.pages.forms import NewPasswordForm


class Password(AccountPage):
    """GET, POST /account/password."""

    needs_recent_proof = True

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        answer = super().prepare(request)
        if answer is not None:
            return answer
        return None if self.settings().password_enabled else self.go_to("account")

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show(self._form())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self._form(request)
        if not form.is_valid():
            return self._show(form, status=422)
        limits.count_sign_in(request, self.environment, self.user.email)
        try:
            services.change_own_password(
                hosted_session=self.hosted_session,
                origin=self.origin,
                present_password=form.cleaned_data.get("present_password", ""),
                new_password=form.cleaned_data["new_password"],
            )
        except (InvalidCredentials, PasswordOvertaken):
            if "present_password" not in form.fields:
                # Somebody has set one meanwhile, in another tab: it has to be shown now.
                return self.go_to("account-password")
            form.refuse("present_password", _("This is not your present password. Try again."))
            return self._show(form, status=422)
        except PasswordStrengthError as refusal:
            form.refuse("new_password", " ".join(str(rule["message"]) for rule in refusal.details["errors"]))
            return self._show(form, status=422)
        return self.go_to("account", done="password")

    def _form(self, request: HttpRequest | None = None) -> NewPasswordForm:
        kind = ChangePasswordForm if self.user.password else NewPasswordForm
        return kind(None if request is None else request.POST)

    def _show(self, form: NewPasswordForm, status: int = 200) -> HttpResponse:
        minimum = password_policy_of(self.environment).minimum_length
        form.fields["new_password"].help_text = _("At least %(minimum)d characters.") % {"minimum": minimum}
        return self.show("account/password.html", {"form": form, "email": self.user.email}, status)
