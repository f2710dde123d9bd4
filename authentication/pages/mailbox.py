"""The pages that go by the mailbox: a sign-in code, and the way to a new password."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.errors import PasswordResetError, PasswordResetTokenNotFound
from accounts.services import password_policy_of, require_password_reset
from authentication import services
from authentication.errors import (
    AuthenticationMethodNotAllowed,
    AuthorizationRequestNotFound,
    InvalidOneTimeCode,
    OneTimeCodeExpired,
    OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts,
    PasswordAuthenticationDisabled,
)
from authentication.models import SignInEnding
from authentication.pages import cookies, limits
from authentication.pages.bot_check import looks_like_a_bot, show_with_check
from authentication.pages.forms import EmailForm, NewPasswordForm, OneTimeCodeForm
from authentication.pages.plumbing import HostedPage, SignInPage
from authentication.pages.sign_in import follow, send_magic_auth, words_for_code


class SignInCode(SignInPage):
    """GET, POST /sign-in/code: the code that was mailed instead of asking for a password."""

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        super().prepare(request)
        return None if self.progress.email else self.go_to("sign-in")

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(OneTimeCodeForm(), was_sent="sent" in request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        email = self.progress.email
        if "send" in request.POST:
            return send_magic_auth(self, email)
        if "resend" in request.POST:
            return send_magic_auth(self, email, sent="1")
        form = OneTimeCodeForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        limits.count_sign_in(request, self.environment, email)
        try:
            outcome = services.sign_in_with_magic_auth(
                environment=self.environment,
                actor=self.actor,
                origin=self.origin,
                email=email,
                one_time_code=form.cleaned_data["code"],
            )
        except (
            InvalidOneTimeCode,
            OneTimeCodeExpired,
            OneTimeCodePreviouslyUsed,
            OneTimeCodeTooManyAttempts,
        ) as refusal:
            limits.count_failed_sign_in(request, self.environment)
            form.refuse("code", words_for_code(refusal))
            return self._show(form, status=422)
        except AuthenticationMethodNotAllowed:
            return self.go_to("sign-in")
        response = follow(self, outcome)
        cookies.remember_address(request, response, self.environment, email)
        return response

    def _show(self, form: OneTimeCodeForm, *, was_sent: bool = False, status: int = 200) -> HttpResponse:
        return self.show("sign_in_code.html", {"form": form, "was_sent": was_sent}, status)


class ForgotPassword(SignInPage):
    """GET, POST /sign-in/forgot-password: a link to a new password, by mail."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show(EmailForm(initial={"email": self.progress.email}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = EmailForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        if looks_like_a_bot(self):
            return self._show(form, status=422, is_refused=True)
        email = form.cleaned_data["email"]
        limits.count_code_request(request, self.environment, email)
        try:
            services.request_password_reset_on_page(
                environment=self.environment, email=email, look=self.look()
            )
        except PasswordAuthenticationDisabled:
            return self.go_to("sign-in")
        # The same words whether somebody has the address or not.
        return self.show("forgot_sent.html", {"email": email})

    def _show(self, form: EmailForm, status: int = 200, *, is_refused: bool = False) -> HttpResponse:
        return show_with_check(self, "forgot.html", {"form": form}, status, is_refused=is_refused)


class ResetPassword(HostedPage):
    """GET, POST /reset-password: a new password, by the token of the mailed link."""

    def answer(self, request: HttpRequest, *arguments: object, **options: object) -> HttpResponseBase:
        """Answer; a link that opens nothing any more says so."""
        try:
            return super().answer(request, *arguments, **options)
        except (PasswordResetTokenNotFound, PasswordAuthenticationDisabled):
            return self.refusal_page(
                _("This link does not work any more"),
                _(
                    "It was used before, or is too old. Go back to the application, choose to sign in, and ask "
                    "for a new link."
                ),
                status=404,
            )

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        self.reset = require_password_reset(None, request.GET.get("token", ""))
        self.shown_environment = self.reset.environment
        return None

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show(NewPasswordForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewPasswordForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        try:
            services.reset_password(
                environment=None,
                actor=None,
                token=request.GET.get("token", ""),
                new_password=form.cleaned_data["new_password"],
            )
        except PasswordResetError as refusal:
            broken = " ".join(str(rule["message"]) for rule in refusal.details["errors"])
            form.refuse("new_password", broken)
            return self._show(form, status=422)
        return self.show("password_changed.html", {"continue_url": self._continue_url(request)})

    def _continue_url(self, request: HttpRequest) -> str:
        """Return where the sign-in goes on that the link was mailed for, if it was mailed for one."""
        handle = request.GET.get("request", "")
        try:
            waiting = services.require_authorization_request(handle)
        except AuthorizationRequestNotFound:
            return ""
        is_ours = waiting.environment == self.reset.environment and waiting.ending == SignInEnding.INVITATION
        return f"{reverse('sign-in')}?{urlencode({'request': handle})}" if is_ours else ""

    def _show(self, form: NewPasswordForm, status: int = 200) -> HttpResponse:
        minimum = password_policy_of(self.reset.environment).minimum_length
        form.fields["new_password"].help_text = _("At least %(minimum)d characters.") % {"minimum": minimum}
        return self.show("new_password.html", {"form": form, "email": self.reset.user.email}, status)
