"""Let pages watch: over a WebSocket, or over server-sent events where sockets do not get through.

Both say first what they may watch and what they show: {"ticket": "…", "position": 41, "at": "2026-…Z"}, the
last two as the newest message or the page itself had them. A socket goes on sending {"ticket": "…"} with
fresh tickets; a stream of events is opened again with one. Neither asks the database anything: the ticket
is signed, and the hub remembers.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import validate_host

from releasetrain.lib.errors import Refused
from releasetrain.live.hub import the_hub
from releasetrain.live.lane import Lane, lane_of
from releasetrain.live.parcel import Parcel, bye
from releasetrain.live.watcher import Watcher
from releasetrain.panels import tickets

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]

LONGEST_GREETING = 16_384
GREETING_SECONDS = 10.0

NEEDS_TICKET = 4401
RESTARTS = 1012
UNREADABLE = 4400
CLOSE_CODES = {"ticket": NEEDS_TICKET, "restart": RESTARTS}


class Unreadable(Refused):
    """Refuse a greeting that is not {"ticket": "…", "position": number}."""

    status = 400


def origin_of(scope: Scope) -> str:
    """Return the address of the page that asks, empty where none is named."""
    named = [value for name, value in scope["headers"] if name == b"origin"]
    return named[-1].decode("latin-1") if named else ""


def is_our_page(origin: str) -> bool:
    """Tell whether a page at this origin is one of ours, by its host: the stream has a port of its own."""
    host = urlsplit(origin).hostname
    return bool(host) and validate_host(
        f"[{host}]" if ":" in str(host) else str(host), settings.ALLOWED_HOSTS
    )


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a page says first; one that shows nothing yet is at position −1."""

    ticket: str
    position: int = -1
    at: datetime | None = None


def read_greeting(text: str) -> Greeting:
    """Read what a page says first.

    :raises Unreadable: it is something else
    """
    try:
        said = json.loads(text[: LONGEST_GREETING + 1])
        ticket, position, at = said["ticket"], said.get("position", -1), said.get("at")
        drawn_at = datetime.fromisoformat(at) if at else None
        is_sound = isinstance(ticket, str) and type(position) is int and (not drawn_at or drawn_at.tzinfo)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        is_sound = False
    if not is_sound:
        raise Unreadable('Send {"ticket": "…", "position": number, "at": "instant"}.')
    return Greeting(ticket, max(position, -1), drawn_at)


class LiveSocket(AsyncWebsocketConsumer):
    """Serve one page over a WebSocket."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read messages until the socket closes.

        Channels' own loop makes every consumer a member of the layer and hops to a thread before each message
        to close database connections. Here the hub is the one member, and nothing touches the database.
        """
        self.scope = cast("Any", scope)
        self.base_send = cast("Any", send)
        self.hub = the_hub()
        self.watcher: Watcher | None = None
        self.lane: Lane | None = None
        try:
            while True:
                await self.dispatch(dict(await receive()))
        except (StopConsumer, OSError):
            return
        finally:
            self.hub.leave(self.watcher)

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Hand a message to its method, at once."""
        if message["type"] == "websocket.receive":
            await self.hear(message.get("text") or "")
        elif message["type"] == "websocket.connect":
            await self.open()
        else:
            raise StopConsumer

    async def open(self) -> None:
        """Let in pages of ours; they have a moment to show a ticket."""
        if not is_our_page(origin_of(self.scope)):
            await self.close()
            return
        await self.accept()
        asyncio.get_running_loop().call_later(GREETING_SECONDS, self._expect_greeting)

    def _expect_greeting(self) -> None:
        if self.watcher is None:
            self._closing = asyncio.ensure_future(self._close_quietly(UNREADABLE))

    async def hear(self, text: str) -> None:
        """Take the greeting, or a fresh ticket."""
        try:
            greeting = read_greeting(text)
            ticket = tickets.read(greeting.ticket, self.hub.clock())
        except Unreadable:
            await self.close(UNREADABLE)
        except tickets.TicketRefused:
            await self.end("ticket")
        else:
            await self._admit(ticket, greeting)

    async def _admit(self, ticket: tickets.Ticket, greeting: Greeting) -> None:
        if self.watcher is not None:
            await self.hub.renew(self.watcher, ticket)
            return
        self.watcher, self.lane = Watcher(self, ticket), lane_of(self.base_send)
        await self.hub.join(self.watcher, greeting.position, greeting.at)

    async def _close_quietly(self, code: int) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # it may have closed by itself
            await self.close(code)

    # the watcher's transport

    def write(self, parcel: Parcel) -> bool:
        """Send a message at once where that can be done."""
        return self.lane is not None and self.lane(parcel.frame)

    async def deliver(self, parcel: Parcel) -> None:
        """Send a message, and wait for a socket that is slow."""
        await self.base_send(cast("Any", parcel.for_socket))

    async def end(self, why: str) -> None:
        """Say why, then close."""
        with contextlib.suppress(OSError, RuntimeError):
            await self.deliver(bye(why))
        await self._close_quietly(CLOSE_CODES[why])

    def abandon(self) -> None:
        """Leave a socket that takes nothing any more to the server's keep-alive, which closes it."""


class LiveEvents(AsyncHttpConsumer):
    """Serve one page over server-sent events: POST the greeting as text, read until the connection ends.

    A page reads it with fetch, not with EventSource: so the ticket travels in the body and not in an address.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see LiveSocket about the loop."""
        self.scope = cast("Any", scope)
        self.base_send = cast("Any", send)
        self.over = asyncio.Event()
        try:
            greeting = read_greeting(await self._body(receive))
            watcher = Watcher(self, tickets.read(greeting.ticket, the_hub().clock()))
        except Refused as refusal:
            await self._answer(refusal.status, refusal.message)
            return
        await self._watch(watcher, greeting, receive)

    async def _body(self, receive: Receive) -> str:
        """Read the greeting of a page of ours.

        :raises Unreadable: it comes from somewhere else, or in another way
        """
        if self.scope["method"] != "POST":
            raise Unreadable("Open this with POST, and say the ticket in the body.", status=405)
        if not is_our_page(origin_of(self.scope)):
            raise Unreadable("Only pages of this house may open this.", status=403)
        body = b""
        while len(body) <= LONGEST_GREETING:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        return body.decode(errors="replace")

    async def _answer(self, status: int, text: str) -> None:
        await self._head(status, b"text/plain; charset=utf-8")
        await self.send_body(text.encode())

    async def _head(self, status: int, content_type: bytes) -> None:
        headers = [
            (b"content-type", content_type),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            (b"vary", b"origin"),
        ]
        if is_our_page(origin := origin_of(self.scope)):
            headers.append((b"access-control-allow-origin", origin.encode("latin-1")))
        await self.send_headers(status=status, headers=headers)

    async def _watch(self, watcher: Watcher, greeting: Greeting, receive: Receive) -> None:
        hub = the_hub()
        leaving = asyncio.ensure_future(self._until_left(receive))
        try:
            await self._head(200, b"text/event-stream")
            await self.send_body(b":\n\n", more_body=True)
            await hub.join(watcher, greeting.position, greeting.at)
            await self.over.wait()
        except OSError:
            return  # the page is gone
        finally:
            leaving.cancel()
            hub.leave(watcher)

    async def _until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.over.set()

    # the watcher's transport

    def write(self, parcel: Parcel) -> bool:
        """Send nothing at once: an answer in chunks is the server's own to write."""
        return False

    async def deliver(self, parcel: Parcel) -> None:
        """Send a message, and wait for a connection that is slow."""
        await self.base_send(cast("Any", parcel.for_stream))

    async def end(self, why: str) -> None:
        """Say why, then end the answer."""
        with contextlib.suppress(OSError, RuntimeError):
            await self.deliver(bye(why))
            await self.send_body(b"")
        self.over.set()

    def abandon(self) -> None:
        """End the answer that nobody reads."""
        self.over.set()
