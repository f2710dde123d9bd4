"""How operators sign in: e-mail and password, then a code for those who have an authenticator app."""

from typing import Any, cast

import django_otp
from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView, RedirectURLMixin
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.views.generic import FormView

from environments import services
from environments.models import Operator
from environments.staff import throttling
from environments.staff.proofs import note_proof
from foundation import clock

_BACKEND = "django.contrib.auth.backends.ModelBackend"
_PENDING_KEY = "operator_between_steps"
_PENDING_SECONDS = 300


class SignInForm(AuthenticationForm):
    """E-mail and password, counted before they are looked at."""

    username = forms.CharField(
        label="E-mail",
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username", "required": True}),
    )
    error_messages = {
        "invalid_login": "This e-mail and password do not match an operator's.",
        "inactive": "This e-mail and password do not match an operator's.",
    }

    def clean_username(self) -> str:
        """Operators are stored in lower case."""
        return str(self.cleaned_data["username"]).strip().lower()

    def clean(self) -> dict[str, Any]:
        email = self.cleaned_data.get("username")
        if email and self.request is not None:
            _refuse_if_too_often(self.request, email)
        return super().clean()


class CodeForm(forms.Form):
    """A code of the authenticator app, or one of the recovery codes."""

    code = forms.CharField(
        label="Code",
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "autofocus": True,
                "autocomplete": "one-time-code",
                "inputmode": "text",
                "spellcheck": "false",
            }
        ),
    )


class SignInView(LoginView):
    """GET, POST /admin/login/."""

    template_name = "admin/login.html"
    authentication_form = SignInForm
    next_page = "admin:index"

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        operator = form.get_user()
        if services.find_authenticator(operator) is None:
            throttling.forget(self.request, operator.email)
            login(self.request, operator, backend=_BACKEND)
            note_proof(self.request)
            return HttpResponseRedirect(self.get_success_url())
        # Nobody is signed in yet: the browser is only remembered as one that knows the password. Whatever it
        # carried before ends here, and so does a session id that somebody planted.
        self.request.session.flush()
        self.request.session[_PENDING_KEY] = {
            "operator": operator.pk,
            "password": operator.get_session_auth_hash(),
            "at": int(clock.now().timestamp()),
        }
        return HttpResponseRedirect(_with_next(reverse("admin:login_code"), self.get_redirect_url()))


class CodeView(RedirectURLMixin, FormView):  # type: ignore[type-arg]  # Django's views take no arguments at run time
    """GET, POST /admin/login/code/."""

    template_name = "admin/login_code.html"
    form_class = CodeForm
    extra_context: dict[str, Any] | None = None
    next_page = "admin:index"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.operator = _pending_operator(request)
        if self.operator is None:
            return HttpResponseRedirect(_with_next(reverse("admin:login"), self.get_redirect_url()))
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs, next=self.get_redirect_url(), **(self.extra_context or {}))

    def form_valid(self, form: CodeForm) -> HttpResponse:
        operator = cast("Operator", self.operator)
        try:
            _refuse_if_too_often(self.request, f"code:{operator.pk}")
        except forms.ValidationError as refusal:
            form.add_error(None, refusal)
            return self.form_invalid(form)
        device = services.verify_two_step_code(operator, form.cleaned_data["code"])
        if device is None:
            form.add_error("code", _why_refused(operator))
            return self.form_invalid(form)
        throttling.forget(self.request, operator.email)
        throttling.forget(self.request, f"code:{operator.pk}")
        del self.request.session[_PENDING_KEY]
        login(self.request, operator, backend=_BACKEND)
        django_otp.login(self.request, device)
        note_proof(self.request)
        return HttpResponseRedirect(self.get_success_url())


class OperatorPasswordForm(PasswordChangeForm):
    """The old password is asked for, and guesses at it are counted as guesses at sign-in are."""

    request: HttpRequest

    def clean_old_password(self) -> str:
        _refuse_if_too_often(self.request, str(self.user.pk))
        return str(super().clean_old_password())


class OperatorPasswordView(PasswordChangeView):
    """GET, POST /admin/password_change/. Every other session of the operator ends."""

    template_name = "admin/password_change.html"
    form_class = OperatorPasswordForm

    def get_form(self, form_class: Any = None) -> Any:
        form: Any = super().get_form(form_class)
        form.request = self.request
        return form


def _refuse_if_too_often(request: HttpRequest, account: str) -> None:
    wait = throttling.seconds_to_wait(request, account)
    if wait:
        raise forms.ValidationError(
            f"Too many attempts. Try again in {wait} seconds.", code="too_many_attempts"
        )


def _why_refused(operator: Operator) -> str:
    device = services.find_authenticator(operator)
    allowed, reason = (True, None) if device is None else device.verify_is_allowed()
    if allowed or not reason:
        return "This code is not valid. Codes change every 30 seconds and work once."
    # A right code straight after a wrong one is refused too, so the time to wait must be said.
    wait = max(1, int((reason["locked_until"] - clock.now()).total_seconds()) + 1)
    return f"This code was not accepted. Wait {wait} seconds, then try the next one."


def _pending_operator(request: HttpRequest) -> Operator | None:
    """Return who has shown the password in this browser a moment ago, and whose password is still that one."""
    pending = request.session.get(_PENDING_KEY)
    if not pending or clock.now().timestamp() - pending["at"] > _PENDING_SECONDS:
        return None
    operator = Operator.objects.filter(pk=pending["operator"], is_active=True).first()
    if operator is None or not constant_time_compare(operator.get_session_auth_hash(), pending["password"]):
        return None
    return operator


def _with_next(url: str, next_url: str) -> str:
    return f"{url}?{urlencode({REDIRECT_FIELD_NAME: next_url})}" if next_url else url
