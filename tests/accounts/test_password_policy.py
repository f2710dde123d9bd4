import hashlib
import threading
import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.breached_passwords import is_breached
from accounts.errors import PasswordStrengthError
from accounts.password_policy import PasswordPolicy, check_password, estimate_strength
from accounts.passwords import hash_password
from foundation.errors import BadRequest

GOOD = "grumpy-otter-paints-42-fences"


def broken_rules(password, policy=None, **given_):
    try:
        check_password(password, policy or PasswordPolicy(), **given_)
    except PasswordStrengthError as error:
        return [broken["code"] for broken in error.details["errors"]]
    return []


def digest(password):
    return hashlib.sha1(password.encode()).hexdigest().upper()


@pytest.fixture
def breached_file(settings, tmp_path):
    def write(text):
        path = tmp_path / "breached.txt"
        path.write_bytes(text.encode())
        settings.BREACHED_PASSWORDS_FILE = str(path)
        return path

    return write


def test_a_good_password_passes_the_default_policy():
    assert broken_rules(GOOD) == []


def test_the_refusal_carries_code_and_words_for_each_broken_rule():
    with pytest.raises(PasswordStrengthError) as refused:
        check_password("password", PasswordPolicy())

    assert refused.value.code == "password_strength_error"
    assert isinstance(refused.value, BadRequest)
    errors = refused.value.details["errors"]
    assert [error["code"] for error in errors] == [
        "password_too_short",
        "password_too_weak",
        "password_pwned",
    ]
    assert all(error["message"] for error in errors)


@pytest.mark.parametrize(
    ("password", "rules"),
    [
        ("", ["password_too_short", "password_too_weak"]),
        ("x7$Kq!", ["password_too_short", "password_too_weak"]),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", ["password_too_weak"]),
        ("correctcorrect", ["password_too_weak"]),
        ("               ", ["password_too_weak"]),
        ("P4ssw0rd123!", ["password_too_weak"]),
        ("k" * 129, ["password_too_long"]),
        ("k" * 1_000_000, ["password_too_long"]),
    ],
)
def test_each_rule_refuses_what_breaks_it(password, rules):
    assert broken_rules(password) == rules


def test_a_common_password_is_publicly_known_in_any_case():
    policy = PasswordPolicy(minimum_length=1, minimum_strength=0)

    assert broken_rules("LetMeIn", policy) == ["password_pwned"]
    assert (
        broken_rules("letmein", PasswordPolicy(minimum_length=1, minimum_strength=0, reject_breached=False))
        == []
    )


def test_the_users_own_name_makes_a_password_weak():
    email = "wilhelmina.oosterhuis@example.com"

    assert broken_rules("wilhelminaoosterhuis") == []
    assert broken_rules("wilhelminaoosterhuis", user_inputs=[email]) == ["password_too_weak"]


def test_letters_that_normalize_to_fewer_do_not_make_a_password_longer():
    decomposed = "e\u0301" * 5

    assert "password_too_short" in broken_rules(decomposed)


def test_a_password_of_the_history_is_refused_as_deep_as_the_policy_says(settings):
    settings.PASSWORD_ARGON2_MEMORY_KIB = 64
    previous = [hash_password("an-older-otter-of-1987-fame"), hash_password(GOOD)]

    assert broken_rules(GOOD, PasswordPolicy(history_depth=2), previous_hashes=previous) == [
        "password_reused"
    ]
    assert broken_rules(GOOD, PasswordPolicy(history_depth=1), previous_hashes=previous) == []
    assert broken_rules(GOOD, PasswordPolicy(), previous_hashes=previous) == []


@pytest.mark.parametrize(
    "rules",
    [
        {"minimum_length": 0},
        {"minimum_length": 200},
        {"maximum_length": 5000},
        {"minimum_strength": 5},
        {"minimum_strength": -1},
        {"history_depth": 11},
    ],
)
def test_a_policy_that_nobody_could_meet_cannot_be_made(rules):
    with pytest.raises(ValueError, match="policy"):
        PasswordPolicy(**rules)


@pytest.mark.parametrize(
    "password",
    [
        "4a@8b6g9({[<c3e1!|il7+t0o$5s%x2z" * 4,
        "4@({[<691!|7$5+" * 8,
        "({[<4@1!|7" * 12,
        "a" * 128,
        "abcdefghij" * 12,
        "qwertyuiop" * 12,
        "01/01/2000" * 12,
        "password" * 16,
        "\U0001f511" * 128,
        "\ud800" * 128,
    ],
)
def test_no_password_makes_the_estimate_slow(password):
    estimate_strength("warm up")

    began = time.process_time()
    estimate_strength(password)
    assert time.process_time() - began < 1.5


def test_a_long_password_of_look_alike_characters_is_still_strong():
    assert estimate_strength("4@({[<691!|7$5+x%2z" * 4) == 4


@given(password=st.text(max_size=128))
@hypothesis_settings(max_examples=60)
def test_any_text_is_judged(password):
    assert 0 <= estimate_strength(password) <= 4


def test_the_words_of_one_user_do_not_leak_into_the_estimate_of_another():
    secret = "quixotherapyzzyx"
    alone = estimate_strength(secret)
    results: list[int] = []

    def judge_for_another():
        for _ in range(30):
            estimate_strength("something else", user_inputs=[secret])

    def judge():
        results.extend(estimate_strength(secret) for _ in range(30))

    threads = [threading.Thread(target=target) for target in (judge_for_another, judge)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(results) == {alone}
    assert estimate_strength(secret, user_inputs=[secret]) < alone


def test_every_password_of_the_operators_file_is_found_and_no_other(breached_file):
    known = [f"known password {number}" for number in range(500)]
    breached_file("\n".join(sorted(digest(password) for password in known)))

    assert all(is_breached(password) for password in known)
    assert not any(is_breached(f"unknown password {number}") for number in range(500))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("count", [1, 2, 3, 64])
def test_counts_line_endings_and_case_do_not_matter(breached_file, ending, count):
    known = [f"known password {number}" for number in range(count)]
    lines = sorted(f"{digest(password)}:{number}" for number, password in enumerate(known))
    breached_file("".join(line.lower() + ending for line in lines))

    assert all(is_breached(password) for password in known)
    assert not is_breached("unknown password")


def test_a_file_of_prefixes_is_enough(breached_file):
    breached_file("\n".join(sorted(digest(f"known {number}")[:16] for number in range(100))))

    assert is_breached("known 7")
    assert not is_breached("unknown 7")


def test_a_password_in_the_file_is_refused_by_the_policy(breached_file):
    breached_file(digest(GOOD) + ":3\n")

    assert broken_rules(GOOD) == ["password_pwned"]


def test_an_empty_file_knows_nothing(breached_file):
    breached_file("")

    assert not is_breached(GOOD)


@pytest.mark.parametrize("text", ["not a digest\n", "ABCDEF\n", "x" * 5000, "\n\n\n", "A" * 41 + "\n"])
def test_a_file_of_another_kind_is_refused_in_plain_words(breached_file, text):
    breached_file(text)

    with pytest.raises(ImproperlyConfigured, match="SHA-1"):
        is_breached(GOOD)


def test_a_file_that_is_missing_is_not_passed_over(settings, tmp_path):
    settings.BREACHED_PASSWORDS_FILE = str(tmp_path / "missing.txt")

    with pytest.raises(ImproperlyConfigured, match=r"missing\.txt"):
        is_breached(GOOD)
