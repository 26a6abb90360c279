"""Start commands under a key, once each, and find them again from any process of the house.

A run is a folder below `DATA_DIR/commands/<target>/`: `run.json` says what was asked, the supervisor keeps
`output.log` and `outcome.json` there. A target has one run at a time; its lock is a file, so that it needs
neither the database nor Redis.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from django.conf import settings

from releasetrain.rollouts.drivers.command.orders import Ended, Order, environment_of

SUPERVISOR = Path(__file__).with_name("supervisor.py")
KEPT = 20
POLL_SECONDS = 0.01
STOP_SECONDS = 1.0
START_SECONDS = 10.0
# What a foreground run may take beyond its own time to bury what it left.
SLACK_SECONDS = 0.3


class Busy(Exception):
    """Somebody else decides about this target right now, and did not end within the deadline."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: arguments, where, for how long, and the secret that it is handed by file or stdin."""

    argv: Sequence[str]
    seconds: float
    folder: str = ""
    secret: str = ""
    secret_by: str = "file"  # noqa: S105 - how it comes, not what it is
    grace: float = 2.0


@dataclass(frozen=True, slots=True)
class Run:
    """A command that was started under a key, running or over."""

    folder: Path
    order: Order
    started_at: float

    def ended(self) -> Ended | None:
        """Return how it ended, None while it runs."""
        if (found := self._outcome()) is not None:
            return found
        if self._is_alive():
            return None
        # It may have ended between the two looks.
        return self._outcome() or Ended("lost")

    def wait(self, until: float) -> Ended | None:
        """Wait for its end up to an instant of the monotonic clock."""
        while (ended := self.ended()) is None and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        return ended

    def stop(self) -> Ended | None:
        """End it and all of its processes; None where it cannot be ended."""
        (self.folder / "stop").touch()
        if (ended := self.wait(time.monotonic() + STOP_SECONDS)) is not None:
            return ended
        with contextlib.suppress(OSError, ValueError):
            # The command dies with its supervisor, whose lock tells that its number is still its own.
            os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
        return self.wait(time.monotonic() + STOP_SECONDS)

    def output(self) -> str:
        """Return what it has printed so far, without its secret and without the middle of very much."""
        try:
            return (self.folder / "output.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _outcome(self) -> Ended | None:
        try:
            found = json.loads((self.folder / "outcome.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return _ended(found)

    def _is_alive(self) -> bool:
        try:
            with (self.folder / "alive").open() as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


def _ended(found: dict[str, Any]) -> Ended:
    return Ended(**{one.name: found[one.name] for one in fields(Ended) if one.name in found})


def home_of(target_id: int) -> Path:
    """Return the folder of a target's runs, made where there is none."""
    home: Path = settings.DATA_DIR / "commands" / str(target_id)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


@contextlib.contextmanager
def only_one(home: Path, until: float) -> Iterator[None]:
    """Let one process at a time decide about a target.

    :raises Busy: somebody else does until the deadline
    """
    with (home / "lock").open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise Busy from None
                time.sleep(POLL_SECONDS)
        yield


def runs_of(home: Path) -> list[Run]:
    """Return the runs of a target that are kept, the newest first."""
    found = [_read(entry) for entry in sorted(home.iterdir(), reverse=True) if entry.is_dir()]
    return [run for run in found if run is not None]


def find(home: Path, key: str) -> Run | None:
    """Return the run of a key."""
    return next((run for run in runs_of(home) if run.order.key == key), None)


def start(home: Path, order: Order, program: Program) -> Run:
    """Start a command in the background; it outlives whoever started it.

    :raises OSError: its folder cannot be written, or its supervisor does not start
    """
    _forget_old(home)
    folder = home / f"{order.fence:020d}-{hashlib.sha256(order.key.encode()).hexdigest()[:16]}"
    folder.mkdir(mode=0o700)
    started_at = time.time()
    _write(folder / "run.json", {"order": asdict(order), "started_at": started_at})
    spec = _spec(folder, order, program, background=True)
    ended = subprocess.run(
        _supervisor(),
        input=json.dumps(spec).encode(),
        capture_output=True,
        timeout=START_SECONDS,
        check=False,
    )
    if ended.returncode:
        raise OSError(f"its supervisor does not start: {ended.stderr.decode(errors='replace')[-200:]}")
    return Run(folder, order, started_at)


def ask(home: Path, order: Order, program: Program) -> Ended:
    """Run a command and wait for its end, which is at its deadline at the latest; nothing of it is kept.

    :raises OSError: its folder cannot be written
    """
    folder = home / f".ask-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o700)
    spec = json.dumps(_spec(folder, order, program, background=False)).encode()
    try:
        answer = subprocess.run(
            _supervisor(),
            input=spec,
            capture_output=True,
            timeout=program.seconds + SLACK_SECONDS,
            check=False,
        )
        return _ended(json.loads(answer.stdout))
    except subprocess.TimeoutExpired:
        return Ended("timeout")
    except ValueError:
        return Ended("lost")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _supervisor() -> list[str]:
    # Alone and without any site packages: it is up within some hundredths of a second.
    return [sys.executable, "-I", "-S", str(SUPERVISOR)]


def _spec(folder: Path, order: Order, program: Program, *, background: bool) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "argv": list(program.argv),
        "env": environment_of(order, str(folder)),
        "cwd": program.folder or str(folder),
        "seconds": program.seconds,
        "grace": program.grace if background else 0.0,
        "secret": program.secret,
        "secret_by": program.secret_by,
        "masked": [program.secret, *program.secret.splitlines()],
        "background": background,
    }


def _read(folder: Path) -> Run | None:
    try:
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return Run(folder, Order(**found["order"]), found["started_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, value: dict[str, Any]) -> None:
    half = path.with_suffix(".half")
    with half.open("w", encoding="utf-8") as stream:
        json.dump(value, stream)
        stream.flush()
        os.fsync(stream.fileno())
    half.replace(path)


def _forget_old(home: Path) -> None:
    for run in runs_of(home)[KEPT:]:
        if run.ended() is not None:
            shutil.rmtree(run.folder, ignore_errors=True)
