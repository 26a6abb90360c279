"""Measure flag evaluation over OFREP beside a bare ASGI callable and a bare Django view."""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import uvloop

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Column, Number, Result, Row, percentile
from releasetrain.bench.house import Surroundings, surroundings
from releasetrain.bench.http import once, request
from releasetrain.bench.load import CONNECTIONS, Round, load
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.serving import Process, command_of, cores, free_ports, running
from releasetrain.bench.worlds.flags import FLAGS, lay_flags
from releasetrain.lib import clock

BULK = "/ofrep/v1/evaluate/flags"
SINGLE = f"{BULK}/{FLAGS[0]}"
ROUNDS = 3
USER = "user-%09d"  # always as long, so that only these bytes of a request change
WARM_UP_SECONDS = 0.3
YARDSTICKS = {
    "bare ASGI callable": "releasetrain.bench.yardsticks.bare_asgi:application",
    "bare Django async view": "releasetrain.bench.yardsticks.django_view:application",
}
COLUMNS = (
    Column("rate", "requests/s"),
    Column("p50_ms", "p50 ms", 2),
    Column("p99_ms", "p99 ms", 2),
    Column("cpu_us", "server µs CPU", 0),
    Column("of_django", "× Django view", 1),
    Column("of_asgi", "× bare ASGI", 2),
)


@dataclass(slots=True)
class Case:
    """One kind of request at one server, and what its rounds came to."""

    what: str
    kind: str
    server: Process
    requests: Callable[[int], bytes]
    expected: int = 200
    rounds: list[Round] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def rate(self) -> float:
        return percentile([one.rate for one in self.rounds], 0.5)


def run(options: Options) -> Result:
    """Measure every case in turn, several times round, so that a busy moment does not fall on one of them."""
    around = surroundings()
    where = cores()
    world = lay_flags(clock.now())
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(_servers(around))
        if where.load is not None:
            os.sched_setaffinity(0, {where.load})
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            cases = runner.run(_measure(servers, world.token, options.seconds))
    return Result(
        name="ofrep",
        title="flag evaluations over OFREP, requests a second",
        columns=COLUMNS,
        rows=[_row(case, cases) for case in cases],
        notes=[where.sentence, _how(options)],
    )


@contextlib.contextmanager
def _servers(around: Surroundings) -> Iterator[dict[str, Process]]:
    """Start the house's web process and both yardsticks on the same core; only one is loaded at a time."""
    core = cores().server
    with contextlib.ExitStack() as stack:

        def start(name: str, application: str, env: Mapping[str, str], port: int) -> Process:
            return stack.enter_context(
                running(name, command_of("web", application), env=env, port=port, core=core, logs=around.logs)
            )

        house = {**around.env, "RELEASETRAIN_OFREP_RATE": "0"}
        servers = {"house": start("The web process", "", house, around.web_port)}
        for name, application in YARDSTICKS.items():
            (port,) = free_ports(1)
            settings = "releasetrain.bench.yardsticks.settings"
            env = {**around.env, "PORT": str(port), "DJANGO_SETTINGS_MODULE": settings}
            servers[name] = start(name, application, env, port)
        yield servers


async def _measure(servers: Mapping[str, Process], token: str, seconds: float) -> list[Case]:
    cases = [case for name, server in servers.items() for case in await _cases(name, server, token)]
    for number in range(ROUNDS + 1):  # round 0 only warms up
        say(f"ofrep: round {number} of {ROUNDS}" if number else "ofrep: warming up")
        for case in cases:
            measured = await load(
                case.server,
                case.requests,
                case.expected,
                case.numbers,
                seconds / ROUNDS if number else min(WARM_UP_SECONDS, seconds),
            )
            case.rounds += [measured] if number else []
    return cases


async def _cases(name: str, server: Process, token: str) -> list[Case]:
    """Write the requests for one server; the yardsticks get the same."""

    def asking(path: str, **headers: str) -> Callable[[int], bytes]:
        body = json.dumps({"context": {"targetingKey": USER % 0}}).encode()
        fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        raw = request("POST", path, server.port, body=body, headers=fields)
        before, _, after = raw.partition((USER % 0).encode())
        return lambda user: before + (USER % user).encode() + after

    single, bulk = asking(SINGLE), asking(BULK)
    if name != "house":
        return [
            Case(f"single: {name}", "single", server, single),
            Case(f"bulk of 50: {name}", "bulk", server, bulk),
        ]
    etag = await _checked_etag(server, single(0), bulk(0))
    known = asking(BULK, **{"If-None-Match": etag})
    return [
        Case("single, new user", "single", server, single),
        Case("bulk of 50, new user", "bulk", server, bulk),
        Case("bulk of 50, same user", "bulk", server, lambda _: bulk(0)),
        Case("bulk of 50, 304", "bulk", server, lambda _: known(0), expected=304),
    ]


async def _checked_etag(server: Process, single: bytes, bulk: bytes) -> str:
    """Look once whether the house answers what it should, and return the ETag.

    :raises CannotMeasure: it does not; figures of wrong answers are worth nothing
    """
    one, many = await once(server.port, single), await once(server.port, bulk)
    if (one.status, many.status) != (200, 200):
        raise CannotMeasure(f"The web process answers {one.status} and {many.status}: {one.body[:200]!r}")
    keys = [flag["key"] for flag in json.loads(many.body)["flags"]]
    if json.loads(one.body)["key"] != FLAGS[0] or keys != list(FLAGS):
        raise CannotMeasure(f"The web process evaluates other flags than the benchmark laid: {keys[:3]} …")
    return many.headers["etag"]


def _how(options: Options) -> str:
    return (
        f"{CONNECTIONS} kept connections, each asking again as soon as it has its answer; {ROUNDS} rounds "
        f"of {options.seconds / ROUNDS:.1f} s a row, the rows in turn; the middle round counts. All servers "
        f"run the Procfile's own uvicorn command. “new user” asks for another user each time; "
        "the house checks the token and evaluates, the yardsticks answer the same to everybody. "
        "unleash-server, the peer that the design names, is not measured here."
    )


def _row(case: Case, cases: Sequence[Case]) -> Row:
    waits = [wait for one in case.rounds for wait in one.waits]
    figures: dict[str, Number] = {
        "rate": case.rate,
        "p50_ms": percentile(waits, 0.5) * 1000,
        "p99_ms": percentile(waits, 0.99) * 1000,
        "cpu_us": percentile([one.cpu_microseconds for one in case.rounds], 0.5),
        **{
            key: case.rate / other.rate
            for key, name in (("of_asgi", "bare ASGI callable"), ("of_django", "bare Django async view"))
            for other in cases
            if other.kind == case.kind and other.server.name == name
        },
    }
    return Row(case.what, figures, is_yardstick=case.server.name in YARDSTICKS)
