"""Listen on the Channels layer for hints: one member a process, in the group of each topic watched here."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
Hint = Mapping[str, Any]


class Ears:
    """Keep the groups that are wanted, also through an outage; what is lost meanwhile the hub reads up."""

    def __init__(self, hear: Callable[[Hint], None]) -> None:
        self._hear = hear
        self._wanted: frozenset[str] = frozenset()
        self._joined: set[str] = set()
        self._changed = asyncio.Event()
        self._is_deaf = False

    def want(self, topics: Iterable[str]) -> None:
        """Say which topics are watched here now."""
        wanted = frozenset(topics)
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    async def run(self) -> None:
        """Listen until cancelled."""
        layer: Any = get_channel_layer()
        tending: asyncio.Future[None] | None = None
        try:
            channel = await self._insist(layer.new_channel, "live.")
            tending = asyncio.ensure_future(self._tend(layer, channel))
            while True:
                self._hear(await layer.receive(channel))
        finally:
            if tending is not None:
                tending.cancel()
                await asyncio.gather(tending, return_exceptions=True)
            with contextlib.suppress(RedisError, OSError):
                await layer.flush()

    async def _tend(self, layer: Any, channel: str) -> None:
        """Join and leave groups as topics come and go."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            for topic in self._wanted - self._joined:
                await self._insist(layer.group_add, topic, channel)
                self._joined.add(topic)
            for topic in self._joined - self._wanted:
                await self._insist(layer.group_discard, topic, channel)
                self._joined.discard(topic)

    async def _insist(self, ask: Callable[..., Any], *arguments: str) -> Any:
        """Ask the layer until it answers, and complain once."""
        while True:
            try:
                answer = await ask(*arguments)
            except (RedisError, OSError) as fault:
                if not self._is_deaf:
                    logger.warning(
                        "Redis is away (%s); the log is read every moment until it is back.", fault
                    )
                self._is_deaf = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._is_deaf = False
                return answer


class NoTraceOfAnOutage(logging.Filter):
    """Keep the layer from writing a trace every second while Redis is away: a line says as much."""

    def filter(self, record: logging.LogRecord) -> bool:
        fault = record.exc_info[1] if record.exc_info else None
        if not isinstance(fault, RedisError | OSError):
            return True
        record.exc_info = record.exc_text = None
        record.msg, record.args = "The channel layer has lost Redis (%s) and keeps trying.", (fault,)
        return True
