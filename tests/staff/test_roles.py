"""What owners, admins and viewers may do."""

import pytest

from environments import services
from environments.models import APIKey, Environment, Operator, OperatorRole, RedirectURI, SigningKey
from tests.factories.environments import OPERATOR_PASSWORD, make_api_key

WRITES = [
    ("/admin/environments/apikey/add/", {"name": "Mine"}),
    ("/admin/environments/redirecturi/add/", {"uri": "https://a.test/callback", "purpose": "sign_in"}),
    ("/admin/environments/corsorigin/add/", {"origin": "https://a.test"}),
    ("/admin/environments/signingkey/tool/rotate/", {}),
]


@pytest.mark.parametrize(("path", "form"), WRITES)
def test_a_viewer_writes_nothing(viewer, signed_in, environment, path, form):
    client = signed_in(viewer)

    assert client.post(path, form).status_code == 403
    assert client.get(path).status_code == 403
    assert not APIKey.objects.in_environment(environment).exists()
    assert SigningKey.objects.in_environment(environment).count() == 1


def test_a_viewer_changes_and_deletes_nothing(viewer, signed_in, environment):
    make_api_key(environment)
    key = APIKey.objects.in_environment(environment).get()
    uri = RedirectURI.objects.in_environment(environment).get()
    client = signed_in(viewer)

    answers = [
        client.post(
            f"/admin/environments/authenticationsettings/{environment.pk}/change/",
            {"password_minimum_length": 8},
        ),
        client.post(f"/admin/environments/apikey/{key.pk}/tool/revoke/"),
        client.post(f"/admin/environments/redirecturi/{uri.pk}/delete/"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_viewer_sees_the_pages_without_buttons(viewer, signed_in, environment):
    client = signed_in(viewer)

    listed = client.get("/admin/environments/apikey/").content.decode()
    settings = client.get(
        f"/admin/environments/authenticationsettings/{environment.pk}/change/"
    ).content.decode()

    assert "New API key" not in listed
    assert ">Save<" not in settings


@pytest.mark.parametrize(("path", "form"), WRITES)
def test_an_admin_writes_inside_the_environment(admin, signed_in, path, form):
    assert signed_in(admin).post(path, form).status_code in {200, 302}


@pytest.mark.parametrize(
    "path",
    [
        "/admin/environments/operator/",
        "/admin/environments/operator/add/",
        "/admin/environments/environment/add/",
        "/admin/admin/logentry/",
    ],
)
def test_what_belongs_to_the_installation_is_the_owners(admin, signed_in, path):
    assert signed_in(admin).get(path).status_code == 403


def test_an_admin_cannot_become_an_owner(admin, signed_in):
    client = signed_in(admin)

    answer = client.post(
        f"/admin/environments/operator/{admin.pk}/change/",
        {"email": admin.email, "role": "owner", "is_active": "on"},
    )

    admin.refresh_from_db()
    assert answer.status_code in {403, 404}
    assert admin.role == OperatorRole.ADMIN


def test_an_admin_does_not_rename_an_environment(admin, signed_in, environment):
    answer = signed_in(admin).post(
        f"/admin/environments/environment/{environment.pk}/change/", {"name": "Mine"}
    )

    environment.refresh_from_db()
    assert answer.status_code == 403
    assert environment.name != "Mine"


def test_an_owner_creates_an_environment_with_its_roles_and_keys(owners_browser):
    answer = owners_browser.post(
        "/admin/environments/environment/add/", {"name": "Live", "kind": "production"}
    )

    created = Environment.objects.get(name="Live")
    assert answer.headers["Location"] == f"/admin/environments/environment/{created.pk}/change/"
    assert services.active_signing_key(created).retired_at is None


def test_an_owner_creates_an_operator_who_can_sign_in(owners_browser, environment, browser):
    answer = owners_browser.post(
        "/admin/environments/operator/add/",
        {
            "email": "New.Colleague@gatehouse.test",
            "name": "New",
            "role": "viewer",
            "environments": [environment.pk],
            "password": "their first long password",
        },
    )

    assert answer.status_code == 302, answer.content.decode()
    signed_in = browser().post(
        "/admin/login/", {"username": "new.colleague@gatehouse.test", "password": "their first long password"}
    )
    assert signed_in.status_code == 302


def test_an_operators_weak_password_and_taken_e_mail_are_refused_in_the_form(owners_browser, viewer):
    form = {"email": viewer.email.upper(), "role": "viewer", "name": "", "password": OPERATOR_PASSWORD}

    taken = owners_browser.post("/admin/environments/operator/add/", form).content.decode()
    weak = owners_browser.post(
        "/admin/environments/operator/add/", {**form, "email": "x@gatehouse.test", "password": "password1234"}
    ).content.decode()

    assert "An operator with this e-mail already exists" in taken
    assert "too common" in weak
    assert Operator.objects.count() == 2


def test_the_last_owner_cannot_be_demoted_disabled_or_deleted(owners_browser, owner):
    url = f"/admin/environments/operator/{owner.pk}"
    form = {"email": owner.email, "name": "", "role": "viewer", "is_active": "on"}

    demoted = owners_browser.post(f"{url}/change/", form).content.decode()
    deleted = owners_browser.post(f"{url}/delete/").content.decode()

    owner.refresh_from_db()
    assert "The last active owner cannot be removed" in demoted
    assert "The last active owner cannot be removed" in deleted
    assert owner.role == OperatorRole.OWNER


def test_no_page_of_operators_shows_a_password_hash(owners_browser, owner):
    page = owners_browser.get(f"/admin/environments/operator/{owner.pk}/change/").content.decode()

    assert "argon2" not in page
