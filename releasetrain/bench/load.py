"""Put closed-loop load on a server: each connection asks again as soon as it has its answer."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.http import Connection, connections
from releasetrain.bench.serving import Process

CONNECTIONS = 16


@dataclass(slots=True)
class Round:
    """What one span of load came to."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    waits: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.waits) / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        return self.cpu_seconds / len(self.waits) * 1e6


async def load(
    server: Process, requests: Callable[[int], bytes], expected: int, numbers: Iterator[int], seconds: float
) -> Round:
    """Ask for `seconds` what `requests` writes for each next number, and expect the same status every time.

    :raises CannotMeasure: another status came, or none
    """
    measured = Round()
    async with connections(server.port, CONNECTIONS) as opened:
        cost, began = server.cost(), time.monotonic()
        until = began + seconds

        async def ask_on(connection: Connection) -> None:
            while time.monotonic() < until:
                answer = await connection.ask(requests(next(numbers)))
                if answer.status != expected:
                    raise CannotMeasure(
                        f"{server.name} answered {answer.status} instead of {expected}: {answer.body[:200]!r}"
                    )
                measured.waits.append(answer.seconds)

        try:
            await asyncio.gather(*(ask_on(connection) for connection in opened))
        except ConnectionError as error:
            raise CannotMeasure(f"{server.name} broke off under load: {error}") from error
        measured.seconds = time.monotonic() - began
        measured.cpu_seconds = server.cost().cpu_seconds - cost.cpu_seconds
    return measured
