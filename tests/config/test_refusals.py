"""A wrong setting ends the start with one plain sentence."""

import base64
import subprocess
import sys

import pytest

from tests.live import ROOT, clean_environment

SECRET = "y6qW3rKx9vB2nM8tZ4pL7sD1fG5hJ0cA-eU_iOaXbNmQwErTyUiO"
KEY = "k1:" + base64.b64encode(bytes(range(32))).decode()
PRODUCTION = {
    "GATEHOUSE_MODE": "production",
    "GATEHOUSE_BASE_URL": "https://auth.example.com",
    "GATEHOUSE_SECRET_KEY": SECRET,
    "GATEHOUSE_ENCRYPTION_KEYS": KEY,
    "DATABASE_URL": "postgres://gatehouse:secret@127.0.0.1:5432/gatehouse",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "EMAIL_URL": "smtp://127.0.0.1:25",
}


def check(tmp_path, **variables):
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=clean_environment(**({"GATEHOUSE_DATA_DIR": str(tmp_path / "data")} | variables)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def without(name):
    return {key: value for key, value in PRODUCTION.items() if key != name}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"PORT": "abc"}, "PORT must be a whole number from 1 to 65535; it is 'abc'."),
        ({"PORT": "70000"}, "PORT must be a whole number"),
        ({"PORT": "-1"}, "PORT must be a whole number"),
        ({"GATEHOUSE_MODE": "prod"}, "GATEHOUSE_MODE must be one of embedded, production; it is 'prod'."),
        ({"GATEHOUSE_RATE_LIMITS": "maybe"}, "GATEHOUSE_RATE_LIMITS must be on or off; it is 'maybe'."),
        ({"GATEHOUSE_TRUSTED_PROXIES": "many"}, "GATEHOUSE_TRUSTED_PROXIES must be a whole number"),
        ({"GATEHOUSE_LOG_LEVEL": "LOUD"}, "GATEHOUSE_LOG_LEVEL must be one of"),
        ({"GATEHOUSE_BASE_URL": "ftp://x"}, "GATEHOUSE_BASE_URL must look like https://auth.example.com"),
        ({"GATEHOUSE_BASE_URL": "http://localhost:99999"}, "GATEHOUSE_BASE_URL must look like"),
        ({"GATEHOUSE_BASE_URL": "https://x.example/path"}, "GATEHOUSE_BASE_URL must look like"),
        ({"GATEHOUSE_BASE_URL": "https://user@x.example"}, "GATEHOUSE_BASE_URL must look like"),
        ({"GATEHOUSE_BASE_URL": "https://x y.example"}, "GATEHOUSE_BASE_URL must look like"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL must look like postgres://"),
        ({"DATABASE_URL": "postgres://u:p@host:abc/db"}, "DATABASE_URL must look like postgres://"),
        ({"DATABASE_URL": "postgres://host"}, "DATABASE_URL must look like postgres://"),
        ({"REDIS_URL": "http://x"}, "REDIS_URL must look like redis://"),
        ({"REDIS_URL": "redis://x:port"}, "REDIS_URL must look like redis://"),
        ({"GATEHOUSE_OUTBOUND_NETWORKS": "10.0.0.1/8"}, "GATEHOUSE_OUTBOUND_NETWORKS must be networks like"),
        ({"EMAIL_URL": "foo://bar"}, "EMAIL_URL must look like smtp://"),
        ({"EMAIL_URL": "smtp://mail.example:port"}, "EMAIL_URL must look like smtp://"),
        ({"EMAIL_URL": "consolemail://"}, "EMAIL_URL must look like smtp://"),
        ({"GATEHOUSE_SECRET_KEY": "short"}, "GATEHOUSE_SECRET_KEY is weak"),
        ({"GATEHOUSE_SECRET_KEY": "a" * 60}, "GATEHOUSE_SECRET_KEY is weak"),
        ({"GATEHOUSE_SECRET_KEY": "django-insecure-" + SECRET}, "GATEHOUSE_SECRET_KEY is weak"),
        ({"GATEHOUSE_ENCRYPTION_KEYS": "k1:abc"}, "GATEHOUSE_ENCRYPTION_KEYS must be id:base64-of-32-bytes"),
        ({"GATEHOUSE_ENCRYPTION_KEYS": f"{KEY},{KEY}"}, "each id once"),
        (
            {"GATEHOUSE_ENCRYPTION_KEYS": "k1:" + base64.b64encode(b"a" * 32).decode()},
            "The encryption key 'k1' in GATEHOUSE_ENCRYPTION_KEYS is weak",
        ),
        ({"GATEHOUSE_DATA_DIR": "/dev/null/data"}, "GATEHOUSE_DATA_DIR cannot be made"),
        (without("GATEHOUSE_SECRET_KEY"), "GATEHOUSE_SECRET_KEY is missing"),
        (without("GATEHOUSE_ENCRYPTION_KEYS"), "GATEHOUSE_ENCRYPTION_KEYS is missing"),
        (without("DATABASE_URL"), "DATABASE_URL is missing"),
        (without("REDIS_URL"), "REDIS_URL is missing"),
        (without("EMAIL_URL"), "EMAIL_URL is missing"),
        (without("GATEHOUSE_BASE_URL"), "GATEHOUSE_BASE_URL must be an https:// address in production."),
        (PRODUCTION | {"GATEHOUSE_RATE_LIMITS": "off"}, "production keeps its limits"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_plain_sentence(tmp_path, variables, sentence):
    result = check(tmp_path, **variables)

    assert result.returncode == 1
    assert result.stderr.startswith("gatehouse: ")
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("secret", [SECRET, KEY])
def test_a_refusal_never_shows_a_secret(tmp_path, secret):
    result = check(tmp_path, **(PRODUCTION | {"GATEHOUSE_BASE_URL": "http://auth.example.com"}))

    assert result.returncode == 1
    assert secret not in result.stderr


@pytest.mark.parametrize("key", ["no-prefix-at-all", "sk_x"])
def test_a_pinned_key_must_look_like_one(tmp_path, key):
    result = check(tmp_path, GATEHOUSE_API_KEY=key)

    assert result.returncode == 1
    assert "GATEHOUSE_API_KEY must begin with sk_" in result.stderr


def test_a_short_pinned_key_is_weak_in_production(tmp_path):
    result = check(tmp_path, **(PRODUCTION | {"GATEHOUSE_API_KEY": "sk_test_123456789"}))

    assert result.returncode == 1
    assert "GATEHOUSE_API_KEY is weak" in result.stderr


def test_a_good_environment_passes(tmp_path):
    assert check(tmp_path).returncode == 0
    production = check(tmp_path, **PRODUCTION)
    assert production.returncode == 0, production.stderr


def test_generated_secrets_are_their_owners_alone_and_stay(tmp_path):
    assert check(tmp_path).returncode == 0
    file = tmp_path / "data" / "secrets.json"
    first = file.read_text()

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert check(tmp_path).returncode == 0
    assert file.read_text() == first


def test_serve_is_not_for_production(tmp_path):
    result = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=ROOT,
        env=clean_environment(**PRODUCTION),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert result.returncode != 0
    assert "in production run the web" in result.stderr
