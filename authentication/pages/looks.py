"""The stylesheet and the logo of an environment, and the pages that belong to no sign-in."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views import View

from authentication.pages.plumbing import HostedPage
from environments import branding
from environments.models import Branding, Environment

_ONE_YEAR = "public, max-age=31536000, immutable"
_FIVE_MINUTES = "public, max-age=300"


def _find_branding(client_id: str) -> Branding | None:
    environment = Environment.objects.filter(client_id=client_id).first()
    return None if environment is None else Branding.objects.in_environment(environment).first()


class Stylesheet(View):
    """GET /branding/{client id}.css: colours; empty for an environment that has none, or does not exist."""

    def get(self, request: HttpRequest, client_id: str) -> HttpResponse:
        look = _find_branding(client_id)
        response = HttpResponse(branding.stylesheet(look), content_type="text/css; charset=utf-8")
        is_this_version = request.GET.get("v") == branding.stylesheet_version(look)
        response.headers["Cache-Control"] = _ONE_YEAR if is_this_version else _FIVE_MINUTES
        return response


class Logo(View):
    """GET /branding/{client id}/logo."""

    def get(self, _request: HttpRequest, client_id: str) -> HttpResponse:
        look = _find_branding(client_id)
        if look is None or look.logo is None:
            return HttpResponse(status=404)
        response = HttpResponse(bytes(look.logo), content_type=look.logo_content_type)
        response.headers["Cache-Control"] = _FIVE_MINUTES
        # Opened by itself it is a picture, whatever somebody managed to put into it.
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


class SignedOut(HostedPage):
    """GET /signed-out: the end, where the application names no page of its own."""

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        client_id = request.GET.get("client_id", "")
        self.shown_environment = Environment.objects.filter(client_id=client_id).first()
        return None

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self.show("signed_out.html")


class FormExpired(HostedPage):
    """What a form without its token is answered with (Django's CSRF protection), whatever its page was."""

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.refusal_page(
            _("This form has expired"),
            _("Cookies may be switched off, or the page was open for too long. Reload it and try again."),
            status=403,
            retry_url=request.get_full_path(),
        )
