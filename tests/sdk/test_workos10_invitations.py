"""The official Python SDK, current generation, against a live server: invitations."""

from collections.abc import Iterator

import pytest
from workos import WorkOSClient
from workos._errors import BadRequestError, NotFoundError, UnprocessableEntityError

from foundation.ids import new_secret
from tests.live import LiveGatehouse


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
def email() -> str:
    return f"invitee-{new_secret(8).lower()}@foo-corp.com"


def test_an_invitation_goes_from_sent_to_accepted(workos, email):
    organization = workos.organizations.create_organization(name="Foo Corp")
    inviter = workos.user_management.create_user(email=f"inviter-{email}", first_name="Ada")

    sent = workos.user_management.send_invitation(
        email=email,
        organization_id=organization.id,
        role_slug="admin",
        expires_in_days=3,
        inviter_user_id=inviter.id,
        locale="en",
    )

    assert (sent.state, sent.role_slug, sent.inviter_user_id) == ("pending", "admin", inviter.id)
    assert sent.token in sent.accept_invitation_url
    assert workos.user_management.get_invitation(sent.id) == sent
    assert workos.user_management.find_invitation_by_token(sent.token) == sent
    assert workos.user_management.list_invitations(email=email).data == [sent]
    assert workos.user_management.resend_invitation(sent.id).token == sent.token

    accepted = workos.user_management.accept_invitation(sent.id)

    assert accepted.state == "accepted"
    (membership,) = workos.organization_membership.list_organization_memberships(
        user_id=accepted.accepted_user_id
    ).data
    assert (membership.status, membership.role.slug) == ("active", "admin")
    assert workos.user_management.get_user(accepted.accepted_user_id).email == email


def test_each_refusal_raises_its_class_with_its_code(workos, email):
    sent = workos.user_management.send_invitation(email=email)
    refused = {}
    for name, call in {
        "again": lambda: workos.user_management.send_invitation(email=email),
        "short": lambda: workos.user_management.send_invitation(email=f"a{email}", expires_in_days=0),
        "long": lambda: workos.user_management.send_invitation(email=f"a{email}", expires_in_days=31),
        "role": lambda: workos.user_management.send_invitation(email=f"a{email}", role_slug="king"),
    }.items():
        with pytest.raises(BadRequestError) as caught:
            call()
        refused[name] = caught.value.code
    assert refused == {
        "again": "email_already_invited",
        "short": "expires_in_days_too_short",
        "long": "expires_in_days_too_long",
        "role": "invalid_role",
    }
    assert workos.user_management.revoke_invitation(sent.id).state == "revoked"
    with pytest.raises(BadRequestError) as caught:
        workos.user_management.accept_invitation(sent.id)
    assert caught.value.code == "invite_not_pending"
    with pytest.raises(BadRequestError) as caught:
        workos.user_management.resend_invitation(sent.id)
    assert caught.value.code == "invite_revoked"
    with pytest.raises(NotFoundError):
        workos.user_management.find_invitation_by_token("A" * 25)
    with pytest.raises(UnprocessableEntityError):
        workos.user_management.send_invitation(email="nobody")
