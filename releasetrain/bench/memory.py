"""Sum up the memory of the whole running house, process by process, servers and demonstration included."""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Aim, Column, Number, Result, Row
from releasetrain.bench.house import environment
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.serving import HOST, ROOT, memory_of
from releasetrain.embedded import throwaway_folder
from releasetrain.embedded.children import end, spawn
from releasetrain.processes.ports import is_healthy

LIMIT_MB = 800
SECONDS_TO_START = 120
SECONDS_TO_END = 30
LOOK_SECONDS = 1.0
MEGABYTE = 1_000_000
POSTGRESQL = "postgres"
COLUMNS = (
    Column("processes", "processes"),
    Column("share", "MB share", 1),
    Column("own", "MB own", 1),
    Column("most", "MB most", 1),
)


@dataclass(slots=True)
class Account:
    """What one part of the house took, in bytes: now, and at the most."""

    processes: int = 0
    share: int = 0
    own: int = 0
    most: int = 0


def run(options: Options) -> Result:
    """Start the house with its demonstration as a person would, watch it for a while, and sum up.

    :raises CannotMeasure: it does not start
    """
    with throwaway_folder() as folder:
        data = folder / "data"
        with _house(data) as pid:
            say(f"memory: watching for {options.seconds:g} s")
            accounts, most = watch(pid, data, options.seconds)
    return Result(
        name="memory",
        title="the whole house as `up` runs it, with its servers and its demonstration",
        columns=COLUMNS,
        rows=[_row(name, account) for name, account in accounts.items()]
        + [
            Row("all together", {**_sizes(_together(accounts)), "most": most / MEGABYTE}),
            Row("limit", {"share": LIMIT_MB, "most": LIMIT_MB}, is_yardstick=True),
        ],
        aims=[Aim("the whole house at its most", "MB", LIMIT_MB, most / MEGABYTE)],
        notes=[_how(options)],
    )


def _how(options: Options) -> str:
    return (
        "“share” (PSS) counts memory that several processes use once, divided among them, so that it may be "
        "added up; “own” (USS) is what would be free again if the process ended. “most” is the highest share "
        f"in {options.seconds:g} s, one look a second; for all together it is the highest sum. 1 MB is "
        "1,000,000 bytes."
    )


@contextlib.contextmanager
def _house(data: Path) -> Iterator[int]:
    """Run `manage.py up` over a folder of its own, and end it as Ctrl-C does."""
    env = {
        name: value
        for name, value in environment({}, data).items()
        if name not in {"DATABASE_URL", "REDIS_URL", "RELEASETRAIN_SECRET_KEY"}
    }
    log = data.with_name("up.log")
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", env["PORT"]]
    with log.open("wb") as output:
        process = spawn(command, output=output, when_orphaned=signal.SIGINT, env=env, cwd=ROOT)
    try:
        say("memory: starting the house")
        until = time.monotonic() + SECONDS_TO_START
        while not (_is_open(log) and is_healthy(HOST, int(env["PORT"]), HOST)):
            if process.poll() is not None or time.monotonic() > until:
                lines = log.read_text(errors="replace").strip().splitlines() or ["nothing."]
                raise CannotMeasure(f"The house did not start. It said last: {lines[-1]}")
            time.sleep(0.2)
        yield process.pid
    finally:
        end(process, (signal.SIGINT, SECONDS_TO_END))


def _is_open(log: Path) -> bool:
    return "runs at" in log.read_text(errors="replace")


def watch(pid: int, data: Path, seconds: float) -> tuple[dict[str, Account], int]:
    """Look at a process and its descendants once a second; return each part's take and the highest sum."""
    accounts: dict[str, Account] = {}
    highest = 0
    until = time.monotonic() + seconds
    while True:
        names = names_of(data) | {pid: "up"}
        now = look([psutil.Process(pid), *psutil.Process(pid).children(recursive=True)], names)
        highest = max(highest, sum(account.share for account in now.values()))
        for name, account in now.items():
            before = accounts.get(name, Account())
            account.most = max(before.most, account.share)
            accounts[name] = account
        if time.monotonic() >= until:
            return accounts, highest
        time.sleep(min(LOOK_SECONDS, max(0.0, until - time.monotonic())))


def look(processes: Iterable[psutil.Process], names: Mapping[int, str]) -> dict[str, Account]:
    """Add up what the processes of each part take now."""
    accounts: dict[str, Account] = {}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            account = accounts.setdefault(part_of(process, names), Account())
            memory = memory_of(process.pid)
            account.processes += 1
            account.share += memory["share"]
            account.own += memory["own"]
    return accounts


def names_of(data: Path) -> dict[int, str]:
    """Read the name of each program from the record that `up` keeps, by pid."""
    try:
        record: dict[str, tuple[int, float]] = json.loads((data / "processes.json").read_text())
    except (OSError, ValueError):
        return {}
    return {pid: name for name, (pid, _) in record.items()}


def part_of(process: psutil.Process, names: Mapping[int, str]) -> str:
    """Name the part of the house that a process belongs to: its own, or that of whoever started it."""
    for one in [process, *process.parents()]:
        if one.pid in names:
            return names[one.pid]
        if one.name() == POSTGRESQL:
            return "postgresql"  # it is not in the record, because it keeps one of its own
    return process.name()


def _row(name: str, account: Account) -> Row:
    return Row(name, {**_sizes(account), "most": account.most / MEGABYTE})


def _sizes(account: Account) -> dict[str, Number]:
    return {
        "processes": account.processes,
        "share": account.share / MEGABYTE,
        "own": account.own / MEGABYTE,
    }


def _together(accounts: Mapping[str, Account]) -> Account:
    values = accounts.values()
    return Account(
        sum(one.processes for one in values), sum(one.share for one in values), sum(one.own for one in values)
    )
