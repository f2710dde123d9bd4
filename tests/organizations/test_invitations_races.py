"""Invitations under real threads and the database's own locks."""

import pytest
from django.db.models import QuerySet

from accounts import services as accounts
from accounts.models import User
from events.models import Event
from foundation.actors import SYSTEM
from foundation.errors import DomainError, NotFound
from organizations import services
from organizations.models import Invitation, OrganizationMembership, invitations_with_relations
from tests.factories.accounts import make_user
from tests.factories.environments import make_environment
from tests.factories.organizations import make_invitation, make_organization
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

EMAIL = "ada@foo-corp.com"


@pytest.fixture
def environment(transactional_db):
    return make_environment()


def outcome(call):
    try:
        call()
    except DomainError as refused:
        return refused.code
    return "done"


def events(environment, name):
    return Event.objects.in_environment(environment).filter(name=name).count()


def test_of_two_who_accept_at_once_one_becomes_a_member(environment):
    organization = make_organization(environment)
    people = [make_user(environment, email=email) for email in (EMAIL, "bob@foo-corp.com")]
    invitation = make_invitation(environment, EMAIL, organization)

    outcomes = in_parallel(
        2,
        lambda number: outcome(
            lambda: services.accept_invitation(invitation=invitation, user=people[number], actor=SYSTEM)
        ),
    )

    assert sorted(outcomes) == ["done", "invite_not_pending"]
    memberships = OrganizationMembership.objects.in_environment(environment)
    assert [membership.status for membership in memberships] == ["active"]
    assert events(environment, "invitation.accepted") == 1


def test_one_acceptance_repeated_at_once_counts_once_and_creates_one_user(environment):
    invitation = make_invitation(environment, EMAIL, make_organization(environment))

    outcomes = in_parallel(
        4,
        lambda _number: outcome(
            lambda: services.accept_invitation_as_invitee(invitation=invitation, actor=SYSTEM)
        ),
    )

    assert sorted(outcomes) == ["done", *["invite_not_pending"] * 3]
    assert User.objects.in_environment(environment).count() == 1
    assert OrganizationMembership.objects.in_environment(environment).count() == 1
    assert events(environment, "invitation.accepted") == 1


@pytest.mark.parametrize("joins", [True, False])
def test_of_two_invitations_sent_at_once_one_is_refused(environment, joins):
    organization = make_organization(environment) if joins else None

    outcomes = in_parallel(
        2, lambda _number: outcome(lambda: make_invitation(environment, EMAIL, organization))
    )

    code = "email_already_invited_to_organization" if joins else "email_already_invited"
    assert sorted(outcomes) == ["done", code]
    assert Invitation.objects.in_environment(environment).count() == 1
    assert events(environment, "invitation.created") == 1


def test_an_invitation_sent_between_the_look_and_the_write_is_not_pushed_aside(environment, monkeypatch):
    twin: list[Invitation] = []

    def look_then_let_the_twin_through(rows):
        found = exists(rows)
        if rows.model is Invitation and not found and not twin:
            twin.append(Invitation())
            twin[0] = in_parallel(1, lambda _number: make_invitation(environment, EMAIL))[0]
        return found

    exists = QuerySet.exists
    monkeypatch.setattr(QuerySet, "exists", look_then_let_the_twin_through)

    assert outcome(lambda: make_invitation(environment, EMAIL)) == "email_already_invited"

    twin[0].refresh_from_db()
    assert twin[0].is_open
    assert Invitation.objects.in_environment(environment).count() == 1


def test_accepting_and_revoking_at_once_leaves_one_of_the_two(environment):
    user = make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, make_organization(environment))
    calls = [
        lambda: services.accept_invitation(invitation=invitation, user=user, actor=SYSTEM),
        lambda: services.revoke_invitation(invitation=invitation, actor=SYSTEM),
    ]

    outcomes = in_parallel(2, lambda number: outcome(calls[number]))

    assert sorted(outcomes) == ["done", "invite_not_pending"]
    invitation.refresh_from_db()
    members = OrganizationMembership.objects.in_environment(environment).count()
    assert (invitation.state, members) in {("accepted", 1), ("revoked", 0)}


def test_accepting_and_withdrawing_the_membership_at_once_ends_without_a_member(environment):
    user = make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, make_organization(environment))
    membership = OrganizationMembership.objects.in_environment(environment).get()
    calls = [
        lambda: services.accept_invitation(invitation=invitation, user=user, actor=SYSTEM),
        lambda: services.delete_membership(membership=membership, actor=SYSTEM),
    ]

    outcomes = in_parallel(2, lambda number: outcome(calls[number]))

    assert outcomes[1] == "done"
    assert outcomes[0] in {"done", "invite_not_pending"}
    assert not OrganizationMembership.objects.in_environment(environment).exists()


def test_accepting_while_the_user_is_deleted_ends_in_neither_half(environment):
    user = make_user(environment, email=EMAIL)
    invitation = make_invitation(environment, EMAIL, make_organization(environment))
    calls = [
        lambda: services.accept_invitation(invitation=invitation, user=user, actor=SYSTEM),
        lambda: accounts.remove_user(user=user, actor=SYSTEM),
    ]

    outcomes = in_parallel(2, lambda number: outcome(calls[number]))

    assert outcomes[1] == "done"
    assert outcomes[0] in {"done", "entity_not_found"}
    assert not OrganizationMembership.objects.in_environment(environment).exists()


def test_an_invitation_whose_organization_goes_between_look_and_acceptance_is_unknown(environment):
    organization = make_organization(environment)
    sent = make_invitation(environment, organization=organization)
    invitation = invitations_with_relations(environment).require(sent.id)
    user = make_user(environment, email=sent.email)
    services.remove_organization(organization=organization, actor=SYSTEM)

    with pytest.raises(NotFound):
        services.accept_invitation(invitation=invitation, user=user, actor=SYSTEM)
