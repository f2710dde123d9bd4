"""What one operator sees of which environment, whatever stands in the address."""

import pytest

from environments import services
from environments.models import APIKey, CORSOrigin, Environment, RedirectURI, SigningKey
from events.models import Event, Mail
from foundation.actors import SYSTEM
from tests.factories.environments import make_api_key, make_operator


def test_the_switcher_opens_another_environment_and_stays_there(
    owners_browser, environment, other_environment
):
    make_api_key(environment, "Key of the first")
    make_api_key(other_environment, "Key of the other")

    answer = owners_browser.post(
        "/admin/environment/", {"environment": other_environment.pk, "next": "/admin/environments/apikey/"}
    )
    listed = owners_browser.get("/admin/environments/apikey/").content.decode()

    assert answer.headers["Location"] == "/admin/environments/apikey/"
    assert "Key of the other" in listed
    assert "Key of the first" not in listed


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test", "/logout", "javascript:alert(1)", "/admin/../x\r\n"]
)
def test_the_switcher_never_leaves_the_admin(owners_browser, environment, target):
    answer = owners_browser.post("/admin/environment/", {"environment": environment.pk, "next": target})

    assert answer.headers["Location"] == "/admin/" or answer.headers["Location"].startswith("/admin/")
    assert "evil" not in answer.headers["Location"]


def test_an_operator_cannot_open_an_environment_that_was_not_given(viewer, signed_in, other_environment):
    client = signed_in(viewer)

    answer = client.post("/admin/environment/", {"environment": other_environment.pk})

    assert answer.status_code == 404
    assert other_environment.name not in client.get("/admin/").content.decode()


def test_an_operator_who_loses_an_environment_loses_it_at_once(
    viewer, signed_in, environment, other_environment
):
    make_api_key(environment, "Key of the first")
    client = signed_in(viewer)
    client.get("/admin/environments/apikey/")

    services.update_operator(viewer, {"environments": [other_environment]})

    assert "Key of the first" not in client.get("/admin/environments/apikey/").content.decode()


def test_an_operator_without_any_environment_is_told_so(signed_in, environment):
    client = signed_in(make_operator("new@gatehouse.test", "viewer"))

    assert "No environment yet" in client.get("/admin/").content.decode()
    refused = client.get("/admin/environments/apikey/")
    assert refused.status_code == 403
    assert "No environment yet" in refused.content.decode()


def rows_of(environment: Environment) -> dict[str, str]:
    make_api_key(environment)
    event = Event.objects.create(
        environment=environment, name="user.created", data={}, actor_kind="system", actor_id=SYSTEM.id
    )
    mail = Mail.objects.create(
        environment=environment, kind="x", recipient="a@b.test", sender="c@d.test", subject="s", text="t"
    )
    return {
        "environments/apikey": APIKey.objects.in_environment(environment).get().pk,
        "environments/redirecturi": RedirectURI.objects.in_environment(environment).get().pk,
        "environments/corsorigin": CORSOrigin.objects.create(
            environment=environment, origin="https://a.test"
        ).pk,
        "environments/signingkey": SigningKey.objects.in_environment(environment).get().pk,
        "environments/authenticationsettings": environment.pk,
        "events/event": event.pk,
        "events/mail": mail.pk,
    }


@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_an_id_of_another_environment_is_not_found(owners_browser, other_environment, page):
    for model, row_id in rows_of(other_environment).items():
        path = f"/admin/{model}/{row_id}/{page}/"
        for answer in (owners_browser.get(path), owners_browser.post(path, {"name": "taken over"})):
            assert answer.status_code == 404, path


@pytest.mark.parametrize(
    ("model", "tool"),
    [
        ("environments/apikey", "revoke"),
        ("environments/redirecturi", "make-default"),
        ("events/mail", "send-again"),
    ],
)
def test_a_tool_does_not_reach_into_another_environment(owners_browser, other_environment, model, tool):
    row_id = rows_of(other_environment)[model]

    assert owners_browser.post(f"/admin/{model}/{row_id}/tool/{tool}/").status_code == 404


def test_the_pages_of_an_open_environment_are_found(owners_browser, environment):
    for model, row_id in rows_of(environment).items():
        path = f"/admin/{model}/{row_id}/change/"
        assert owners_browser.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "query",
    [
        "digest__startswith=a",
        "digest__regex=.",
        "environment__name__startswith=A",
        "environment__id__exact=environment_x",
        "created_at__lt=2030-01-01",
    ],
)
def test_a_list_cannot_be_filtered_by_what_it_does_not_show(owners_browser, query):
    assert owners_browser.get(f"/admin/environments/apikey/?{query}").status_code == 400


@pytest.mark.parametrize(
    "path", ["/admin/events/event/?name=%00", "/admin/events/event/?q=%00", "/admin/events/event/%00/change/"]
)
def test_a_nul_character_is_refused_before_the_database_sees_it(owners_browser, path):
    assert owners_browser.get(path).status_code in {200, 302, 400, 404}


def test_an_unknown_page_of_the_admin_is_a_page(owners_browser):
    answer = owners_browser.get("/admin/no/such/page/")

    assert answer.status_code == 404
    assert "Not found" in answer.content.decode()
