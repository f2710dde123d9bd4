"""The pages of the second factor: its code, and its enrolment where the policy asks for one."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.errors import TOTPCodeIncorrect
from accounts.models import AuthenticationFactor, FactorType
from accounts.services import challenge_factor
from accounts.totp import new_totp_secret, provisioning_uri, qr_code_data_uri
from authentication import services
from authentication.engine import Step
from authentication.errors import (
    InvalidOneTimeCode,
    OneTimeCodeExpired,
    OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts,
)
from authentication.pages import limits
from authentication.pages.cookies import Progress, write_progress
from authentication.pages.forms import OneTimeCodeForm, SecondFactorForm
from authentication.pages.sign_in import StepPage, follow
from foundation.encryption import UnsealError, seal, unseal
from foundation.errors import NotFound


class Challenge(StepPage):
    """GET, POST /sign-in/second-factor: a code of the authenticator app or the phone, or a recovery code."""

    step = Step.MFA_CHALLENGE

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(SecondFactorForm(), was_sent="sent" in request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        if "send" in request.POST:
            return self._send(request)
        form = SecondFactorForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        limits.count_code_entry(request, self.progress.pending_authentication_token)
        try:
            outcome = services.sign_in_with_second_factor(
                environment=self.environment,
                actor=self.actor,
                origin=self.origin,
                one_time_code=form.cleaned_data["code"],
                authentication_challenge_id=self._challenge_id(),
                pending_authentication_token=self.progress.pending_authentication_token,
            )
        except (
            InvalidOneTimeCode,
            OneTimeCodeExpired,
            OneTimeCodePreviouslyUsed,
            OneTimeCodeTooManyAttempts,
            NotFound,
        ):
            form.refuse(
                "code", _("This code is not right, or was used before. Wait for the next one and try again.")
            )
            return self._show(form, status=422)
        return follow(self, outcome)

    def _factor(self) -> AuthenticationFactor:
        """Return the factor that is asked for: the app, which needs no message, before a phone."""
        factors = self.waiting.factors
        return next((factor for factor in factors if factor.type == FactorType.TOTP), factors[0])

    def _challenge_id(self) -> str:
        """Return the challenge of a phone that was sent a code, or a new one of the app, which needs none sent."""
        if self._factor().type == FactorType.TOTP:
            challenge = challenge_factor(factor=self._factor())
            return str(challenge.id)
        return self.progress.authentication_challenge_id

    def _send(self, request: HttpRequest) -> HttpResponse:
        limits.count_code_request(request, self.environment, self.waiting.user.email)
        challenge = challenge_factor(factor=self._factor())
        progress = Progress(
            self.progress.email,
            self.progress.pending_authentication_token,
            authentication_challenge_id=challenge.id,
        )
        return self.go_to("sign-in-second-factor", progress, sent="1")

    def _show(self, form: SecondFactorForm, *, was_sent: bool = False, status: int = 200) -> HttpResponse:
        is_app = self._factor().type == FactorType.TOTP
        return self.show("second_factor.html", {"form": form, "is_app": is_app, "was_sent": was_sent}, status)


class Enroll(StepPage):
    """GET, POST /sign-in/enroll: an authenticator app for whoever has none and must have one."""

    step = Step.MFA_ENROLLMENT

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show(OneTimeCodeForm(), self._secret() or new_totp_secret())

    def post(self, request: HttpRequest) -> HttpResponse:
        secret = self._secret()
        if secret is None:
            return self.go_to("sign-in-enroll")
        form = OneTimeCodeForm(request.POST)
        if not form.is_valid():
            return self._show(form, secret, status=422)
        limits.count_code_entry(request, self.progress.pending_authentication_token)
        try:
            recovery_codes, outcome = services.enroll_at_sign_in(
                environment=self.environment,
                pending_authentication_token=self.progress.pending_authentication_token,
                totp_secret=secret,
                one_time_code=form.cleaned_data["code"],
            )
        except TOTPCodeIncorrect:
            form.refuse(
                "code", _("This code is not right. Check that the clock of your phone is, and try again.")
            )
            return self._show(form, secret, status=422)
        onward = follow(self, outcome)
        if not recovery_codes:
            return onward
        context = {"recovery_codes": recovery_codes, "continue_url": onward.headers["Location"]}
        return self.show("recovery_codes.html", context)

    def _secret(self) -> str | None:
        """Return the secret that this browser was shown; it is not the person's before a code proves it."""
        try:
            return unseal(self.progress.sealed_totp_secret, self._purpose())
        except UnsealError:
            return None

    def _show(self, form: OneTimeCodeForm, secret: str, status: int = 200) -> HttpResponse:
        user = self.waiting.user
        uri = provisioning_uri(secret=secret, issuer=self.environment.name, account_name=user.email)
        grouped = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
        context = {"form": form, "qr_code": qr_code_data_uri(uri), "secret": grouped}
        response = self.show("enroll.html", context, status)
        progress = Progress(
            self.progress.email,
            self.progress.pending_authentication_token,
            sealed_totp_secret=seal(secret, self._purpose()),
        )
        write_progress(response, self.handle, progress)
        return response

    def _purpose(self) -> str:
        # Sealed for this very sign-in: the cookie of another one brings nothing.
        return f"authentication.pages.enroll:{self.progress.pending_authentication_token}"
