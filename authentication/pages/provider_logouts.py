"""Signing out together with an identity provider: its word to us, and its answer to ours.

No message here has a CSRF token, as at the callbacks: a provider's request is signed, and its answer finds the browser
that left by handle and cookie. Where a browser goes afterwards was allowed before it left, so that no address that
comes along is ever followed.
"""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt

from authentication import services
from authentication.pages import cookies, limits
from authentication.pages.identity_providers import (
    SENT_ONCE_MORE,
    ExchangePage,
    flat,
    require_connection,
)
from foundation.errors import NotFound, RateLimited
from sso import services as sso
from sso.connection_types import Protocol
from sso.errors import ExchangeNotFound
from sso.exchanges import ExchangeRefused
from sso.failures import ExchangeFailure
from sso.services import ExchangeFailed


class LogoutPage(ExchangePage):
    """What both protocols share: the answer finds its logout by its handle, and its browser by the cookie."""

    def receive_answer(
        self, connection_id: str, handle: str, query_string: str, form: Mapping[str, str] | None
    ) -> HttpResponse:
        """Read a provider's answer, and send the browser on; whatever it says, the person is signed out here."""
        if sso.find_waiting_connection_id(handle) is None:
            return self.signed_out()
        secret = cookies.read_exchange_secret(self.request, handle)
        if secret is None and form is not None and SENT_ONCE_MORE not in form:
            return self.send_once_more(form, signing_out=True)
        try:
            done = sso.finish_logout(
                connection_id=connection_id,
                handle=handle,
                browser_secret=secret,
                query_string=query_string,
                form=form,
            )
        except ExchangeNotFound:
            return self.signed_out()
        except ExchangeFailed as failed:
            self.shown_environment = failed.sso_session.environment
            # Not the browser that left: where that one was to go is none of this one's business.
            is_strange = failed.sso_session.failure == ExchangeFailure.OTHER_BROWSER
            response = self.signed_out() if is_strange else self.after_failure(failed)
        else:
            self.shown_environment = done.sso_session.environment
            response = self.after_logout(done.sso_session, done.purpose)
        cookies.drop_exchange_secret(response, handle)
        return response

    def signed_out(self) -> HttpResponse:
        """Send the browser to the page that says that nobody is signed in any more."""
        return self.send_on(reverse("signed-out"), signing_out=True)


@method_decorator(csrf_exempt, name="dispatch")
class SAMLLogout(LogoutPage):
    """GET, POST /sso/saml/{connection}/slo: single logout by SAML (profiles 4.4), in both directions."""

    http_method_names = ("get", "post", "options")

    def get(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        return self._receive(connection_id, flat(request.GET), request.META.get("QUERY_STRING", ""), None)

    def post(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        form = flat(request.POST)
        return self._receive(connection_id, form, "", form)

    def _receive(
        self,
        connection_id: str,
        parameters: Mapping[str, str],
        query_string: str,
        form: Mapping[str, str] | None,
    ) -> HttpResponse:
        connection = require_connection(connection_id, Protocol.SAML)
        limits.count_unasked_answer(self.request, connection.id)
        self.shown_environment = connection.environment
        if "SAMLRequest" not in parameters:
            return self.receive_answer(connection_id, parameters.get("RelayState", ""), query_string, form)
        try:
            departure = services.obey_saml_logout(connection=connection, query_string=query_string, form=form)
        except ExchangeRefused:
            return self.refusal_page(
                _("You could not be signed out"),
                _("Your identity provider's message was not accepted. Sign out in the application itself."),
                status=403,
            )
        return self.signed_out() if departure is None else self.leave_by(departure, signing_out=True)


class OIDCLogoutCallback(LogoutPage):
    """GET /sso/oidc/{connection}/logout-callback: an OpenID provider sends a browser back that signed out there."""

    http_method_names = ("get", "options")

    def get(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        connection = require_connection(connection_id, Protocol.OIDC)
        self.shown_environment = connection.environment
        return self.receive_answer(connection_id, flat(request.GET).get("state", ""), "", None)


# Nobody keeps these answers (Back-Channel Logout 1.0 §2.8).
@method_decorator([csrf_exempt, cache_control(no_store=True)], name="dispatch")
class BackchannelLogout(View):
    """POST /sso/oidc/{connection}/backchannel-logout: an OpenID provider says who signed out there."""

    http_method_names = ("post", "options")

    def post(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        try:
            limits.count_page(request)
            connection = require_connection(connection_id, Protocol.OIDC)
            limits.check_refused_logouts(request, connection.id)
            services.obey_backchannel_logout(
                connection=connection, logout_token=request.POST.get("logout_token", "")
            )
        except NotFound:
            return JsonResponse({"error": "invalid_request"}, status=404)
        except RateLimited as refusal:
            return JsonResponse(
                {"error": "too_many_requests"}, status=429, headers={"Retry-After": refusal.retry_after}
            )
        except ExchangeRefused:
            limits.count_refused_logout(request, connection_id)
            body = {"error": "invalid_request", "error_description": "The logout token was not accepted."}
            return JsonResponse(body, status=400)
        return HttpResponse(status=200)
