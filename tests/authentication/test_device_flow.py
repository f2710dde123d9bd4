import re
from datetime import timedelta

import pytest
import time_machine

from authentication import services
from authentication.errors import InvalidPendingAuthenticationToken, UserCodeInvalid
from authentication.models import DeviceAuthorization, Session
from authentication.services import Authenticated, Origin
from foundation import clock
from foundation.actors import SYSTEM
from foundation.errors import RateLimited
from tests.api_client import new_address
from tests.factories.accounts import PASSWORD
from tests.factories.organizations import make_membership, make_organization

PATH = "/user_management/authorize/device"
ADDRESS = "203.0.113.7"


def ask(client):
    answer = client.http.post(PATH, {"client_id": client.environment.client_id})
    assert answer.status_code == 200, answer.content
    return answer.json()


def poll(client, codes):
    return client.authenticate(
        "urn:ietf:params:oauth:grant-type:device_code", device_code=codes["device_code"]
    )


def page_sign_in(environment):
    outcome = services.sign_in_with_password(
        environment=environment,
        actor=SYSTEM,
        origin=Origin.of_page(ADDRESS, "Mozilla/5.0"),
        email="ada@example.com",
        password=PASSWORD,
    )
    assert isinstance(outcome, Authenticated)
    return outcome.pending_authentication_token


def waiting(codes, address=None):
    return services.require_waiting_device(user_code=codes["user_code"], ip_address=address or new_address())


def approve(environment, codes):
    services.approve_device(device=waiting(codes), pending_authentication_token=page_sign_in(environment))


def test_a_device_is_told_what_to_show(public_client, settings):
    codes = ask(public_client)

    assert len(codes["device_code"]) == 64
    assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", codes["user_code"])
    page = f"{settings.BASE_URL}/device"
    assert codes["verification_uri"] == page
    assert codes["verification_uri_complete"] == f"{page}?user_code={codes['user_code']}"
    assert (codes["expires_in"], codes["interval"]) == (300, 5)
    row = DeviceAuthorization.objects.in_environment(public_client.environment).get()
    assert codes["device_code"] not in str(vars(row))
    assert codes["user_code"] not in str(vars(row))


def test_a_form_does_as_well(public_client):
    answer = public_client.http.post(PATH, form=f"client_id={public_client.environment.client_id}")

    assert answer.status_code == 200


def test_an_unknown_client_gets_no_codes(anonymous):
    answer = anonymous.post(PATH, {"client_id": "client_unknown"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")
    assert anonymous.post(PATH, {}).json()["errors"][0]["code"] == "client_id_string_required"


def test_a_device_gets_its_tokens_once_its_person_said_yes(public_client, environment, user):
    with time_machine.travel(clock.now(), tick=False) as time:
        codes = ask(public_client)
        assert poll(public_client, codes).json()["error"] == "authorization_pending"
        approve(environment, codes)
        time.shift(6)

        answer = poll(public_client, codes)

        assert answer.status_code == 200, answer.content
        body = answer.json()
        assert body["user"]["id"] == user.id
        assert body["authentication_method"] == "Password"
        assert public_client.refresh(body["refresh_token"]).status_code == 200
        time.shift(6)
        again = poll(public_client, codes)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert Session.objects.in_environment(environment).count() == 1


def test_a_device_that_asks_too_often_waits_longer_each_time(public_client):
    with time_machine.travel(clock.now(), tick=False) as time:
        codes = ask(public_client)
        errors = [poll(public_client, codes).json()["error"]]
        for seconds in (4, 9, 15, 14):
            time.shift(seconds)
            errors.append(poll(public_client, codes).json()["error"])

    assert errors == [
        "authorization_pending",
        "slow_down",  # 4 s of 5
        "slow_down",  # 9 s of 10
        "authorization_pending",  # 15 s of 15
        "slow_down",  # 14 s of 15
    ]


def test_a_person_may_say_no(public_client, environment, user):
    codes = ask(public_client)
    device = waiting(codes)
    services.deny_device(device=device)

    answer = poll(public_client, codes)

    assert (answer.status_code, answer.json()["error"]) == (400, "access_denied")
    with pytest.raises(UserCodeInvalid):
        services.approve_device(device=device, pending_authentication_token=page_sign_in(environment))


def test_codes_live_five_minutes(public_client, environment, user):
    codes = ask(public_client)
    approve(environment, codes)
    other = ask(public_client)
    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=1)):
        for each in (codes, other):
            assert poll(public_client, each).json()["error"] == "expired_token"
        with pytest.raises(UserCodeInvalid):
            waiting(other)


def test_a_device_of_one_client_is_nothing_to_another(public_client, other_client, environment, user):
    codes = ask(public_client)
    approve(environment, codes)

    assert poll(other_client, codes).json()["error"] == "invalid_grant"
    assert poll(public_client, codes).status_code == 200


def test_somebody_of_another_environment_cannot_say_yes(public_client, other_environment, other_client):
    codes = ask(other_client)

    with pytest.raises(InvalidPendingAuthenticationToken):
        services.approve_device(device=waiting(codes), pending_authentication_token="unknown")
    assert poll(public_client, codes).json()["error"] == "invalid_grant"


def test_a_code_is_found_as_people_type_it(public_client):
    typed = ask(public_client)["user_code"].lower().replace("-", " ")

    device = services.require_waiting_device(user_code=f" {typed} ", ip_address=new_address())

    assert device.environment == public_client.environment


def test_user_codes_are_not_guessed_at_for_long(public_client):
    codes, address = ask(public_client), new_address()
    for _ in range(10):
        with pytest.raises(UserCodeInvalid):
            waiting({"user_code": "BBBB-BBBB"}, address)

    with pytest.raises(RateLimited):
        waiting(codes, address)
    assert waiting(codes)


def test_an_office_behind_one_address_connects_many_devices_but_not_any_number(public_client):
    codes, address = ask(public_client), new_address()
    for _ in range(30):
        assert waiting(codes, address)

    with pytest.raises(RateLimited):
        waiting(codes, address)


def test_a_step_that_is_missing_is_told_to_the_device(public_client, client, environment, user):
    codes = ask(public_client)
    approve(environment, codes)
    organizations = [make_organization(environment, name=name) for name in ("Foo", "Bar")]
    for organization in organizations:
        make_membership(organization, user)

    asked = poll(public_client, codes)

    assert asked.json()["code"] == "organization_selection_required"
    done = client.select(asked.json()["pending_authentication_token"], organizations[0].id)
    assert done.status_code == 200


def test_a_password_that_changes_makes_the_yes_void(public_client, environment, user, api):
    codes = ask(public_client)
    approve(environment, codes)
    api.put(f"/user_management/users/{user.id}", {"password": "another long passphrase 7"})

    assert poll(public_client, codes).json()["error"] == "invalid_grant"
