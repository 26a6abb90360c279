"""Speak HTTP/1.1 over kept connections with so little work that the server is what is measured."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import httptools

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.serving import HOST

PATIENCE_SECONDS = 30


@dataclass(slots=True)
class Answer:
    """One answer, with the monotonic times between which it was asked for and complete."""

    sent_at: float
    done_at: float = 0.0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def seconds(self) -> float:
        return self.done_at - self.sent_at


class Connection(asyncio.Protocol):
    """One kept connection that has at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._answer = Answer(0.0)
        self._parser = httptools.HttpResponseParser(self)
        self.is_lost = False

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its whole answer.

        :raises ConnectionError: the server closed instead of answering
        """
        if self._transport is None or self.is_lost:
            raise ConnectionError("The connection is closed.")
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Answer(time.monotonic())
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.is_lost = False

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(
                ConnectionError("The server closed the connection without an answer.")
            )

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._answer.body += body

    def on_message_complete(self) -> None:
        self._answer.done_at = time.monotonic()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._answer)


def request(
    method: str, path: str, port: int, *, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """Write a request out as bytes, to be sent many times."""
    fields = {"Host": f"{HOST}:{port}", **(headers or {})}
    if body or method == "POST":
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


async def connect(port: int) -> Connection:
    """Open one connection.

    :raises CannotMeasure: nobody listens
    """
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(Connection, HOST, port)
    except OSError as error:
        raise CannotMeasure(f"Nothing answers at {HOST}:{port}: {error.strerror}.") from error
    return connection


@contextlib.asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Keep so many connections open for as long as the block lasts."""
    opened = [await connect(port) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()
        await asyncio.sleep(0)


async def once(port: int, raw: bytes) -> Answer:
    """Ask one thing over a connection of its own."""
    async with connections(port, 1) as (connection,):
        try:
            return await asyncio.wait_for(connection.ask(raw), PATIENCE_SECONDS)
        except (ConnectionError, TimeoutError) as error:
            raise CannotMeasure(
                f"The server at port {port} did not answer: {error or 'no time left'}."
            ) from error
