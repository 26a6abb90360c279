"""Let pages watch: over a WebSocket, or over server-sent events where sockets do not get through.

Both say first what they may watch and what they show: {"ticket": "…", "position": 41}. A socket goes on sending
{"ticket": "…"} with fresh tickets; a stream of events is opened again with one. Neither asks the database
anything: the ticket is signed, and the hub remembers.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from channels.exceptions import StopConsumer
from channels.generic.http import AsyncHttpConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import validate_host

from releasetrain.lib.errors import Refused
from releasetrain.live.hub import Hub, the_hub
from releasetrain.live.parcel import Parcel, bye
from releasetrain.live.watcher import Watcher
from releasetrain.panels import tickets

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

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


def read_greeting(text: str) -> tuple[str, int]:
    """Return the ticket and the position of a greeting; a page that shows nothing yet is at −1.

    :raises Unreadable: it is something else
    """
    try:
        said = json.loads(text[: LONGEST_GREETING + 1])
        ticket, position = said["ticket"], said.get("position", -1)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        ticket, position = None, None
    if not isinstance(ticket, str) or type(position) is not int:
        raise Unreadable('Send {"ticket": "…", "position": number}.')
    return ticket, max(position, -1)


class LiveSocket(AsyncWebsocketConsumer):
    """Serve one page over a WebSocket."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Read messages until the socket closes.

        Channels' own loop makes every consumer a member of the layer and hops to a thread before each message to
        close database connections. Here the hub is the one member, and nothing touches the database.
        """
        self.scope = scope  # type: ignore[assignment]
        self.base_send = send  # type: ignore[method-assign, assignment]
        self.hub: Hub = the_hub()
        self.watcher: Watcher | None = None
        try:
            while True:
                await self.dispatch(await receive())  # type: ignore[arg-type]
        except (StopConsumer, OSError):
            pass
        finally:
            if self.watcher is not None:
                self.hub.leave(self.watcher)

    async def dispatch(self, message: Mapping[str, Any]) -> None:  # type: ignore[override]
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
            words, position = read_greeting(text)
            ticket = tickets.read(words, self.hub.clock())
        except Unreadable:
            await self.close(UNREADABLE)
            return
        except tickets.TicketRefused:
            await self.end("ticket")
            return
        if self.watcher is None:
            self.watcher = Watcher(self, ticket)
            await self.hub.join(self.watcher, position)
        else:
            await self.hub.renew(self.watcher, ticket)

    # the watcher's transport

    async def send(self, parcel: Parcel) -> None:  # type: ignore[override]
        await self.base_send(parcel.for_socket)

    async def accept(self, subprotocol: str | None = None, headers: Any = None) -> None:
        await self.base_send({"type": "websocket.accept"})

    async def close(self, code: int | bool | None = None, reason: str | None = None) -> None:
        await self.base_send({"type": "websocket.close", "code": int(code or 1008)})

    async def end(self, why: str) -> None:
        """Say why, then close."""
        try:
            await self.send(bye(why))
            await self.close(CLOSE_CODES[why])
        except (OSError, RuntimeError):
            return  # it has closed by itself

    async def _close_quietly(self, code: int) -> None:
        try:
            await self.close(code)
        except (OSError, RuntimeError):
            return

    def abandon(self) -> None:
        """Leave a socket that takes nothing any more to the server's keep-alive, which closes it."""


class LiveEvents(AsyncHttpConsumer):
    """Serve one page over server-sent events: POST the greeting as text, read until the connection ends.

    A page reads it with fetch, not with EventSource: so the ticket travels in the body and not in an address.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Answer one request; see LiveSocket about the loop."""
        self.scope = scope  # type: ignore[assignment]
        self.base_send = send  # type: ignore[method-assign, assignment]
        self.origin = origin_of(scope)
        self.over = asyncio.Event()
        try:
            ticket, position = self._admit(await self._read(receive))
        except Refused as refusal:
            await self._refuse(refusal)
            return
        await self._watch(ticket, position, receive)

    async def _read(self, receive: Receive) -> str:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return ""
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > LONGEST_GREETING:
                return body.decode(errors="replace")

    def _admit(self, greeting: str) -> tuple[tickets.Ticket, int]:
        if self.scope["method"] != "POST":
            raise Unreadable("Open this with POST, and say the ticket in the body.", status=405)
        if not is_our_page(self.origin):
            raise Unreadable("Only pages of this house may open this.", status=403)
        words, position = read_greeting(greeting)
        return tickets.read(words, the_hub().clock()), position

    async def _refuse(self, refusal: Refused) -> None:
        await self._head(refusal.status, b"text/plain; charset=utf-8")
        await self.base_send({"type": "http.response.body", "body": refusal.message.encode()})

    async def _head(self, status: int, content_type: bytes) -> None:
        headers = [
            (b"content-type", content_type),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            (b"vary", b"origin"),
        ]
        if is_our_page(self.origin):
            headers.append((b"access-control-allow-origin", self.origin.encode("latin-1")))
        await self.base_send({"type": "http.response.start", "status": status, "headers": headers})

    async def _watch(self, ticket: tickets.Ticket, position: int, receive: Receive) -> None:
        hub, watcher = the_hub(), Watcher(self, ticket)
        leaving = asyncio.ensure_future(self._until_left(receive))
        try:
            await self._head(200, b"text/event-stream")
            await self.base_send({"type": "http.response.body", "body": b":\n\n", "more_body": True})
            await hub.join(watcher, position)
            await self.over.wait()
        except OSError:
            pass  # the page is gone
        finally:
            leaving.cancel()
            hub.leave(watcher)

    async def _until_left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.over.set()

    # the watcher's transport

    async def send(self, parcel: Parcel) -> None:  # type: ignore[override]
        await self.base_send(parcel.for_stream)

    async def end(self, why: str) -> None:
        """Say why, then end the answer."""
        try:
            await self.send(bye(why))
            await self.base_send({"type": "http.response.body", "body": b""})
        except (OSError, RuntimeError):
            return
        finally:
            self.over.set()

    def abandon(self) -> None:
        """End the answer that nobody reads."""
        self.over.set()
