"""Start child processes that do not outlive this one, and end them again with patience that has a limit."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

PR_SET_PDEATHSIG = 1
SERVERS = {"postgres", "valkey-server"}
SECONDS_FOR_LEFTOVERS = 5

# Bound before any fork: between fork and exec nothing may be imported or looked up.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """The system account that a child runs as when we ourselves are root."""

    name: str
    uid: int
    gid: int


def spawn(
    argv: Sequence[str],
    *,
    output: IO[bytes] | int,
    when_orphaned: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in its own session that is sent `when_orphaned` if this process dies (Linux).

    Call it from the main thread: the kernel ties the child to the thread that made it.
    """
    return subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=None if env is None else dict(env),
        cwd=cwd,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=_tie_to(os.getpid(), when_orphaned),
    )


def _tie_to(parent: int, when_orphaned: signal.Signals) -> Callable[[], None]:
    def in_the_child() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the parent may hold signals back while it spawns
        if _prctl is None:
            return
        # After the change of user, which would clear it again.
        _prctl(PR_SET_PDEATHSIG, int(when_orphaned), 0, 0, 0)
        if os.getppid() != parent:  # it died before we were tied to it
            os.kill(os.getpid(), signal.SIGKILL)

    return in_the_child


def end(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn, waiting that many seconds, and finish with SIGKILL to the whole group."""
    for sign, seconds in steps:
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    kill_group(process.pid)
    process.wait()


def end_leftovers_over(folder: Path) -> None:
    """End servers that a killed run left behind: those whose command line names this folder.

    The caller holds the lock of that folder, so no living run of ours can own such a process.
    """
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        left = list(_servers_over(folder))
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.send_signal(sign)
        psutil.wait_procs(left, timeout=SECONDS_FOR_LEFTOVERS)
        if not left:
            return


def _servers_over(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] not in SERVERS:
            continue
        with contextlib.suppress(psutil.Error):
            if str(folder) in " ".join(process.info["cmdline"] or ()) or process.cwd().startswith(
                str(folder)
            ):
                yield process


def kill_group(pid: int) -> None:
    """Kill what is left of the process group that `spawn` opened for this pid."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
