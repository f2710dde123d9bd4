"""That an operator proved themselves a moment ago, in this very browser: asked for before what is worse than a write."""

from datetime import timedelta
from typing import Any

import django_otp
from django import forms
from django.http import HttpRequest

from environments import services
from environments.api.requests import client_ip, user_agent
from environments.staff import throttling
from environments.staff.scope import operator_of
from environments.staff.tools import ToolForm
from foundation import clock

_PROVED_AT = "operator_proved_at"
_RECENT = timedelta(minutes=10)


def note_proof(request: HttpRequest) -> None:
    """Remember that whoever sits there has just shown their password, and their code if they have an app."""
    request.session[_PROVED_AT] = clock.now().timestamp()


def has_recent_proof(request: HttpRequest) -> bool:
    """Tell whether whoever sits there showed both in the last ten minutes."""
    proved_at = request.session.get(_PROVED_AT)
    return proved_at is not None and clock.now().timestamp() - proved_at <= _RECENT.total_seconds()


def whereabouts_of(request: HttpRequest) -> tuple[str, str]:
    """Return the address and the User-Agent of the operator's browser."""
    return client_ip(request), user_agent(request)


class ProofForm(ToolForm):
    """Asks for the operator's own password, and a code of their app, unless they showed both a moment ago."""

    operator_password = forms.CharField(
        label="Your own password",
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    operator_code = forms.CharField(
        label="A code of your authenticator app",
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.request is None or has_recent_proof(self.request):
            del self.fields["operator_password"], self.fields["operator_code"]
        elif services.find_authenticator(operator_of(self.request)) is None:
            del self.fields["operator_code"]

    def clean(self) -> dict[str, Any]:
        """Check the proof, if one is asked for; guesses are counted as those at the sign-in are."""
        data: dict[str, Any] = super().clean() or {}
        if self.request is None or "operator_password" not in self.fields or self.errors:
            return data
        operator = operator_of(self.request)
        wait = throttling.seconds_to_wait(self.request, operator.pk)
        if wait:
            raise forms.ValidationError(f"Too many attempts. Try again in {wait} seconds.")
        if not operator.check_password(data["operator_password"]):
            self.add_error("operator_password", "This is not your password.")
            return data
        if "operator_code" in self.fields:
            device = services.verify_two_step_code(operator, data["operator_code"])
            if device is None:
                self.add_error(
                    "operator_code", "This code is not valid. Codes change every 30 seconds and work once."
                )
                return data
            django_otp.login(self.request, device)
        throttling.forget(self.request, operator.pk)
        note_proof(self.request)
        return data
