"""Authenticator apps and phones, and the recovery codes that stand in for them."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.errors import InvalidTOTPSecret, TOTPCodeIncorrect
from accounts.models import AuthenticationFactor
from accounts.totp import new_totp_secret, provisioning_uri, qr_code_data_uri
from authentication import services
from authentication.pages import limits
from authentication.pages.account.plumbing import AccountPage
from authentication.pages.forms import OneTimeCodeForm
from environments.branding import look_of
from foundation.encryption import UnsealError, seal, unseal


class AddAuthenticator(AccountPage):
    """GET, POST /account/authenticators/add: an app, which shows that it works before anything is kept."""

    needs_recent_proof = True

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show(OneTimeCodeForm(), new_totp_secret())

    def post(self, request: HttpRequest) -> HttpResponse:
        secret = self._secret(request.POST.get("sealed_secret", ""))
        if secret is None:
            return self.go_to("account-add-authenticator")
        form = OneTimeCodeForm(request.POST)
        if not form.is_valid():
            return self._show(form, secret, status=422)
        limits.count_code_entry(request, self.hosted_session.pk)
        try:
            recovery_codes = services.enroll_own_authenticator(
                hosted_session=self.hosted_session,
                totp_secret=secret,
                one_time_code=form.cleaned_data["code"],
            )
        except (TOTPCodeIncorrect, InvalidTOTPSecret):
            form.refuse(
                "code", _("This code is not right. Check that the clock of your phone is, and try again.")
            )
            return self._show(form, secret, status=422)
        if not recovery_codes:
            return self.go_to("account", done="authenticator")
        context = {
            "recovery_codes": recovery_codes,
            "continue_url": self.url_of("account", done="authenticator"),
        }
        return self.show("recovery_codes.html", context)

    def _secret(self, sealed: str) -> str | None:
        """Return the secret that this browser was shown; it is not the person's before a code proves it."""
        try:
            return unseal(sealed, self._purpose())
        except UnsealError:
            return None

    def _show(self, form: OneTimeCodeForm, secret: str, status: int = 200) -> HttpResponse:
        issuer = look_of(self.environment).product_name
        uri = provisioning_uri(secret=secret, issuer=issuer, account_name=self.user.email)
        context = {
            "form": form,
            "qr_code": qr_code_data_uri(uri),
            "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
            "sealed_secret": seal(secret, self._purpose()),
        }
        return self.show("account/add_authenticator.html", context, status)

    def _purpose(self) -> str:
        # Sealed for this browser's session: a form that somebody else prepared brings nothing.
        return f"authentication.pages.account.enroll:{self.hosted_session.pk}"


class RemoveFactor(AccountPage):
    """GET, POST /account/authenticators/{id}/remove."""

    needs_recent_proof = True

    def get(self, _request: HttpRequest, factor_id: str) -> HttpResponse:
        factors = AuthenticationFactor.objects.in_environment(self.environment).filter(user=self.user)
        factor = factors.require(factor_id)
        context = {
            "title": _("Remove this second step?"),
            "text": _("Its codes stop working. Recovery codes go with the last one."),
            "name": factor.phone_number or _("Authenticator app"),
        }
        return self.show("account/confirm.html", context)

    def post(self, _request: HttpRequest, factor_id: str) -> HttpResponse:
        services.remove_own_factor(hosted_session=self.hosted_session, factor_id=factor_id)
        return self.go_to("account", done="factor-removed")


class RecoveryCodes(AccountPage):
    """GET, POST /account/recovery-codes: new ones, which void those from before."""

    needs_recent_proof = True

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self.show("account/new_recovery_codes.html")

    def post(self, _request: HttpRequest) -> HttpResponse:
        rows = AuthenticationFactor.objects.in_environment(self.environment)
        if not rows.filter(user=self.user).exists():
            return self.go_to("account")
        codes = services.replace_own_recovery_codes(hosted_session=self.hosted_session)
        context = {"recovery_codes": codes, "continue_url": self.url_of("account", done="recovery-codes")}
        return self.show("recovery_codes.html", context)
