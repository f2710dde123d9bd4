"""Whoever signs in from somewhere new is written to; whoever comes back is not."""

import pytest

from authentication.models import KnownDevice
from authentication.services import purge_sign_ins
from authentication.services.known_devices import MOST_KNOWN_DEVICES
from environments.services import update_authentication_settings, update_mail_settings
from events.models import Mail
from tests.authentication.pages.conftest import PageBrowser
from tests.factories.accounts import PASSWORD, make_user
from tests.mail_server import parts_of
from tests.places_file import write_places_file

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)


def notices(environment):
    return list(Mail.objects.in_environment(environment).filter(kind="new_device").order_by("id"))


def sign_in(browser, client, email="ada@example.com"):
    browser.authorize(prompt="login")
    browser.sign_in(email)
    answer = client.authenticate("authorization_code", code=browser.code)
    assert answer.status_code == 200, answer.content


def test_a_second_browser_is_told_of_and_the_first_and_known_ones_are_not(
    browser, other_browser, ada, client, environment
):
    sign_in(browser, client)
    sign_in(browser, client)
    assert notices(environment) == []

    sign_in(other_browser, client)
    [mail] = notices(environment)
    assert mail.recipient == "ada@example.com"
    assert "203.0.113.99" in mail.text

    sign_in(other_browser, client)
    sign_in(browser, client)
    assert len(notices(environment)) == 1


@pytest.fixture
def places(settings, tmp_path):
    munich = {"city": {"names": {"en": "Munich", "de": "München"}}, "country": "Germany"}
    settings.GEOIP_FILE = str(write_places_file(tmp_path / "places.mmdb", {"203.0.113.0/24": munich}))


@pytest.mark.usefixtures("places")
def test_the_mail_says_when_with_what_from_which_address_and_place(
    browser, environment, client, post, time_machine
):
    make_user(environment, email="ada@example.com", password=PASSWORD, email_verified=True, locale="de")
    sign_in(browser, client)
    time_machine.move_to("2026-11-23T08:15:00Z", tick=False)
    phone = PageBrowser(environment, "203.0.113.99")
    phone.http.defaults["HTTP_USER_AGENT"] = IPHONE
    sign_in(phone, client)

    text, html = parts_of(post.newest())
    for part in (text, html):
        assert "Safari" in part
        assert "iOS" in part
        assert "203.0.113.99" in part
        assert "München, Germany" in part
        assert "8:15" in part
        assert "UTC" in part
        assert f"http://localhost:8000/account?client_id={environment.client_id}" in part


def test_without_a_file_of_places_the_mail_names_none(browser, other_browser, ada, client, environment):
    sign_in(browser, client)
    sign_in(other_browser, client)

    [mail] = notices(environment)
    assert "Place" not in mail.text
    assert "Device" in mail.text


def test_who_sends_no_cookie_is_new_each_time(browser, ada, client, environment):
    sign_in(browser, client)
    for count in (1, 2):
        thief = PageBrowser(environment, "203.0.113.66")
        thief.authorize(prompt="login")
        thief.submit(email="ada@example.com")
        del thief.http.cookies["gatehouse_browser"]
        thief.submit(password=PASSWORD)
        client.authenticate("authorization_code", code=thief.code)
        assert len(notices(environment)) == count


def test_a_sign_in_that_fails_at_a_later_step_makes_no_device_known(
    browser, other_browser, environment, client, ada
):
    sign_in(browser, client)
    other_browser.authorize()
    other_browser.submit(email="ada@example.com")
    other_browser.submit(password="wrong password 123")

    assert KnownDevice.objects.in_environment(environment).count() == 1
    sign_in(other_browser, client)
    assert len(notices(environment)) == 1


def test_a_shared_browser_is_new_for_each_of_its_users(browser, other_browser, ada, client, environment):
    make_user(environment, email="eve@example.com", password=PASSWORD, email_verified=True)
    sign_in(browser, client)
    sign_in(other_browser, client, "eve@example.com")
    other_browser.http.cookies["gatehouse_browser"] = browser.http.cookies["gatehouse_browser"].value

    sign_in(other_browser, client, "eve@example.com")

    assert [mail.recipient for mail in notices(environment)] == ["eve@example.com"]
    digests = KnownDevice.objects.in_environment(environment).values_list("digest", flat=True)
    assert len(set(digests)) == 3


def test_the_cookie_is_out_of_reach_of_scripts_and_opens_nothing(browser, ada, client, environment):
    sign_in(browser, client)
    cookie = browser.http.cookies["gatehouse_browser"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie.value not in str(list(KnownDevice.objects.in_environment(environment).values()))

    stranger = PageBrowser(environment)
    stranger.http.cookies["gatehouse_browser"] = cookie.value
    stranger.authorize()
    assert stranger.path == "/sign-in"
    assert 'name="email"' in stranger.text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, False),
        ({"user_agent": WINDOWS.format("126.0.1.2")}, False),
        ({"ip_address": "203.0.7.250"}, False),
        ({"ip_address": "198.51.100.4"}, True),
        ({"user_agent": IPHONE}, True),
        ({"ip_address": "2001:db8::1"}, True),
        ({"ip_address": None, "user_agent": None}, False),
    ],
)
def test_over_the_api_another_program_or_network_is_new_and_an_update_or_the_next_address_is_not(
    ada, client, environment, changes, told
):
    first = {"user_agent": WINDOWS.format("125.0.0.0"), "ip_address": "203.0.113.7"}
    client.sign_in("ada@example.com", **first)
    fields = {name: value for name, value in (first | changes).items() if value is not None}

    client.sign_in("ada@example.com", **fields)

    assert bool(notices(environment)) is told


def test_an_address_that_nobody_proved_is_not_written_to(client, environment):
    update_authentication_settings(environment=environment, changes={"email_verification_required": False})
    make_user(environment, email="eve@example.com", password=PASSWORD)
    for address in ("203.0.113.7", "198.51.100.4"):
        client.sign_in("eve@example.com", user_agent="Test", ip_address=address)

    assert notices(environment) == []


def test_a_user_has_a_bounded_number_of_known_devices_and_the_longest_unseen_goes(
    ada, client, environment, time_machine, settings
):
    # Redis counts by its own clock.
    settings.RATE_LIMITS_ENABLED = False
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    for number in range(MOST_KNOWN_DEVICES + 3):
        client.sign_in("ada@example.com", user_agent="Test", ip_address=f"10.{number}.0.1")
        time_machine.shift(60)
    assert KnownDevice.objects.in_environment(environment).count() == MOST_KNOWN_DEVICES
    told = len(notices(environment))

    client.sign_in("ada@example.com", user_agent="Test", ip_address=f"10.{MOST_KNOWN_DEVICES}.0.1")
    assert len(notices(environment)) == told
    client.sign_in("ada@example.com", user_agent="Test", ip_address="10.0.0.1")
    assert len(notices(environment)) == told + 1


def test_a_device_that_was_not_seen_for_a_year_is_forgotten(ada, client, environment, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    client.sign_in("ada@example.com", user_agent="Test", ip_address="10.0.0.1")
    client.sign_in("ada@example.com", user_agent="Test", ip_address="10.1.0.1")
    time_machine.shift(300 * 24 * 3600)
    client.sign_in("ada@example.com", user_agent="Test", ip_address="10.1.0.1")
    time_machine.shift(70 * 24 * 3600)

    purge_sign_ins()

    assert KnownDevice.objects.in_environment(environment).count() == 1


def test_an_application_that_writes_itself_is_not_forestalled(ada, client, environment):
    update_mail_settings(environment=environment, changes={"kinds_left_to_application": ["new_device"]})
    for address in ("203.0.113.7", "198.51.100.4"):
        client.sign_in("ada@example.com", user_agent="Test", ip_address=address)

    assert notices(environment) == []
