import re
from datetime import timedelta

import pytest
import time_machine

from authentication.models import DeviceAuthorization, HostedSession, Session
from foundation import clock
from tests.api_client import new_address
from tests.authentication.browser import query_of
from tests.authentication.pages.conftest import PageBrowser
from tests.authenticator import code_of
from tests.factories.accounts import PASSWORD, make_totp_factor
from tests.factories.organizations import make_membership, make_organization


def ask(client, **headers):
    answer = client.http.post(
        "/user_management/authorize/device", {"client_id": client.environment.client_id}, headers=headers
    )
    assert answer.status_code == 200, answer.content
    return answer.json()


def poll(client, codes):
    return client.authenticate(
        "urn:ietf:params:oauth:grant-type:device_code", device_code=codes["device_code"]
    )


@pytest.fixture
def browser(environment):
    # Where codes are typed they are counted by address alone.
    return PageBrowser(environment, new_address())


@pytest.fixture
def other_browser(environment):
    return PageBrowser(environment, new_address())


@pytest.fixture
def codes(public_client):
    return ask(public_client, **{"User-Agent": "tv-app/2.1 (living room)"})


def connect(browser, codes):
    """Go as far as the page that asks for a yes."""
    browser.open("/device")
    browser.submit(user_code=codes["user_code"])
    browser.sign_in()
    assert browser.path == "/device/confirm", browser.text


def test_a_person_allows_a_device_and_it_is_signed_in(browser, ada, codes, public_client):
    connect(browser, codes)
    assert codes["user_code"] in browser.text
    assert "tv-app/2.1 (living room)" in browser.text
    assert "Acme sandbox" in browser.text
    assert "ada@example.com" in browser.text
    assert poll(public_client, codes).json()["error"] == "authorization_pending"

    browser.submit(answer="allow")

    assert "Your device is allowed" in browser.text
    with time_machine.travel(clock.now() + timedelta(seconds=6)):
        answer = poll(public_client, codes)
    assert answer.status_code == 200, answer.content
    assert answer.json()["user"]["id"] == ada.id
    assert Session.objects.in_environment(public_client.environment).get().authentication_method == "Password"


def test_a_code_that_comes_with_the_address_is_confirmed_by_a_press_all_the_same(browser, ada, codes):
    browser.open(codes["verification_uri_complete"].replace("http://localhost:8000", ""))

    assert browser.path == "/device"
    assert f'value="{codes["user_code"]}"' in browser.text
    assert "Did somebody send you this code?" in browser.text


def test_looking_at_the_page_tells_nobody_whether_a_code_is_right(browser, other_browser, codes):
    pages = []
    for visitor, code in ((browser, codes["user_code"]), (other_browser, "BBBB-BBBB")):
        visitor.open("/device", {"user_code": code})
        pages.append(re.sub(r'value="[^"]*"|user_code=[A-Z-]+', "", visitor.text))

    assert pages[0] == pages[1]


def test_a_browser_that_is_signed_in_is_asked_for_its_yes_and_nothing_else(
    browser, ada, codes, public_client
):
    browser.authorize()
    browser.sign_in()

    browser.open("/device")
    browser.submit(user_code=codes["user_code"].lower().replace("-", " "))

    assert browser.path == "/device/confirm"
    browser.submit(answer="allow")
    assert poll(public_client, codes).status_code == 200
    assert HostedSession.objects.in_environment(public_client.environment).count() == 1


def test_somebody_else_can_take_over_at_the_last_page(browser, ada, codes):
    browser.authorize()
    browser.sign_in()
    browser.open("/device")
    browser.submit(user_code=codes["user_code"])

    browser.open(browser.find(r'href="(/sign-in\?[^"]*account=other)"'))

    assert browser.path == "/sign-in"


def test_the_sign_in_for_a_device_goes_through_every_step(browser, ada, codes, public_client, environment):
    factor = make_totp_factor(ada)
    make_membership(make_organization(environment, "Foo Corp"), ada)
    wanted = make_organization(environment, "Bar Corp")
    make_membership(wanted, ada)
    browser.open("/device")
    browser.submit(user_code=codes["user_code"])
    query = browser.url.partition("?")[2]
    browser.sign_in()
    assert browser.path == "/sign-in/organization"
    browser.open(f"/device/confirm?{query}")
    assert browser.path == "/sign-in/organization"
    browser.submit(organization_id=wanted.id)
    assert browser.path == "/sign-in/second-factor"
    browser.open(f"/device/confirm?{query}")
    assert browser.path == "/sign-in/second-factor"
    browser.submit(code=code_of(factor.totp_secret))

    browser.submit(answer="allow")

    assert poll(public_client, codes).json()["organization_id"] == wanted.id


def test_a_device_that_is_denied_is_told(browser, ada, codes, public_client):
    connect(browser, codes)

    browser.submit(answer="deny")

    assert "The device was not allowed" in browser.text
    assert poll(public_client, codes).json()["error"] == "access_denied"


@pytest.mark.parametrize("answer", ["", "ALLOW", "yes"])
def test_only_the_button_that_allows_allows(browser, ada, codes, public_client, answer):
    connect(browser, codes)

    browser.submit(answer=answer)

    assert poll(public_client, codes).json()["error"] == "access_denied"


def test_wrong_expired_answered_and_foreign_codes_read_alike(browser, ada, codes, public_client):
    connect(browser, codes)
    browser.submit(answer="deny")
    texts = set()
    for code in (codes["user_code"], "BBBB-BBBB", "nonsense"):
        browser.open("/device")
        assert browser.submit(user_code=code).status_code == 422
        texts.add(browser.find(r'id="id_user_code_error">.*?</svg>([^<]+)'))

    late = ask(public_client)
    with time_machine.travel(clock.now() + timedelta(minutes=6)):
        browser.open("/device")
        assert browser.submit(user_code=late["user_code"]).status_code == 422
        texts.add(browser.find(r'id="id_user_code_error">.*?</svg>([^<]+)'))
    assert len(texts) == 1


def test_a_code_that_ran_out_on_the_way_says_so_and_allows_nothing(browser, ada, codes, public_client):
    with time_machine.travel(clock.now(), tick=False) as time:
        connect(browser, codes)
        time.shift(timedelta(minutes=5, seconds=1))

        assert browser.submit(answer="allow").status_code == 410

        assert "get a new code there" in browser.text
        assert poll(public_client, codes).json()["error"] == "expired_token"


def test_the_yes_that_is_sent_twice_counts_once(browser, ada, codes, public_client):
    connect(browser, codes)
    url, token = browser.url, browser.http.cookies["csrftoken"].value
    browser.submit(answer="allow")

    again = browser.http.post(url, {"answer": "allow", "csrfmiddlewaretoken": token})

    assert (again.status_code, again.headers["Location"].partition("?")[0]) == (303, "/device/done")
    assert poll(public_client, codes).status_code == 200


def test_going_back_after_the_device_is_in_changes_nothing(browser, ada, codes, public_client):
    connect(browser, codes)
    confirm = browser.url
    browser.submit(answer="allow")
    assert poll(public_client, codes).status_code == 200

    assert browser.open(confirm).status_code == 410

    assert "It was answered already" in browser.text
    assert Session.objects.in_environment(public_client.environment).count() == 1


def test_another_browser_cannot_say_yes_in_the_place_of_the_one_that_signed_in(
    browser, other_browser, ada, codes, public_client
):
    connect(browser, codes)

    other_browser.open(browser.url)

    assert other_browser.path == "/sign-in"
    assert poll(public_client, codes).json()["error"] == "authorization_pending"


def test_another_site_cannot_press_the_button(browser, ada, codes, public_client):
    connect(browser, codes)

    answer = browser.http.post(browser.url, {"answer": "allow"})

    assert answer.status_code == 403
    assert poll(public_client, codes).json()["error"] == "authorization_pending"


@pytest.mark.parametrize("path", ["/device", "/device/confirm"])
def test_the_pages_are_framed_by_nobody_and_kept_by_no_cache(browser, ada, codes, path):
    connect(browser, codes)
    if path == "/device":
        browser.open(path)

    headers = browser.answer.headers
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"


def test_the_guesser_is_stopped_and_the_person_elsewhere_is_not(browser, environment, codes, ada):
    guesser = PageBrowser(environment, new_address())
    guesser.open("/device")
    token = guesser.http.cookies["csrftoken"].value
    fields = {"user_code": "BBBB-BBBB", "csrfmiddlewaretoken": token}
    answers = [guesser.http.post("/device", fields).status_code for _number in range(11)]
    assert answers == [422] * 10 + [429]
    # Even with the right one: otherwise the limit would tell which one that is.
    assert guesser.http.post("/device", {**fields, "user_code": codes["user_code"]}).status_code == 429

    connect(browser, codes)


def test_the_sign_in_for_a_device_gives_no_code_to_an_application(browser, ada, codes, environment):
    browser.open("/device")
    browser.submit(user_code=codes["user_code"])
    query = query_of(browser.url)
    browser.sign_in()

    browser.open(f"/sign-in/continue?request={query['request']}")

    assert browser.path == "/device/confirm"
    assert not DeviceAuthorization.objects.in_environment(environment).filter(attempt__isnull=False).exists()


def test_a_sign_in_for_an_application_says_yes_to_no_device(browser, ada):
    browser.authorize()
    query = browser.url.partition("?")[2]

    for page in ("confirm", "done"):
        assert browser.open(f"/device/{page}?{query}").status_code == 404


def test_somebody_of_another_environment_cannot_sign_in_for_the_device(browser, ada, other_client):
    foreign = ask(other_client)
    browser.authorize()
    browser.sign_in()

    browser.open("/device")
    browser.submit(user_code=foreign["user_code"])

    assert browser.path == "/sign-in"
    assert browser.sign_in(password=PASSWORD).status_code == 422
