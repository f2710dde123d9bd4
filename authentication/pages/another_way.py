"""The page for whoever signed in in a way that their organization does not take."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from authentication import services
from authentication.engine import Step
from authentication.pages import limits
from authentication.pages.cookies import Progress
from authentication.pages.plumbing import SignInPage
from authentication.pages.sign_in import PAGE_OF_STEP, leave_for
from authentication.services import WaitingSignIn


class AnotherWay(SignInPage):
    """GET, POST /sign-in/another-way: which ways the organization takes; POST leaves for its identity provider."""

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
        context = {
            "ways": ways,
            "is_sso": self.waiting.step is Step.SSO,
            "password_url": self.url_of("sign-in-password"),
            "code_url": self.url_of("sign-in-code"),
            "email": self.waiting.user.email,
        }
        return self.show("another_way.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        ways = self.waiting.other_ways
        offered = {} if ways is None else {connection.pk: connection for connection in ways.connections}
        connection = offered.get(request.POST.get("connection_id", ""))
        if connection is None:
            # It was closed while the page was open.
            return self.go_to("sign-in-another-way")
        limits.count_sso_sign_in(request, self.waiting.user.email)
        return leave_for(self, connection, Progress(self.waiting.user.email))
