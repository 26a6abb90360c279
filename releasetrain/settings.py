"""Read every setting from the environment and refuse nonsense with a sentence."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from releasetrain.lib.credentials import read_credentials

# Lets annotations such as ModelForm[Train] stand in code that runs.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def refuse(name: str, why: str) -> ImproperlyConfigured:
    """Build the sentence for a setting that cannot be used."""
    return ImproperlyConfigured(f"The setting {name} cannot be used: {why}")


def read_url(name: str, default: str) -> str:
    """Read an http(s) address without its trailing slash."""
    value: str = env.str(name, default).rstrip("/")
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
        raise refuse(name, f"“{value}” is not an address such as https://trains.example.org.")
    return value


def read_switch(name: str, *, default: bool) -> bool:
    """Read 1/0, true/false, yes/no or on/off, and nothing else."""
    value = os.environ.get(name, str(int(default))).strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise refuse(name, f"“{value}” is neither 1 nor 0.")


def read_paths(name: str) -> tuple[str, ...]:
    """Read absolute paths, separated by colons."""
    paths = tuple(path for path in os.environ.get(name, "").split(":") if path)
    for path in paths:
        if not Path(path).is_absolute() or Path(path) == Path("/"):
            raise refuse(name, f"“{path}” is not the absolute path of a folder or a file.")
    return paths


def read_secret_key() -> str:
    """Read the signing key: given, or made once and kept beside the data."""
    if key := os.environ.get("RELEASETRAIN_SECRET_KEY", ""):
        if len(key) < 32:
            raise refuse("RELEASETRAIN_SECRET_KEY", "it is shorter than 32 characters.")
        return key
    kept = DATA_DIR / "secret_key"
    return kept.read_text().strip() if kept.exists() else os.urandom(32).hex()


DATA_DIR = Path(os.environ.get("RELEASETRAIN_DATA", BASE_DIR / ".data"))
DEBUG = read_switch("RELEASETRAIN_DEBUG", default=False)
DEMO = read_switch("RELEASETRAIN_DEMO", default=False)
SECRET_KEY = read_secret_key()
# Keys of before, newest first: what they signed or encrypted is still read.
SECRET_KEY_FALLBACKS: list[str] = env.list("RELEASETRAIN_SECRET_KEY_FALLBACKS", default=[])
PUBLIC_URL = read_url("RELEASETRAIN_PUBLIC_URL", "http://127.0.0.1:8000")
STREAM_URL = read_url("RELEASETRAIN_STREAM_URL", "http://127.0.0.1:8001")
DEMO_PROXY = os.environ.get("RELEASETRAIN_DEMO_PROXY", "")
STOREFRONT_URL = read_url("RELEASETRAIN_STOREFRONT_URL", "http://127.0.0.1:8002")
GITHUB_WEBHOOK_SECRET = os.environ.get("RELEASETRAIN_GITHUB_WEBHOOK_SECRET", "")
GITLAB_WEBHOOK_SECRET = os.environ.get("RELEASETRAIN_GITLAB_WEBHOOK_SECRET", "")
GITEA_WEBHOOK_SECRET = os.environ.get("RELEASETRAIN_GITEA_WEBHOOK_SECRET", "")
GOGS_WEBHOOK_SECRET = os.environ.get("RELEASETRAIN_GOGS_WEBHOOK_SECRET", "")
BITBUCKET_WEBHOOK_SECRET = os.environ.get("RELEASETRAIN_BITBUCKET_WEBHOOK_SECRET", "")
BITBUCKET_SERVER_WEBHOOK_SECRET = os.environ.get("RELEASETRAIN_BITBUCKET_SERVER_WEBHOOK_SECRET", "")
# Flag evaluations a second, for each token and process; 0 means any number.
OFREP_RATE: int = env.int("RELEASETRAIN_OFREP_RATE", 20_000)
# Days that readings are kept; a day of 5,000 points a second takes about 130 GB.
READINGS_DAYS: int = env.int("RELEASETRAIN_READINGS_DAYS", 14)
if not 2 <= READINGS_DAYS <= 400:
    raise refuse("RELEASETRAIN_READINGS_DAYS", f"{READINGS_DAYS} is not a number of days from 2 to 400.")
# Hosts inside our own network that calendars and metrics may be fetched from all the same.
INTERNAL_HOSTS = frozenset(
    host.strip().lower().rstrip(".") for host in env.list("RELEASETRAIN_INTERNAL_HOSTS", default=[])
)
# Secrets for addresses that are asked, by name; each may be sent to its own origin only.
CREDENTIALS = read_credentials(os.environ, refuse)
# Folders and files of the commands that a target may name; without any, no command runs at all.
COMMAND_PATHS = read_paths("RELEASETRAIN_COMMAND_PATHS")
IS_HTTPS = PUBLIC_URL.startswith("https://")
IS_LOOPBACK = urlsplit(PUBLIC_URL).hostname in {"127.0.0.1", "localhost", "::1"}

ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or "", *env.list("RELEASETRAIN_ALLOWED_HOSTS", default=[])]
if IS_LOOPBACK:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.admin",
    "allauth",
    "allauth.account",
    "channels",
    "csp",
    "django_htmx",
    "lucide",
    "ninja",
    "releasetrain.events",
    "releasetrain.accounts",
    "releasetrain.catalog",
    "releasetrain.calendars",
    "releasetrain.flags",
    "releasetrain.health",
    "releasetrain.incidents",
    "releasetrain.trains",
    "releasetrain.rollouts",
    "releasetrain.notifications",
    "releasetrain.web",
    "releasetrain.live",
    "releasetrain.demo",
    "releasetrain.bench",
    "releasetrain.chaos",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "releasetrain.web.middleware.PersonMiddleware",
    "releasetrain.web.middleware.RefusalMiddleware",
]

ROOT_URLCONF = "releasetrain.urls"
ASGI_APPLICATION = "releasetrain.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "releasetrain.web.context.house",
            ],
            "builtins": ["django.templatetags.static"],
        },
    }
]

DATABASES = {
    "default": {
        **env.db_url("DATABASE_URL", default="postgres://postgres@127.0.0.1:5432/releasetrain"),
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 0,
    }
}
# The pool belongs in the web process only: Celery closes it around every task.
if read_switch("RELEASETRAIN_POOL", default=False):
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 2, "max_size": 16, "timeout": 5}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL: str = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
# A Redis that answers nothing must not keep a page waiting, least of all the sign-in at night.
WAITS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
CACHE = {"BACKEND": "releasetrain.lib.cache.ForgivingRedisCache", "LOCATION": REDIS_URL, "OPTIONS": WAITS}
CACHES = {"default": CACHE}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": 15}]},
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "releasetrain.web.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/sign-in/"

EMAIL_CONFIG = env.email_url("RELEASETRAIN_EMAIL_URL", default="dummymail://")
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL_CONFIG.get("EMAIL_HOST", "")
EMAIL_PORT = EMAIL_CONFIG.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = EMAIL_CONFIG.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL_CONFIG.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("RELEASETRAIN_EMAIL_FROM", "Release Train <trains@localhost>")

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = os.environ.get("RELEASETRAIN_STATIC_ROOT") or None
WHITENOISE_USE_FINDERS = True

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "releasetrain_session"
CSRF_COOKIE_NAME = "releasetrain_csrf"
CSRF_FAILURE_VIEW = "releasetrain.web.views.errors.csrf_failure"
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
if IS_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

STREAM_SOCKET_URL = STREAM_URL.replace("http", "ws", 1)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF, STREAM_SOCKET_URL, STREAM_URL],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

CELERY_BROKER_URL = REDIS_URL

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("RELEASETRAIN_LOG_LEVEL", "WARNING")},
    "loggers": {"releasetrain": {"level": env.str("RELEASETRAIN_LOG_LEVEL", "INFO")}},
}
