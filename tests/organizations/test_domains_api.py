from datetime import timedelta
from typing import Any

import pytest
from time_machine import travel

from foundation import clock
from foundation.actors import SYSTEM
from organizations import services, tasks
from organizations.dns import DnsLookupFailed
from organizations.models import OrganizationDomain
from organizations.services import domains
from tests.factories.organizations import make_domain, make_organization

CHECK = "organizations.tasks.check_domain"


@pytest.fixture
def dns(monkeypatch):
    """What the DNS says: TXT records by domain. A domain of None has a name server that does not answer."""
    records: dict[str, Any] = {}
    asked = []

    def find(domain):
        asked.append(domain)
        if records.get(domain, ()) is None:
            raise DnsLookupFailed(domain)
        return list(records.get(domain, ()))

    monkeypatch.setattr(domains, "find_txt_records", find)
    records["asked"] = asked
    return records


@pytest.fixture
def organization(environment):
    return make_organization(environment)


@pytest.fixture
def handed_out(monkeypatch):
    """What is enqueued: the task's name and its arguments."""
    tasks_of = []
    monkeypatch.setattr(domains, "enqueue", lambda *task: tasks_of.append(task))
    return tasks_of


def check(domain):
    tasks.check_domain(domain.environment_id, domain.id)
    return OrganizationDomain.objects.in_environment(domain.environment_id).require(domain.id)


def test_a_domain_is_added_and_its_proof_awaited(api, organization, emitted, last_event):
    before = len(emitted())

    answer = api.post("/organization_domains", form=f"organization_id={organization.id}&domain=Foo-Corp.com")

    assert answer.status_code == 201
    body = answer.json()
    assert body["object"] == "organization_domain"
    assert body["id"].startswith("org_domain_")
    assert body["organization_id"] == organization.id
    assert (body["domain"], body["state"], body["verification_strategy"]) == (
        "foo-corp.com",
        "pending",
        "dns",
    )
    assert len(body["verification_token"]) == 25
    assert body["verification_token"].isalnum()
    assert body["verification_prefix"]
    assert emitted()[before:] == ["organization_domain.created"]
    assert last_event("organization_domain.created")["data"] == body
    assert api.get(f"/organization_domains/{body['id']}").json() == body
    assert api.get(f"/organization-domains/{body['id']}").json() == body
    assert api.get(f"/organizations/{organization.id}").json()["domains"] == [body]


def test_the_same_domain_twice_in_an_organization_is_refused(api, organization, emitted):
    make_domain(organization, "foo-corp.com")
    before = emitted()

    answer = api.post(
        "/organization_domains", {"organization_id": organization.id, "domain": "FOO-corp.com."}
    )

    assert answer.status_code == 409
    assert answer.json() == {
        "code": "domain_already_exists",
        "message": "Domain already exists for this organization.",
    }
    assert emitted() == before


@pytest.mark.parametrize("domain", ["outlook.com", "co.uk", "nonsense", "exa mple.com", "::1"])
def test_a_domain_that_nobody_can_own_is_refused(api, organization, domain):
    answer = api.post("/organization_domains", {"organization_id": organization.id, "domain": domain})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "domain"


@pytest.mark.parametrize("missing", ["organization_id", "domain"])
def test_both_fields_are_needed(api, organization, missing):
    body = {"organization_id": organization.id, "domain": "foo.com"}
    del body[missing]

    answer = api.post("/organization_domains", body)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [missing]


def test_a_domain_is_deleted_with_its_event(api, organization, last_event):
    shown = api.get(f"/organization_domains/{make_domain(organization).id}").json()

    answer = api.delete(f"/organization_domains/{shown['id']}")

    assert answer.status_code == 204
    assert answer.content == b""
    assert last_event("organization_domain.deleted")["data"] == shown
    assert api.get(f"/organization_domains/{shown['id']}").status_code == 404
    assert api.delete(f"/organization_domains/{shown['id']}").status_code == 404


def test_an_unknown_domain_is_not_found(api):
    answer = api.get("/organization_domains/org_domain_unknown")

    assert answer.status_code == 404
    assert answer.json()["message"] == "Organization Domain not found: 'org_domain_unknown'."


def test_verify_begins_the_proof_anew_with_another_token(api, organization, last_event):
    domain = make_domain(organization)

    answer = api.post(f"/organization_domains/{domain.id}/verify")

    assert answer.status_code == 201
    body = answer.json()
    assert body["state"] == "pending"
    assert body["verification_token"] != domain.verification_token
    event = last_event("organization_domain.updated")
    assert event["data"] == body
    assert event["context"]["previous_attributes"] == {"verification_token": domain.verification_token}


def test_verify_asks_the_dns_at_once(api, organization, handed_out):
    domain = make_domain(organization)
    api.post(f"/organization_domains/{domain.id}/verify")

    assert handed_out == [(CHECK, domain.environment_id, domain.id)]


def test_a_verified_domain_needs_no_proof(api, organization):
    domain = make_domain(organization, state="verified")

    answer = api.post(f"/organization_domains/{domain.id}/verify")

    assert answer.status_code == 400
    assert answer.json() == {"code": "domain_already_verified", "message": "Domain is already verified."}


@pytest.mark.parametrize("prefix", ["verification_token", None])
def test_a_txt_record_with_the_token_verifies_the_domain(organization, dns, last_event, prefix):
    domain = make_domain(organization)
    dns["foo-corp.com"] = [
        "v=spf1 -all",
        f"{prefix or domain.verification_prefix}={domain.verification_token}",
    ]

    domain = check(domain)

    assert (domain.state, domain.verification_strategy) == ("verified", "dns")
    event = last_event("organization_domain.verified")
    assert event["data"]["state"] == "verified"
    assert event["context"]["previous_attributes"] == {"state": "pending"}
    assert event["actor"] == ("system", "system")


def test_a_token_shown_before_still_counts(api, organization, dns):
    domain = make_domain(organization)
    dns["foo-corp.com"] = [f"verification_token={domain.verification_token}"]
    api.post(f"/organization_domains/{domain.id}/verify")
    api.post(f"/organization_domains/{domain.id}/verify")

    assert check(domain).state == "verified"


@pytest.mark.parametrize(
    "record",
    [
        "verification_token=",
        "{token}",
        "verification_token={token}x",
        "xverification_token={token}",
        "={token}",
    ],
)
def test_a_record_that_is_not_the_token_proves_nothing(organization, dns, record):
    domain = make_domain(organization)
    dns["foo-corp.com"] = [record.format(token=domain.verification_token)]

    assert check(domain).state == "pending"


def test_another_claims_token_proves_nothing(environment, organization, dns):
    other = make_domain(make_organization(environment, "Bar"))
    domain = make_domain(organization)
    dns["foo-corp.com"] = [f"verification_token={other.verification_token}"]

    assert check(domain).state == "pending"
    assert check(other).state == "verified"


def test_a_name_server_that_does_not_answer_leaves_the_domain_pending(organization, dns, emitted):
    domain = make_domain(organization)
    dns["foo-corp.com"] = None
    before = emitted()

    assert check(domain).state == "pending"
    assert emitted() == before


def test_a_domain_fails_after_thirty_days_and_can_be_tried_again(api, organization, dns, last_event):
    domain = make_domain(organization)

    with travel(clock.now() + timedelta(days=29, hours=23), tick=False):
        assert check(domain).state == "pending"
    with travel(clock.now() + timedelta(days=30, minutes=1), tick=False):
        assert check(domain).state == "failed"

    event = last_event("organization_domain.verification_failed")
    assert event["data"]["reason"] == "domain_verification_period_expired"
    assert event["data"]["organization_domain"]["id"] == domain.id
    assert event["data"]["organization_domain"]["state"] == "failed"
    listed = api.get("/events", {"organization_id": organization.id, "limit": 100}).json()["data"]
    assert "organization_domain.verification_failed" in [row["event"] for row in listed]
    again = api.post(f"/organization_domains/{domain.id}/verify")
    assert again.json()["state"] == "pending"


def test_a_proof_found_at_the_last_moment_counts(organization, dns):
    domain = make_domain(organization)
    dns["foo-corp.com"] = [f"verification_token={domain.verification_token}"]

    with travel(clock.now() + timedelta(days=31), tick=False):
        assert check(domain).state == "verified"


def test_a_domain_verified_elsewhere_fails_when_it_is_proven_here(environment, organization, dns, last_event):
    domain = make_domain(organization)
    make_domain(make_organization(environment, "First"), state="verified")
    dns["foo-corp.com"] = [f"verification_token={domain.verification_token}"]

    assert check(domain).state == "failed"
    assert (
        last_event("organization_domain.verification_failed")["data"]["reason"]
        == "domain_verified_by_other_organization"
    )


def test_a_domain_verified_in_another_environment_is_no_obstacle(other_environment, organization, dns):
    domain = make_domain(organization)
    make_domain(make_organization(other_environment), state="verified")
    dns["foo-corp.com"] = [f"verification_token={domain.verification_token}"]

    assert check(domain).state == "verified"


def test_a_check_that_runs_twice_tells_of_it_once(organization, dns, emitted):
    domain = make_domain(organization)
    dns["foo-corp.com"] = [f"verification_token={domain.verification_token}"]

    check(domain)
    check(domain)
    # The look-up of a twin that began earlier ends now.
    services.check_domain(domain)

    assert emitted().count("organization_domain.verified") == 1


def test_a_check_of_a_deleted_domain_does_nothing(organization, dns):
    domain = make_domain(organization)
    services.delete_domain(
        domain=OrganizationDomain.objects.in_environment(domain.environment_id).require(domain.id),
        actor=SYSTEM,
    )

    tasks.check_domain(domain.environment_id, domain.id)
    services.check_domain(domain)  # deleted while the DNS was asked


def test_the_sweep_hands_out_what_is_due_and_asks_less_often_with_age(organization, dns, handed_out):
    domain = make_domain(organization)
    make_domain(organization, "verified.com", state="verified")
    start = clock.now()

    def sweep(after):
        handed_out.clear()
        with travel(start + after, tick=False):
            tasks.check_pending_domains()
            for _ in handed_out:
                check(domain)
        return [domain_id for _, _, domain_id in handed_out]

    assert sweep(timedelta(seconds=10)) == []
    assert sweep(timedelta(minutes=2)) == [domain.id]
    assert sweep(timedelta(minutes=2, seconds=30)) == []
    assert sweep(timedelta(minutes=4)) == [domain.id]
    assert sweep(timedelta(hours=2)) == [domain.id]
    assert sweep(timedelta(hours=2, minutes=5)) == []
    assert sweep(timedelta(days=2)) == [domain.id]
    assert sweep(timedelta(days=2, minutes=30)) == []
    assert sweep(timedelta(days=30, minutes=1)) == [domain.id]
    assert sweep(timedelta(days=40)) == []  # it failed


def test_a_check_that_was_lost_is_handed_out_again(organization, handed_out):
    domain = make_domain(organization)
    start = clock.now()

    for minutes in (2, 3, 8):
        with travel(start + timedelta(minutes=minutes), tick=False):
            tasks.check_pending_domains()

    assert handed_out == [(CHECK, organization.environment_id, domain.id)] * 2


def test_a_proven_domain_stays_verified_when_it_is_named_as_pending(api, organization, dns):
    domain = make_domain(organization)
    dns["foo-corp.com"] = [f"verification_token={domain.verification_token}"]
    check(domain)

    body = api.put(
        f"/organizations/{organization.id}", {"domain_data": [{"domain": "foo-corp.com", "state": "pending"}]}
    ).json()

    assert body["domains"][0]["state"] == "verified"


def test_a_domain_taken_at_the_products_word_is_pending_when_the_word_is_withdrawn(
    api, organization, last_event
):
    make_domain(organization, state="verified")

    body = api.put(
        f"/organizations/{organization.id}", {"domain_data": [{"domain": "foo-corp.com", "state": "pending"}]}
    ).json()

    assert body["domains"][0]["state"] == "pending"
    assert body["domains"][0]["verification_token"]
    assert last_event("organization_domain.updated")["context"]["previous_attributes"]["state"] == "verified"


def test_another_environments_domain_and_organization_are_as_unknown_as_none(other_api, organization):
    domain = make_domain(organization)

    for answer in (
        other_api.get(f"/organization_domains/{domain.id}"),
        other_api.delete(f"/organization_domains/{domain.id}"),
        other_api.post(f"/organization_domains/{domain.id}/verify"),
        other_api.post("/organization_domains", {"organization_id": organization.id, "domain": "evil.com"}),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "entity_not_found"
    assert OrganizationDomain.objects.in_environment(organization.environment).count() == 1


def test_a_task_is_given_the_environment_with_the_domain(organization, dns, other_environment):
    domain = make_domain(organization)

    tasks.check_domain(other_environment.id, domain.id)

    assert dns["asked"] == []
