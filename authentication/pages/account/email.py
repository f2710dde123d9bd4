"""Another e-mail address, by a code that goes to it."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from accounts.errors import (
    EmailChangeCodeExpired,
    EmailChangeCodeIncorrect,
    EmailChangeCodePreviouslyUsed,
    EmailChangeNotAvailable,
    EmailChangeNotNeeded,
    EmailChangeTooManyAttempts,
    NewEmailInvalid,
    NoPendingEmailChange,
)
from accounts.models import EmailChange
from accounts.services import confirm_email_change, send_email_change_on_page
from authentication.pages import limits
from authentication.pages.account.forms import NewEmailForm
from authentication.pages.account.plumbing import AccountPage
from authentication.pages.forms import OneTimeCodeForm


class Email(AccountPage):
    """GET, POST /account/email: the new address."""

    needs_recent_proof = True

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show(NewEmailForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = NewEmailForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        limits.count_code_request(request, self.environment, self.user.email)
        try:
            # The same answer whether somebody has the address or not.
            send_email_change_on_page(user=self.user, new_email=form.cleaned_data["email"])
        except EmailChangeNotNeeded:
            form.refuse("email", _("This is your address already."))
            return self._show(form, status=422)
        except NewEmailInvalid:
            form.refuse("email", _("Enter an email address in the form name@example.com."))
            return self._show(form, status=422)
        return self.go_to("account-email-code")

    def _show(self, form: NewEmailForm, status: int = 200) -> HttpResponse:
        return self.show("account/email.html", {"form": form, "email": self.user.email}, status)


class EmailCode(AccountPage):
    """GET, POST /account/email/code: the code that went to the new address."""

    needs_recent_proof = True
    change: EmailChange

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        answer = super().prepare(request)
        if answer is not None:
            return answer
        rows = EmailChange.objects.in_environment(self.environment)
        change = rows.filter(user=self.user, used_at__isnull=True).first()
        if change is None:
            return self.go_to("account-email")
        self.change = change
        return None

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(OneTimeCodeForm(), was_sent="sent" in request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        if "resend" in request.POST:
            limits.count_code_request(request, self.environment, self.user.email)
            send_email_change_on_page(user=self.user, new_email=self.change.new_email)
            return self.go_to("account-email-code", sent="1")
        form = OneTimeCodeForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        limits.count_code_entry(request, self.change.pk)
        try:
            confirm_email_change(
                user=self.user, one_time_code=form.cleaned_data["code"], actor=self.user_actor
            )
        except EmailChangeCodeIncorrect:
            form.refuse("code", _("This code is not right. Check it and try again."))
            return self._show(form, status=422)
        except (EmailChangeCodeExpired, EmailChangeTooManyAttempts, EmailChangeCodePreviouslyUsed):
            form.refuse("code", _("This code does not work any more. Ask for a new one below."))
            return self._show(form, status=422)
        except (EmailChangeNotAvailable, NoPendingEmailChange):
            return self.go_to("account-email")
        return self.go_to("account", done="email")

    def _show(self, form: OneTimeCodeForm, *, was_sent: bool = False, status: int = 200) -> HttpResponse:
        context = {"form": form, "was_sent": was_sent, "new_email": self.change.new_email}
        return self.show("account/email_code.html", context, status)
