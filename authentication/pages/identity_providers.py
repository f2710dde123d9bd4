"""The way to an identity provider and back: where the browser leaves, and the callbacks of every protocol.

A callback is posted or opened by a stranger's page, so none of them has a CSRF token: that the browser is the one that
left is shown by its cookie, and what it brings is checked by the protocol.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from authentication import services
from authentication.errors import (
    MethodSwitchedOff,
    ProfileNotVouchedFor,
    ProfileWithoutEmail,
    SignUpNotAllowed,
)
from authentication.models import AuthorizationRequest, SignInEnding
from authentication.pages import cookies, limits
from authentication.pages.cookies import Progress
from authentication.pages.plumbing import HostedPage, SignInPage
from authentication.pages.sign_in import leave_for, place_of
from authentication.services import Authenticated, Origin, StepRequired
from environments.api.requests import client_ip, user_agent
from environments.models import RedirectURI, RedirectURIPurpose
from environments.services import allows_sign_in_at
from foundation.errors import DomainError, NotFound
from organizations.errors import InvitationCannotBeUsedForEmail, InvitationInvalid
from sso import services as sso
from sso.connection_types import Protocol
from sso.errors import AccessDenied, ExchangeNotFound, ProfileNotAllowedOutsideOrganization, SSORefused
from sso.exchanges import Departure
from sso.models import Connection, ExchangeKind, PasswordlessSession, SSOSession
from sso.saml.metadata import write_sp_metadata
from sso.services import ExchangeFailed, Finished

# A form field of ours that tells a post that was sent once more from one that just arrived.
SENT_ONCE_MORE = "sent_once_more"

# What an identity provider may send along; anything else is not passed on to the protocol.
_LONGEST_PARAMETER = 1024 * 1024
_MOST_PARAMETERS = 50


class NoDefaultRedirectURI(Exception):
    """An environment that does not say where a sign-in goes that no application asked for."""


class ExchangePage(HostedPage):
    """A page of an exchange; one that is over, or was never opened, is refused in the same words."""

    def answer(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        try:
            return super().answer(request, *arguments, **options)
        except ExchangeNotFound:
            return self.refusal_page(
                _("This sign-in has expired"),
                _(
                    "It took too long, or was finished in another tab. Go back to the application and begin again."
                ),
                status=404,
            )
        except ExchangeFailed as failed:
            return self.after_failure(failed)
        except NoDefaultRedirectURI:
            return self.refusal_page(
                _("This sign-in has nowhere to go"),
                _(
                    "Your identity provider sent you here, but the application has not said where people go after "
                    "that. Open the application itself and sign in from there, and tell the people who run it that "
                    "its default redirect URI is missing."
                ),
                status=404,
            )
        except NotFound:
            return self.refusal_page(
                _("There is nothing here"),
                _("The address is not one of a connection. Ask whoever sent you here for the right one."),
                status=404,
            )

    def send_on(self, url: str, *, signing_out: bool = False) -> HttpResponse:
        """Send the browser away from here."""
        if self.request.POST.get(SENT_ONCE_MORE):
            # Chromium holds form-action against every redirect that follows a form of ours; a page that goes on by
            # itself is none.
            return self.show("continue.html", {"target": url, "signing_out": signing_out})
        return HttpResponseRedirect(url)

    def leave_by(self, departure: Departure, *, signing_out: bool = False) -> HttpResponse:
        """Send the browser to an identity provider, by a redirect or by a form that is posted there."""
        if departure.form is None:
            return HttpResponseRedirect(departure.url)
        context = {"url": departure.url, "fields": dict(departure.form), "signing_out": signing_out}
        response = self.show("leave.html", context)
        # The provider answers the form with redirects to wherever its people sign in.
        response._csp_update = {"form-action": ["https:", "http:"]}  # type: ignore[attr-defined]  # noqa: SLF001 -- what django-csp asks
        return response

    def after_success(self, finished: Finished) -> HttpResponse:
        """Send the browser where its exchange was opened for."""
        purpose = finished.purpose
        if purpose["for"] == "test":
            return self.send_on(purpose["url"])
        if purpose["for"] == services.SIGN_IN_PURPOSE:
            return self._go_on_with_sign_in(finished)
        return self.send_on(sso.answer_authorization(finished))

    def _go_on_with_sign_in(self, finished: Finished) -> HttpResponse:
        """Go on with a sign-in of ours, now that it is known who came."""
        handle = finished.purpose["request"]
        request = services.require_authorization_request(handle)
        secret = cookies.read_browser_secret(self.request)
        origin = Origin.of_page(
            client_ip(self.request), user_agent(self.request), request, browser_secret=secret or ""
        )
        try:
            outcome = services.sign_in_with_profile(finished=finished, origin=origin)
        except DomainError as refusal:
            services.record_profile_refusal(failed=finished, refusal=refusal, origin=origin)
            return self._refuse_sign_in(request, handle, refusal)
        if isinstance(outcome, Authenticated) and request.ending == SignInEnding.APPLICATION:
            return self._back_to_the_application(request, outcome)
        if isinstance(outcome, StepRequired) and _has_own_screens(request):
            return self.send_on(
                services.issue_authorization_code(
                    request=request, pending_authentication_token=outcome.pending_authentication_token
                )
            )
        page, token = place_of(outcome)
        url = f"{reverse(page)}?{urlencode({'request': handle})}"
        response = HttpResponseRedirect(url, status=303)
        cookies.write_progress(response, handle, Progress(finished.profile.email, token))
        return response

    def _back_to_the_application(self, request: AuthorizationRequest, outcome: Authenticated) -> HttpResponse:
        done = services.finish_sign_in(
            request=request,
            pending_authentication_token=outcome.pending_authentication_token,
            former_secret=cookies.read_hosted_secret(self.request, request.environment),
        )
        response = self.send_on(done.url)
        if done.hosted_secret is not None:
            cookies.write_hosted_secret(response, request.environment, done.hosted_secret)
        return response

    def _refuse_sign_in(
        self, request: AuthorizationRequest, handle: str, refusal: DomainError
    ) -> HttpResponse:
        """Tell the application that sent somebody straight to a connection; on our own pages, tell the person."""
        if request.redirect_uri and request.provider != services.HOSTED_SIGN_IN:
            return self.send_on(services.refusal_url(request.redirect_uri, request.state, refusal))
        return self.refusal_page(
            _("You could not be signed in"),
            words_for_refusal(refusal),
            status=403,
            start_url=f"{reverse('sign-in')}?{urlencode({'request': handle, 'account': 'other'})}",
        )

    def after_failure(self, failed: ExchangeFailed) -> HttpResponse:
        """Tell the application, or whoever is here, that nobody was signed in."""
        purpose = failed.purpose
        if purpose["for"] == "test":
            return self.send_on(purpose["url"])
        if purpose["for"] == sso.LOGOUT_PURPOSE:
            # Whatever the provider says: the person is signed out here, and goes where they were to go.
            return self.after_logout(failed.sso_session, purpose)
        if purpose["for"] == services.SIGN_IN_PURPOSE:
            request = services.require_authorization_request(purpose["request"])
            origin = Origin.of_page(client_ip(self.request), user_agent(self.request), request)
            services.record_profile_refusal(failed=failed, refusal=failed.refusal, origin=origin)
            return self._refuse_sign_in(request, purpose["request"], failed.refusal)
        if purpose.get("is_unasked"):
            return self.refusal_page(
                _("You could not be signed in"),
                _(
                    "Your identity provider sent you here, and its answer was not accepted. Open the application "
                    "itself and sign in from there. The people who look after single sign-on find the reason in "
                    "the log of the connection."
                ),
                status=403,
            )
        return self.send_on(sso.refusal_url(purpose["redirect_uri"], purpose["state"], failed.refusal))

    def after_logout(self, sso_session: SSOSession, purpose: Mapping[str, Any]) -> HttpResponse:
        """Send the browser where whoever signed out was to go; that was allowed before the exchange was opened."""
        url = purpose["url"] or services.default_logout_url(sso_session.environment)
        return self.send_on(url, signing_out=True)

    def send_once_more(self, parameters: Mapping[str, str], *, signing_out: bool = False) -> HttpResponse:
        """Let the browser post the same to the same address from a page of ours.

        A post from another site carries no SameSite=Lax cookie, and over plain http, or in a browser that blocks
        cookies of SameSite=None, there is no other. From here it comes along.
        """
        fields = {**parameters, SENT_ONCE_MORE: "1"}
        context = {"url": self.request.path, "fields": fields, "signing_out": signing_out}
        return self.show("leave.html", context)


class Start(ExchangePage):
    """GET /sso/start: the browser leaves for the identity provider, with a cookie to come back with."""

    def get(self, request: HttpRequest) -> HttpResponse:
        handle = request.GET.get("exchange", "")
        begun = sso.begin_exchange(handle)
        self.shown_environment = begun.sso_session.environment
        signing_out = begun.sso_session.kind == ExchangeKind.LOGOUT
        response = self.leave_by(begun.departure, signing_out=signing_out)
        cookies.write_exchange_secret(response, handle, begun.browser_secret)
        return response


@method_decorator(csrf_exempt, name="dispatch")
class Callback(ExchangePage):
    """What all callbacks share: the answer finds its exchange by its handle, and its browser by the cookie."""

    protocol: Protocol
    handle_parameter = "state"

    def get(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        return self.receive(connection_id, flat(request.GET))

    def post(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        return self.receive(connection_id, flat(request.POST))

    def receive(self, connection_id: str, parameters: Mapping[str, str]) -> HttpResponse:
        """Read an answer, and send the browser on."""
        handle = parameters.get(self.handle_parameter, "")
        if sso.find_waiting_connection_id(handle) is None:
            return self.receive_unasked(connection_id, parameters)
        secret = cookies.read_exchange_secret(self.request, handle)
        if secret is None and self.request.method == "POST" and SENT_ONCE_MORE not in parameters:
            return self.send_once_more(parameters)
        try:
            finished = sso.finish_exchange(
                connection_id=connection_id, handle=handle, browser_secret=secret, parameters=parameters
            )
        except ExchangeFailed as failed:
            self.shown_environment = failed.sso_session.environment
            response = self.after_failure(failed)
        else:
            self.shown_environment = finished.sso_session.environment
            response = self.after_success(finished)
        cookies.drop_exchange_secret(response, handle)
        return response

    def receive_unasked(self, connection_id: str, parameters: Mapping[str, str]) -> HttpResponse:
        """Refuse an answer to nothing that we asked."""
        del connection_id, parameters
        raise ExchangeNotFound


class SAMLCallback(Callback):
    """POST /sso/saml/{connection}/acs: the Assertion Consumer Service."""

    protocol = Protocol.SAML
    handle_parameter = "RelayState"
    http_method_names = ("post", "options")

    def receive_unasked(self, connection_id: str, parameters: Mapping[str, str]) -> HttpResponse:
        """Read an answer that began at the identity provider; whether that is allowed is the connection's choice."""
        connection = require_connection(connection_id, Protocol.SAML)
        limits.count_unasked_answer(self.request, connection.id)
        self.shown_environment = connection.environment
        relay_state = parameters.get(self.handle_parameter, "")
        purpose = {
            "for": "sso",
            "redirect_uri": _redirect_uri_of(connection, relay_state),
            "state": None,
            "code_challenge": "",
            "is_unasked": True,
        }
        finished = sso.finish_unasked(
            connection=connection,
            purpose=purpose,
            parameters=parameters,
            ip_address=client_ip(self.request),
            user_agent=user_agent(self.request),
        )
        return self.after_success(finished)


class OIDCCallback(Callback):
    """GET, POST /sso/oidc/{connection}/callback."""

    protocol = Protocol.OIDC


@method_decorator(csrf_exempt, name="dispatch")
class OIDCInitiate(ExchangePage):
    """GET, POST /sso/oidc/{connection}/initiate: a provider sends somebody here to sign in (OIDC Core 4)."""

    http_method_names = ("get", "post", "options")

    def get(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        return self._initiate(connection_id, flat(request.GET))

    def post(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        return self._initiate(connection_id, flat(request.POST))

    def _initiate(self, connection_id: str, parameters: Mapping[str, str]) -> HttpResponse:
        connection = require_connection(connection_id, Protocol.OIDC)
        limits.count_unasked_answer(self.request, connection.id)
        self.shown_environment = connection.environment
        url = sso.start_initiated(
            connection=connection,
            issuer=parameters.get("iss", ""),
            login_hint=parameters.get("login_hint", ""),
            redirect_uri=_redirect_uri_of(connection, parameters.get("target_link_uri", "")),
            ip_address=client_ip(self.request),
            user_agent=user_agent(self.request),
        )
        return HttpResponseRedirect(url)


class OAuthCallback(Callback):
    """GET, POST /sso/oauth/{connection}/callback; Apple posts."""

    protocol = Protocol.OAUTH


class SAMLMetadata(ExchangePage):
    """GET /sso/saml/{connection}/metadata: what an identity provider has to know of us."""

    def get(self, _request: HttpRequest, connection_id: str) -> HttpResponse:
        connection = require_connection(connection_id, Protocol.SAML)
        document = write_sp_metadata(sso.service_provider_of(connection), sso.saml_options_of(connection))
        response = HttpResponse(document, content_type="application/samlmetadata+xml")
        response.headers["Content-Disposition"] = f'inline; filename="{connection.id}.xml"'
        return response


class PasswordlessLink(ExchangePage):
    """GET, POST /passwordless/{token}/confirm: the link of a mail.

    Opening it does nothing: scanners open the links of every mail before its reader does. Pressing the button counts.
    """

    session: PasswordlessSession

    def prepare(self, _request: HttpRequest) -> HttpResponseBase | None:
        self.session = sso.require_passwordless_session(self.kwargs["token"])
        self.shown_environment = self.session.environment
        return None

    def get(self, _request: HttpRequest, token: str) -> HttpResponse:
        del token
        if not sso.is_open_link(self.session):
            # The application is told, as the contract has it, and shows its own sign-in.
            return HttpResponseRedirect(sso.confirm_passwordless_session(self.session))
        return self.show("confirm_link.html", {"email": self.session.email})

    def post(self, _request: HttpRequest, token: str) -> HttpResponse:
        del token
        url = sso.confirm_passwordless_session(self.session)
        # A page that goes on by itself: form-action would hold for a redirect to the application.
        return self.show("continue.html", {"target": url})


class Through(SignInPage):
    """GET /sign-in/through/{connection}: go on with a sign-in at an identity provider."""

    def get(self, request: HttpRequest, connection_id: str) -> HttpResponse:
        try:
            connection = services.find_open_connection(self.environment, connection_id)
        except (SSORefused, MethodSwitchedOff):
            return self.refusal_page(
                _("This way to sign in is closed"),
                _("The people who run this application have switched it off. Choose another one."),
                status=403,
                start_url=self.url_of("sign-in", account="other"),
            )
        if connection.protocol is Protocol.OAUTH:
            limits.count_social_sign_in(request)
        else:
            limits.count_sso_sign_in(request, self.progress.email or connection_id)
        return leave_for(self, connection, self.progress)


def _has_own_screens(request: AuthorizationRequest) -> bool:
    """Tell whether an application named the social provider itself: what is missing, the exchange of the code tells it."""
    names_provider = request.provider not in {"", services.HOSTED_SIGN_IN}
    return names_provider and request.ending == SignInEnding.APPLICATION


def words_for_refusal(refusal: DomainError) -> str:
    """Say to a person why an identity provider's word did not let them in, and what helps."""
    words: dict[type[DomainError], str] = {
        AccessDenied: _(
            "The sign-in was cancelled, or your identity provider does not let you use this application."
        ),
        ProfileNotVouchedFor: _(
            "There is an account with your email address already, and the identity provider is not the one to vouch "
            "for it. Sign in to that account another way."
        ),
        ProfileWithoutEmail: _("Your identity provider gave no email address, and an account needs one."),
        ProfileNotAllowedOutsideOrganization: _(
            "Your email address does not belong to the organization that this identity provider signs in."
        ),
        SignUpNotAllowed: _("Signing up is not possible here. Ask for an invitation."),
        InvitationCannotBeUsedForEmail: _("The invitation was sent to another email address."),
        InvitationInvalid: _("The invitation cannot be used any more. Ask for a new one."),
    }
    return words.get(
        type(refusal),
        _(
            "Your identity provider's answer was not accepted. Try again, or ask the people who look after sign-in."
        ),
    )


def require_connection(connection_id: str, protocol: Protocol) -> Connection:
    """Return the connection of a public address; raises NotFound, also where it speaks another protocol."""
    connection = sso.require_connection_of_anybody(connection_id)
    if connection.protocol is not protocol:
        raise NotFound.of("Connection", connection_id)
    return connection


def _redirect_uri_of(connection: Connection, relay_state: str) -> str:
    """Return where a sign-in goes that no application asked for: where its RelayState says, if that is configured."""
    wanted = relay_state.removeprefix("redirect_uri=")
    if wanted and allows_sign_in_at(connection.environment, wanted):
        return wanted
    rows = RedirectURI.objects.in_environment(connection.environment)
    default = rows.filter(purpose=RedirectURIPurpose.SIGN_IN, is_default=True).first()
    if default is None:
        raise NoDefaultRedirectURI
    return default.uri


def flat(parameters: Any) -> dict[str, str]:
    """Return the parameters of an answer; one that comes twice could mean different things to different readers."""
    names = list(parameters)
    if len(names) > _MOST_PARAMETERS or any(len(parameters.getlist(name)) > 1 for name in names):
        raise ExchangeNotFound
    return {name: parameters[name] for name in names if len(parameters[name]) <= _LONGEST_PARAMETER}
