"""The profile: names and language."""

from django.http import HttpRequest, HttpResponse

from accounts.services import UserChanges, update_user
from authentication.pages import cookies
from authentication.pages.account.forms import ProfileForm
from authentication.pages.account.plumbing import AccountPage
from foundation.languages import find_supported


class Profile(AccountPage):
    """GET, POST /account/profile."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        user = self.user
        initial = {
            "first_name": user.first_name,
            "last_name": user.last_name,
            "language": find_supported(user.locale),
        }
        return self._show(ProfileForm(initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ProfileForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        first, last, language = (form.cleaned_data[name] for name in ("first_name", "last_name", "language"))
        changes: UserChanges = {"first_name": first, "last_name": last, "locale": language}
        if self.user.name:
            # A display name that stood beside the old names would go on naming the person by them.
            changes["name"] = " ".join(part for part in (first, last) if part)
        update_user(user=self.user, actor=self.user_actor, **changes)
        response = self.go_to("account", done="profile")
        if language:
            cookies.write_language(response, language)
        return response

    def _show(self, form: ProfileForm, status: int = 200) -> HttpResponse:
        return self.show("account/profile.html", {"form": form}, status)
