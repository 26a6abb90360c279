"""Serve sockets: /live/socket, /live/events where sockets do not get through, and /healthz."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from releasetrain.lib.collector import spare_what_is_loaded
from releasetrain.live.consumers import LiveEvents, LiveSocket
from releasetrain.live.ears import NoTraceOfAnOutage
from releasetrain.live.hub import stop_the_hub

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]

logging.getLogger("channels_redis.pubsub").addFilter(NoTraceOfAnOutage())


async def answer(send: Send, status: int, text: str) -> None:
    """Answer in plain text."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def health(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that this process serves."""
    await answer(send, 200, "stream")


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that pages live elsewhere."""
    await answer(send, 404, "Only live pages connect here: /live/socket and /live/events.")


async def no_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a socket at an address that has none."""
    await receive()
    await send({"type": "websocket.close"})


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Start with nothing, and end by sending every page to another process."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            spare_what_is_loaded()
            await send({"type": "lifespan.startup.complete"})
        else:
            await stop_the_hub()
            await send({"type": "lifespan.shutdown.complete"})
            return


def route(address: str, application: Any) -> Any:
    """Lead an address to an ASGI application, which Django's own types do not foresee."""
    return path(address, application)


stream = ProtocolTypeRouter(
    {
        "lifespan": lifespan,
        "websocket": URLRouter(
            [
                route("live/socket", LiveSocket.as_asgi()),
                route("<path:elsewhere>", no_socket),
                route("", no_socket),
            ]
        ),
        "http": URLRouter(
            [
                route("live/events", LiveEvents.as_asgi()),
                route("healthz", health),
                route("<path:elsewhere>", nowhere),
                route("", nowhere),
            ]
        ),
    }
)
