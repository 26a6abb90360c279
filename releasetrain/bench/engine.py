"""Measure what a tick costs beside how many rollouts there are, and how late the ticks of many are."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import psutil
from django.db import connection
from django.db.models import F

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Aim, Column, Number, Result, Row, percentile, spread
from releasetrain.bench.house import Surroundings, surroundings
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.serving import ROOT, command_of
from releasetrain.bench.worlds.many import credited_at, lay_many, make_due, report
from releasetrain.embedded.children import end, spawn
from releasetrain.lib import clock
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.snapshot import INTERVAL_SECONDS
from releasetrain.rollouts.tasks import step_due

SIZES = (100, 1_000, 10_000)
TICKED = 400
WARM_UP = 20
LAG_SECONDS, FLAT = 5.0, 1.3
LOOK_SECONDS = 1.0
# The first rounds start workers and spread what was due at once.
ROUNDS, ROUNDS_LEFT_OUT = 4, 2
UPDATE = "one conditional update, as any tick needs"
HOW = (
    "Each rollout bakes for a day, has a guardrail and both arms reported every ten seconds, and is due as "
    "often. The workers are the Procfile’s own, with one beat; lag is how much later than ten seconds "
    "after the last one a tick came."
)
COLUMNS = (
    Column("count", "ticks"),
    Column("cpu", "CPU ms a tick", 2),
    Column("python", "of it ours", 2),
    Column("database", "PostgreSQL’s", 2),
    Column("of_yardstick", "× yardstick", 1),
    Column("p50", "lag p50 ms"),
    Column("p99", "lag p99 ms"),
    Column("max", "most ms"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one tick: this process, and the backend that serves it."""

    ticks: int
    python: float
    database: float

    @property
    def cpu(self) -> float:
        return self.python + self.database


def run(options: Options) -> Result:
    """Tick the same number among more and more rollouts, then let the workers carry all of them."""
    around = surroundings()
    sizes = [max(5, round(size * options.scale)) for size in SIZES]
    costs: dict[int, Cost] = {}
    update: Cost | None = None
    for size in sizes:
        say(f"engine: {size:,} active rollouts")
        lay_many(size)
        _cost_of(WARM_UP)
        costs[size] = _cost_of(min(TICKED, size))
        update = update or _cost_of_update(min(TICKED, size))
    if update is None:
        raise CannotMeasure("There is no size to measure at.")
    lags = _lags(around, sizes[-1], ROUNDS if options.scale == 1 else ROUNDS_LEFT_OUT + 1)
    rows = [Row(f"{size:,} active", _figures(cost, update)) for size, cost in costs.items()]
    rows.append(Row(UPDATE, _figures(update, update), is_yardstick=True))
    rows.append(Row(f"{sizes[-1]:,} active, two workers", {"count": len(lags), **spread(lags, scale=1000)}))
    return Result(
        name="engine",
        title="what a tick costs, and how late it is, while many rollouts bake",
        columns=COLUMNS,
        rows=rows,
        aims=[
            Aim(
                f"CPU of a tick among {sizes[-1]:,}, in those among {sizes[0]:,}",
                "×",
                FLAT,
                costs[sizes[-1]].cpu / costs[sizes[0]].cpu,
            ),
            Aim("lag p99", "s", LAG_SECONDS, percentile(lags, 0.99) if lags else None),
        ],
        notes=[HOW],
    )


def _figures(cost: Cost, update: Cost) -> Mapping[str, Number]:
    return {
        "count": cost.ticks,
        "cpu": cost.cpu * 1000,
        "python": cost.python * 1000,
        "database": cost.database * 1000,
        "of_yardstick": cost.cpu / update.cpu if update.cpu else None,
    }


def _cost_of(ticks: int) -> Cost:
    make_due(ticks, clock.now())
    return _measured(ticks, step_due)


def _cost_of_update(rows: int) -> Cost:
    pks = list(Rollout.objects.values_list("pk", flat=True)[:rows])

    def update() -> None:
        for pk in pks:
            Rollout.objects.filter(pk=pk, fence=F("fence")).update(failures=0)

    return _measured(rows, update)


def _measured(count: int, do: Callable[[], object]) -> Cost:
    """Tell what doing something so many times costs this process and its backend."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    began, theirs = time.process_time(), _used(backend)
    do()
    ours, database = time.process_time() - began, _used(backend) - theirs
    return Cost(count, ours / count, database / count)


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _lags(around: Surroundings, size: int, rounds: int) -> list[float]:
    """Let real workers tick everything for some rounds; seconds beyond the interval, per tick."""
    make_due(size, clock.now(), within=INTERVAL_SECONDS)
    seen: dict[int, datetime | None] = {}
    lags: list[float] = []
    begins = time.monotonic() + ROUNDS_LEFT_OUT * INTERVAL_SECONDS
    ends = time.monotonic() + rounds * INTERVAL_SECONDS
    with _reported(), _workers(around):
        while (now := time.monotonic()) < ends:
            known = credited_at()
            if now >= begins:
                lags += _new_lags(seen, known)
            seen = known
            time.sleep(LOOK_SECONDS)
    return lags


def _new_lags(before: Mapping[int, datetime | None], after: Mapping[int, datetime | None]) -> list[float]:
    return [
        max(0.0, (at - last).total_seconds() - INTERVAL_SECONDS)
        for pk, at in after.items()
        if at is not None and (last := before.get(pk)) is not None and at != last
    ]


@contextlib.contextmanager
def carried(around: Surroundings) -> Iterator[None]:
    """Let real workers carry all rollouts, and let their services report, meanwhile."""
    with _reported(), _workers(around):
        yield


@contextlib.contextmanager
def _workers(around: Surroundings) -> Iterator[None]:
    """Run the Procfile's worker and beat."""
    processes = []
    try:
        for name in ("worker", "beat"):
            with (around.logs / f"{name}.log").open("wb") as output:
                processes.append(
                    spawn(command_of(name), output=output, env=dict(around.env) | {"WORKERS": "2"}, cwd=ROOT)
                )
        yield
    finally:
        for process in processes:
            end(process, (signal.SIGTERM, 10))


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """Report every ten seconds what every service counted, as they do themselves."""
    ended = threading.Event()

    def go_on() -> None:
        try:
            while not ended.wait(INTERVAL_SECONDS):
                report(clock.now())
        finally:
            connection.close()

    thread = threading.Thread(target=go_on, name="bench reports")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
