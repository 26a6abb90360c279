"""Measure how many points a second one web process takes in while people read its pages."""

import asyncio
import json
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import uvloop

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Aim, Column, Number, Result, Row, percentile, spread
from releasetrain.bench.house import surroundings
from releasetrain.bench.http import Connection, connect, once, request
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.serving import Process, command_of, cores, running
from releasetrain.bench.worlds.services import METRICS, ServicesWorld, lay_services
from releasetrain.health.actions import take_readings
from releasetrain.health.rules.reports import Counted, Report
from releasetrain.lib import clock
from releasetrain.lib.spans import Span

POINTS = 2 * len(METRICS)
POINTS_A_SECOND = 5_000
PAGES_A_SECOND = 5
BATCHES_A_SECOND = 20
LINES = 20
KINDS = ("KeyError: 'tax'", "Timeout after 3 s", "ValueError: no price", "ConnectionError: cart is away")
PAGE = "/trains/"
MOST_CONNECTIONS = 60
WARM_UP_SECONDS = 1.0
LIMIT_MS = 50
TIMES_SLOWER = 3
COLUMNS = (
    Column("rate", "points/s"),
    Column("asked", "requests/s", 1),
    Column("p50", "p50 ms", 1),
    Column("p99", "p99 ms", 1),
    Column("max", "max ms", 1),
    Column("failed", "failed"),
)


@dataclass(slots=True)
class Stream:
    """Requests that are sent at an even rate, whatever the answers take."""

    port: int
    rate: float
    requests: Callable[[int], bytes]
    waits: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0
    _free: list[Connection] = field(default_factory=list)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_CONNECTIONS))

    async def flow(self, seconds: float, first: int = 0) -> None:
        """Send for so many seconds, and wait for what is under way."""
        began, under_way = time.monotonic(), set[asyncio.Task[None]]()
        for number in range(int(seconds * self.rate)):
            await asyncio.sleep(max(0.0, began + number / self.rate - time.monotonic()))
            under_way.add(asyncio.create_task(self._ask(self.requests(first + number), time.monotonic())))
        await asyncio.gather(*under_way)
        self.seconds = time.monotonic() - began
        for connection in self._free:
            connection.close()
        self._free = []

    async def _ask(self, raw: bytes, due_at: float) -> None:
        """Ask over a free connection; waiting for one counts, as a client would feel it."""
        async with self._room:
            await self._ask_over(self._free.pop() if self._free else await connect(self.port), raw, due_at)

    async def _ask_over(self, connection: Connection, raw: bytes, due_at: float) -> None:
        try:
            answer = await connection.ask(raw)
        except ConnectionError:
            self.failed += 1
            return
        self.waits.append(answer.done_at - due_at)
        self.failed += answer.status != 200
        self._free.append(connection)


def run(options: Options) -> Result:
    """Read pages alone, then while reports come, and put the same points straight into the table."""
    around, where, now = surroundings(), cores(), clock.now()
    rate = POINTS_A_SECOND * options.scale
    world = lay_services(max(1, round(rate / POINTS)), now)
    command = command_of("web", "")
    with running(
        "The web process", command, env=around.env, port=around.web_port, core=where.server, logs=around.logs
    ) as server:
        if where.load is not None:
            os.sched_setaffinity(0, {where.load})
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            seen = runner.run(_measure(server, world, now, rate, options.seconds))
    straight = _straight(world, now, options.seconds)
    rows = [
        _row(f"reports of {POINTS} points, pages beside", seen.reports, POINTS),
        _row("pages while reports come", seen.beside, 0),
        _row(f"batches of {LINES} error lines", seen.batches, 0),
        _row("pages alone", seen.alone, 0, is_yardstick=True),
        Row(f"reports of {POINTS} points without HTTP, one after the other", straight, is_yardstick=True),
    ]
    slower = percentile(seen.beside.waits, 0.99) / percentile(seen.alone.waits, 0.99)
    failed = seen.reports.failed + seen.beside.failed + seen.batches.failed
    return Result(
        name="ingest",
        title=f"metric points taken in by one web process, {rate:,.0f} a second offered",
        columns=COLUMNS,
        rows=rows,
        aims=[
            Aim("points taken in", "points/s", 0.98 * rate, rows[0].figures["rate"], is_floor=True),
            Aim("report, p99", "ms", LIMIT_MS, rows[0].figures["p99"]),
            Aim("page, p99 beside reports", "× alone", TIMES_SLOWER, round(slower, 2)),
            Aim("requests that failed", "", 0, failed),
        ],
        notes=[
            where.sentence,
            f"The web process used {seen.cost:.0%} of its core while reports and pages came.",
            f"It used {seen.cost_of_batches:.0%} for {BATCHES_A_SECOND * LINES} error lines a second.",
        ],
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured, and which share of its core the web process used for it."""

    alone: Stream
    reports: Stream
    beside: Stream
    cost: float
    batches: Stream
    cost_of_batches: float


async def _measure(server: Process, world: ServicesWorld, now: datetime, rate: float, seconds: float) -> Seen:
    page = request("GET", PAGE, server.port, headers=world.person.headers)
    report, batch = _reports(world, now, server.port), _batches(world, now, server.port)
    for raw in (page, report(0), batch(0)):
        answer = await once(server.port, raw)
        if answer.status != 200:
            raise CannotMeasure(f"The web process answers {answer.status}: {answer.body[:200]!r}")
    say("ingest: pages alone")
    alone = Stream(server.port, PAGES_A_SECOND, lambda _: page)
    await alone.flow(max(seconds, 1 / PAGES_A_SECOND))
    say("ingest: warming up")
    a_second = rate / POINTS
    warm = Stream(server.port, a_second, report)
    await warm.flow(min(WARM_UP_SECONDS, seconds), first=1)
    say("ingest: pages and reports")
    reports, beside = (
        Stream(server.port, a_second, report),
        Stream(server.port, PAGES_A_SECOND, lambda _: page),
    )
    cost = await _cost(
        server,
        reports.flow(max(seconds, 1 / a_second), first=1 + int(WARM_UP_SECONDS * a_second) + 1),
        beside.flow(max(seconds, 1 / PAGES_A_SECOND)),
    )
    say("ingest: error lines")
    batches = Stream(server.port, BATCHES_A_SECOND, batch)
    cost_of_batches = await _cost(server, batches.flow(max(seconds, 1 / BATCHES_A_SECOND), first=1))
    return Seen(alone, reports, beside, cost, batches, cost_of_batches)


async def _cost(server: Process, *flows: Awaitable[None]) -> float:
    """Return which share of a core the server uses while something flows."""
    used, began = server.cost().cpu_seconds, time.monotonic()
    await asyncio.gather(*flows)
    return (server.cost().cpu_seconds - used) / (time.monotonic() - began)


def _reports(world: ServicesWorld, now: datetime, port: int) -> Callable[[int], bytes]:
    """Write the report with a number: of the services in turn, each the next second."""
    readings = [
        {"arm": arm, "metric": metric, "units": 1000, "bad": 1}
        for metric in METRICS
        for arm in ("candidate", "baseline")
    ]
    headers = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
    begins = now - timedelta(hours=6)

    def report(number: int) -> bytes:
        span = _span(begins, number // len(world.services))
        body = {
            "service": world.services[number % len(world.services)].service.slug,
            "environment": world.environment,
            "starts_at": span.start.isoformat(),
            "ends_at": span.end.isoformat(),
            "readings": readings,
        }
        return request("POST", "/api/v1/metrics", port, body=json.dumps(body).encode(), headers=headers)

    return report


def _batches(world: ServicesWorld, now: datetime, port: int) -> Callable[[int], bytes]:
    """Write the batch of error lines with a number: of the services in turn, the same kinds every time."""
    headers = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}

    def batch(number: int) -> bytes:
        body = {
            "service": world.services[number % len(world.services)].service.slug,
            "environment": world.environment,
            "arm": "candidate",
            "batch": str(uuid.uuid4()),
            "errors": [
                {"message": f"{KINDS[line % len(KINDS)]} of order {number}", "at": now.isoformat()}
                for line in range(LINES)
            ],
        }
        return request("POST", "/api/v1/errors", port, body=json.dumps(body).encode(), headers=headers)

    return batch


def _span(begins: datetime, second: int) -> Span:
    return Span(begins + timedelta(seconds=second), begins + timedelta(seconds=second + 1))


def _straight(world: ServicesWorld, now: datetime, seconds: float) -> dict[str, Number]:
    """Take reports in without a server between, in this process."""
    readings = [Counted(arm, metric, 1000, 1) for metric in METRICS for arm in ("candidate", "baseline")]
    begins, waits, until = now - timedelta(hours=12), list[float](), time.monotonic() + seconds
    began, number = time.monotonic(), 0
    while time.monotonic() < until or not waits:
        target = world.services[number % len(world.services)]
        asked_at = time.monotonic()
        report = Report("", _span(begins, number // len(world.services)), readings, [])
        take_readings(target=target, report=report, now=now)
        waits.append(time.monotonic() - asked_at)
        number += 1
    taken = time.monotonic() - began
    return {
        "rate": number * POINTS / taken,
        "asked": number / taken,
        **spread(waits, scale=1000),
        "failed": 0,
    }


def _row(what: str, stream: Stream, points: int, *, is_yardstick: bool = False) -> Row:
    asked = len(stream.waits) / stream.seconds
    figures = {"rate": asked * points if points else None, "asked": asked, "failed": stream.failed}
    return Row(what, {**figures, **spread(stream.waits, scale=1000)}, is_yardstick=is_yardstick)
