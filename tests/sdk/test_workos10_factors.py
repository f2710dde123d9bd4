"""The official Python SDK, current generation, against a live server: factors, challenges and the MFA step."""

from collections.abc import Iterator
from typing import Any

import pytest
from workos import WorkOSClient
from workos._errors import (
    BadRequestError,
    MfaChallengeError,
    NotFoundError,
    UnprocessableEntityError,
)
from workos.user_management import PasswordPlaintext

from foundation.ids import new_secret
from tests.authenticator import code_of, wrong_code
from tests.live import LiveGatehouse

PASSWORD = "correct horse battery staple 42"


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
def user(workos: WorkOSClient) -> Any:
    return workos.user_management.create_user(
        email=f"ada-{new_secret(8).lower()}@acme.test",
        email_verified=True,
        password=PasswordPlaintext(password=PASSWORD),
    )


def test_a_factor_of_the_product_from_enrollment_to_deletion(workos):
    mfa = workos.multi_factor_auth
    factor = mfa.enroll_factor(type="totp", totp_issuer="Foo Corp", totp_user="alan.turing@example.com")
    assert factor.type == "totp"
    assert factor.totp.qr_code.startswith("data:image/png;base64,")
    assert factor.totp.uri.startswith("otpauth://totp/Foo%20Corp:alan.turing@example.com?")
    shown = mfa.get_factor(factor.id)
    assert (shown.totp.issuer, shown.totp.user) == ("Foo Corp", "alan.turing@example.com")

    challenge = mfa.challenge_factor(factor.id)
    assert challenge.authentication_factor_id == factor.id
    assert challenge.expires_at > challenge.created_at
    assert mfa.verify_challenge(challenge.id, code=wrong_code(factor.totp.secret)).valid is False
    verified = mfa.verify_challenge(challenge.id, code=code_of(factor.totp.secret))
    assert (verified.valid, verified.challenge.id) == (True, challenge.id)
    with pytest.raises(UnprocessableEntityError) as refused:
        mfa.verify_challenge(challenge.id, code="123456")
    assert refused.value.code == "authentication_challenge_previously_verified"

    mfa.delete_factor(factor.id)
    with pytest.raises(NotFoundError):
        mfa.get_factor(factor.id)


def test_a_phone_and_what_is_none(workos):
    mfa = workos.multi_factor_auth
    factor = mfa.enroll_factor(type="sms", phone_number="15005550006")
    assert factor.sms.phone_number == "+15005550006"
    assert mfa.challenge_factor(factor.id, sms_template="Foo Corp: {{code}}").code is None

    with pytest.raises(UnprocessableEntityError) as refused:
        mfa.enroll_factor(type="sms", phone_number="no number")
    assert refused.value.code == "invalid_phone_number"


def test_a_user_signs_in_with_a_second_factor(workos, user):
    enrolled = workos.multi_factor_auth.create_user_auth_factor(user.id, type="totp")
    factor = enrolled.authentication_factor
    assert (factor.user_id, factor.totp.user) == (user.id, user.email)
    assert enrolled.authentication_challenge.authentication_factor_id == factor.id
    listed = workos.multi_factor_auth.list_user_auth_factors(user.id).data
    assert [row.id for row in listed] == [factor.id]

    with pytest.raises(MfaChallengeError) as asked:
        workos.user_management.authenticate_with_password(email=user.email, password=PASSWORD)
    token = asked.value.pending_authentication_token
    assert asked.value.authentication_factors == [{"id": factor.id, "type": "totp"}]
    assert (asked.value.user or {})["id"] == user.id
    challenge = workos.multi_factor_auth.challenge_factor(factor.id)
    with pytest.raises(BadRequestError) as refused:
        workos.user_management.authenticate_with_totp(
            code=wrong_code(factor.totp.secret),
            pending_authentication_token=token,
            authentication_challenge_id=challenge.id,
        )
    assert refused.value.code == "invalid_one_time_code"
    signed_in = workos.user_management.authenticate_with_totp(
        code=code_of(factor.totp.secret),
        pending_authentication_token=token,
        authentication_challenge_id=challenge.id,
    )

    assert signed_in.user.id == user.id
    assert signed_in.access_token
