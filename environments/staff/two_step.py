"""An operator's own second factor: set it up, see it, turn it off."""

import io
from typing import Any
from urllib.parse import quote, urlencode

import django_otp
import segno
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from environments import services
from environments.errors import TwoStepCodeRefused
from environments.models import Operator, OperatorTOTP
from environments.staff import throttling
from environments.staff.scope import operator_of
from environments.staff.sign_in import CodeForm

_ISSUER = "Gatehouse"


class PasswordForm(forms.Form):
    """The operator's password once more, before the second factor is touched."""

    password = forms.CharField(
        label="Your password",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(data)
        self.request = request

    def clean_password(self) -> str:
        operator = operator_of(self.request)
        wait = throttling.seconds_to_wait(self.request, str(operator.pk))
        if wait:
            raise forms.ValidationError(f"Too many attempts. Try again in {wait} seconds.")
        password = str(self.cleaned_data["password"])
        if not operator.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password


def two_step_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """GET: how things stand. POST ``begin``, ``confirm``, ``renew`` or ``remove``."""
    operator = operator_of(request)
    step = request.POST.get("step", "") if request.method == "POST" else ""
    if step == "confirm":
        return _confirm(request, operator, context)
    if step in {"begin", "renew", "remove"}:
        form = PasswordForm(request, request.POST)
        if form.is_valid():
            return _AFTER_PASSWORD[step](request, operator, context)
        return _overview(request, operator, context, form=form, failed_step=step)
    return _overview(request, operator, context, form=PasswordForm(request))


def _overview(
    request: HttpRequest, operator: Operator, context: dict[str, Any], **extra: Any
) -> TemplateResponse:
    device = services.find_authenticator(operator)
    left = operator.recovery_codes.filter(used_at__isnull=True).count() if device else 0
    return TemplateResponse(
        request,
        "admin/two_step.html",
        {**context, "title": "Two-step sign-in", "device": device, "recovery_codes_left": left, **extra},
    )


def _begin(request: HttpRequest, operator: Operator, context: dict[str, Any]) -> HttpResponse:
    if services.find_authenticator(operator) is not None:
        return HttpResponseRedirect(reverse("admin:two_step"))
    device = services.begin_two_step_enrollment(operator)
    return _enrollment(request, operator, device, context, CodeForm())


def _confirm(request: HttpRequest, operator: Operator, context: dict[str, Any]) -> HttpResponse:
    pending = OperatorTOTP.objects.filter(user=operator, confirmed=False).first()
    if pending is None:
        return HttpResponseRedirect(reverse("admin:two_step"))
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _enrollment(request, operator, pending, context, form)
    try:
        device, codes = services.confirm_two_step_enrollment(
            operator, form.cleaned_data["code"].replace(" ", "")
        )
    except TwoStepCodeRefused as refusal:
        form.add_error("code", str(refusal))
        return _enrollment(request, operator, pending, context, form)
    # This browser has just shown a code; every other one is asked for one before its next page.
    request.session.cycle_key()
    django_otp.login(request, device)
    return _recovery_codes(request, context, codes, just_enrolled=True)


def _renew(request: HttpRequest, operator: Operator, context: dict[str, Any]) -> HttpResponse:
    if services.find_authenticator(operator) is None:
        return HttpResponseRedirect(reverse("admin:two_step"))
    return _recovery_codes(request, context, services.renew_recovery_codes(operator), just_enrolled=False)


def _remove(request: HttpRequest, operator: Operator, _context: dict[str, Any]) -> HttpResponse:
    services.remove_two_step(operator)
    messages.success(request, "Two-step sign-in is off.")
    return HttpResponseRedirect(reverse("admin:two_step"))


_AFTER_PASSWORD = {"begin": _begin, "renew": _renew, "remove": _remove}


def _enrollment(
    request: HttpRequest, operator: Operator, device: OperatorTOTP, context: dict[str, Any], form: CodeForm
) -> TemplateResponse:
    secret = str(device.secret)
    return TemplateResponse(
        request,
        "admin/two_step_enroll.html",
        {
            **context,
            "title": "Set up two-step sign-in",
            "form": form,
            "qr_code": qr_code(provisioning_uri(operator, secret)),
            "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        },
    )


def _recovery_codes(
    request: HttpRequest, context: dict[str, Any], codes: list[str], *, just_enrolled: bool
) -> TemplateResponse:
    # Rendered in the answer to the POST and nowhere else: neither in the session nor in a notice.
    return TemplateResponse(
        request,
        "admin/two_step_codes.html",
        {**context, "title": "Recovery codes", "codes": codes, "just_enrolled": just_enrolled},
    )


def provisioning_uri(operator: Operator, secret: str) -> str:
    """Return the ``otpauth`` URI that authenticator apps read from the QR code."""
    label = quote(f"{_ISSUER}:{operator.email}")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': _ISSUER, 'digits': 6, 'period': 30})}"


def qr_code(text: str) -> str:
    """Return a QR code as an SVG element without any inline style."""
    buffer = io.BytesIO()
    segno.make(text, error="m").save(
        buffer,
        kind="svg",
        xmldecl=False,
        svgns=True,
        svgclass="qr-code",
        lineclass="qr-line",
        omitsize=True,
        border=2,
    )
    return buffer.getvalue().decode()
