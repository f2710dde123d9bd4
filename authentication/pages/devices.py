"""The pages on which a person says yes or no to a device that has no browser (RFC 8628 §3.3).

Whoever has the code of somebody's device cannot do much with it; whoever makes another person type the code of their
own device is signed in as that person (§5.4). So nothing happens without two presses, and the second one is asked for
with everything that is known of the device.
"""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from authentication import services
from authentication.errors import AuthorizationRequestNotFound, UserCodeInvalid
from authentication.models import DeviceAuthorization, SignInEnding
from authentication.pages import cookies
from authentication.pages.forms import UserCodeForm
from authentication.pages.plumbing import HostedPage, SignInPage
from authentication.pages.sign_in import PAGE_OF_STEP
from authentication.services import WaitingSignIn
from environments.api.requests import client_ip
from foundation import clock
from foundation.places import place_of
from foundation.user_agents import describe_user_agent

_ALLOW = "allow"
_LONGEST_NAME = 120
_FRESH = timedelta(minutes=1)


class Device(HostedPage):
    """GET, POST /device: the code that a device shows. One that comes with the address is confirmed all the same."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(UserCodeForm(initial={"user_code": request.GET.get("user_code", "")[:40]}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = UserCodeForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        user_code = form.cleaned_data["user_code"]
        try:
            device = services.require_waiting_device(user_code=user_code, ip_address=client_ip(request))
        except UserCodeInvalid:
            # Never given out, expired and answered already read alike.
            form.refuse(
                "user_code",
                _("This code is not right, or has expired. Check it, or get a new one on your device."),
            )
            return self._show(form, status=422)
        handle = services.open_device_request(device=device, user_code=user_code)
        return HttpResponseRedirect(f"{reverse('sign-in')}?{urlencode({'request': handle})}", status=303)

    def _show(self, form: UserCodeForm, status: int = 200) -> HttpResponse:
        return self.show(
            "device.html", {"form": form, "is_filled_in": bool(form["user_code"].value())}, status
        )


class DevicePage(SignInPage):
    """A page about the device that a sign-in is for."""

    device: DeviceAuthorization

    def answer(self, request: HttpRequest, *arguments: object, **options: object) -> HttpResponseBase:
        """Answer; a device that no longer waits is said so."""
        try:
            return super().answer(request, *arguments, **options)
        except UserCodeInvalid:
            return self.refusal_page(
                _("This code does not work any more"),
                _(
                    "It was answered already, or has expired: codes work for five minutes. If your device is not "
                    "signed in, get a new code there."
                ),
                status=410,
                start_url="",
            )

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        super().prepare(request)
        device = self.authorization.device
        if self.authorization.ending != SignInEnding.DEVICE or device is None:
            raise AuthorizationRequestNotFound
        self.device = device
        return None


class ConfirmDevice(DevicePage):
    """GET, POST /device/confirm: which device asks, since when, from where; yes or no."""

    waiting: WaitingSignIn

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        super().prepare(request)
        self.waiting = services.require_waiting_sign_in(
            environment=self.environment,
            pending_authentication_token=self.progress.pending_authentication_token,
        )
        return None if self.waiting.step is None else self.go_to(PAGE_OF_STEP[self.waiting.step])

    def get(self, request: HttpRequest) -> HttpResponse:
        services.require_unanswered(self.device)
        ip_address = self.device.ip_address or ""
        return self.show(
            "device_confirm.html",
            {
                "user_code": self.authorization.user_code,
                "email": self.waiting.user.email,
                "asked_at": self.device.created_at,
                "is_fresh": clock.now() - self.device.created_at < _FRESH,
                "ip_address": ip_address,
                "place": place_of(ip_address),
                "is_same_network": ip_address == client_ip(request),
                "device_name": _name_of(self.device.user_agent or ""),
                "other_account_url": self.url_of("sign-in", account="other"),
            },
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        token = self.progress.pending_authentication_token
        if request.POST.get("answer") != _ALLOW:
            services.refuse_device(request=self.authorization, pending_authentication_token=token)
            return self.go_to("device-done")
        secret = services.allow_device(
            request=self.authorization,
            pending_authentication_token=token,
            former_secret=cookies.read_hosted_secret(request, self.environment),
        )
        response = self.go_to("device-done")
        if secret is not None:
            cookies.write_hosted_secret(response, self.environment, secret)
        return response


class DeviceDone(DevicePage):
    """GET /device/done: what was answered, and what happens now."""

    def get(self, _request: HttpRequest) -> HttpResponseBase:
        if self.device.denied_at is not None:
            return self.show("device_denied.html")
        if self.device.attempt_id is not None:
            return self.show("device_allowed.html")
        return self.go_to("device-confirm")


def _name_of(user_agent: str) -> str:
    # A program that is no browser says itself best what it is.
    is_browser = user_agent.startswith("Mozilla/")
    return describe_user_agent(user_agent).label if is_browser else user_agent[:_LONGEST_NAME]
