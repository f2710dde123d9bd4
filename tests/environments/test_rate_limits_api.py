import pytest

from environments.api import limits
from foundation.ids import new_secret
from foundation.rate_limits import Limit
from tests.api_client import ApiClient
from tests.factories.environments import make_api_key

PATH = "/user_management/redirect_uris"


@pytest.fixture
def tight(monkeypatch):
    """Limits of the same names that are soon used up; the names keep their keys apart from other tests'."""

    def set_limit(name, amount, seconds=60):
        monkeypatch.setattr(limits, name, Limit(f"{name}-{new_secret()}", amount, seconds))

    return set_limit


@pytest.mark.parametrize(
    ("name", "amount", "seconds"),
    [
        ("PER_IP", 6000, 60),
        ("USER_MANAGEMENT_READS", 1000, 10),
        ("USER_MANAGEMENT_WRITES", 500, 10),
        ("AUTHENTICATE", 10, 60),
        ("ORGANIZATION_DELETIONS", 50, 60),
    ],
)
def test_the_limits_are_those_of_the_reference(name, amount, seconds):
    limit = getattr(limits, name)

    assert (limit.amount, limit.seconds) == (amount, seconds)


def test_every_answer_tells_what_is_left(api, tight):
    tight("USER_MANAGEMENT_READS", 3)

    headers = [api.get(PATH).headers for _ in range(3)]

    assert [h["X-RateLimit-Limit"] for h in headers] == ["3", "3", "3"]
    assert [h["X-RateLimit-Remaining"] for h in headers] == ["2", "1", "0"]
    assert all(0 < int(h["X-RateLimit-Reset"]) <= 120 for h in headers)


def test_one_request_too_many_is_a_429_that_says_when_to_come_back(api, tight):
    tight("USER_MANAGEMENT_WRITES", 2)
    for number in range(2):
        assert api.post(PATH, {"uri": f"https://app.example/{number}"}).status_code == 201

    answer = api.post(PATH, {"uri": "https://app.example/late"})

    assert answer.status_code == 429
    assert answer.json() == {"message": "Too many requests.", "code": "rate_limit_exceeded"}
    assert 1 <= int(answer["Retry-After"]) <= 120
    assert answer["X-RateLimit-Remaining"] == "0"
    assert len(api.get(PATH).json()["data"]) == 3  # reads have a limit of their own


def test_a_limit_per_environment_does_not_touch_the_others(api, other_api, tight):
    tight("USER_MANAGEMENT_READS", 1)
    api.get(PATH)

    assert api.get(PATH).status_code == 429
    assert other_api.get(PATH).status_code == 200


def test_two_keys_of_an_environment_share_its_limit(environment, api, tight):
    tight("USER_MANAGEMENT_READS", 1)
    api.get(PATH)

    assert ApiClient(make_api_key(environment)).get(PATH).status_code == 429


def test_the_limit_per_address_counts_before_the_key_is_looked_at(anonymous, tight):
    tight("PER_IP", 2)

    assert [anonymous.get("/events").status_code for _ in range(3)] == [401, 401, 429]


def test_a_429_is_not_remembered_under_an_idempotency_key(api, tight):
    tight("USER_MANAGEMENT_WRITES", 1)
    headers = {"Idempotency-Key": "k1"}
    body = {"uri": "https://app.example/callback"}
    api.post(PATH, {"uri": "https://app.example/first"})
    assert api.post(PATH, body, headers=headers).status_code == 429
    tight("USER_MANAGEMENT_WRITES", 5)

    assert api.post(PATH, body, headers=headers).status_code == 201


def test_a_limit_is_lifted_when_its_time_has_passed(api, tight, time_machine, settings):
    settings.REDIS_URL = ""  # Redis keeps its own time
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    tight("USER_MANAGEMENT_READS", 1)
    api.get(PATH)
    wait = int(api.get(PATH)["Retry-After"])
    time_machine.shift(wait)

    assert api.get(PATH).status_code == 200


def test_switched_off_limits_are_neither_counted_nor_shown(api, tight, settings):
    settings.RATE_LIMITS_ENABLED = False
    tight("USER_MANAGEMENT_READS", 1)

    answers = [api.get(PATH) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {200}
    assert "X-RateLimit-Limit" not in answers[0].headers


# --- the address ----------------------------------------------------------------------------------------------


def statuses(client, forwarded):
    return [client.get("/events", headers={"X-Forwarded-For": value}).status_code for value in forwarded]


def test_a_client_cannot_change_its_address_where_no_proxy_is_trusted(anonymous, tight):
    tight("PER_IP", 2)

    assert statuses(anonymous, ["1.1.1.1", "2.2.2.2", "3.3.3.3"]) == [401, 401, 429]


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw(anonymous, tight, settings):
    settings.TRUSTED_PROXIES = 1
    tight("PER_IP", 1)

    # What stands before the last entry was sent by the client, who may write anything there.
    assert statuses(anonymous, ["9.9.9.1, 1.1.1.1", "9.9.9.2, 1.1.1.1"]) == [401, 429]
    assert statuses(anonymous, ["1.1.1.1, 2.2.2.2"]) == [401]


def test_behind_two_proxies_the_second_last_entry_counts(anonymous, tight, settings):
    settings.TRUSTED_PROXIES = 2
    tight("PER_IP", 1)

    assert statuses(anonymous, ["9.9.9.9, 1.1.1.1, 10.0.0.1", "8.8.8.8, 1.1.1.1, 10.0.0.2"]) == [401, 429]


@pytest.mark.parametrize("forwarded", ["", "nonsense", "1.1.1.1, nonsense", "<script>", ",,,", "::1%eth0"])
def test_an_address_that_is_none_breaks_nothing(anonymous, settings, forwarded):
    settings.TRUSTED_PROXIES = 1

    assert statuses(anonymous, [forwarded]) == [401]
