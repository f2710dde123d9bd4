"""Signing in with a passkey: the question for the browser, its answer, and the offer to whoever has none."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from accounts.errors import (
    PasskeyAlreadyRegistered,
    PasskeyChallengeInvalid,
    PasskeyCopied,
    PasskeyInvalid,
    PasskeyNotFound,
    TooManyPasskeys,
)
from accounts.models import User
from accounts.services import decline_passkey
from authentication import services
from authentication.errors import AuthenticationMethodNotAllowed
from authentication.pages import cookies, limits
from authentication.pages.cookies import Progress
from authentication.pages.plumbing import SignInPage
from authentication.pages.sign_in import follow
from authentication.services import Authenticated, StepRequired
from environments.api.requests import user_agent
from foundation.ids import new_secret
from foundation.user_agents import describe_user_agent


class PasskeyPage(SignInPage):
    """A page of an environment that takes passkeys."""

    def answer(self, request: HttpRequest, *arguments: object, **options: object) -> HttpResponseBase:
        """Answer; where no passkeys are taken, the sign-in begins anew."""
        try:
            return super().answer(request, *arguments, **options)
        except AuthenticationMethodNotAllowed:
            return self.go_to("sign-in")

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        super().prepare(request)
        if not services.are_passkeys_on(self.settings()):
            raise AuthenticationMethodNotAllowed
        return None


class PasskeyOptions(PasskeyPage):
    """POST /sign-in/passkey/options: what the browser is asked, as JSON for its script."""

    def post(self, request: HttpRequest) -> HttpResponse:
        limits.count_passkey_question(request, self.environment)
        secret = cookies.read_passkey_secret(request) or new_secret(cookies.PASSKEY_SECRET_LENGTH)
        options = services.request_passkey_sign_in(environment=self.environment, browser_secret=secret)
        response = JsonResponse(options)
        cookies.write_passkey_secret(response, secret)
        return response


class Passkey(PasskeyPage):
    """GET, POST /sign-in/passkey: with a button for browsers that can, and a way out for the others."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show()

    def post(self, request: HttpRequest) -> HttpResponse:
        limits.count_passkey_answer(request, self.environment)
        try:
            outcome = services.sign_in_with_passkey(
                environment=self.environment,
                actor=self.actor,
                origin=self.origin,
                browser_secret=cookies.read_passkey_secret(request),
                answer=request.POST.get("answer", ""),
            )
        except PasskeyInvalid as refusal:
            return self._show(words_for_passkey(refusal), status=422)
        assert isinstance(outcome, StepRequired | Authenticated)  # noqa: S101 -- a page's origin is hosted
        waiting = services.require_waiting_sign_in(
            environment=self.environment,
            pending_authentication_token=outcome.pending_authentication_token,
        )
        self.progress = Progress(waiting.user.email)
        response = follow(self, outcome)
        cookies.remember_address(request, response, self.environment, waiting.user.email)
        return response

    def _show(self, refusal: str = "", status: int = 200) -> HttpResponse:
        context = {
            "refusal": refusal,
            "passkey_url": self.url_of("sign-in-passkey"),
            "passkey_options_url": self.url_of("sign-in-passkey-options"),
        }
        return self.show("passkey.html", context, status)


def words_for_passkey(refusal: PasskeyInvalid) -> str:
    """Say why a passkey did not sign somebody in, and what helps."""
    words: dict[type[PasskeyInvalid], str] = {
        PasskeyNotFound: _(
            "This passkey is not known here: it was removed, or belongs to another application. Choose another one."
        ),
        PasskeyChallengeInvalid: _("That took too long, or was sent twice. Please try again."),
        PasskeyCopied: _(
            "This passkey was blocked, because it seems to exist twice. Sign in another way, remove it on your "
            "account page, and add a new one."
        ),
    }
    return words.get(type(refusal), _("This passkey could not be checked. Try again, or choose another way."))


class PasskeyOfferPage(PasskeyPage):
    """A page for whoever has just signed in by password, and could do it faster the next time."""

    user: User

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        super().prepare(request)
        token = self.progress.pending_authentication_token
        waiting = services.require_waiting_sign_in(
            environment=self.environment, pending_authentication_token=token
        )
        self.user = waiting.user
        if services.offers_passkey(request=self.authorization, pending_authentication_token=token):
            return None
        return self.go_to("sign-in-continue")


class PasskeyOfferOptions(PasskeyOfferPage):
    """POST /sign-in/passkey-offer/options: what the browser needs to make one, as JSON for its script."""

    def post(self, request: HttpRequest) -> HttpResponse:
        limits.count_passkey_question(request, self.environment)
        secret = cookies.read_passkey_secret(request) or new_secret(cookies.PASSKEY_SECRET_LENGTH)
        response = JsonResponse(services.request_own_passkey(user=self.user, browser_secret=secret))
        cookies.write_passkey_secret(response, secret)
        return response


class PasskeyOffer(PasskeyOfferPage):
    """GET, POST /sign-in/passkey-offer: add one, or be left alone for a while."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show()

    def post(self, request: HttpRequest) -> HttpResponse:
        if "decline" in request.POST:
            decline_passkey(user=self.user)
            return self.go_to("sign-in-continue")
        limits.count_passkey_answer(request, self.environment)
        try:
            services.add_own_passkey(
                user=self.user,
                browser_secret=cookies.read_passkey_secret(request),
                answer=request.POST.get("answer", ""),
                device=describe_user_agent(user_agent(request)).label,
            )
        except (PasskeyInvalid, PasskeyAlreadyRegistered) as refusal:
            return self._show(words_for_registration(refusal), status=422)
        return self.go_to("sign-in-continue")

    def _show(self, refusal: str = "", status: int = 200) -> HttpResponse:
        context = {
            "refusal": refusal,
            "passkey_url": self.url_of("sign-in-passkey-offer"),
            "passkey_options_url": self.url_of("sign-in-passkey-offer-options"),
        }
        return self.show("passkey_offer.html", context, status)


def words_for_registration(refusal: Exception) -> str:
    """Say why a passkey was not added, and what helps."""
    if isinstance(refusal, PasskeyAlreadyRegistered):
        return _("This passkey is in your account already.")
    if isinstance(refusal, TooManyPasskeys):
        return _("Your account has as many passkeys as it can have. Remove one that you do not use.")
    return _("The passkey could not be checked, or it took too long. Try again.")
