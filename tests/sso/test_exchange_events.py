"""What the event stream tells of exchanges with identity providers."""

from datetime import timedelta

import pytest

from events.models import Event
from foundation import clock
from sso import services
from sso.models import SSOSession
from tests.sso.browser import local, query_of, saml_answer


@pytest.fixture
def told(environment):
    """Read the events about authentication: their names, and the data of the newest."""

    def read():
        rows = Event.objects.in_environment(environment).filter(name__startswith="authentication.")
        found = list(rows.order_by("id"))
        return [row.name for row in found], found[-1].data if found else None

    return read


def overdue():
    SSOSession.unscoped.update(expires_at=clock.now() - timedelta(seconds=1))


def test_leaving_and_coming_back_are_told_once_each(browser, saml_connection, company_idp, told):
    left = browser.leave(connection=saml_connection.id, login_hint="ada@example.com")
    row = SSOSession.unscoped.get()
    assert told() == (
        ["authentication.sso_started"],
        {
            "type": "sso",
            "status": "started",
            "ip_address": row.ip_address,
            "user_agent": row.user_agent,
            "user_id": None,
            "email": "ada@example.com",
            "sso": {
                "organization_id": saml_connection.organization_id,
                "connection_id": saml_connection.id,
                "session_id": row.id,
            },
        },
    )

    response = saml_answer(saml_connection, company_idp)
    browser.post_answer(saml_connection, response, query_of(left["Location"])["RelayState"])

    names, data = told()
    assert names == ["authentication.sso_started", "authentication.sso_succeeded"]
    assert (data["status"], data["email"], data["sso"]["session_id"]) == (
        "succeeded",
        "ada@example.com",
        row.id,
    )


def test_leaving_once_more_is_no_second_start(browser, saml_connection, told):
    start = local(browser.authorize(connection=saml_connection.id)["Location"])
    browser.client.get(start)
    browser.client.get(start)

    assert told()[0] == ["authentication.sso_started"]


def test_a_hint_that_is_no_address_is_not_told(browser, saml_connection, told):
    browser.leave(connection=saml_connection.id, login_hint="ada")

    assert told()[1]["email"] is None


def test_a_refused_answer_is_told_in_the_words_that_the_application_gets(
    browser, saml_connection, company_idp, told
):
    company_idp.name = "somebody else's key"

    back = browser.sign_in_by_saml(saml_connection, company_idp)

    names, data = told()
    assert names == ["authentication.sso_started", "authentication.sso_failed"]
    assert query_of(back["Location"])["error"] == data["error"]["code"]


def test_an_answer_that_never_came_is_told_once(browser, saml_connection, told):
    browser.leave(connection=saml_connection.id)
    assert services.close_unanswered() == 0
    overdue()

    assert [services.close_unanswered(), services.close_unanswered()] == [1, 0]

    names, data = told()
    assert names == ["authentication.sso_started", "authentication.sso_timed_out"]
    assert data["sso"]["session_id"] == SSOSession.unscoped.get().id
    row = SSOSession.unscoped.get()
    assert (row.state, row.failure, row.memory, row.purpose) == ("failed", "unanswered", "", "")


def test_whoever_never_left_is_nobody_who_timed_out(browser, saml_connection, told):
    browser.authorize(connection=saml_connection.id)
    overdue()

    assert services.close_unanswered() == 1

    assert told()[0] == []
    assert SSOSession.unscoped.get().failure == "never_left"


def test_whoever_comes_back_too_late_is_told_so(browser, saml_connection, company_idp):
    left = browser.leave(connection=saml_connection.id)
    overdue()
    services.close_unanswered()

    response = saml_answer(saml_connection, company_idp)
    late = browser.post_answer(saml_connection, response, query_of(left["Location"])["RelayState"])

    assert late.status_code == 404
    assert b"expired" in late.content


def test_many_unanswered_exchanges_are_closed_in_one_go(browser, saml_connection, monkeypatch):
    monkeypatch.setattr("sso.services.exchanges._CLOSED_AT_ONCE", 2)
    for _ in range(5):
        browser.leave(connection=saml_connection.id)
    overdue()

    assert services.close_unanswered() == 5
    assert set(SSOSession.unscoped.values_list("failure", flat=True)) == {"unanswered"}
