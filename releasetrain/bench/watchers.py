"""Watch a stream over thousands of connections from one light process, and sum up who got what, and when.

Run by the live benchmark as a process of its own. It speaks JSON lines: the first line in says what to watch,
the first out that all are connected. Then, as often as wanted: a line in begins a measurement, the next says
when each event was published, and the line out is the summary. The end of its input ends it.
"""

import asyncio
import base64
import contextlib
import json
import os
import re
import struct
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from releasetrain.bench.figures import spread

HANDSHAKES_AT_ONCE = 100
RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)  # as a page does that is refused
SECONDS_TO_CONNECT = 90
WATCHERS_AN_ADDRESS = 20_000  # each loopback address has some 28,000 ports
OP_TEXT, OP_CLOSE, OP_PING, OP_PONG = 1, 8, 9, 10


class Frames:
    """Take frames, as RFC 6455 has servers send them, out of a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Add bytes and return the frames that are now complete, as opcode and payload."""
        buffer = self._rest + data if self._rest else data
        start, found = 0, []
        while (frame := _frame_at(buffer, start)) is not None:
            opcode, begin, start = frame
            found.append((opcode, buffer[begin:start]))
        self._rest = buffer[start:]
        return found


def _frame_at(buffer: bytes, start: int) -> tuple[int, int, int] | None:
    """Return opcode, start and end of the payload of the frame that begins here, if it is all there."""
    have = len(buffer) - start
    if have < 2:
        return None
    length, header = buffer[start + 1] & 0x7F, 2
    if length == 126:
        if have < 4:
            return None
        length, header = struct.unpack_from("!H", buffer, start + 2)[0], 4
    elif length == 127:
        if have < 10:
            return None
        length, header = struct.unpack_from("!Q", buffer, start + 2)[0], 10
    if have < header + length:
        return None
    return buffer[start] & 0x0F, start + header, start + header + length


def client_frame(opcode: int, payload: bytes) -> bytes:
    """Write a short frame as clients must: masked, here with a mask of zeros."""
    if len(payload) > 125:
        raise ValueError("A control frame carries at most 125 bytes.")
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def text_frame(payload: bytes) -> bytes:
    """Write a text frame of up to 64 KB, masked likewise."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + struct.pack("!H", length)
    return bytes([0x80 | OP_TEXT]) + size + bytes(4) + payload


class EventFrames:
    """Take server-sent events out of a chunked answer; the marks of the chunks stand between them."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Add bytes and return the events that are now complete, as if they were text frames."""
        *events, self._rest = (self._rest + data).split(b"\n\n")
        return [(OP_TEXT, event) for event in events if b"data:" in event]


@dataclass(slots=True)
class Book:
    """Note each arrival: which watcher, which event, when; and what went wrong."""

    mark: re.Pattern[bytes]
    watchers: "array[int]" = field(default_factory=lambda: array("l"))
    events: "array[int]" = field(default_factory=lambda: array("q"))
    times: "array[float]" = field(default_factory=lambda: array("d"))
    frames: int = 0
    frame_bytes: int = 0
    closed: int = 0
    refused: int = 0

    def note(self, watcher: int, payload: bytes, at: float) -> None:
        """Note a frame, and the event that it tells of if it names one."""
        self.frames += 1
        self.frame_bytes += len(payload)
        if found := self.mark.search(payload):
            self.watchers.append(watcher)
            self.events.append(int(found[1]))
            self.times.append(at)

    def clear(self) -> None:
        """Forget what came before the measurement began."""
        del self.watchers[:], self.events[:], self.times[:]
        self.frames = self.frame_bytes = 0


def summary(book: Book, published: Mapping[int, float], watchers: int) -> dict[str, Any]:
    """Say how long each watcher waited for each event, and who never heard of it.

    A watcher that got a later event instead is current, so it is counted as merged and as having waited
    until then; a watcher that got neither has lost it.
    """
    order = sorted(published)
    reached = [0] * watchers  # how many of the events each watcher is past
    waits: list[float] = []
    merged = 0
    for watcher, event, at in zip(book.watchers, book.events, book.times, strict=True):
        index = reached[watcher]
        while index < len(order) and order[index] <= event:
            waits.append(at - published[order[index]])
            merged += order[index] != event
            index += 1
        reached[watcher] = index
    lost = sum(len(order) - index for index in reached)
    return {
        **spread(waits, scale=1000),
        "merged": merged,
        "lost": lost,
        "frames": book.frames,
        "bytes": book.frame_bytes,
        "closed": book.closed,
        "refused": book.refused,
    }


async def until_current(book: Book, last: int, watchers: int, patience: float) -> None:
    """Wait until every watcher has got this event or a later one, as long as patience lasts."""
    until = time.monotonic() + patience
    current: set[int] = set()
    looked = 0
    while time.monotonic() < until:
        newest = len(book.events)
        current.update(book.watchers[i] for i in range(looked, newest) if book.events[i] >= last)
        looked = newest
        if len(current) == watchers:
            return
        await asyncio.sleep(0.05)


class Watcher(asyncio.Protocol):
    """One watching browser, as far as a server can tell."""

    def __init__(self, number: int, greeting: "Greeting", book: Book) -> None:
        self.number = number
        self.upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._greeting = greeting
        self._book = book
        self._frames: Frames | EventFrames = greeting.frames()
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._greeting.request)

    def data_received(self, data: bytes) -> None:
        if not self.upgraded.done():
            data = self._after_head(data)
        if data:
            now = time.monotonic()
            for opcode, payload in self._frames.feed(data):
                self._take(opcode, payload, now)

    def _after_head(self, data: bytes) -> bytes:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            return b""
        if self._greeting.welcome not in head.partition(b"\r\n")[0]:
            self.upgraded.set_exception(ConnectionError(head.partition(b"\r\n")[0].decode("latin-1")))
            if self._transport:
                self._transport.close()
            return b""
        self.upgraded.set_result(None)
        if self._greeting.first and self._transport:
            self._transport.write(self._greeting.first)
        return rest

    def _take(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == OP_PING and self._transport:
            self._transport.write(client_frame(OP_PONG, payload))
        elif opcode < OP_CLOSE:
            self._book.note(self.number, payload, now)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.upgraded.done():
            self._book.closed += self.upgraded.exception() is None
        else:
            self.upgraded.set_exception(ConnectionError("closed during the handshake"))


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a watcher comes in: what it sends, what it must hear, and what it sends after that."""

    request: bytes
    welcome: bytes
    first: bytes
    frames: Callable[[], Frames | EventFrames]


def greeting(order: Mapping[str, Any]) -> Greeting:
    """Write what a watcher sends, for a WebSocket or for server-sent events."""
    hello = order.get("hello", "").encode()
    common = [f"Host: {order['host']}:{order['port']}", f"Origin: {order.get('origin', '')}"]
    if order["transport"] == "events":
        head = [f"POST {order['path']} HTTP/1.1", *common, f"Content-Length: {len(hello)}", "", ""]
        return Greeting("\r\n".join(head).encode() + hello, b" 200 ", b"", EventFrames)
    head = [
        f"GET {order['path']} HTTP/1.1",
        *common,
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "",
        "",
    ]
    return Greeting("\r\n".join(head).encode(), b" 101 ", text_frame(hello) if hello else b"", Frames)


async def connect_all(order: Mapping[str, Any], book: Book) -> list[Watcher]:
    """Open every connection, so many at once that the server's backlog holds."""
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(HANDSHAKES_AT_ONCE)
    how = greeting(order)

    async def one(number: int) -> Watcher:
        async with gate:
            for wait in RETRY_SECONDS:
                with contextlib.suppress(OSError):
                    return await attempt(number)
                book.refused += 1
                await asyncio.sleep(wait)
            return await attempt(number)

    async def attempt(number: int) -> Watcher:
        source = f"127.0.0.{1 + number // WATCHERS_AN_ADDRESS}"
        _, watcher = await loop.create_connection(
            lambda: Watcher(number, how, book),
            order["host"],
            order["port"],
            local_addr=(source, 0) if number >= WATCHERS_AN_ADDRESS else None,
        )
        await watcher.upgraded
        return watcher

    async with asyncio.timeout(SECONDS_TO_CONNECT):
        return list(await asyncio.gather(*(one(number) for number in range(order["watchers"]))))


async def line_in(reader: asyncio.StreamReader) -> dict[str, Any]:
    """Read an order; the end of the input ends the process."""
    line = await reader.readline()
    if not line:
        raise SystemExit(0)
    order: dict[str, Any] = json.loads(line)
    return order


def line_out(**said: Any) -> None:
    """Write one line for the benchmark."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def watch() -> None:
    """Do what the benchmark orders, line by line."""
    reader = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    order = await line_in(reader)
    book = Book(re.compile(order["mark"].encode()))
    began = time.monotonic()
    try:
        watching = await connect_all(order, book)
    except (OSError, TimeoutError) as error:
        line_out(refused=str(error) or f"not all were connected after {SECONDS_TO_CONNECT} s")
        return
    line_out(connected=len(watching), seconds=time.monotonic() - began)
    while True:
        await line_in(reader)
        book.clear()
        line_out(ready=True)
        end = await line_in(reader)
        published = {int(event): at for event, at in end["published"].items()}
        await until_current(book, max(published), len(watching), end["patience"])
        line_out(**summary(book, published, len(watching)))


def main() -> None:
    """Run on the faster loop that the servers use, too."""
    with contextlib.suppress(KeyboardInterrupt):
        import uvloop  # inline: it costs a moment that whoever imports this for its parts need not spend

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(watch())


if __name__ == "__main__":
    main()
