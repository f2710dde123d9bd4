"""A client of the token endpoint, as a product's server or as a browser application."""

from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from environments.models import Environment
from tests.api_client import ApiClient
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_api_key

GRANT = "urn:workos:oauth:grant-type:"


@dataclass
class TokenClient:
    """Asks for tokens in an environment's name; without a secret, as a public client."""

    environment: Environment
    client_secret: str | None
    http: ApiClient = field(default_factory=ApiClient)

    def authenticate(self, grant_type: str, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        body = {"client_id": self.environment.client_id, "grant_type": grant_type, **fields}
        if self.client_secret is not None:
            body.setdefault("client_secret", self.client_secret)
        return self.http.post("/user_management/authenticate", body, headers=headers)

    def password(self, email: str, password: str = PASSWORD, **fields: Any) -> Any:
        return self.authenticate("password", email=email, password=password, **fields)

    def refresh(self, refresh_token: str, **fields: Any) -> Any:
        return self.authenticate("refresh_token", refresh_token=refresh_token, **fields)

    def select(self, token: str, organization_id: str) -> Any:
        return self.authenticate(
            GRANT + "organization-selection",
            pending_authentication_token=token,
            organization_id=organization_id,
        )

    def verify_email(self, token: str, code: str) -> Any:
        return self.authenticate(
            GRANT + "email-verification:code", pending_authentication_token=token, code=code
        )

    def challenge(self, factor_id: str) -> str:
        """Challenge a factor with the secret, as a product's server does; return the challenge's id."""
        answer = ApiClient(self.client_secret).post(f"/auth/factors/{factor_id}/challenge")
        assert answer.status_code == 201, answer.content
        challenge_id: str = answer.json()["id"]
        return challenge_id

    def second_factor(self, token: str, challenge_id: str, code: str, **fields: Any) -> Any:
        return self.authenticate(
            GRANT + "mfa-totp",
            pending_authentication_token=token,
            authentication_challenge_id=challenge_id,
            code=code,
            **fields,
        )

    def sign_in(self, email: str, password: str = PASSWORD, **fields: Any) -> dict[str, Any]:
        answer = self.password(email, password, **fields)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def claims(self, access_token: str) -> dict[str, Any]:
        """Verify an access token as a product does: by the JWK set of the client id."""
        keys = self.http.get(f"/sso/jwks/{self.environment.client_id}").json()
        key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(access_token)["kid"]]
        required = ["iss", "sub", "sid", "jti", "iat", "exp", "auth_time"]
        return jwt.decode(access_token, key.key, algorithms=["RS256"], options={"require": required})


@pytest.fixture
def client(environment):
    return TokenClient(environment, make_api_key(environment))


@pytest.fixture
def other_client(other_environment):
    return TokenClient(other_environment, make_api_key(other_environment))


@pytest.fixture
def public_client(environment):
    return TokenClient(environment, None)


@pytest.fixture
def user(environment):
    return make_user(environment, email="ada@example.com", password=PASSWORD, email_verified=True)
