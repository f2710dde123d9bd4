"""Passwords of users: setting them over HTTP, importing hashes, checking and upgrading them."""

import base64
import hashlib

import argon2
import bcrypt
import pytest

from accounts import services
from accounts.models import FormerPassword, User
from accounts.passwords import HASH_TYPES
from accounts.services import passwords as password_services
from accounts.services import users as user_services
from environments.services import update_authentication_settings
from tests.factories.accounts import PASSWORD, make_user

USERS = "/user_management/users"
ANOTHER = "seven purple otters juggle 91"
THIRD = "glass mountain tuesday ferry 7"


def b64(raw):
    return base64.b64encode(raw).decode()


def _imported_hashes():
    secret, salt = PASSWORD.encode(), b"sixteen bytes of"
    scrypt = hashlib.scrypt(secret, salt=salt, n=1024, r=8, p=1, dklen=32)
    pbkdf2 = hashlib.pbkdf2_hmac("sha256", secret, salt, 1000)
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    return [
        ("bcrypt", PASSWORD, bcrypt.hashpw(secret, bcrypt.gensalt(4)).decode(), {}),
        ("ssha", PASSWORD, "{SSHA}" + b64(hashlib.sha1(secret + salt).digest() + salt), {}),
        ("ssha256", PASSWORD, b64(hashlib.sha256(secret + salt).digest() + salt), {}),
        (
            "ssha256",
            PASSWORD,
            b64(hashlib.sha256(salt + secret).digest() + salt),
            {"password_salt_position": "prefix"},
        ),
        ("scrypt", PASSWORD, f"$scrypt$ln=10,r=8,p=1${b64(salt)}${b64(scrypt)}", {}),
        ("pbkdf2", PASSWORD, f"$pbkdf2-sha256$i=1000,l=32${b64(salt)}${b64(pbkdf2)}", {}),
        ("argon2", PASSWORD, cheap.hash(PASSWORD), {}),
        (
            # The README of github.com/firebase/scrypt.
            "firebase-scrypt",
            "user1password",
            (
                "$firebase-scrypt$hash=lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+"
                "VHjoZilo78198JAdRuid5lQ==$salt=42xEC+ixf3L2lw==$sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0ui"
                "iTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$ss=Bw==$r=8$m=14"
            ),
            {},
        ),
    ]


IMPORTED = _imported_hashes()


def stored(user_id):
    return User.unscoped.get(pk=user_id)


def codes(answer):
    assert answer.status_code == 400
    assert answer.json()["code"] == "password_strength_error"
    return {error["code"] for error in answer.json()["errors"]}


# --- setting ----------------------------------------------------------------------------------------------


def test_a_password_is_stored_hashed_and_shown_nowhere(api, environment, last_event):
    answer = api.post(USERS, {"email": "ada@example.com", "password": PASSWORD})
    assert answer.status_code == 201
    user = stored(answer.json()["id"])
    assert user.password.startswith("$argon2id$")
    assert user.password_changed_at is not None
    assert services.verify_user_password(user, PASSWORD)
    assert not services.verify_user_password(user, PASSWORD + " ")
    for shown in (answer.content.decode(), str(last_event("user.created"))):
        assert "argon2" not in shown
        assert PASSWORD not in shown


def test_a_password_is_taken_as_typed_with_its_spaces(api):
    answer = api.post(USERS, {"email": "ada@example.com", "password": f"  {PASSWORD} "})
    user = stored(answer.json()["id"])
    assert services.verify_user_password(user, f"  {PASSWORD} ")
    assert not services.verify_user_password(user, PASSWORD)


@pytest.mark.parametrize(
    ("password", "broken"),
    [
        ("", {"password_too_short", "password_too_weak"}),
        ("xK9$", {"password_too_short", "password_too_weak"}),
        ("password123", {"password_too_weak", "password_pwned"}),
        ("aaaaaaaaaaaaaaaaaaaa", {"password_too_weak"}),
        ("x" * 129, {"password_too_long"}),
        ("x" * 500_000, {"password_too_long"}),
    ],
)
def test_a_poor_password_is_refused_with_every_rule_it_breaks(api, environment, emitted, password, broken):
    assert codes(api.post(USERS, {"email": "ada@example.com", "password": password})) == broken
    assert User.objects.in_environment(environment).count() == 0
    user = make_user(environment)
    assert codes(api.put(f"{USERS}/{user.id}", {"password": password, "first_name": "Ada"})) == broken
    assert stored(user.id).first_name is None
    assert emitted() == ["user.created"]


def test_a_password_made_of_ones_own_name_is_weak(api):
    body = {"email": "wilhelmina.oglethorpe@example.com", "password": "wilhelmina.oglethorpe"}
    assert codes(api.post(USERS, body)) == {"password_too_weak"}
    named = {"email": "w@example.com", "name": "Wilhelmina Oglethorpe", "password": "WilhelminaOglethorpe"}
    assert codes(api.post(USERS, named)) == {"password_too_weak"}


def test_an_environment_sets_its_own_rules(api, environment):
    update_authentication_settings(
        environment=environment,
        changes={
            "password_minimum_length": 8,
            "password_minimum_strength": 0,
            "password_breached_rejected": False,
        },
    )
    assert api.post(USERS, {"email": "a@example.com", "password": "password"}).status_code == 201
    assert codes(api.post(USERS, {"email": "b@example.com", "password": "passwor"})) == {"password_too_short"}
    update_authentication_settings(environment=environment, changes={"password_minimum_length": 40})
    assert codes(api.post(USERS, {"email": "b@example.com", "password": PASSWORD})) == {"password_too_short"}


def test_a_changed_password_replaces_the_old_one_and_is_an_event(api, environment, emitted, last_event):
    user = make_user(environment, password=PASSWORD)
    answer = api.put(f"{USERS}/{user.id}", {"password": ANOTHER})
    assert answer.status_code == 200
    assert services.verify_user_password(stored(user.id), ANOTHER)
    assert not services.verify_user_password(stored(user.id), PASSWORD)
    assert emitted() == ["user.created", "user.updated"]
    assert last_event("user.updated")["context"]["previous_attributes"] == {}
    assert "argon2" not in str(last_event("user.updated"))


# --- history ----------------------------------------------------------------------------------------------


def test_without_a_history_a_password_may_come_again_and_no_former_hash_is_kept(api, environment):
    user = make_user(environment, password=PASSWORD)
    for password in (ANOTHER, PASSWORD, PASSWORD):
        assert api.put(f"{USERS}/{user.id}", {"password": password}).status_code == 200
    assert FormerPassword.objects.in_environment(environment).count() == 0


def test_the_last_passwords_may_not_come_again(api, environment):
    update_authentication_settings(environment=environment, changes={"password_history_depth": 2})
    user = make_user(environment, password=PASSWORD)
    path = f"{USERS}/{user.id}"
    assert codes(api.put(path, {"password": PASSWORD})) == {"password_reused"}
    assert api.put(path, {"password": ANOTHER}).status_code == 200
    assert codes(api.put(path, {"password": PASSWORD})) == {"password_reused"}
    assert api.put(path, {"password": THIRD}).status_code == 200
    assert codes(api.put(path, {"password": ANOTHER})) == {"password_reused"}
    assert api.put(path, {"password": PASSWORD}).status_code == 200  # it is the third last
    assert FormerPassword.objects.in_environment(environment).count() == 1


def test_a_shortened_history_drops_what_it_no_longer_needs(api, environment):
    update_authentication_settings(environment=environment, changes={"password_history_depth": 10})
    user = make_user(environment, password=PASSWORD)
    for password in (ANOTHER, THIRD):
        api.put(f"{USERS}/{user.id}", {"password": password})
    assert FormerPassword.objects.in_environment(environment).count() == 2
    update_authentication_settings(environment=environment, changes={"password_history_depth": 0})
    assert api.put(f"{USERS}/{user.id}", {"password": PASSWORD}).status_code == 200
    assert FormerPassword.objects.in_environment(environment).count() == 0


# --- importing --------------------------------------------------------------------------------------------


def test_every_documented_hash_type_is_tried_here():
    assert {hash_type for hash_type, *_ in IMPORTED} == set(HASH_TYPES)


@pytest.mark.parametrize("case", IMPORTED, ids=[f"{case[0]}{''.join(case[3].values())}" for case in IMPORTED])
def test_an_imported_hash_signs_in_and_is_upgraded_by_it(api, emitted, case):
    hash_type, password, encoded, more = case
    sent = {"email": "ada@example.com", "password_hash": encoded, "password_hash_type": hash_type, **more}
    answer = api.post(USERS, sent)
    assert answer.status_code == 201, answer.content
    user = stored(answer.json()["id"])
    imported = user.password

    assert not services.verify_user_password(user, password + "!")
    assert stored(user.id).password == imported

    assert services.verify_user_password(user, password)
    upgraded = stored(user.id).password
    assert upgraded != imported
    assert upgraded.startswith("$argon2id$")
    assert user.password == upgraded
    assert services.verify_user_password(user, password)
    assert not services.verify_user_password(user, password + "!")
    assert stored(user.id).password == upgraded
    assert emitted() == ["user.created"]  # the password is the same


def test_a_hash_replaces_a_password_and_a_password_a_hash(api, environment):
    user = make_user(environment, password=PASSWORD)
    weak = bcrypt.hashpw(b"weak", bcrypt.gensalt(4)).decode()
    path = f"{USERS}/{user.id}"
    assert api.put(path, {"password_hash": weak, "password_hash_type": "bcrypt"}).status_code == 200
    assert services.verify_user_password(stored(user.id), "weak")  # its strength was its old system's affair
    assert api.put(path, {"password": ANOTHER}).status_code == 200
    assert not services.verify_user_password(stored(user.id), "weak")


BCRYPT = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        (
            {"password": PASSWORD, "password_hash": BCRYPT, "password_hash_type": "bcrypt"},
            400,
            "password_and_password_hash_provided",
        ),
        ({"password": PASSWORD, "password_hash": BCRYPT}, 400, "password_and_password_hash_provided"),
        (
            {"password": PASSWORD, "password_hash_type": "bcrypt"},
            400,
            "password_and_password_hash_type_provided",
        ),
        (
            {"password": PASSWORD, "password_salt_position": "prefix"},
            400,
            "password_salt_position_requires_password_hash",
        ),
        ({"password_salt_position": "suffix"}, 400, "password_salt_position_requires_password_hash"),
        ({"password_hash": "nonsense", "password_hash_type": "bcrypt"}, 400, "invalid_password_hash"),
        ({"password_hash": "", "password_hash_type": "bcrypt"}, 400, "invalid_password_hash"),
        ({"password_hash": "x" * 100_000, "password_hash_type": "ssha"}, 400, "invalid_password_hash"),
        (
            {
                "password_hash": BCRYPT,
                "password_hash_type": "bcrypt",
                "password_salt_position": "prefix",
            },
            400,
            "invalid_password_hash",
        ),
        ({"password_hash": BCRYPT}, 422, "invalid_request_parameters"),
        ({"password_hash_type": "bcrypt"}, 422, "invalid_request_parameters"),
        ({"password_hash": BCRYPT, "password_hash_type": "md5"}, 422, "invalid_request_parameters"),
    ],
)
def test_contradicting_password_fields_are_refused(api, environment, fields, status, code):
    user = make_user(environment, password=ANOTHER)
    before = stored(user.id).password
    for answer in (
        api.post(USERS, {"email": "eve@example.com", **fields}),
        api.put(f"{USERS}/{user.id}", {"first_name": "Eve", **fields}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert BCRYPT not in answer.content.decode()
    assert stored(user.id).password == before
    assert stored(user.id).first_name is None
    assert User.objects.in_environment(environment).count() == 1


def test_the_missing_half_of_an_import_is_named(api):
    answer = api.post(USERS, {"email": "a@example.com", "password_hash": BCRYPT})
    assert answer.json()["errors"][0]["code"] == "password_hash_type_string_required"


# --- checking ---------------------------------------------------------------------------------------------


def record_calls(monkeypatch, module, name, calls):
    original = getattr(module, name)

    def recorded(*arguments):
        calls.append(name)
        return original(*arguments)

    monkeypatch.setattr(module, name, recorded)


@pytest.fixture
def hashes_computed(monkeypatch):
    """Count the full-cost computations of a check, whatever it is for."""
    computed: list[str] = []
    record_calls(monkeypatch, password_services, "verify_password", computed)
    record_calls(monkeypatch, password_services, "burn_a_hash", computed)
    return computed


def test_a_user_without_a_password_costs_as_many_hashes_as_a_wrong_one(environment, hashes_computed):
    with_password = make_user(environment, password=PASSWORD)
    without = make_user(environment)
    assert not services.verify_user_password(with_password, "wrong")
    assert hashes_computed == ["verify_password"]
    assert not services.verify_user_password(without, "wrong")
    assert hashes_computed == ["verify_password", "burn_a_hash"]


@pytest.mark.parametrize("attempt", ["", "\x00", "x" * 2000, "\ud800", "é" * 600])
def test_no_odd_attempt_opens_or_breaks_anything(environment, attempt):
    for user in (make_user(environment, password=PASSWORD), make_user(environment)):
        assert services.verify_user_password(user, attempt) is False


def test_an_upgrade_does_not_undo_a_password_change_that_came_between(environment, actor):
    user = make_user(environment, password_hash=BCRYPT, password_hash_type="bcrypt")
    signing_in = stored(user.id)  # loaded before the change, checked after it
    services.update_user(user=user, actor=actor, password=ANOTHER)
    changed = stored(user.id).password
    services.verify_user_password(signing_in, "secret")
    assert stored(user.id).password == changed
    assert services.verify_user_password(stored(user.id), ANOTHER)


def test_no_hash_is_computed_while_a_row_is_locked(environment, actor, monkeypatch):
    user = make_user(environment, password=PASSWORD)
    steps: list[str] = []
    record_calls(monkeypatch, password_services, "hash_password", steps)
    record_calls(monkeypatch, user_services, "lock_user", steps)
    services.update_user(user=user, actor=actor, password=ANOTHER)
    assert steps == ["hash_password", "lock_user"]


def test_nothing_is_hashed_for_a_request_without_a_password(api, monkeypatch, environment):
    monkeypatch.setattr(password_services, "hash_password", lambda _password: pytest.fail("hashed"))
    created = api.post(USERS, {"email": "ada@example.com"}).json()
    assert api.put(f"{USERS}/{created['id']}", {"first_name": "Ada"}).status_code == 200
