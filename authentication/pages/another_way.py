"""The page for whoever signed in in a way that their organization does not take."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from authentication import services
from authentication.engine import Step
from authentication.pages.plumbing import SignInPage
from authentication.pages.sign_in import PAGE_OF_STEP
from authentication.services import WaitingSignIn


class AnotherWay(SignInPage):
    """GET /sign-in/another-way: which ways the organization takes."""

    waiting: WaitingSignIn

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        super().prepare(request)
        self.waiting = services.require_waiting_sign_in(
            environment=self.environment,
            pending_authentication_token=self.progress.pending_authentication_token,
        )
        if self.waiting.other_ways is not None:
            return None
        step = self.waiting.step
        return self.go_to("sign-in-continue" if step is None else PAGE_OF_STEP[step])

    def get(self, _request: HttpRequest) -> HttpResponse:
        ways = self.waiting.other_ways
        connections = [
            (connection.name, services.url_through_connection(self.authorization, connection.id))
            for connection in (ways.connections if ways is not None else [])
        ]
        context = {
            "ways": ways,
            "is_sso": self.waiting.step is Step.SSO,
            "connections": [(name, url) for name, url in connections if url],
            "password_url": self.url_of("sign-in-password"),
            "passkey_url": self.url_of("sign-in-passkey"),
            "code_url": self.url_of("sign-in-code"),
            "email": self.waiting.user.email,
        }
        return self.show("another_way.html", context)
