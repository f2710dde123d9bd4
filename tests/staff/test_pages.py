"""Rules that hold for every page of the admin, whatever it shows."""

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models.fields.related import RelatedField
from django.test.utils import CaptureQueriesContext

from environments.models import Environment, Operator
from environments.staff.model_admin import EnvironmentModelAdmin, StaffModelAdmin
from environments.staff.tools import tools_of
from foundation.fields import EncryptedTextField
from foundation.scoping import EnvironmentModel
from tests.factories.staff import one_of_everything

PAGES = admin.site._registry
SECRET_WORDS = ("digest", "password", "secret", "private_key", "sealed", "code", "refresh_token")
# Facts about secrets that are none: settings and policies.
HARMLESS = {"has_password", "new_password"}


def key_of(model) -> str:
    return f"{model._meta.app_label}/{model._meta.model_name}"


SCOPED = [model for model, page in PAGES.items() if isinstance(page, EnvironmentModelAdmin)]


@pytest.fixture
def world(environment):
    return one_of_everything(environment, "here")


def test_every_page_stands_on_the_shared_plumbing():
    assert [model for model, page in PAGES.items() if not isinstance(page, StaffModelAdmin)] == []


def test_every_table_of_a_tenant_is_shown_through_its_environment():
    unscoped = [
        model
        for model, page in PAGES.items()
        if issubclass(model, EnvironmentModel) and not isinstance(page, EnvironmentModelAdmin)
    ]
    assert unscoped == []


def test_the_walk_below_misses_no_page(world):
    assert {key_of(model) for model in SCOPED} == world.keys()


# One world serves all models: making it takes longer than looking at it.


def test_lists_and_pages_show_this_environment_and_no_other(owners_browser, other_environment, world):
    elsewhere = one_of_everything(other_environment, "elsewhere")
    shown, found = [], []
    for key, here in world.items():
        foreign = elsewhere[key]
        listed = owners_browser.get(f"/admin/{key}/", follow=True).content.decode()
        pages = [owners_browser.get(f"/admin/{key}/{here.pk}/{page}/") for page in ("change", "history")]
        assert {page.status_code for page in pages} == {200}, key
        if "elsewhere" in "".join([listed, *(page.content.decode() for page in pages)]):
            shown.append(key)
        found += [
            (key, page, method.__name__)
            for page in ("change", "history", "delete")
            for method in (owners_browser.get, owners_browser.post)
            if method(f"/admin/{key}/{foreign.pk}/{page}/").status_code != 404
        ]

    assert shown == []
    assert found == []


def test_a_viewer_may_look_and_not_touch(signed_in, viewer, world):
    client = signed_in(viewer)
    for key, row in world.items():
        assert client.get(f"/admin/{key}/{row.pk}/change/").status_code == 200, key
        assert client.post(f"/admin/{key}/{row.pk}/change/", {"name": "x"}).status_code == 403, key
        assert client.post(f"/admin/{key}/{row.pk}/delete/").status_code == 403, key
        assert client.post(f"/admin/{key}/add/", {}).status_code == 403, key


def test_every_tool_is_refused_to_viewers_and_for_foreign_rows(
    signed_in, viewer, owners_browser, other_environment, world
):
    elsewhere = one_of_everything(other_environment, "elsewhere")
    viewers, tried = signed_in(viewer), 0
    for model in SCOPED:
        key = key_of(model)
        for tool in tools_of(type(PAGES[model])).values():
            tried += 1
            place = "" if tool.is_for_list else f"{world[key].pk}/"
            assert viewers.post(f"/admin/{key}/{place}tool/{tool.name}/").status_code == 403, (key, tool.name)
            if not tool.is_for_list:
                path = f"/admin/{key}/{elsewhere[key].pk}/tool/{tool.name}/"
                assert owners_browser.post(path).status_code == 404, path

    assert tried > 10


@pytest.mark.parametrize("model", PAGES, ids=key_of)
def test_no_page_has_a_field_that_is_a_secret(model, rf, owner, environment):
    page = PAGES[model]
    request = rf.get("/")
    request.user, request.environment = owner, environment
    row = model() if model is not Operator else owner
    shown = {
        str(name)
        for sets in (page.get_fieldsets(request, row),)
        for _title, options in sets
        for name in options["fields"]
    }
    encrypted = {field.name for field in model._meta.concrete_fields if isinstance(field, EncryptedTextField)}
    policies = {
        name
        for name in shown
        if name.startswith(
            (
                "password_minimum",
                "password_breached",
                "password_history",
                "password_enabled",
                "password_allowed",
                # The address of the application's own page.
                "password_reset_url",
            )
        )
    }

    assert shown & encrypted == set()
    assert {
        name for name in shown - HARMLESS - policies if any(word in name for word in SECRET_WORDS)
    } == set()


def test_no_page_shows_a_stored_secret(owners_browser, world):
    leaks = []
    for key, row in world.items():
        row.refresh_from_db()
        hidden = [
            str(getattr(row, field.attname))
            for field in row._meta.concrete_fields
            if any(word in field.attname for word in ("digest", "private_key", "sealed", "refresh_token"))
            or (field.attname == "password" and key == "accounts/user")
        ]
        shown = "".join(
            owners_browser.get(f"/admin/{key}/{part}", follow=True).content.decode()
            for part in ("", f"{row.pk}/change/", f"{row.pk}/history/")
        )
        leaks += [(key, secret) for secret in hidden if secret not in {"", "None"} and secret in shown]

    assert leaks == []


@pytest.mark.parametrize("model", SCOPED, ids=key_of)
def test_no_filter_offers_rows_of_other_environments(model):
    relations = [
        name
        for name in PAGES[model].list_filter
        if isinstance(name, str) and isinstance(model._meta.get_field(name), RelatedField)
    ]
    assert relations == []


def test_a_list_asks_as_many_questions_for_many_rows_as_for_few(owners_browser, environment, world):
    def questions():
        counted = {}
        for key in world:
            with CaptureQueriesContext(connection) as captured:
                owners_browser.get(f"/admin/{key}/")
            counted[key] = len(captured)
        return counted

    questions()
    few = questions()
    for number in range(3):
        one_of_everything(environment, f"more{number}")

    assert questions() == few
    assert max(few.values()) < 12


def test_lists_never_count_beyond_their_ceiling(owners_browser, environment, world, monkeypatch):
    monkeypatch.setattr("environments.staff.paginator.CEILING", 2)
    for number in range(3):
        one_of_everything(environment, f"more{number}")

    page = owners_browser.get("/admin/events/event/").content.decode()

    assert "2+ events" in page


def test_search_finds_and_does_not_find(owners_browser, world):
    searches = {
        "accounts/user": ["here@", world["accounts/user"].pk],
        "organizations/organization": [
            "organization here",
            "here.com",
            world["organizations/organization"].pk,
        ],
        "organizations/organizationmembership": ["here@example"],
        "authorization/permission": ["here:read"],
        "events/event": ["user.created", world["accounts/user"].pk, "gatehouse"],
        "events/mail": ["here@example.com"],
    }
    for model, terms in searches.items():
        for term in terms:
            found = owners_browser.get(f"/admin/{model}/", {"q": term}).content.decode()
            assert "result_list" in found, (model, term)
        missing = owners_browser.get(f"/admin/{model}/", {"q": "nothing is called so"}).content.decode()
        assert "Nothing matches" in missing, model


def test_autocomplete_offers_rows_of_this_environment_alone(owners_browser, other_environment, world):
    one_of_everything(other_environment, "elsewhere")
    query = {
        "app_label": "organizations",
        "model_name": "organizationmembership",
        "field_name": "user",
        "term": "@",
    }

    answer = owners_browser.get("/admin/autocomplete/", query).json()

    assert [row["text"] for row in answer["results"]] == ["here@example.com"]


def test_a_form_does_not_take_a_foreign_row_as_a_choice(owners_browser, other_environment, world):
    elsewhere = one_of_everything(other_environment, "elsewhere")

    answer = owners_browser.post(
        "/admin/organizations/organizationmembership/add/",
        {
            "user": elsewhere["accounts/user"].pk,
            "organization": elsewhere["organizations/organization"].pk,
        },
    )

    assert answer.status_code == 200
    assert answer.content.decode().count("Select a valid choice") == 2


@pytest.mark.parametrize(
    "filters",
    [
        "outcome=failed",
        "topic=user",
        "actor_kind=system",
        "actor_kind__exact=operator",
        "name=user.created",
        "object_id=user_x",
    ],
)
def test_events_are_filtered(owners_browser, world, filters):
    assert owners_browser.get(f"/admin/events/event/?{filters}").status_code == 200


def test_the_page_of_an_event_shows_its_data_readably(owners_browser, world):
    page = owners_browser.get(f"/admin/events/event/{world['events/event'].pk}/change/").content.decode()

    assert "\n  &quot;object&quot;: &quot;user&quot;" in page


def test_events_cannot_be_written(owners_browser, world):
    path = f"/admin/events/event/{world['events/event'].pk}"

    assert owners_browser.post(f"{path}/change/", {"name": "forged"}).status_code == 403
    assert owners_browser.post(f"{path}/delete/").status_code == 403
    assert owners_browser.get("/admin/events/event/add/").status_code == 403


def test_mail_is_read_in_a_sandbox_and_nowhere_else(owners_browser, world, environment):
    path = f"/admin/events/mail/{world['events/mail'].pk}/change/"
    sandbox = owners_browser.get(path).content.decode()
    Environment.objects.filter(pk=environment.pk).update(kind="production")
    production = owners_browser.get(path).content.decode()

    assert "Text here" in sandbox
    assert "Text here" not in production
    assert "Subject here" not in production
