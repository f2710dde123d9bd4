import json

import pytest

from environments import services
from environments.models import CORSOrigin, IdempotentRequest
from foundation.ids import new_secret
from tests.api_client import ApiClient
from tests.factories.environments import make_api_key

pytestmark = pytest.mark.urls("tests.environments.probe_urls")

DAY = 24 * 3600


def once(api, key, path="/probe/counted", body=None, **options):
    return api.post(path, body, headers={"Idempotency-Key": key}, **options)


def rows(environment):
    return CORSOrigin.objects.in_environment(environment).count()


def test_a_repeat_gets_the_first_answer_and_does_nothing(api, environment):
    first = once(api, "k1")
    again = once(api, "k1")

    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert again["Content-Type"] == first["Content-Type"]
    assert rows(environment) == 1


def test_each_answer_to_a_repeat_has_its_own_request_id(api):
    assert once(api, "k1")["X-Request-ID"] != once(api, "k1")["X-Request-ID"]


def test_without_a_key_every_request_counts(api, environment):
    api.post("/probe/counted")
    api.post("/probe/counted")
    once(api, "")
    once(api, "")

    assert rows(environment) == 4


def test_an_answer_without_a_body_is_repeated_as_such(api, environment):
    first, again = (once(api, "k1", "/probe/counted/204") for _ in range(2))

    assert [(a.status_code, a.content) for a in (first, again)] == [(204, b"")] * 2
    assert "Content-Type" not in again.headers
    assert rows(environment) == 1


@pytest.mark.parametrize(
    ("path", "body", "form"),
    [
        ("/probe/counted", {"a": 2}, None),
        ("/probe/counted/200", {"a": 1}, None),
        ("/probe/counted?x=1", {"a": 1}, None),
        ("/probe/counted", None, '{"a": 1}'),
    ],
)
def test_the_key_with_another_request_is_refused_in_the_recorded_words(api, environment, path, body, form):
    once(api, "k1", body={"a": 1})
    answer = once(api, "k1", path, body, **({"form": form} if form else {}))

    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "Another idempotency key (k1) with different request parameters was found. "
        "Please use a different idempotency key."
    )
    assert rows(environment) == 1


def test_a_refusal_is_an_answer_to_be_repeated(api, environment):
    first = once(api, "k1", "/probe/refuse/conflict")
    again = once(api, "k1", "/probe/refuse/conflict")

    assert (first.status_code, first.content) == (again.status_code, again.content) == (409, first.content)
    assert IdempotentRequest.objects.in_environment(environment).count() == 1


@pytest.mark.parametrize(
    "path", ["/probe/refuse/rate_limited", "/probe/refuse/unauthenticated", "/probe/refuse/bug"]
)
def test_an_answer_that_may_be_better_the_next_time_is_not_stored(api, environment, path):
    once(api, "k1", path)

    assert not IdempotentRequest.objects.in_environment(environment).exists()
    assert once(api, "k1").status_code == 201


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_undoes_what_the_request_wrote(api, environment, status):
    assert once(api, "k1", f"/probe/counted/{status}").status_code == status
    assert rows(environment) == 0


def test_a_request_whose_database_statement_fails_leaves_no_memory(api, environment):
    assert once(api, "k1", "/probe/breaks").status_code == 500
    assert not IdempotentRequest.objects.in_environment(environment).exists()
    assert once(api, "k1").status_code == 201


def test_an_answer_is_remembered_for_a_day(api, environment, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    first = once(api, "k1")
    time_machine.shift(DAY - 1)
    assert once(api, "k1").content == first.content
    time_machine.shift(2)
    later = once(api, "k1", body={"another": "request"})

    assert later.status_code == 201
    assert later.content != first.content
    assert rows(environment) == 2
    assert once(api, "k1", body={"another": "request"}).content == later.content


def test_what_is_out_of_date_is_removed_and_the_rest_is_not(api, environment, time_machine):
    time_machine.move_to("2026-06-01T12:00:00Z", tick=False)
    once(api, "old")
    time_machine.shift(2 * 3600)
    once(api, "young")
    time_machine.shift(DAY - 1800)

    assert services.purge_idempotent_requests() == 1
    assert [row.idempotency_key for row in IdempotentRequest.unscoped.all()] == ["young"]


def test_the_answer_lies_sealed_in_the_table(api):
    token = once(api, "k1", body={"password": "correct horse battery staple"}).json()["token"]
    row = IdempotentRequest.unscoped.values().get()

    assert token not in json.dumps(row, default=str)
    assert "horse" not in json.dumps(row, default=str)


def test_the_fingerprint_of_a_body_cannot_be_guessed_without_the_installations_secret(api, settings):
    once(api, "k1", body={"password": "hunter2"})
    settings.SECRET_KEY = "another secret of another installation, long enough for all purposes"
    answer = once(api, "k1", body={"password": "hunter2"})

    # The same request, and yet another fingerprint: it is keyed.
    assert answer.status_code == 400


def test_an_answer_moved_to_another_row_does_not_open(api):
    once(api, "k1")
    once(api, "k2")
    first, second = IdempotentRequest.unscoped.order_by("id")
    IdempotentRequest.unscoped.filter(pk=first.pk).update(answer=second.answer)

    assert once(api, "k1").status_code == 500
    assert once(api, "k2").status_code == 201


def test_keys_of_two_environments_do_not_meet(api, other_api, environment, other_environment):
    assert once(api, "k1").content != once(other_api, "k1").content
    assert rows(environment) == rows(other_environment) == 1


def test_two_keys_of_one_environment_share_its_memory(api, environment):
    second = ApiClient(make_api_key(environment))

    assert once(api, "k1").content == once(second, "k1").content


def test_a_stranger_learns_nothing_by_a_known_key(api, anonymous):
    once(api, "k1")
    answer = once(anonymous, "k1")

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_key_may_have_255_characters_and_no_more(api, environment):
    assert once(api, "k" * 255).status_code == 201
    assert once(api, "k" * 255).status_code == 201
    answer = once(api, "k" * 256)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "idempotency_key_invalid"
    assert rows(environment) == 1


@pytest.mark.parametrize(
    "key", ["a b", "é", "'; DROP TABLE x; --", "{}", "🙂".encode().decode("latin-1"), "\t"]
)
def test_any_text_is_a_key(api, environment, key):
    first, again = once(api, key), once(api, key)

    assert first.status_code == 201
    assert rows(environment) in {1, 2}
    assert again.status_code == 201


def test_keys_on_other_verbs_than_post_are_not_looked_at(api, environment):
    for _ in range(2):
        api.put("/probe/counted", headers={"Idempotency-Key": "k1"})

    assert rows(environment) == 2


def test_a_body_that_is_too_large_is_refused_and_not_remembered(api, environment):
    answer = once(api, "k1", body={"x": new_secret(10) * 250_000})

    assert answer.status_code == 413
    assert once(api, "k1").status_code == 201
