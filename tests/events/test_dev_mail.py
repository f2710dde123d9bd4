"""Who may read the kept mail: it holds one-time codes."""

import pytest
from django.test import Client

from environments.models import Environment, OperatorRole
from events.services import queue_mail
from tests.factories.environments import OPERATOR_PASSWORD, make_environment, make_operator


def keep_mail(environment, recipient="ada@example.com"):
    return queue_mail(
        environment=environment,
        kind="magic_auth",
        recipient=recipient,
        sender="Gatehouse <no-reply@gatehouse.test>",
        subject="Your code",
        text="Your code is 123456. https://app.example.com/verify",
        html="<p>Your code is <b>123456</b></p><script>alert(1)</script>",
    )


@pytest.fixture
def mail(environment):
    return keep_mail(environment)


@pytest.fixture
def local():
    return Client(REMOTE_ADDR="127.0.0.1", HTTP_HOST="localhost")


def test_the_developer_at_the_machine_reads_it_without_signing_in(local, mail):
    listed = local.get("/dev/mail")
    message = local.get(f"/dev/mail/{mail.pk}")

    assert "ada@example.com" in listed.content.decode()
    assert "Your code is 123456" in message.content.decode()
    assert message.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "browser",
    [
        {"REMOTE_ADDR": "192.0.2.9", "HTTP_HOST": "localhost"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "gatehouse.example.com"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost", "HTTP_X_FORWARDED_FOR": "192.0.2.9"},
        {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost", "HTTP_FORWARDED": "for=192.0.2.9"},
        {"REMOTE_ADDR": "", "HTTP_HOST": "localhost"},
    ],
    ids=["another machine", "another name", "a proxy", "a modern proxy", "no address"],
)
def test_nobody_else_reads_it_without_signing_in(browser, mail, settings):
    settings.ALLOWED_HOSTS = ["localhost", "gatehouse.example.com"]
    for path in ("/dev/mail", f"/dev/mail/{mail.pk}", f"/dev/mail/{mail.pk}/html"):
        answer = Client(**browser).get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/admin/login/?next=")


def test_a_server_that_listens_to_the_network_asks_everybody_to_sign_in(local, mail, settings):
    settings.BIND = "0.0.0.0"

    assert local.get("/dev/mail").status_code == 302


def test_a_signed_in_operator_reads_the_mail_of_the_environments_that_were_given(environment, mail, settings):
    settings.BIND = "0.0.0.0"
    foreign = keep_mail(make_environment("Another"), "grace@example.com")
    operator = make_operator("viewer@gatehouse.test", OperatorRole.VIEWER, [environment])
    client = Client()
    client.post("/admin/login/", {"username": operator.email, "password": OPERATOR_PASSWORD})

    listed = client.get("/dev/mail").content.decode()

    assert "ada@example.com" in listed
    assert "grace@example.com" not in listed
    assert client.get(f"/dev/mail/{mail.pk}").status_code == 200
    assert client.get(f"/dev/mail/{foreign.pk}").status_code == 404
    assert client.get(f"/dev/mail/{foreign.pk}/html").status_code == 404


@pytest.mark.parametrize("change", [{"PRODUCTION": True}, {"MAIL_IS_DELIVERED": True}])
def test_it_does_not_exist_in_production_or_where_mail_is_sent(local, mail, settings, change):
    for name, value in change.items():
        setattr(settings, name, value)
    extra = {"secure": True} if "PRODUCTION" in change else {}

    assert local.get("/dev/mail", **extra).status_code == 404
    assert local.get(f"/dev/mail/{mail.pk}", **extra).status_code == 404


def test_the_mail_of_a_production_environment_is_not_there(local, mail, environment):
    Environment.objects.filter(pk=environment.pk).update(kind="production")

    assert "ada@example.com" not in local.get("/dev/mail").content.decode()
    assert local.get(f"/dev/mail/{mail.pk}").status_code == 404


def test_the_html_of_a_message_can_run_nothing_and_load_nothing(local, mail):
    page, frame = local.get(f"/dev/mail/{mail.pk}"), local.get(f"/dev/mail/{mail.pk}/html")
    policy = frame.headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy + page.content.decode()
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert "<script>alert" not in page.content.decode()


def test_mail_is_found_by_its_recipient(local, environment, mail):
    keep_mail(environment, "grace@example.com")

    found = local.get("/dev/mail", {"to": "GRACE"}).content.decode()

    assert "grace@example.com" in found
    assert "ada@example.com" not in found


def test_an_unknown_message_is_not_found(local, environment):
    assert local.get("/dev/mail/mail_nothing").status_code == 404


def test_the_first_page_of_the_server_leads_on(local, db):
    page = local.get("/").content.decode()

    assert 'href="/docs"' in page
    assert 'href="/admin/"' in page
    assert 'href="/dev/mail"' in page
