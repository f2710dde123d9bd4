"""What the pages of the account share: who is signed in, and a second proof before something sensitive."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.models import User
from authentication import services
from authentication.models import HostedSession
from authentication.pages import cookies
from authentication.pages.plumbing import HostedPage
from authentication.services import Origin
from environments.api.requests import client_ip, user_agent
from environments.models import AuthenticationSettings, Environment
from foundation.actors import Actor, ActorKind
from foundation.errors import NotFound


class AccountPage(HostedPage):
    """A page for whoever is signed in to the environment of ``?client_id=``; others are sent to sign in."""

    # Whether it changes how somebody signs in, so that an open browser is not enough.
    needs_recent_proof = False

    environment: Environment
    hosted_session: HostedSession
    user: User

    def answer(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Answer; what is not this person's is not there."""
        try:
            return super().answer(request, *arguments, **options)
        except NotFound:
            return self.refusal_page(
                _("This is not there any more"),
                _("It may have been removed on another page. Go back to your account and look again."),
                status=404,
                account_url=self.url_of("account"),
            )

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        environment = Environment.objects.filter(client_id=request.GET.get("client_id", "")).first()
        if environment is None:
            return self.refusal_page(
                _("Which application is this about?"),
                _("This address is not complete. Open your account from the application that you use."),
                status=404,
            )
        self.environment = self.shown_environment = environment
        secret = cookies.read_hosted_secret(request, environment)
        hosted_session = services.find_account_session(environment, secret)
        if hosted_session is None:
            return self._sign_in(None)
        if self.needs_recent_proof and not services.has_recent_proof(hosted_session):
            return self._sign_in(hosted_session)
        self.hosted_session, self.user = hosted_session, hosted_session.user
        return None

    @property
    def user_actor(self) -> Actor:
        """The person, who acts here in their own name."""
        return Actor(ActorKind.USER, self.user.pk, self.user.email)

    @property
    def origin(self) -> Origin:
        """Where the person is."""
        return Origin.of_page(client_ip(self.request), user_agent(self.request))

    def settings(self) -> AuthenticationSettings:
        """Return the environment's policy."""
        return AuthenticationSettings.objects.in_environment(self.environment).get()

    def url_of(self, name: str, *arguments: str, **parameters: str) -> str:
        """Return the address of a page of the same account."""
        query = urlencode({"client_id": self.environment.client_id, **parameters})
        return f"{reverse(name, args=arguments)}?{query}"

    def go_to(self, name: str, *arguments: str, **parameters: str) -> HttpResponse:
        """Send the browser to a page of the same account, by GET: a reload there sends no form again."""
        return HttpResponseRedirect(self.url_of(name, *arguments, **parameters), status=303)

    def show(self, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """Render a page, with the way back to the account."""
        if self.shown_environment is None:
            return super().show(template, context, status)
        return super().show(template, {"account_url": self.url_of("account"), **(context or {})}, status)

    def _sign_in(self, once_more: HostedSession | None) -> HttpResponse:
        # The page that was asked for, not where its form was sent: what was typed is typed again after the sign-in.
        landing = f"{self.page_path()}?{urlencode({'client_id': self.environment.client_id})}"
        url = services.request_sign_in_for_page(
            environment=self.environment, landing=landing, once_more=once_more
        )
        return HttpResponseRedirect(url, status=303)

    def page_path(self) -> str:
        """Return the path of the page that a browser sees; an address that only takes forms names another."""
        return self.request.path if hasattr(self, "get") else reverse("account")
