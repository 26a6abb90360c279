"""Measure a rollback from the pressed button to the new version's last answer at the storefront."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

from django.db import connections as database_connections

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Aim, Column, Number, Result, Row, percentile, spread
from releasetrain.bench.house import Surroundings, surroundings
from releasetrain.bench.http import Connection, connections, request
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.serving import ROOT, command_of, running
from releasetrain.bench.shoppers import MOST_CONNECTIONS, Shoppers
from releasetrain.bench.worlds.shop import HALF, ShopWorld, lay_shop
from releasetrain.lib import clock
from releasetrain.rollouts.models import Rollout

DEMO_PROCFILE = ROOT / "releasetrain" / "demo" / "Procfile"
EXPOSED_SECONDS = 0.2
SILENT_SECONDS = 0.4
PATIENCE_SECONDS = 10.0
COLUMNS = (
    Column("count", "rollbacks"),
    Column("p50", "p50 ms", 1),
    Column("p99", "p99 ms", 1),
    Column("max", "max ms", 1),
    Column("answer_p50", "call p50 ms", 1),
    Column("answer_p99", "call p99 ms", 1),
    Column("sent_after", "sent after call"),
)


T = TypeVar("T")


class Aside(Protocol):
    """Call something in the database's thread."""

    def __call__(self, function: Callable[..., T], *given: Any) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class Taking:
    """One time back: until the last new answer, until the call returned, and what was still sent after it."""

    last_new_seconds: float
    call_seconds: float
    sent_after: int


def run(options: Options) -> Result:
    """Send half of the users to the new version and bring them back: by button, and by a bare flag write."""
    around = surroundings()
    world = lay_shop(clock.now())
    with (
        running(
            "The web process",
            command_of("web"),
            env=around.env,
            port=around.web_port,
            core=None,
            logs=around.logs,
        ),
        running(
            "The storefront",
            command_of("storefront", procfile=DEMO_PROCFILE),
            env=around.env,
            port=around.storefront_port,
            core=None,
            logs=around.logs,
        ),
    ):
        buttons, writes, shoppers = asyncio.run(_measure(around, world, options))
    rows = [
        Row("button: page, engine, driver, flag", _figures(buttons)),
        Row("bare flag write, no page, no engine", _figures(writes), is_yardstick=True),
    ]
    return Result(
        name="rollback",
        title="from pressing “roll back” at 50 % until the new version's last answer at the storefront",
        columns=COLUMNS,
        rows=rows,
        aims=_aims(rows[0], shoppers),
        notes=[_how(options, shoppers)],
    )


async def _measure(
    around: Surroundings, world: ShopWorld, options: Options
) -> tuple[list[Taking], list[Taking], Shoppers]:
    shoppers = Shoppers(around.storefront_port, options.rate)
    buttons: list[Taking] = []
    writes: list[Taking] = []
    async with _shopping(shoppers), connections(around.web_port, 1) as (browser,), _thread() as aside:
        for number in range(options.rollbacks + 1):  # number 0 only warms up
            if number % 10 == 0:
                say(f"rollback: {number} of {options.rollbacks}" if number else "rollback: warming up")
            button = await _by_button(shoppers, world, browser, around.web_port, number, aside)
            write = await _by_write(shoppers, world, aside)
            if number:
                buttons.append(button)
                writes.append(write)
    return buttons, writes, shoppers


@contextlib.asynccontextmanager
async def _shopping(shoppers: Shoppers) -> AsyncIterator[None]:
    task = asyncio.create_task(shoppers.shop())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def _thread() -> AsyncIterator[Aside]:
    """Run what touches the database in one thread, and close its connection at the end."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="bench-database") as pool:

        async def aside(function: Callable[..., T], *given: Any) -> T:
            return await loop.run_in_executor(pool, function, *given)

        try:
            yield aside
        finally:
            await aside(database_connections.close_all)


async def _by_button(
    shoppers: Shoppers, world: ShopWorld, browser: Connection, port: int, number: int, aside: Aside
) -> Taking:
    """Send a rollout out and press its button, as a signed-in person's browser does."""
    rollout = await aside(world.send_out, number)

    async def press() -> None:
        answer = await browser.ask(_button(world, rollout, port))
        if answer.status != 200:
            raise CannotMeasure(f"The button was answered with {answer.status}: {answer.body[:200]!r}")

    return await _bring_back(shoppers, press, then=lambda: aside(world.settle, rollout))


async def _by_write(shoppers: Shoppers, world: ShopWorld, aside: Aside) -> Taking:
    await aside(world.set_flag, HALF)
    return await _bring_back(shoppers, lambda: aside(world.set_flag, 0))


def _button(world: ShopWorld, rollout: Rollout, port: int) -> bytes:
    form = {"command_id": uuid.uuid4(), "expected_seq": rollout.seq, "reason": "measured"}
    path = f"/rollouts/{rollout.pk}/rollback/"
    return request("POST", path, port, body=urlencode(form).encode(), headers=world.person.headers)


async def _bring_back(
    shoppers: Shoppers, call: Callable[[], Awaitable[None]], then: Callable[[], Awaitable[None]] | None = None
) -> Taking:
    """Wait until the new version answers, call, and see when it answered last; `then` goes on meanwhile."""
    await _until_new(shoppers)
    began = time.monotonic()
    await call()
    returned = time.monotonic()
    await asyncio.gather(_until_old(shoppers, returned), *([then()] if then else []))
    late = shoppers.new_after(began)
    return Taking(
        last_new_seconds=max((visit.done_at - began for visit in late), default=0.0),
        call_seconds=returned - began,
        sent_after=sum(visit.sent_at > returned for visit in late),
    )


async def _until_new(shoppers: Shoppers) -> None:
    """Let the new version serve its share for a moment.

    :raises CannotMeasure: nobody gets it
    """
    since, until = time.monotonic(), time.monotonic() + PATIENCE_SECONDS
    while not shoppers.new_after(since):
        if time.monotonic() > until:
            raise CannotMeasure(f"At {HALF} % nobody gets the new version at the storefront.")
        await asyncio.sleep(0.01)
    await asyncio.sleep(EXPOSED_SECONDS)


async def _until_old(shoppers: Shoppers, since: float) -> None:
    """Wait until the new version has been silent for a while.

    :raises CannotMeasure: it never is
    """
    until = since + PATIENCE_SECONDS
    while (now := time.monotonic()) < until:
        last = max((visit.done_at for visit in shoppers.new_after(since)), default=since)
        if now - last >= SILENT_SECONDS:
            return
        await asyncio.sleep(0.02)
    raise CannotMeasure(
        f"{PATIENCE_SECONDS:g} s after the rollback the storefront still serves the new version."
    )


def _figures(takings: Sequence[Taking]) -> dict[str, Number]:
    calls = [taking.call_seconds for taking in takings]
    return {
        "count": len(takings),
        **spread([taking.last_new_seconds for taking in takings], scale=1000),
        "answer_p50": percentile(calls, 0.5) * 1000,
        "answer_p99": percentile(calls, 0.99) * 1000,
        "sent_after": sum(taking.sent_after for taking in takings),
    }


def _aims(row: Row, shoppers: Shoppers) -> list[Aim]:
    return [
        Aim("p50 to the last new answer", "ms", 100, row.figures["p50"]),
        Aim("p99 to the last new answer", "ms", 250, row.figures["p99"]),
        Aim("max to the last new answer", "ms", 1000, row.figures["max"]),
        Aim("requests that still got the new version, sent after the call", "", 0, row.figures["sent_after"]),
        Aim(f"failed of {shoppers.asked:,} requests", "", 0, shoppers.failures.total()),
    ]


def _trouble(shoppers: Shoppers) -> str:
    """Say what went wrong besides, or nothing."""
    parts = [f"{count:,} × {what}" for what, count in shoppers.failures.most_common(3)]
    if shoppers.left_out:
        parts.append(f"{shoppers.left_out:,} were not sent, because {MOST_CONNECTIONS} others still waited")
    return f"{', '.join(parts)}. " if parts else ""


def _how(options: Options, shoppers: Shoppers) -> str:
    return (
        f"{options.rate} requests a second throughout ({shoppers.asked:,} in all), no retries. "
        f"{_trouble(shoppers)}Button and bare write in turn. Each rollout stands in its first stage at 50 %, "
        f"which the storefront has served for {EXPOSED_SECONDS:g} s. Web and storefront are the Procfiles' "
        "own processes, the database commits durably, and everything shares the machine's cores."
    )
