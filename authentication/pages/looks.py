"""The stylesheet and the logo of an environment, and the pages that belong to no sign-in."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from django.views import View

from authentication.errors import InvalidRedirectURI
from authentication.pages.plumbing import HostedPage
from environments import branding
from environments.appearance import BrandingFields
from environments.models import Branding, Environment
from foundation.errors import NotFound, RateLimited
from organizations.models import OrganizationBranding
from organizations.services import look_for

_ONE_YEAR = "public, max-age=31536000, immutable"
_FIVE_MINUTES = "public, max-age=300"


class Stylesheet(View):
    """GET /branding/{client id}.css, /branding/{client id}/{organization id}.css: colours.

    Empty for an environment that has none, or does not exist; an organization without colours has the environment's.
    """

    def get(self, request: HttpRequest, client_id: str, organization_id: str = "") -> HttpResponse:
        environment = Environment.objects.filter(client_id=client_id).first()
        content = ""
        if environment is not None:
            look = look_for(environment, organization_id)
            content = branding.stylesheet(look.accent_color, look.background_color)
        response = HttpResponse(content, content_type="text/css; charset=utf-8")
        is_this_version = request.GET.get("v") == branding.stylesheet_version(content)
        response.headers["Cache-Control"] = _ONE_YEAR if is_this_version else _FIVE_MINUTES
        return response


class Logo(View):
    """GET /branding/{client id}/logo, /branding/{client id}/{organization id}/logo: to pages, and to mail readers."""

    def get(self, request: HttpRequest, client_id: str, organization_id: str = "") -> HttpResponse:
        row = _find_logo(client_id, organization_id)
        if row is None or row.logo is None:
            return HttpResponse(status=404)
        response = HttpResponse(bytes(row.logo), content_type=row.logo_content_type)
        is_this_version = request.GET.get("v") == branding.logo_version(row)
        response.headers["Cache-Control"] = _ONE_YEAR if is_this_version else _FIVE_MINUTES
        # Opened by itself it is a picture, whatever somebody managed to put into it.
        response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


def _find_logo(client_id: str, organization_id: str) -> BrandingFields | None:
    environment = Environment.objects.filter(client_id=client_id).first()
    if environment is None:
        return None
    if organization_id:
        rows = OrganizationBranding.objects.in_environment(environment)
        return rows.filter(organization_id=organization_id).first()
    return Branding.objects.in_environment(environment).first()


class SignedOut(HostedPage):
    """GET /signed-out: the end, where the application names no page of its own."""

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        client_id = request.GET.get("client_id", "")
        self.shown_environment = Environment.objects.filter(client_id=client_id).first()
        return None

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self.show("signed_out.html")


class SignInRefused(HostedPage):
    """GET /sign-in/refused: why an application's link to ``/user_management/authorize`` leads nowhere.

    ``?reason=`` is the code that a program is given. What the link itself held is not shown: anybody could write it.
    """

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        client_id = request.GET.get("client_id", "")
        self.shown_environment = Environment.objects.filter(client_id=client_id).first()
        return None

    def get(self, request: HttpRequest) -> HttpResponse:
        reason = request.GET.get("reason", "")
        if reason == RateLimited.code:
            return self.too_many_requests(RateLimited(retry_after=60))
        known = {
            InvalidRedirectURI.code: (
                400,
                _("The application wants you to be sent back to an address that is not registered for it."),
                _("Add the redirect URI to those of the environment, letter by letter as it is sent."),
            ),
            NotFound.code: (
                404,
                _("The application that sent you here is not known."),
                _("No environment has this client ID. Compare it with the one that the admin shows."),
            ),
        }
        status, text, hint = known.get(
            reason,
            (
                400,
                _("The link that brought you here is not complete."),
                _("Open it with Accept: application/json to read which parameter is missing or wrong."),
            ),
        )
        context = {"text": text, "hint": hint, "reason": reason if reason in known else "invalid_request"}
        return self.show("sign_in_refused.html", context, status)


class FormExpired(HostedPage):
    """What a form without its token is answered with (Django's CSRF protection), whatever its page was."""

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.refusal_page(
            _("This form has expired"),
            _("Cookies may be switched off, or the page was open for too long. Reload it and try again."),
            status=403,
            retry_url=request.get_full_path(),
        )
