"""Answers and codes that arrive at once. Real row locks are needed to show that each counts once."""

from contextlib import suppress
from datetime import timedelta

import pytest

from authentication.errors import InvalidAuthorizationCode
from authentication.models import Session
from authentication.services import (
    Origin,
    Outcome,
    SignedIn,
    end_by_provider_sessions,
    exchange_authorization_code,
    exchange_sso_code,
)
from events.models import Mail
from foundation import clock
from foundation.actors import SYSTEM
from foundation.errors import DomainError
from organizations.models import Organization
from sso import services
from sso.errors import InvalidGrant, SigningCertificateExists, TooManyEncryptionCertificates
from sso.exchanges import ReceivedProfile
from sso.models import (
    ExchangeKind,
    IdPCertificate,
    KeyPairUse,
    Profile,
    ProviderSession,
    SPKeyPair,
    SSOAccessToken,
)
from sso.services import IssuedToken
from tests.factories.environments import make_environment, make_operator
from tests.factories.organizations import make_domain, make_organization
from tests.factories.sso import make_profile, make_saml_connection, make_sso_session
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def organization() -> Organization:
    return make_organization(make_environment())


def test_one_code_presented_by_many_at_once_opens_one_profile(organization):
    profile = make_profile(make_saml_connection(organization))
    code = services.issue_code(profile=profile, redirect_uri="https://app.example/callback")

    def exchange(_number: int) -> IssuedToken | DomainError:
        try:
            return services.exchange_code(environment=organization.environment, code=code)
        except InvalidGrant as refusal:
            return refusal

    outcomes = in_parallel(8, exchange)

    assert sum(isinstance(outcome, IssuedToken) for outcome in outcomes) == 1
    # Whoever came second may have stolen it: what the first one got is void.
    assert SSOAccessToken.unscoped.count() == 0


def test_one_unasked_code_presented_at_both_doors_at_once_opens_one_of_them(organization):
    environment = organization.environment
    profile = make_profile(
        make_saml_connection(organization),
        "ada@acme.test",
        memory={"name_id": "ada-1", "session_index": "_1"},
    )
    make_domain(organization, "acme.test", "verified")
    code = services.issue_code(
        profile=profile,
        redirect_uri="https://app.example/callback",
        sso_session=make_sso_session(profile, kind=ExchangeKind.IDP_INITIATED),
        provider_session=profile.provider_sessions.get(),
    )

    def present(number: int) -> IssuedToken | Outcome | DomainError:
        try:
            if number % 2:
                return exchange_sso_code(environment=environment, code=code)
            return exchange_authorization_code(
                environment=environment, is_public_client=False, origin=Origin(), code=code
            )
        except (InvalidGrant, InvalidAuthorizationCode) as refusal:
            return refusal

    outcomes = in_parallel(8, present)

    assert sum(isinstance(outcome, IssuedToken | SignedIn) for outcome in outcomes) == 1, outcomes
    # Whoever came second may have stolen it: what the first one got is void, whichever door it was.
    assert SSOAccessToken.unscoped.count() == 0
    assert not Session.unscoped.filter(ended_at__isnull=True).exists()


def test_a_providers_logout_and_a_code_at_once_leave_nobody_signed_in(organization):
    environment = organization.environment
    make_domain(organization, "acme.test", "verified")
    connection = make_saml_connection(organization)
    for number in range(6):
        profile = make_profile(
            connection, "ada@acme.test", memory={"name_id": "ada-1", "session_index": f"_{number}"}
        )
        provider_session = profile.provider_sessions.latest("id")
        code = services.issue_code(
            profile=profile,
            redirect_uri="https://app.example/callback",
            sso_session=make_sso_session(profile, kind=ExchangeKind.IDP_INITIATED),
            provider_session=provider_session,
        )

        def meet(place: int, code: str = code, provider_session: ProviderSession = provider_session) -> None:
            if place:
                end_by_provider_sessions([provider_session], SYSTEM)
                return
            with suppress(InvalidAuthorizationCode):
                exchange_authorization_code(
                    environment=environment, is_public_client=False, origin=Origin(), code=code
                )

        in_parallel(2, meet)

        assert not Session.unscoped.filter(ended_at__isnull=True).exists()


def test_first_sign_ins_at_once_make_one_profile_and_one_activation(organization):
    connection = make_saml_connection(organization)
    received = ReceivedProfile(idp_id="ada", email="ada@example.com")

    profiles = in_parallel(6, lambda _number: services.record_profile(connection, received))

    assert len({profile.id for profile in profiles}) == 1
    assert Profile.unscoped.count() == 1


def test_announcements_at_once_tell_of_each_certificate_once(organization):
    make_operator()
    for number in range(3):
        connection = make_saml_connection(organization, name=f"Connection {number}")
        services.activate_connection(connection=connection, actor=SYSTEM)
    IdPCertificate.unscoped.update(not_after=clock.now() + timedelta(days=3))

    told = in_parallel(5, lambda _number: services.announce_renewals())

    assert sorted(told) == [0, 0, 0, 0, 3]
    assert Mail.unscoped.count() == 1


def test_signing_pairs_made_at_once_are_one(organization):
    connection = make_saml_connection(organization)
    (pair,) = services.list_key_pairs(connection, KeyPairUse.SIGNING)
    services.delete_key_pair(connection=connection, use=KeyPairUse.SIGNING, pair_id=pair.id)

    def create(number: int) -> SPKeyPair | DomainError | None:
        if number % 2:
            # Whoever changes the connection meanwhile waits, and is waited for.
            changes = {"saml": {"sign_requests": number % 4 == 1}}
            services.update_connection(connection=connection, actor=SYSTEM, changes=changes)  # type: ignore[arg-type]  # the keys of ConnectionChanges
            return None
        try:
            return services.create_signing_pair(connection=connection, actor=SYSTEM)
        except SigningCertificateExists as refusal:
            return refusal

    outcomes = in_parallel(8, create)

    assert sum(isinstance(outcome, SPKeyPair) for outcome in outcomes) == 1
    assert SPKeyPair.unscoped.filter(use=KeyPairUse.SIGNING).count() == 1


def test_encryption_pairs_made_at_once_stay_few(organization):
    connection = make_saml_connection(organization)

    def create(_number: int) -> SPKeyPair | DomainError:
        try:
            return services.create_encryption_pair(connection=connection, actor=SYSTEM)
        except TooManyEncryptionCertificates as refusal:
            return refusal

    outcomes = in_parallel(8, create)

    assert sum(isinstance(outcome, SPKeyPair) for outcome in outcomes) == 4
    assert SPKeyPair.unscoped.filter(use=KeyPairUse.ENCRYPTION).count() == 5
