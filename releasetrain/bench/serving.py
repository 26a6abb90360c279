"""Start real server processes on a core of their own, and read what they cost from the kernel."""

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from releasetrain.bench.errors import CannotMeasure
from releasetrain.embedded.children import end, spawn
from releasetrain.processes.programs import read_procfile

HOST = "127.0.0.1"
SECONDS_TO_START = 30
FILES_BESIDE_SOCKETS = 200
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cores:
    """Where the measured server runs, and where everything that puts load on it runs."""

    server: int | None
    load: int | None

    @property
    def sentence(self) -> str:
        if self.server is None:
            return "One core only: server and load shared it, so every latency includes the load's own work."
        return (
            f"The measured server was kept to core {self.server} and the load to core {self.load}, beside "
            "whatever else this machine does."
        )


def cores() -> Cores:
    """Give server and load a core each where there are two."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[0], allowed[-1]) if len(allowed) > 1 else Cores(None, None)


def allow_files(sockets: int) -> None:
    """Raise the limit of open files, which children inherit, to what so many sockets need.

    :raises CannotMeasure: the system allows fewer
    """
    needed = sockets + FILES_BESIDE_SOCKETS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise CannotMeasure(
            f"{sockets:,} watchers need {needed:,} open files in one process; this system allows {hard:,}. "
            f"Raise the hard limit (ulimit -Hn {needed}, as root) or ask for fewer with --watchers."
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def free_ports(count: int) -> list[int]:
    """Find ports that follow each other and that nobody uses.

    :raises CannotMeasure: there are none
    """
    for _ in range(50):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError, OverflowError):
            first = _bound(held, 0)
            return [first, *(_bound(held, first + index) for index in range(1, count))]
    raise CannotMeasure(
        f"No {count} free ports in a row were found on {HOST}. Stop what uses them and try again."
    )


def _bound(held: contextlib.ExitStack, port: int) -> int:
    listener = held.enter_context(socket.socket())
    listener.bind((HOST, port))
    return int(listener.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process had used at one moment: CPU seconds, and bytes of memory that are its own."""

    cpu_seconds: float
    own_bytes: int


class Process:
    """A server or client process that is ended with the benchmark."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self.name = name
        self.log = log
        self.port = port
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_it_answers(self) -> None:
        """Wait for the port to accept.

        :raises CannotMeasure: the process ended or is silent; its last words are in the message
        """
        until = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
                return
            time.sleep(0.02)
        raise CannotMeasure(f"{self.name} did not start. It said last: {self.last_words()}")

    def last_words(self) -> str:
        """Return the last line of its log."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else "nothing."

    def cost(self) -> Cost:
        """Read CPU and memory of the process and all its children."""
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        times = [one.cpu_times() for one in family]
        return Cost(
            cpu_seconds=sum(time.user + time.system for time in times),
            own_bytes=sum(memory_of(one.pid)["own"] for one in family),
        )

    def stop(self) -> None:
        """End the process, with SIGTERM first."""
        end(self._process, (signal.SIGTERM, 8))


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    port: int,
    core: int | None,
    logs: Path,
) -> Iterator[Process]:
    """Run a process that listens on `port` for as long as the block lasts."""
    log = logs / f"{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{port}.log"
    with log.open("wb") as output:
        child = spawn(command, output=output, env=env, cwd=ROOT)
    process = Process(name, child, log, port)
    try:
        if core is not None:
            os.sched_setaffinity(child.pid, {core})  # before it starts threads, which inherit it
        process.wait_until_it_answers()
        yield process
    finally:
        process.stop()


def command_of(program: str, application: str = "", *, procfile: Path = ROOT / "Procfile") -> list[str]:
    """Write a Procfile's own command for a program, or the same one around another ASGI application."""
    command = read_procfile(procfile)[program]
    if application:
        command = re.sub(r"releasetrain\.asgi:\w+", application, command)
    return ["/bin/sh", "-c", f"exec {command}"]


def memory_of(pid: int) -> dict[str, int]:
    """Read the memory of a process in bytes: its fair share of everything, and what is its own alone.

    :raises CannotMeasure: the kernel does not say, or not to this user
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {"share": 0, "own": 0}
    except OSError as error:
        raise CannotMeasure(
            f"The kernel does not show the memory of process {pid} ({error.strerror}). Run as its user or as "
            "root."
        ) from error
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}
    return {
        "share": sizes.get("Pss", 0),
        "own": sizes.get("Private_Clean", 0) + sizes.get("Private_Dirty", 0),
    }
