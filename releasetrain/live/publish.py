"""Tell the streaming processes, after the commit, that something happened.

A message is a hint: ids and public facts, no HTML. Whoever hears it reads the database, and whoever missed it
reads it a second later. So a lost message costs a moment, and an unreachable Redis must cost the commit
nothing.
"""

import logging
import threading
from collections.abc import Mapping
from time import monotonic
from typing import Any

from channels_redis.serializers import registry
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from releasetrain.events.models import Event

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.04
REST_SECONDS = 1.0
MESSAGE_TYPE = "live.news"


def group_channel(topic: str) -> str:
    """Name the Redis channel of a topic's group as channels_redis.pubsub does."""
    config: Mapping[str, Any] = settings.CHANNEL_LAYERS["default"]["CONFIG"]  # type: ignore[assignment]
    return f"{config.get('prefix', 'asgi')}__group__{topic}"


def message_of(event: Event) -> dict[str, Any]:
    """Say in ids and public facts what happened; the position is read back once, after the commit."""
    return {
        "type": MESSAGE_TYPE,
        "event": event.pk,
        "position": event.link.position,
        "kind": event.kind,
        "topics": event.topics,
    }


class Publisher:
    """Keep a connection to Redis, and leave Redis alone for a second each time it does not answer."""

    def __init__(self, url: str, *, patience: float = PATIENCE_SECONDS) -> None:
        self._serializer = registry.get_serializer("msgpack")  # type: ignore[no-untyped-call]
        self._lock = threading.Lock()
        self._rests_until = 0.0
        self._missed = 0
        # One retry, for connection errors alone: a kept connection dies with a restarted server, and the
        # next one stands at once. A timeout is not tried again, or the commit would wait for it twice.
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 1, (RedisConnectionError,)),
            protocol=2,
            driver_info=None,
        )

    def __call__(self, event: Event) -> None:
        """Send one message to the group of each of the event's topics; go on without when Redis is away."""
        if not event.topics or not self._may_try():
            return
        payload = self._serializer.serialize(message_of(event))
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for topic in event.topics:
                    pipeline.publish(group_channel(topic), payload)
                pipeline.execute()
        except (RedisError, OSError) as error:
            self._rest(error)
        else:
            self._recover()

    def _may_try(self) -> bool:
        """Tell whether to try; while Redis is away, one thread tries once a second."""
        if not self._missed:
            return True
        with self._lock:
            now = monotonic()
            if now < self._rests_until:
                self._missed += 1
                return False
            self._rests_until = now + REST_SECONDS
            return True

    def _rest(self, error: Exception) -> None:
        with self._lock:
            if not self._missed:
                logger.warning("Redis is away (%s); pages find news by themselves until it is back.", error)
            self._missed += 1
            self._rests_until = monotonic() + REST_SECONDS

    def _recover(self) -> None:
        if not self._missed:
            return
        with self._lock:
            logger.warning("Redis is back; %d messages were left out, pages have found them.", self._missed)
            self._missed = 0

    def close(self) -> None:
        """Give the kept connections back."""
        self._redis.close()


publish = Publisher(settings.REDIS_URL)
