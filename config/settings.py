"""Django settings. Everything that differs between installations comes from ``config.env``."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import env
from config.consumers import CONSUMERS
from config.logs import logging_settings

ROOT = Path(__file__).resolve().parent.parent

# --- How this installation runs -------------------------------------------------------------------------------

MODE = env.one_of("GATEHOUSE_MODE", ("embedded", "production"), "embedded")
PRODUCTION = MODE == "production"
DEBUG = False

DATA_DIR = Path(env.text("GATEHOUSE_DATA_DIR", str(ROOT / "var"))).resolve()
PORT = env.whole_number("PORT", 8000, minimum=1, maximum=65_535)
BIND = env.text("GATEHOUSE_BIND", "127.0.0.1")
BASE_URL = env.base_url(f"http://localhost:{PORT}")
_base_host = urlsplit(BASE_URL).hostname or "localhost"

_generated = None if PRODUCTION else env.generated_secrets(DATA_DIR)
SECRET_KEY = env.secret_key(_generated)
ENCRYPTION_KEYS = env.encryption_keys(_generated)

_hosts = env.text("GATEHOUSE_ALLOWED_HOSTS")
ALLOWED_HOSTS = [host.strip() for host in _hosts.split(",") if host.strip()] or (
    [_base_host] if PRODUCTION else [_base_host, "localhost", "127.0.0.1", "[::1]"]
)
TRUSTED_PROXIES = env.whole_number("GATEHOUSE_TRUSTED_PROXIES", 0, minimum=0, maximum=10)
RATE_LIMITS_ENABLED = env.switch("GATEHOUSE_RATE_LIMITS", default=True)
REDIS_URL = env.redis_url()

FIRST_API_KEY = env.text("GATEHOUSE_API_KEY")
FIRST_CLIENT_ID = env.text("GATEHOUSE_CLIENT_ID")
FIRST_OPERATOR_EMAIL = env.text("GATEHOUSE_ADMIN_EMAIL", "admin@gatehouse.test")
FIRST_OPERATOR_PASSWORD = env.text("GATEHOUSE_ADMIN_PASSWORD")

if PRODUCTION:
    if not BASE_URL.startswith("https://"):
        message = "GATEHOUSE_BASE_URL must be an https:// address in production."
        raise ImproperlyConfigured(message)
    if not env.text("DATABASE_URL"):
        message = "DATABASE_URL is missing: production runs on PostgreSQL."
        raise ImproperlyConfigured(message)
    if not REDIS_URL:
        message = "REDIS_URL is missing: production needs Redis for its queue and rate limits."
        raise ImproperlyConfigured(message)
    if not env.text("EMAIL_URL"):
        message = "EMAIL_URL is missing: production sends mail over SMTP."
        raise ImproperlyConfigured(message)
    if not RATE_LIMITS_ENABLED:
        message = "GATEHOUSE_RATE_LIMITS=off is for load tests; production keeps its limits."
        raise ImproperlyConfigured(message)

# --- The house ------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    "authentication",
    "organizations",
    "sso",
    "accounts",
    "authorization",
    "environments",
    "events",
    "config.apps.GatehouseAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # After the admin, whose pages for their models these remove.
    "config.apps.LibraryAccountConfig",
    "config.apps.LibrarySocialAccountConfig",
    "csp",
    "django_otp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "environments.api.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.PageSessionMiddleware",
    "config.middleware.PageCommonMiddleware",
    "config.middleware.PageCsrfMiddleware",
    "config.middleware.PageAuthenticationMiddleware",
    "config.middleware.PageOTPMiddleware",
    "config.middleware.PageMessageMiddleware",
    "config.middleware.PageFrameMiddleware",
    "config.middleware.PageCSPMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LANGUAGE_CODE = "en"
# What the hosted pages and the mails speak; the admin is in English.
LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("ja", "日本語"),
]
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
# Collected for production alone; the embedded mode serves from the sources.
STATIC_ROOT = ROOT / "staticfiles" if PRODUCTION else None
STATICFILES_DIRS = [ROOT / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = False
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

# --- Storage --------------------------------------------------------------------------------------------------

_database = env.database(DATA_DIR / "gatehouse.sqlite3")
if _database["ENGINE"].endswith("sqlite3"):
    # Without WAL and IMMEDIATE together, four of five concurrent writes fail with "database is locked".
    # An auth store keeps what it acknowledged through a power cut, hence synchronous=FULL (12 % slower).
    _database |= {
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-20000;"
                "PRAGMA temp_store=MEMORY;PRAGMA mmap_size=134217728;"
            ),
        },
    }
else:
    _database |= {
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **_database.get("OPTIONS", {}),
            "pool": {"min_size": 2, "max_size": 8, "timeout": 5},
            # Nobody waits longer for a row, and no request hangs behind a migration.
            "options": "-c lock_timeout=10s",
        },
    }
DATABASES: dict[str, Any] = {"default": _database}

CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# --- Queue ----------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {} if REDIS_URL else {"polling_interval": 0.05}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
# A task that dies with its worker is given to another one: every task may run twice.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "sweep-the-outbox": {"task": "events.tasks.sweep", "schedule": 15.0},
    "purge-old-events": {"task": "events.tasks.purge_old_rows", "schedule": 3600.0},
    "purge-mailbox-proofs": {"task": "accounts.tasks.purge_mailbox_proofs", "schedule": 3600.0},
    "purge-authentication-challenges": {
        "task": "accounts.tasks.purge_authentication_challenges",
        "schedule": 3600.0,
    },
    "check-pending-domains": {"task": "organizations.tasks.check_pending_domains", "schedule": 60.0},
    "refresh-saml-metadata": {"task": "sso.tasks.refresh_due_metadata", "schedule": 3600.0},
    "announce-certificate-renewals": {"task": "sso.tasks.announce_renewals", "schedule": 3600.0},
    "close-unanswered-exchanges": {"task": "sso.tasks.close_unanswered", "schedule": 60.0},
    "purge-sso": {"task": "sso.tasks.purge_sso", "schedule": 3600.0},
    "purge-sign-ins": {"task": "authentication.tasks.purge_sign_ins", "schedule": 3600.0},
    "purge-idempotent-requests": {"task": "environments.tasks.purge_idempotent_requests", "schedule": 3600.0},
}
EVENT_CONSUMERS = CONSUMERS

# --- Mail -----------------------------------------------------------------------------------------------------

_email = env.email()
MAIL_IS_DELIVERED = _email is not None
MAIL_FROM = env.text("GATEHOUSE_MAIL_FROM", f"Gatehouse <no-reply@{_base_host}>")
DEFAULT_FROM_EMAIL = MAIL_FROM
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = 20
if _email is not None:
    EMAIL_HOST = _email["EMAIL_HOST"]
    EMAIL_PORT = _email["EMAIL_PORT"] or 25
    EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
    EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
    EMAIL_USE_TLS = bool(_email.get("EMAIL_USE_TLS"))
    EMAIL_USE_SSL = bool(_email.get("EMAIL_USE_SSL"))

# A production installation keeps no codes for its staff to read: text messages need a sender that carries them.
SMS_SENDER = env.one_of(
    "GATEHOUSE_SMS_SENDER", ("none", "http") if PRODUCTION else ("none", "http", "kept"), "none"
)
SMS_URL = env.text("GATEHOUSE_SMS_URL")
SMS_TOKEN = env.text("GATEHOUSE_SMS_TOKEN")

# --- Operators and their sessions -----------------------------------------------------------------------------

AUTH_USER_MODEL = "environments.Operator"
PASSWORD_HASHERS = ["accounts.passwords.hashers.GatehouseArgon2Hasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_COOKIE_NAME = "gatehouse_staff"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_ENGINE = "django.contrib.sessions.backends.db"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "config.refusals.csrf_failure"
LOGIN_URL = "admin:login"

# --- The browser's guard rails --------------------------------------------------------------------------------

_https = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
SECURE_SSL_REDIRECT = (
    False  # RequestContextMiddleware refuses plain HTTP: an API call must not be repeated in clear.
)
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
SILENCED_SYSTEM_CHECKS = [
    # The checks look for Django's own classes by name: config.middleware runs them for pages alone.
    "security.W002",
    "security.W003",
    # No redirect to https: plain HTTP is refused instead, see above.
    "security.W008",
]

# --- Bot check ------------------------------------------------------------------------------------------------

# Where Turnstile's tokens are verified; tests put their own receiver here.
TURNSTILE_VERIFY_URL = "https://challenges.cloudflare.com/turnstile/v0/siteverify"

# --- Social providers -----------------------------------------------------------------------------------------

# django-allauth is used as a library (sso/oauth): no tables, no URLs, no sessions.
MIGRATION_MODULES = {"allauth_account": None, "allauth_socialaccount": None}
SOCIALACCOUNT_ADAPTER = "sso.oauth.library.ProviderAdapter"
SOCIALACCOUNT_QUERY_EMAIL = True
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {
    # X names a confirmed address only to those who ask for the field.
    "twitter_oauth2": {"FIELDS": ["id", "name", "username", "confirmed_email"]},
}

# --- The API --------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["environments.api.rendering.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_SCHEMA_CLASS": "environments.api.schema.GatehouseSchema",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Gatehouse",
    "DESCRIPTION": "A self-hosted auth platform, wire-compatible with the WorkOS API.",
    "VERSION": "0.1.0",
    "SERVERS": [{"url": BASE_URL}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "PREPROCESSING_HOOKS": ["environments.api.schema.without_aliases"],
    "POSTPROCESSING_HOOKS": [],
    "SECURITY": [{"apiKey": []}],
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key: `sk_…`."},
        }
    },
}

# --- Logs -----------------------------------------------------------------------------------------------------

LOG_FORMAT = env.one_of("GATEHOUSE_LOG_FORMAT", ("json", "console"), "json" if PRODUCTION else "console")
LOG_LEVEL = env.one_of("GATEHOUSE_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOGGING_CONFIG = "config.logs.configure"
LOGGING = logging_settings(LOG_FORMAT, LOG_LEVEL)

DNS_SERVER = env.text("GATEHOUSE_DNS_SERVER")
OUTBOUND_NETWORKS = env.networks(
    "GATEHOUSE_OUTBOUND_NETWORKS",
    () if PRODUCTION else ("127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
)
BREACHED_PASSWORDS_FILE = env.text("GATEHOUSE_BREACHED_PASSWORDS_FILE")
GEOIP_FILE = env.text("GATEHOUSE_GEOIP_FILE")
PASSWORD_ARGON2_MEMORY_KIB = env.whole_number(
    "GATEHOUSE_ARGON2_MEMORY_KIB", 19 * 1024, minimum=64 if not PRODUCTION else 7168, maximum=4 * 1024 * 1024
)
PASSWORD_ARGON2_PASSES = env.whole_number("GATEHOUSE_ARGON2_PASSES", 2, minimum=1, maximum=100)
PASSWORD_ARGON2_LANES = env.whole_number("GATEHOUSE_ARGON2_LANES", 1, minimum=1, maximum=64)
PASSWORD_CONCURRENT_HASHES = env.whole_number("GATEHOUSE_CONCURRENT_HASHES", 4, minimum=1, maximum=256)
