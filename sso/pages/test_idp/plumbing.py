"""What all pages and endpoints of the test identity provider share."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views import View

from environments.api import limits
from environments.api.requests import client_ip
from environments.models import Environment, EnvironmentKind
from foundation.errors import RateLimited
from foundation.rate_limits import Limit
from sso.test_idp.identity import Identity
from sso.test_idp.relying_parties import AddressRefused
from sso.test_idp.saml_messages import UnreadableRequest
from sso.test_idp.services import ensure_test_idp

# Each answer costs two RSA signatures.
_REQUESTS = Limit("test_idp", 300, 60)


class TestIdPView(View):
    """A page or an endpoint of a sandbox's test identity provider; in production environments there is none."""

    environment: Environment
    idp: Identity

    def dispatch(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Find the sandbox by its client id, and answer."""
        client_id = options.pop("client_id")
        found = Environment.objects.filter(client_id=client_id, kind=EnvironmentKind.SANDBOX).first()
        if found is None:
            raise Http404
        self.environment, self.idp = found, ensure_test_idp(found)
        response = self.answer(request, *arguments, **options)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def answer(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        """Answer by the method, and say in words what is refused."""
        try:
            limits.enforce(_REQUESTS, client_ip(request))
            return super().dispatch(request, *arguments, **options)
        except RateLimited as refusal:
            response = self.refusal("Too many requests", "Wait a minute, then try again.", status=429)
            response.headers["Retry-After"] = str(refusal.retry_after)
            return response
        except UnreadableRequest as refusal:
            return self.refusal(
                "This request cannot be answered",
                f"The service provider sent something that the test identity provider does not take. {refusal}",
            )
        except AddressRefused:
            return self.refusal(
                "This answer would go to the wrong place",
                f"The test identity provider of the sandbox “{self.environment.name}” answers applications and "
                "the connections of its own sandbox. The address in the request belongs to another environment, "
                "or to no connection at all.",
                status=403,
            )

    def show(self, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        """Render a page."""
        shared = {"environment": self.environment, "idp": self.idp}
        return render(self.request, f"sso/test_idp/{template}", {**shared, **(context or {})}, status=status)

    def refusal(self, title: str, text: str, status: int = 400) -> HttpResponse:
        """Return a page that says what was wrong, to the developer."""
        return self.show("refusal.html", {"title": title, "text": text}, status)
