"""Lists against a model in plain Python of the table of workos-behaviour (b)."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from environments.models import CORSOrigin
from foundation.ids import new_id
from tests.api_client import ApiClient
from tests.factories.environments import make_api_key

PATH = "/user_management/cors_origins"

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass
class Page:
    ids: list
    before: str | None
    after: str | None


def expected_page(ids, limit, order, before=None, after=None):
    """What the table says, row by row, with nothing but lists."""
    newest_first = sorted(ids, reverse=True)
    if order == "normal":
        older, newer = before, after
    elif order == "desc":
        older, newer = after, before
    else:
        older, newer = before, after
    if older is not None:
        candidates = [i for i in newest_first if i < older]
        # Away from the cursor: the page that touches it.
        shown = candidates[:limit]
    elif newer is not None:
        candidates = [i for i in newest_first if i > newer]
        shown = candidates[-limit:]
    elif order == "asc":
        shown = newest_first[-limit:]
    else:
        shown = newest_first[:limit]
    if not shown:
        return Page([], None, None)
    newer_exist, older_exist = newest_first[0] > shown[0], newest_first[-1] < shown[-1]
    newest, oldest = shown[0], shown[-1]
    if order == "asc":
        return Page(shown[::-1], oldest if older_exist else None, newest if newer_exist else None)
    if order == "desc":
        return Page(shown, newest if newer_exist else None, oldest if older_exist else None)
    return Page(shown, oldest if older_exist else None, newest if newer_exist else None)


def fill(environment, count):
    rows = [
        CORSOrigin(environment=environment, origin=f"https://{number}-{new_id('x')}.example")
        for number in range(count)
    ]
    CORSOrigin.objects.bulk_create(rows)
    return [row.id for row in rows]


def ask(api, **query):
    answer = api.get(PATH, {key: value for key, value in query.items() if value is not None})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"object", "data", "list_metadata"}
    assert body["object"] == "list"
    assert set(body["list_metadata"]) == {"before", "after"}
    return Page([row["id"] for row in body["data"]], **body["list_metadata"])


ORDERS = st.sampled_from(["desc", "asc", "normal"])


@bounded
@given(data=st.data(), count=st.integers(0, 25), limit=st.integers(1, 30), order=ORDERS)
def test_every_page_is_the_one_of_the_table(
    *, environment, other_environment, api, data, count, limit, order
):
    CORSOrigin.unscoped.all().delete()
    fill(other_environment, 2)
    first = fill(environment, count // 2)
    [foreign] = fill(other_environment, 1)
    ids = first + fill(environment, count - count // 2)
    cursor = data.draw(st.sampled_from([None, foreign, "cors_origin_0", "cors_origin_zzz", *ids]))
    side = data.draw(st.sampled_from(["before", "after"]))

    shown = ask(api, limit=limit, order=order, **{side: cursor})

    assert shown == expected_page(ids, limit, order, **{side: cursor})


@bounded
@given(count=st.integers(0, 25), limit=st.integers(1, 10), order=ORDERS)
def test_a_walk_there_and_back_sees_every_row_once(environment, api, count, limit, order):
    CORSOrigin.unscoped.all().delete()
    ids = fill(environment, count)
    # ``normal`` shows newest first and steps towards the older rows by ``before``.
    onward, backward = ("before", "after") if order == "normal" else ("after", "before")

    pages = [ask(api, limit=limit, order=order)]
    while (cursor := getattr(pages[-1], onward)) is not None:
        pages.append(ask(api, limit=limit, order=order, **{onward: cursor}))
        assert len(pages) <= count + 1, "the walk does not end"
    assert [i for page in pages for i in page.ids] == sorted(ids, reverse=order != "asc")

    back = [pages[-1]]
    while (cursor := getattr(back[-1], backward)) is not None:
        back.append(ask(api, limit=limit, order=order, **{backward: cursor}))
        assert len(back) <= count + 1, "the walk back does not end"
    assert sorted(i for page in back for i in page.ids) == sorted(ids)


@bounded
@given(
    limit=st.integers(1, 5),
    order=st.sampled_from(["desc", "asc"]),
    changes=st.lists(
        st.sampled_from(["nothing", "insert", "delete newest", "delete oldest", "delete cursor"]), max_size=8
    ),
)
def test_a_walk_over_rows_that_come_and_go_repeats_none_and_loses_none(
    environment, api, limit, order, changes
):
    CORSOrigin.unscoped.all().delete()
    standing = set(fill(environment, 15))
    seen, cursor = [], None
    for change in [*changes, *["nothing"] * 20]:
        page = ask(api, limit=limit, order=order, after=cursor)
        seen += page.ids
        cursor = page.after
        if cursor is None:
            break
        rows = CORSOrigin.objects.in_environment(environment).order_by("id")
        if change == "insert":
            fill(environment, 1)
            continue
        gone = {
            "nothing": None,
            "delete newest": rows.latest("id").id,
            "delete oldest": rows.earliest("id").id,
            "delete cursor": cursor,
        }[change]
        rows.filter(pk=gone).delete()
        standing.discard(gone)

    assert cursor is None
    assert len(seen) == len(set(seen))
    assert standing <= set(seen)


def test_a_page_holds_ten_newest_rows_unless_told_otherwise(environment, api):
    CORSOrigin.unscoped.all().delete()
    ids = fill(environment, 12)

    assert ask(api).ids == sorted(ids, reverse=True)[:10]
    assert len(ask(api, limit=100).ids) == 12


def test_empty_parameters_are_absent_ones(environment, api):
    ids = fill(environment, 3)

    assert ids[0] in ask(api, limit="", order="", before="", after="").ids


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=1e9", "limit"),
        ("limit[]=x", "limit"),
        ("limit[a]=1", "limit"),
        ("order=newest", "order"),
        ("order=DESC;DROP", "order"),
        ("order[a]=desc", "order"),
        ("after=not an id", "after"),
        ("after='OR 1=1--", "after"),
        ("before=%25", "before"),
        ("after=" + "a" * 200, "after"),
        ("before=cors_origin_" + "A" * 90, "before"),
        ("before=cors_origin_1&after=cors_origin_2", "before"),
    ],
)
@pytest.mark.parametrize("path", [PATH, "/events"])
def test_a_list_is_refused_that_describes_no_page(api, path, query, field):
    answer = api.get(f"{path}?{query}")

    assert answer.status_code == 422
    body = answer.json()
    assert body["message"] == "Validation failed"
    assert field in [error["field"] for error in body["errors"]]


def test_the_rows_of_another_environment_are_never_on_a_page(environment, other_environment, api):
    fill(other_environment, 3)

    for order in ("asc", "desc", "normal"):
        assert ask(api, order=order).ids == []
    assert len(ask(ApiClient(make_api_key(other_environment))).ids) == 3


def test_a_page_costs_one_query_wherever_it_lies(environment, api, django_assert_num_queries):
    ids = fill(environment, 30)
    api.get(PATH)

    for query in ({}, {"after": ids[20]}, {"before": ids[5]}, {"limit": "100"}):
        with django_assert_num_queries(2):  # the key with its environment, and the page
            ask(api, **query)
