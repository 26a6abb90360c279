"""Keep processes running: look at each, restart the one that died, and end them all in order."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from releasetrain.embedded.children import kill_group

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
CALM_AFTER = 30.0  # a process that ran this long begins with a short wait again
SECONDS_TO_END = 6.0


class Kept(Protocol):
    """What can be kept running: a program of the house or a private server."""

    name: str

    @property
    def process(self) -> subprocess.Popen[bytes] | None: ...
    def launch(self) -> None: ...
    def tail(self) -> list[str]: ...


@dataclass
class Care:
    """What is known about one kept process."""

    kept: Kept
    began: float = 0.0
    again_at: float | None = None  # when to start it again, if it is down
    deaths: int = 0  # in a row


class Supervisor:
    """Looks after processes from one thread, without a loop of its own."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._cares: list[Care] = []
        self.on_launch: Callable[[], None] = lambda: None

    def take(self, kept: Kept) -> None:
        """Look after something that already runs."""
        self._cares.append(Care(kept, began=self._clock()))
        self.on_launch()

    def launch(self, kept: Kept) -> None:
        """Start something and look after it."""
        kept.launch()
        self.take(kept)

    def pids(self) -> dict[str, int]:
        """Give the pid of everything that runs."""
        return {care.kept.name: care.kept.process.pid for care in self._cares if care.kept.process}

    def look(self) -> None:
        """Notice who died, and start again whose time has come."""
        for care in self._cares:
            if care.again_at is None:
                self._notice_death(care)
            elif self._clock() >= care.again_at:
                self._start_again(care)

    def _notice_death(self, care: Care) -> None:
        process = care.kept.process
        if process is None or process.poll() is None:
            return
        kill_group(process.pid)  # its own children may have been left over
        if self._clock() - care.began > CALM_AFTER:
            care.deaths = 0
        wait = min(FIRST_WAIT * 2**care.deaths, LONGEST_WAIT)
        care.deaths += 1
        care.again_at = self._clock() + wait
        self._say(f"{care.kept.name} {how_it_ended(process.returncode)}; starting it again in {wait:g} s.")
        if process.returncode > 0:  # a signal came from outside and explains itself
            said = care.kept.tail()
            for line in said if care.deaths == 1 else said[-1:]:
                self._say(f"    {line}")

    def _start_again(self, care: Care) -> None:
        care.again_at = None
        care.began = self._clock()
        try:
            care.kept.launch()
        except Exception as error:  # noqa: BLE001 - whatever it is, the rest of the house goes on
            care.deaths += 1
            care.again_at = self._clock() + min(FIRST_WAIT * 2**care.deaths, LONGEST_WAIT)
            self._say(f"{care.kept.name} did not start: {error}")
            return
        self._say(f"{care.kept.name} is back (pid {care.kept.process.pid if care.kept.process else '?'}).")
        self.on_launch()

    def deaths_of(self, name: str) -> int:
        """Tell how often in a row it died."""
        return next((care.deaths for care in self._cares if care.kept.name == name), 0)

    def end(self, chosen: Sequence[Kept], *, hurry: Callable[[], bool]) -> None:
        """Ask these to end together, give them a few seconds, and kill what is left of them."""
        running = [each for each in chosen if each.process and each.process.poll() is None]
        for each in running:
            with contextlib.suppress(ProcessLookupError):
                _process(each).send_signal(signal.SIGTERM)
        until = time.monotonic() + SECONDS_TO_END
        while (
            time.monotonic() < until
            and not hurry()
            and any(_process(each).poll() is None for each in running)
        ):
            time.sleep(0.05)
        for each in running:
            kill_group(_process(each).pid)
            _process(each).wait()
        self._cares = [care for care in self._cares if care.kept not in chosen]


def _process(kept: Kept) -> subprocess.Popen[bytes]:
    if kept.process is None:
        raise LookupError(f"{kept.name} was never started")
    return kept.process


def how_it_ended(code: int) -> str:
    """Put an exit code into words."""
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
