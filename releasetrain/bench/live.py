"""Measure the fan-out to thousands of watchers: the hub, the plain tutorial consumer, and Node's `ws`."""

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from releasetrain.bench.designs import AUDIENCE, MARK, Design, hub, node, tutorial
from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Aim, Column, Number, Result, Row
from releasetrain.bench.house import Surroundings, surroundings
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.serving import Process, allow_files, cores, free_ports, running
from releasetrain.bench.watching import Crowd, crowd
from releasetrain.bench.worlds.news import NewsWorld, lay_news
from releasetrain.bench.yardsticks.ws_library import find_ws
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.live import parcel
from releasetrain.panels import news, registry
from releasetrain.panels.draw import draw

PATIENCE_SECONDS = 8.0
SLOW, FAST = 1, 10  # events a second
WARM_UPS = 3
HUB, PEER = "hub, WebSocket", "Node ws"
COLUMNS = (
    Column("p50", "p50 ms"),
    Column("p99", "p99 ms"),
    Column("max", "max ms"),
    Column("lost", "lost"),
    Column("merged", "merged"),
    Column("bytes", "bytes"),
    Column("cpu_us", "µs CPU/delivery"),
    Column("kb", "KB/watcher"),
    Column("connect_s", "connect s", 1),
    Column("refused", "refused"),
)
AIMS = {(1_000, SLOW): 40, (5_000, SLOW): 150, (10_000, SLOW): 300, (5_000, FAST): 120}


@dataclass(frozen=True, slots=True)
class Measured:
    """A row with what it was measured of."""

    what: str
    design: Design
    watchers: int
    rate: int
    figures: Mapping[str, Number]


def run(options: Options) -> Result:
    """Measure each design at each size at one event a second, and the fast ones at ten."""
    allow_files(max(options.watchers))
    around, where = surroundings(), cores()
    if where.load is not None:
        os.sched_setaffinity(0, {where.load})
    world = lay_news(clock.now())
    message = partial(message_about, sample_message(world))
    designs, absent = _designs(around, world, message)
    largest = max(options.watchers)
    measured: list[Measured] = []
    for watchers in options.watchers:
        for design in designs:
            rates = (SLOW, FAST) if design.is_fast and watchers == largest else (SLOW,)
            measured += _measure_or_note(design, watchers, rates, options.seconds, around, absent)
    return Result(
        name="live",
        title="from the commit of an event until each watching socket has it",
        columns=COLUMNS,
        rows=[Row(one.what, one.figures, one.design.is_yardstick) for one in measured],
        aims=_aims(measured),
        notes=[where.sentence, _how(options), *absent],
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
    now = clock.now()
    event = Event.objects.select_related("link").get(link__position=position)
    drawn = [draw(need, AUDIENCE, now) for need in registry.needs(world.topic, [event])]
    told = news.News(
        position=position,
        at=now,
        fragments=tuple(one for one in drawn if one is not None),
        happenings=(news.happening(event),),
    )
    return parcel.news(told).text


def message_about(sample: str, position: int) -> str:
    """Write the same message about another event, for the yardsticks, which draw nothing themselves."""
    return re.sub(MARK, f'"type":"news","position":{position}', sample, count=1)


def _measure_or_note(
    design: Design,
    watchers: int,
    rates: Sequence[int],
    seconds: float,
    around: Surroundings,
    notes: list[str],
) -> list[Measured]:
    """Measure a design; a yardstick that breaks has no figures, and a note says how."""
    try:
        return _measure(design, watchers, rates, seconds, around)
    except CannotMeasure as error:
        if not design.is_yardstick:
            raise
        notes.append(f"{design.what} with {watchers:,} watchers: {error}")
        return [Measured(_name(design, watchers, SLOW), design, watchers, SLOW, {})]


def _name(design: Design, watchers: int, rate: int) -> str:
    return f"{design.what}: {watchers:,} @ {rate}/s"


def _measure(
    design: Design, watchers: int, rates: Sequence[int], seconds: float, around: Surroundings
) -> list[Measured]:
    """Serve a design, let everybody watch, and measure at each rate of events."""
    where, (port,) = cores(), free_ports(1)
    say(f"live: {design.what}: {watchers:,} watchers")
    env = {**design.env, "STREAM_PORT": str(port)}
    command = design.command(port)
    with (
        running(design.what, command, env=env, port=port, core=where.server, logs=around.logs) as server,
        crowd(around.env, where.load) as watching,
    ):
        before = server.cost()
        connect_seconds = watching.connect(design.order(), port, watchers)
        _warm_up(watching, design)
        found = []
        for rate in rates:
            figures = _publish_and_watch(server, watching, design, rate, seconds)
            more = {
                "kb": (server.cost().own_bytes - before.own_bytes) / watchers / 1024,
                "connect_s": connect_seconds,
            }
            found.append(Measured(_name(design, watchers, rate), design, watchers, rate, {**figures, **more}))
    return found


def _warm_up(watching: Crowd, design: Design) -> None:
    """Publish until everybody is there and has heard of something."""
    for _ in range(WARM_UPS):
        watching.begin()
        position, at = design.publish()
        if not watching.finish({position: at}, PATIENCE_SECONDS)["lost"]:
            return


def _publish_and_watch(
    server: Process, watching: Crowd, design: Design, rate: int, seconds: float
) -> dict[str, Number]:
    watching.begin()
    begun = server.cost()
    published = publish_evenly(design.publish, count=max(2, round(seconds * rate)), rate=rate)
    found = watching.finish(published, PATIENCE_SECONDS)
    spent = server.cost().cpu_seconds - begun.cpu_seconds
    frames = found["frames"]
    return {
        **{key: found[key] for key in ("p50", "p99", "max", "lost", "merged", "refused")},
        "cpu_us": spent / frames * 1e6 if frames else None,
        "bytes": found["bytes"] / frames if frames else None,
    }


def publish_evenly(publish: Callable[[], tuple[int, float]], *, count: int, rate: float) -> dict[int, float]:
    """Publish so many events at an even rate; return when each began, by its position."""
    began = time.monotonic()
    published = {}
    for number in range(count):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        position, at = publish()
        published[position] = at
    return published


def _aims(measured: Sequence[Measured]) -> list[Aim]:
    """Compare the hub with what LIVE.md asks of it, as far as these sizes were measured."""
    aims = []
    for one in measured:
        if one.design.what != HUB:
            continue
        if limit := AIMS.get((one.watchers, one.rate)):
            aims.append(Aim(f"p99 of {one.what}", "ms", limit, one.figures["p99"]))
        aims.append(Aim(f"lost by {one.what}", "messages", 0, one.figures["lost"]))
        aims.append(Aim(f"memory of {one.what}", "KB/watcher", 30, one.figures["kb"]))
        if peer := _peer_cpu(measured, one):
            own = one.figures["cpu_us"]
            aims.append(Aim(f"CPU of {one.what}", "× Node ws", 1.2, None if own is None else own / peer))
    return aims


def _peer_cpu(measured: Sequence[Measured], one: Measured) -> Number:
    for other in measured:
        if other.design.what == PEER and (other.watchers, other.rate) == (one.watchers, one.rate):
            return other.figures.get("cpu_us")
    return None


def _how(options: Options) -> str:
    return (
        f"{options.seconds:g} s a row, after everybody was current once. Each message tells of one change to "
        "one row of the board; the house draws it, the yardsticks get it ready made. “lost”: not there "
        f"{PATIENCE_SECONDS:g} s after the last event. “merged”: replaced by a newer one before it was sent, "
        "and counted as waiting until that came. Memory is the server's own (USS) beyond what it had with "
        "nobody watching. “refused” handshakes were tried again. Ten events a second are not asked of the "
        "tutorial's consumer."
    )
