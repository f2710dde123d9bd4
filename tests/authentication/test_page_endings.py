"""The last word of the engine, whatever a page has asked before."""

import pytest

from authentication import services
from authentication.errors import InvalidPendingAuthenticationToken
from authentication.models import DeviceAuthorization, HostedSession
from authentication.services import Authenticated, Origin
from foundation.actors import SYSTEM
from organizations.models import OrganizationMembership
from tests.api_client import new_address
from tests.factories.accounts import PASSWORD, make_totp_factor
from tests.factories.organizations import make_invitation, make_organization


@pytest.fixture
def for_device(environment):
    codes = services.request_device_authorization(environment=environment, origin=Origin())
    device = services.require_waiting_device(user_code=codes.user_code, ip_address=new_address())
    handle = services.open_device_request(device=device, user_code=codes.user_code)
    return services.require_authorization_request(handle)


@pytest.fixture
def for_invitation(environment, user):
    invitation = make_invitation(environment, user.email, make_organization(environment))
    return services.require_authorization_request(services.open_invitation_request(invitation=invitation))


def sign_in(request):
    outcome = services.sign_in_with_password(
        environment=request.environment,
        actor=SYSTEM,
        origin=Origin.of_page("203.0.113.7", "Mozilla/5.0", request),
        email="ada@example.com",
        password=PASSWORD,
    )
    assert isinstance(outcome, Authenticated)
    return outcome.pending_authentication_token


def test_a_device_is_not_allowed_by_a_sign_in_that_lacks_a_step(for_device, user, environment):
    token = sign_in(for_device)
    make_totp_factor(user)

    with pytest.raises(InvalidPendingAuthenticationToken):
        services.allow_device(request=for_device, pending_authentication_token=token, former_secret=None)

    assert DeviceAuthorization.objects.in_environment(environment).get().attempt_id is None
    assert not HostedSession.objects.in_environment(environment).exists()


def test_an_invitation_is_not_accepted_by_a_sign_in_that_lacks_a_step(for_invitation, user, environment):
    token = sign_in(for_invitation)
    make_totp_factor(user)

    with pytest.raises(InvalidPendingAuthenticationToken):
        services.join_by_invitation(
            request=for_invitation, pending_authentication_token=token, former_secret=None
        )

    assert OrganizationMembership.objects.in_environment(environment).get().status == "pending"
    assert not HostedSession.objects.in_environment(environment).exists()


def test_a_sign_in_for_a_device_or_an_invitation_gives_no_authorization_code(
    for_device, for_invitation, user
):
    for request in (for_device, for_invitation):
        token = sign_in(request)
        with pytest.raises(InvalidPendingAuthenticationToken):
            services.issue_authorization_code(request=request, pending_authentication_token=token)


def test_an_invitation_is_accepted_by_one_sign_in_once(for_invitation, user):
    token = sign_in(for_invitation)
    services.join_by_invitation(
        request=for_invitation, pending_authentication_token=token, former_secret=None
    )

    with pytest.raises(InvalidPendingAuthenticationToken):
        services.join_by_invitation(
            request=for_invitation, pending_authentication_token=token, former_secret=None
        )
