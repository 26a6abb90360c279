"""Serve one watcher at its own pace: at most one send in flight, and only the newest after it."""

import asyncio
import contextlib
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol

from releasetrain.live.parcel import Parcel
from releasetrain.live.survey import Place
from releasetrain.panels.tickets import Ticket

Catch = Callable[["Watcher"], Parcel | None]
"""Compose what a watcher has missed, and mark it as served."""


class Transport(Protocol):
    """A way to a page: a WebSocket, or server-sent events."""

    def write(self, parcel: Parcel) -> bool: ...

    def deliver(self, parcel: Parcel) -> Coroutine[Any, Any, None]: ...

    def end(self, why: str) -> Coroutine[Any, Any, None]: ...

    def abandon(self) -> None: ...


class Watcher:
    """A page that watches: what it may see, how far it was served, and whether a send is under way."""

    __slots__ = (
        "__weakref__",
        "_task",
        "is_behind",
        "is_busy",
        "is_ended",
        "places",
        "ticket",
        "transport",
        "version",
        "waited",
    )

    def __init__(self, transport: Transport, ticket: Ticket) -> None:
        self.transport = transport
        self.ticket = ticket
        self.places: tuple[Place, ...] = tuple(sorted(ticket.topics.items()))
        self.version = 0
        # Busy until it has been caught up: what happens meanwhile is owed to it, not lost.
        self.is_busy = True
        self.is_behind = False
        self.is_ended = False
        self.waited = 0
        self._task: asyncio.Task[None] | None = None

    def push(self, parcel: Parcel, version: int, catch: Catch) -> None:
        """Send the newest, or owe it while the socket is still busy with an older one."""
        if self.is_busy:
            self.is_behind = True
            return
        self.version = version
        if self.transport.write(parcel):
            return
        self.is_busy = True
        rest = begin(self.transport.deliver(parcel))
        if rest is None:
            self.is_busy = False
        else:
            self._task = asyncio.ensure_future(self._finish(rest, catch))

    async def serve(self, first: Parcel, catch: Catch) -> None:
        """Send what it missed before it came, then what happened meanwhile; from then on it is pushed to."""
        if not self.is_ended:
            await self.transport.deliver(first)
            await self.settle(catch)

    async def settle(self, catch: Catch) -> None:
        """Send what is owed until nothing is."""
        while self.is_behind and not self.is_ended:
            self.is_behind = False
            if parcel := catch(self):
                await self.transport.deliver(parcel)
        self.is_busy = self.is_ended
        self.waited = 0

    async def _finish(self, rest: Awaitable[None], catch: Catch) -> None:
        with contextlib.suppress(OSError, RuntimeError):  # it has left; its consumer hears of that, too
            await rest
            await self.settle(catch)

    def end(self, why: str) -> None:
        """Say why and close, without waiting for a slow socket."""
        self.is_busy = self.is_ended = True
        self._task = asyncio.ensure_future(self.transport.end(why))

    def forget(self) -> None:
        """Stop whatever is still being sent."""
        if self._task is not None and not self._task.done():
            self._task.cancel()


def begin(coroutine: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
    """Run a coroutine until it waits for the first time; None when it never did, else what is left of it.

    Almost every send only copies bytes into a buffer. A task for each would cost ten times as much (measured:
    1 µs against 9 µs), and there are thousands a second.
    """
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    return _rest(coroutine, waits_for)


@types.coroutine
def _rest(begun: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Wait for what a coroutine that has begun waits for, then go on with it."""
    try:
        yield waits_for
    except BaseException:
        begun.close()
        raise
    yield from begun
