"""What somebody would try who knows the code of the token endpoint."""

import bcrypt
import pytest

from accounts.models import User
from accounts.passwords import hashing
from accounts.services import passwords
from tests.factories.accounts import PASSWORD, make_user

CLAIMS_OF_THE_HOUSE = (
    "org_id",
    "role",
    "roles",
    "permissions",
    "entitlements",
    "feature_flags",
    "client_id",
    "auth_time",
)


@pytest.mark.parametrize("claim", CLAIMS_OF_THE_HOUSE)
def test_a_template_cannot_say_for_a_person_without_organization_what_the_house_says_for_members(
    claim, api, client, user
):
    content = f'{{"{claim}": "org_of_somebody_else", "plan": "{{{{ user.email }}}}"}}'
    assert api.put("/user_management/jwt_template", {"content": content}).status_code == 200

    claims = client.claims(client.sign_in(user.email)["access_token"])

    assert claims["plan"] == user.email
    assert claims.get(claim) != "org_of_somebody_else"


@pytest.mark.parametrize(
    "address", ["fe80::1%eth0", "fe80::1%" + "a" * 500, "::ffff:1.2.3.4", "1.2.3.4 ", "0x7f.1"]
)
def test_an_odd_address_of_the_person_does_not_hinder_the_sign_in(address, client, user):
    answer = client.password(user.email, ip_address=address)

    assert answer.status_code == 200, answer.content


def test_a_hash_that_is_upgraded_by_a_twin_meanwhile_still_lets_its_owner_in(
    client, environment, monkeypatch
):
    imported = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    row = make_user(
        environment,
        email="grace@example.com",
        email_verified=True,
        password_hash=imported,
        password_hash_type="bcrypt",
    )
    hash_password = hashing.hash_password

    def hash_while_a_twin_is_faster(password):
        twin = hash_password(password)
        User.objects.in_environment(environment).filter(pk=row.pk).update(password=twin)
        return hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", hash_while_a_twin_is_faster)

    assert client.password("grace@example.com").status_code == 200


def test_a_password_that_is_changed_while_its_old_hash_is_upgraded_lets_nobody_in(
    client, environment, monkeypatch
):
    imported = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    row = make_user(
        environment, email="grace@example.com", password_hash=imported, password_hash_type="bcrypt"
    )
    hash_password = hashing.hash_password

    def hash_while_the_owner_changes_it(password):
        other = hash_password("another password entirely 7")
        User.objects.in_environment(environment).filter(pk=row.pk).update(password=other)
        return hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", hash_while_the_owner_changes_it)

    assert client.password("grace@example.com").json()["code"] == "invalid_credentials"


def test_a_guesser_behind_the_product_shuts_out_himself_and_not_the_person(client, user):
    guesses = [
        client.password("ada@example.com", f"guess {n}", ip_address="192.0.2.9").status_code
        for n in range(11)
    ]

    assert guesses == [400] * 10 + [429]
    assert client.password("ada@example.com", ip_address="203.0.113.7").status_code == 200


def test_guesses_from_many_addresses_behind_the_product_are_stopped(client, user):
    for address in range(10):
        for guess in range(10):
            client.password("ada@example.com", f"guess {guess}", ip_address=f"192.0.2.{address}")

    answer = client.password("ada@example.com", "one more", ip_address="192.0.2.99")

    assert (answer.status_code, answer.json()["error"]) == (429, "too_many_requests")


def test_an_address_that_is_none_buys_no_more_guesses(client, user):
    answers = [
        client.password("ada@example.com", f"guess {n}", ip_address=f"nonsense {n}").status_code
        for n in range(11)
    ]

    assert answers[-1] == 429
