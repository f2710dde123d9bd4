import base64
import hashlib
import logging
import threading
import time

import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.core.exceptions import ImproperlyConfigured

from accounts import conf
from accounts.passwords import PasswordCheck, burn_a_hash, hash_password, hashing, verify_password

RIGHT = PasswordCheck(valid=True, needs_upgrade=False)
OUTDATED = PasswordCheck(valid=True, needs_upgrade=True)
WRONG = PasswordCheck(valid=False, needs_upgrade=False)


@pytest.fixture(autouse=True)
def cheap_hashes(settings):
    settings.PASSWORD_ARGON2_MEMORY_KIB = 64
    settings.PASSWORD_ARGON2_PASSES = 1


def test_a_new_hash_knows_its_password_and_no_other():
    encoded = hash_password("correct horse battery staple")

    assert verify_password("correct horse battery staple", encoded) == RIGHT
    assert verify_password("correct horse battery stapl", encoded) == WRONG
    assert verify_password("", encoded) == WRONG


def test_the_same_password_is_hashed_differently_each_time():
    assert hash_password("hunter2 hunter2") != hash_password("hunter2 hunter2")


def test_the_default_cost_is_the_owasp_minimum(settings):
    del settings.PASSWORD_ARGON2_MEMORY_KIB
    del settings.PASSWORD_ARGON2_PASSES

    assert hash_password("password").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_changed_cost_asks_for_an_upgrade_in_either_direction(settings):
    encoded = hash_password("password")

    settings.PASSWORD_ARGON2_PASSES = 2
    assert verify_password("password", encoded) == OUTDATED
    dearer = hash_password("password")
    settings.PASSWORD_ARGON2_PASSES = 1
    assert verify_password("password", dearer) == OUTDATED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_ARGON2_MEMORY_KIB", 7),
        ("PASSWORD_ARGON2_PASSES", 0),
        ("PASSWORD_ARGON2_LANES", "2"),
    ],
)
def test_a_cost_that_argon2_cannot_have_is_refused_in_plain_words(settings, name, value):
    setattr(settings, name, value)

    with pytest.raises(ImproperlyConfigured, match="PASSWORD_ARGON2"):
        conf.argon2_cost()


def test_one_letter_in_two_encodings_is_one_password():
    composed, decomposed = "pässwörter sind schön", "pa\u0308sswo\u0308rter sind scho\u0308n"

    assert verify_password(decomposed, hash_password(composed)) == RIGHT
    assert verify_password(composed, hash_password(decomposed)) == RIGHT


def test_case_and_spaces_of_a_password_count():
    encoded = hash_password(" Passw0rd with spaces ")

    assert not verify_password("Passw0rd with spaces", encoded).valid
    assert not verify_password(" passw0rd with spaces ", encoded).valid


@pytest.mark.parametrize(
    "password", ["\x00", "a\x00b", "\ud800", "\U0001f511" * 20, "\u202e\u200b", "\ufdfa" * 500]
)
def test_any_text_can_be_a_password(password):
    encoded = hash_password(password)

    assert verify_password(password, encoded) == RIGHT
    assert not verify_password(password + "x", encoded).valid


def test_what_follows_a_nul_counts():
    assert not verify_password("secret\x00other", hash_password("secret\x00one")).valid


def test_a_megabyte_of_password_is_refused_without_being_hashed():
    encoded = hash_password("password")

    assert verify_password("p" * 1_000_000, encoded) == WRONG
    with pytest.raises(ValueError, match="too long"):
        hash_password("p" * 1025)
    burn_a_hash("\ufdfa" * 1_000_000)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "!",
        "plain text",
        "$argon2id$v=19$m=64,t=1,p=1$short",
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$scrypt$ln=30,r=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$unknown$x$y",
    ],
)
def test_a_stored_hash_that_cannot_be_read_lets_nobody_in_and_is_logged_without_itself(stored, caplog):
    with caplog.at_level(logging.ERROR):
        assert verify_password("plain text", stored) == WRONG

    assert "cannot be read" in caplog.text
    assert stored == "" or stored not in caplog.text


def counted_hashes(monkeypatch):
    computed: list[bytes] = []
    original = hashing._hash

    def count(password):
        computed.append(password)
        return original(password)

    monkeypatch.setattr(hashing, "_hash", count)
    return computed


@pytest.mark.parametrize(("password", "hashes"), [("password", 1), ("pa\u0308ssword", 2), ("p" * 5000, 1)])
def test_an_unknown_user_costs_as_many_hashes_as_a_known_one(monkeypatch, password, hashes):
    computed = counted_hashes(monkeypatch)

    burn_a_hash(password)

    assert len(computed) == hashes


def test_a_wrong_password_against_a_fast_imported_hash_costs_a_slow_one(monkeypatch):
    computed = counted_hashes(monkeypatch)
    digest = hashlib.sha1(b"password" + b"salt").digest()
    encoded = f"$ssha$salt=last${base64.b64encode(b'salt').decode().rstrip('=')}$" + base64.b64encode(
        digest
    ).decode().rstrip("=")

    assert verify_password("wrong", encoded) == WRONG
    assert len(computed) == 1
    assert verify_password("password", encoded) == OUTDATED
    assert len(computed) == 1


def test_an_unknown_user_is_answered_about_as_slowly_as_a_wrong_password(settings):
    settings.PASSWORD_ARGON2_MEMORY_KIB = 8192
    encoded = hash_password("password")

    def best_of_five(call):
        times = []
        for _ in range(5):
            began = time.process_time()
            call()
            times.append(time.process_time() - began)
        return min(times)

    known = best_of_five(lambda: verify_password("wrong", encoded))
    unknown = best_of_five(lambda: burn_a_hash("wrong"))

    assert 0.3 < known / unknown < 3


class CountingHasher:
    """Stands in for Argon2: notes how many hashes run at once, and lets them end together."""

    def __init__(self, wanted):
        self.lock = threading.Lock()
        self.running = self.most = 0
        self.enough = threading.Event()
        self.wanted = wanted

    def hash(self, password):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            if self.running == self.wanted:
                self.enough.set()
        self.enough.wait(5)
        with self.lock:
            self.running -= 1
        return "hash"


def test_no_more_hashes_run_at_once_than_the_setting_allows(settings, monkeypatch):
    settings.PASSWORD_CONCURRENT_HASHES = 2
    hasher = CountingHasher(wanted=2)
    monkeypatch.setattr(hashing, "_hasher", lambda _cost: hasher)

    threads = [threading.Thread(target=hash_password, args=("password",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert hasher.most == 2


def test_a_hash_that_fails_gives_its_place_back(settings, monkeypatch):
    settings.PASSWORD_CONCURRENT_HASHES = 1

    def fail(cost):
        class Failing:
            def hash(self, password):
                raise MemoryError

        return Failing()

    with monkeypatch.context() as patched:
        patched.setattr(hashing, "_hasher", fail)
        for _ in range(3):
            with pytest.raises(MemoryError):
                hash_password("password")

    assert hash_password("password").startswith("$argon2id$")


def test_operators_get_the_same_cost_and_are_upgraded_with_it(settings):
    settings.PASSWORD_HASHERS = ["accounts.passwords.hashers.GatehouseArgon2Hasher"]
    encoded = make_password("an operator's password")

    assert "$m=64,t=1,p=1$" in encoded
    assert check_password("an operator's password", encoded)
    assert not check_password("another password", encoded)
    settings.PASSWORD_ARGON2_PASSES = 2
    assert identify_hasher(encoded).must_update(encoded)
