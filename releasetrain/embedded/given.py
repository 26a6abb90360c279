"""Check servers that were given by address instead of started here, and say in a sentence what is wrong."""

import contextlib
from urllib.parse import urlsplit

import psycopg
import redis

from releasetrain.embedded.errors import ServerError

OLDEST_POSTGRESQL = 150000
OLDEST_REDIS = 6


def check_database(url: str) -> None:
    """Refuse a DATABASE_URL that does not lead to a PostgreSQL new enough."""
    shown = _without_password(url)
    if urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise ServerError(
            f"DATABASE_URL is “{shown}”, which is not an address such as "
            "postgres://user:password@host:5432/releasetrain. Correct it, or unset it to use the private one."
        )
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version
    except (psycopg.Error, UnicodeError, ValueError) as error:
        raise ServerError(
            f"No database answers at DATABASE_URL {shown}: {_first_line(error)}. Start that server, correct "
            "the address, or unset DATABASE_URL to use the private server."
        ) from error
    if version < OLDEST_POSTGRESQL:
        raise ServerError(
            f"DATABASE_URL {shown} leads to PostgreSQL {version // 10000}; version "
            f"{OLDEST_POSTGRESQL // 10000} or newer is needed."
        )


def check_redis(url: str) -> None:
    """Refuse a REDIS_URL that does not lead to a Redis or Valkey new enough."""
    shown = _without_password(url)
    try:
        client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    except ValueError as error:
        raise ServerError(
            f"REDIS_URL is “{shown}”, which is not an address such as redis://:password@host:6379/0. "
            "Correct it, or unset it to use the private server."
        ) from error
    with contextlib.closing(client):
        try:
            version = str(client.info("server").get("redis_version", "0"))
        except (redis.RedisError, OSError, UnicodeError) as error:
            raise ServerError(
                f"No Redis answers at REDIS_URL {shown}: {_first_line(error)}. Start that server, correct "
                "the address, or unset REDIS_URL to use the private server."
            ) from error
    if int(version.split(".")[0]) < OLDEST_REDIS:
        raise ServerError(f"REDIS_URL {shown} leads to Redis {version}; {OLDEST_REDIS} or newer is needed.")


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
        secret = parts.password
    except ValueError:
        return "(unreadable)"
    return url.replace(f":{secret}@", ":***@", 1) if secret else url


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
