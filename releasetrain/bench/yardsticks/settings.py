"""Settings for the yardsticks: as little Django as each of them needs."""

import os

import environ

SECRET_KEY = "a yardstick signs nothing"  # noqa: S105 - and keeps nothing secret
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "releasetrain.bench.yardsticks.django_view"
USE_TZ = True
DATABASES = {"default": environ.Env().db_url("DATABASE_URL")}
# What the tutorial sets, but for the timeout: redis-py's own of 5 s would end idle consumers, and that is
# not what is compared here.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [{"address": os.environ["REDIS_URL"], "socket_timeout": 15}]},
    }
}
