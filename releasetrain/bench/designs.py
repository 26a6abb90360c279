"""Describe the ways of fanning news out that are compared: how each is served, and how news gets into it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from asgiref.sync import async_to_sync
from channels_redis.core import RedisChannelLayer

from releasetrain.bench.house import Surroundings
from releasetrain.bench.serving import ROOT, command_of
from releasetrain.bench.worlds.news import NewsWorld
from releasetrain.bench.yardsticks.ws_library import WsLibrary
from releasetrain.events.queries import last_position
from releasetrain.lib import clock
from releasetrain.panels import tickets
from releasetrain.panels.audience import Audience

MARK = r'"type":"news","position":(\d+)'
TICKET_LIFETIME = timedelta(hours=1)
AUDIENCE = Audience.MEMBER
CHANNEL = "bench-news"
TUTORIAL_GROUP = "watchers"


@dataclass(frozen=True, slots=True)
class Design:
    """One way of fanning out: how it is served on a port, what a watcher sends, how news is published.

    `publish` commits one event, tells the server, and returns the event's position and the monotonic time of
    the commit.
    """

    what: str
    command: Callable[[int], list[str]]
    env: Mapping[str, str]
    order: Callable[[], Mapping[str, Any]]
    publish: Callable[[], tuple[int, float]]
    is_yardstick: bool = False
    is_fast: bool = True


def hub(around: Surroundings, world: NewsWorld, *, transport: str) -> Design:
    """Describe the house's own streaming process; committing an event is all that publishing needs."""
    paths = {"socket": "/live/socket", "events": "/live/events"}
    names = {"socket": "hub, WebSocket", "events": "hub, server-sent events"}

    def order() -> dict[str, Any]:
        topics = {world.topic: AUDIENCE}
        ticket = tickets.issue(topics, person=None, now=clock.now(), lifetime=TICKET_LIFETIME)
        return {
            "mark": MARK,
            "path": paths[transport],
            "transport": transport,
            "origin": around.env["RELEASETRAIN_PUBLIC_URL"],
            # A page that was drawn just now, as pages are when they connect.
            "hello": json.dumps({"ticket": ticket, "position": last_position()}),
        }

    return Design(
        what=names[transport],
        command=lambda _: command_of("stream"),
        env=around.env,
        order=order,
        publish=world.happen,
    )


def tutorial(around: Surroundings, world: NewsWorld, message: Callable[[int], str]) -> Design:
    """Describe the Channels tutorial's consumer, told by group_send as the tutorial does."""
    layer = RedisChannelLayer(  # type: ignore[no-untyped-call]
        hosts=[{"address": around.env["REDIS_URL"]}]
    )

    def publish() -> tuple[int, float]:
        position, at = world.happen()
        news = {"type": "fragment.changed", "html": message(position)}
        async_to_sync(layer.group_send)(TUTORIAL_GROUP, news)
        return position, at

    return Design(
        what="the tutorial's consumer",
        command=lambda _: command_of("stream", "releasetrain.bench.yardsticks.tutorial:application"),
        env={**around.env, "DJANGO_SETTINGS_MODULE": "releasetrain.bench.yardsticks.settings"},
        order=lambda: {"mark": MARK, "path": "/watch", "transport": "socket"},
        publish=publish,
        is_yardstick=True,
        is_fast=False,
    )


def node(around: Surroundings, world: NewsWorld, message: Callable[[int], str], library: WsLibrary) -> Design:
    """Describe Node's `ws`, told through Redis."""
    connection = redis.Redis.from_url(around.env["REDIS_URL"])
    script = str(ROOT / "releasetrain" / "bench" / "yardsticks" / "ws_server.cjs")
    place = _redis_place(around.env["REDIS_URL"])

    def publish() -> tuple[int, float]:
        position, at = world.happen()
        connection.publish(CHANNEL, message(position))
        return position, at

    return Design(
        what="Node ws",
        command=lambda port: [library.node, script, str(port), place, CHANNEL, library.path],
        env=around.env,
        order=lambda: {"mark": MARK, "path": "/", "transport": "socket"},
        publish=publish,
        is_yardstick=True,
    )


def _redis_place(url: str) -> str:
    parts = urlsplit(url)
    return unquote(parts.path) if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
