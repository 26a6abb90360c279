"""Keep a steady load of user keys on the storefront, and note which version answered, and when."""

import asyncio
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import takewhile

from releasetrain.bench.http import Connection, connect, request

USERS = 2_000
MOST_CONNECTIONS = 100
WINDOW = 20_000


@dataclass(frozen=True, slots=True)
class Visit:
    """One answer of the storefront."""

    sent_at: float
    done_at: float
    is_new: bool


@dataclass(slots=True)
class Shoppers:
    """Ask at an even rate whatever the answers take; whoever finds no connection free opens one.

    `left_out` counts shoppers who found all connections waiting: then the shop is overloaded, not failing.
    """

    port: int
    rate: int
    visits: deque[Visit] = field(default_factory=lambda: deque(maxlen=WINDOW))
    asked: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    _free: deque[Connection] = field(default_factory=deque)
    _open: int = 0
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def shop(self) -> None:
        """Go on until cancelled."""
        began, number = time.monotonic(), 0
        try:
            while True:
                number += 1
                await asyncio.sleep(max(0.0, began + number / self.rate - time.monotonic()))
                task = asyncio.create_task(self._visit(number % USERS))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
        finally:
            await asyncio.gather(*self._under_way, return_exceptions=True)
            for connection in self._free:
                connection.close()

    def new_after(self, at: float) -> list[Visit]:
        """Return the visits that the new version answered and that were complete after an instant."""
        recent = takewhile(lambda visit: visit.done_at > at, reversed(self.visits))
        return [visit for visit in recent if visit.is_new]

    async def _visit(self, user: int) -> None:
        connection = await self._connection()
        if connection is None:
            self.left_out += 1
            return
        self.asked += 1
        try:
            answer = await connection.ask(request("GET", f"/checkout?user=bench-{user}", self.port))
        except ConnectionError as error:
            self._open -= 1
            self.failures[str(error)] += 1
            return
        self._free.append(connection)
        if answer.status != 200:
            self.failures[f"status {answer.status}"] += 1
        self.visits.append(Visit(answer.sent_at, answer.done_at, answer.headers.get("x-version") == "new"))

    async def _connection(self) -> Connection | None:
        while self._free:
            connection = self._free.pop()
            if not connection.is_lost:
                return connection
            self._open -= 1
        if self._open >= MOST_CONNECTIONS:
            return None
        self._open += 1
        return await connect(self.port)
