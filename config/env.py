"""Reading the process environment: the only place that does. A wrong value is refused in one plain sentence."""

import base64
import binascii
import ipaddress
import json
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_KEY_BYTES = 32
_MINIMUM_SECRET_LENGTH = 50  # What `check --deploy` demands too (security.W009).
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}

# Every variable that Gatehouse reads, with what it is for; docs/configuration.md and the deploy files are checked
# against this table.
VARIABLES = {
    "GATEHOUSE_MODE": "embedded (default) or production; production refuses weak or missing settings.",
    "GATEHOUSE_BASE_URL": "The address under which browsers and SDKs reach this server; http://localhost:PORT by default.",
    "GATEHOUSE_DATA_DIR": "Where the embedded mode keeps its database and secrets; var/ by default.",
    "GATEHOUSE_SECRET_KEY": "Signs cookies and keys the look-up digests; at least 50 characters. Generated in embedded mode.",
    "GATEHOUSE_ENCRYPTION_KEYS": "id:base64 of 32 bytes, comma-separated; the first seals, all open. Generated in embedded mode.",
    "GATEHOUSE_ALLOWED_HOSTS": "Host names that requests may carry, comma-separated; that of the base URL by default.",
    "GATEHOUSE_BIND": "The address that `serve` listens on; 127.0.0.1 by default.",
    "GATEHOUSE_TRUSTED_PROXIES": "How many reverse proxies stand in front and append to X-Forwarded-For; 0 by default.",
    "GATEHOUSE_LOG_FORMAT": "json or console; json in production, console otherwise.",
    "GATEHOUSE_LOG_LEVEL": "DEBUG, INFO (default), WARNING or ERROR.",
    "GATEHOUSE_API_KEY": "Pins the API key of the first environment; generated otherwise.",
    "GATEHOUSE_CLIENT_ID": "Pins the client id of the first environment; generated otherwise.",
    "GATEHOUSE_ADMIN_EMAIL": "E-mail of the first operator; admin@gatehouse.test by default.",
    "GATEHOUSE_ADMIN_PASSWORD": "Password of the first operator; generated and shown once otherwise.",
    "GATEHOUSE_MAIL_FROM": "Sender of mail; Gatehouse <no-reply@HOST> by default.",
    "GATEHOUSE_SMS_SENDER": "How production environments send text messages: none (default: phone numbers are refused as factors), http (a gateway), or kept (shown at /dev/mail; embedded mode only).",
    "GATEHOUSE_SMS_URL": "The gateway that text messages are posted to, where the sender is http.",
    "GATEHOUSE_SMS_TOKEN": "What the SMS gateway knows Gatehouse by: a bearer token.",
    "GATEHOUSE_DNS_SERVER": "host:port of the resolver for domain verification; the system's by default.",
    "GATEHOUSE_OUTBOUND_NETWORKS": "Networks beside the public internet that identity providers and webhooks may be called in, comma-separated (10.1.0.0/16); none in production, loopback and private ones otherwise.",
    "GATEHOUSE_BREACHED_PASSWORDS_FILE": "A sorted file of SHA-1 prefixes of breached passwords; none by default.",
    "GATEHOUSE_GEOIP_FILE": "A city database in MaxMind's DB format, to show where a session is; none by default.",
    "GATEHOUSE_ARGON2_MEMORY_KIB": "Memory of one password hash in KiB; 19456 by default (OWASP's minimum).",
    "GATEHOUSE_ARGON2_PASSES": "Passes of one password hash; 2 by default.",
    "GATEHOUSE_ARGON2_LANES": "Lanes of one password hash; 1 by default.",
    "GATEHOUSE_CONCURRENT_HASHES": "How many passwords one process hashes at once; 4 by default.",
    "GATEHOUSE_RATE_LIMITS": "on (default) or off; off only outside production, for load tests.",
    "PORT": "The port that `serve` listens on; 8000 by default.",
    "DATABASE_URL": "postgres://user:password@host:port/name; SQLite in the data directory by default.",
    "REDIS_URL": "redis://host:port/db for cache, rate limits and the queue; in process by default.",
    "EMAIL_URL": "smtp://user:password@host:port (smtp+tls, smtp+ssl); without it mail is kept and shown at /dev/mail.",
}

_env = environ.Env()


def text(name: str, default: str = "") -> str:
    """Return a variable, stripped; ``default`` where it is unset or blank."""
    _known(name)
    return os.environ.get(name, "").strip() or default


def one_of(name: str, choices: tuple[str, ...], default: str) -> str:
    """Return a variable that must be one of some words; refuses any other."""
    value = text(name, default)
    if value not in choices:
        message = f"{name} must be one of {', '.join(choices)}; it is {value!r}."
        raise ImproperlyConfigured(message)
    return value


def switch(name: str, *, default: bool) -> bool:
    """Return an on/off variable; refuses anything that is neither."""
    value = text(name, "on" if default else "off").lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    message = f"{name} must be on or off; it is {value!r}."
    raise ImproperlyConfigured(message)


def whole_number(name: str, default: int, *, minimum: int, maximum: int) -> int:
    """Return a whole number within bounds; refuses any other."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or not minimum <= int(value) <= maximum:
        message = f"{name} must be a whole number from {minimum} to {maximum}; it is {value!r}."
        raise ImproperlyConfigured(message)
    return int(value)


def networks(name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return a comma-separated list of networks (``10.1.0.0/16``, ``fd00::/8``, or single addresses)."""
    words = [word.strip() for word in text(name, ",".join(default)).split(",")]
    found = []
    for word in filter(None, words):
        try:
            found.append(str(ipaddress.ip_network(word)))
        except ValueError as error:
            message = f"{name} must be networks like 10.1.0.0/16, comma-separated; one of them is {word!r}."
            raise ImproperlyConfigured(message) from error
    return tuple(found)


def base_url(default: str) -> str:
    """Return GATEHOUSE_BASE_URL without a trailing slash; refuses what is not an absolute http(s) URL without a path."""
    value = text("GATEHOUSE_BASE_URL", default).rstrip("/")
    parts = _split(value)
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.path
        or parts.query
        or parts.fragment
        or parts.username is not None
        or not value.isascii()
        or any(character in value for character in "\\ \t")
    ):
        message = (
            f"GATEHOUSE_BASE_URL must look like https://auth.example.com, without a path; it is {value!r}."
        )
        raise ImproperlyConfigured(message)
    return value


def database(default_file: Path) -> dict[str, Any]:
    """Return Django's database settings from DATABASE_URL; a SQLite file where it is unset."""
    url = text("DATABASE_URL")
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(default_file)}
    parts = _split(url)
    if parts is None or parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        message = (
            "DATABASE_URL must look like postgres://user:password@host:port/name "
            "(leave it unset for the embedded SQLite)."
        )
        raise ImproperlyConfigured(message)
    parsed: dict[str, Any] = dict(_env.db_url_config(url))
    return parsed


def email() -> dict[str, Any] | None:
    """Return Django's EMAIL_* settings from EMAIL_URL, or None where mail is only kept."""
    url = text("EMAIL_URL")
    if not url:
        return None
    parts = _split(url)
    if parts is None or parts.scheme not in {"smtp", "smtp+tls", "smtp+ssl"} or not parts.hostname:
        message = "EMAIL_URL must look like smtp://user:password@host:port (or smtp+tls://, smtp+ssl://)."
        raise ImproperlyConfigured(message)
    parsed: dict[str, Any] = dict(_env.email_url_config(url))
    return parsed


def redis_url() -> str:
    """Return REDIS_URL or an empty text."""
    value = text("REDIS_URL")
    parts = _split(value)
    if value and (parts is None or parts.scheme not in {"redis", "rediss", "unix"}):
        message = "REDIS_URL must look like redis://host:port/db (or rediss://, unix://)."
        raise ImproperlyConfigured(message)
    return value


def secret_key(generated: dict[str, str] | None) -> str:
    """Return the installation's secret; ``generated`` is the embedded mode's, None demands the variable."""
    value = text("GATEHOUSE_SECRET_KEY") or (generated or {}).get("secret_key", "")
    if not value:
        message = "GATEHOUSE_SECRET_KEY is missing: production needs one of at least 50 random characters."
        raise ImproperlyConfigured(message)
    if len(value) < _MINIMUM_SECRET_LENGTH or len(set(value)) < 10 or value.startswith("django-insecure"):
        message = "GATEHOUSE_SECRET_KEY is weak: use at least 50 random characters."
        raise ImproperlyConfigured(message)
    return value


def encryption_keys(generated: dict[str, str] | None) -> dict[str, bytes]:
    """Return key ids and 256-bit keys, the sealing one first."""
    value = text("GATEHOUSE_ENCRYPTION_KEYS") or (generated or {}).get("encryption_keys", "")
    if not value:
        message = "GATEHOUSE_ENCRYPTION_KEYS is missing: production needs id:base64-of-32-random-bytes."
        raise ImproperlyConfigured(message)
    keys: dict[str, bytes] = {}
    for item in value.split(","):
        key_id, _, encoded = item.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not key_id.isalnum() or len(key) != _KEY_BYTES or key_id in keys:
            message = (
                "GATEHOUSE_ENCRYPTION_KEYS must be id:base64-of-32-bytes, comma-separated, each id once."
            )
            raise ImproperlyConfigured(message)
        if len(set(key)) < 8:
            message = (
                f"The encryption key {key_id!r} in GATEHOUSE_ENCRYPTION_KEYS is weak: draw 32 random bytes."
            )
            raise ImproperlyConfigured(message)
        keys[key_id] = key
    return keys


def generated_secrets(data_directory: Path) -> dict[str, str]:
    """Return the embedded mode's secrets, made at the first start and kept in a file that only its owner reads."""
    path = data_directory / "secrets.json"
    if not path.exists():
        try:
            data_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"GATEHOUSE_DATA_DIR cannot be made: {data_directory} ({error.strerror})."
            raise ImproperlyConfigured(message) from error
        fresh = {
            "secret_key": secrets.token_urlsafe(48),
            "encryption_keys": f"k1:{base64.b64encode(os.urandom(_KEY_BYTES)).decode()}",
        }
        # Written aside and linked into place, so that two processes starting at once agree on one file.
        aside = data_directory / f".secrets.{os.getpid()}"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(fresh, file)
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL, or None where its host or port cannot be read."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _known(name: str) -> None:
    if name not in VARIABLES:
        message = f"{name} is not in config.env.VARIABLES."
        raise KeyError(message)
