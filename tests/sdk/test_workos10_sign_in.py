"""Codes, links and devices by the official Python SDK, current generation, against a live server."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from workos import WorkOSClient
from workos._errors import BadRequestError, NotFoundError

from foundation.ids import new_secret
from tests.live import LiveGatehouse

PASSWORD = "correct horse battery staple 42"
CALLBACK = "http://localhost:3000/callback"

# What the pages do when somebody has signed in: they finish the request, or say yes for a device.
_ON_THE_PAGE = """
from authentication import services
from foundation.actors import SYSTEM
request = services.require_authorization_request("{handle}")
outcome = services.sign_in_with_password(
    environment=request.environment, actor=SYSTEM, email="{email}", password="{password}",
    origin=services.Origin.of_page("203.0.113.7", "Mozilla/5.0", request))
print("sent to", services.issue_authorization_code(
    request=request, pending_authentication_token=outcome.pending_authentication_token))
"""


@pytest.fixture
def workos(gatehouse_server: LiveGatehouse) -> Iterator[WorkOSClient]:
    with WorkOSClient(
        api_key=gatehouse_server.api_key,
        client_id=gatehouse_server.client_id,
        base_url=gatehouse_server.base_url,
        max_retries=0,
    ) as client:
        yield client


@pytest.fixture
def email(workos: WorkOSClient) -> str:
    address = f"{new_secret(8).lower()}@example.com"
    made = httpx.post(
        f"{workos.base_url}/user_management/users".replace("//user", "/user"),
        headers={"Authorization": f"Bearer {workos._api_key}"},
        json={"email": address, "password": PASSWORD, "email_verified": True},
        timeout=30,
    )
    assert made.status_code == 201, made.text
    return address


def sign_in_on_the_page(server: LiveGatehouse, url: str, email: str) -> dict[str, str]:
    sent = httpx.get(url, timeout=30)
    assert sent.status_code == 302, sent.text
    handle = parse_qs(urlsplit(sent.headers["Location"]).query)["request"][0]
    printed = server.manage("shell", "-c", _ON_THE_PAGE.format(handle=handle, email=email, password=PASSWORD))
    target = next(line for line in printed.splitlines() if line.startswith("sent to ")).removeprefix(
        "sent to "
    )
    assert target.startswith(CALLBACK)
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}


def test_a_code_from_the_mailbox_signs_in(workos, email):
    made = workos.user_management.create_magic_auth(email=email)

    assert workos.user_management.get_magic_auth(made.id).code == made.code
    signed_in = workos.user_management.authenticate_with_magic_auth(code=made.code, email=email)
    assert signed_in.user.email == email
    assert signed_in.authentication_method == "MagicAuth"
    with pytest.raises(BadRequestError) as refused:
        workos.user_management.authenticate_with_magic_auth(code=made.code, email=email)
    assert refused.value.code == "one_time_code_previously_used"


def test_a_password_is_reset(workos, email):
    reset = workos.user_management.reset_password(email=email)

    assert reset.password_reset_url.endswith(f"?token={reset.password_reset_token}")
    assert workos.user_management.get_password_reset(reset.id).email == email
    done = workos.user_management.confirm_password_reset(
        token=reset.password_reset_token, new_password="another long passphrase 7"
    )
    assert done.user.email == email
    with pytest.raises(NotFoundError) as refused:
        workos.user_management.confirm_password_reset(
            token=reset.password_reset_token, new_password="another long passphrase 8"
        )
    assert refused.value.code == "password_reset_token_not_found"


def test_a_sign_in_on_the_pages_comes_back_with_a_code(gatehouse_server, workos, email):
    url = workos.user_management.get_authorization_url(
        provider="authkit", redirect_uri=CALLBACK, state="st ate"
    )

    back = sign_in_on_the_page(gatehouse_server, url, email)

    assert back["state"] == "st ate"
    signed_in = workos.user_management.authenticate_with_code(code=back["code"])
    assert signed_in.user.email == email
    with pytest.raises(BadRequestError) as refused:
        workos.user_management.authenticate_with_code(code=back["code"])
    assert refused.value.error == "invalid_grant"


def test_a_browser_application_proves_itself_by_pkce(gatehouse_server, workos, email):
    begun = workos.user_management.get_authorization_url_with_pkce(provider="authkit", redirect_uri=CALLBACK)

    back = sign_in_on_the_page(gatehouse_server, begun["url"], email)

    signed_in = workos.user_management.authenticate_with_code_pkce(
        code=back["code"], code_verifier=begun["code_verifier"]
    )
    assert signed_in.user.email == email


def test_a_device_waits_for_its_person(workos):
    codes = workos.user_management.create_device(client_id=workos.client_id)

    assert codes.user_code in codes.verification_uri_complete
    with pytest.raises(BadRequestError) as refused:
        workos.user_management.authenticate_with_device_code(device_code=codes.device_code)
    assert refused.value.error == "authorization_pending"
