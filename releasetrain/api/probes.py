"""Tell whoever watches this process whether it lives, and what it can reach."""

from typing import Any

import redis
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from releasetrain.flags.serving import serving

REDIS_SECONDS = 1


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers; it asks nobody else, so an outage elsewhere restarts nothing here."""
    return JsonResponse({"status": "alive"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Say what is there: 503 without the database, 200 without Redis, which pages and rollback do not need.

    Flags are served without either; send their clients by /healthz.
    """
    database, broker, flags = database_state(), redis_state(), serving().standing()
    answer = {
        "ready": database["is_up"],
        "database": database,
        "redis": broker,
        "flags": {
            "source": flags.source or "nothing",
            "is_following": flags.is_connected,
            "revisions": flags.revisions,
        },
    }
    return JsonResponse(answer, status=200 if database["is_up"] else 503)


def database_state() -> dict[str, Any]:
    """Ask PostgreSQL for one row."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return {"is_up": False, "message": "PostgreSQL does not answer: only flags are served, from memory."}
    return {"is_up": True, "message": ""}


def redis_state() -> dict[str, Any]:
    """Ask Redis for a sign of life."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        ) as client:
            client.ping()
    except (redis.RedisError, OSError):
        return {
            "is_up": False,
            "message": "Redis does not answer: pages are not live and rollouts do not advance; "
            "rollback and flags work.",
        }
    return {"is_up": True, "message": ""}
