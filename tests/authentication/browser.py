"""A browser that an application sends to sign in, as far as the services of our pages take it."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from authentication import services
from authentication.services import Authenticated, Origin
from environments.models import Environment
from foundation.actors import SYSTEM
from tests.api_client import ApiClient
from tests.factories.accounts import PASSWORD

CALLBACK = "http://localhost:3000/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def query_of(url: str) -> dict[str, str]:
    return {
        name: values[-1] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()
    }


@dataclass
class Browser:
    """Opens authorize URLs, signs in on our pages, and is sent back."""

    environment: Environment
    http: ApiClient = field(default_factory=ApiClient)

    def authorize(self, **parameters: Any) -> Any:
        query = {
            "client_id": self.environment.client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "provider": "authkit",
            **parameters,
        }
        return self.http.get(
            "/user_management/authorize",
            {name: value for name, value in query.items() if value is not None},
        )

    def open_request(self, **parameters: Any) -> Any:
        answer = self.authorize(**parameters)
        assert answer.status_code == 302, answer.content
        handle = query_of(answer.headers["Location"]).get("request")
        assert handle, answer.headers["Location"]
        return services.require_authorization_request(handle)

    def sign_in(self, request: Any, email: str = "ada@example.com", password: str = PASSWORD) -> Any:
        return services.sign_in_with_password(
            environment=request.environment,
            actor=SYSTEM,
            origin=Origin.of_page("203.0.113.7", "Mozilla/5.0", request),
            email=email,
            password=password,
        )

    def finish(self, request: Any, outcome: Any) -> str:
        assert isinstance(outcome, Authenticated), outcome
        return services.issue_authorization_code(
            request=request, pending_authentication_token=outcome.pending_authentication_token
        )

    def fetch_code(self, **parameters: Any) -> str:
        """Walk the whole way; return the code that the application is given."""
        request = self.open_request(**parameters)
        return query_of(self.finish(request, self.sign_in(request)))["code"]
