"""What staff see of invitations, and what they may do about them."""

from datetime import timedelta

import pytest
import time_machine

from events.models import Event, Mail
from foundation import clock
from foundation.actors import SYSTEM
from organizations import services
from organizations.models import Invitation
from tests.factories.accounts import make_user
from tests.factories.organizations import make_invitation, make_organization

LIST = "/admin/organizations/invitation/"


def page(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def test_an_invitation_is_shown_with_everything_but_its_token(owners_browser, environment):
    organization = make_organization(environment, "Foo Corp")
    inviter = make_user(environment, email="inviter@example.com")
    invitation = make_invitation(environment, "ada@foo-corp.com", organization, inviter=inviter)

    for path in (LIST, f"{LIST}{invitation.pk}/change/", f"{LIST}{invitation.pk}/history/"):
        shown = page(owners_browser, path)
        assert "ada@foo-corp.com" in shown
        assert invitation.token not in shown
    detail = page(owners_browser, f"{LIST}{invitation.pk}/change/")
    for fact in ("pending", "Foo Corp", "member", "inviter@example.com"):
        assert fact in detail


def test_an_organization_shows_its_invitations_and_leads_to_them(owners_browser, environment):
    organization = make_organization(environment)
    make_invitation(environment, "ada@foo-corp.com", organization)
    make_invitation(environment, "bob@foo-corp.com")

    shown = page(owners_browser, f"/admin/organizations/organization/{organization.pk}/change/")
    assert "ada@foo-corp.com" in shown
    assert "bob@foo-corp.com" not in shown
    listed = page(owners_browser, f"{LIST}?organization={organization.pk}")
    assert "ada@foo-corp.com" in listed
    assert "bob@foo-corp.com" not in listed


def test_invitations_are_found_by_what_became_of_them(owners_browser, environment):
    with time_machine.travel(clock.now() - timedelta(days=2)):
        make_invitation(environment, "expired@foo-corp.com", expires_in_days=1)
    make_invitation(environment, "pending@foo-corp.com")
    revoked = make_invitation(environment, "revoked@foo-corp.com")
    services.revoke_invitation(invitation=revoked, actor=SYSTEM)
    accepted = make_invitation(environment, "accepted@foo-corp.com")
    services.accept_invitation_as_invitee(invitation=accepted, actor=SYSTEM)

    for state in ("pending", "accepted", "revoked", "expired"):
        shown = page(owners_browser, f"{LIST}?state={state}")
        assert [name for name in ("pending", "accepted", "revoked", "expired") if f"{name}@" in shown] == [
            state
        ]


def test_staff_invite_somebody_into_an_organization(owners_browser, environment, owner, last_event):
    organization = make_organization(environment, "Foo Corp")
    form = page(owners_browser, f"{LIST}add/?organization={organization.pk}")
    assert "Foo Corp" in form

    answer = owners_browser.post(
        f"{LIST}add/",
        {
            "email": "Ada@Foo-Corp.com",
            "organization": organization.pk,
            "role_slug": "admin",
            "expires_in_days": "3",
        },
        follow=True,
    )

    assert answer.status_code == 200, answer.content
    invitation = Invitation.objects.in_environment(environment).get()
    assert (invitation.email, invitation.role_slug) == ("ada@foo-corp.com", "admin")
    assert (invitation.expires_at - invitation.created_at).days == 3
    mail = Mail.objects.in_environment(environment).get()
    assert invitation.token in mail.text
    assert invitation.token not in answer.content.decode()
    assert last_event("invitation.created")["actor"] == ("operator", owner.pk)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": "no address"}, "errorlist"),
        ({"email": "ada@foo-corp.com"}, "already"),
        ({"email": "new@foo-corp.com", "expires_in_days": "31"}, "30"),
        ({"email": "new@foo-corp.com", "role_slug": "admin"}, "role"),
    ],
)
def test_what_cannot_be_sent_is_refused_on_the_form(owners_browser, environment, fields, words):
    make_invitation(environment, "ada@foo-corp.com")

    answer = owners_browser.post(f"{LIST}add/", {"expires_in_days": "7", **fields})

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert Mail.objects.in_environment(environment).count() == 1


def test_nobody_is_invited_into_another_environments_organization(
    owners_browser, environment, other_environment
):
    foreign = make_organization(other_environment, "Foreign")

    answer = owners_browser.post(
        f"{LIST}add/", {"email": "ada@foo-corp.com", "organization": foreign.pk, "expires_in_days": "7"}
    )

    assert answer.status_code == 200
    assert not Mail.objects.in_environment(environment).exists()
    assert not Mail.objects.in_environment(other_environment).exists()


def test_staff_send_an_invitation_again_and_take_it_back(owners_browser, environment, owner, last_event):
    invitation = make_invitation(environment)

    assert owners_browser.post(f"{LIST}{invitation.pk}/tool/resend/").status_code == 302
    assert Mail.objects.in_environment(environment).count() == 2
    assert owners_browser.post(f"{LIST}{invitation.pk}/tool/revoke/").status_code == 302

    invitation.refresh_from_db()
    assert invitation.state == "revoked"
    assert last_event("invitation.revoked")["actor"] == ("operator", owner.pk)
    for name in ("resend", "revoke"):
        assert owners_browser.post(f"{LIST}{invitation.pk}/tool/{name}/").status_code == 404


def test_a_viewer_only_looks(viewer, signed_in, environment):
    invitation = make_invitation(environment)
    browser = signed_in(viewer)
    assert invitation.email in page(browser, LIST)
    assert browser.post(f"{LIST}add/", {"email": "b@foo-corp.com", "expires_in_days": "7"}).status_code == 403
    for name in ("resend", "revoke"):
        assert browser.post(f"{LIST}{invitation.pk}/tool/{name}/").status_code == 403
    assert not Event.objects.in_environment(environment).filter(name="invitation.revoked").exists()


def test_another_environments_invitation_is_not_found(owners_browser, environment, other_environment):
    foreign = make_invitation(other_environment, "foreign@foo-corp.com")
    assert "foreign@foo-corp.com" not in page(owners_browser, LIST)
    assert owners_browser.get(f"{LIST}{foreign.pk}/change/").status_code == 404
    for name in ("resend", "revoke"):
        assert owners_browser.post(f"{LIST}{foreign.pk}/tool/{name}/").status_code == 404
    foreign.refresh_from_db()
    assert foreign.state == "pending"


@pytest.mark.parametrize("lookup", ["token__startswith", "token_digest__startswith", "is_open"])
def test_the_address_filters_by_no_secret(owners_browser, environment, lookup):
    make_invitation(environment)
    assert owners_browser.get(LIST, {lookup: "a"}).status_code in {302, 400}


def test_the_list_costs_the_same_for_one_and_for_twenty(
    owners_browser, environment, django_assert_max_num_queries
):
    organization = make_organization(environment)
    for number in range(20):
        make_user(environment, email=f"person{number}@foo-corp.com")
        make_invitation(environment, f"person{number}@foo-corp.com", organization)
    with django_assert_max_num_queries(14):
        page(owners_browser, LIST)
