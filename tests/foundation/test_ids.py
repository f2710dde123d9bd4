import re
from itertools import pairwise

import pytest
from django.apps import apps

from foundation import ids
from foundation.fields import PrefixedIDField
from foundation.ids import looks_like_id, new_secret, new_ulid
from tests.threads import in_parallel


@pytest.fixture(autouse=True)
def counter_of_this_test(monkeypatch):
    """These tests travel in time, and ids never go back."""
    monkeypatch.setattr(ids, "_last", 0)


ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def test_a_ulid_is_26_characters_of_crockfords_alphabet_that_begin_with_the_time(time_machine):
    time_machine.move_to("2026-06-01T12:00:00.123Z", tick=False)
    first = new_ulid()
    time_machine.shift(1)
    second = new_ulid()

    assert ULID.fullmatch(first)
    assert first[:10] < second[:10]


def test_ids_rise_within_a_thread_even_while_the_clock_stands_or_goes_back(time_machine):
    time_machine.move_to("2030-06-01T12:00:00Z", tick=False)
    drawn = [new_ulid() for _ in range(2000)]
    time_machine.shift(-3600)
    drawn += [new_ulid() for _ in range(2000)]

    assert drawn == sorted(set(drawn))


def test_ids_of_many_threads_rise_and_never_meet():
    drawn = in_parallel(8, lambda _number: [new_ulid() for _ in range(3000)])

    assert all(mine == sorted(mine) for mine in drawn)
    assert len({i for mine in drawn for i in mine}) == 24_000


def test_two_ids_of_one_millisecond_do_not_tell_the_next_one(time_machine):
    time_machine.move_to("2031-06-01T12:00:00Z", tick=False)
    numbers = [
        int("".join(str("0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(c)).zfill(2) for c in new_ulid()))
        for _ in range(50)
    ]
    steps = {b - a for a, b in pairwise(numbers)}

    assert len(steps) == 49


def test_a_secret_has_its_length_and_no_character_that_a_url_would_change():
    assert re.fullmatch(r"[A-Za-z0-9]{25}", new_secret())
    assert len(new_secret(40)) == 40
    assert len({new_secret() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "text", ["org_01HZY", "user_abc", "organization_membership_01", "event_01JX0000000000000000000000"]
)
def test_what_sdk_fixtures_use_looks_like_an_id(text):
    assert looks_like_id(text)


@pytest.mark.parametrize(
    "text", ["", "_", "org_", "org", "org_%", "org_1\n", "org_ä", "Org_1", "org_" + "1" * 41, " org_1"]
)
def test_what_cannot_be_an_id_does_not(text):
    assert not looks_like_id(text)


# workos-behaviour (l): the prefixes are part of the contract.
PREFIXES = {
    "accounts.User": "user",
    "organizations.Organization": "org",
    "organizations.OrganizationDomain": "org_domain",
    "organizations.OrganizationMembership": "om",
    "organizations.Group": "group",
    "authorization.Role": "role",
    "authorization.Permission": "perm",
    "authentication.Session": "session",
    "events.Event": "event",
    "environments.APIKey": "api_key",
    "environments.Environment": "environment",
    "environments.RedirectURI": "redir",
    "environments.CORSOrigin": "cors_origin",
}


@pytest.mark.parametrize(("model", "prefix"), PREFIXES.items())
def test_the_prefix_of_each_object_is_the_documented_one(model, prefix):
    field = apps.get_model(model)._meta.pk

    assert isinstance(field, PrefixedIDField)
    assert field.prefix == prefix


def test_no_two_tables_share_a_prefix_but_the_two_kinds_of_api_keys():
    prefixes = [
        model._meta.pk.prefix
        for model in apps.get_models()
        if isinstance(model._meta.pk, PrefixedIDField) and not model._meta.proxy
    ]

    assert {prefix for prefix in prefixes if prefixes.count(prefix) > 1} == {"api_key"}
