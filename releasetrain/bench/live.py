"""Measure the fan-out to thousands of watchers: the hub, the plain tutorial consumer, and Node's `ws`."""

import json
import os
import re
import time
from collections.abc import Callable, Sequence
from functools import partial

from releasetrain.bench.designs import MARK, Design, hub, node, tutorial
from releasetrain.bench.figures import Aim, Column, Number, Result, Row
from releasetrain.bench.house import Surroundings, surroundings
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.serving import allow_files, cores, free_ports, running
from releasetrain.bench.watching import crowd
from releasetrain.bench.worlds.news import NewsWorld, lay_news
from releasetrain.bench.yardsticks.ws_library import find_ws
from releasetrain.lib import clock
from releasetrain.panels import news
from releasetrain.panels.audience import Audience

PATIENCE_SECONDS = 10.0
SETTLE_SECONDS = 1.0
SLOW, FAST = 1, 10  # events a second
HUB = "hub, WebSocket"
COLUMNS = (
    Column("p50", "p50 ms"),
    Column("p99", "p99 ms"),
    Column("max", "max ms"),
    Column("lost", "lost"),
    Column("merged", "merged"),
    Column("cpu_us", "µs CPU/delivery"),
    Column("kb", "KB/watcher"),
    Column("connect_s", "connect s", 1),
)
AIMS = {(1_000, SLOW): 40, (5_000, SLOW): 150, (10_000, SLOW): 300, (5_000, FAST): 120}

Run = tuple[Design, int, int]


def run(options: Options) -> Result:
    """Measure each design at each size at one event a second, and the fast ones at ten."""
    allow_files(max(options.watchers))
    around, where = surroundings(), cores()
    if where.load is not None:
        os.sched_setaffinity(0, {where.load})
    world = lay_news(clock.now())
    message = partial(message_about, sample_message(world))
    designs, absent = _designs(around, world, message)
    runs = [(design, size, SLOW) for size in options.watchers for design in designs]
    runs += [(design, max(options.watchers), FAST) for design in designs if design.is_fast]
    rows = [_row(one, options.seconds, around) for one in runs]
    return Result(
        name="live",
        title="from the commit of an event until each watching socket has it",
        columns=COLUMNS,
        rows=rows,
        aims=_aims(runs, rows),
        notes=[where.sentence, _how(options, len(message(0).encode())), *absent],
    )


def _designs(
    around: Surroundings, world: NewsWorld, message: Callable[[int], str]
) -> tuple[list[Design], list[str]]:
    """Return the designs that can be measured here, and a sentence for each that cannot."""
    designs = [tutorial(around, world, message)]
    library = find_ws()
    if not isinstance(library, str):
        designs.append(node(around, world, message, library))
    designs += [hub(around, world, transport="socket"), hub(around, world, transport="events")]
    return designs, [library] if isinstance(library, str) else [f"Node ran {library.origin}."]


def sample_message(world: NewsWorld) -> str:
    """Return what a watcher is sent when something happens, as the house itself writes it."""
    position, _ = world.happen()
    drawn = news.after({world.topic: Audience.MEMBER}, position - 1, now=clock.now())
    return json.dumps(news.message_of(drawn), separators=(",", ":"), ensure_ascii=False)


def message_about(sample: str, position: int) -> str:
    """Write the same message about another event, for the yardsticks, which draw nothing themselves."""
    return re.sub(MARK, f'"type":"news","position":{position}', sample, count=1)


def _row(one: Run, seconds: float, around: Surroundings) -> Row:
    """Serve a design, let everybody watch, publish at an even rate, and sum up."""
    design, watchers, rate = one
    what = f"{design.what}: {watchers:,} @ {rate}/s"
    say(f"live: {what}")
    where, (port,) = cores(), free_ports(1)
    env = {**design.env, "STREAM_PORT": str(port)}
    with (
        running(
            design.what, design.command(port), env=env, port=port, core=where.server, logs=around.logs
        ) as server,
        crowd(around.env, where.load) as watching,
    ):
        before = server.cost()
        connect_seconds = watching.connect(design.order, port, watchers)
        design.publish()  # the first one finds everything cold
        time.sleep(SETTLE_SECONDS)
        watching.begin()
        begun = server.cost()
        published = publish_evenly(design.publish, count=max(2, round(seconds * rate)), rate=rate)
        found = watching.finish(published, PATIENCE_SECONDS)
        ended = server.cost()
    figures: dict[str, Number] = {
        **{key: found[key] for key in ("p50", "p99", "max", "lost", "merged")},
        "cpu_us": (ended.cpu_seconds - begun.cpu_seconds) / found["frames"] * 1e6
        if found["frames"]
        else None,
        "kb": (ended.own_bytes - before.own_bytes) / watchers / 1024,
        "connect_s": connect_seconds,
    }
    return Row(what, figures, is_yardstick=design.is_yardstick)


def publish_evenly(publish: Callable[[], tuple[int, float]], *, count: int, rate: float) -> dict[int, float]:
    """Publish so many events at an even rate; return when each began, by its position."""
    began = time.monotonic()
    published = {}
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        position, at = publish()
        published[position] = at
    return published


def _aims(runs: Sequence[Run], rows: Sequence[Row]) -> list[Aim]:
    """Compare the hub with what LIVE.md asks of it, as far as these sizes were measured."""
    aims = []
    for (design, watchers, rate), row in zip(runs, rows, strict=True):
        if design.what != HUB:
            continue
        if limit := AIMS.get((watchers, rate)):
            aims.append(Aim(f"p99 of {row.what}", "ms", limit, row.figures["p99"]))
        aims.append(Aim(f"lost by {row.what}", "messages", 0, row.figures["lost"]))
        aims.append(Aim(f"memory of {row.what}", "KB/watcher", 30, row.figures["kb"]))
        if peer := _peer_cpu(runs, rows, watchers, rate):
            own = row.figures["cpu_us"]
            aims.append(Aim(f"CPU of {row.what}", "× Node ws", 1.2, None if own is None else own / peer))
    return aims


def _peer_cpu(runs: Sequence[Run], rows: Sequence[Row], watchers: int, rate: int) -> Number:
    for (design, size, events), row in zip(runs, rows, strict=True):
        if design.what == "Node ws" and (size, events) == (watchers, rate):
            return row.figures["cpu_us"]
    return None


def _how(options: Options, size: int) -> str:
    return (
        f"{options.seconds:g} s a row; each message is {size:,} bytes, drawn by the house (the yardsticks "
        f"get it ready made). “lost”: not there {PATIENCE_SECONDS:g} s after the last event. “merged”: "
        "replaced by a newer one before it was sent, and counted as waiting until that came. Memory is the "
        "server's own (USS) beyond what it had without watchers. Ten events a second are not asked of the "
        "tutorial's consumer."
    )
