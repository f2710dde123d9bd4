"""What all hosted pages share: their environment, language, limits, headers, and the pages of refusal."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views import View

from authentication import services
from authentication.errors import AuthorizationRequestNotFound, InvalidPendingAuthenticationToken
from authentication.models import AuthorizationRequest, HostedSession
from authentication.pages import cookies, limits
from authentication.pages.cookies import Progress
from authentication.pages.languages import PARAMETERS, chosen_language, language_of, languages
from authentication.services import Origin
from environments.api.requests import client_ip, user_agent
from environments.branding import Look, look_of
from environments.models import AuthenticationSettings, Environment
from foundation.actors import SYSTEM
from foundation.errors import RateLimited
from foundation.languages import reading_in
from organizations.errors import InvalidInvite, InvitationCannotBeUsedForEmail, InvitationInvalid
from organizations.models import Invitation


class HostedPage(View):
    """A page, in the language of whoever reads it, that no cache keeps."""

    actor = SYSTEM

    # In whose looks the page is shown.
    shown_environment: Environment | None = None

    def dispatch(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Answer, or show on a page of its own why not."""
        with reading_in(language_of(request)):
            try:
                limits.count_page(request)
                response = self.answer(request, *arguments, **options)
            except RateLimited as refusal:
                response = self.too_many_requests(refusal)
            except AuthorizationRequestNotFound:
                response = self.refusal_page(
                    _("This sign-in has expired"),
                    _(
                        "Sign-in links work for one hour. Go back to the application that sent you here and "
                        "sign in again from there."
                    ),
                    status=404,
                )
            response.headers["Content-Language"] = translation.get_language()
        # Not even for the back button: what a page says is true for a moment.
        response.headers["Cache-Control"] = "no-store"
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        chosen = chosen_language(request)
        if chosen is not None:
            cookies.write_language(response, chosen)
        return response

    def answer(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Prepare the page, and answer by its method."""
        return self.prepare(request) or super().dispatch(request, *arguments, **options)

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        """Find what the page is about; an answer given here is the page's answer."""

    def show(self, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """Render a page in the environment's looks."""
        return render(
            self.request,
            f"authentication/{template}",
            {**looks_of(self.request, self.shown_environment, self.look()), **(context or {})},
            status=status,
        )

    def look(self) -> Look:
        """Return how the page looks."""
        return Look("") if self.shown_environment is None else look_of(self.shown_environment)

    def refusal_page(self, title: str, text: str, *, status: int, **context: Any) -> HttpResponse:
        """Return a page that says what happened, and what to do about it."""
        return self.show("refusal.html", {"title": title, "text": text, **context}, status)

    def too_many_requests(self, refusal: RateLimited) -> HttpResponse:
        """Return the page for whoever was too quick."""
        response = self.refusal_page(
            _("Too many attempts"),
            _("Wait a minute, then go back and try again. Nobody has been locked out."),
            status=429,
        )
        response.headers["Retry-After"] = str(refusal.retry_after)
        return response


class SignInPage(HostedPage):
    """A page on the way from an authorization request to its code. ``?request=`` is the request's handle.

    A sign-in that is over, or ran out, or went on in another tab, begins anew.
    """

    environment: Environment
    handle: str
    authorization: AuthorizationRequest
    progress = Progress()
    browser_secret: str

    def dispatch(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Answer; a browser that is not known yet will be."""
        known_by = cookies.read_browser_secret(request)
        # Made before the answer: whoever sends no cookie signs in from a new device like anybody else.
        self.browser_secret = known_by or cookies.new_browser_secret()
        response = super().dispatch(request, *arguments, **options)
        if known_by is None:
            cookies.write_browser_secret(response, self.browser_secret)
        return response

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        self.handle = request.GET.get("request", "")
        self.authorization = services.require_authorization_request(self.handle)
        self.environment = self.shown_environment = self.authorization.environment
        self.progress = cookies.read_progress(request, self.handle)
        return None

    def answer(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Answer; a sign-in that is over begins anew."""
        try:
            return super().answer(request, *arguments, **options)
        except InvalidPendingAuthenticationToken:
            return self.go_to("sign-in", Progress(self.progress.email), notice="expired")
        except (InvitationInvalid, InvalidInvite):
            return self.refusal_page(
                _("This invitation does not work any more"),
                _("It has expired, was withdrawn, or was used by somebody else. Ask for a new one."),
                status=410,
                start_url="",
            )
        except InvitationCannotBeUsedForEmail:
            return self.refusal_page(
                _("This invitation is for somebody else"),
                _("Sign in with the address that it was sent to, or ask for an invitation to yours."),
                status=403,
                start_url=self.url_of("sign-in", account="other"),
            )

    @property
    def origin(self) -> Origin:
        """Where the person signs in from."""
        return Origin.of_page(
            client_ip(self.request),
            user_agent(self.request),
            self.authorization,
            browser_secret=self.browser_secret,
        )

    def settings(self) -> AuthenticationSettings:
        """Return the environment's policy."""
        return AuthenticationSettings.objects.in_environment(self.environment).get()

    def invitation(self) -> Invitation | None:
        """Return the invitation that the person came with and that can be accepted still; raises InvitationInvalid."""
        return services.find_open_invitation(self.environment, self.authorization.invitation_token)

    def url_of(self, name: str, **parameters: str) -> str:
        """Return the address of a page of the same sign-in."""
        return f"{reverse(name)}?{urlencode({'request': self.handle, **parameters})}"

    def go_to(self, name: str, progress: Progress | None = None, **parameters: str) -> HttpResponse:
        """Send the browser to a page of the same sign-in, by GET: a reload there sends no form again."""
        response = HttpResponseRedirect(self.url_of(name, **parameters), status=303)
        if progress is not None:
            cookies.write_progress(response, self.handle, progress)
        return response

    def show(self, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """Render a page, with the address of where the sign-in begins."""
        if self.shown_environment is None:
            return super().show(template, context, status)
        beginning = {"start_url": self.url_of("sign-in"), "email": self.progress.email}
        return super().show(template, {**beginning, **(context or {})}, status)

    def look(self) -> Look:
        """Return how the page looks: as the organization does that the sign-in is about."""
        if self.shown_environment is None:
            return super().look()
        return services.look_of_sign_in(
            request=self.authorization,
            pending_authentication_token=self.progress.pending_authentication_token,
        )

    def hosted_session(self) -> HostedSession | None:
        """Return the session of a browser that is signed in."""
        secret = cookies.read_hosted_secret(self.request, self.environment)
        return services.find_hosted_session(self.environment, secret)


def looks_of(request: HttpRequest, environment: Environment | None, look: Look) -> dict[str, Any]:
    """Return what the layout shows: name, logo, stylesheet, links, languages."""
    query = request.GET.copy()
    for parameter in PARAMETERS:
        query.pop(parameter, None)
    return {
        "environment": environment,
        "product_name": look.product_name,
        "branding": look,
        "languages": languages(),
        "language_query": f"{query.urlencode()}&" if query else "",
    }
