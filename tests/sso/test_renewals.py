"""What staff hear of certificates that end: one mail to each operator for all that are due, and a warning in the admin."""

from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from environments.models import OperatorRole
from environments.services import update_operator
from events.models import Event, Mail
from foundation import clock
from foundation.actors import SYSTEM
from sso import services
from sso.models import IdPCertificate
from tests.factories.environments import make_environment, make_operator
from tests.factories.organizations import make_organization
from tests.factories.sso import make_idp_certificate, make_saml_connection

RENEWAL = "connection.saml_certificate_renewal_required"


@pytest.fixture
def owner(db):
    return make_operator("owner@gatehouse.test")


def connection_that_ends(environment, name, days):
    """Return a connection that people use and whose certificate ends in some days."""
    connection = make_saml_connection(make_organization(environment, name), name=f"Okta of {name}")
    services.activate_connection(connection=connection, actor=SYSTEM)
    ends = clock.now() + timedelta(days=days, hours=1)
    IdPCertificate.unscoped.filter(connection=connection).update(not_after=ends)
    return connection


def test_a_mail_names_what_ends_and_leads_to_it(environment, owner, post, settings):
    settings.BASE_URL = "https://auth.example.com"
    connection = connection_that_ends(environment, "Foo Corp", 12)

    assert services.announce_renewals() == 1

    (message,) = post.messages()
    assert message["To"] == "owner@gatehouse.test"
    assert message["From"] == settings.MAIL_FROM
    row = IdPCertificate.unscoped.get()
    assert message["Subject"] == (
        f"A certificate of Foo Corp ends on {row.not_after:%Y-%m-%d} ({environment.name})"
    )
    pairs = ":".join(row.fingerprint[start : start + 2].upper() for start in range(0, 64, 2))
    page = f"https://auth.example.com/admin/sso/connection/{connection.pk}/change/"
    for kind in ("plain", "html"):
        text = message.get_body((kind,)).get_content()
        for told in ("Foo Corp", "Okta of Foo Corp", pairs, f"{row.not_after:%Y-%m-%d %H:%M} UTC", page):
            assert told in text
        assert "IT admin for the new certificate" in text
    assert ", in 12 days" in message.get_body(("plain",)).get_content()


def test_the_link_of_the_mail_opens_the_connection(environment, owner, client):
    connection = connection_that_ends(environment, "Foo Corp", 12)
    services.announce_renewals()
    text = Mail.objects.in_environment(environment).get().text
    path = next(line for line in text.split() if line.startswith("http")).split("/", 3)[3]

    client.force_login(owner)
    assert connection.name in client.get(f"/{path}").content.decode()


def test_ten_connections_make_one_mail_and_ten_events(environment, owner):
    for number in range(9):
        connection_that_ends(environment, f"Customer {number}", 5 + number)
    connection_that_ends(environment, "Customer 9", -2)

    assert services.announce_renewals() == 10

    mail = Mail.objects.in_environment(environment).get()
    assert mail.subject == f"10 certificates of connections need a successor ({environment.name})"
    assert all(f"Customer {number}: Okta" in mail.text for number in range(10))
    assert mail.text.index("Customer 9:") < mail.text.index("Customer 0:")
    assert "Ended on" in mail.text
    assert Event.objects.in_environment(environment).filter(name=RENEWAL).count() == 10


def test_nobody_hears_twice_before_a_week_is_over(environment, owner, time_machine):
    time_machine.move_to(clock.now(), tick=False)
    connection_that_ends(environment, "Foo Corp", 12)
    services.announce_renewals()
    services.announce_renewals()
    assert Mail.objects.in_environment(environment).count() == 1

    time_machine.shift(timedelta(days=7))
    services.announce_renewals()
    assert Mail.objects.in_environment(environment).count() == 2


def test_a_certificate_with_a_successor_is_nobodys_concern(environment, owner):
    connection = connection_that_ends(environment, "Foo Corp", 12)
    services.add_idp_certificate(connection=connection, actor=SYSTEM, certificate=make_idp_certificate())

    assert services.announce_renewals() == 0
    assert not Mail.objects.in_environment(environment).exists()


def test_a_connection_that_nobody_uses_is_nobodys_concern(environment, owner):
    connection = connection_that_ends(environment, "Foo Corp", 12)
    services.update_connection(connection=connection, actor=SYSTEM, changes={"is_enabled": False})

    assert services.announce_renewals() == 0
    assert not Mail.objects.in_environment(environment).exists()


def test_owners_and_admins_of_the_environment_hear_and_nobody_else(environment, owner):
    another = make_environment("Another")
    make_operator("admin@gatehouse.test", OperatorRole.ADMIN, [environment, another])
    make_operator("stranger@gatehouse.test", OperatorRole.ADMIN, [another])
    make_operator("viewer@gatehouse.test", OperatorRole.VIEWER, [environment])
    update_operator(
        make_operator("left@gatehouse.test", OperatorRole.ADMIN, [environment]), {"is_active": False}
    )
    update_operator(make_operator("quiet@gatehouse.test", OperatorRole.OWNER), {"receives_notices": False})
    connection_that_ends(environment, "Foo Corp", 12)

    services.announce_renewals()

    recipients = Mail.objects.in_environment(environment).values_list("recipient", flat=True)
    assert sorted(recipients) == ["admin@gatehouse.test", "owner@gatehouse.test"]
    assert not Mail.objects.in_environment(another).exists()


def test_environments_are_told_apart(environment, other_environment, owner):
    connection_that_ends(environment, "Foo Corp", 12)
    connection_that_ends(other_environment, "Bar Corp", 12)

    assert services.announce_renewals() == 2

    mail = Mail.objects.in_environment(environment).get()
    assert "Foo Corp" in mail.text
    assert "Bar Corp" not in mail.text


def test_staff_hear_though_the_application_writes_to_its_users_itself(environment, owner):
    settings_row = environment.mail_settings
    settings_row.is_sent_by_gatehouse = False
    settings_row.save()
    connection_that_ends(environment, "Foo Corp", 12)

    services.announce_renewals()

    assert Mail.objects.in_environment(environment).count() == 1


def test_a_name_with_markup_stays_a_name(environment, owner):
    connection_that_ends(environment, "<b>Foo</b>\nBcc: x@evil.test", 12)
    services.announce_renewals()

    mail = Mail.objects.in_environment(environment).get()
    assert "\n" not in mail.subject
    assert "<b>Foo" not in mail.html
    assert "&lt;b&gt;Foo" in mail.html


def test_a_name_of_several_lines_writes_no_lines_of_its_own(environment, owner):
    connection_that_ends(environment, "Foo\n\nWhat to do: visit\u2028evil.test", 12)
    services.announce_renewals()

    mail = Mail.objects.in_environment(environment).get()
    assert "Foo What to do: visit evil.test: Okta of Foo What to do: visit evil.test\n" in mail.text
    assert [line for line in mail.text.splitlines() if line.startswith("What to do: visit")] == []


def test_mail_and_event_are_undone_together(environment, owner, monkeypatch):
    connection_that_ends(environment, "Foo Corp", 12)

    def fail(*_arguments):
        raise RuntimeError

    monkeypatch.setattr("sso.services.upkeep.mail_renewals", fail)
    with pytest.raises(RuntimeError):
        services.announce_renewals()

    assert IdPCertificate.unscoped.get().renewal_announced_at is None
    assert not Event.objects.in_environment(environment).filter(name=RENEWAL).exists()


def test_the_admin_warns_on_its_first_page_and_in_the_list(environment, owner, client):
    connection_that_ends(environment, "Safe Corp", 300)
    client.force_login(owner)
    assert "Certificates to renew" not in client.get("/admin/").content.decode()

    connection_that_ends(environment, "Foo Corp", 12)
    page = client.get("/admin/").content.decode()
    assert "Certificates to renew" in page
    assert 'href="/admin/sso/connection/?certificates=ending"' in page
    ended = connection_that_ends(environment, "Late Corp", -3)
    assert "1 ended already" in client.get("/admin/").content.decode()

    rows = client.get("/admin/sso/connection/?certificates=ending").content.decode()
    assert "Okta of Foo Corp" in rows
    assert "Safe Corp" not in rows
    assert f"ended {ended.idp_certificates.get().not_after:%Y-%m-%d}" in rows


def test_the_list_asks_as_little_for_many_connections(environment, owner, client):
    client.force_login(owner)
    counts = []
    for number in range(3):
        connection_that_ends(environment, f"Customer {number}", 12)
        with CaptureQueriesContext(connections["default"]) as queries:
            assert client.get("/admin/sso/connection/").status_code == 200
        counts.append(len(queries))
    assert counts[1] == counts[2]
