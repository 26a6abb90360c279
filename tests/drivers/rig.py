"""What the conformance suite and the bench need to know of a driver's world: start it, ask it, spoil it.

A rig is one file in `rigs/`, named by the driver's kind, with one class `TheRig`. It runs the real thing.
"""

import contextlib
import http.client
import importlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.base import Driver
from tests.drivers.echo import Echo

# Systems give their clients ports from 32768 on.
SERVERS_PORTS = (15_000, 32_000)
PATIENCE = 30
USER_HEADER = "x-user-id"
OLD, NEW = "v1", "v2"
FENCES = itertools.count(1000)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a user got; status 0 is no whole answer at all."""

    version: str
    status: int

    @property
    def is_failed(self) -> bool:
        return self.status == 0 or self.status >= 500


class Client:
    """One user agent with a connection that is kept alive, used by one thread."""

    def __init__(self, address: str, seconds: float = 10) -> None:
        host, _, port = address.rpartition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=seconds)

    def ask(self, user: str, path: str = "/") -> Answer:
        """Ask once and never again: nothing is retried here."""
        try:
            self.connection.request("GET", path, headers={USER_HEADER: user} if user else {})
            answer = self.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return Answer("", 0)
        return Answer(answer.headers.get("x-version", ""), answer.status)

    def close(self) -> None:
        self.connection.close()


class Stream:
    """An answer that does not end, as an open WebSocket or a long download."""

    def __init__(self, address: str, user: str) -> None:
        host, _, port = address.rpartition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        self.connection.request("GET", "/stream", headers={USER_HEADER: user})
        self.answer = self.connection.getresponse()
        self.version = self.answer.headers.get("x-version", "")

    def is_open(self) -> bool:
        """Tell whether another byte comes."""
        try:
            return bool(self.answer.read(1))
        except (OSError, http.client.HTTPException):
            return False

    def close(self) -> None:
        self.connection.close()


class Rig:
    """A driver's world: two servers with versions, and whatever moves users between them.

    `lacks` says for each method that makes no sense here why not; what needs it is skipped with that reason.
    `is_in_database` is for what lives in rows: its tests commit.
    """

    kind: ClassVar[str]
    lacks: ClassVar[dict[str, str]] = {}
    is_in_database: ClassVar[bool] = False
    # Where each call is a process of its own, only these of the seven kill points are tried; () is all.
    kill_points: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.target: Target
        self.old: Echo
        self.new: Echo

    @classmethod
    def why_not_here(cls) -> str:
        """Say why it cannot run on this machine, "" where it can."""
        return ""

    @property
    def driver(self) -> Driver:
        return driver_for(self.kind)

    @property
    def address(self) -> str:
        """Return host:port where users ask."""
        raise NotImplementedError

    def start(self) -> None:
        """Run the servers, and whatever stands before them, until it takes requests."""
        self.old, self.new = Echo(OLD), Echo(NEW)

    def stop(self) -> None:
        """End everything that was started."""
        self.old.stop()
        self.new.stop()

    def config(self) -> dict[str, Any]:
        """Return the driver's configuration; asked anew for each test."""
        raise NotImplementedError

    def client(self) -> Any:
        """Return a user agent for one thread, with `ask(user, path)` and `close()`."""
        return Client(self.address)

    def ask(self, user: str, path: str = "/") -> Answer:
        client = self.client()
        try:
            answer: Answer = client.ask(user, path)
            return answer
        finally:
            client.close()

    def open_stream(self, user: str) -> Stream:
        return Stream(self.address, user)

    def restart(self) -> None:
        """End what moves traffic the hard way, and start it again as it was first started."""
        raise NotImplementedError

    def freeze(self) -> None:
        """Stop it, so that it takes what is sent and answers nothing until it is thawed."""
        raise NotImplementedError

    def thaw(self) -> None:
        raise NotImplementedError

    def break_link(self) -> None:
        """Make it impossible to reach for the driver."""
        raise NotImplementedError

    def mend_link(self) -> None:
        raise NotImplementedError

    def drift(self, weight: int) -> None:
        """Set another weight by hand, past the driver."""
        raise NotImplementedError

    def forget(self) -> None:
        """Forget who asked what so far, where that is kept: what a test does by hand nobody intended."""

    def kill_candidate(self) -> None:
        self.new.stop()

    def revive_candidate(self) -> None:
        """Run the new version again where it ran."""
        self.new.stop()
        self.new = Echo(NEW, port=self.new.server_address[1])


class ProxyRig(Rig):
    """A proxy that is one process: it can be killed, stopped and started again."""

    process: subprocess.Popen[bytes] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix=f"rig-{self.kind}-"))
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def argv(self) -> list[str]:
        """Return the command that runs the proxy in the foreground."""
        raise NotImplementedError

    def write_files(self) -> None:
        """Write the proxy's own configuration into `folder`; the servers run already."""

    def start(self) -> None:
        super().start()
        self.write_files()
        self.launch()

    def stop(self) -> None:
        self.end()
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def launch(self) -> None:
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(self.argv(), stdout=said, stderr=said, start_new_session=True)
        until(self.is_ready, f"{self.kind} does not come up", self.said)

    def is_ready(self) -> bool:
        """Tell whether it takes requests."""
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def said(self) -> str:
        return (self.folder / "said").read_text(errors="replace")[-2000:]

    def end(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        self.end()
        self.launch()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def break_link(self) -> None:
        self.end()

    def mend_link(self) -> None:
        self.launch()

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, number)


def rig_of(kind: str) -> type[Rig] | None:
    """Return the rig of a driver, None where there is none yet."""
    name = f"tests.drivers.rigs.{kind}"
    if importlib.util.find_spec(name) is None:
        return None
    found: type[Rig] = importlib.import_module(name).TheRig
    return found


def free_port() -> int:
    """Find a port that nobody has, and that the system gives to no client while its server starts anew."""
    while True:
        port = random.randrange(*SERVERS_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def until(true: Callable[[], object], what: str, said: Callable[[], str] = str) -> None:
    """Wait for something to become true, however slow the machine is."""
    limit = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < limit, f"{what}. {said()}"
        time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a crowd: who, sent when (monotonic), and what came back."""

    user: str
    sent_at: float
    answer: Answer
    answered_at: float


class Crowd:
    """Users who ask without a pause over connections that are kept alive, until the block ends."""

    def __init__(self, rig: Rig, agents: int = 4, users: int = 200) -> None:
        self.rig, self.users = rig, users
        self.asked: list[Asked] = []
        self._going = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(agents)]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        until(lambda: self.asked, "nobody was answered")
        return self

    def __exit__(self, *_: object) -> None:
        self._going.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def more(self, count: int) -> None:
        """Wait until so many more requests have been answered."""
        wanted = len(self.asked) + count
        until(lambda: len(self.asked) >= wanted, "the crowd stands still")

    def _ask(self, first: int) -> None:
        client = self.rig.client()
        for number in itertools.count(first, len(self._threads)):
            if self._going.is_set():
                break
            user, sent_at = f"user-{number % self.users}", time.monotonic()
            self.asked.append(Asked(user, sent_at, client.ask(user), time.monotonic()))
        client.close()


def census(rig: Rig, users: int) -> list[str]:
    """Ask for each of so many users once, and return the versions they got in their order."""
    found = [""] * users
    failed: list[Answer] = []

    def ask(first: int) -> None:
        client = rig.client()
        for number in range(first, users, 4):
            answer = client.ask(f"user-{number}")
            found[number] = answer.version
            if answer.is_failed:
                failed.append(answer)
        client.close()

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[:3]
    return found
